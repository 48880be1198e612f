/* SPDX-License-Identifier: BSD-3-Clause */
/* CRC-32C with the processor's own instructions: SSE4.2 and PCLMULQDQ, AVX-512 with VPCLMULQDQ, ARMv8 with CRC.
 *
 * The CRC instruction takes 8 bytes a cycle but has a latency of three: three streams at once keep it busy. Their
 * states are joined by multiplying with powers of x. With 512-bit carry-less multiplication the data is folded
 * instead: 256 bytes are held as a polynomial that is carried over the next 256 (Gopal et al., "Fast CRC computation
 * for generic polynomials using PCLMULQDQ", 2009).
 */
#include "src/base/crc32c_variants.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define HARDWARE __attribute__((target("sse4.2,pclmul")))
#define FOLDING  __attribute__((target("sse4.2,pclmul,avx512f,avx512vl,vpclmulqdq")))
#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#define HARDWARE
#endif

#ifdef HARDWARE

static inline uint64_t load(const uint8_t *p) {
  uint64_t word;
  memcpy(&word, p, sizeof word);
  return word;
}

#ifdef __x86_64__

HARDWARE static inline uint32_t step_8(uint32_t state, uint8_t byte) {
  return _mm_crc32_u8(state, byte);
}

HARDWARE static inline uint32_t step_64(uint32_t state, uint64_t word) {
  return (uint32_t)_mm_crc32_u64(state, word);
}

/* A carry-less product of two 32-bit polynomials has its x^0 at bit 62; the CRC instruction wants it at bit 63, and
 * multiplies by x^32 as it reduces. */
HARDWARE static inline uint32_t multiply(uint32_t a, uint32_t b) {
  const __m128i product = _mm_clmulepi64_si128(_mm_cvtsi32_si128((int)a), _mm_cvtsi32_si128((int)b), 0);
  return step_64(0, (uint64_t)_mm_cvtsi128_si64(product) << 1);
}

static bool has_sse42(void) {
  return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul");
}

#else

static inline uint32_t step_8(uint32_t state, uint8_t byte) {
  return __crc32cb(state, byte);
}

static inline uint32_t step_64(uint32_t state, uint64_t word) {
  return __crc32cd(state, word);
}

static inline uint32_t multiply(uint32_t a, uint32_t b) {
  uint64_t product = 0;
  for (int bit = 0; bit < 32; bit++) product ^= (0u - (uint64_t)(a >> bit & 1)) & (uint64_t)b << bit;
  return step_64(0, product << 1);
}

static bool compiled_in(void) {
  return true;
}

#endif

HARDWARE static uint32_t one_stream(uint32_t state, const uint8_t *data, size_t n) {
  for (; n >= 8; n -= 8, data += 8) state = step_64(state, load(data));
  for (; n > 0; n--) state = step_8(state, *data++);
  return state;
}

/* Takes 3 * 2^k bytes. */
HARDWARE static inline uint32_t three_streams(uint32_t state, const uint8_t *data, int k) {
  const size_t length = (size_t)1 << k;
  uint32_t b = 0, c = 0;
  for (size_t i = 0; i < length; i += 8) {
    state = step_64(state, load(data + i));
    b = step_64(b, load(data + length + i));
    c = step_64(c, load(data + 2 * length + i));
  }
  return multiply(state, sp_crc32c_power[k + 1]) ^ multiply(b, sp_crc32c_power[k]) ^ c;
}

HARDWARE static uint32_t interleaved(uint32_t state, const uint8_t *data, size_t n) {
  enum { LONG = 11, SHORT = 7 };
  for (; n >= 3u << LONG; n -= 3u << LONG, data += 3u << LONG) state = three_streams(state, data, LONG);
  for (; n >= 3u << SHORT; n -= 3u << SHORT, data += 3u << SHORT) state = three_streams(state, data, SHORT);
  return one_stream(state, data, n);
}

#ifdef FOLDING

/* Moves each 128-bit part of v on by the distance for which `by` was made, and adds `data`. */
FOLDING static inline __m512i fold(__m512i v, __m512i by, __m512i data) {
  return _mm512_ternarylogic_epi64(_mm512_clmulepi64_epi128(v, by, 0x00), _mm512_clmulepi64_epi128(v, by, 0x11), data,
                                   0x96);
}

/* Constants for a distance of d bits: x^(d + 63) for the low half, which comes first in the data, and x^(d - 1) for the
 * high half; x^0 at bit 63. A product of two such numbers is short of one x in a 128-bit number: hence the -1. */
#define DISTANCE(low, high) _mm512_broadcast_i32x4(_mm_set_epi64x((int64_t)((high) << 32), (int64_t)((low) << 32)))

/* Joins the four 128-bit parts, which follow each other, and reduces them to a state. */
FOLDING static inline uint32_t reduce(__m512i v) {
  const __m512i by = _mm512_set_epi64(0, 0, (int64_t)(0x3171d430ull << 32), (int64_t)(0x3743f7bdull << 32), /* 128 */
                                      (int64_t)(0xa2158b34ull << 32), (int64_t)(0x33ccbbbcull << 32),       /* 256 */
                                      (int64_t)(0x6051243full << 32), (int64_t)(0xa46ef4aaull << 32));      /* 384 */
  const __m512i moved = _mm512_xor_si512(_mm512_clmulepi64_epi128(v, by, 0x00), _mm512_clmulepi64_epi128(v, by, 0x11));
  const __m128i sum =
      _mm_xor_si128(_mm_xor_si128(_mm512_castsi512_si128(moved), _mm512_extracti32x4_epi32(moved, 1)),
                    _mm_xor_si128(_mm512_extracti32x4_epi32(moved, 2), _mm512_extracti32x4_epi32(v, 3)));
  return step_64(step_64(0, (uint64_t)_mm_cvtsi128_si64(sum)), (uint64_t)_mm_extract_epi64(sum, 1));
}

FOLDING static uint32_t folded(uint32_t state, const uint8_t *data, size_t n) {
  if (n < 512) return interleaved(state, data, n);
  const __m512i by_2048 = DISTANCE(0xe9a5d8beull, 0x1426a815ull), by_512 = DISTANCE(0x1c19243bull, 0x75bba45bull);
  __m512i a = _mm512_xor_si512(_mm512_loadu_si512(data), _mm512_zextsi128_si512(_mm_cvtsi32_si128((int)state)));
  __m512i b = _mm512_loadu_si512(data + 64), c = _mm512_loadu_si512(data + 128), d = _mm512_loadu_si512(data + 192);
  for (n -= 256, data += 256; n >= 256; n -= 256, data += 256) {
    a = fold(a, by_2048, _mm512_loadu_si512(data));
    b = fold(b, by_2048, _mm512_loadu_si512(data + 64));
    c = fold(c, by_2048, _mm512_loadu_si512(data + 128));
    d = fold(d, by_2048, _mm512_loadu_si512(data + 192));
  }
  a = fold(fold(fold(a, by_512, b), by_512, c), by_512, d);
  for (; n >= 64; n -= 64, data += 64) a = fold(a, by_512, _mm512_loadu_si512(data));
  return one_stream(reduce(a), data, n);
}

static bool has_avx512(void) {
  return has_sse42() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("vpclmulqdq");
}

#endif

#endif

const sp_crc32c_variant sp_crc32c_hardware[] = {
#if defined(__x86_64__)
    {"sse4.2", has_sse42, interleaved, multiply},
    {"avx512", has_avx512, folded, multiply},
#elif defined(HARDWARE)
    {"armv8", compiled_in, interleaved, multiply},
#endif
    {0}};
