/* SPDX-License-Identifier: BSD-3-Clause */
/* Sorting is stable, puts NaN last, and permuting in place does what an order says. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "random_survey.h"
#include "seisproc/trace_sort.h"

enum { MAX = 3000 };

static double column_0[MAX], column_1[MAX], column_2[MAX];
static const double *const columns[] = {column_0, column_1, column_2};
static sp_local order[MAX], scratch[MAX];

/* -1, 0, 1 for two numbers, NaN after all others; written apart from the code under test. */
static int compare_numbers(double a, double b) {
  if (isnan(a) || isnan(b)) return isnan(a) && isnan(b) ? 0 : isnan(a) ? 1 : -1;
  return a < b ? -1 : a > b;
}

static void assert_sorted_stably(size_t n_keys, sp_local n) {
  static unsigned char seen[MAX];
  memset(seen, 0, sizeof seen);
  for (sp_local i = 0; i < n; i++) {
    assert_true(order[i] < n && !seen[order[i]]);
    seen[order[i]] = 1;
    if (i == 0) continue;
    int relation = 0;
    for (size_t k = 0; k < n_keys && relation == 0; k++) {
      relation = compare_numbers(columns[k][order[i - 1]], columns[k][order[i]]);
    }
    if (relation > 0 || (relation == 0 && order[i - 1] > order[i])) fail_msg("entries %u and %u of %u", i - 1, i, n);
  }
}

static void sorts_random_keys_stably(void **state) {
  uint64_t seed = 5;
  const sp_local lengths[] = {0, 1, 2, 3, 15, 16, 17, 31, 32, 33, 100, 1000, 1023, 1025, 2999};
  for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
    for (unsigned range = 2; range <= 2000; range *= 10) {
      for (sp_local i = 0; i < lengths[l]; i++) {
        column_0[i] = (double)(random_bits(&seed) % range) - 1;
        column_1[i] = random_bits(&seed) % 7 ? -(double)(random_bits(&seed) % range) : NAN;
        column_2[i] = random_bits(&seed) % 5 ? (random_bits(&seed) % 2 ? 0.0 : -0.0) : INFINITY;
      }
      for (size_t n_keys = 0; n_keys <= 3; n_keys++) {
        sp_trace_sort(columns, n_keys, lengths[l], order, scratch);
        assert_sorted_stably(n_keys, lengths[l]);
      }
    }
  }
}

static void keeps_order_and_reverses(void **state) {
  for (sp_local i = 0; i < MAX; i++) {
    column_0[i] = i / 3;
    column_1[i] = -(double)i;
  }
  sp_trace_sort(columns, 1, MAX, order, scratch);
  for (sp_local i = 0; i < MAX; i++) assert_int_equal(order[i], i);
  sp_trace_sort(columns + 1, 1, MAX, order, scratch);
  for (sp_local i = 0; i < MAX; i++) assert_int_equal(order[i], MAX - 1 - i);
}

static void nan_of_either_sign_sorts_last(void **state) {
  const double keys[] = {NAN, INFINITY, -NAN, -INFINITY, 0, NAN};
  const double *const column[] = {keys};
  sp_trace_sort(column, 1, 6, order, scratch);
  const sp_local expected[] = {3, 4, 1, 0, 2, 5};
  for (int i = 0; i < 6; i++) assert_int_equal(order[i], expected[i]);
}

static void permutes_rows_in_place(void **state) {
  enum { ROW = 5 };
  static unsigned char rows[MAX][ROW], before[MAX][ROW], visited[MAX];
  unsigned char spare[ROW];
  uint64_t seed = 9;
  for (int trial = 0; trial < 60; trial++) {
    const sp_local n = trial < 20 ? (sp_local)trial : (sp_local)(random_bits(&seed) % MAX);
    for (sp_local i = 0; i < n; i++) {
      order[i] = i;
      for (int j = 0; j < ROW; j++) rows[i][j] = (unsigned char)random_bits(&seed);
    }
    for (sp_local i = n; i > 1 && trial % 4; i--) {
      const sp_local j = (sp_local)(random_bits(&seed) % i), moved = order[j];
      order[j] = order[i - 1];
      order[i - 1] = moved;
    }
    memcpy(before, rows, sizeof rows);
    sp_trace_permute(rows, ROW, order, n, spare, visited);
    for (sp_local i = 0; i < n; i++) assert_memory_equal(rows[i], before[order[i]], ROW);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sorts_random_keys_stably),
      cmocka_unit_test(keeps_order_and_reverses),
      cmocka_unit_test(nan_of_either_sign_sorts_last),
      cmocka_unit_test(permutes_rows_in_place),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
