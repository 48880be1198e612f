/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/run/space_thread.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "seisproc/file_system.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/part_file.h"
#include "seisproc/side_file.h"
#include "seisproc/stats.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

struct sp_space_thread {
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t wake;
  bool started, ending, reported;
  bool in_memory; /* the file is */
  int fd;
  int error;      /* errno: no room for the rest */
  double written; /* share */
  uint64_t taken, total, ahead;
  const char *path;
  sp_space_region *regions;
  size_t n;
};

/* --- taking ------------------------------------------------------------------------------------------------------ */

/* Maps the pages that the range touches and has the system find memory for them. Returns 0 or an errno. */
static int populate(int fd, uint64_t begin, uint64_t end) {
  begin = begin / SP_PAGE * SP_PAGE;
  char *pages = mmap(NULL, end - begin, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)begin);
  if (pages == MAP_FAILED) return errno;
  const int error = madvise(pages, end - begin, MADV_POPULATE_WRITE) ? errno : 0;
  munmap(pages, end - begin);
  return error;
}

static int reserve_range(const sp_space_thread *t, uint64_t begin, uint64_t end) {
  int error = 0;
  if (begin >= end) return 0;
  do {
    if (t->in_memory) {
      error = populate(t->fd, begin, end);
    } else {
      error = fallocate(t->fd, FALLOC_FL_KEEP_SIZE, (off_t)begin, (off_t)(end - begin)) ? errno : 0;
    }
  } while (error == EINTR);
  return error;
}

/* The part of every region that lies between two shares of the whole. */
static int reserve_step(const sp_space_thread *t, double from, double to) {
  int error = 0;
  for (size_t i = 0; i < t->n && !error; i++) {
    const sp_space_region *r = &t->regions[i];
    error = reserve_range(t, r->offset + (uint64_t)(from * (double)r->bytes),
                          r->offset + (uint64_t)ceil(to * (double)r->bytes));
  }
  return error;
}

/* Waits until the step that ends at this share is wanted; false: the thread ends. */
static bool wait_for(sp_space_thread *t, double share) {
  const double ahead = t->in_memory ? (double)t->ahead / (double)t->total : INFINITY;
  pthread_mutex_lock(&t->lock);
  while (!t->ending && share > t->written + ahead) pthread_cond_wait(&t->wake, &t->lock);
  const bool goes_on = !t->ending;
  pthread_mutex_unlock(&t->lock);
  return goes_on;
}

/* Some seconds more than the slowest file system may need: others may have the processor, too. */
static bool is_slow(const sp_space_thread *t, uint64_t taken, double seconds) {
  return !t->in_memory && seconds > (double)taken / SP_SPACE_SLOWEST + 10;
}

/* Memory that runs out is left to the write that meets it, which knows what it lacks; a disk is full for all. */
static bool is_full(const sp_space_thread *t, int error) {
  return !t->in_memory && (error == ENOSPC || error == EDQUOT);
}

static void *run(void *argument) {
  sp_space_thread *t = argument;
  double seconds = 0;
  uint64_t taken = 0;
  int error = 0;
  while (taken < t->total && !error && !is_slow(t, taken, seconds)) {
    const uint64_t next = t->total - taken > SP_SPACE_STEP ? taken + SP_SPACE_STEP : t->total;
    const double from = (double)taken / (double)t->total, to = (double)next / (double)t->total;
    if (!wait_for(t, to)) return NULL;
    const double start = sp_now();
    error = reserve_step(t, from, to);
    seconds += sp_now() - start;
    pthread_mutex_lock(&t->lock);
    if (is_full(t, error)) t->error = error;
    if (!error) t->taken = taken = next;
    pthread_mutex_unlock(&t->lock);
  }
  sp_debug("%s: space taken ahead for %.3f of %.3f GB in %.2f s%s%s", t->path, 1e-9 * (double)taken,
           1e-9 * (double)t->total, seconds, error ? ": " : "", error ? strerror(error) : "");
  return NULL;
}

/* --- making and unmaking ----------------------------------------------------------------------------------------- */

static sp_status start(sp_space_thread *t, const sp_space_region *regions, size_t n) {
  SP_TRY(sp_calloc(n + 1, sizeof *regions, "the regions of an output", &t->regions));
  for (size_t i = 0; i < n; i++) {
    t->regions[i] = regions[i];
    t->total += regions[i].bytes;
  }
  t->n = n;
  const sp_file_system *fs = sp_file_system_holding(t->path);
  t->in_memory = fs && fs->kind == SP_STORAGE_MEMORY;
  t->fd = sp_side_open(t->path, O_RDWR);
  if (t->fd < 0) return SP_RAISE(SP_ERR_IO, "%s: cannot be opened: %s", t->path, strerror(errno));
  const int error = pthread_create(&t->thread, NULL, run, t);
  if (error) return SP_RAISE(SP_ERR_MEMORY, "the thread that takes space does not start: %s", strerror(error));
  t->started = true;
  pthread_setname_np(t->thread, "sp-space");
  return SP_SUCCESS;
}

sp_status sp_space_thread_create(const char *path, const sp_space_region *regions, size_t n, uint64_t ahead,
                                 sp_space_thread **out) {
  sp_space_thread *t = NULL;
  SP_TRY(sp_calloc(1, sizeof *t, "the thread that takes space", &t));
  pthread_mutex_init(&t->lock, NULL);
  pthread_cond_init(&t->wake, NULL);
  t->path = path;
  t->ahead = ahead;
  t->fd = -1;
  const sp_status status = start(t, regions, n);
  if (status == SP_SUCCESS) {
    *out = t;
  } else {
    sp_space_thread_destroy(t);
  }
  return status;
}

void sp_space_thread_destroy(sp_space_thread *t) {
  if (!t) return;
  if (t->started) {
    pthread_mutex_lock(&t->lock);
    t->ending = true;
    pthread_cond_signal(&t->wake);
    pthread_mutex_unlock(&t->lock);
    pthread_join(t->thread, NULL);
  }
  if (t->fd >= 0) close(t->fd);
  pthread_cond_destroy(&t->wake);
  pthread_mutex_destroy(&t->lock);
  sp_free(t->regions);
  sp_free(t);
}

/* --- what the I/O rank tells and asks ---------------------------------------------------------------------------- */

void sp_space_thread_written(sp_space_thread *t, double share) {
  pthread_mutex_lock(&t->lock);
  if (share > t->written) {
    t->written = share;
    pthread_cond_signal(&t->wake);
  }
  pthread_mutex_unlock(&t->lock);
}

sp_status sp_space_thread_poll(sp_space_thread *t) {
  pthread_mutex_lock(&t->lock);
  const int error = t->error;
  pthread_mutex_unlock(&t->lock);
  if (!error) return SP_SUCCESS;
  if (t->reported) return SP_ERR_IO;
  t->reported = true;
  const sp_status status = sp_part_check_room(t->path); /* says how much is missing, where the disk tells */
  return status == SP_SUCCESS ? SP_RAISE(SP_ERR_IO, "%s: there is no room for all of it: %s", t->path, strerror(error))
                              : status;
}

uint64_t sp_space_thread_taken(sp_space_thread *t) {
  pthread_mutex_lock(&t->lock);
  const uint64_t taken = t->taken;
  pthread_mutex_unlock(&t->lock);
  return taken;
}
