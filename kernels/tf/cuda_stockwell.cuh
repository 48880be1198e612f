/* Inside of transform stockwell on the GPU. Voices are taken in groups of one length: up to four, N times each, with
 * full sampling; with reduced more, at as many times as they need. Coefficients are [voice][row][time]. */
#ifndef SEISPROC_KERNELS_CUDA_TF_STOCKWELL_CUH
#define SEISPROC_KERNELS_CUDA_TF_STOCKWELL_CUH

#include "kernels/tf/cuda.cuh"

/* Voices first ... first + count - 1, evaluated at `times` times. */
typedef struct tf_voice_group {
  uint32_t first, count, times;
  uint32_t transform; /* of cuFFT */
} tf_voice_group;

struct tf_stockwell {
  uint32_t n_samples, aperture, n_bins; /* n_bins: those that a real trace has, N / 2 + 1 */
  bool own, half, reduced;              /* own transform of the voices; coefficients in half precision */
  bool precise;                         /* voices are transformed in double precision */
  sp_tf_band band;                      /* voices that are changed */
  sp_tf_rule rule;
  tf_exact exact;
  uint32_t open_capacity;
  double smoothing_s, interval_s;
  uint32_t chunk_traces, n_rows;            /* of a chunk; those with their surroundings */
  uint32_t most_voices;                     /* of a group */
  uint32_t n_groups, n_transforms, longest; /* times */
  tf_voice_group *groups;
  uint32_t *lengths;    /* [n_transforms] */
  uint32_t trace_batch; /* traces that are transformed at a time */
  tf_fft of_traces;
  tf_fft *transforms; /* of voices, unless own */
  tf_arena arena;
  /* places in the arena */
  size_t open_count_at, open_at, late_at, rows_at, spectra_at, sums_at, coefficients_at, voices_at, changed_at,
      gains_at, work_at;
  size_t traces_at;           /* double2 [trace_batch][n_samples], under way to spectra or back */
  size_t inverse_at, rest_at; /* [n_bins]: of the sum of all windows; the part of it that is not in the band */
};

template <class T> static inline T *tf_at(const tf_stockwell *p, size_t place) {
  return (T *)(p->arena.memory + place);
}

/* What a group of voices is made from. */
typedef struct tf_voice_source {
  const float2 *spectra; /* [row][n_samples] */
  const tf_row *rows;
  uint32_t n_samples, n_rows; /* n_rows: from voice to voice of the coefficients */
} tf_voice_source;

#ifdef __CUDACC__
/* Bin k of voice n; the window is zero from bin 2 n on. */
__device__ static inline float2 tf_voice_bin(const float2 *spectrum, uint32_t n, float inverse_n, uint32_t k) {
  if (n == 0) return make_float2(k == 0 ? spectrum[0].x : 0.0f, 0.0f);
  if (k >= 2 * n) return make_float2(0, 0);
  const float m = (float)((int)k - (int)n) * inverse_n;
  const float window = exp2f(-28.477658650f * m * m); /* 2 pi^2 / ln 2 */
  return make_float2(window * spectrum[k].x, window * spectrum[k].y);
}
#endif

/* The own transform of full sampling (tf_voices.cu): whether there is one of n points, and the coefficients of a group
 * for the first `rows` rows. */
bool tf_voices_has(uint32_t n);

sp_status tf_voices_make(const tf_voice_source *source, const tf_voice_group *group, uint32_t rows, bool half,
                         void *coefficients, cudaStream_t stream);

#endif
