#include "src/io/output_path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "seisproc/memory.h"

/* The folder that holds `path`; the caller owns it. */
static sp_status folder_of(const char *path, char **out) {
  const char *slash = strrchr(path, '/');
  SP_TRY(sp_strdup(slash ? path : ".", out));
  if (slash) (*out)[slash == path ? 1 : slash - path] = '\0';
  return SP_SUCCESS;
}

static sp_status check_folder(const char *output, const char *folder) {
  struct stat entry;
  if (stat(folder, &entry) || !S_ISDIR(entry.st_mode)) {
    return SP_RAISE(SP_ERR_INPUT, "%s: cannot be written: there is no folder %s", output, folder);
  }
  if (access(folder, W_OK | X_OK)) {
    return SP_RAISE(SP_ERR_INPUT, "%s: cannot be written: %s: %s", output, folder, strerror(errno));
  }
  return SP_SUCCESS;
}

sp_status sp_output_check(const char *input, const char *output) {
  struct stat in, out;
  if (!stat(output, &out)) {
    if (S_ISDIR(out.st_mode)) return SP_RAISE(SP_ERR_INPUT, "%s: a directory; allowed is a file to write", output);
    if (!stat(input, &in) && in.st_dev == out.st_dev && in.st_ino == out.st_ino) {
      return SP_RAISE(SP_ERR_INPUT, "%s: the output is the input", output);
    }
  }
  char *folder;
  SP_TRY(folder_of(output, &folder));
  const sp_status status = check_folder(output, folder);
  sp_free(folder);
  return status;
}

sp_status sp_output_part(const char *output, char **out) {
  const size_t size = strlen(output) + sizeof ".part";
  void *part;
  SP_TRY(sp_alloc(size, "a name", &part));
  snprintf(part, size, "%s.part", output);
  *out = part;
  return SP_SUCCESS;
}

static bool sync_path(const char *path) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  const bool good = fd >= 0 && !fsync(fd);
  const int error = errno;
  if (fd >= 0) close(fd);
  errno = error;
  return good;
}

sp_status sp_output_name(const char *part, const char *output) {
  if (!sync_path(part)) return SP_RAISE(SP_ERR_IO, "%s: cannot be synced: %s", part, strerror(errno));
  if (rename(part, output)) {
    return SP_RAISE(SP_ERR_IO, "%s: cannot be renamed to %s: %s", part, output, strerror(errno));
  }
  char *folder;
  SP_TRY(folder_of(output, &folder));
  sync_path(folder); /* not every file system can; the file is complete in any case */
  sp_free(folder);
  return SP_SUCCESS;
}
