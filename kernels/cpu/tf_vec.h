/* Vectors of LANES floats, the width of the instruction set that a file is compiled for (see isa.h). Arithmetic is
 * the compiler's vector extension; here is what that lacks.
 */
#ifndef SEISPROC_KERNELS_CPU_TF_VEC_H
#define SEISPROC_KERNELS_CPU_TF_VEC_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__AVX512F__) && defined(__AVX512DQ__)
#define TF_AVX512
#elif defined(__AVX2__) && defined(__FMA__)
#define TF_AVX2
#endif

#if defined(TF_AVX512) || defined(TF_AVX2)
#include <immintrin.h>
#endif

#if defined(TF_AVX512)
enum { LANES = 16 };
#elif defined(TF_AVX2)
enum { LANES = 8 };
#else
enum { LANES = 4 };
#endif

typedef float vf __attribute__((vector_size(4 * LANES)));
typedef int32_t vi __attribute__((vector_size(4 * LANES)));
typedef float vf_anywhere __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

#define TF_INLINE static inline __attribute__((always_inline))

TF_INLINE vf load(const float *p) {
  return *(const vf_anywhere *)p;
}

TF_INLINE void store(float *p, vf x) {
  *(vf_anywhere *)p = x;
}

TF_INLINE vf splat(float x) {
  return x - (vf){0};
}

/* All ones in the first n lanes, zeros in the others. */
TF_INLINE vi first_lanes(size_t n) {
  vi number = {0};
  for (int i = 0; i < LANES; i++) number[i] = i;
  return number < (int32_t)(n < LANES ? n : LANES);
}

/* Stores the first n lanes. */
TF_INLINE void store_first(float *p, vf x, size_t n) {
#if defined(TF_AVX512)
  _mm512_mask_storeu_ps(p, (__mmask16)(n < LANES ? (1u << n) - 1 : 0xffff), (__m512)x);
#elif defined(TF_AVX2)
  _mm256_maskstore_ps(p, (__m256i)first_lanes(n), (__m256)x);
#else
  for (size_t l = 0; l < LANES && l < n; l++) p[l] = x[l];
#endif
}

TF_INLINE vf absolute(vf x) {
  return (vf)((vi)x & 0x7fffffff);
}

#if defined(TF_AVX512)

/* a * b + c and c - a * b */
TF_INLINE vf fma_add(vf a, vf b, vf c) {
  return (vf)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
}

TF_INLINE vf fma_from(vf a, vf b, vf c) {
  return (vf)_mm512_fnmadd_ps((__m512)a, (__m512)b, (__m512)c);
}

TF_INLINE vi int_min(vi a, vi b) {
  return (vi)_mm512_min_epi32((__m512i)a, (__m512i)b);
}

TF_INLINE vi int_max(vi a, vi b) {
  return (vi)_mm512_max_epi32((__m512i)a, (__m512i)b);
}

TF_INLINE vf float_min(vf a, vf b) {
  return (vf)_mm512_min_ps((__m512)a, (__m512)b);
}

TF_INLINE vf float_max(vf a, vf b) {
  return (vf)_mm512_max_ps((__m512)a, (__m512)b);
}

/* a < b ? yes : no */
TF_INLINE vi pick(vi a, vi b, vi yes, vi no) {
  const __mmask16 less = _mm512_cmplt_epi32_mask((__m512i)a, (__m512i)b);
  return (vi)_mm512_mask_blend_epi32(less, (__m512i)no, (__m512i)yes);
}

/* 1 / sqrt(x) of normal numbers, to a unit or two in the last place */
TF_INLINE vf inverse_sqrt(vf x) {
  const vf y = (vf)_mm512_rsqrt14_ps((__m512)x);
  return fma_add(0.5f * y, fma_from(x * y, y, splat(1)), y);
}

#elif defined(TF_AVX2)

TF_INLINE vf fma_add(vf a, vf b, vf c) {
  return (vf)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
}

TF_INLINE vf fma_from(vf a, vf b, vf c) {
  return (vf)_mm256_fnmadd_ps((__m256)a, (__m256)b, (__m256)c);
}

TF_INLINE vi int_min(vi a, vi b) {
  return (vi)_mm256_min_epi32((__m256i)a, (__m256i)b);
}

TF_INLINE vi int_max(vi a, vi b) {
  return (vi)_mm256_max_epi32((__m256i)a, (__m256i)b);
}

TF_INLINE vf float_min(vf a, vf b) {
  return (vf)_mm256_min_ps((__m256)a, (__m256)b);
}

TF_INLINE vf float_max(vf a, vf b) {
  return (vf)_mm256_max_ps((__m256)a, (__m256)b);
}

TF_INLINE vi pick(vi a, vi b, vi yes, vi no) {
  return (vi)_mm256_blendv_epi8((__m256i)no, (__m256i)yes, (__m256i)(a < b));
}

TF_INLINE vf inverse_sqrt(vf x) {
  return 1.0f / (vf)_mm256_sqrt_ps((__m256)x);
}

#else

TF_INLINE vf fma_add(vf a, vf b, vf c) {
  return a * b + c;
}

TF_INLINE vf fma_from(vf a, vf b, vf c) {
  return c - a * b;
}

TF_INLINE vi pick(vi a, vi b, vi yes, vi no) {
  const vi less = a < b;
  return (less & yes) | (~less & no);
}

TF_INLINE vi int_min(vi a, vi b) {
  return pick(a, b, a, b);
}

TF_INLINE vi int_max(vi a, vi b) {
  return pick(a, b, b, a);
}

TF_INLINE vf float_min(vf a, vf b) {
  const vi less = a < b;
  return (vf)((less & (vi)a) | (~less & (vi)b));
}

TF_INLINE vf float_max(vf a, vf b) {
  const vi less = a < b;
  return (vf)((less & (vi)b) | (~less & (vi)a));
}

TF_INLINE vf inverse_sqrt(vf x) {
  return (vf){1 / sqrtf(x[0]), 1 / sqrtf(x[1]), 1 / sqrtf(x[2]), 1 / sqrtf(x[3])};
}

#endif

/* The same for floats of which none is negative: their bits are ordered as they are, and integers are faster. */
TF_INLINE vf positive_min(vf a, vf b) {
  return (vf)int_min((vi)a, (vi)b);
}

TF_INLINE vf positive_max(vf a, vf b) {
  return (vf)int_max((vi)a, (vi)b);
}

/* Bit l is set where low <= a < high in lane l. */
TF_INLINE unsigned lanes_between(vf a, vf low, vf high) {
#if defined(TF_AVX512)
  const __mmask16 below = _mm512_cmp_ps_mask((__m512)a, (__m512)low, _CMP_LT_OQ);
  return _kandn_mask16(below, _mm512_cmp_ps_mask((__m512)a, (__m512)high, _CMP_LT_OQ));
#elif defined(TF_AVX2)
  return (unsigned)_mm256_movemask_ps((__m256)(~(a < low) & (a < high)));
#else
  const vi between = ~(a < low) & (a < high);
  unsigned bits = 0;
  for (int l = 0; l < LANES; l++) bits |= ((unsigned)between[l] & 1) << l;
  return bits;
#endif
}

/* The last lane of `before` and all but the last of x. */
TF_INLINE vf shift_up(vf before, vf x) {
#if defined(TF_AVX512)
  return (vf)_mm512_alignr_epi32((__m512i)x, (__m512i)before, 15);
#elif defined(TF_AVX2)
  const __m256i middle = (__m256i)_mm256_permute2f128_ps((__m256)before, (__m256)x, 0x21);
  return (vf)_mm256_alignr_epi8((__m256i)x, middle, 12);
#else
  return (vf){before[3], x[0], x[1], x[2]};
#endif
}

/* All but the first lane of x and the first of `after`. */
TF_INLINE vf shift_down(vf x, vf after) {
#if defined(TF_AVX512)
  return (vf)_mm512_alignr_epi32((__m512i)after, (__m512i)x, 1);
#elif defined(TF_AVX2)
  const __m256i middle = (__m256i)_mm256_permute2f128_ps((__m256)x, (__m256)after, 0x21);
  return (vf)_mm256_alignr_epi8(middle, (__m256i)x, 4);
#else
  return (vf){x[1], x[2], x[3], after[0]};
#endif
}

/* Rows into columns: lane i of r[j] and lane j of r[i] change places. */
#if defined(TF_AVX512)

TF_INLINE void transpose(vf r[LANES]) {
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

#elif defined(TF_AVX2)

TF_INLINE void transpose(vf r[LANES]) {
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

TF_INLINE void transpose(vf r[LANES]) {
  const vf a = r[0], b = r[1], c = r[2], d = r[3];
  for (int i = 0; i < LANES; i++) r[i] = (vf){a[i], b[i], c[i], d[i]};
}

#endif

#endif
