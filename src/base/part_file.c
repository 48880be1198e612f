#include "seisproc/part_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "seisproc/memory.h"
#include "src/base/fault.h"

/* The directory that holds `path`; owned by the caller. */
static sp_status directory_of(const char *path, char **out) {
  char *copy;
  SP_TRY(sp_strdup(path, &copy));
  const sp_status status = sp_strdup(dirname(copy), out);
  sp_free(copy);
  return status;
}

static sp_status check_place(const char *path) {
  struct stat info;
  if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
    return SP_RAISE(SP_ERR_USAGE, "%s: is a directory, must be a file to write", path);
  }
  char *directory;
  SP_TRY(directory_of(path, &directory));
  sp_status status = SP_SUCCESS;
  if (access(directory, W_OK)) {
    status = SP_RAISE(SP_ERR_USAGE, "%s: cannot be written: %s: %s", path, directory, strerror(errno));
  }
  sp_free(directory);
  return status;
}

sp_status sp_part_path(const char *path, char **part) {
  SP_TRY(check_place(path));
  const size_t size = strlen(path) + sizeof ".part";
  void *block;
  SP_TRY(sp_alloc(size, "a file name", &block));
  snprintf(block, size, "%s.part", path);
  *part = block;
  return SP_SUCCESS;
}

double sp_part_room(const char *path) {
  char *directory;
  struct statvfs fs;
  if (directory_of(path, &directory) != SP_SUCCESS) return INFINITY;
  const bool told = statvfs(directory, &fs) == 0;
  sp_free(directory);
  return told ? (double)fs.f_bavail * (double)fs.f_frsize : INFINITY;
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
  SP_TRY(directory_of(path, &directory));
  const sp_status status = sync_path(directory, O_RDONLY | O_DIRECTORY);
  sp_free(directory);
  return status;
}

sp_status sp_part_check_room(const char *part) {
  struct stat file;
  if (stat(part, &file)) return SP_RAISE(SP_ERR_IO, "%s: %s", part, strerror(errno));
  const double needed = (double)file.st_size - 512.0 * (double)file.st_blocks, room = sp_part_room(part);
  if (needed <= room) return SP_SUCCESS;
  return SP_RAISE(SP_ERR_IO, "%s: %.3f GB are still to be written, %.3f GB are free there", part, 1e-9 * needed,
                  1e-9 * room);
}

sp_status sp_part_publish(const char *part, const char *path) {
  SP_TRY(sp_sync_file(part));
  SP_FAULT_POINT("publish_synced");
  if (rename(part, path)) {
    return SP_RAISE(SP_ERR_IO, "%s: cannot be renamed to %s: %s", part, path, strerror(errno));
  }
  SP_FAULT_POINT("publish_renamed");
  return sp_sync_entry(path);
}

void sp_part_discard(const char *part) {
  if (part) unlink(part);
}
