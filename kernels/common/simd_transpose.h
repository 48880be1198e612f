/* SPDX-License-Identifier: BSD-3-Clause */
/* Rows of vectors into columns. */
#ifndef SEISPROC_KERNELS_COMMON_SIMD_TRANSPOSE_H
#define SEISPROC_KERNELS_COMMON_SIMD_TRANSPOSE_H

#include "kernels/common/simd.h"

/* Lane i of r[j] and lane j of r[i] change places. */
#if SP_LANES == 16

SP_INLINE void transpose(vf r[SP_LANES]) {
  __m512 t[16], u[16];
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_ps((__m512)r[i], (__m512)r[i + 1]);
    t[i + 1] = _mm512_unpackhi_ps((__m512)r[i], (__m512)r[i + 1]);
  }
  for (int i = 0; i < 16; i += 4) {
    u[i] = _mm512_shuffle_ps(t[i], t[i + 2], 0x44);
    u[i + 1] = _mm512_shuffle_ps(t[i], t[i + 2], 0xee);
    u[i + 2] = _mm512_shuffle_ps(t[i + 1], t[i + 3], 0x44);
    u[i + 3] = _mm512_shuffle_ps(t[i + 1], t[i + 3], 0xee);
  }
  for (int i = 0; i < 4; i++) {
    t[i] = _mm512_shuffle_f32x4(u[i], u[i + 4], 0x88);
    t[i + 4] = _mm512_shuffle_f32x4(u[i], u[i + 4], 0xdd);
    t[i + 8] = _mm512_shuffle_f32x4(u[i + 8], u[i + 12], 0x88);
    t[i + 12] = _mm512_shuffle_f32x4(u[i + 8], u[i + 12], 0xdd);
  }
  for (int i = 0; i < 8; i++) {
    r[i] = (vf)_mm512_shuffle_f32x4(t[i], t[i + 8], 0x88);
    r[i + 8] = (vf)_mm512_shuffle_f32x4(t[i], t[i + 8], 0xdd);
  }
}

#elif SP_LANES == 8

SP_INLINE void transpose(vf r[SP_LANES]) {
  __m256 t[8], u[8];
  for (int i = 0; i < 8; i += 2) {
    t[i] = _mm256_unpacklo_ps((__m256)r[i], (__m256)r[i + 1]);
    t[i + 1] = _mm256_unpackhi_ps((__m256)r[i], (__m256)r[i + 1]);
  }
  for (int i = 0; i < 8; i += 4) {
    u[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
    u[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
    u[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
    u[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
  }
  for (int i = 0; i < 4; i++) {
    r[i] = (vf)_mm256_permute2f128_ps(u[i], u[i + 4], 0x20);
    r[i + 4] = (vf)_mm256_permute2f128_ps(u[i], u[i + 4], 0x31);
  }
}

#else

SP_INLINE void transpose(vf r[SP_LANES]) {
  const vf a = r[0], b = r[1], c = r[2], d = r[3];
  for (int i = 0; i < SP_LANES; i++) r[i] = (vf){a[i], b[i], c[i], d[i]};
}

#endif

#endif
