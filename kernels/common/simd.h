/* SPDX-License-Identifier: BSD-3-Clause */
/* Vectors of float and int32 in whatever width the file that includes this is compiled for.
 *
 * A kernel is written once with these and compiled as <kernel>_portable.c, _avx2.c and _avx512.c. SP_LANES is the
 * number of lanes: 16 with AVX-512, 8 with AVX2, else 4 in GCC's vector types (SSE2, NEON). Loads and stores need
 * no alignment but v_stream. SP_ISA_SYMBOL(name) is name_avx512, ..., for what such a file exports.
 */
#ifndef SEISPROC_KERNELS_COMMON_SIMD_H
#define SEISPROC_KERNELS_COMMON_SIMD_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__AVX512F__) || defined(__AVX2__)
#include <immintrin.h>
#endif

#define SP_INLINE static inline __attribute__((always_inline, unused))
#define SP_UNROLL _Pragma("GCC unroll 40")

/* Lanes of a and b by their numbers, those of b after those of a. Clang has the first only, GCC 11 the second only. */
#if defined(__has_builtin) && __has_builtin(__builtin_shufflevector)
#define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (vi){__VA_ARGS__})
#endif

#if defined(__AVX512F__)
#define SP_LANES            16
#define SP_ISA_SYMBOL(name) name##_avx512
#elif defined(__AVX2__)
#define SP_LANES            8
#define SP_ISA_SYMBOL(name) name##_avx2
#else
#define SP_LANES            4
#define SP_ISA_SYMBOL(name) name##_portable
#endif

typedef float vf __attribute__((vector_size(SP_LANES * 4)));
typedef int32_t vi __attribute__((vector_size(SP_LANES * 4)));

SP_INLINE vf vf_load(const float *p) {
  vf v;
  memcpy(&v, p, sizeof v);
  return v;
}

SP_INLINE void vf_store(float *p, vf v) {
  memcpy(p, &v, sizeof v);
}

SP_INLINE vi vi_load(const int32_t *p) {
  vi v;
  memcpy(&v, p, sizeof v);
  return v;
}

SP_INLINE void vi_store(int32_t *p, vi v) {
  memcpy(p, &v, sizeof v);
}

SP_INLINE vf vf_set(float x) {
  return x - (vf){0};
}

SP_INLINE vi vi_set(int32_t x) {
  return x - (vi){0};
}

SP_INLINE vf vf_abs(vf a) {
  return (vf)((vi)a & vi_set(0x7fffffff));
}

/* --- what differs by instruction set ---------------------------------------------------------------------- */

#if defined(__AVX512F__)

typedef __mmask16 vm; /* one bit a lane */

/* a * b + c, c - a * b */
SP_INLINE vf vf_fma(vf a, vf b, vf c) {
  return (vf)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
}
SP_INLINE vf vf_fnma(vf a, vf b, vf c) {
  return (vf)_mm512_fnmadd_ps((__m512)a, (__m512)b, (__m512)c);
}
SP_INLINE vf vf_min(vf a, vf b) {
  return (vf)_mm512_min_ps((__m512)a, (__m512)b);
}
SP_INLINE vf vf_max(vf a, vf b) {
  return (vf)_mm512_max_ps((__m512)a, (__m512)b);
}
SP_INLINE vi vi_min(vi a, vi b) {
  return (vi)_mm512_min_epi32((__m512i)a, (__m512i)b);
}
SP_INLINE vi vi_max(vi a, vi b) {
  return (vi)_mm512_max_epi32((__m512i)a, (__m512i)b);
}
SP_INLINE vm vf_less(vf a, vf b) {
  return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_LT_OQ);
}
SP_INLINE vm vi_less(vi a, vi b) {
  return _mm512_cmplt_epi32_mask((__m512i)a, (__m512i)b);
}
/* m ? a : b, lane by lane */
SP_INLINE vf vf_select(vm m, vf a, vf b) {
  return (vf)_mm512_mask_blend_ps(m, (__m512)b, (__m512)a);
}
SP_INLINE vi vi_select(vm m, vi a, vi b) {
  return (vi)_mm512_mask_blend_epi32(m, (__m512i)b, (__m512i)a);
}
SP_INLINE vm vm_neither(vm a, vm b) {
  return (vm) ~(a | b);
}
SP_INLINE int vm_count(vm m) {
  return __builtin_popcount(m);
}
/* a + b in the lanes of m, else a */
SP_INLINE vi vi_add_where(vi a, vm m, vi b) {
  return (vi)_mm512_mask_add_epi32((__m512i)a, m, (__m512i)a, (__m512i)b);
}
SP_INLINE int32_t vi_largest(vi a) {
  return _mm512_reduce_max_epi32((__m512i)a);
}
/* Past the caches; p is aligned to the vector. */
SP_INLINE void vf_stream(float *p, vf v) {
  _mm512_stream_ps(p, (__m512)v);
}
SP_INLINE vf vf_sqrt(vf a) {
  return (vf)_mm512_sqrt_ps((__m512)a);
}
/* Writes the lanes of v that m names, in order and packed; may write all of a vector at p. Returns their number. */
SP_INLINE int vi_pack(int32_t *p, vm m, vi v) {
  _mm512_storeu_si512(p, _mm512_maskz_compress_epi32(m, (__m512i)v));
  return vm_count(m);
}

SP_INLINE vf vf_reverse(vf a) {
  return SHUFFLE(a, a, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
}
/* Lanes moved up by n (a constant, 1 ... SP_LANES - 1), the lowest filled from the top of `before`. */
#define vf_delay(before, now, n) ((vf)_mm512_alignr_epi32((__m512i)(now), (__m512i)(before), 16 - (n)))

/* a, b hold consecutive samples: their even and odd ones; and back. */
SP_INLINE vf vf_even(vf a, vf b) {
  return SHUFFLE(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
}
SP_INLINE vf vf_odd(vf a, vf b) {
  return SHUFFLE(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
}
SP_INLINE vf vf_zip_low(vf e, vf o) {
  return SHUFFLE(e, o, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}
SP_INLINE vf vf_zip_high(vf e, vf o) {
  return SHUFFLE(e, o, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}

#else

typedef vi vm; /* all bits of a lane set or clear */

SP_INLINE vm vf_less(vf a, vf b) {
  return a < b;
}
SP_INLINE vm vi_less(vi a, vi b) {
  return a < b;
}
SP_INLINE vm vm_neither(vm a, vm b) {
  return ~(a | b);
}
SP_INLINE vi vi_add_where(vi a, vm m, vi b) {
  return a + (b & m);
}
SP_INLINE int32_t vi_largest(vi a) {
  int32_t largest = a[0];
  for (int i = 1; i < SP_LANES; i++) largest = a[i] > largest ? a[i] : largest;
  return largest;
}
SP_INLINE vi vi_select(vm m, vi a, vi b) {
  return (a & m) | (b & ~m);
}
SP_INLINE vf vf_select(vm m, vf a, vf b) {
  return (vf)vi_select(m, (vi)a, (vi)b);
}

#if defined(__AVX2__)

SP_INLINE vf vf_fma(vf a, vf b, vf c) {
  return (vf)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
}
SP_INLINE vf vf_fnma(vf a, vf b, vf c) {
  return (vf)_mm256_fnmadd_ps((__m256)a, (__m256)b, (__m256)c);
}
SP_INLINE vf vf_min(vf a, vf b) {
  return (vf)_mm256_min_ps((__m256)a, (__m256)b);
}
SP_INLINE vf vf_max(vf a, vf b) {
  return (vf)_mm256_max_ps((__m256)a, (__m256)b);
}
SP_INLINE vi vi_min(vi a, vi b) {
  return (vi)_mm256_min_epi32((__m256i)a, (__m256i)b);
}
SP_INLINE vi vi_max(vi a, vi b) {
  return (vi)_mm256_max_epi32((__m256i)a, (__m256i)b);
}
SP_INLINE unsigned vm_bits(vm m) {
  return (unsigned)_mm256_movemask_ps((__m256)m);
}
SP_INLINE int vm_count(vm m) {
  return __builtin_popcount(vm_bits(m));
}
SP_INLINE void vf_stream(float *p, vf v) {
  _mm256_stream_ps(p, (__m256)v);
}
SP_INLINE vf vf_sqrt(vf a) {
  return (vf)_mm256_sqrt_ps((__m256)a);
}
SP_INLINE int vi_pack(int32_t *p, vm m, vi v) {
  /* a lane's number in each of eight bytes; pext keeps the bytes of the lanes named */
  const unsigned bits = vm_bits(m);
  const uint64_t spread = _pdep_u64(bits, 0x0101010101010101u) * 0xff;
  const __m256i order = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)_pext_u64(0x0706050403020100u, spread)));
  _mm256_storeu_si256((__m256i *)p, _mm256_permutevar8x32_epi32((__m256i)v, order));
  return __builtin_popcount(bits);
}

/* The upper half of `before` and the lower one of `now`. */
SP_INLINE vf vf_middle(vf before, vf now) {
  return (vf)_mm256_permute2x128_si256((__m256i)before, (__m256i)now, 0x21);
}
#define vf_delay(before, now, n)                                                                                       \
  ((n) == 4  ? vf_middle(before, now)                                                                                  \
   : (n) < 4 ? (vf)_mm256_alignr_epi8((__m256i)(now), (__m256i)vf_middle(before, now), (16 - 4 * (n)) & 15)            \
             : (vf)_mm256_alignr_epi8((__m256i)vf_middle(before, now), (__m256i)(before), (32 - 4 * (n)) & 15))

SP_INLINE vf vf_reverse(vf a) {
  return SHUFFLE(a, a, 7, 6, 5, 4, 3, 2, 1, 0);
}
SP_INLINE vf vf_even(vf a, vf b) {
  return SHUFFLE(a, b, 0, 2, 4, 6, 8, 10, 12, 14);
}
SP_INLINE vf vf_odd(vf a, vf b) {
  return SHUFFLE(a, b, 1, 3, 5, 7, 9, 11, 13, 15);
}
SP_INLINE vf vf_zip_low(vf e, vf o) {
  return SHUFFLE(e, o, 0, 8, 1, 9, 2, 10, 3, 11);
}
SP_INLINE vf vf_zip_high(vf e, vf o) {
  return SHUFFLE(e, o, 4, 12, 5, 13, 6, 14, 7, 15);
}

#else

/* Rounded once, as the wider instruction sets do, so that all agree: where there is no such instruction, in double
 * precision, which holds the product exactly. */
SP_INLINE vf vf_fma(vf a, vf b, vf c) {
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
  for (int i = 0; i < SP_LANES; i++) c[i] = __builtin_fmaf(a[i], b[i], c[i]);
  return c;
#else
  typedef double vd __attribute__((vector_size(SP_LANES * 8)));
  const vd wide = __builtin_convertvector(a, vd) * __builtin_convertvector(b, vd) + __builtin_convertvector(c, vd);
  return __builtin_convertvector(wide, vf);
#endif
}
SP_INLINE vf vf_fnma(vf a, vf b, vf c) {
  return vf_fma(-a, b, c);
}
SP_INLINE vf vf_min(vf a, vf b) {
  return vf_select(a < b, a, b);
}
SP_INLINE vf vf_max(vf a, vf b) {
  return vf_select(b < a, a, b);
}
SP_INLINE vi vi_min(vi a, vi b) {
  return vi_select(a < b, a, b);
}
SP_INLINE vi vi_max(vi a, vi b) {
  return vi_select(b < a, a, b);
}
SP_INLINE int vm_count(vm m) {
  return -(m[0] + m[1] + m[2] + m[3]);
}
SP_INLINE void vf_stream(float *p, vf v) {
  vf_store(p, v);
}
SP_INLINE vf vf_sqrt(vf a) {
  for (int i = 0; i < SP_LANES; i++) a[i] = __builtin_sqrtf(a[i]);
  return a;
}
SP_INLINE int vi_pack(int32_t *p, vm m, vi v) {
  int n = 0;
  for (int i = 0; i < SP_LANES; i++) {
    p[n] = v[i];
    n -= m[i];
  }
  return n;
}

#define vf_delay(before, now, n) SHUFFLE((vf)(before), (vf)(now), 4 - (n), 5 - (n), 6 - (n), 7 - (n))

SP_INLINE vf vf_reverse(vf a) {
  return SHUFFLE(a, a, 3, 2, 1, 0);
}
SP_INLINE vf vf_even(vf a, vf b) {
  return SHUFFLE(a, b, 0, 2, 4, 6);
}
SP_INLINE vf vf_odd(vf a, vf b) {
  return SHUFFLE(a, b, 1, 3, 5, 7);
}
SP_INLINE vf vf_zip_low(vf e, vf o) {
  return SHUFFLE(e, o, 0, 4, 1, 5);
}
SP_INLINE vf vf_zip_high(vf e, vf o) {
  return SHUFFLE(e, o, 2, 6, 3, 7);
}

#endif
#endif

/* --- floats as integers of the same order ------------------------------------------------------------------ */

/* Signed integers that compare as the floats do (-0 below 0, NaN at the ends), and back: the same operation.
 * Integer minimum and maximum are cheaper, and have no exceptions. Of magnitudes the bits themselves will do. */
SP_INLINE vi vi_ordered(vf a) {
  const vi bits = (vi)a;
  return bits ^ ((bits >> 31) & 0x7fffffff);
}

SP_INLINE vf vf_from_ordered(vi a) {
  return (vf)(a ^ ((a >> 31) & 0x7fffffff));
}

#endif
