/* SPDX-License-Identifier: BSD-3-Clause */
/* Coefficients of a row on the GPU: the rules of threshold.h, and the band that each is of. */
#ifndef SEISPROC_KERNELS_DWT_CUDA_SHRINK_CUH
#define SEISPROC_KERNELS_DWT_CUDA_SHRINK_CUH

#include "kernels/dwt/cuda_shape.h"
#include "kernels/dwt/threshold.h"

/* The band, from 1, of coefficient i of a row; `band` is at most that. */
__device__ static inline int band_of(const dwt_shape &s, uint32_t i, int band) {
  while (band < s.n_bands && i >= s.start[band + 1]) band++;
  return band;
}

#endif
