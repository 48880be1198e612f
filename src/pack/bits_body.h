/* SPDX-License-Identifier: BSD-3-Clause */
/* Bit shuffle of elements of four bytes, compiled for SSE2 and for AVX2. Defines BIT_OPS. A vector has lanes of 16
 * bytes, which know nothing of each other: each takes 128 elements.
 *
 * All moves of bytes are perfect shuffles: the first half of an array is interleaved with the second, so that the byte
 * at index i goes to i with its bits rotated left by one. Four of them turn 16 elements x 4 bytes into 4 x 16.
 * Bits move within 8 bytes, an 8 x 8 matrix that is transposed (H. S. Warren, Hacker's Delight, 7-3).
 */
#ifndef SEISPROC_SRC_PACK_BITS_BODY_H
#define SEISPROC_SRC_PACK_BITS_BODY_H

#include "src/pack/bits.h"

#ifdef __SSE2__
#include <immintrin.h>

#ifdef __AVX2__
enum { LANES = 2 };
typedef __m256i vector;
#define LOW(a, b)   _mm256_unpacklo_epi8(a, b)
#define HIGH(a, b)  _mm256_unpackhi_epi8(a, b)
#define XOR(a, b)   _mm256_xor_si256(a, b)
#define AND(a, b)   _mm256_and_si256(a, b)
#define LEFT(a, n)  _mm256_slli_epi64(a, n)
#define RIGHT(a, n) _mm256_srli_epi64(a, n)
#define SAME(word)  _mm256_set1_epi64x((long long)(word))

/* The second lane from 128 elements further on. */
static vector load_elements(const unsigned char *from) {
  return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)from)),
                                 _mm_loadu_si128((const __m128i *)(const void *)(from + 512)), 1);
}

static void store_elements(unsigned char *to, vector v) {
  _mm_storeu_si128((__m128i *)(void *)to, _mm256_castsi256_si128(v));
  _mm_storeu_si128((__m128i *)(void *)(to + 512), _mm256_extracti128_si256(v, 1));
}

static vector load_bits(const unsigned char *from) {
  return _mm256_loadu_si256((const __m256i *)(const void *)from);
}

static void store_bits(unsigned char *to, vector v) {
  _mm256_storeu_si256((__m256i *)(void *)to, v);
}
#else
enum { LANES = 1 };
typedef __m128i vector;
#define LOW(a, b)   _mm_unpacklo_epi8(a, b)
#define HIGH(a, b)  _mm_unpackhi_epi8(a, b)
#define XOR(a, b)   _mm_xor_si128(a, b)
#define AND(a, b)   _mm_and_si128(a, b)
#define LEFT(a, n)  _mm_slli_epi64(a, n)
#define RIGHT(a, n) _mm_srli_epi64(a, n)
#define SAME(word)  _mm_set1_epi64x((long long)(word))

static vector load_elements(const unsigned char *from) {
  return _mm_loadu_si128((const __m128i *)(const void *)from);
}

static void store_elements(unsigned char *to, vector v) {
  _mm_storeu_si128((__m128i *)(void *)to, v);
}

static vector load_bits(const unsigned char *from) {
  return load_elements(from);
}

static void store_bits(unsigned char *to, vector v) {
  store_elements(to, v);
}
#endif

enum { AT_ONCE = 128 * LANES };

/* A perfect shuffle of n vectors, n up to 8. */
static inline void interleave(int n, vector *x) {
  vector y[8];
  for (int i = 0; i < n / 2; i++) {
    y[2 * i] = LOW(x[i], x[i + n / 2]);
    y[2 * i + 1] = HIGH(x[i], x[i + n / 2]);
  }
  for (int i = 0; i < n; i++) x[i] = y[i];
}

static inline vector swap_bits(vector x, int by, uint64_t mask) {
  const vector t = AND(XOR(x, RIGHT(x, by)), SAME(mask));
  return XOR(x, XOR(t, LEFT(t, by)));
}

/* Each 8 bytes as an 8 x 8 matrix of bits. */
static inline vector transpose_bits(vector x) {
  x = swap_bits(x, 7, UINT64_C(0x00aa00aa00aa00aa));
  x = swap_bits(x, 14, UINT64_C(0x0000cccc0000cccc));
  return swap_bits(x, 28, UINT64_C(0x00000000f0f0f0f0));
}

static size_t shuffle(size_t n, const unsigned char *from, unsigned char *to) {
  size_t i = 0;
  for (; i + AT_ONCE <= n; i += AT_ONCE) {
    vector plane[4][8];
    for (int j = 0; j < 8; j++) {
      vector x[4];
      for (int k = 0; k < 4; k++) x[k] = load_elements(from + 4 * i + 64 * j + 16 * k);
      for (int turn = 0; turn < 4; turn++) interleave(4, x);
      for (int k = 0; k < 4; k++) plane[k][j] = transpose_bits(x[k]);
    }
    for (int k = 0; k < 4; k++) {
      for (int turn = 0; turn < 4; turn++) interleave(8, plane[k]);
      for (int b = 0; b < 8; b++) store_bits(to + (size_t)(8 * k + b) * (n / 8) + i / 8, plane[k][b]);
    }
  }
  return i;
}

static size_t unshuffle(size_t n, const unsigned char *from, unsigned char *to) {
  size_t i = 0;
  for (; i + AT_ONCE <= n; i += AT_ONCE) {
    vector plane[4][8];
    for (int k = 0; k < 4; k++) {
      for (int b = 0; b < 8; b++) plane[k][b] = load_bits(from + (size_t)(8 * k + b) * (n / 8) + i / 8);
      for (int turn = 0; turn < 3; turn++) interleave(8, plane[k]);
    }
    for (int j = 0; j < 8; j++) {
      vector x[4];
      for (int k = 0; k < 4; k++) x[k] = transpose_bits(plane[k][j]);
      for (int turn = 0; turn < 2; turn++) interleave(4, x);
      for (int k = 0; k < 4; k++) store_elements(to + 4 * i + 64 * j + 16 * k, x[k]);
    }
  }
  return i;
}
#else
static size_t shuffle(size_t n, const unsigned char *from, unsigned char *to) {
  return 0;
}

static size_t unshuffle(size_t n, const unsigned char *from, unsigned char *to) {
  return 0;
}
#endif

const sp_bit_ops BIT_OPS = {shuffle, unshuffle};

#endif
