/* SPDX-License-Identifier: BSD-3-Clause */
/* Faint traces beside strong ones: which are counted, whatever the unit of the samples, in any order. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "src/base/faint.h"

/* `n` traces of this RMS, and one of `strong`. */
static uint32_t beside(uint32_t n, double rms, double strong) {
  sp_faint_count count = {0};
  for (uint32_t i = 0; i < n; i++) sp_faint_add(&count, rms * rms);
  sp_faint_add(&count, strong * strong);
  return sp_faint_traces(&count);
}

/* One trace of a hundred makes the RMS of all a tenth of it. */
static void below_the_limit_all_but_the_strong_one_are_counted(void **state) {
  for (double unit = 1e-30; unit < 1e30; unit *= 1e5) {
    assert_int_equal(beside(99, unit, 1e6 / 1.6 * unit), 0);
    assert_int_equal(beside(99, unit, 1e6 * 1.6 * unit), 99);
    assert_int_equal(beside(99, unit, unit), 0);
  }
}

static void nothing_is_no_trace(void **state) {
  sp_faint_count count = {0};
  assert_int_equal(sp_faint_traces(&count), 0);
  sp_faint_add(&count, 0);
  sp_faint_add(&count, NAN);
  sp_faint_add(&count, INFINITY);
  assert_int_equal(sp_faint_traces(&count), 0);
  sp_faint_add(&count, 1e300); /* beyond what samples can add up to */
  sp_faint_add(&count, 1e-300);
  assert_int_equal(sp_faint_traces(&count), 1);
}

static void the_energy_of_a_row_is_the_sum_of_its_squares(void **state) {
  float row[37] = {0};
  for (size_t n = 0; n <= 37; n++) {
    double expected = 0;
    for (size_t i = 0; i < n; i++) {
      row[i] = (float)i - 11.5f;
      expected += (double)row[i] * row[i];
    }
    assert_true(sp_row_energy(row, n) == expected); /* all sums are whole quarters */
  }
  row[36] = NAN;
  assert_true(isnan(sp_row_energy(row, 37)));
  for (int i = 0; i < 37; i++) row[i] = 3e38f;
  assert_true(isfinite(sp_row_energy(row, 37)));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(below_the_limit_all_but_the_strong_one_are_counted),
      cmocka_unit_test(nothing_is_no_trace),
      cmocka_unit_test(the_energy_of_a_row_is_the_sum_of_its_squares),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
