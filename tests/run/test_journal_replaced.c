/* SPDX-License-Identifier: BSD-3-Clause */
/* A journal without some units, in the place of one that has them: it says nothing until it is put there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "src/run/journal.h"

enum { N_GATHERS = 12, LINE_UNITS = 4 };

static char path[512];

static void append(sp_journal *journal, uint64_t first, uint32_t n) {
  sp_gather_result results[LINE_UNITS] = {{0}};
  for (uint32_t g = 0; g < n; g++) results[g].crc_traces = (uint32_t)(1000 + first + g);
  assert_int_equal(sp_journal_append(journal, first, n, results, NULL, 0), SP_SUCCESS);
}

/* Says that these gathers are done, a character each, and has their figures. */
static void check(const char *expected) {
  sp_journal_contents contents;
  assert_int_equal(sp_journal_read(path, &sp_gather_figures, N_GATHERS, &contents), SP_SUCCESS);
  assert_true(contents.begun);
  assert_string_equal(contents.header.job, "mode: both\n");
  assert_int_equal(contents.n_bad_lines, 0);
  for (uint64_t g = 0; g < N_GATHERS; g++) {
    const sp_gather_result *result = sp_figures_at(&sp_gather_figures, contents.figures, g);
    assert_int_equal(contents.done[g] != 0, expected[g] == 'x');
    if (contents.done[g]) assert_int_equal(result->crc_traces, 1000 + g);
  }
  sp_journal_contents_free(&contents);
}

static void append_to_it(uint64_t first, uint32_t n) {
  const struct timespec pause = {.tv_nsec = 1000000};
  sp_journal_contents contents;
  sp_journal *journal;
  assert_int_equal(sp_journal_read(path, &sp_gather_figures, N_GATHERS, &contents), SP_SUCCESS);
  assert_int_equal(sp_journal_open(path, &contents, LINE_UNITS, NULL, &journal), SP_SUCCESS);
  append(journal, first, n);
  for (bool durable = false; !durable; nanosleep(&pause, NULL)) {
    assert_int_equal(sp_journal_poll(journal, &durable), SP_SUCCESS);
  }
  sp_journal_close(journal);
  sp_journal_contents_free(&contents);
}

static void it_counts_once_it_is_there(void **state) {
  const char *folder = getenv("SEISPROC_TEST_TMP");
  char job[] = "mode: both\n";
  const sp_journal_header header = {.input_uuid = "11111111-2222-3333-4444-555555555555",
                                    .n_units = N_GATHERS,
                                    .n_traces = 100,
                                    .n_samples = 50,
                                    .figures = &sp_gather_figures,
                                    .job = job};
  sp_journal *journal;
  snprintf(path, sizeof path, "%s/out.h5.journal", folder ? folder : "/tmp");
  unlink(path);
  assert_int_equal(sp_journal_create(path, &header), SP_SUCCESS);
  append_to_it(0, 4);
  append_to_it(6, 4);
  check("xxxx..xxxx..");
  for (int puts = 0; puts < 2; puts++) {
    assert_int_equal(sp_journal_begin(path, &header, LINE_UNITS, NULL, &journal), SP_SUCCESS);
    append(journal, 7, 3);
    append(journal, 0, 2);
    check("xxxx..xxxx..");
    if (puts) assert_int_equal(sp_journal_put(journal), SP_SUCCESS);
    sp_journal_close(journal);
  }
  check("xx.....xxx..");
  append_to_it(2, 1);
  check("xxx....xxx..");
  unlink(path);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(it_counts_once_it_is_there)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
