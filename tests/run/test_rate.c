/* SPDX-License-Identifier: BSD-3-Clause */
/* How long a job will take: on a recorded run, on steady and on bursty ones. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "src/run/rate.h"

/* Seconds and traces done of a run of 195,299 traces through dwt and fk_denoise on a machine that others used as well:
 * it begins slowly, since readers start cold, and goes on between 1100 and 4200 traces a second. It took 82 s. */
static const double recorded[][2] = {{10, 2015},   {20, 34364},  {30, 76828},  {40, 87556}, {50, 109353},
                                     {60, 130534}, {70, 162187}, {80, 192382}, {82, 195299}};

enum { N_RECORDED = sizeof recorded / sizeof recorded[0] };

/* When it will be over, in seconds since the start, is told within 40 percent from a third on, and never moves by more
 * than a quarter of the whole between two looks. */
static void test_a_recorded_run(void **state) {
  const double total = recorded[N_RECORDED - 1][1], end = recorded[N_RECORDED - 1][0];
  sp_rate rate = sp_rate_begin(0, 0);
  double before = NAN;
  for (int i = 0; i < N_RECORDED; i++) {
    sp_rate_note(&rate, recorded[i][0], (uint64_t)recorded[i][1]);
    const double told = recorded[i][0] + sp_rate_left(&rate, recorded[i][0], (uint64_t)(total - recorded[i][1]));
    if (recorded[i][0] < end / 3) continue;
    if (fabs(told - end) > 0.4 * end) fail_msg("at %g s: %g s, but it took %g", recorded[i][0], told, end);
    if (fabs(told - before) > 0.25 * end) fail_msg("at %g s: %g s, just now %g", recorded[i][0], told, before);
    before = told;
  }
  assert_true(sp_rate_left(&rate, 82, 0) == 0);
}

/* What becomes durable every 8 s, of a job that is steady: told twice a second. */
static void test_bursts_do_not_swing(void **state) {
  const double total = 1e6, speed = 2500, end = total / speed;
  sp_rate rate = sp_rate_begin(100, 0);
  double least = INFINITY, most = 0;
  for (double t = 0.5; t < end; t += 0.5) {
    const double done = floor(t / 8) * 8 * speed;
    sp_rate_note(&rate, 100 + t, (uint64_t)done);
    if (t < 60) continue;
    const double told = t + sp_rate_left(&rate, 100 + t, (uint64_t)(total - done));
    least = fmin(least, told);
    most = fmax(most, told);
  }
  if (least < 0.95 * end || most > 1.05 * end) fail_msg("from %g to %g s, it took %g", least, most, end);
}

/* A job that becomes half as fast is told to be so within a minute or so, although the mean forgets slowly. */
static void test_a_change_is_seen(void **state) {
  sp_rate rate = sp_rate_begin(0, 0);
  double done = 0;
  for (double t = 1; t <= 180; t++) {
    done += t <= 120 ? 1000 : 500;
    sp_rate_note(&rate, t, (uint64_t)done);
  }
  assert_true(sp_rate_value(&rate) < 700 && sp_rate_value(&rate) > 490);
}

static void test_nothing_done_says_nothing(void **state) {
  sp_rate rate = sp_rate_begin(5, 70);
  assert_true(isnan(sp_rate_left(&rate, 5, 10)));
  sp_rate_note(&rate, 6, 70);
  assert_true(isnan(sp_rate_left(&rate, 6, 10)) && sp_rate_value(&rate) == 0);
  sp_rate_note(&rate, 7, 90);
  assert_true(sp_rate_value(&rate) > 0 && sp_rate_value(&rate) < 20);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_recorded_run), cmocka_unit_test(test_bursts_do_not_swing),
                                     cmocka_unit_test(test_a_change_is_seen),
                                     cmocka_unit_test(test_nothing_done_says_nothing)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
