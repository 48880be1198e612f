/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/run/sync_thread.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "seisproc/clock.h"
#include "seisproc/memory.h"
#include "seisproc/side_file.h"
#include "src/base/fault.h"
#include "src/base/helper_thread.h"

struct sp_sync_thread {
  sp_helper_thread helper;
  int fd, other; /* other -1: there is none */
  int error;     /* errno of the first sync that failed */
  bool reported;
  uint64_t wanted, durable;
  double seconds;
  uint64_t count;
  const char *path;
};

static void *run(void *argument) {
  sp_sync_thread *t = argument;
  pthread_mutex_lock(&t->helper.lock);
  while (true) {
    while (!t->helper.ending && (t->wanted == t->durable || t->error))
      pthread_cond_wait(&t->helper.wake, &t->helper.lock);
    if (t->helper.ending) break;
    const uint64_t target = t->wanted;
    pthread_mutex_unlock(&t->helper.lock);
    SP_FAULT_POINT("before_sync");
    const double start = sp_now();
    const int error = fdatasync(t->fd) || (t->other >= 0 && fdatasync(t->other)) ? errno : 0;
    const double seconds = sp_now() - start;
    SP_FAULT_POINT("after_sync");
    pthread_mutex_lock(&t->helper.lock);
    t->seconds += seconds;
    t->count++;
    if (error) {
      t->error = error;
    } else {
      t->durable = target;
    }
  }
  pthread_mutex_unlock(&t->helper.lock);
  return NULL;
}

static int open_file(const char *path, sp_status *status) {
  const int fd = sp_side_open(path, O_RDWR);
  if (fd < 0) *status = SP_RAISE(SP_ERR_IO, "%s: cannot be opened: %s", path, strerror(errno));
  return fd;
}

sp_status sp_sync_thread_create(const char *path, const char *other, sp_sync_thread **out) {
  sp_status status = SP_SUCCESS;
  sp_sync_thread *t = NULL;
  SP_TRY(sp_calloc(1, sizeof *t, "the sync thread", &t));
  sp_helper_init(&t->helper);
  t->path = path;
  t->other = -1;
  t->fd = open_file(path, &status);
  if (t->fd >= 0 && other) t->other = open_file(other, &status);
  if (status != SP_SUCCESS) goto fail;
  SP_TRY_GOTO(fail, sp_helper_start(&t->helper, "sp-sync", "the sync thread", run, t));
  *out = t;
  return SP_SUCCESS;
fail:
  sp_sync_thread_destroy(t);
  return status;
}

void sp_sync_thread_destroy(sp_sync_thread *t) {
  if (!t) return;
  sp_helper_end(&t->helper);
  if (t->fd >= 0) close(t->fd);
  if (t->other >= 0) close(t->other);
  sp_free(t);
}

bool sp_sync_thread_start(sp_sync_thread *t, uint64_t sequence) {
  pthread_mutex_lock(&t->helper.lock);
  const bool idle = t->wanted == t->durable && !t->error;
  if (idle) {
    t->wanted = sequence;
    pthread_cond_signal(&t->helper.wake);
  }
  pthread_mutex_unlock(&t->helper.lock);
  return idle;
}

sp_status sp_sync_thread_poll(sp_sync_thread *t, uint64_t *durable) {
  pthread_mutex_lock(&t->helper.lock);
  const int error = t->error;
  *durable = t->durable;
  pthread_mutex_unlock(&t->helper.lock);
  if (!error) return SP_SUCCESS;
  if (t->reported) return SP_ERR_IO;
  t->reported = true;
  return SP_RAISE(SP_ERR_IO, "%s: what was written does not reach the disk: %s", t->path, strerror(error));
}

double sp_sync_thread_seconds(sp_sync_thread *t) {
  pthread_mutex_lock(&t->helper.lock);
  const double seconds = t->seconds;
  pthread_mutex_unlock(&t->helper.lock);
  return seconds;
}

uint64_t sp_sync_thread_count(sp_sync_thread *t) {
  pthread_mutex_lock(&t->helper.lock);
  const uint64_t count = t->count;
  pthread_mutex_unlock(&t->helper.lock);
  return count;
}
