/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/segy/stream.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "seisproc/memory.h"
#include "seisproc/part_file.h"
#include "seisproc/side_file.h"
#include "seisproc/stop.h"
#include "src/base/file_bytes.h"

enum { MOST_LINKS = 16, COPY_BYTES = 1 << 20 };

/* The open descriptor that a path is a name of: "-" is `standard`, /dev/fd/7 is 7; -1: of none. Links are followed by
 * their text, since a link in /proc/self/fd leads to the file that is open, and opening that again is not the same. */
static int descriptor_of(const char *path, int standard) {
  static const char *const folders[] = {"/proc/self/fd/", "/dev/fd/"};
  char here[PATH_MAX], next[PATH_MAX];
  if (!strcmp(path, "-")) return standard;
  snprintf(here, sizeof here, "%s", path);
  for (int i = 0; i < MOST_LINKS; i++) {
    if (!strcmp(here, "/dev/stdin")) return STDIN_FILENO;
    if (!strcmp(here, "/dev/stdout")) return STDOUT_FILENO;
    if (!strcmp(here, "/dev/stderr")) return STDERR_FILENO;
    for (int k = 0; k < 2; k++) {
      const size_t n = strlen(folders[k]);
      if (!strncmp(here, folders[k], n) && isdigit((unsigned char)here[n])) return atoi(here + n);
    }
    const ssize_t length = readlink(here, next, sizeof next - 1);
    if (length < 0) return -1;
    next[length] = '\0';
    const char *slash = *next == '/' ? NULL : strrchr(here, '/');
    const size_t folder = slash ? (size_t)(slash - here) + 1 : 0;
    if (folder + (size_t)length >= sizeof here) return -1;
    memcpy(here + folder, next, (size_t)length + 1);
  }
  return -1;
}

sp_status sp_stream_open_output(const char *path, int *fd) {
  struct stat entry;
  *fd = -1;
  const int named = descriptor_of(path, STDOUT_FILENO);
  if (named >= 0) {
    *fd = fcntl(named, F_DUPFD_CLOEXEC, 3);
  } else if (!stat(path, &entry) && !S_ISREG(entry.st_mode) && !S_ISDIR(entry.st_mode)) {
    *fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
  } else {
    return SP_SUCCESS;
  }
  if (*fd >= 0) return SP_SUCCESS;
  return SP_RAISE(SP_ERR_USAGE, "%s: cannot be written: %s", path, strerror(errno));
}

/* --- input ---------------------------------------------------------------------------------------------------- */

static sp_status open_input(const char *path, int *fd) {
  struct stat entry;
  *fd = -1;
  const int named = descriptor_of(path, STDIN_FILENO);
  const bool there = named >= 0 ? !fstat(named, &entry) : !stat(path, &entry);
  if (!there || S_ISDIR(entry.st_mode)) return SP_SUCCESS;
  if (S_ISREG(entry.st_mode) && strcmp(path, "-")) return SP_SUCCESS;
  *fd = named >= 0 ? fcntl(named, F_DUPFD_CLOEXEC, 3) : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (*fd >= 0) return SP_SUCCESS;
  return SP_RAISE(SP_ERR_INPUT, "%s: cannot be opened: %s", path, strerror(errno));
}

static sp_status put(int fd, const char *path, const char *from, size_t n) {
  const int error = sp_write_all(fd, from, n);
  return error ? SP_RAISE(sp_file_status(error), "%s: cannot be written: %s", path, strerror(error)) : SP_SUCCESS;
}

static sp_status copy(int from, const char *path, int to, const char *spool, double limit) {
  void *buffer;
  double total = 0;
  SP_TRY(sp_alloc(COPY_BYTES, "a pipe's bytes", &buffer));
  sp_status status = SP_SUCCESS;
  while (status == SP_SUCCESS) {
    const ssize_t got = read(from, buffer, COPY_BYTES);
    if (sp_stop_signal()) {
      status = SP_STOPPED;
    } else if (got < 0 && errno != EINTR) {
      status = SP_RAISE(SP_ERR_INPUT, "%s: cannot be read: %s", path, strerror(errno));
    } else if (got == 0) {
      break;
    } else if (got > 0) {
      total += (double)got;
      status = total <= limit
                   ? put(to, spool, buffer, (size_t)got)
                   : SP_RAISE(SP_ERR_INPUT,
                              "%s: more than %.3g GB came out of it, which is the limit; --spool-limit sets it", path,
                              1e-9 * limit);
    }
  }
  if (status == SP_SUCCESS && total == 0) status = SP_RAISE(SP_ERR_INPUT, "%s: nothing came out of it", path);
  sp_free(buffer);
  return status;
}

sp_status sp_stream_spool_input(const char *path, const char *output, uint64_t limit, char **spool) {
  char *name;
  int from;
  *spool = NULL;
  SP_TRY(open_input(path, &from));
  if (from < 0) return SP_SUCCESS;
  sp_status status = sp_side_path(output, SP_SIDE_SPOOL, &name);
  if (status != SP_SUCCESS) {
    close(from);
    return status;
  }
  const int to = sp_side_create(name);
  if (to < 0) {
    status = SP_RAISE(sp_file_status(errno), "%s: cannot be created: %s", name, sp_side_error(errno));
  } else {
    status = copy(from, path, to, name, limit ? (double)limit : sp_part_room(name) / 2);
    close(to);
  }
  close(from);
  if (status != SP_SUCCESS) {
    if (to >= 0) unlink(name);
    sp_free(name);
    return status;
  }
  *spool = name;
  return SP_SUCCESS;
}
