/* SPDX-License-Identifier: BSD-3-Clause */
#include "seisproc/part_file.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "seisproc/memory.h"
#include "seisproc/side_file.h"
#include "src/base/fault.h"

/* The folder that the output `path` is made in; owned by the caller. */
static sp_status find_folder(const char *path, char **folder) {
  char *target;
  SP_TRY(sp_output_path(path, &target));
  const sp_status status = sp_folder_of(target, folder);
  sp_free(target);
  return status;
}

sp_status sp_part_check_folder(const char *path) {
  sp_status status = SP_SUCCESS;
  char *folder;
  SP_TRY(find_folder(path, &folder));
  if (access(folder, W_OK | X_OK)) {
    status = SP_RAISE(SP_ERR_USAGE, "%s: cannot be written: %s: %s", path, folder, strerror(errno));
  }
  sp_free(folder);
  return status;
}

static sp_status check_place(const char *path) {
  struct stat info;
  const size_t length = strlen(path);
  if (length == 0) return SP_RAISE(SP_ERR_USAGE, "the name of the output is empty, allowed is that of a file to write");
  if (path[length - 1] == '/') return SP_RAISE(SP_ERR_USAGE, "%s: ends in a slash, must be a file to write", path);
  const bool there = stat(path, &info) == 0;
  if (there && S_ISDIR(info.st_mode)) {
    return SP_RAISE(SP_ERR_USAGE, "%s: is a directory, must be a file to write", path);
  }
  if (there && !S_ISREG(info.st_mode)) {
    return SP_RAISE(SP_ERR_USAGE, "%s: is a device, FIFO or socket, must be a regular file to write", path);
  }
  return sp_part_check_folder(path);
}

sp_status sp_part_path(const char *path, char **part) {
  SP_TRY(check_place(path));
  return sp_side_path(path, SP_SIDE_PART, part);
}

sp_status sp_part_check_replace(const char *path) {
  enum { ANY_WRITE = S_IWUSR | S_IWGRP | S_IWOTH };
  struct stat info;
  if (stat(path, &info)) return SP_SUCCESS;
  /* root may write whatever its mode says, and would not be asked */
  if ((info.st_mode & ANY_WRITE) && access(path, W_OK) == 0) return SP_SUCCESS;
  return SP_RAISE(SP_ERR_USAGE, "%s: is there and read-only: not replaced; remove it or write to another file", path);
}

/* What an earlier command left under the name of the part. */
static sp_status remove_left_over(const char *part) {
  int error = sp_side_check(part);
  if (error == 0 && unlink(part) && errno != ENOENT) error = errno;
  if (error == 0) return SP_SUCCESS;
  return SP_RAISE(sp_file_status(error), "%s: cannot be replaced: %s", part, sp_side_error(error));
}

sp_status sp_part_continue(const char *path, char **part, sp_lock **lock) {
  char *part_path = NULL, *lock_path = NULL;
  sp_lock *taken = NULL;
  sp_status status;
  SP_TRY_GOTO(out, sp_part_path(path, &part_path));
  SP_TRY_GOTO(out, sp_part_check_replace(path));
  SP_TRY_GOTO(out, sp_side_path(path, SP_SIDE_LOCK, &lock_path));
  status = sp_lock_acquire(lock_path, &taken);
out:
  sp_free(lock_path);
  if (status == SP_SUCCESS) {
    *part = part_path;
    *lock = taken;
  } else {
    sp_lock_release(taken);
    sp_free(part_path);
  }
  return status;
}

sp_status sp_part_begin(const char *path, char **part, sp_lock **lock) {
  char *part_path = NULL;
  sp_lock *taken = NULL;
  SP_TRY(sp_part_continue(path, &part_path, &taken));
  const sp_status status = remove_left_over(part_path);
  if (status == SP_SUCCESS) {
    *part = part_path;
    *lock = taken;
  } else {
    sp_lock_release(taken);
    sp_free(part_path);
  }
  return status;
}

double sp_part_room(const char *path) {
  char *folder;
  struct statvfs fs;
  if (find_folder(path, &folder) != SP_SUCCESS) return INFINITY;
  const bool told = statvfs(folder, &fs) == 0;
  sp_free(folder);
  return told ? (double)fs.f_bavail * (double)fs.f_frsize : INFINITY;
}

static sp_status refuse_room(const char *part, double needed, double room) {
  return SP_RAISE(SP_ERR_IO, "%s: %.3f GB are still to be written, %.3f GB are free there", part, 1e-9 * needed,
                  1e-9 * room);
}

sp_status sp_part_check_bytes(const char *part, double bytes) {
  struct rlimit limit;
  const double room = sp_part_room(part);
  if (bytes > room) return refuse_room(part, bytes, room);
  if (getrlimit(RLIMIT_FSIZE, &limit) || limit.rlim_cur == RLIM_INFINITY || bytes <= (double)limit.rlim_cur) {
    return SP_SUCCESS;
  }
  return SP_RAISE(SP_ERR_IO, "%s: %.3f GB are to be written, and a file may have %.3f GB (ulimit -f)", part,
                  1e-9 * bytes, 1e-9 * (double)limit.rlim_cur);
}

static sp_status sync_path(const char *path, int flags) {
  const int fd = open(path, flags | O_CLOEXEC);
  const int failed = fd < 0 || fsync(fd), error = errno;
  if (fd >= 0) close(fd);
  return failed ? SP_RAISE(SP_ERR_IO, "%s: cannot be synced: %s", path, strerror(error)) : SP_SUCCESS;
}

sp_status sp_sync_file(const char *path) {
  return sync_path(path, O_RDWR);
}

sp_status sp_sync_entry(const char *path) {
  char *directory;
  SP_TRY(sp_folder_of(path, &directory));
  const sp_status status = sync_path(directory, O_RDONLY | O_DIRECTORY);
  sp_free(directory);
  return status;
}

sp_status sp_part_check_room(const char *part) {
  struct stat file;
  if (stat(part, &file)) return SP_RAISE(SP_ERR_IO, "%s: %s", part, strerror(errno));
  const double needed = (double)file.st_size - 512.0 * (double)file.st_blocks, room = sp_part_room(part);
  return needed <= room ? SP_SUCCESS : refuse_room(part, needed, room);
}

static sp_status rename_part(const char *part, const char *path) {
  SP_FAULT_POINT("publish_synced");
  if (rename(part, path)) {
    return SP_RAISE(sp_file_status(errno), "%s: cannot be renamed to %s: %s", part, path, strerror(errno));
  }
  SP_FAULT_POINT("publish_renamed");
  return sp_sync_entry(path);
}

sp_status sp_part_publish(const char *part, const char *path) {
  char *target = NULL;
  SP_TRY(sp_sync_file(part));
  SP_TRY(sp_output_path(path, &target));
  const sp_status status = rename_part(part, target);
  sp_free(target);
  return status;
}

void sp_part_discard(const char *part) {
  if (part) unlink(part);
}
