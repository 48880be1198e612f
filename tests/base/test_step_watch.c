/* SPDX-License-Identifier: BSD-3-Clause */
/* may warn */
/* A step that takes too long ends its process; one that ends in time does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "seisproc/log.h"
#include "seisproc/status.h"
#include "src/base/step_watch.h"

/* The exit code of a process in which a step of so many milliseconds has a second. */
static int run_step(int rank, unsigned milliseconds, double seconds) {
  const pid_t child = fork();
  if (child == 0) {
    sp_log_set_stream(fopen("/dev/null", "w"));
    sp_step_watch *watch = sp_step_watch_begin(rank, "nothing comes", "look elsewhere", seconds);
    usleep(milliseconds * 1000);
    sp_step_watch_end(watch);
    _exit(3);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_steps(void **state) {
  (void)state;
  assert_int_equal(run_step(0, 0, 1000), 3);
  assert_int_equal(run_step(0, 20000, 0.5), SP_EXIT_RESUMABLE);
  assert_int_equal(run_step(1, 20000, 0.5), SP_EXIT_RESUMABLE);
  assert_int_equal(run_step(0, 100, 0), 3); /* no limit */
  sp_step_watch_end(NULL);
}

static void test_limit(void **state) {
  (void)state;
  unsetenv("SEISPROC_START_TIMEOUT");
  assert_true(sp_step_limit() == 300);
  setenv("SEISPROC_START_TIMEOUT", "12.5", 1);
  assert_true(sp_step_limit() == 12.5);
  setenv("SEISPROC_START_TIMEOUT", "0", 1);
  assert_true(sp_step_limit() == 0);
  setenv("SEISPROC_START_TIMEOUT", "-1", 1);
  assert_true(sp_step_limit() == 300);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_steps), cmocka_unit_test(test_limit)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
