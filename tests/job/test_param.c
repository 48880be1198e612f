/* SPDX-License-Identifier: BSD-3-Clause */
/* Parameter tables: what is taken, what is refused and with which words, and that values survive being written out. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "seisproc/nearest.h"
#include "seisproc/param.h"
#include "seisproc/quote.h"

typedef struct values {
  bool flag;
  int count, level, window, kind, wavelet;
  double k, velocity, length, any;
} values;

#define WAVELETS                                                                                                       \
  "haar|db1|db2|db3|db4|db5|db6|db7|db8|db9|db10|sym2|sym3|coif1|coif2|coif3|coif4|bior1.1|bior1.3|bior1.5|bior2.2"

static const sp_param table[] = {
    {"flag", SP_PARAM_BOOL, "false", 0, 0, false, NULL, NULL, "a flag", offsetof(values, flag)},
    {"count", SP_PARAM_INT, "3", 1, 100, false, NULL, NULL, "a count", offsetof(values, count)},
    {"level", SP_PARAM_INT, "auto", 1, 20, false, "auto", NULL, "a level", offsetof(values, level)},
    {"window", SP_PARAM_INT, "7", 1, 31, true, NULL, "traces", "a window", offsetof(values, window)},
    {"kind", SP_PARAM_CHOICE, "soft", 0, 0, false, "soft|hard|garrote", NULL, "a kind", offsetof(values, kind)},
    {"wavelet", SP_PARAM_CHOICE, "db4", 0, 0, false, WAVELETS, NULL, "many", offsetof(values, wavelet)},
    {"k", SP_PARAM_REAL, "3", 0, 100, false, NULL, NULL, "a factor", offsetof(values, k)},
    {"velocity", SP_PARAM_REAL, "1500", 1, INFINITY, false, NULL, "m/s", "a velocity", offsetof(values, velocity)},
    {"length", SP_PARAM_REAL, "auto", 0.5, 1e6, false, "auto", "ms", "a length", offsetof(values, length)},
    {"any", SP_PARAM_REAL, "-2.5", -INFINITY, INFINITY, false, NULL, NULL, "any number", offsetof(values, any)},
    {0}};

static const sp_param *find(const char *key) {
  const sp_param *param = sp_param_find(table, key);
  assert_non_null(param);
  return param;
}

static void test_defaults(void **state) {
  (void)state;
  values v;
  memset(&v, 0x55, sizeof v);
  sp_param_set_defaults(table, &v);
  assert_false(v.flag);
  assert_int_equal(v.count, 3);
  assert_int_equal(v.level, SP_PARAM_AUTO);
  assert_int_equal(v.window, 7);
  assert_int_equal(v.kind, 0);
  assert_int_equal(v.wavelet, 4);
  assert_true(v.k == 3.0 && v.velocity == 1500.0 && v.any == -2.5);
  assert_true(isnan(v.length));
  assert_null(sp_param_find(table, "nothing"));
}

static void test_taken(void **state) {
  (void)state;
  static const struct {
    const char *key, *text, *written;
  } cases[] = {
      {"flag", "true", "true"},
      {"flag", "Yes", "true"},
      {"flag", "on", "true"},
      {"flag", "off", "false"},
      {"flag", "FALSE", "false"},
      {"count", "1", "1"},
      {"count", "100", "100"},
      {"count", "+7", "7"},
      {"level", "auto", "auto"},
      {"level", "20", "20"},
      {"window", "31", "31"},
      {"kind", "garrote", "garrote"},
      {"wavelet", "bior2.2", "bior2.2"},
      {"k", "2.5", "2.5"},
      {"k", "2.50", "2.5"},
      {"k", "25e-1", "2.5"},
      {"k", ".1", "0.1"},
      {"k", "0", "0"},
      {"k", "-0.0", "0"},
      {"k", "0.30000000000000004", "0.30000000000000004"},
      {"velocity", "1e6", "1000000"},
      {"any", "-1e-300", "-1e-300"},
      {"length", "auto", "auto"},
      {"length", "0.5", "0.5"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    values v;
    sp_param_set_defaults(table, &v);
    char why[SP_WHY_SIZE] = "", text[64];
    const sp_param *param = find(cases[i].key);
    if (sp_param_parse(param, cases[i].text, &v, why, sizeof why)) fail_msg("%s refused: %s", cases[i].text, why);
    sp_param_format(param, &v, text, sizeof text);
    assert_string_equal(text, cases[i].written);
  }
}

static void test_refused(void **state) {
  (void)state;
  static const struct {
    const char *key, *text, *why;
  } cases[] = {
      {"flag", "1", "flag: found '1', allowed is true or false"},
      {"count", "0", "count: found '0', allowed is an integer from 1 to 100"},
      {"count", "101", "count: found '101', allowed is an integer from 1 to 100"},
      {"count", "2.0", "count: found '2.0', allowed is an integer from 1 to 100"},
      {"count", "", "count: found '', allowed is an integer from 1 to 100"},
      {"count", " 2", "count: found ' 2', allowed is an integer from 1 to 100"},
      {"count", "2 ", "count: found '2 ', allowed is an integer from 1 to 100"},
      {"count", "auto", "count: found 'auto', allowed is an integer from 1 to 100"},
      {"count", "99999999999999999999", "count: found '99999999999999999999', allowed is an integer from 1 to 100"},
      {"count", "010",
       "count: found '010', allowed is an integer from 1 to 100; numbers are decimal, without leading zeros"},
      {"count", "0x10",
       "count: found '0x10', allowed is an integer from 1 to 100; numbers are decimal, without leading zeros"},
      {"level", "0", "level: found '0', allowed is an integer from 1 to 20, or auto"},
      {"level", "-1", "level: found '-1', allowed is an integer from 1 to 20, or auto"},
      {"window", "6", "window: found '6', allowed is an odd integer from 1 to 31 traces"},
      {"kind", "Soft", "kind: found 'Soft', allowed is one of soft, hard, garrote; did you mean 'soft'?"},
      {"kind", "sof", "kind: found 'sof', allowed is one of soft, hard, garrote; did you mean 'soft'?"},
      {"kind", "soft|hard", "kind: found 'soft|hard', allowed is one of soft, hard, garrote"},
      {"wavelet", "db99",
       "wavelet: found 'db99', allowed is one of haar, db1 ... db10, sym2, sym3, coif1 ... coif4, "
       "bior1.1 ... bior2.2; did you mean 'db9'?"},
      {"k", "nan", "k: found 'nan', allowed is a number from 0 to 100"},
      {"k", "-inf", "k: found '-inf', allowed is a number from 0 to 100"},
      {"k", ".inf", "k: found '.inf', allowed is a number from 0 to 100"},
      {"k", "-1e-9", "k: found '-1e-9', allowed is a number from 0 to 100"},
      {"k", "1e400", "k: found '1e400', allowed is a number from 0 to 100; that is more than a 64-bit number holds"},
      {"k", "2,5", "k: found '2,5', allowed is a number from 0 to 100; the decimal sign is a point"},
      {"k", "0x1p3", "k: found '0x1p3', allowed is a number from 0 to 100; numbers are decimal, without leading zeros"},
      {"k", "3 m", "k: found '3 m', allowed is a number from 0 to 100"},
      {"velocity", "0.5", "velocity: found '0.5', allowed is a number from 1 m/s up"},
      {"length", "fast", "length: found 'fast', allowed is a number from 0.5 to 1000000 ms, or auto"},
      {"any", "x", "any: found 'x', allowed is a number"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    values v, before;
    memset(&v, 0x55, sizeof v);
    sp_param_set_defaults(table, &v);
    before = v;
    char why[SP_WHY_SIZE] = "";
    assert_int_equal(sp_param_parse(find(cases[i].key), cases[i].text, &v, why, sizeof why), SP_ERR_USAGE);
    assert_string_equal(why, cases[i].why);
    assert_memory_equal(&v, &before, sizeof v);
  }
}

/* Whatever the size of the buffer, text is cut inside it and closed. */
static void test_small_buffers(void **state) {
  (void)state;
  values v;
  sp_param_set_defaults(table, &v);
  for (size_t size = 1; size < 200; size++) {
    char *text = malloc(size); /* exact, so that the sanitizer sees one byte too many */
    assert_non_null(text);
    for (const sp_param *param = table; param->key; param++) {
      sp_param_allowed(param, text, size);
      assert_true(strlen(text) < size);
      sp_param_format(param, &v, text, size);
      assert_true(strlen(text) < size);
      sp_param_parse(param, "no such value, ever", &v, text, size);
      assert_true(strlen(text) < size);
    }
    free(text);
  }
}

static void test_random_reals_survive(void **state) {
  (void)state;
  const sp_param *param = find("any");
  uint64_t seed = 1;
  for (int i = 0; i < 20000; i++) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    values v, back;
    memcpy(&v.any, &seed, sizeof v.any);
    if (!isfinite(v.any) || v.any == 0) continue;
    char text[64], why[SP_WHY_SIZE];
    sp_param_format(param, &v, text, sizeof text);
    assert_int_equal(sp_param_parse(param, text, &back, why, sizeof why), SP_SUCCESS);
    assert_memory_equal(&v.any, &back.any, sizeof v.any);
  }
}

static void test_edit_distance(void **state) {
  (void)state;
  static const struct {
    const char *a, *b;
    unsigned distance;
  } cases[] = {{"", "", 0},         {"", "abc", 3},      {"abc", "", 3},           {"mode", "mode", 0},
               {"moed", "mode", 1}, {"MODE", "mode", 0}, {"kitten", "sitting", 3}, {"chian", "chain", 1},
               {"ca", "abc", 3},    {"a", "b", 1}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const char *a = cases[i].a, *b = cases[i].b;
    assert_int_equal(sp_edit_distance(a, strlen(a), b, strlen(b)), cases[i].distance);
    assert_int_equal(sp_edit_distance(b, strlen(b), a, strlen(a)), cases[i].distance);
  }
  char longest[SP_NEAREST_LENGTH + 2];
  memset(longest, 'a', sizeof longest);
  assert_int_equal(sp_edit_distance(longest, SP_NEAREST_LENGTH, longest, SP_NEAREST_LENGTH), 0);
  assert_int_equal(sp_edit_distance(longest, SP_NEAREST_LENGTH, "b", 1), SP_NEAREST_LENGTH);
  assert_int_equal(sp_edit_distance(longest, SP_NEAREST_LENGTH + 1, "b", 1), UINT32_MAX);
}

static void test_nearest(void **state) {
  (void)state;
  static const char *const words[] = {"input", "output", "mode", "sort", "chain", "on_error", "commit_interval"};
  static const struct {
    const char *text, *best;
  } cases[] = {{"moed", "mode"},
               {"ouput", "output"},
               {"onerror", "on_error"},
               {"comit_intervall", "commit_interval"},
               {"Chain", "chain"},
               {"velocity", ""},
               {"m", ""},
               {"", ""},
               {"nodes", ""},
               {"aperture_size", ""},
               {"intput", "input"}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    sp_nearest nearest = {.text = cases[i].text};
    for (size_t w = 0; w < sizeof words / sizeof words[0]; w++) {
      sp_nearest_offer(&nearest, words[w], strlen(words[w]));
    }
    assert_string_equal(nearest.best, cases[i].best);
  }
}

static void test_quote(void **state) {
  (void)state;
  char out[SP_QUOTE_SIZE];
  assert_string_equal(sp_quote("plain", out), "plain");
  assert_string_equal(sp_quote("a\nb\x1b[31m", out), "a?b?[31m");
  assert_string_equal(sp_quote("M\xc3\xbcller", out), "M\xc3\xbcller");
  assert_string_equal(sp_quote("\xff\xc3[\xc2\x9b", out), "??[?");
  assert_string_equal(sp_quote("\xe2\x82", out), "??");
  assert_string_equal(sp_quote("0123456789012345678901234567890123456789", out),
                      "0123456789012345678901234567890123456789");
  assert_string_equal(sp_quote("01234567890123456789012345678901234567890", out),
                      "0123456789012345678901234567890123456789...");
  assert_string_equal(sp_quote("012345678901234567890123456789012345678\xf0\x9f\x98\x80z", out),
                      "012345678901234567890123456789012345678\xf0\x9f\x98\x80...");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_defaults),
      cmocka_unit_test(test_taken),
      cmocka_unit_test(test_refused),
      cmocka_unit_test(test_small_buffers),
      cmocka_unit_test(test_random_reals_survive),
      cmocka_unit_test(test_edit_distance),
      cmocka_unit_test(test_nearest),
      cmocka_unit_test(test_quote),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
