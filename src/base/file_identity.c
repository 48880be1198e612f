/* SPDX-License-Identifier: BSD-3-Clause */
/* A file by its size, its time of modification and, on one machine, its device and inode. */
#include "seisproc/file_identity.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static sp_file_identity identity_of(const struct stat *entry) {
  return (sp_file_identity){.bytes = (uint64_t)entry->st_size,
                            .modified_ns = (int64_t)entry->st_mtim.tv_sec * 1000000000 + entry->st_mtim.tv_nsec,
                            .device = entry->st_dev,
                            .inode = entry->st_ino};
}

sp_status sp_file_identify(const char *path, sp_file_identity *out) {
  struct stat entry;
  if (stat(path, &entry)) return SP_RAISE(SP_ERR_INPUT, "%s: %s", path, strerror(errno));
  *out = identity_of(&entry);
  return SP_SUCCESS;
}

bool sp_is_one_file(const char *a, const char *b) {
  struct stat first, second;
  return !stat(a, &first) && !stat(b, &second) && first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

bool sp_file_identify_open(int fd, sp_file_identity *out) {
  struct stat entry;
  if (fstat(fd, &entry)) return false;
  *out = identity_of(&entry);
  return true;
}

/* To the nanosecond where the second is the same. */
static void time_text(int64_t ns, bool exact, char *text, size_t size) {
  const time_t seconds = (time_t)(ns / 1000000000);
  struct tm parts;
  gmtime_r(&seconds, &parts);
  const size_t n = strftime(text, size, "%Y-%m-%d %H:%M:%S", &parts);
  if (exact) snprintf(text + n, size - n, ".%09" PRId64, ns % 1000000000);
}

bool sp_file_identity_differs(const sp_file_identity *was, const sp_file_identity *is, bool same_machine,
                              char text[SP_IDENTITY_TEXT]) {
  if (was->bytes != is->bytes) {
    snprintf(text, SP_IDENTITY_TEXT, "it had %" PRIu64 " bytes, now %" PRIu64, was->bytes, is->bytes);
  } else if (was->modified_ns != is->modified_ns) {
    const bool exact = was->modified_ns / 1000000000 == is->modified_ns / 1000000000;
    char before[40], now[40];
    time_text(was->modified_ns, exact, before, sizeof before);
    time_text(is->modified_ns, exact, now, sizeof now);
    snprintf(text, SP_IDENTITY_TEXT, "it was modified at %s UTC, now at %s", before, now);
  } else if (same_machine && (was->device != is->device || was->inode != is->inode)) {
    snprintf(text, SP_IDENTITY_TEXT, "another file has its name (inode %" PRIu64 ", now %" PRIu64 ")", was->inode,
             is->inode);
  } else {
    return false;
  }
  return true;
}

sp_status sp_file_check_unchanged(const char *path, const sp_file_identity *was) {
  char how[SP_IDENTITY_TEXT];
  sp_file_identity now;
  SP_TRY(sp_file_identify(path, &now));
  if (!sp_file_identity_differs(was, &now, true, how)) return SP_SUCCESS;
  return SP_RAISE(SP_ERR_INPUT, "%s: has changed while it was being used: %s", path, how);
}
