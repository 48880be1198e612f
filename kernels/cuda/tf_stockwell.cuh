/* Inside of transform stockwell on the GPU. Voices are taken in groups of up to four, of one length: N times with full
 * sampling, or as many as they need with reduced. Cells are [voice][row][time]. */
#ifndef SEISPROC_KERNELS_CUDA_TF_STOCKWELL_CUH
#define SEISPROC_KERNELS_CUDA_TF_STOCKWELL_CUH

#include "kernels/cuda/tf.cuh"

/* Voices first ... first + count - 1, evaluated at `times` times. */
typedef struct tf_voice_group {
  uint32_t first, count, times;
  uint32_t transform; /* of cuFFT */
} tf_voice_group;

struct tf_stockwell {
  uint32_t n_samples, aperture, n_bins; /* n_bins: those that a real trace has, N / 2 + 1 */
  bool own, half, reduced;              /* own transform of the voices; cells in half precision */
  sp_tf_band band;                      /* voices that are changed */
  tf_rule rule;
  tf_exact exact;
  uint32_t open_capacity;
  double smoothing_s, interval_s;
  uint32_t chunk_traces, n_rows; /* of a chunk; those with their surroundings, a multiple of what cuFFT takes at once */
  uint32_t n_groups, n_transforms, longest; /* times */
  tf_voice_group *groups;
  uint32_t *lengths; /* [n_transforms] */
  tf_fft of_traces;
  tf_fft *transforms; /* of voices, unless own */
  tf_arena arena;
  /* places in the arena */
  size_t open_count_at, open_at, late_at, rows_at, spectra_at, sums_at, cells_at, voices_at, shares_at, inverse_at,
      work_at;
};

template <class T> static inline T *tf_at(const tf_stockwell *p, size_t place) {
  return (T *)(p->arena.memory + place);
}

/* What a group of voices is made from. */
typedef struct tf_voice_source {
  const float2 *spectra; /* [row][n_samples], of traces without their constant */
  const tf_row *rows;
  uint32_t n_samples, n_rows; /* n_rows: from voice to voice of the cells */
} tf_voice_source;

#ifdef __CUDACC__
/* Bin k of voice n; the window is zero from bin 2 n on. */
__device__ static inline float2 tf_voice_bin(const float2 *spectrum, float constant, uint32_t n_samples, uint32_t n,
                                             float inverse_n, uint32_t k) {
  const float factor = 1.0f / n_samples;
  if (n == 0) return make_float2(k == 0 ? fmaf(spectrum[0].x, factor, constant) : 0.0f, 0.0f);
  if (k == 0 || k >= 2 * n) return make_float2(0, 0);
  const float m = (float)((int)k - (int)n) * inverse_n;
  const float window = factor * exp2f(-28.477658650f * m * m); /* 2 pi^2 / ln 2 */
  return make_float2(window * spectrum[k].x, window * spectrum[k].y);
}
#endif

/* The own transform of full sampling (tf_voices.cu): whether there is one of n points, and the cells of a group for the
 * first `rows` rows. */
bool tf_voices_has(uint32_t n);

sp_status tf_voices_make(const tf_voice_source *source, const tf_voice_group *group, uint32_t rows, bool half,
                         void *cells, cudaStream_t stream);

#endif
