/* SPDX-License-Identifier: BSD-3-Clause */
/* What the kernels of tf need of vectors beyond simd.h. */
#ifndef SEISPROC_KERNELS_TF_CPU_VEC_H
#define SEISPROC_KERNELS_TF_CPU_VEC_H

#include "kernels/common/number.h"
#include "kernels/common/simd_transpose.h"

/* c - a * b; rounded once where that costs nothing. */
SP_INLINE vf multiply_from(vf a, vf b, vf c) {
  return num_fused(-a, b, c);
}

/* 1 / sqrt(x) of normal numbers, to a unit or two in the last place. */
SP_INLINE vf inverse_sqrt(vf x) {
#if SP_LANES == 16
  const vf y = (vf)_mm512_rsqrt14_ps((__m512)x);
  return num_fused(0.5f * y, multiply_from(x * y, y, vf_set(1)), y);
#else
  return 1.0f / vf_sqrt(x);
#endif
}

/* All ones in the first n lanes, zeros in the others. */
SP_INLINE vi first_lanes(size_t n) {
  vi number = {0};
  for (int i = 0; i < SP_LANES; i++) number[i] = i;
  return number < (int32_t)(n < SP_LANES ? n : SP_LANES);
}

SP_INLINE void store_first(float *p, vf x, size_t n) {
#if SP_LANES == 16
  _mm512_mask_storeu_ps(p, (__mmask16)(n < SP_LANES ? (1u << n) - 1 : 0xffff), (__m512)x);
#elif SP_LANES == 8
  _mm256_maskstore_ps(p, (__m256i)first_lanes(n), (__m256)x);
#else
  for (size_t l = 0; l < SP_LANES && l < n; l++) p[l] = x[l];
#endif
}

/* All but the first lane of x and the first of `after`. */
SP_INLINE vf shift_down(vf x, vf after) {
  return vf_delay(x, after, SP_LANES - 1);
}

#endif
