/* SPDX-License-Identifier: BSD-3-Clause */
/* Space for an output is taken ahead: all of it on a disk, none in memory; what is there stays. */
/* may warn */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "seisproc/clock.h"
#include "seisproc/file_system.h"
#include "seisproc/memory.h"
#include "src/run/space_thread.h"

enum { MB = 1 << 20, LIMIT_S = 60 };

static const char words[] = "written before";

/* An empty file of this size in `folder`, with some bytes in the middle of it. */
static void make(const char *folder, char *path, size_t size, off_t bytes) {
  snprintf(path, size, "%s/seisproc-space-%ld", folder, (long)getpid());
  const int fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
  assert_true(fd >= 0 && !ftruncate(fd, bytes));
  assert_int_equal(pwrite(fd, words, sizeof words, bytes / 2), sizeof words);
  close(fd);
}

static uint64_t bytes_held(const char *path) {
  struct stat file;
  assert_int_equal(stat(path, &file), 0);
  return 512 * (uint64_t)file.st_blocks;
}

static void check_words_and_remove(const char *path, off_t bytes) {
  char found[sizeof words];
  struct stat file;
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  assert_int_equal(pread(fd, found, sizeof found, bytes / 2), sizeof found);
  assert_memory_equal(found, words, sizeof words);
  assert_int_equal(fstat(fd, &file), 0);
  assert_int_equal(file.st_size, bytes);
  close(fd);
  unlink(path);
}

/* Until so much has been taken. */
static void wait_until_taken(sp_space_thread *thread, uint64_t bytes) {
  const double start = sp_now();
  while (sp_space_thread_taken(thread) < bytes && sp_now() - start < LIMIT_S) {
    assert_int_equal(sp_space_thread_poll(thread), SP_SUCCESS);
    usleep(1000);
  }
  assert_int_equal(sp_space_thread_taken(thread), bytes);
}

/* Two regions of unequal length, neither on a page's boundary, and a gap between them that nobody asked for. */
static void test_a_disk(void **state) {
  char path[4096];
  sp_space_thread *thread = NULL;
  const off_t size = 24 * MB;
  const sp_space_region regions[] = {{1000, 8 * MB + 77}, {16 * MB + 5, 4 * MB}};
  make(*state, path, sizeof path, size);
  assert_int_equal(sp_space_thread_create(path, regions, 2, &thread), SP_SUCCESS);
  wait_until_taken(thread, regions[0].bytes + regions[1].bytes);
  sp_space_thread_destroy(thread);
  sp_space_thread_destroy(NULL);
  const uint64_t held = bytes_held(path);
  assert_true(held >= 12 * MB && held < 14 * MB);
  check_words_and_remove(path, size);
}

/* In memory the thread leaves it to those who write. */
static void test_memory(void **state) {
  char path[4096];
  sp_space_thread *thread = NULL;
  const sp_space_region all = {0, 24 * MB};
  const sp_file_system *fs = sp_file_system_of("/dev/shm");
  if (!fs || fs->kind != SP_STORAGE_MEMORY) skip();
  make("/dev/shm", path, sizeof path, 24 * MB);
  assert_int_equal(sp_space_thread_create(path, &all, 1, &thread), SP_SUCCESS);
  usleep(20000);
  sp_space_thread_destroy(thread);
  assert_true(bytes_held(path) < MB);
  check_words_and_remove(path, 24 * MB);
}

/* An end in the middle of it, or before anything was written, waits for nothing. */
static void test_an_early_end(void **state) {
  char path[4096];
  sp_space_thread *thread = NULL;
  const sp_space_region all = {0, 64 * MB};
  make(*state, path, sizeof path, 64 * MB);
  assert_int_equal(sp_space_thread_create(path, &all, 1, &thread), SP_SUCCESS);
  sp_space_thread_destroy(thread);
  check_words_and_remove(path, 64 * MB);
  assert_int_equal(sp_space_thread_create("/nowhere/at/all", &all, 1, &thread), SP_ERR_IO);
}

int main(void) {
  char folder[] = "/tmp/sp-space-XXXXXX";
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_prestate(test_a_disk, folder),
      cmocka_unit_test(test_memory),
      cmocka_unit_test_prestate(test_an_early_end, folder),
  };
  if (!mkdtemp(folder)) return 1;
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  rmdir(folder);
  return failed;
}
