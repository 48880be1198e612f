/* SPDX-License-Identifier: BSD-3-Clause */
#include "seisproc/report_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/part_file.h"
#include "seisproc/side_file.h"

static bool is_stream(const char *path) {
  struct stat info;
  return !stat(path, &info) && (S_ISCHR(info.st_mode) || S_ISFIFO(info.st_mode));
}

/* Whether the file begins as one of those that are written here, or is empty. */
static bool is_replaceable(const char *path) {
  static const char *const kinds[] = {"{\n  \"schema\": ", "# HELP seisproc_", "<!DOCTYPE html>",
                                      "<svg xmlns=", "\x89PNG\r\n"};
  char start[32] = "";
  const int file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (file < 0) return errno == EACCES; /* what cannot be written is told apart */
  const ssize_t n = read(file, start, sizeof start);
  close(file);
  for (size_t i = 0; n > 0 && i < sizeof kinds / sizeof kinds[0]; i++) {
    if (!strncmp(start, kinds[i], strlen(kinds[i]))) return true;
  }
  return n == 0;
}

sp_status sp_report_file_check(const char *path) {
  struct stat info;
  char *target = NULL;
  if (is_stream(path)) return SP_SUCCESS;
  SP_TRY(sp_output_path(path, &target));
  sp_status status = SP_SUCCESS;
  if (!stat(target, &info)) {
    if (!S_ISREG(info.st_mode)) {
      status =
          SP_RAISE(SP_ERR_USAGE, "%s: cannot be created: %s", path, strerror(S_ISDIR(info.st_mode) ? EISDIR : EEXIST));
    } else if (sp_part_check_replace(target) != SP_SUCCESS) {
      status = SP_ERR_USAGE;
    } else if (!is_replaceable(target)) {
      status = SP_RAISE(SP_ERR_USAGE,
                        "%s: is there and neither report nor picture: not replaced; write to another file", path);
    }
  }
  if (status == SP_SUCCESS) status = sp_part_check_folder(path);
  sp_free(target);
  return status;
}

/* The place of `path`, and the name under which what goes there is made. */
static sp_status name_places(const char *path, char **target, char **made) {
  SP_TRY(sp_output_path(path, target));
  const char *suffix = sp_side_suffix(SP_SIDE_NEW);
  const size_t size = strlen(*target) + strlen(suffix) + 24;
  const sp_status status = sp_alloc(size, "a file name", made);
  if (status == SP_SUCCESS) snprintf(*made, size, "%s%s.%ld", *target, suffix, (long)getpid());
  if (status != SP_SUCCESS) sp_free(*target);
  return status;
}

sp_status sp_report_file_open(const char *path, FILE **stream) {
  char *target = NULL, *made = NULL;
  SP_TRY(sp_report_file_check(path));
  const bool streamed = is_stream(path);
  if (!streamed) SP_TRY(name_places(path, &target, &made));
  *stream = fopen(streamed ? path : made, streamed ? "w" : "wx");
  const int error = errno;
  sp_free(target);
  sp_free(made);
  return *stream ? SP_SUCCESS : SP_RAISE(SP_ERR_USAGE, "%s: cannot be created: %s", path, strerror(error));
}

sp_status sp_report_file_close(const char *path, FILE *stream, sp_status status) {
  char *target = NULL, *made = NULL;
  errno = 0;
  const bool failed = ferror(stream), held = fflush(stream);
  /* what failed before, and was not told then, fails again and says why */
  if (failed && !errno && !is_stream(path) && write(fileno(stream), "", 1) == 1) errno = EIO;
  if ((fclose(stream) || failed || held) && status == SP_SUCCESS) {
    status = SP_RAISE(SP_ERR_IO, "%s: cannot be written: %s", path, strerror(errno ? errno : EIO));
  }
  if (is_stream(path)) return status;
  SP_TRY(name_places(path, &target, &made));
  if (status == SP_SUCCESS && rename(made, target)) {
    status = SP_RAISE(SP_ERR_IO, "%s: cannot be created: %s", path, strerror(errno));
  }
  if (status != SP_SUCCESS) unlink(made);
  sp_free(target);
  sp_free(made);
  return status;
}
