/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside of the processor tf on the CPU.
 *
 * Each transform takes a trace to rows of coefficients, of three kinds: the magnitudes, and the real and the imaginary
 * part of the coefficients divided by their magnitude, their phasors. The traces of a block stream through a ring of
 * such rows, just long enough for the aperture. The shrink kernel thresholds the coefficients of a strip of traces and
 * multiplies their phasors by what the inverse transform is to make of them. A transform may take several passes over
 * the traces of a block, each for some of the frequencies or times.
 *
 * Everything here but workspaces is read-only once planned. Rows are padded; padding holds numbers of no meaning.
 */
#ifndef SEISPROC_KERNELS_TF_CPU_H
#define SEISPROC_KERNELS_TF_CPU_H

#include "kernels/tf/tf.h"

/* Rows are padded to a multiple of this, the widest vector. */
enum { SP_TF_PAD = 16 };

static inline size_t sp_tf_padded(size_t n) {
  return (n + SP_TF_PAD - 1) / SP_TF_PAD * SP_TF_PAD;
}

/* --- thresholding ----------------------------------------------------------------------------------------------- */

/* Magnitudes of one coefficient in `count` traces from `first` on, in double precision from the samples. */
typedef void sp_tf_exact(const void *context, size_t coefficient, uint32_t first, uint32_t count, double *magnitudes);

/* How the gain of coefficients is averaged in time. Time runs along coefficients i, i + stride, ... of a run;
 * runs follow each other. */
typedef struct sp_tf_smoothing {
  size_t half;          /* coefficients before and after; 0: no averaging */
  size_t run, stride;   /* floats of a run, a multiple of stride; stride is 1 or a multiple of the widest vector */
  const float *inverse; /* [run, padded] of the number of coefficients that an average is over, clipped at both ends */
} sp_tf_smoothing;

/* Traces to threshold. Rows are indexed by trace - base; the ends of the gather clip the aperture. */
typedef struct sp_tf_strip {
  const sp_tf_rule *rule;
  const sp_tf_smoothing *smoothing;
  uint32_t n_traces, half_aperture;
  uint32_t first, count, base;
  size_t coefficients;
  const bool
      *resynthesise; /* [count], multiply phasors by the new magnitude; else by its difference from the old one */
  float *const *mag, *const *re, *const *im;
  float *const *gain, *const *median; /* [count], work for smoothing */
  float *line;                        /* work for smoothing: run + 2 half stride, and SP_TF_PAD */
  sp_tf_exact *exact;
  const void *context; /* of exact */
} sp_tf_strip;

/* What float cannot decide: where a small error would make a large difference, it is left to this. */
typedef struct sp_tf_decision {
  float gain; /* before smoothing */
  bool weak;
} sp_tf_decision;

sp_tf_decision sp_tf_decide(const sp_tf_strip *strip, uint32_t trace, size_t coefficient);

/* --- adding a change, or building anew ----------------------------------------------------------------------- */

/* How strong a trace is. */
typedef struct sp_tf_level {
  float energy, peak; /* sums and largest of squares */
} sp_tf_level;

/* Whether it is not stationary (decision.h), beside the n traces of its aperture. */
bool sp_tf_is_resynthesised(sp_tf_level trace, uint32_t n_samples, const sp_tf_level *aperture, uint32_t n);

/* --- the kernels, one table an instruction set --------------------------------------------------------------- */

typedef struct sp_tf_stft sp_tf_stft;

/* A transform of n points, for as many sequences at once as a vector has lanes: x[j] = sum of X[k] exp(2 pi i j k / n).
 * In each pass the input is `groups` x `stride` apart, the output `stride`. */
typedef struct sp_tf_fft_pass {
  uint32_t radix, groups, stride;
  const float *twiddles; /* [groups][radix - 1] of real and imaginary part */
} sp_tf_fft_pass;

enum { SP_TF_MAX_PASSES = 16 };

typedef struct sp_tf_fft {
  uint32_t n, n_passes;
  sp_tf_fft_pass pass[SP_TF_MAX_PASSES];
  float *twiddles;
} sp_tf_fft;

/* Whether there is a transform of n points. */
bool sp_tf_fft_has(uint32_t n);
sp_status sp_tf_fft_plan(uint32_t n, sp_tf_fft *fft);
void sp_tf_fft_destroy(sp_tf_fft *fft);

/* Voices of the S-transform, as many as a vector has lanes. */
typedef struct sp_tf_voices {
  const sp_tf_fft *fft; /* its length is the number of times */
  uint32_t n_bins;      /* of the spectrum, from 0, on which the voices are not zero */
  const float *windows; /* [n_bins][lanes] */
  /* [lanes][synthesis_row], of the same: windows times 2 for voices that stand for their conjugate too, times 1, or
   * zeros where there is no voice; over the number of times. */
  float *synthesis;
  size_t synthesis_row;
} sp_tf_voices;

/* Floats of the buffers of voices of n times: two of a transform, and rows of bins. */
static inline size_t sp_tf_voices_buffers(size_t n, size_t lanes) {
  return (4 * n + 2 * sp_tf_padded(n + lanes)) * lanes;
}

typedef struct sp_tf_kernels {
  size_t lanes;
  void (*shrink)(const sp_tf_strip *strip);
  /* Copies n samples. *mean is their mean where it dominates them, else 0: without it the rest keeps its digits. */
  sp_tf_level (*copy)(float *to, const float *x, size_t n, float *mean);
  /* The trace at work + trace_at to its coefficients, for frames of 64 samples. `next` is wanted in the cache. */
  void (*stft64_analyse)(const sp_tf_stft *stft, float *work, const float *next, float *mag, float *re, float *im);
  /* Coefficients to the overlapped sum of their frames, at work + sums_at. `next` will be written to. */
  void (*stft64_synthesise)(const sp_tf_stft *stft, float *work, float *next, float *re, float *im);
  /* out = norm * sums, or in + norm * sums where `in` is not NULL, of n samples. */
  void (*normalise)(size_t n, const float *norm, const float *sums, const float *in, float *out);
  /* The spectrum times exp(i phase): n bins. */
  void (*modulate)(size_t n, const float *re, const float *im, const float *cosine, const float *sine, float *out_re,
                   float *out_im);
  /* A spectrum to the coefficients of voices, [time][lane], times `step` floats apart. `buffers`: sp_tf_voices_buffers.
   */
  void (*voices_analyse)(const sp_tf_voices *voices, float *buffers, const float *spectrum_re, const float *spectrum_im,
                         size_t step, float *mag, float *re, float *im);
  /* Adds the spectrum, n_bins bins, of the sum of the voices under their windows. Their coefficients are as above; the
   * spectrum is turned by exp(-i phase). */
  void (*voices_synthesise)(const sp_tf_voices *voices, float *buffers, const float *re, const float *im, size_t step,
                            const float *cosine, const float *sine, float *sum_re, float *sum_im);
  /* Real and imaginary parts of n coefficients (padded) to magnitudes and phasors. */
  void (*polar)(size_t n, float *mag, float *re, float *im);
} sp_tf_kernels;

extern const sp_tf_kernels sp_tf_kernels_portable, sp_tf_kernels_avx2, sp_tf_kernels_avx512;

/* --- streaming ----------------------------------------------------------------------------------------------- */

enum { SP_TF_MAX_STRIP = 16 };

/* What a stream needs memory for: the most of any of its passes. */
typedef struct sp_tf_layout {
  size_t coefficients;
  uint32_t half_aperture;
  uint32_t strip;        /* traces that are thresholded at a time, at most SP_TF_MAX_STRIP */
  size_t smoothing_line; /* run + 2 half stride; 0: no smoothing */
} sp_tf_layout;

typedef struct sp_tf_pass {
  const sp_tf_kernels *kernels;
  const sp_tf_rule *rule;
  const sp_tf_smoothing *smoothing;
  size_t coefficients;
  uint32_t n_samples;
  bool may_resynthesise; /* else all traces have their change added */
  /* A trace of the block or of its surroundings to its coefficients: magnitudes and phasors .
   * Returns its level. */
  sp_tf_level (*analyse)(void *context, uint32_t trace, float *mag, float *re, float *im);
  /* Takes the thresholded phasors of a trace of the block, of the new coefficients or of their change. */
  void (*synthesise)(void *context, uint32_t trace, bool resynthesise, float *re, float *im);
  sp_tf_exact *exact;
  void *context;
} sp_tf_pass;

/* Floats of memory that sp_tf_stream needs. */
size_t sp_tf_stream_floats(const sp_tf_layout *layout);

/* Thresholds the traces first ... first + count - 1 of a gather of n_traces. */
void sp_tf_stream(const sp_tf_layout *layout, const sp_tf_pass *pass, const sp_block *block, uint32_t half_aperture,
                  float *memory);

/* Sets how gains are averaged over `coefficients` coefficients of time, of which a run has `times`, `stride` floats
 * apart; `inverse` takes times * stride floats. */
void sp_tf_set_smoothing(sp_tf_smoothing *smoothing, double coefficients, size_t times, size_t stride, float *inverse);

/* Memory of a thread, laid out while planning: takes `floats` more of it and returns where. */
size_t sp_tf_reserve(size_t *end, size_t floats);

/* --- stft ---------------------------------------------------------------------------------------------------- */

enum { SP_TF_OWN_WINDOW = 64 }; /* frames of this length have their own transform */

struct sp_tf_stft {
  const sp_tf_kernels *kernels;
  uint32_t n_samples, window, hop, frames;
  bool own;
  sp_tf_band band;     /* bins that are changed */
  size_t coefficients; /* [bin of the band][frame] */
  sp_tf_rule rule;
  sp_tf_smoothing smoothing;
  sp_tf_layout layout;
  float *tables;            /* holds the next six */
  float *analysis;          /* [window] */
  float *synthesis;         /* [window], with the factors of the inverse transform */
  float *norm;              /* [n_samples], inverse of the overlapped squares of the window */
  float *smoothing_inverse; /* [frames] */
  float *ones_re, *ones_im; /* [coefficients], of a trace of ones */
  /* Own transform: the trace, padded, is n_rows segments of `hop` samples; columns are those segments transposed;
   * frames lie transposed too, room for segments before the first of them. */
  size_t n_rows, column_stride, frame_stride;
  size_t *place; /* [window], of sample i of the first frame in the columns */
  struct fftwf_plan_s *forward, *backward;
  /* places in the work of a thread */
  size_t trace_at, columns_at, frames_at, sums_at, bins_at, imaginary_at, stream_at;
  size_t work_floats; /* a thread; zeros at first */
};

sp_status sp_tf_stft_plan(const sp_tf_params *params, const sp_geometry *geometry, const sp_tf_kernels *kernels,
                          sp_tf_stft **out);
void sp_tf_stft_apply(const sp_tf_stft *stft, float *work, const sp_block *block, uint32_t half_aperture);
void sp_tf_stft_destroy(sp_tf_stft *stft);

/* --- stockwell ----------------------------------------------------------------------------------------------- */

typedef struct sp_tf_stockwell sp_tf_stockwell;

sp_status sp_tf_stockwell_plan(const sp_tf_params *params, const sp_geometry *geometry, const sp_tf_kernels *kernels,
                               sp_tf_stockwell **out);
/* Floats of work of a thread; zeros at first. */
size_t sp_tf_stockwell_work(const sp_tf_stockwell *stockwell);
void sp_tf_stockwell_apply(const sp_tf_stockwell *stockwell, float *work, const sp_block *block,
                           uint32_t half_aperture);
void sp_tf_stockwell_destroy(sp_tf_stockwell *stockwell);

/* Traces that apply takes at once. */
enum { SP_TF_STOCKWELL_BLOCK = 128 };

#endif
