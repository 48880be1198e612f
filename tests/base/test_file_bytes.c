/* SPDX-License-Identifier: BSD-3-Clause */
/* All bytes arrive, whatever the system moves at once and whatever interrupts it; where a file ends, and errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "src/base/file_bytes.h"

enum { N = 1 << 20 }; /* more than a pipe holds */

static char sent[N], received[N];

static void fill(void) {
  for (size_t i = 0; i < N; i++) sent[i] = (char)(i * 2654435761u >> 13);
  memset(received, 0, N);
}

static void ignore(int signal) {}

typedef struct reader {
  int fd;
  pthread_t writer;
  size_t got;
  int error;
} reader;

/* Takes a little at first, so that the writer waits in the middle, and interrupts it there. */
static void *take(void *context) {
  reader *r = context;
  size_t first = 0;
  r->error = sp_read_all(r->fd, received, 1000, &first);
  for (int i = 0; i < 5; i++) {
    usleep(2000);
    pthread_kill(r->writer, SIGUSR1);
  }
  if (!r->error) r->error = sp_read_all(r->fd, received + first, N - first, &r->got);
  r->got += first;
  return NULL;
}

static void a_pipe_that_is_interrupted_carries_all(void **state) {
  struct sigaction action = {.sa_handler = ignore}; /* without SA_RESTART: calls end with EINTR */
  int ends[2];
  pthread_t thread;
  fill();
  assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
  assert_int_equal(pipe(ends), 0);
  reader r = {.fd = ends[0], .writer = pthread_self()};
  assert_int_equal(pthread_create(&thread, NULL, take, &r), 0);
  assert_int_equal(sp_write_all(ends[1], sent, N), 0);
  pthread_join(thread, NULL);
  assert_int_equal(r.error, 0);
  assert_int_equal(r.got, N);
  assert_memory_equal(sent, received, N);
  close(ends[1]);
  size_t got = 1;
  assert_int_equal(sp_read_all(ends[0], received, 10, &got), 0); /* the end */
  assert_int_equal(got, 0);
  close(ends[0]);
}

static void places_and_the_end_of_a_file(void **state) {
  char name[] = "file-bytes-XXXXXX";
  const int fd = mkstemp(name);
  size_t got;
  fill();
  assert_true(fd >= 0);
  unlink(name);
  assert_int_equal(sp_write_all_at(fd, sent, N, 77), 0);
  assert_int_equal(sp_read_all_at(fd, received, N, 77, &got), 0);
  assert_int_equal(got, N);
  assert_memory_equal(sent, received, N);
  assert_int_equal(sp_read_all_at(fd, received, N, 100, &got), 0); /* 23 bytes short */
  assert_int_equal(got, N - 23);
  assert_memory_equal(sent + 23, received, N - 23);
  close(fd);
}

/* A limit on the size of files cuts a write in two: what fits, then the error. */
static void errors_are_told(void **state) {
  char name[] = "file-bytes-XXXXXX";
  const int fd = mkstemp(name), read_only = open(name, O_RDONLY);
  struct rlimit old, limit;
  size_t got;
  fill();
  unlink(name);
  signal(SIGXFSZ, SIG_IGN);
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
  limit = (struct rlimit){.rlim_cur = 5000, .rlim_max = old.rlim_max};
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
  const int streamed = sp_write_all(fd, sent, 6000), placed = sp_write_all_at(fd, sent, 6000, 0);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
  assert_int_equal(streamed, EFBIG);
  assert_int_equal(placed, EFBIG);
  assert_int_equal(sp_read_all_at(fd, received, N, 0, &got), 0);
  assert_int_equal(got, 5000);
  assert_memory_equal(sent, received, 5000);
  assert_int_equal(sp_write_all(read_only, sent, 1), EBADF);
  assert_int_equal(sp_write_all_at(read_only, sent, 1, 0), EBADF);
  assert_int_equal(sp_read_all(-1, received, 1, &got), EBADF);
  assert_int_equal(sp_read_all_at(-1, received, 1, 0, &got), EBADF);
  assert_int_equal(got, 0);
  close(read_only);
  close(fd);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_pipe_that_is_interrupted_carries_all),
      cmocka_unit_test(places_and_the_end_of_a_file),
      cmocka_unit_test(errors_are_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
