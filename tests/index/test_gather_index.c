/* SPDX-License-Identifier: BSD-3-Clause */
/* The gather index refuses what is not one and finds the gather of a trace. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "random_survey.h"
#include "seisproc/log.h"

static sp_status create(const sp_global *first, sp_global n, sp_global n_traces, sp_gather_index **out) {
  void *copy, *key;
  assert_int_equal(sp_alloc((n + 1) * sizeof *first, "test", &copy), SP_SUCCESS);
  memcpy(copy, first, (n + 1) * sizeof *first);
  assert_int_equal(sp_calloc(n, sizeof(int64_t), "test", &key), SP_SUCCESS);
  return sp_gather_index_create("survey.h5", n, n_traces, copy, key, out);
}

/* The create call fails, in one line that holds `part`. */
static void assert_refused(const sp_global *first, sp_global n, sp_global n_traces, const char *part) {
  char line[512] = "";
  FILE *stream = fmemopen(line, sizeof line, "w");
  assert_non_null(stream);
  sp_log_set_stream(stream);
  sp_gather_index *index = NULL;
  const sp_status status = create(first, n, n_traces, &index);
  sp_log_set_stream(NULL);
  fclose(stream);
  assert_int_equal(status, SP_ERR_INPUT);
  assert_null(index);
  if (!strstr(line, part) || !strstr(line, "survey.h5")) fail_msg("'%s' does not say '%s'", line, part);
}

static void refuses_what_is_no_index(void **state) {
  assert_refused((sp_global[]){1, 4}, 1, 4, "starts at trace 1");
  assert_refused((sp_global[]){0, 5, 4, 9}, 3, 9, "gather 1 ");
  assert_refused((sp_global[]){0, 5, 9}, 2, 10, "ends at trace 9, must be 10");
  assert_refused((sp_global[]){0, 5, 11}, 2, 10, "ends at trace 11, must be 10");
  assert_refused((sp_global[]){0, 5, 5 + 2147483648u}, 2, 5 + 2147483648u, "gather 1 has 2147483648 traces");
  assert_refused((sp_global[]){1}, 0, 1, "starts at trace 1");
  assert_refused((sp_global[]){0}, 0, 1, "of 0 gathers ends at trace 0, must be 1");
}

static void takes_the_largest_gather(void **state) {
  sp_gather_index *index;
  const sp_global first[] = {0, 7, 7 + 2147483647u, 9 + 2147483647u};
  assert_int_equal(create(first, 3, first[3], &index), SP_SUCCESS);
  assert_int_equal(index->max_traces, 2147483647);
  assert_int_equal(index->n_gathers, 3);
  const sp_range range = sp_gather_index_range(index, 1, 2);
  assert_int_equal(range.first_gather, 1);
  assert_int_equal(range.first_trace, 7);
  assert_int_equal(range.n_gathers, 2);
  assert_int_equal(range.n_traces, 2147483649u);
  sp_gather_index_destroy(index);
}

static void takes_a_survey_without_gathers(void **state) {
  sp_gather_index *index;
  assert_int_equal(create((sp_global[]){0}, 0, 0, &index), SP_SUCCESS);
  assert_int_equal(index->max_traces, 0);
  assert_int_equal(sp_gather_index_range(index, 0, 0).n_traces, 0);
  sp_gather_index_destroy(index);
  sp_gather_index_destroy(NULL);
}

static void finds_the_gather_of_each_trace(void **state) {
  uint64_t seed = 11;
  for (int trial = 0; trial < 50; trial++) {
    sp_local traces[60];
    const sp_global n = 1 + random_bits(&seed) % 60;
    for (sp_global g = 0; g < n; g++) traces[g] = random_bits(&seed) % 3 ? (sp_local)(random_bits(&seed) % 9) : 0;
    sp_gather_index *index = index_of_sizes(traces, n);
    assert_non_null(index);
    sp_global trace = 0;
    for (sp_global g = 0; g < n; g++) {
      for (sp_local i = 0; i < traces[g]; i++) assert_int_equal(sp_gather_index_find(index, trace++), g);
    }
    assert_int_equal(trace, index->n_traces);
    sp_gather_index_destroy(index);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(refuses_what_is_no_index),
      cmocka_unit_test(takes_the_largest_gather),
      cmocka_unit_test(takes_a_survey_without_gathers),
      cmocka_unit_test(finds_the_gather_of_each_trace),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
