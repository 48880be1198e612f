/* SPDX-License-Identifier: BSD-3-Clause */
/* Bit shuffle puts every bit where its layout says, with each set of instructions, and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "src/pack/bits.h"

enum { MOST = 1040 * 8 };

static unsigned char from[MOST], bits[MOST], expected[MOST], back[MOST];

static void place_bits(size_t element, size_t n) {
  memset(expected, 0, sizeof expected);
  for (size_t bit = 0; bit < n * element * 8; bit++) {
    const size_t i = bit / (8 * element), of_element = bit % (8 * element);
    if (from[bit / 8] >> bit % 8 & 1) expected[of_element * (n / 8) + i / 8] |= (unsigned char)(1u << i % 8);
  }
}

static void check_ops(const sp_bit_ops *ops, size_t n) {
  memset(bits, 0, sizeof bits);
  memset(back, 0, sizeof back);
  const size_t shuffled = ops->shuffle(n, from, bits), unshuffled = ops->unshuffle(n, expected, back);
  assert_true(shuffled <= n && shuffled % 8 == 0 && unshuffled <= n);
  for (size_t plane = 0; plane < 32; plane++) {
    assert_true(!memcmp(bits + plane * (n / 8), expected + plane * (n / 8), shuffled / 8));
  }
  assert_true(!memcmp(back, from, 4 * unshuffled));
}

static void every_bit_has_its_place(void **state) {
  static const size_t sizes[] = {8, 16, 120, 128, 136, 248, 256, 264, 512, 1040};
  srand(1);
  for (size_t i = 0; i < MOST; i++) from[i] = (unsigned char)(rand() >> 7);
  for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
    for (size_t element = 1; element <= 8; element++) {
      const size_t n = sizes[s];
      place_bits(element, n);
      sp_bit_shuffle(element, n, from, bits);
      assert_true(!memcmp(bits, expected, n * element));
      sp_bit_unshuffle(element, n, bits, back);
      assert_true(!memcmp(back, from, n * element));
      if (element != 4) continue;
      check_ops(&sp_bit_ops_portable, n);
#if defined(__x86_64__)
      if (__builtin_cpu_supports("avx2")) check_ops(&sp_bit_ops_avx2, n);
#endif
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_bit_has_its_place)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
