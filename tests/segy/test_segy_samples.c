/* SPDX-License-Identifier: BSD-3-Clause */
/* Sample formats: known words, every value of the short formats, random ones of the long, and libsegyio's opinion. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "seisproc/segy.h"
#ifdef SP_HAVE_SEGYIO
#include <segyio/segy.h>
#endif

enum { N = 4096 };

static const int formats[] = {1, 2, 3, 5, 6, 8, 10, 11, 16};
enum { N_FORMATS = sizeof formats / sizeof formats[0] };

static uint64_t next_random(uint64_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return *state;
}

static void put_big(uint32_t word, uint8_t *at) {
  for (int i = 0; i < 4; i++) at[i] = (uint8_t)(word >> (24 - 8 * i));
}

static float decode_ibm(uint32_t word, bool *exact) {
  uint8_t raw[4];
  float v;
  put_big(word, raw);
  *exact = sp_segy_decode(SP_FORMAT_IBM32, SP_ORDER_BIG, raw, 1, &v);
  return v;
}

static uint32_t encode_ibm(float v, sp_segy_losses *losses) {
  uint8_t raw[4];
  sp_segy_encode(SP_FORMAT_IBM32, SP_ORDER_BIG, &v, 1, raw, losses);
  return (uint32_t)raw[0] << 24 | (uint32_t)raw[1] << 16 | (uint32_t)raw[2] << 8 | raw[3];
}

static void ibm_words_of_the_manual(void **state) {
  (void)state;
  /* the examples of the System/360 principles of operation, and the ends of the range */
  static const struct {
    uint32_t word;
    double value;
  } known[] = {
      {0x41100000, 1.0},
      {0xC276A000, -118.625},
      {0x40800000, 0.5},
      {0x00000000, 0.0},
      {0x42640000, 100.0},
      {0x4019999A, 0x19999A * 0x1p-24},
      {0x4E2386F2, 0x2386F2 * 0x1p32},
      {0x60FFFFFF, 0xFFFFFF * 0x1p104},
      {0x21FFFFFF, 0xFFFFFF * 0x1p-148},
  };
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
    bool exact;
    const float v = decode_ibm(known[i].word, &exact);
    assert_true(exact);
    assert_true(v == known[i].value);
    sp_segy_losses losses = {0};
    assert_int_equal(encode_ibm(v, &losses), known[i].word);
    assert_int_equal(losses.clipped + losses.not_finite, 0);
  }
}

/* What a word is worth, by its definition and in double precision. */
static double worth(uint32_t word) {
  const double size = (double)(word & 0xffffff) * pow(2, -24) * pow(16, (double)(word >> 24 & 0x7f) - 64);
  return word >> 31 ? -size : size;
}

static void ibm_decodes_any_word(void **state) {
  (void)state;
  uint64_t seed = 88172645463325252u;
  size_t n_exact = 0;
  for (int i = 0; i < 2000000; i++) {
    const uint32_t word = (uint32_t)next_random(&seed);
    bool exact;
    const float v = decode_ibm(word, &exact);
    assert_true(v == (float)worth(word) && (signbit(v) != 0) == (word >> 31 != 0));
    n_exact += exact;
    sp_segy_losses losses = {0};
    if (exact) assert_int_equal(encode_ibm(v, &losses), word);
  }
  /* of random words 15/16 are normalised, and 63 of 128 powers are a float's */
  assert_true(n_exact > 850000 && n_exact < 1000000);
}

static void ibm_marks_what_floats_lose(void **state) {
  (void)state;
  static const uint32_t words[] = {0x41080000, 0x40000000, 0x42000001, 0x7fffffff, 0x61100000, 0x20ffffff, 0x80000001};
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
    bool exact;
    decode_ibm(words[i], &exact);
    assert_false(exact);
  }
  bool exact;
  assert_true(isinf(decode_ibm(0x7fffffff, &exact)));
  /* one odd sample among many does not spoil the others */
  uint8_t raw[4 * 1000];
  float out[1000];
  for (int i = 0; i < 1000; i++) put_big(i == 777 ? 0x41080000 : 0x42640000, raw + 4 * i);
  assert_false(sp_segy_decode(SP_FORMAT_IBM32, SP_ORDER_BIG, raw, 1000, out));
  for (int i = 0; i < 1000; i++) assert_true(out[i] == (i == 777 ? 0.5f : 100.0f));
}

static void ibm_rounds_to_nearest(void **state) {
  (void)state;
  uint64_t seed = 1234567;
  for (int i = 0; i < 500000; i++) {
    const uint32_t bits = (uint32_t)next_random(&seed);
    float v;
    memcpy(&v, &bits, sizeof v);
    if (!isfinite(v) || v == 0) continue;
    sp_segy_losses losses = {0};
    const uint32_t word = encode_ibm(v, &losses);
    const double error = fabs(worth(word) - (double)v);
    /* half a unit in the last place of a 24-bit fraction whose leading hexadecimal digit is not 0 */
    const double unit = pow(2, -24) * pow(16, (double)(word >> 24 & 0x7f) - 64);
    assert_true(error <= unit / 2);
    assert_true((word & 0xffffff) >= 0x100000);
    assert_int_equal(losses.clipped + losses.not_finite, 0);
  }
}

static void ibm_counts_what_is_not_finite(void **state) {
  (void)state;
  float v[300];
  uint8_t raw[4 * 300];
  for (int i = 0; i < 300; i++) v[i] = 1;
  v[5] = NAN;
  v[290] = -INFINITY;
  sp_segy_losses losses = {0};
  sp_segy_encode(SP_FORMAT_IBM32, SP_ORDER_LITTLE, v, 300, raw, &losses);
  assert_int_equal(losses.not_finite, 2);
  static const uint8_t one[] = {0, 0, 0x10, 0x41}, nothing[] = {0, 0, 0, 0}, end[] = {0xff, 0xff, 0xff, 0xff};
  assert_memory_equal(raw, one, 4);
  assert_memory_equal(raw + 4 * 5, nothing, 4);
  assert_memory_equal(raw + 4 * 290, end, 4);
}

static void short_integers_survive(void **state) {
  (void)state;
  static const struct {
    int format;
    int least, most;
    size_t bytes;
  } kinds[] = {{3, -32768, 32767, 2}, {8, -128, 127, 1}, {11, 0, 65535, 2}, {16, 0, 255, 1}};
  static float out[65536];
  static uint8_t raw[2 * 65536], again[2 * 65536];
  for (size_t k = 0; k < 4; k++) {
    const int n = kinds[k].most - kinds[k].least + 1;
    for (int order = SP_ORDER_BIG; order <= SP_ORDER_LITTLE; order++) {
      for (int i = 0; i < n; i++) {
        const unsigned v = (unsigned)(kinds[k].least + i);
        uint8_t *at = raw + kinds[k].bytes * (size_t)i;
        at[0] = (uint8_t)v;
        if (kinds[k].bytes == 2) {
          at[order == SP_ORDER_BIG] = (uint8_t)v;
          at[order != SP_ORDER_BIG] = (uint8_t)(v >> 8);
        }
      }
      assert_true(sp_segy_decode(kinds[k].format, (sp_byte_order)order, raw, (size_t)n, out));
      for (int i = 0; i < n; i++) assert_true(out[i] == (float)(kinds[k].least + i));
      sp_segy_losses losses = {0};
      sp_segy_encode(kinds[k].format, (sp_byte_order)order, out, (size_t)n, again, &losses);
      assert_memory_equal(raw, again, (size_t)n * kinds[k].bytes);
      assert_int_equal(losses.clipped + losses.not_finite, 0);
    }
  }
}

/* Random bytes: what decodes as exact encodes to the same bytes, in every format and order. */
static void exact_means_exact(void **state) {
  (void)state;
  uint64_t seed = 42;
  static uint8_t raw[8 * N], again[8 * N];
  static float out[N];
  for (int k = 0; k < N_FORMATS; k++) {
    const size_t bytes = sp_segy_format_bytes(formats[k]);
    for (int order = SP_ORDER_BIG; order <= SP_ORDER_LITTLE; order++) {
      for (size_t i = 0; i < 8 * N; i++) raw[i] = (uint8_t)(next_random(&seed) >> 32);
      size_t n_exact = 0;
      for (size_t i = 0; i < N; i++) {
        const bool exact = sp_segy_decode(formats[k], (sp_byte_order)order, raw + i * bytes, 1, out + i);
        sp_segy_losses losses = {0};
        sp_segy_encode(formats[k], (sp_byte_order)order, out + i, 1, again, &losses);
        if (exact) assert_memory_equal(again, raw + i * bytes, bytes);
        n_exact += exact;
      }
      const bool always = bytes < 4 || formats[k] == SP_FORMAT_FLOAT32;
      assert_true(always ? n_exact == N : n_exact < N);
    }
  }
}

/* One by one and all at once are the same, at any address. */
static void blocks_equal_single_samples(void **state) {
  (void)state;
  uint64_t seed = 4711;
  static uint8_t raw[8 * 1000 + 8], once[8 * 1000 + 8], single[8 * 1000];
  float v[1001], w[1001];
  for (size_t i = 0; i < sizeof raw; i++) raw[i] = (uint8_t)(next_random(&seed) >> 40);
  for (int k = 0; k < N_FORMATS; k++) {
    const size_t bytes = sp_segy_format_bytes(formats[k]);
    sp_segy_losses a = {0}, b = {0};
    bool all = true;
    const bool exact = sp_segy_decode(formats[k], SP_ORDER_LITTLE, raw + 1, 1000, v);
    for (size_t i = 0; i < 1000; i++) {
      all &= sp_segy_decode(formats[k], SP_ORDER_LITTLE, raw + 1 + i * bytes, 1, w + i);
    }
    assert_memory_equal(v, w, 1000 * sizeof *v);
    assert_int_equal(exact, all);
    sp_segy_encode(formats[k], SP_ORDER_BIG, v, 1000, once + 1, &a);
    for (size_t i = 0; i < 1000; i++) sp_segy_encode(formats[k], SP_ORDER_BIG, v + i, 1, single + i * bytes, &b);
    assert_memory_equal(once + 1, single, 1000 * bytes);
    assert_int_equal(a.clipped, b.clipped);
    assert_int_equal(a.not_finite, b.not_finite);
  }
}

static void integers_round_and_clip(void **state) {
  (void)state;
  const float v[] = {0.5f, 1.5f, -2.5f, 32767.4f, 32767.6f, -40000, NAN, INFINITY, -INFINITY, 1e30f};
  int16_t out[10];
  sp_segy_losses losses = {0};
  sp_segy_encode(SP_FORMAT_INT16, SP_ORDER_LITTLE, v, 10, out, &losses);
  static const int16_t want[] = {0, 2, -2, 32767, 32767, -32768, 0, 32767, -32768, 32767};
  assert_memory_equal(out, want, sizeof want);
  assert_int_equal(losses.clipped, 3);
  assert_int_equal(losses.not_finite, 3);
  uint8_t bytes[10];
  losses = (sp_segy_losses){0};
  sp_segy_encode(SP_FORMAT_UINT8, SP_ORDER_LITTLE, v, 10, bytes, &losses);
  static const uint8_t want8[] = {0, 2, 0, 255, 255, 0, 0, 255, 0, 255};
  assert_memory_equal(bytes, want8, sizeof want8);
  const float large[] = {2147483648.0f, -2147483648.0f, 2147483520.0f};
  int32_t words[3];
  losses = (sp_segy_losses){0};
  sp_segy_encode(SP_FORMAT_INT32, SP_ORDER_LITTLE, large, 3, words, &losses);
  assert_int_equal(words[0], INT32_MAX);
  assert_int_equal(words[1], INT32_MIN);
  assert_int_equal(words[2], 2147483520);
  assert_int_equal(losses.clipped, 1);
}

static void formats_have_names(void **state) {
  (void)state;
  for (int code = -2; code < 20; code++) {
    const bool defined = (code >= 1 && code <= 12) || code == 15 || code == 16;
    assert_int_equal(sp_segy_format_name(code) != NULL, defined);
    bool read = false;
    for (int k = 0; k < N_FORMATS; k++) read |= formats[k] == code;
    assert_int_equal(sp_segy_format_bytes(code) != 0, read);
  }
}

static void texts_survive(void **state) {
  (void)state;
  uint8_t all[256], text[256];
  for (int i = 0; i < 256; i++) all[i] = text[i] = (uint8_t)i;
  sp_segy_text_to_ascii(text, sizeof text);
  sp_segy_text_to_ebcdic(text, sizeof text);
  assert_memory_equal(all, text, sizeof all);
  char card[] = "C 1 CLIENT: (segy) 0123456789 +-*/=,.;:'\"?!";
  assert_false(sp_segy_text_is_ebcdic(card, sizeof card - 1));
  sp_segy_text_to_ebcdic(card, sizeof card - 1);
  static const uint8_t start[] = {0xc3, 0x40, 0xf1, 0x40, 0xc3, 0xd3, 0xc9, 0xc5, 0xd5, 0xe3};
  assert_memory_equal(card, start, sizeof start);
  assert_true(sp_segy_text_is_ebcdic(card, sizeof card - 1));
  sp_segy_text_to_ascii(card, sizeof card - 1);
  assert_string_equal(card, "C 1 CLIENT: (segy) 0123456789 +-*/=,.;:'\"?!");
}

#ifdef SP_HAVE_SEGYIO
static void libsegyio_agrees(void **state) {
  (void)state;
  uint64_t seed = 99;
  static uint32_t words[N], theirs[N];
  static float ours[N];
  for (int i = 0; i < N; i++) {
    /* normalised words of moderate size: libsegyio's conversion is only for those */
    const uint32_t r = (uint32_t)next_random(&seed);
    words[i] = (r & 0x80000000) | (0x38 + (r >> 8 & 15)) << 24 | 0x100000 | (r & 0xffffff);
  }
  uint8_t raw[4];
  for (int i = 0; i < N; i++) {
    put_big(words[i], raw);
    memcpy(&theirs[i], raw, 4);
  }
  assert_true(sp_segy_decode(SP_FORMAT_IBM32, SP_ORDER_BIG, theirs, N, ours));
  assert_int_equal(segy_to_native(SEGY_IBM_FLOAT_4_BYTE, N, theirs), SEGY_OK);
  assert_memory_equal(ours, theirs, sizeof ours);

  static int16_t shorts[N];
  for (int i = 0; i < N; i++) shorts[i] = (int16_t)next_random(&seed);
  assert_true(sp_segy_decode(SP_FORMAT_INT16, SP_ORDER_BIG, shorts, N, ours));
  assert_int_equal(segy_to_native(SEGY_SIGNED_SHORT_2_BYTE, N, shorts), SEGY_OK);
  for (int i = 0; i < N; i++) assert_true(ours[i] == (float)shorts[i]);
}
#endif

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ibm_words_of_the_manual),
      cmocka_unit_test(ibm_decodes_any_word),
      cmocka_unit_test(ibm_marks_what_floats_lose),
      cmocka_unit_test(ibm_rounds_to_nearest),
      cmocka_unit_test(ibm_counts_what_is_not_finite),
      cmocka_unit_test(short_integers_survive),
      cmocka_unit_test(exact_means_exact),
      cmocka_unit_test(blocks_equal_single_samples),
      cmocka_unit_test(integers_round_and_clip),
      cmocka_unit_test(formats_have_names),
      cmocka_unit_test(texts_survive),
#ifdef SP_HAVE_SEGYIO
      cmocka_unit_test(libsegyio_agrees),
#endif
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
