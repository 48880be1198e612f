/* SPDX-License-Identifier: BSD-3-Clause */
/* The journal of a packing: its name, then a record a chunk, as they were placed. A record that is torn, or of no
 * chunk, ends it: it and what follows is cut off. */
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

/* The name, and how many records were there from the start. */
static void make_head(const char *name, uint64_t n_adopted, char head[HEAD_BYTES]) {
  memset(head, 0, HEAD_BYTES);
  snprintf(head, HEAD_BYTES, "seisproc chunks %s %llu", name, (unsigned long long)n_adopted);
}

/* Whether the journal is one of this name. */
static bool read_head(const sp_pack_journal *j, const char *name, uint64_t *n_adopted) {
  char head[HEAD_BYTES], found[HEAD_BYTES];
  unsigned long long n;
  if (pread(j->fd, found, sizeof found, 0) != (ssize_t)sizeof found || found[HEAD_BYTES - 1]) return false;
  if (sscanf(found, "seisproc chunks %*36s %llu", &n) != 1) return false;
  make_head(name, n, head);
  *n_adopted = n;
  return !memcmp(found, head, sizeof head);
}

static bool read_record(const sp_pack_journal *j, uint64_t i, uint64_t n_chunks, sp_pack_record *record) {
  const off_t at = HEAD_BYTES + (off_t)(i * sizeof *record);
  return pread(j->fd, record, sizeof *record, at) == (ssize_t)sizeof *record && record->own_crc == checksum(record) &&
         record->chunk < n_chunks;
}

/* Reads all; *n is how many there are. */
static void read_records(const sp_pack_journal *j, uint64_t n_chunks, sp_pack_record *records, uint64_t *n) {
  sp_pack_record record;
  for (*n = 0; *n < n_chunks && read_record(j, *n, n_chunks, &record); ++*n) records[record.chunk] = record;
}

static sp_status begin(sp_pack_journal *j, const char *name, uint64_t n_adopted) {
  char head[HEAD_BYTES];
  make_head(name, n_adopted, head);
  if (ftruncate(j->fd, 0) || lseek(j->fd, 0, SEEK_SET) < 0) return failed(j, "begun", errno);
  SP_TRY(append(j, head, sizeof head));
  return sp_sync_entry(j->path);
}

static sp_status open_file(const char *path, bool anew, sp_pack_journal **out) {
  sp_pack_journal *j;
  SP_TRY(sp_calloc(1, sizeof *j, "a journal", &j));
  j->fd = -1;
  sp_status status = sp_strdup(path, &j->path);
  if (status == SP_SUCCESS) {
    if (!anew) j->fd = sp_side_open(path, O_RDWR);
    if (anew || (j->fd < 0 && errno == ENOENT)) j->fd = sp_side_create(path);
    if (j->fd < 0) status = failed(j, "opened", errno);
  }
  if (status == SP_SUCCESS) {
    *out = j;
  } else {
    sp_pack_journal_close(j);
  }
  return status;
}

sp_status sp_pack_journal_create(const char *path, const char *name, sp_pack_record *records, uint64_t n) {
  sp_pack_journal *j;
  SP_TRY(open_file(path, true, &j));
  sp_status status = begin(j, name, n);
  if (status == SP_SUCCESS) status = sp_pack_journal_append(j, records, n);
  sp_pack_journal_close(j);
  return status;
}

static sp_status read_or_begin(sp_pack_journal *j, const char *name, bool adopts, uint64_t n_chunks,
                               sp_pack_record *records, uint64_t *n_done) {
  uint64_t n_adopted = 0;
  *n_done = 0;
  const bool is_ours = read_head(j, name, &n_adopted);
  if (is_ours) read_records(j, n_chunks, records, n_done);
  if (adopts && (!is_ours || *n_done < n_adopted)) {
    return SP_RAISE(SP_ERR_INPUT,
                    "%s: does not say where the chunks are that were packed; the files beside the output are not those "
                    "that the job left, and --restart starts over",
                    j->path);
  }
  if (!is_ours) return begin(j, name, 0);
  const off_t end = HEAD_BYTES + (off_t)(*n_done * sizeof *records);
  return ftruncate(j->fd, end) || lseek(j->fd, end, SEEK_SET) < 0 ? failed(j, "read", errno) : SP_SUCCESS;
}

sp_status sp_pack_journal_open(const char *path, const char *name, bool adopts, uint64_t n_chunks,
                               sp_pack_record *records, uint64_t *n_done, sp_pack_journal **out) {
  sp_pack_journal *j;
  SP_TRY(open_file(path, false, &j));
  const sp_status status = read_or_begin(j, name, adopts, n_chunks, records, n_done);
  if (status == SP_SUCCESS) {
    *out = j;
  } else {
    sp_pack_journal_close(j);
  }
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

sp_status sp_pack_check_chunk(int fd, const char *part, const sp_pack_record *record, const char *way_out) {
  unsigned char *bytes;
  size_t got;
  sp_status status = SP_SUCCESS;
  SP_TRY(sp_alloc(record->bytes, "a chunk", &bytes));
  const int error = sp_read_all_at(fd, bytes, record->bytes, record->offset, &got);
  if (error) {
    status = SP_RAISE(SP_ERR_IO, "%s: cannot be read: %s", part, strerror(error));
  } else if (got < record->bytes || sp_crc32c(0, bytes, record->bytes) != record->crc) {
    status = SP_RAISE(SP_ERR_INPUT,
                      "%s: the chunk at byte %llu has another checksum than its journal says, so the file is another "
                      "one or was changed since; %s",
                      part, (unsigned long long)record->offset, way_out);
  }
  sp_free(bytes);
  return status;
}
