/* SPDX-License-Identifier: BSD-3-Clause */
/* Eight elements at a time, for elements of any size and what the sets of instructions leave. */
#include "src/pack/bits.h"

static const sp_bit_ops *select_ops(void) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) return &sp_bit_ops_avx2;
#endif
  return &sp_bit_ops_portable;
}

/* Byte b of a word is row b of a matrix of bits. */
static uint64_t transpose(uint64_t x) {
  static const struct {
    int by;
    uint64_t mask;
  } steps[] = {
      {7, UINT64_C(0x00aa00aa00aa00aa)}, {14, UINT64_C(0x0000cccc0000cccc)}, {28, UINT64_C(0x00000000f0f0f0f0)}};
  for (int s = 0; s < 3; s++) {
    const uint64_t t = (x ^ x >> steps[s].by) & steps[s].mask;
    x ^= t ^ t << steps[s].by;
  }
  return x;
}

static uint64_t gather(const unsigned char *from, size_t stride) {
  uint64_t x = 0;
  for (size_t b = 0; b < 8; b++) x |= (uint64_t)from[b * stride] << 8 * b;
  return x;
}

static void scatter(uint64_t x, unsigned char *to, size_t stride) {
  for (size_t b = 0; b < 8; b++) to[b * stride] = (unsigned char)(x >> 8 * b);
}

void sp_bit_shuffle(size_t element, size_t n, const unsigned char *from, unsigned char *to) {
  const size_t row = n / 8;
  for (size_t i = element == 4 ? select_ops()->shuffle(n, from, to) : 0; i < n; i += 8) {
    for (size_t k = 0; k < element; k++) {
      scatter(transpose(gather(from + i * element + k, element)), to + 8 * k * row + i / 8, row);
    }
  }
}

void sp_bit_unshuffle(size_t element, size_t n, const unsigned char *from, unsigned char *to) {
  const size_t row = n / 8;
  for (size_t i = element == 4 ? select_ops()->unshuffle(n, from, to) : 0; i < n; i += 8) {
    for (size_t k = 0; k < element; k++) {
      scatter(transpose(gather(from + 8 * k * row + i / 8, row)), to + i * element + k, element);
    }
  }
}
