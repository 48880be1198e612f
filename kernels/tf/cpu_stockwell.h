/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside of transform stockwell on the CPU: what is planned, shared by planning and applying.
 *
 * The spectrum of a trace is held as far as voices reach: bins 0 ... n_bins - 1, those above N / 2 by conjugation.
 * Voices are taken in groups, one voice a lane. With N = P L, times v, v + P, v + 2 P, ... of a voice come from a
 * transform of L points of the spectrum times exp(2 pi i k v / N), and go back to it likewise. Full sampling: one pass
 * over the traces for each group and v, so that the rows in flight are short; with smoothing one pass for each group.
 * Reduced sampling: each group at its own times, P = 1.
 */
#ifndef SEISPROC_KERNELS_TF_CPU_STOCKWELL_H
#define SEISPROC_KERNELS_TF_CPU_STOCKWELL_H

#include <fftw3.h>

#include "kernels/tf/cpu.h"

typedef struct voice_group {
  sp_tf_voices voices;
  uint32_t first, count;
  sp_tf_smoothing smoothing;
  uint32_t transform; /* position in ffts */
} voice_group;

struct sp_tf_stockwell {
  const sp_tf_kernels *kernels;
  bool reduced;
  uint32_t n_samples, length; /* of a trace; N: with the zeros that follow it */
  sp_tf_band band;            /* voices that are changed */
  sp_tf_rule rule;
  sp_tf_layout layout;
  uint32_t n_bins; /* padded */
  uint32_t n_groups, n_ffts;
  voice_group *groups;
  sp_tf_fft *ffts;
  uint32_t n_phases;
  float *cosine, *sine;       /* [n_phases][n_bins] */
  float *inverse, *rest;      /* [N / 2 + 1] of sp_tf_stockwell_inverse; rest over N */
  float *tables;              /* holds windows, counts, cosine, sine, inverse and what smoothing needs */
  fftw_plan exact_forward;    /* real, of N */
  fftwf_plan backward;        /* of N */
  size_t exact_row, exact_at; /* doubles of a row; three rows */
  size_t spectra_at, levels_at, sums_at, modulated_at, buffers_at, time_at, re_at, im_at, stream_at;
  size_t work_floats;
};

#endif
