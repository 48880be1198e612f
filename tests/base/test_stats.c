/* SPDX-License-Identifier: BSD-3-Clause */
/* Stage times: adding up, summaries over ranks of which some take no part, and the closing table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "seisproc/clock.h"
#include "seisproc/stats.h"

static void the_clock_goes_forward_in_seconds(void **state) {
  const double before = sp_now();
  nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
  const double passed = sp_now() - before;
  assert_true(passed >= 0.02 && passed < 10);
  double last = sp_now();
  for (int i = 0; i < 1000; i++) {
    const double now = sp_now();
    assert_true(now >= last);
    last = now;
  }
}

static void times_add_up(void **state) {
  sp_stage_times times = {0};
  sp_stage_add(&times, SP_STAGE_READ, 0.5, 1000);
  sp_stage_add(&times, SP_STAGE_READ, 0.25, (uint64_t)1 << 40);
  sp_stage_add(&times, SP_STAGE_FLUSH, 2, 0);
  assert_true(times.seconds[SP_STAGE_READ] == 0.75 && times.seconds[SP_STAGE_FLUSH] == 2);
  assert_true(times.bytes[SP_STAGE_READ] == 1000 + ((uint64_t)1 << 40));
  assert_true(times.count[SP_STAGE_READ] == 2 && times.count[SP_STAGE_FLUSH] == 1 && times.count[SP_STAGE_WAIT] == 0);
}

/* Rank 0 does nothing, 1 and 3 compute, 2 writes. */
static void make_ranks(sp_stage_times ranks[4]) {
  memset(ranks, 0, 4 * sizeof *ranks);
  sp_stage_add(&ranks[1], SP_STAGE_COMPUTE, 3, 0);
  sp_stage_add(&ranks[3], SP_STAGE_COMPUTE, 1, 0);
  sp_stage_add(&ranks[2], SP_STAGE_WRITE, 0, 2000000000);
}

static void summaries_are_of_the_ranks_that_took_part(void **state) {
  sp_stage_times ranks[4];
  make_ranks(ranks);
  const sp_stage_summary compute = sp_stage_summarize(ranks, 4, SP_STAGE_COMPUTE);
  assert_int_equal(compute.n_ranks, 2);
  assert_true(compute.min == 1 && compute.mean == 2 && compute.max == 3);
  assert_true(compute.min_rank == 3 && compute.max_rank == 1);
  const sp_stage_summary write = sp_stage_summarize(ranks, 4, SP_STAGE_WRITE);
  assert_true(write.n_ranks == 1 && write.max == 0 && write.min_rank == 2 && write.max_rank == 2);
  assert_true(write.bytes == 2000000000);
  const sp_stage_summary none = sp_stage_summarize(ranks, 4, SP_STAGE_FLUSH);
  assert_true(none.n_ranks == 0 && none.min_rank == -1 && none.max_rank == -1);
}

static void the_table_has_a_line_a_stage(void **state) {
  sp_stage_times ranks[4];
  make_ranks(ranks);
  char text[2048] = "";
  FILE *stream = fmemopen(text, sizeof text, "w");
  sp_stage_print(stream, ranks, 4);
  fclose(stream);
  char stage[32];
  int n_ranks, rank;
  double min, mean, max, bytes;
  const char *line = strstr(text, "compute");
  assert_non_null(line);
  assert_int_equal(sscanf(line, "%31s %d %lf %lf %lf (%d) %lf", stage, &n_ranks, &min, &mean, &max, &rank, &bytes), 7);
  assert_true(n_ranks == 2 && min == 1 && mean == 2 && max == 3 && rank == 1 && bytes == 0);
  assert_non_null(strstr(text, "write"));
  assert_null(strstr(text, "flush"));
  int lines = 0;
  for (const char *c = text; *c; c++) lines += *c == '\n';
  assert_int_equal(lines, 3);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_clock_goes_forward_in_seconds),
      cmocka_unit_test(times_add_up),
      cmocka_unit_test(summaries_are_of_the_ranks_that_took_part),
      cmocka_unit_test(the_table_has_a_line_a_stage),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
