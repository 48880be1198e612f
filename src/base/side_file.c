/* SPDX-License-Identifier: BSD-3-Clause */
/* Names of the files beside an output, and opening them: with O_NOFOLLOW and O_NONBLOCK, then a look at what was opened
 * before anything is read or written. */
#include "seisproc/side_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "seisproc/memory.h"

enum { MAX_LINKS = 40 };

const char *sp_side_suffix(sp_side side) {
  switch (side) {
  case SP_SIDE_PART:
    return ".part";
  case SP_SIDE_LOCK:
    return ".lock";
  case SP_SIDE_JOURNAL:
    return ".journal";
  case SP_SIDE_RUNS:
    return ".runs";
  case SP_SIDE_INFLIGHT:
    return ".inflight";
  case SP_SIDE_SPOOL:
    return ".spool";
  case SP_SIDE_IMAGE:
    return ".image";
  case SP_SIDE_UNDO:
    return ".undo";
  case SP_SIDE_CHUNKS:
    return ".chunks";
  case SP_SIDE_PLAIN:
    return ".plain";
  case SP_SIDE_PACKED:
    return ".packed";
  case SP_SIDE_NEW:
    return ".new";
  }
  return "";
}

sp_status sp_folder_of(const char *path, char **out) {
  char *copy = NULL;
  SP_TRY(sp_strdup(path, &copy));
  const sp_status status = sp_strdup(dirname(copy), out);
  sp_free(copy);
  return status;
}

/* What the symbolic link `path` says, as seen from where `path` is: owned by the caller. *out is NULL where it is no
 * link. */
static sp_status follow(const char *path, char **out) {
  char target[PATH_MAX];
  char *folder = NULL;
  const ssize_t n = readlink(path, target, sizeof target - 1);
  *out = NULL;
  if (n < 0) return SP_SUCCESS;
  target[n] = '\0';
  if (target[0] == '/' || !strchr(path, '/')) return sp_strdup(target, out);
  SP_TRY(sp_folder_of(path, &folder));
  const size_t size = strlen(folder) + (size_t)n + 2;
  const sp_status status = sp_alloc(size, "a file name", out);
  if (status == SP_SUCCESS) snprintf(*out, size, "%s/%s", folder, target);
  sp_free(folder);
  return status;
}

sp_status sp_output_path(const char *output, char **out) {
  char *path = NULL, *next = NULL;
  SP_TRY(sp_strdup(output, &path));
  for (int i = 0; i < MAX_LINKS; i++) {
    const sp_status status = follow(path, &next);
    if (status != SP_SUCCESS || !next) {
      if (status == SP_SUCCESS) {
        *out = path;
      } else {
        sp_free(path);
      }
      return status;
    }
    sp_free(path);
    path = next;
  }
  sp_free(path);
  return SP_RAISE(SP_ERR_USAGE, "%s: symbolic links that lead in a circle", output);
}

/* The first n characters of `path` and the suffix. */
static sp_status join(const char *path, size_t n, sp_side side, char **out) {
  const char *suffix = sp_side_suffix(side);
  const size_t size = n + strlen(suffix) + 1;
  SP_TRY(sp_alloc(size, "a file name", out));
  snprintf(*out, size, "%.*s%s", (int)n, path, suffix);
  return SP_SUCCESS;
}

sp_status sp_side_append(const char *path, sp_side side, char **out) {
  return join(path, strlen(path), side, out);
}

sp_status sp_side_path(const char *output, sp_side side, char **out) {
  char *path = NULL;
  SP_TRY(sp_output_path(output, &path));
  const sp_status status = sp_side_append(path, side, out);
  sp_free(path);
  return status;
}

bool sp_side_is(const char *path, sp_side side) {
  const size_t n = strlen(path), m = strlen(sp_side_suffix(side));
  return n >= m && !strcmp(path + n - m, sp_side_suffix(side));
}

sp_status sp_side_refuse_unfinished(const char *path) {
  bool unfinished = sp_side_is(path, SP_SIDE_PART);
  if (sp_side_is(path, SP_SIDE_PLAIN)) {
    char *chunks;
    SP_TRY(sp_side_sibling(path, SP_SIDE_PLAIN, SP_SIDE_CHUNKS, &chunks));
    unfinished = access(chunks, F_OK) == 0;
    sp_free(chunks);
  }
  if (!unfinished || access(path, F_OK)) return SP_SUCCESS;
  return SP_RAISE(SP_ERR_INPUT,
                  "%s: is an output in the making, of which samples are missing; the command that made it finishes it, "
                  "and `seisproc info` and `verify` take it as it is",
                  path);
}

sp_status sp_side_sibling(const char *path, sp_side side, sp_side other, char **out) {
  return join(path, strlen(path) - strlen(sp_side_suffix(side)), other, out);
}

/* 0 for a regular file with one name, else the errno that stands for what it is. */
static int check_kind(const struct stat *entry) {
  if (S_ISLNK(entry->st_mode)) return ELOOP;
  if (S_ISDIR(entry->st_mode)) return EISDIR;
  if (!S_ISREG(entry->st_mode)) return ENXIO;
  return entry->st_nlink > 1 ? EMLINK : 0;
}

int sp_side_check(const char *path) {
  struct stat entry;
  if (lstat(path, &entry)) return errno == ENOENT ? 0 : errno;
  return check_kind(&entry);
}

int sp_side_open(const char *path, int flags) {
  struct stat entry;
  const int fd = open(path, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0666);
  if (fd < 0) return -1;
  const int error = fstat(fd, &entry) ? errno : check_kind(&entry);
  if (error == 0) return fd;
  close(fd);
  errno = error;
  return -1;
}

int sp_side_create(const char *path) {
  const int error = sp_side_check(path);
  if (error) {
    errno = error;
    return -1;
  }
  if (unlink(path) && errno != ENOENT) return -1;
  return sp_side_open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND);
}

FILE *sp_side_read(const char *path) {
  const int fd = sp_side_open(path, O_RDONLY);
  if (fd < 0) return NULL;
  FILE *stream = fdopen(fd, "r");
  if (!stream) close(fd);
  return stream;
}

const char *sp_side_error(int error) {
  switch (error) {
  case ELOOP:
    return "it is a symbolic link; only a regular file of its own is used";
  case EISDIR:
    return "it is a directory; only a regular file of its own is used";
  case ENXIO:
    return "it is a device, FIFO or socket; only a regular file of its own is used";
  case EMLINK:
    return "the file has a second name (a hard link); only a regular file of its own is used";
  default:
    return strerror(error);
  }
}

/* A limit of the user's (ulimit -f) may be lifted, the file system's cannot. */
static bool is_limited(void) {
  struct rlimit limit;
  return !getrlimit(RLIMIT_FSIZE, &limit) && limit.rlim_cur != RLIM_INFINITY;
}

sp_status sp_file_status(int error) {
  if (error == EFBIG && !is_limited()) return SP_ERR_USAGE;
  switch (error) {
  case EACCES:
  case EPERM:
  case EROFS:
  case ENOENT:
  case ENOTDIR:
  case EISDIR:
  case ELOOP:
  case EMLINK:
  case ENXIO:
  case ENODEV:
  case EEXIST:
  case ENAMETOOLONG:
  case EINVAL:
  case ETXTBSY:
    return SP_ERR_USAGE;
  default:
    return SP_ERR_IO;
  }
}
