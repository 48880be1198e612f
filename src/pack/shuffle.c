/* SPDX-License-Identifier: BSD-3-Clause */
/* Elements of four bytes, which nearly all are, go 16 at a time where there is SSE2. */
#include "src/pack/shuffle.h"

#ifdef __SSE2__
#include <emmintrin.h>

/* Byte k of 16 elements. */
static __m128i plane(const __m128i e[4], int k) {
  const __m128i low = _mm_set1_epi32(0xff);
  __m128i byte[4];
  for (int i = 0; i < 4; i++) byte[i] = _mm_and_si128(_mm_srli_epi32(e[i], 8 * k), low);
  return _mm_packus_epi16(_mm_packs_epi32(byte[0], byte[1]), _mm_packs_epi32(byte[2], byte[3]));
}

static size_t shuffle_4(size_t n, const unsigned char *from, unsigned char *to) {
  size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    __m128i e[4];
    for (int j = 0; j < 4; j++) e[j] = _mm_loadu_si128((const __m128i *)(const void *)(from + 4 * i) + j);
    _mm_storeu_si128((__m128i *)(void *)(to + i), plane(e, 0));
    _mm_storeu_si128((__m128i *)(void *)(to + n + i), plane(e, 1));
    _mm_storeu_si128((__m128i *)(void *)(to + 2 * n + i), plane(e, 2));
    _mm_storeu_si128((__m128i *)(void *)(to + 3 * n + i), plane(e, 3));
  }
  return i;
}

static size_t unshuffle_4(size_t n, const unsigned char *const *planes, unsigned char *to) {
  size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    __m128i p[4];
    for (int k = 0; k < 4; k++) p[k] = _mm_loadu_si128((const __m128i *)(const void *)(planes[k] + i));
    const __m128i a = _mm_unpacklo_epi8(p[0], p[1]), b = _mm_unpacklo_epi8(p[2], p[3]);
    const __m128i c = _mm_unpackhi_epi8(p[0], p[1]), d = _mm_unpackhi_epi8(p[2], p[3]);
    __m128i *const out = (__m128i *)(void *)(to + 4 * i);
    _mm_storeu_si128(out, _mm_unpacklo_epi16(a, b));
    _mm_storeu_si128(out + 1, _mm_unpackhi_epi16(a, b));
    _mm_storeu_si128(out + 2, _mm_unpacklo_epi16(c, d));
    _mm_storeu_si128(out + 3, _mm_unpackhi_epi16(c, d));
  }
  return i;
}
#else
static size_t shuffle_4(size_t n, const unsigned char *from, unsigned char *to) {
  return 0;
}

static size_t unshuffle_4(size_t n, const unsigned char *const *planes, unsigned char *to) {
  return 0;
}
#endif

void sp_shuffle(size_t element, size_t n, const unsigned char *from, unsigned char *to) {
  for (size_t i = element == 4 ? shuffle_4(n, from, to) : 0; i < n; i++) {
    for (size_t k = 0; k < element; k++) to[k * n + i] = from[i * element + k];
  }
}

void sp_unshuffle(size_t element, size_t n, const unsigned char *const *planes, unsigned char *to) {
  for (size_t i = element == 4 ? unshuffle_4(n, planes, to) : 0; i < n; i++) {
    for (size_t k = 0; k < element; k++) to[i * element + k] = planes[k][i];
  }
}
