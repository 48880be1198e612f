/* SPDX-License-Identifier: BSD-3-Clause */
/* The journal of a packing: its name, then a record a chunk, in their order. A record that is torn, or not the next
 * one, ends it: it and what follows is cut off. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "seisproc/crc32c.h"
#include "seisproc/memory.h"
#include "seisproc/part_file.h"
#include "seisproc/side_file.h"
#include "src/base/fault.h"
#include "src/base/file_bytes.h"
#include "src/store/pack_parts.h"

enum { HEAD_BYTES = 64 };

struct sp_pack_journal {
  char *path;
  int fd;
};

static sp_status failed(const sp_pack_journal *j, const char *what, int error) {
  return SP_RAISE(sp_file_status(error), "%s: cannot be %s: %s", j->path, what, sp_side_error(error));
}

static uint32_t checksum(const sp_pack_record *record) {
  return sp_crc32c(0, record, offsetof(sp_pack_record, own_crc));
}

static sp_status append(const sp_pack_journal *j, const void *from, size_t n) {
  SP_FAULT_TORN_WRITE("pack_record", j->fd, from, n);
  const int error = sp_write_all(j->fd, from, n);
  if (error) return failed(j, "written", error);
  return fdatasync(j->fd) ? failed(j, "synced", errno) : SP_SUCCESS;
}

static void make_head(const char *name, char head[HEAD_BYTES]) {
  memset(head, 0, HEAD_BYTES);
  snprintf(head, HEAD_BYTES, "seisproc chunks %s", name);
}

static bool read_record(const sp_pack_journal *j, uint64_t chunk, sp_pack_record *record) {
  const off_t at = HEAD_BYTES + (off_t)(chunk * sizeof *record);
  return pread(j->fd, record, sizeof *record, at) == (ssize_t)sizeof *record && record->chunk == chunk &&
         record->own_crc == checksum(record);
}

static sp_status begin(sp_pack_journal *j, const char *name) {
  char head[HEAD_BYTES];
  make_head(name, head);
  if (ftruncate(j->fd, 0) || lseek(j->fd, 0, SEEK_SET) < 0) return failed(j, "begun", errno);
  SP_TRY(append(j, head, sizeof head));
  return sp_sync_entry(j->path);
}

sp_status sp_pack_journal_open(const char *path, const char *name, uint64_t n_chunks, sp_pack_record *records,
                               uint64_t *n_done, sp_pack_journal **out) {
  char head[HEAD_BYTES], found[HEAD_BYTES] = "";
  sp_pack_journal *j;
  sp_status status;
  SP_TRY(sp_calloc(1, sizeof *j, "a journal", &j));
  j->fd = -1;
  SP_TRY_GOTO(fail, sp_strdup(path, &j->path));
  j->fd = sp_side_open(path, O_RDWR);
  if (j->fd < 0 && errno == ENOENT) j->fd = sp_side_create(path);
  if (j->fd < 0) SP_TRY_GOTO(fail, failed(j, "opened", errno));
  make_head(name, head);
  *n_done = 0;
  if (pread(j->fd, found, sizeof found, 0) == (ssize_t)sizeof found && !memcmp(found, head, sizeof head)) {
    while (*n_done < n_chunks && read_record(j, *n_done, &records[*n_done])) ++*n_done;
    const off_t end = HEAD_BYTES + (off_t)(*n_done * sizeof *records);
    if (ftruncate(j->fd, end) || lseek(j->fd, end, SEEK_SET) < 0) SP_TRY_GOTO(fail, failed(j, "read", errno));
  } else {
    SP_TRY_GOTO(fail, begin(j, name));
  }
  *out = j;
  return SP_SUCCESS;
fail:
  sp_pack_journal_close(j);
  return status;
}

sp_status sp_pack_journal_append(sp_pack_journal *j, sp_pack_record *records, uint64_t n) {
  if (n == 0) return SP_SUCCESS;
  for (uint64_t i = 0; i < n; i++) records[i].own_crc = checksum(&records[i]);
  return append(j, records, n * sizeof *records);
}

void sp_pack_journal_close(sp_pack_journal *j) {
  if (!j) return;
  if (j->fd >= 0) close(j->fd);
  sp_free(j->path);
  sp_free(j);
}
