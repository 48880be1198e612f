/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside of transform stft on the GPU. Windows of 64 samples, half a window apart, have kernels of their own
 * (tf_stft64.cu); others go through cuFFT (tf_stft.cu). Coefficients of a row are [bin of the band][frame]. */
#ifndef SEISPROC_KERNELS_CUDA_TF_STFT_CUH
#define SEISPROC_KERNELS_CUDA_TF_STFT_CUH

#include "kernels/tf/cuda.cuh"

struct tf_stft {
  uint32_t n_samples, window, hop, frames, aperture;
  bool own, half; /* own kernels; coefficients in half precision */
  sp_tf_band band;
  uint32_t n_coefficients;
  sp_tf_rule rule;
  bool may_resynthesise; /* traces: where the band is whole */
  tf_exact exact;
  uint32_t open_capacity;
  tf_smoothing smoothing;
  uint32_t chunk_traces, n_rows; /* of a chunk, and those with their surroundings */
  tf_fft forward, backward;      /* of all frames of n_rows, unless own */
  tf_arena arena;
  /* places in the arena */
  size_t open_count_at, open_at, rows_at, coefficients_at, changed_at, gains_at, frames_at, bins_at, work_at;
  size_t analysis_at, synthesis_at; /* [window]; the latter with the factors of the inverse transform */
  size_t norm_at;                   /* [n_samples], inverse of the overlapped squares of the window */
  size_t ones_at;                   /* float2 [n_coefficients], of a trace of ones */
};

template <class T> static inline T *tf_at(const tf_stft *p, size_t place) {
  return (T *)(p->arena.memory + place);
}

/* Rows of a chunk to coefficients, and the changed coefficients of its traces to the output. */
sp_status tf_stft64_analyse(const tf_stft *p, const float *in, uint32_t n_rows, cudaStream_t stream);
sp_status tf_stft64_synthesise(const tf_stft *p, const tf_call *call, const tf_chunk *chunk);
sp_status tf_stft64_prepare(void);

#endif
