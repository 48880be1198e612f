/* SPDX-License-Identifier: BSD-3-Clause */
/* OUT.lock: one byte of it is locked by whoever writes the output, another by all of its ranks that write. */
#include "seisproc/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "seisproc/backoff.h"
#include "seisproc/clock.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/side_file.h"

/* Two bytes of the file are locked: one by whoever runs the job, for its whole length; the other, shared, by every rank
 * that writes samples, so that a new run can wait for the last of an earlier one. */
enum { HOLDER_TEXT = 320, RUNNER_BYTE = 0, WRITERS_BYTE = 1, WAIT_S = 20 };

/* The nonce is in the file's second line. */
struct sp_lock {
  int fd;
  char *path;
  char nonce[SP_LOCK_NONCE + 1];
};

static sp_status refuse(const sp_lock *lock) {
  char holder[HOLDER_TEXT + 1] = "";
  const ssize_t n = pread(lock->fd, holder, HOLDER_TEXT, 0);
  holder[n > 0 ? n : 0] = '\0';
  holder[strcspn(holder, "\n")] = '\0';
  return SP_RAISE(SP_ERR_USAGE, "%s: another job writes this output: %s", lock->path, holder[0] ? holder : "not named");
}

/* Whether the path still names the file that is open here: its holder may have removed it meanwhile. */
static bool is_current(const sp_lock *lock) {
  struct stat here, there;
  return !fstat(lock->fd, &here) && !stat(lock->path, &there) && here.st_ino == there.st_ino &&
         here.st_dev == there.st_dev;
}

/* Sets or clears a lock on one byte without waiting; 0 or an errno. */
static int set_lock(int fd, short type, off_t byte) {
  struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
  return fcntl(fd, F_OFD_SETLK, &lock) ? errno : 0;
}

static bool is_held(int error) {
  return error == EAGAIN || error == EACCES;
}

static void make_nonce(char nonce[SP_LOCK_NONCE + 1]) {
  uint64_t parts[2];
  if (getrandom(parts, sizeof parts, 0) != sizeof parts) abort(); /* 16 bytes never come short (getrandom(2)) */
  snprintf(nonce, SP_LOCK_NONCE + 1, "%016" PRIx64 "%016" PRIx64, parts[0], parts[1]);
}

static void sign(sp_lock *lock) {
  char host[128] = "an unknown host", text[HOLDER_TEXT];
  gethostname(host, sizeof host - 1);
  make_nonce(lock->nonce);
  const char *job = getenv("SLURM_JOB_ID");
  const int n = snprintf(text, sizeof text, "host %s, process %ld%s%.40s\n%s\n", host, (long)getpid(),
                         job ? ", Slurm job " : "", job ? job : "", lock->nonce);
  if (ftruncate(lock->fd, 0) || pwrite(lock->fd, text, (size_t)n, 0) != n) {
    lock->nonce[0] = '\0';
    sp_warn("%s: cannot be signed: %s", lock->path, strerror(errno)); /* the lock holds all the same */
  }
}

static sp_status open_and_lock(sp_lock *lock) {
  lock->fd = sp_side_open(lock->path, O_RDWR | O_CREAT);
  if (lock->fd < 0) {
    return SP_RAISE(sp_file_status(errno), "%s: cannot be created: %s", lock->path, sp_side_error(errno));
  }
  const int error = set_lock(lock->fd, F_WRLCK, RUNNER_BYTE);
  if (is_held(error)) return refuse(lock);
  if (error) {
    sp_warn("%s: this file system does not lock (%s): nothing keeps a second job from this output", lock->path,
            strerror(error));
  }
  return SP_SUCCESS;
}

/* The runner of an earlier run is gone; its writers may be on their way out. */
static sp_status wait_for_writers(const sp_lock *lock) {
  sp_backoff backoff = {.most_us = 50000};
  const double start = sp_now();
  int error;
  while (is_held(error = set_lock(lock->fd, F_WRLCK, WRITERS_BYTE)) && sp_now() - start < WAIT_S) {
    sp_backoff_sleep(&backoff);
  }
  if (is_held(error)) {
    return SP_RAISE(SP_ERR_IO,
                    "%s: ranks of an earlier run are still there after %d s and may write to this output; "
                    "end them first",
                    lock->path, WAIT_S);
  }
  set_lock(lock->fd, F_UNLCK, WRITERS_BYTE);
  return SP_SUCCESS;
}

sp_status sp_lock_acquire(const char *path, sp_lock **out) {
  sp_status status;
  sp_lock *lock = NULL;
  SP_TRY(sp_calloc(1, sizeof *lock, "a lock", &lock));
  lock->fd = -1;
  SP_TRY_GOTO(fail, sp_strdup(path, &lock->path));
  do {
    if (lock->fd >= 0) close(lock->fd);
    SP_TRY_GOTO(fail, open_and_lock(lock));
  } while (!is_current(lock));
  sign(lock);
  SP_TRY_GOTO(fail, wait_for_writers(lock));
  *out = lock;
  return SP_SUCCESS;
fail:
  if (lock->fd >= 0) close(lock->fd);
  sp_free(lock->path);
  sp_free(lock);
  return status;
}

const char *sp_lock_nonce(const sp_lock *lock) {
  return fsync(lock->fd) ? "" : lock->nonce;
}

bool sp_lock_read_nonce(const char *path, char nonce[SP_LOCK_NONCE + 1]) {
  char text[HOLDER_TEXT + 1];
  const int fd = sp_side_open(path, O_RDONLY);
  if (fd < 0) return false;
  const ssize_t n = pread(fd, text, HOLDER_TEXT, 0);
  close(fd);
  text[n > 0 ? n : 0] = '\0';
  const char *second = strchr(text, '\n');
  if (!second) return false;
  snprintf(nonce, SP_LOCK_NONCE + 1, "%.*s", (int)strcspn(second + 1, "\n"), second + 1);
  return true;
}

bool sp_lock_is_held(const char *path, char *holder, size_t size) {
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = RUNNER_BYTE, .l_len = 1};
  char text[HOLDER_TEXT + 1];
  const int fd = sp_side_open(path, O_RDONLY);
  if (fd < 0) return false;
  const bool held = !fcntl(fd, F_OFD_GETLK, &lock) && lock.l_type != F_UNLCK;
  const ssize_t n = held ? pread(fd, text, HOLDER_TEXT, 0) : 0;
  close(fd);
  text[n > 0 ? n : 0] = '\0';
  if (held) snprintf(holder, size, "%.*s", (int)strcspn(text, "\n"), text);
  return held;
}

sp_status sp_lock_join(const char *path, int *fd) {
  *fd = sp_side_open(path, O_RDWR);
  if (*fd < 0) return SP_RAISE(sp_file_status(errno), "%s: cannot be opened: %s", path, sp_side_error(errno));
  if (is_held(set_lock(*fd, F_RDLCK, WRITERS_BYTE))) {
    close(*fd);
    return SP_RAISE(SP_ERR_IO, "%s: another run has just begun", path);
  }
  return SP_SUCCESS;
}

void sp_lock_release(sp_lock *lock) {
  if (!lock) return;
  unlink(lock->path); /* before the lock goes, so that nobody takes a file that then vanishes */
  close(lock->fd);
  sp_free(lock->path);
  sp_free(lock);
}
