/* Inside of transform stockwell on the CPU: what is planned, shared by planning and applying.
 *
 * The spectrum of a trace is held as far as voices reach: bins 0 ... n_bins - 1, those above N / 2 by conjugation.
 * Voices are taken in groups, one voice a lane. In one of three ways:
 *
 * phases   full sampling where N = P L, L has a transform: times v, v + P, v + 2 P, ... come from a transform of L
 *          points of the spectrum times exp(2 pi i k v / N). One pass over the traces for each group and v, so that
 *          the rows in flight are short; with smoothing one pass for each group.
 * singly   full sampling of other lengths: voice by voice, a transform of N points by FFTW, in double precision: where
 *          N has large prime factors, single precision leaves too few digits to weak coefficients beside strong ones.
 * reduced  each group at its own times.
 */
#ifndef SEISPROC_KERNELS_TF_CPU_STOCKWELL_H
#define SEISPROC_KERNELS_TF_CPU_STOCKWELL_H

#include <fftw3.h>

#include "kernels/tf/cpu.h"

typedef enum stockwell_way { STOCKWELL_PHASES, STOCKWELL_SINGLY, STOCKWELL_REDUCED } stockwell_way;

typedef struct voice_group {
  sp_tf_voices voices;
  uint32_t first, count;
  sp_tf_smoothing smoothing;
  uint32_t transform; /* position in ffts */
} voice_group;

struct sp_tf_stockwell {
  const sp_tf_kernels *kernels;
  stockwell_way way;
  uint32_t n_samples;
  sp_tf_band band; /* voices that are changed */
  sp_tf_rule rule;
  sp_tf_layout layout;
  uint32_t n_bins;     /* padded */
  uint32_t sum_length; /* of a row of sums, padded: doubles, of times; or pairs of floats, of bins, where reduced */
  uint32_t n_groups, n_ffts;
  voice_group *groups; /* of singly: one, for its smoothing */
  sp_tf_fft *ffts;
  uint32_t n_phases;
  float *cosine, *sine;    /* [n_phases][n_bins] */
  float *inverse;          /* [n_samples / 2 + 1] of the sum of all windows, with factors of transforms */
  float *rest;             /* [n_samples / 2 + 1], part of the windows that is not in the band, over n_samples */
  float *tables;           /* holds windows, counts, cosine, sine, inverse and what smoothing needs */
  fftw_plan exact_forward; /* real, of n_samples */
  fftwf_plan backward;
  fftw_plan voice;            /* complex, of n_samples: singly */
  size_t exact_row, exact_at; /* doubles of a row; three rows */
  size_t spectra_at, levels_at, sums_at, modulated_at, buffers_at, window_at, time_at, re_at, im_at, stream_at;
  size_t work_floats;
};

#endif
