/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/run/space_thread.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "seisproc/clock.h"
#include "seisproc/file_system.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/part_file.h"
#include "seisproc/side_file.h"
#include "src/base/helper_thread.h"

struct sp_space_thread {
  sp_helper_thread helper;
  bool reported;
  int fd;
  int error; /* errno: no room for the rest */
  uint64_t taken, total;
  const char *path;
  sp_space_region *regions;
  size_t n;
};

/* --- taking ------------------------------------------------------------------------------------------------------ */

/* Returns 0 or an errno. */
static int reserve_range(const sp_space_thread *t, uint64_t begin, uint64_t end) {
  int error = 0;
  do {
    error = end > begin && fallocate(t->fd, FALLOC_FL_KEEP_SIZE, (off_t)begin, (off_t)(end - begin)) ? errno : 0;
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

/* Some seconds more than the slowest file system may need: others may have the processor, too. */
static bool is_slow(uint64_t taken, double seconds) {
  return seconds > (double)taken / SP_SPACE_SLOWEST + 10;
}

static void *run(void *argument) {
  sp_space_thread *t = argument;
  double seconds = 0;
  uint64_t taken = 0;
  int error = 0;
  while (taken < t->total && !error && !is_slow(taken, seconds) && !sp_helper_is_ending(&t->helper)) {
    const uint64_t next = t->total - taken > SP_SPACE_STEP ? taken + SP_SPACE_STEP : t->total;
    const double from = (double)taken / (double)t->total, to = (double)next / (double)t->total;
    const double start = sp_now();
    error = reserve_step(t, from, to);
    seconds += sp_now() - start;
    pthread_mutex_lock(&t->helper.lock);
    if (error == ENOSPC || error == EDQUOT) t->error = error;
    if (!error) t->taken = taken = next;
    pthread_mutex_unlock(&t->helper.lock);
  }
  sp_debug("%s: space taken ahead for %.3f of %.3f GB in %.2f s%s%s", t->path, 1e-9 * (double)taken,
           1e-9 * (double)t->total, seconds, error ? ": " : "", error ? strerror(error) : "");
  return NULL;
}

/* --- making and unmaking ----------------------------------------------------------------------------------------- */

static bool is_in_memory(const char *path) {
  const sp_file_system *fs = sp_file_system_holding(path);
  return fs && fs->kind == SP_STORAGE_MEMORY;
}

static sp_status start(sp_space_thread *t, const sp_space_region *regions, size_t n) {
  SP_TRY(sp_calloc(n + 1, sizeof *regions, "the regions of an output", &t->regions));
  for (size_t i = 0; i < n; i++) {
    t->regions[i] = regions[i];
    t->total += regions[i].bytes;
  }
  if (is_in_memory(t->path)) t->total = 0; /* nothing to take: the thread ends at once */
  t->n = n;
  t->fd = sp_side_open(t->path, O_RDWR);
  if (t->fd < 0) return SP_RAISE(SP_ERR_IO, "%s: cannot be opened: %s", t->path, strerror(errno));
  return sp_helper_start(&t->helper, "sp-space", "the thread that takes space", run, t);
}

sp_status sp_space_thread_create(const char *path, const sp_space_region *regions, size_t n, sp_space_thread **out) {
  sp_space_thread *t = NULL;
  SP_TRY(sp_calloc(1, sizeof *t, "the thread that takes space", &t));
  sp_helper_init(&t->helper);
  t->path = path;
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
  sp_helper_end(&t->helper);
  if (t->fd >= 0) close(t->fd);
  sp_free(t->regions);
  sp_free(t);
}

/* --- what the I/O rank tells and asks ---------------------------------------------------------------------------- */

sp_status sp_space_thread_poll(sp_space_thread *t) {
  pthread_mutex_lock(&t->helper.lock);
  const int error = t->error;
  pthread_mutex_unlock(&t->helper.lock);
  if (!error) return SP_SUCCESS;
  if (t->reported) return SP_ERR_IO;
  t->reported = true;
  const sp_status status = sp_part_check_room(t->path); /* says how much is missing, where the disk tells */
  return status == SP_SUCCESS ? SP_RAISE(SP_ERR_IO, "%s: there is no room for all of it: %s", t->path, strerror(error))
                              : status;
}

uint64_t sp_space_thread_taken(sp_space_thread *t) {
  pthread_mutex_lock(&t->helper.lock);
  const uint64_t taken = t->taken;
  pthread_mutex_unlock(&t->helper.lock);
  return taken;
}
