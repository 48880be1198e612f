/* SPDX-License-Identifier: BSD-3-Clause */
/* Collective transfers: whoever's read or write fails, at any step, nobody hangs, every rank knows what it has, and the
 * next step is right; a group that waits too much leaves, all at the same step. */
/* ranks: 1 2 3 5 */
/* timeout: 120 */
/* may warn */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "seisproc/collective.h"
#include "seisproc/dist.h"
#include "seisproc/log.h"
#include "seisproc/stats.h"
#include "src/base/activity.h"
#include "tests/store/small_survey.h"

enum { N_TRACES = 4000, N_SAMPLES = 50, MOST = 300, STEPS = 40 };

static char path[] = "/tmp/seisproc-test-XXXXXX";
static int rank, size;
static uint64_t chance_state;
static bool armed[2]; /* large reads, large writes of this process fail */

/* In place of the C library's, for MPI-IO as well, which is loaded later. */
static bool fails(bool writes, size_t n) {
  const bool now = armed[writes] && n >= 1000;
  if (now) errno = EIO;
  return now;
}

ssize_t pread64(int fd, void *to, size_t n, off64_t at);
ssize_t pread64(int fd, void *to, size_t n, off64_t at) {
  return fails(false, n) ? -1 : syscall(SYS_pread64, fd, to, n, at);
}

ssize_t pread(int fd, void *to, size_t n, off_t at) {
  return pread64(fd, to, n, at);
}

ssize_t pwrite64(int fd, const void *from, size_t n, off64_t at);
ssize_t pwrite64(int fd, const void *from, size_t n, off64_t at) {
  return fails(true, n) ? -1 : syscall(SYS_pwrite64, fd, from, n, at);
}

ssize_t pwrite(int fd, const void *from, size_t n, off_t at) {
  return pwrite64(fd, from, n, at);
}

/* 0 ... n - 1; another sequence on every rank. */
static uint32_t chance(uint32_t n) {
  chance_state = chance_state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(chance_state >> 33) % n;
}

static float sample(uint64_t trace, uint32_t i) {
  return (float)(trace * 7 + i);
}

static void create(void) {
  if (rank == 0) assert_int_equal(small_survey_create(path, N_TRACES, N_SAMPLES), SP_SUCCESS);
  MPI_Barrier(MPI_COMM_WORLD);
}

typedef struct fixture {
  sp_survey *survey;
  sp_dataset *planes[2];
  sp_collective *group;
  sp_activity activity;
  float *rows[2];
} fixture;

static void open_all(fixture *f, bool writes, double most_waiting, int aggregators) {
  const sp_io_hints hints = {.aggregators = aggregators, .cycle_bytes = 1 << 20, .more = "some_hint=5"};
  *f = (fixture){0};
  assert_int_equal(sp_survey_open_hinted(MPI_COMM_WORLD, path, writes, &hints, &f->survey), SP_SUCCESS);
  assert_int_equal(sp_dataset_open(f->survey, "/traces", &f->planes[0]), SP_SUCCESS);
  assert_int_equal(sp_dataset_open(f->survey, "/noise", &f->planes[1]), SP_SUCCESS);
  const sp_collective_config config = {.comm = MPI_COMM_WORLD,
                                       .writes = writes,
                                       .most_waiting = most_waiting,
                                       .aggregators = aggregators,
                                       .cycle_bytes = hints.cycle_bytes,
                                       .activity = &f->activity};
  assert_int_equal(sp_collective_create(&config, &f->group), SP_SUCCESS);
  for (int p = 0; p < 2; p++) f->rows[p] = malloc(sizeof(float) * MOST * N_SAMPLES);
}

static void close_all(fixture *f) {
  for (int p = 0; p < 2; p++) {
    free(f->rows[p]);
    sp_dataset_close(f->planes[p]);
  }
  sp_collective_destroy(f->group);
  sp_survey_close(f->survey);
}

static sp_collective_rows rows_of(const fixture *f, uint64_t first, uint32_t n) {
  return (sp_collective_rows){
      .n_planes = 2, .plane = {{f->planes[0], f->rows[0]}, {f->planes[1], f->rows[1]}}, .first = first, .n = n};
}

static void fill(const fixture *f, uint64_t first, uint32_t n) {
  for (uint32_t i = 0; i < n * N_SAMPLES; i++) {
    f->rows[0][i] = sample(first + i / N_SAMPLES, i % N_SAMPLES);
    f->rows[1][i] = -f->rows[0][i];
  }
}

static void expect_rows(const fixture *f, uint64_t first, uint32_t n) {
  for (uint32_t i = 0; i < n * N_SAMPLES; i++) {
    assert_true(f->rows[0][i] == sample(first + i / N_SAMPLES, i % N_SAMPLES));
    assert_true(f->rows[1][i] == -f->rows[0][i]);
  }
}

/* Rows of this rank in a step: blocks go round, some ranks have nothing. */
static uint32_t choose(int step, uint64_t *first) {
  const uint32_t block = N_TRACES / (uint32_t)size;
  *first = (uint64_t)((rank + step) % size) * block + chance(block - MOST);
  return chance(4) ? chance(MOST) : 0;
}

/* Every step writes the right values, so what the file holds is right wherever it was written at all. */
static void write_with_failures(int aggregators) {
  fixture f;
  uint64_t moved = 0;
  open_all(&f, true, INFINITY, aggregators);
  for (int step = 0; step < STEPS; step++) {
    uint64_t first;
    const uint32_t n = choose(step, &first);
    const sp_collective_rows own = rows_of(&f, first, n);
    sp_collective_news news = {.stays = step + 1 < STEPS || rank == 0, .durable = (uint64_t)(step + rank)};
    bool independent, wrote = true;
    fill(&f, first, n);
    armed[true] = chance(5) == 0 && n >= 5;
    const bool due = armed[true];
    const sp_status status = sp_collective_write(f.group, &own, &news, &independent);
    armed[true] = false;
    assert_false(independent);
    if (aggregators == 0) assert_int_equal(status, due ? SP_ERR_IO : SP_SUCCESS);
    assert_true(news.stays);
    assert_int_equal(news.durable, step);
    wrote = status == SP_SUCCESS;
    moved = news.step ? news.step : moved;
    if (!wrote) continue;
    for (uint32_t i = 0; i < n; i++) {
      float row[N_SAMPLES];
      assert_int_equal(sp_dataset_read_independent(f.planes[1], first + i, 1, row), SP_SUCCESS);
      for (uint32_t k = 0; k < N_SAMPLES; k++) assert_true(row[k] == -sample(first + i, k));
      i += chance(100);
    }
  }
  sp_collective_news news = {.stays = false};
  bool independent;
  const sp_collective_rows nothing = {.n_planes = 2, .plane = {{f.planes[0], NULL}, {f.planes[1], NULL}}};
  assert_int_equal(sp_collective_write(f.group, &nothing, &news, &independent), SP_SUCCESS);
  assert_false(news.stays);
  assert_int_equal(news.step, 0);
  assert_int_equal(sp_collective_get_cost(f.group).steps, moved);
  assert_true(moved > STEPS / 2 && (aggregators || sp_collective_get_cost(f.group).failed > 0));
  close_all(&f);
}

static void writes_that_fail_hold_nobody_up(void **state) {
  create();
  write_with_failures(0);
}

/* Two-phase, in one cycle: all ranks are told. */
static void writes_through_aggregators_that_fail_hold_nobody_up(void **state) {
  write_with_failures(size > 1 ? size / 2 : 1);
}

static void write_everything(void) {
  fixture f;
  open_all(&f, true, INFINITY, 0);
  for (uint64_t first = (uint64_t)rank * MOST; first < N_TRACES; first += (uint64_t)size * MOST) {
    const uint32_t n = first + MOST < N_TRACES ? MOST : (uint32_t)(N_TRACES - first);
    fill(&f, first, n);
    for (int p = 0; p < 2; p++) {
      assert_int_equal(sp_dataset_write_independent(f.planes[p], first, n, f.rows[p]), SP_SUCCESS);
    }
  }
  close_all(&f);
  MPI_Barrier(MPI_COMM_WORLD);
}

static void reads_that_fail_hold_nobody_up(void **state) {
  fixture f;
  int n_failed = 0;
  write_everything();
  open_all(&f, false, INFINITY, 0);
  for (int step = 0; step < STEPS; step++) {
    uint64_t first;
    const uint32_t n = choose(step, &first);
    const sp_collective_rows own = rows_of(&f, first, n);
    bool moved;
    for (int p = 0; p < 2; p++) memset(f.rows[p], 0xff, sizeof(float) * MOST * N_SAMPLES);
    armed[false] = chance(4) == 0 && n >= 5;
    const bool due = armed[false];
    assert_int_equal(sp_collective_read(f.group, &own, &moved), SP_SUCCESS);
    armed[false] = false;
    if (n) assert_int_equal(moved, !due);
    if (moved) expect_rows(&f, first, n);
    n_failed += due;
    assert_int_equal(f.activity.collective, 0);
  }
  assert_true(n_failed > 0);
  assert_true(sp_collective_is_in_force(f.group));
  close_all(&f);
}

/* A file that has become shorter is read as zeros, which HDF5 and MPI-IO call a success. */
static void a_read_behind_the_end_of_the_file_has_not_moved(void **state) {
  fixture f;
  bool moved;
  open_all(&f, false, INFINITY, 0);
  MPI_Barrier(MPI_COMM_WORLD);
  if (rank == 0) assert_int_equal(truncate(path, (off_t)sp_dataset_file_offset(f.planes[0]) + 1000), 0);
  MPI_Barrier(MPI_COMM_WORLD);
  const sp_collective_rows own = rows_of(&f, 100, rank == 0 ? 50 : 0);
  assert_int_equal(sp_collective_read(f.group, &own, &moved), SP_SUCCESS);
  assert_int_equal(moved, rank != 0);
  close_all(&f);
}

/* Steps of which rank 0 comes this late to each; until they leave, and three more. */
static int steps_until_left(long late_ns, long pause_ns) {
  fixture f;
  int left_at = -1;
  create();
  write_everything();
  open_all(&f, false, 0.03, 0);
  for (int step = 0; step < 3 * SP_COLLECTIVE_WINDOW && (left_at < 0 || step <= left_at + 3); step++) {
    bool moved;
    const sp_collective_rows own = rows_of(&f, (uint64_t)rank * 10, 10);
    const struct timespec pause = {.tv_nsec = pause_ns + (rank == 0 ? late_ns : 0)};
    nanosleep(&pause, NULL);
    const bool was_in_force = sp_collective_is_in_force(f.group);
    assert_int_equal(sp_collective_read(f.group, &own, &moved), SP_SUCCESS);
    assert_int_equal(moved, was_in_force);
    if (left_at < 0 && !sp_collective_is_in_force(f.group)) left_at = step;
  }
  int ends[2] = {left_at, -left_at};
  MPI_Allreduce(MPI_IN_PLACE, ends, 2, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
  assert_int_equal(ends[0], -ends[1]);
  close_all(&f);
  return left_at;
}

/* At once where it waits all of the time: before the eighth step, even where a busy machine adds a second to each;
 * where it waits much, once that cannot be made up for. */
static void a_group_that_waits_leaves_at_the_same_step(void **state) {
  const int all = steps_until_left(400000000, 0), much = steps_until_left(10000000, 50000000);
  if (size == 1) return;
  assert_true(all >= 1 && all <= 7);
  assert_true(much >= 1 && much <= SP_COLLECTIVE_WINDOW);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(writes_that_fail_hold_nobody_up),
                                     cmocka_unit_test(writes_through_aggregators_that_fail_hold_nobody_up),
                                     cmocka_unit_test(reads_that_fail_hold_nobody_up),
                                     cmocka_unit_test(a_read_behind_the_end_of_the_file_has_not_moved),
                                     cmocka_unit_test(a_group_that_waits_leaves_at_the_same_step)};
  if (sp_comm_start(&argc, &argv) != SP_SUCCESS) return 1;
  if (!sp_comm_io_is_romio()) {
    puts("MPI-IO is OMPIO, in which collective transfers are refused");
    sp_comm_finish();
    return 77;
  }
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  chance_state = (uint64_t)rank * 977 + 5;
  if (rank == 0) close(mkstemp(path));
  MPI_Bcast(path, sizeof path, MPI_CHAR, 0, MPI_COMM_WORLD);
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  if (rank == 0) unlink(path);
  sp_comm_finish();
  return failed;
}
