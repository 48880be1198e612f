/* SPDX-License-Identifier: BSD-3-Clause */
/* Threads and clocks beside a rank: the sync thread, the watchdog, the deadline and the lock. */
/* timeout: 90 */
/* may warn */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "seisproc/clock.h"
#include "seisproc/lock.h"
#include "seisproc/roles.h"
#include "src/run/deadline.h"
#include "src/run/history.h"
#include "src/run/sync_thread.h"
#include "src/run/watchdog.h"

static char file_path[300], history[300], inflight[300], lock_path[300];

static int set_up(void **state) {
  const char *folder = getenv("SEISPROC_TEST_TMP");
  if (!folder) folder = "/tmp";
  snprintf(file_path, sizeof file_path, "%s/file", folder);
  snprintf(history, sizeof history, "%s/out.runs", folder);
  snprintf(inflight, sizeof inflight, "%s/out.inflight", folder);
  snprintf(lock_path, sizeof lock_path, "%s/out.lock", folder);
  unlink(history);
  unlink(inflight);
  unlink(lock_path);
  const int fd = open(file_path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
  close(fd);
  return 0;
}

static void nap(long ms) {
  nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

/* One sync at a time; what it covers is what was written when it began. */
static void a_sync_covers_what_came_before_it(void **state) {
  sp_sync_thread *thread = NULL;
  uint64_t durable = 0, wanted = 0, n = 0;
  assert_int_equal(sp_sync_thread_create(file_path, NULL, &thread), SP_SUCCESS);
  for (uint64_t written = 1; written <= 200; written++) {
    if (sp_sync_thread_start(thread, written)) {
      assert_int_equal(durable, wanted); /* none was under way */
      wanted = written;
      n++;
    }
    const uint64_t before = durable;
    assert_int_equal(sp_sync_thread_poll(thread, &durable), SP_SUCCESS);
    assert_true(durable == before || durable == wanted);
  }
  while (durable < wanted) {
    assert_int_equal(sp_sync_thread_poll(thread, &durable), SP_SUCCESS);
    nap(1);
  }
  assert_int_equal(sp_sync_thread_count(thread), n);
  assert_true(sp_sync_thread_seconds(thread) >= 0);
  sp_sync_thread_destroy(thread);
  sp_sync_thread_destroy(NULL);
  assert_true(sp_sync_thread_create("/nowhere/at/all", NULL, &thread) != SP_SUCCESS);
}

/* In place of the system's: a disk that fails while `disk_fails`. */
static atomic_bool disk_fails;

int fdatasync(int fd) {
  if (!disk_fails) return (int)syscall(SYS_fdatasync, fd);
  errno = EIO;
  return -1;
}

static sp_status poll_until_failed(sp_sync_thread *thread, uint64_t *durable) {
  sp_status status = SP_SUCCESS;
  while (status == SP_SUCCESS) {
    status = sp_sync_thread_poll(thread, durable);
    nap(1);
  }
  return status;
}

/* What a sync that failed should have covered is not durable, then or later, and no other sync is begun. */
static void a_sync_that_fails_is_the_last(void **state) {
  sp_sync_thread *thread = NULL;
  uint64_t durable = 0;
  assert_int_equal(sp_sync_thread_create(file_path, NULL, &thread), SP_SUCCESS);
  assert_true(sp_sync_thread_start(thread, 1));
  while (durable < 1) assert_int_equal(sp_sync_thread_poll(thread, &durable), SP_SUCCESS);
  disk_fails = true;
  assert_true(sp_sync_thread_start(thread, 2));
  assert_int_equal(poll_until_failed(thread, &durable), SP_ERR_IO);
  assert_int_equal(durable, 1);
  disk_fails = false;
  assert_false(sp_sync_thread_start(thread, 3));
  assert_int_equal(sp_sync_thread_poll(thread, &durable), SP_ERR_IO);
  assert_int_equal(durable, 1);
  assert_int_equal(sp_sync_thread_count(thread), 2);
  sp_sync_thread_destroy(thread);
}

/* Runs a watchdog in a process of its own; returns what that process ended with, 0 where the watchdog let it live. */
static int watchdog_in_child(int rank, sp_place *places, int n, double stall_s, bool works) {
  const pid_t child = fork();
  if (child == 0) {
    sp_activity activity = {0};
    sp_activity_set(&activity, "waits for something");
    places[rank].process = getpid();
    const sp_watchdog_config config = {.inflight_path = inflight,
                                       .history_path = history,
                                       .activity = &activity,
                                       .places = places,
                                       .rank = rank,
                                       .n_ranks = n,
                                       .stall_s = stall_s};
    sp_watchdog *watch = NULL;
    if (sp_watchdog_create(&config, &watch) != SP_SUCCESS) _exit(9);
    for (int i = 0; i < 60; i++) {
      if (works) sp_activity_step(&activity);
      nap(50);
    }
    sp_watchdog_destroy(watch);
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void who_hangs_is_ended_and_who_works_is_not(void **state) {
  sp_place places[2] = {{.role = SP_ROLE_COORDINATOR, .host = "n"}, {.role = SP_ROLE_WORKER, .node = 1, .host = "m"}};
  sp_last_run run;
  assert_int_equal(watchdog_in_child(0, places, 2, 1, true), 0);
  assert_int_equal(watchdog_in_child(0, places, 2, 0, false), 0); /* 0: hangs are not looked for */
  sp_history_last(history, 0, &run);
  assert_int_equal(run.end, SP_END_NONE);
  assert_int_equal(watchdog_in_child(0, places, 2, 0.6, false), SP_EXIT_RESUMABLE);
  sp_history_last(history, 0, &run);
  assert_int_equal(run.end, SP_END_STALLED);
}

/* A neighbour that was there and is gone ends the rank; one of another node does not. */
static void a_neighbour_that_dies_takes_the_rank_with_it(void **state) {
  const pid_t neighbour = fork();
  if (neighbour == 0) {
    nap(700);
    _exit(0);
  }
  sp_place places[2] = {{.role = SP_ROLE_COORDINATOR, .host = "n"},
                        {.role = SP_ROLE_WORKER, .process = neighbour, .host = "n"}};
  int status;
  const pid_t child = fork();
  if (child == 0) _exit(watchdog_in_child(0, places, 2, 0, true));
  waitpid(neighbour, &status, 0); /* a dead process is gone only when it was waited for */
  waitpid(child, &status, 0);
  assert_int_equal(WEXITSTATUS(status), SP_EXIT_RESUMABLE);
}

/* It is near when what is in flight would not be on the disk in time. */
static void the_deadline_knows_how_long_things_take(void **state) {
  sp_deadline d;
  unsetenv("SEISPROC_STARTED_AT");
  sp_deadline_start(&d, (double)NAN);
  assert_false(sp_deadline_is_near(&d));
  sp_deadline_start(&d, 1);
  assert_true(sp_deadline_is_near(&d)); /* less than it takes to leave */
  sp_deadline_start(&d, 1000);
  assert_false(sp_deadline_is_near(&d));
  for (uint64_t i = 1; i <= 500; i++) sp_deadline_dealt(&d, i); /* more than it keeps */
  sp_deadline_durable(&d, 500);
  assert_false(sp_deadline_is_near(&d));
  d.drain_s = 800; /* as if it had taken so long */
  assert_true(sp_deadline_is_near(&d));
  d.drain_s = 0;
  sp_deadline_dealt(&d, 501);
  d.marks[(d.n_marks - 1) % SP_DEADLINE_MARKS].at = sp_now() - 700; /* on its way for long */
  assert_true(sp_deadline_is_near(&d));
}

/* A lock ends with its holder, however that ends. */
static void a_lock_is_one_process_and_ends_with_it(void **state) {
  sp_lock *lock = NULL;
  int to_child[2], from_child[2], status;
  char byte = 0;
  assert_int_equal(pipe(to_child) | pipe(from_child), 0);
  const pid_t child = fork();
  if (child == 0) {
    byte = sp_lock_acquire(lock_path, &lock) == SP_SUCCESS;
    if (write(from_child[1], &byte, 1) != 1 || read(to_child[0], &byte, 1) != 1) _exit(1);
    raise(SIGKILL);
  }
  assert_int_equal(read(from_child[0], &byte, 1), 1);
  assert_int_equal(byte, 1);
  assert_int_equal(sp_lock_acquire(lock_path, &lock), SP_ERR_USAGE);
  assert_int_equal(write(to_child[1], &byte, 1), 1);
  waitpid(child, &status, 0);
  assert_int_equal(sp_lock_acquire(lock_path, &lock), SP_SUCCESS);
  int fd = -1;
  assert_int_equal(sp_lock_join(lock_path, &fd), SP_SUCCESS);
  close(fd);
  sp_lock_release(lock);
  assert_int_equal(access(lock_path, F_OK), -1);
  sp_lock_release(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(a_sync_covers_what_came_before_it, set_up),
      cmocka_unit_test_setup(a_sync_that_fails_is_the_last, set_up),
      cmocka_unit_test_setup(who_hangs_is_ended_and_who_works_is_not, set_up),
      cmocka_unit_test_setup(a_neighbour_that_dies_takes_the_rank_with_it, set_up),
      cmocka_unit_test_setup(the_deadline_knows_how_long_things_take, set_up),
      cmocka_unit_test_setup(a_lock_is_one_process_and_ends_with_it, set_up),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
