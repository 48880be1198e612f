/* SPDX-License-Identifier: BSD-3-Clause */
/* What it gives to take an output's space ahead of the one who writes it: slots into an empty file, with a thread that
 * takes space and without, in turns.
 *
 *   space [DIR [MB]]     (/tmp and 2048 unless told)
 *
 * Writes go past the page cache where the file system has one, as in a job; a sync at the end counts. Each file is read
 * again and compared. Medians of five turns. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "perf/bench.h"
#include "seisproc/clock.h"
#include "seisproc/memory.h"
#include "src/run/space_thread.h"

enum { TURNS = 5, SLOT = 20 << 20 };

static char path[4096];

static void fail(const char *what) {
  perror(what);
  unlink(path);
  exit(1);
}

static int open_for_writing(void) {
  const int fd = open(path, O_WRONLY | O_DIRECT | O_CLOEXEC);
  return fd >= 0 ? fd : open(path, O_WRONLY | O_CLOEXEC);
}

static void write_all(const char *slot, uint64_t total) {
  const int fd = open_for_writing();
  if (fd < 0) fail(path);
  for (uint64_t at = 0; at < total; at += SLOT) {
    if (pwrite(fd, slot, SLOT, (off_t)at) != SLOT) fail("write");
  }
  if (fdatasync(fd)) fail("sync");
  close(fd);
}

static void check_all(const char *slot, char *found, uint64_t total) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  for (uint64_t at = 0; at < total; at += SLOT) {
    if (pread(fd, found, SLOT, (off_t)at) != SLOT || memcmp(found, slot, SLOT)) fail("what was written is not there");
  }
  close(fd);
}

/* Seconds for a file of its own. */
static double turn(const char *slot, char *found, uint64_t total, bool ahead) {
  sp_space_thread *space = NULL;
  const sp_space_region all = {0, total};
  const int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
  if (fd < 0 || ftruncate(fd, (off_t)total)) fail(path);
  close(fd);
  const double start = sp_now();
  if (ahead && sp_space_thread_create(path, &all, 1, &space) != SP_SUCCESS) fail(path);
  write_all(slot, total);
  const double seconds = sp_now() - start;
  sp_space_thread_destroy(space);
  check_all(slot, found, total);
  unlink(path);
  return seconds;
}

int main(int argc, char **argv) {
  const char *folder = argc > 1 ? argv[1] : "/tmp";
  const uint64_t slots = ((uint64_t)(argc > 2 ? atoi(argv[2]) : 2048) << 20) / SLOT, total = slots * SLOT;
  double plain[TURNS], ahead[TURNS];
  void *slot, *found;
  snprintf(path, sizeof path, "%s/seisproc-bench-space-%ld", folder, (long)getpid());
  if (posix_memalign(&slot, SP_PAGE, SLOT) || posix_memalign(&found, SP_PAGE, SLOT)) return 1;
  for (size_t i = 0; i < SLOT; i++) ((unsigned char *)slot)[i] = (unsigned char)(i * 2654435761u >> 13);
  turn(slot, found, total, false); /* warms up */
  for (int t = 0; t < TURNS; t++) {
    plain[t] = turn(slot, found, total, false);
    ahead[t] = turn(slot, found, total, true);
  }
  const double a = median(plain, TURNS), b = median(ahead, TURNS);
  printf("%-12s %6.2f GB  plain %6.3f GB/s  space taken ahead %6.3f GB/s  ratio %.3f\n", folder, 1e-9 * (double)total,
         1e-9 * (double)total / a, 1e-9 * (double)total / b, a / b);
  free(found);
  free(slot);
  return 0;
}
