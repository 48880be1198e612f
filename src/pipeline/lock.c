#include "src/pipeline/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "seisproc/log.h"
#include "seisproc/memory.h"

enum { HOLDER_TEXT = 256 };

struct sp_lock {
  int fd;
  char *path;
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

static void sign(const sp_lock *lock) {
  char host[128] = "an unknown host", text[HOLDER_TEXT];
  gethostname(host, sizeof host - 1);
  const char *job = getenv("SLURM_JOB_ID");
  const int n = snprintf(text, sizeof text, "host %s, process %ld%s%s\n", host, (long)getpid(),
                         job ? ", Slurm job " : "", job ? job : "");
  if (ftruncate(lock->fd, 0) || pwrite(lock->fd, text, (size_t)n, 0) != n) {
    sp_warn("%s: cannot be signed: %s", lock->path, strerror(errno)); /* the lock holds all the same */
  }
}

static sp_status open_and_lock(sp_lock *lock) {
  struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  lock->fd = open(lock->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (lock->fd < 0) return SP_RAISE(SP_ERR_IO, "%s: cannot be created: %s", lock->path, strerror(errno));
  if (!fcntl(lock->fd, F_OFD_SETLK, &whole)) return SP_SUCCESS;
  if (errno == EAGAIN || errno == EACCES) return refuse(lock);
  sp_warn("%s: this file system does not lock (%s): nothing keeps a second job from this output", lock->path,
          strerror(errno));
  return SP_SUCCESS;
}

sp_status sp_lock_take(const char *path, sp_lock **out) {
  sp_status status;
  sp_lock *lock = NULL;
  SP_TRY(sp_calloc(1, sizeof *lock, "a lock", (void **)&lock));
  lock->fd = -1;
  SP_TRY_GOTO(fail, sp_strdup(path, &lock->path));
  do {
    if (lock->fd >= 0) close(lock->fd);
    SP_TRY_GOTO(fail, open_and_lock(lock));
  } while (!is_current(lock));
  sign(lock);
  *out = lock;
  return SP_SUCCESS;
fail:
  if (lock->fd >= 0) close(lock->fd);
  sp_free(lock->path);
  sp_free(lock);
  return status;
}

void sp_lock_release(sp_lock *lock) {
  if (!lock) return;
  unlink(lock->path); /* before the lock goes, so that nobody takes a file that then vanishes */
  close(lock->fd);
  sp_free(lock->path);
  sp_free(lock);
}
