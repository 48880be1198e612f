/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside of transform stockwell on the GPU. Voices are taken in groups of one length: N times each with full
 * sampling, with reduced at as many times as they need. Coefficients are [voice][row][time]. */
#ifndef SEISPROC_KERNELS_CUDA_TF_STOCKWELL_CUH
#define SEISPROC_KERNELS_CUDA_TF_STOCKWELL_CUH

#include "kernels/tf/cuda.cuh"

/* Voices first ... first + count - 1, evaluated at `times` times. */
typedef struct tf_voice_group {
  uint32_t first, count, times;
  uint32_t transform; /* of cuFFT */
} tf_voice_group;

struct tf_stockwell {
  uint32_t n_samples, length, aperture, n_bins; /* length: N, with the zeros that follow a trace; n_bins: N / 2 + 1 */
  bool own, half, reduced;                      /* own transform of the voices; coefficients in half precision */
  bool passed;                                  /* own, and coefficients stay in the processor */
  sp_tf_band band;                              /* voices that are changed */
  sp_tf_rule rule;
  tf_exact exact;
  uint32_t open_capacity;
  double smoothing_s, interval_s;
  uint32_t chunk_traces, n_rows;            /* of a chunk; those with their surroundings */
  uint32_t most_voices;                     /* of a group */
  size_t most_bins;                         /* of a group that is passed, a trace */
  uint32_t n_groups, n_transforms, longest; /* times */
  tf_voice_group *groups;
  uint32_t *lengths;    /* [n_transforms] */
  uint32_t trace_batch; /* traces that are transformed at a time */
  tf_fft of_traces;
  tf_fft *transforms; /* of voices, unless own */
  tf_arena arena;
  /* places in the arena */
  size_t open_count_at, open_at, rows_at, spectra_at, sums_at, coefficients_at, voices_at, changed_at, passed_at,
      gains_at, work_at;
  size_t traces_at;           /* double2 [trace_batch][length], under way to spectra or back */
  size_t inverse_at, rest_at; /* [n_bins], of sp_tf_stockwell_inverse */
};

template <class T> static inline T *tf_at(const tf_stockwell *p, size_t place) {
  return (T *)(p->arena.memory + place);
}

/* What a group of voices is made from. */
typedef struct tf_voice_source {
  const float2 *spectra; /* [row][length] */
  const tf_row *rows;
  uint32_t length, n_rows; /* n_rows: from voice to voice of the coefficients */
} tf_voice_source;

#ifdef __CUDACC__
/* The window of voice n > 0 at bin k; it is zero from bin 2 n on. */
__device__ static inline float tf_voice_weight(uint32_t n, float inverse_n, uint32_t k) {
  const float m = (float)((int)k - (int)n) * inverse_n;
  return k < 2 * n ? exp2f(-28.477658650f * m * m) : 0; /* 2 pi^2 / ln 2 */
}

/* Bin k of voice n. */
__device__ static inline float2 tf_voice_bin(const float2 *spectrum, uint32_t n, float inverse_n, uint32_t k) {
  if (n == 0) return make_float2(k == 0 ? spectrum[0].x : 0.0f, 0.0f);
  if (k >= 2 * n) return make_float2(0, 0);
  const float window = tf_voice_weight(n, inverse_n, k);
  return make_float2(window * spectrum[k].x, window * spectrum[k].y);
}

/* What the spectrum of a changed voice is multiplied by at bin k: a voice stands for its conjugate too, but for the
 * first one and one at the Nyquist frequency. */
__device__ static inline float tf_synthesis_weight(uint32_t n, uint32_t length, uint32_t times, uint32_t k) {
  if (n == 0) return k == 0 ? 1.0f / times : 0;
  return tf_voice_weight(n, 1.0f / n, k) * ((2 * n == length ? 1.0f : 2.0f) / times);
}
#endif

/* The own transform of full sampling (tf_voices.cu): whether there is one of n points, and the coefficients of a group
 * for the first `rows` rows. */
bool tf_voices_has(uint32_t n);

sp_status tf_voices_make(const tf_voice_source *source, const tf_voice_group *group, uint32_t rows, bool half,
                         void *coefficients, cudaStream_t stream);

/* Takes the changed coefficients of the rows first_row ... first_row + rows - 1 back to spectra and adds these, under
 * their windows, to sums [row][length]. */
sp_status tf_voices_sum(const tf_voice_source *source, const tf_voice_group *group, uint32_t first_row, uint32_t rows,
                        const float2 *changed, float2 *sums, cudaStream_t stream);

/* --- voices that are passed through the processor (cuda_pass.cu) ------------------------------------------------- */

enum { TF_PASS_APERTURE = 7 };

/* Bins that a voice has, and how far apart those of two traces are stored. */
__host__ __device__ static inline uint32_t tf_voice_used(uint32_t n) {
  return n > 0 ? 2 * n : 1;
}
__host__ __device__ static inline uint32_t tf_voice_bins(uint32_t n) {
  return 2 * n + 2;
}

/* Of the voices first ... n - 1, a trace. */
__host__ __device__ static inline size_t tf_voice_place(uint32_t first, uint32_t n) {
  return (size_t)n * (n + 1) - (size_t)first * (first + 1);
}

typedef void tf_pass_kernel(const tf_voice_source source, const tf_voice_group group, const tf_threshold_task j,
                            int strip, float2 *out);

/* The kernel of a length. */
typedef struct tf_pass_shape {
  tf_pass_kernel *kernel; /* NULL: there is none */
  unsigned threads;
  size_t shared;
} tf_pass_shape;
tf_pass_shape tf_pass_shape_short(uint32_t length);
tf_pass_shape tf_pass_shape_long(uint32_t length);

/* Whether there is such a kernel here; with float2 coefficients, of which no gain is averaged. */
bool tf_pass_has(uint32_t length, uint32_t aperture, int mode);
sp_status tf_pass_prepare(uint32_t length);

/* Makes the coefficients of a group, thresholds them, takes them back to `spectra`, room for tf_voice_place numbers a
 * trace of the chunk, and adds these under their windows to sums [trace of the chunk][length]. */
sp_status tf_pass_voices(const tf_voice_source *source, const tf_voice_group *group, const tf_threshold_task *j,
                         float2 *spectra, float2 *sums, cudaStream_t stream);

#endif
