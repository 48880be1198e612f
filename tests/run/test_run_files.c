/* SPDX-License-Identifier: BSD-3-Clause */
/* What a run leaves beside its output for whoever looks after a death: the history, what was in flight, and which units
 * are suspected of killing their workers. Lines that are torn, damaged or of another run say nothing. */
/* may warn */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "seisproc/log.h"
#include "src/run/history.h"
#include "src/run/inflight.h"
#include "src/run/quarantine.h"

enum { N_UNITS = 20 };

static char path[300];

static int set_up(void **state) {
  const char *folder = getenv("SEISPROC_TEST_TMP");
  snprintf(path, sizeof path, "%s/out.h5.runs", folder ? folder : "/tmp");
  unlink(path);
  return 0;
}

static void write_text(const char *text) {
  FILE *file = fopen(path, "a");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
}

static void the_last_run_is_told(void **state) {
  sp_last_run run;
  sp_history_last(path, 0, &run);
  assert_true(!run.begun && run.end == SP_END_NONE && sp_history_size(path) == 0);
  sp_history_add(path, "run %s %s 0/20 ranks=3", "2026-01-01T00:00:00Z", "new");
  sp_history_end(path, SP_END_BROKEN, 2);
  const uint64_t first = sp_history_size(path);
  sp_history_last(path, 0, &run);
  assert_true(run.begun && run.is_new && run.end == SP_END_BROKEN && run.end_rank == 2 && !run.crashed);
  sp_history_add(path, "gone 1"); /* as it would be once a rank has ended the job */
  sp_history_last(path, 0, &run);
  assert_false(run.gone);
  sp_history_last(path, first, &run);
  assert_false(run.begun);
  sp_history_add(path, "run %s %s 5/20 ranks=3", "2026-01-01T00:00:00Z", "resumed");
  write_text("gone 3\ngone 1\ncrash 2 11 7 3\ncrash 3 6 1 1\nend 2026-01-01T00:00:00Z stalled 0\nend "
             "2026-01-01T00:00:00Z complete 0\n");
  write_text("rubbish\nrun\nend\ncrash x\nend 2026 nonsense 1\nrun 2026-01-01T00:00:00Z re"); /* torn */
  sp_history_last(path, first, &run);
  assert_true(run.begun && !run.is_new);
  assert_int_equal(run.end, SP_END_STALLED); /* the first: others follow it */
  assert_true(run.gone && run.gone_rank == 3);
  assert_true(run.crashed && run.crash.rank == 2 && run.crash.signal == 11);
  assert_true(run.crash.first_unit == 7 && run.crash.n_units == 3);
}

static void describe(const sp_flow_plan *plan, uint64_t unit, char *text, size_t size) {
  snprintf(text, size, "cube %llu", (unsigned long long)unit);
}

static void suspects_are_found(void **state) {
  static const sp_flow flow = {.describe = describe};
  const sp_flow_plan plan = {.flow = &flow, .shape = {.n_units = N_UNITS}};
  uint8_t done[N_UNITS] = {0};
  sp_quarantine q;
  assert_int_equal(sp_quarantine_find(path, &plan, done, &q), SP_SUCCESS);
  assert_int_equal(q.n, 0);
  write_text("run T new 0/20\ncrash 2 11 0 20 0\n"); /* an output that was begun anew after it */
  write_text("run T new 0/20\nnode n01 0 3\nnode n02 3 2\ncrash 2 11 3 2 0\ncrash 2 11 4 2 0\ncrash 2 11 9 1 0\n"
             "crash 3 11 9 1 0\ncrash 2 11 18 9 0\ncrash 2 11 18446744073709551615 2 0\ncrash 2 11 12 1 0\n"
             "crash 2 11 12 1 1\ncrash 2 11 14 1 0\ncrash 2 11 14 1 0\ncrash 3 11 14 1 1\n");
  write_text("crash 2 7 0 0 0\ncrash 2 7 0 0 0\n");            /* signals that accuse nothing */
  write_text("crash 2 0 6 1\ncrash 2 0 6 1\ncrash 2 0 6 1\n"); /* a device, as it was noted once */
  write_text("run T resumed 0/20\nnode n03 0 5\ncrash 4 11 4 1 1\ncrash 3 11 4 1 2\n");
  done[12] = 1;
  assert_int_equal(sp_quarantine_find(path, &plan, done, &q), SP_SUCCESS);
  assert_int_equal(q.n, 3);
  assert_true(q.suspects[0].unit == 4 && q.suspects[0].set_aside == SP_REASON_CRASHED); /* by itself, twice */
  assert_true(q.suspects[1].unit == 9 && q.suspects[1].set_aside == SP_REASON_OK);
  assert_int_equal(q.suspects[1].trial, SP_TRIAL_ALONE); /* it was not dealt alone yet */
  assert_true(q.suspects[2].unit == 14 && q.suspects[2].trial == SP_TRIAL_ELSEWHERE);
  assert_true(q.suspects[2].rank == 3 && !strcmp(q.suspects[2].host, "n02"));
  assert_true(done[4] && done[9] && !done[3] && !done[5] && !done[6] && !done[10]);
  sp_quarantine_free(&q);
}

/* Ranks 2 to 5 are workers, two on each of two hosts. */
static sp_suspect *offer(sp_suspect suspect, int n_teams, int team, bool one_host, bool *on_cpu) {
  static sp_suspect held;
  sp_member members[6];
  sp_place places[6];
  for (int r = 0; r < 6; r++) {
    members[r] = (sp_member){.role = r < 2 ? SP_ROLE_IO : SP_ROLE_WORKER, .index = r - 2};
    places[r] = (sp_place){.role = members[r].role};
    snprintf(places[r].host, sizeof places[r].host, "%s", r < 4 || one_host ? "n01" : "n02");
  }
  const sp_roles roles = {
      .world.size = 6, .members = members, .n_workers = 4, .n_teams = n_teams, .team_size = n_teams ? 4 / n_teams : 4};
  held = suspect;
  sp_quarantine q = {.suspects = &held, .n = 1};
  return sp_quarantine_next(&q, 0, N_UNITS, &roles, places, team, on_cpu);
}

static void a_second_trial_is_made_elsewhere(void **state) {
  bool on_cpu;
  sp_suspect suspect = {.unit = 7, .trial = SP_TRIAL_ALONE, .rank = -1};
  for (int team = 0; team < 4; team++) assert_non_null(offer(suspect, 4, team, false, &on_cpu));
  suspect = (sp_suspect){.unit = 7, .trial = SP_TRIAL_ELSEWHERE, .rank = 3, .host = "n01"};
  for (int team = 0; team < 4; team++) {
    assert_int_equal(offer(suspect, 4, team, false, &on_cpu) != NULL, team >= 2); /* on another host */
    assert_false(on_cpu);
    assert_int_equal(offer(suspect, 4, team, true, &on_cpu) != NULL, team != 1); /* else on another rank */
    assert_false(on_cpu);
  }
  assert_non_null(offer(suspect, 1, 0, true, &on_cpu)); /* else on the CPU */
  assert_true(on_cpu);
  suspect.host[2] = '9'; /* a host that takes no part any more */
  assert_non_null(offer(suspect, 1, 0, true, &on_cpu));
  assert_false(on_cpu);
  suspect.set_aside = SP_REASON_CRASHED; /* whoever writes it */
  assert_non_null(offer(suspect, 4, 1, true, &on_cpu));
  suspect.dealt = true;
  assert_null(offer(suspect, 4, 1, true, &on_cpu));
}

static void what_is_in_flight_is_told(void **state) {
  sp_place places[3] = {{.role = SP_ROLE_COORDINATOR, .process = 100, .host = "n01"},
                        {.role = SP_ROLE_IO, .process = 101, .host = "n01"},
                        {.role = SP_ROLE_WORKER, .process = 102, .host = "n02"}};
  sp_inflight *inflight = NULL;
  char text[SP_INFLIGHT_TEXT];
  bool says;
  assert_false(sp_inflight_describe(path, 2, text, &says));
  assert_int_equal(sp_inflight_create(path, "cube", places, 3, &inflight), SP_SUCCESS);
  for (int i = 0; i < 3000; i++) { /* more than the buffer holds */
    sp_inflight_deal(inflight, 2, (uint64_t)i, 1);
    sp_inflight_done(inflight, (uint64_t)i);
  }
  sp_inflight_deal(inflight, 2, 5000, 1);
  sp_inflight_deal(inflight, 2, 6000, 14);
  sp_inflight_flush(inflight);
  assert_true(sp_inflight_describe(path, 2, text, &says));
  assert_string_equal(text, "worker on n02, process 102, has cubes 5000, 6000 to 6013 in flight");
  assert_false(says);
  sp_inflight_note_wait(path, 2, 240, "waits for the disk");
  sp_inflight_done(inflight, 5000);
  sp_inflight_close(inflight);
  assert_true(sp_inflight_describe(path, 2, text, &says));
  assert_string_equal(text,
                      "worker on n02, process 102, has cubes 6000 to 6013 in flight, waits for the disk for 240 s");
  assert_true(says);
  assert_true(sp_inflight_describe(path, 1, text, &says));
  assert_string_equal(text, "i/o on n01, process 101");
  assert_false(sp_inflight_describe(path, 3, text, &says));
  uint64_t n_done, n_in_hand;
  sp_inflight_count(path, 2, &n_done, &n_in_hand);
  assert_true(n_done == 3001 && n_in_hand == 14);
  sp_inflight_count(path, 1, &n_done, &n_in_hand);
  assert_true(n_done == 0 && n_in_hand == 0);
}

/* Without a place to write it, it is said once and done without. */
static void what_cannot_be_written_is_done_without(void **state) {
  sp_inflight *inflight = NULL;
  const sp_place place = {.role = SP_ROLE_COORDINATOR, .host = "n"};
  assert_int_equal(sp_inflight_create("/nowhere/at/all", "cube", &place, 1, &inflight), SP_SUCCESS);
  for (int i = 0; i < 5000; i++) sp_inflight_deal(inflight, 0, (uint64_t)i, 1);
  sp_inflight_close(inflight);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(the_last_run_is_told, set_up),
      cmocka_unit_test_setup(suspects_are_found, set_up),
      cmocka_unit_test(a_second_trial_is_made_elsewhere),
      cmocka_unit_test_setup(what_is_in_flight_is_told, set_up),
      cmocka_unit_test_setup(what_cannot_be_written_is_done_without, set_up),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
