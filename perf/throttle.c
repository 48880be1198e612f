/* SPDX-License-Identifier: BSD-3-Clause */
/* A slow storage, pretended: preloaded (LD_PRELOAD), it lets all processes together read and write so many bytes a
 * second below one folder, and counts them. For bench_throttled.py, which compiles it.
 *
 *   THROTTLE_DIR     below which files are slow
 *   THROTTLE_RATE    bytes a second, read and written together
 *   THROTTLE_STATE   a file of zeros, shared by the processes: when the storage is free again, and bytes so far
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { MOST_FILES = 4096, PATH_SIZE = 4096 };

typedef struct state {
  _Atomic uint64_t free_at_ns, read, written;
} state;

static state *shared;
static double rate;
static const char *folder;
static _Atomic signed char is_slow[MOST_FILES]; /* 0: not looked at */

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("THROTTLE_STATE");
  folder = getenv("THROTTLE_DIR");
  rate = getenv("THROTTLE_RATE") ? atof(getenv("THROTTLE_RATE")) : 0;
  const int fd = path && folder && rate > 0 ? open(path, O_RDWR | O_CLOEXEC) : -1;
  if (fd < 0) return;
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (shared == MAP_FAILED) shared = NULL;
  close(fd);
}

static int is_slow_file(int fd) {
  char link[64], path[PATH_SIZE];
  if (!shared || fd < 0 || fd >= MOST_FILES) return 0;
  if (is_slow[fd]) return is_slow[fd] > 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t n = readlink(link, path, sizeof path - 1);
  const size_t length = strlen(folder);
  const int slow = n > 0 && (size_t)n > length && !strncmp(path, folder, length);
  is_slow[fd] = slow ? 1 : -1;
  return slow;
}

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Takes the storage for as long as these bytes need, behind whoever has it now, and waits for the end of that. */
static void share(int fd, ssize_t bytes, int writes) {
  if (bytes <= 0 || !is_slow_file(fd)) return;
  const uint64_t needed = (uint64_t)((double)bytes / rate * 1e9);
  uint64_t was = atomic_load(&shared->free_at_ns), end;
  do {
    const uint64_t now = now_ns();
    end = (was > now ? was : now) + needed;
  } while (!atomic_compare_exchange_weak(&shared->free_at_ns, &was, end));
  atomic_fetch_add(writes ? &shared->written : &shared->read, (uint64_t)bytes);
  const struct timespec at = {(time_t)(end / 1000000000u), (long)(end % 1000000000u)};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL)) continue;
}

#define REAL(name) (*(__typeof__(&name) *)(void *)&(void *){dlsym(RTLD_NEXT, #name)})

#define MOVE(type, name, parameters, arguments, writes)                                                                \
  ssize_t name parameters {                                                                                            \
    const ssize_t n = REAL(name) arguments;                                                                            \
    share(fd, n, writes);                                                                                              \
    return n;                                                                                                          \
  }

MOVE(r, read, (int fd, void *to, size_t bytes), (fd, to, bytes), 0)
MOVE(w, write, (int fd, const void *from, size_t bytes), (fd, from, bytes), 1)
MOVE(r, pread, (int fd, void *to, size_t bytes, off_t at), (fd, to, bytes, at), 0)
MOVE(r, pread64, (int fd, void *to, size_t bytes, off64_t at), (fd, to, bytes, at), 0)
MOVE(w, pwrite, (int fd, const void *from, size_t bytes, off_t at), (fd, from, bytes, at), 1)
MOVE(w, pwrite64, (int fd, const void *from, size_t bytes, off64_t at), (fd, from, bytes, at), 1)
MOVE(r, readv, (int fd, const struct iovec *to, int n_parts), (fd, to, n_parts), 0)
MOVE(w, writev, (int fd, const struct iovec *from, int n_parts), (fd, from, n_parts), 1)

/* The number may come to stand for another file. */
int close(int fd) {
  if (fd >= 0 && fd < MOST_FILES) is_slow[fd] = 0;
  return REAL(close)(fd);
}
