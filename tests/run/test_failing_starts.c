/* SPDX-License-Identifier: BSD-3-Clause */
/* What a rank makes for itself before it takes part in a job - outbox, tasks in hand, what is in flight, quarantine,
 * sync thread, space thread, watchdog, lock - where memory or threads are at their end on one rank: that rank says so,
 * all ranks know, and nothing is left behind. */
/* ranks: 1 2 3 5 */
/* timeout: 90 */
/* may warn */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "seisproc/lock.h"
#include "src/run/inflight.h"
#include "src/run/messages.h"
#include "src/run/quarantine.h"
#include "src/run/space_thread.h"
#include "src/run/sync_thread.h"
#include "src/run/task_table.h"
#include "src/run/watchdog.h"
#include "tests/dist/failing_allocations.h"

/* On this rank no thread starts. */
static atomic_bool threads_fail;

typedef int (*thread_starter)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

int pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*run)(void *), void *argument) {
  if (threads_fail) return EAGAIN;
  const thread_starter start = (thread_starter)(uintptr_t)dlsym(RTLD_NEXT, "pthread_create");
  return start(thread, how, run, argument);
}

/* A file of this rank's own. */
static const char *own_file(const char *name) {
  static char path[300];
  const char *folder = getenv("SEISPROC_TEST_TMP");
  snprintf(path, sizeof path, "%s/%s.%d", folder ? folder : "/tmp", name, sp_ranks_of(MPI_COMM_WORLD).rank);
  return path;
}

static void write_text(const char *path, const char *text) {
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
}

static int open_files(void) {
  int n = 0;
  DIR *files = opendir("/proc/self/fd");
  assert_non_null(files);
  while (readdir(files)) n++;
  closedir(files);
  return n;
}

/* What one rank has made, once all have; where one has not, the others give theirs back. */
static sp_status all_or_none(sp_status status, void *object, void (*destroy)(void *), void **out) {
  status = sp_agree(MPI_COMM_WORLD, status);
  if (status == SP_SUCCESS) {
    *out = object;
  } else {
    destroy(object);
  }
  return status;
}

static void check(const maker *m, unsigned least, bool has_thread) {
  const int files = open_files();
  check_allocations(m, least);
  for (int victim = 0; victim < sp_ranks_of(MPI_COMM_WORLD).size && has_thread; victim++) {
    const int blocks = blocks_in_use;
    void *object = NULL;
    threads_fail = sp_ranks_of(MPI_COMM_WORLD).rank == victim;
    assert_int_equal(m->make(m->context, &object), SP_ERR_MEMORY);
    threads_fail = false;
    assert_null(object);
    assert_int_equal(blocks_in_use, blocks);
  }
  assert_int_equal(open_files(), files);
}

/* --- the outbox --------------------------------------------------------------------------------------------------- */

static void destroy_outbox(void *box) {
  sp_outbox_destroy(box);
}

static sp_status make_outbox(void *context, void **out) {
  sp_outbox *box = NULL;
  const sp_status status = sp_outbox_create(MPI_COMM_WORLD, 5, 3, 1000, &box);
  return all_or_none(status, box, destroy_outbox, out);
}

static bool sending_fails;

int MPI_Isend(const void *data, int n, MPI_Datatype type, int to, int tag, MPI_Comm comm, MPI_Request *request) {
  return sending_fails ? MPI_ERR_OTHER : PMPI_Isend(data, n, type, to, tag, comm, request);
}

static void an_outbox(void **state) {
  const maker m = {make_outbox, destroy_outbox, NULL, SP_SUCCESS, false};
  check(&m, 3, false);
}

/* The message has not left, and its buffer is free again: nobody waits for it at the end. */
static void a_message_that_cannot_be_sent(void **state) {
  sp_outbox *box = NULL;
  assert_int_equal(sp_outbox_create(MPI_COMM_SELF, 5, 2, 100, &box), SP_SUCCESS);
  sending_fails = true;
  assert_int_equal(sp_outbox_send(box, 1, 100, 0), SP_ERR_MPI);
  sending_fails = false;
  assert_true(sp_outbox_is_free(box, 1));
  sp_outbox_destroy(box);
}

/* --- tables and files --------------------------------------------------------------------------------------------- */

static void destroy_table(void *table) {
  sp_task_table_destroy(table);
}

static sp_status make_table(void *context, void **out) {
  sp_task_table *table = NULL;
  const sp_status status = sp_task_table_create(7, &table);
  return all_or_none(status, table, destroy_table, out);
}

static void tasks_in_hand(void **state) {
  const maker m = {make_table, destroy_table, NULL, SP_SUCCESS, false};
  check(&m, 4, false);
}

static void close_inflight(void *inflight) {
  sp_inflight_close(inflight);
}

static sp_status make_inflight(void *place, void **out) {
  sp_inflight *inflight = NULL;
  const sp_status status = sp_inflight_create(own_file("inflight"), "cube", place, 1, &inflight);
  return all_or_none(status, inflight, close_inflight, out);
}

static void what_is_in_flight(void **state) {
  sp_place place = {.role = SP_ROLE_COORDINATOR, .host = "n"};
  const maker m = {make_inflight, close_inflight, &place, SP_SUCCESS, false};
  check(&m, 1, false);
  unlink(own_file("inflight"));
}

static void free_quarantine(void *quarantine) {
  if (quarantine) sp_quarantine_free(quarantine);
}

static void describe(const sp_flow_plan *plan, uint64_t unit, char *text, size_t size) {
  snprintf(text, size, "cube %d", (int)unit);
}

static sp_status make_quarantine(void *quarantine, void **out) {
  static const sp_flow flow = {.describe = describe};
  const sp_flow_plan plan = {.flow = &flow, .shape = {.n_units = 9}};
  uint8_t done[9] = {0};
  const sp_status status = sp_quarantine_find(own_file("runs"), &plan, done, quarantine);
  if (status == SP_SUCCESS) assert_int_equal(((sp_quarantine *)quarantine)->n, 1);
  return all_or_none(status, quarantine, free_quarantine, out);
}

static void a_quarantine(void **state) {
  sp_quarantine quarantine;
  const maker m = {make_quarantine, free_quarantine, &quarantine, SP_SUCCESS, false};
  write_text(own_file("runs"), "run T new 0/9\ncrash 2 11 4 1 0\ncrash 2 11 4 1 0\n");
  check(&m, 3, false);
  unlink(own_file("runs"));
}

static void release_lock(void *lock) {
  sp_lock_release(lock);
}

static sp_status make_lock(void *context, void **out) {
  sp_lock *lock = NULL;
  const sp_status status = sp_lock_acquire(own_file("lock"), &lock);
  return all_or_none(status, lock, release_lock, out);
}

static void a_lock(void **state) {
  const maker m = {make_lock, release_lock, NULL, SP_SUCCESS, false};
  check(&m, 2, false);
  assert_int_equal(access(own_file("lock"), F_OK), -1);
}

/* --- threads ------------------------------------------------------------------------------------------------------ */

static void destroy_sync(void *thread) {
  sp_sync_thread_destroy(thread);
}

static sp_status make_sync(void *path, void **out) {
  sp_sync_thread *thread = NULL;
  const sp_status status = sp_sync_thread_create(path, NULL, &thread);
  return all_or_none(status, thread, destroy_sync, out);
}

static void destroy_space(void *thread) {
  sp_space_thread_destroy(thread);
}

static sp_status make_space(void *path, void **out) {
  const sp_space_region region = {.bytes = 1};
  sp_space_thread *thread = NULL;
  const sp_status status = sp_space_thread_create(path, &region, 1, &thread);
  return all_or_none(status, thread, destroy_space, out);
}

static void threads_beside_the_disk(void **state) {
  char path[300];
  snprintf(path, sizeof path, "%s", own_file("out"));
  write_text(path, "all");
  const maker sync = {make_sync, destroy_sync, path, SP_SUCCESS, false},
              space = {make_space, destroy_space, path, SP_SUCCESS, true};
  check(&sync, 1, true);
  check(&space, 2, true);
  unlink(path);
}

static void destroy_watchdog(void *watchdog) {
  sp_watchdog_destroy(watchdog);
}

static sp_status make_watchdog(void *config, void **out) {
  sp_watchdog *watchdog = NULL;
  const sp_status status = sp_watchdog_create(config, &watchdog);
  return all_or_none(status, watchdog, destroy_watchdog, out);
}

static void a_watchdog(void **state) {
  const sp_place places[2] = {{.process = getpid(), .host = "n"}, {.node = 1, .host = "m"}};
  const sp_activity activity = {0};
  sp_watchdog_config config = {.inflight_path = "/nowhere/at/all",
                               .history_path = "/nowhere/at/all",
                               .activity = &activity,
                               .places = places,
                               .n_ranks = 2};
  const maker m = {make_watchdog, destroy_watchdog, &config, SP_SUCCESS, false};
  check(&m, 3, true);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_outbox),
      cmocka_unit_test(a_message_that_cannot_be_sent),
      cmocka_unit_test(tasks_in_hand),
      cmocka_unit_test(what_is_in_flight),
      cmocka_unit_test(a_quarantine),
      cmocka_unit_test(a_lock),
      cmocka_unit_test(threads_beside_the_disk),
      cmocka_unit_test(a_watchdog),
  };
  if (sp_comm_start(&argc, &argv) != SP_SUCCESS) return 1;
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  sp_comm_finish();
  return failed;
}
