/* SPDX-License-Identifier: BSD-3-Clause */
/* What text selects, by an independent count, and where the rows of a selection lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/selection.h"

enum { N_GATHERS = 12, N_TRACES = 25 };

/* Gathers 3, 4 and 11 are empty. */
static const sp_global starts[N_GATHERS + 1] = {0, 3, 5, 9, 9, 9, 10, 14, 15, 17, 20, 25, 25};

static sp_gather_index *make_index(const char *key_name, const int64_t key[N_GATHERS]) {
  void *first, *keys;
  sp_gather_index *index;
  assert_int_equal(sp_alloc(sizeof starts, "test", &first), SP_SUCCESS);
  assert_int_equal(sp_alloc(N_GATHERS * sizeof *key, "test", &keys), SP_SUCCESS);
  memcpy(first, starts, sizeof starts);
  memcpy(keys, key, N_GATHERS * sizeof *key);
  assert_int_equal(sp_gather_index_create("s.h5", N_GATHERS, N_TRACES, first, keys, &index), SP_SUCCESS);
  snprintf(index->key_name, sizeof index->key_name, "%s", key_name);
  return index;
}

static const int64_t shots[N_GATHERS] = {100, 101, 102, 103, 104, -5, -4, 7, 7, 200, 201, 300};

/* Column i of trace t is 100 i + t. */
static sp_status read_column(void *context, size_t i, sp_global first, sp_local n, double *values) {
  assert_true(first + n <= N_TRACES);
  for (sp_local k = 0; k < n; k++) values[k] = 100.0 * (double)i + (double)(first + k);
  return SP_SUCCESS;
}

static sp_selection *select_from(const sp_gather_index *index, const char *text) {
  char why[512] = "";
  sp_selection_rule *rule;
  sp_selection *selection;
  if (sp_selection_parse(text, why, sizeof why, &rule) != SP_SUCCESS) fail_msg("'%s': %s", text, why);
  assert_int_equal(sp_selection_make(rule, "s.h5", index, read_column, NULL, &selection), SP_SUCCESS);
  sp_selection_rule_destroy(rule);
  return selection;
}

static void assert_selects(const sp_gather_index *index, const char *text, const sp_global *gathers, sp_global n) {
  sp_selection *s = select_from(index, text);
  sp_global traces = 0;
  if (s->n_gathers != n) fail_msg("'%s' takes %d gathers, not %d", text, (int)s->n_gathers, (int)n);
  for (sp_global i = 0; i < n; i++) {
    if (s->gather[i] != gathers[i]) fail_msg("'%s': place %d is %d", text, (int)i, (int)s->gather[i]);
    assert_int_equal(s->first_trace[i], traces);
    assert_int_equal(s->source_trace[i], starts[gathers[i]]);
    traces += starts[gathers[i] + 1] - starts[gathers[i]];
  }
  assert_int_equal(s->n_traces, traces);
  assert_int_equal(s->first_trace[n], traces);
  sp_selection_destroy(s);
}

#define SELECTS(text, ...)                                                                                             \
  assert_selects(index, text, (sp_global[]){__VA_ARGS__}, sizeof((sp_global[]){__VA_ARGS__}) / sizeof(sp_global))

static void takes_what_the_text_says(void **state) {
  sp_gather_index *index = make_index("fldr", shots);
  SELECTS("all", 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
  SELECTS("first:2", 0, 1);
  SELECTS("first:99", 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
  SELECTS("every:5", 0, 5, 10);
  SELECTS("3:5", 3, 4);
  SELECTS("10:999", 10, 11);
  SELECTS("fldr=101-103", 1, 2, 3);
  SELECTS("fldr=7", 7, 8);
  SELECTS("fldr=201, 100,-5--4", 0, 5, 6, 10);
  SELECTS("where: a >= 9 and a < 11", 5, 6);
  SELECTS("where: a = 14 or b = 100", 0, 7);
  sp_gather_index_destroy(index);
}

static void takes_parts_of_a_double_key(void **state) {
  int64_t keys[N_GATHERS];
  for (int g = 0; g < N_GATHERS; g++) keys[g] = sp_gather_key_join(10 + g / 4, -2 + g % 4);
  sp_gather_index *index = make_index("iline+xline", keys);
  SELECTS("iline=11-12", 4, 5, 6, 7, 8, 9, 10, 11);
  SELECTS("xline=-2,1", 0, 3, 4, 7, 8, 11);
  sp_gather_index_destroy(index);
}

static void refuses_text_that_says_nothing(void **state) {
  static const char *const bad[] = {
      "last:3", "first:",       "first:0",  "first:-1",      "every:0",  "5:5",
      "5:3",    "5:",           "5",        "fldr=",         "fldr=1-",  "=3",
      "fldr=x", "fldr=3-1",     "fldr=1,",  "fldr=1 2",      "1:2:3",    "first:2x",
      "where:", "where: 1 < 2", "where: (", "where: offset", "fldr=1.5", "99999999999999999999:3"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    char why[512] = "";
    sp_selection_rule *rule = NULL;
    if (sp_selection_parse(bad[i], why, sizeof why, &rule) != SP_ERR_USAGE) fail_msg("'%s' is taken", bad[i]);
    assert_null(rule);
    assert_true(strlen(why) > 10);
  }
}

static void assert_refused(const sp_gather_index *index, const char *text, const char *part) {
  char line[512] = "", why[512];
  sp_selection_rule *rule;
  sp_selection *selection = NULL;
  assert_int_equal(sp_selection_parse(text, why, sizeof why, &rule), SP_SUCCESS);
  FILE *stream = fmemopen(line, sizeof line, "w");
  sp_log_set_stream(stream);
  assert_int_equal(sp_selection_make(rule, "s.h5", index, read_column, NULL, &selection), SP_ERR_USAGE);
  sp_log_set_stream(NULL);
  fclose(stream);
  assert_null(selection);
  if (!strstr(line, part)) fail_msg("'%s' does not say '%s'", line, part);
  sp_selection_rule_destroy(rule);
}

static void refuses_to_take_none(void **state) {
  sp_gather_index *index = make_index("fldr", shots);
  assert_refused(index, "fldr=500-600", "numbers 0 to 11, fldr 100 to fldr 300");
  assert_refused(index, "12:20", "it has 12");
  assert_refused(index, "where: a > 1000", "holds for no trace");
  assert_refused(index, "cdp=1", "allowed is fldr");
  sp_gather_index_destroy(index);
}

/* All runs of all ranges, a row at a time. */
static void check_runs(const sp_selection *s) {
  sp_global row_of[N_TRACES];
  for (sp_global g = 0; g < s->n_gathers; g++) {
    for (sp_global t = s->first_trace[g]; t < s->first_trace[g + 1]; t++) {
      row_of[t] = starts[s->gather[g]] + (t - s->first_trace[g]);
    }
  }
  for (sp_global first = 0; first < s->n_traces; first++) {
    for (sp_local n = 1; n <= s->n_traces - first; n++) {
      const sp_selection_run run = sp_selection_traces(s, first, n);
      assert_true(run.n >= 1 && run.n <= n);
      for (sp_local i = 0; i < run.n; i++) assert_int_equal(run.source + i, row_of[first + i]);
    }
  }
  for (sp_global first = 0; first < s->n_gathers; first++) {
    const sp_selection_run run = sp_selection_gathers(s, first, (sp_local)(s->n_gathers - first));
    for (sp_local i = 0; i < run.n; i++) assert_int_equal(run.source + i, s->gather[first + i]);
  }
}

static void tells_where_rows_lie(void **state) {
  sp_gather_index *index = make_index("fldr", shots);
  static const char *const texts[] = {"all", "every:2", "every:3", "2:9", "where: a = 4 or a = 9 or a = 24"};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    sp_selection *s = select_from(index, texts[i]);
    check_runs(s);
    sp_selection_destroy(s);
  }
  sp_gather_index_destroy(index);
}

static void selects_from_a_selection(void **state) {
  sp_gather_index *index = make_index("fldr", shots);
  sp_selection *outer = select_from(index, "every:2"), *inner = NULL; /* 0, 2, 4, 6, 8, 10 */
  void *first, *key;
  sp_gather_index *within;
  assert_int_equal(sp_alloc(7 * sizeof(sp_global), "test", &first), SP_SUCCESS);
  assert_int_equal(sp_calloc(6, sizeof(int64_t), "test", &key), SP_SUCCESS);
  memcpy(first, outer->first_trace, 7 * sizeof(sp_global));
  assert_int_equal(sp_gather_index_create("s.h5", 6, outer->n_traces, first, key, &within), SP_SUCCESS);
  assert_int_equal(sp_selection_of(within, (sp_global[]){1, 4, 5}, 3, &inner), SP_SUCCESS);
  sp_selection_compose(outer, inner);
  assert_int_equal(inner->gather[0], 2);
  assert_int_equal(inner->gather[1], 8);
  assert_int_equal(inner->gather[2], 10);
  check_runs(inner);
  sp_selection_destroy(inner);
  sp_gather_index_destroy(within);
  sp_selection_destroy(outer);
  sp_gather_index_destroy(index);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(takes_what_the_text_says),       cmocka_unit_test(takes_parts_of_a_double_key),
      cmocka_unit_test(refuses_text_that_says_nothing), cmocka_unit_test(refuses_to_take_none),
      cmocka_unit_test(tells_where_rows_lie),           cmocka_unit_test(selects_from_a_selection),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
