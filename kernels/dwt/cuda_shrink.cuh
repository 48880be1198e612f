/* Shrinking coefficients, rounded as the CPU version rounds. */
#ifndef SEISPROC_KERNELS_CUDA_DWT_SHRINK_CUH
#define SEISPROC_KERNELS_CUDA_DWT_SHRINK_CUH

#include "kernels/dwt/cuda_shape.h"

__device__ static inline float shrunk(int threshold, float c, float limit) {
  if (threshold == SP_DWT_SOFT) return c - fmaxf(fminf(c, limit), -limit);
  if (threshold == SP_DWT_HARD) return fabsf(c) < limit ? 0.0f : c;
  return limit < fabsf(c) ? __fsub_rn(c, __fmul_rn(limit, __fdiv_rn(limit, c))) : 0.0f;
}

/* The band, from 1, of coefficient i of a row; `band` is at most that. */
__device__ static inline int band_of(const dwt_shape &s, uint32_t i, int band) {
  while (band < s.n_bands && i >= s.start[band + 1]) band++;
  return band;
}

#endif
