/* SPDX-License-Identifier: BSD-3-Clause */
/* CRC-32C: published vectors, every variant against a bit-by-bit definition, and combining at every split. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "seisproc/crc32c.h"
#include "src/base/crc32c_variants.h"

enum { LENGTH = 20011 };

static uint8_t bytes[LENGTH];

static void fill(void) {
  uint32_t x = 1;
  for (int i = 0; i < LENGTH; i++) {
    x = x * 1664525u + 1013904223u;
    bytes[i] = (uint8_t)(x >> 24);
  }
}

/* The definition, a bit at a time. */
static uint32_t reference(uint32_t crc, const uint8_t *data, size_t n) {
  crc = ~crc;
  while (n--) {
    crc ^= *data++;
    for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >> 1 ^ 0x82f63b78u : crc >> 1;
  }
  return ~crc;
}

static const sp_crc32c_variant *variant_at(int i) {
  if (i == 0) return &sp_crc32c_table;
  const sp_crc32c_variant *v = &sp_crc32c_hardware[i - 1];
  return v->name ? v : NULL;
}

static void has_the_published_values(void **state) {
  /* RFC 3720, appendix B.4, whose bytes are in order of transmission */
  uint8_t data[48] = {0};
  assert_int_equal(sp_crc32c(0, data, 32), 0x8a9136aau);
  memset(data, 0xff, 32);
  assert_int_equal(sp_crc32c(0, data, 32), 0x62a8ab43u);
  for (int i = 0; i < 32; i++) data[i] = (uint8_t)i;
  assert_int_equal(sp_crc32c(0, data, 32), 0x46dd794eu);
  for (int i = 0; i < 32; i++) data[i] = (uint8_t)(31 - i);
  assert_int_equal(sp_crc32c(0, data, 32), 0x113fdb5cu);
  const uint8_t read_command[48] = {0x01, 0xc0, 0, 0, 0, 0, 0,    0, 0,    0, 0, 0,    0, 0, 0, 0,
                                    0x14, 0,    0, 0, 0, 0, 0x04, 0, 0,    0, 0, 0x14, 0, 0, 0, 0x18,
                                    0x28, 0,    0, 0, 0, 0, 0,    0, 0x02, 0, 0, 0,    0, 0, 0, 0};
  assert_int_equal(sp_crc32c(0, read_command, 48), 0xd9963a56u);
  assert_int_equal(sp_crc32c(0, "123456789", 9), 0xe3069283u);
  assert_int_equal(sp_crc32c(0, "", 0), 0);
  assert_int_equal(sp_crc32c(0x12345678, NULL, 0), 0x12345678u);
}

static void variants_agree_at_every_length(void **state) {
  const sp_crc32c_variant *v;
  for (int i = 0; (v = variant_at(i)); i++) {
    if (!v->usable()) {
      print_message("crc32c variant %s: skipped, this processor lacks it\n", v->name);
      continue;
    }
    uint32_t expected = 0;
    for (int n = 0; n < LENGTH; n++) {
      const int start = n % 13; /* unaligned */
      if (n < 3000 || n % 61 == 0) {
        expected = reference(0xdeadbeef, bytes + start, (size_t)(n - start > 0 ? n - start : 0));
        const uint32_t found = ~v->update(~0xdeadbeefu, bytes + start, (size_t)(n - start > 0 ? n - start : 0));
        if (found != expected) fail_msg("%s, %d bytes: %08x, not %08x", v->name, n, found, expected);
      }
    }
  }
}

static void variants_multiply_alike(void **state) {
  uint32_t a = 1, b = 0x80000000u;
  for (int trial = 0; trial < 2000; trial++) {
    const sp_crc32c_variant *v;
    for (int i = 1; (v = variant_at(i)); i++) {
      if (v->usable()) assert_int_equal(v->multiply(a, b), sp_crc32c_table.multiply(a, b));
    }
    a = a * 1664525u + 1013904223u;
    b = b * 22695477u + 1u;
  }
}

static void extends(void **state) {
  const uint32_t whole = reference(0, bytes, LENGTH);
  for (size_t split = 0; split <= LENGTH; split += 1 + split / 7) {
    assert_int_equal(sp_crc32c(sp_crc32c(0, bytes, split), bytes + split, LENGTH - split), whole);
  }
}

static void combines_at_every_split(void **state) {
  enum { N = 5000 };
  const uint32_t whole = reference(0, bytes, N);
  for (size_t split = 0; split <= N; split++) {
    const uint32_t a = sp_crc32c(0, bytes, split), b = sp_crc32c(0, bytes + split, N - split);
    assert_int_equal(sp_crc32c_combine(a, b, N - split), whole);
  }
}

static void combines_over_long_lengths(void **state) {
  /* zeros of length m + n are zeros of length m followed by zeros of length n; doubling reaches every bit of 64 */
  const uint8_t zero = 0;
  uint32_t crc = sp_crc32c(0, &zero, 1);
  uint64_t length = 1;
  for (; length < 1u << 20; length *= 2) crc = sp_crc32c_combine(crc, crc, length);
  uint8_t *zeros = calloc(1, length);
  assert_non_null(zeros);
  assert_int_equal(crc, sp_crc32c(0, zeros, length));
  free(zeros);
  const uint32_t odd = sp_crc32c(0, bytes, 12345);
  for (int k = 20; k < 63; k++, length *= 2) {
    const uint32_t twice = sp_crc32c_combine(crc, crc, length);
    assert_int_equal(sp_crc32c_combine(sp_crc32c_combine(odd, crc, length), crc, length),
                     sp_crc32c_combine(odd, twice, 2 * length));
    crc = twice;
  }
}

int main(void) {
  fill();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(has_the_published_values), cmocka_unit_test(variants_agree_at_every_length),
      cmocka_unit_test(variants_multiply_alike),  cmocka_unit_test(extends),
      cmocka_unit_test(combines_at_every_split),  cmocka_unit_test(combines_over_long_lengths),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
