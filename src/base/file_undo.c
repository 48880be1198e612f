/* SPDX-License-Identifier: BSD-3-Clause */
/* What a file was before it is changed in place: an undo journal.
 *
 * FILE.undo: a record, n ranges of the file (offset and length), their bytes, and the CRC-32C of all of that. It is
 * written as FILE.undo.new, synced and renamed, so that one that is found under its name is whole.
 */
#include "seisproc/file_undo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "seisproc/crc32c.h"
#include "seisproc/memory.h"
#include "seisproc/part_file.h"
#include "seisproc/share.h"
#include "seisproc/side_file.h"
#include "src/base/fault.h"
#include "src/base/file_bytes.h"

enum { BLOCK = 1 << 20 };
static const char magic[16] = "seisproc undo 1";

typedef struct record {
  char magic[16];
  sp_file_identity file; /* before the change */
  uint64_t n_ranges;
} record;

/* --- keeping them ------------------------------------------------------------------------------------------------- */

typedef struct writer {
  FILE *out;
  uint32_t crc;
} writer;

static bool put(writer *w, const void *data, size_t n) {
  w->crc = sp_crc32c(w->crc, data, n);
  return fwrite(data, 1, n, w->out) == n;
}

static bool put_range(writer *w, int fd, sp_file_range r, void *block) {
  SP_EACH_PIECE (piece, r.offset, r.offset + r.bytes, BLOCK) {
    size_t got;
    const int error = sp_read_all_at(fd, block, piece.count, piece.first, &got);
    if (error || got < piece.count) {
      errno = error ? error : EIO;
      return false;
    }
    if (!put(w, block, piece.count)) return false;
  }
  return true;
}

static bool write_all(writer *w, int fd, const record *head, const sp_file_range *kept) {
  void *block = malloc(BLOCK);
  bool good = block && put(w, head, sizeof *head) && put(w, kept, head->n_ranges * sizeof *kept);
  for (uint64_t i = 0; i < head->n_ranges && good; i++) good = put_range(w, fd, kept[i], block);
  free(block);
  const uint32_t crc = w->crc;
  return good && put(w, &crc, sizeof crc) && !fflush(w->out) && !fsync(fileno(w->out));
}

static sp_status write_undo(const char *path, const char *undo, const record *head, const sp_file_range *kept) {
  char *fresh = NULL;
  SP_TRY(sp_side_append(undo, SP_SIDE_NEW, &fresh));
  writer w = {0};
  const int from = open(path, O_RDONLY | O_CLOEXEC), to = sp_side_create(fresh);
  if (to >= 0) w.out = fdopen(to, "w");
  const bool good = from >= 0 && w.out && write_all(&w, from, head, kept) && !rename(fresh, undo);
  const int error = errno;
  if (w.out) {
    fclose(w.out);
  } else if (to >= 0) {
    close(to);
  }
  if (from >= 0) close(from);
  sp_status status = SP_SUCCESS;
  if (!good) {
    unlink(fresh);
    status =
        SP_RAISE(sp_file_status(error), "%s: cannot be written: %s; %s is as it was", undo, sp_side_error(error), path);
  } else {
    status = sp_sync_entry(undo);
  }
  sp_free(fresh);
  return status;
}

sp_status sp_file_undo_keep(const char *path, const sp_file_identity *identity, const sp_file_range *kept, size_t n) {
  char *undo = NULL;
  record head = {.file = *identity, .n_ranges = n};
  memcpy(head.magic, magic, sizeof magic);
  SP_TRY(sp_side_path(path, SP_SIDE_UNDO, &undo));
  const sp_status status = write_undo(path, undo, &head, kept);
  sp_free(undo);
  SP_FAULT_POINT("undo_kept");
  return status;
}

static sp_status remove_undo(const char *undo) {
  if (unlink(undo)) return SP_RAISE(sp_file_status(errno), "%s: cannot be removed: %s", undo, strerror(errno));
  return sp_sync_entry(undo);
}

sp_status sp_file_undo_drop(const char *path) {
  char *undo = NULL;
  SP_TRY(sp_side_path(path, SP_SIDE_UNDO, &undo));
  const sp_status status = remove_undo(undo);
  sp_free(undo);
  return status;
}

sp_status sp_file_undo_is_due(const char *path, bool *due) {
  char *undo = NULL;
  struct stat entry;
  SP_TRY(sp_side_path(path, SP_SIDE_UNDO, &undo));
  *due = !lstat(undo, &entry);
  sp_free(undo);
  return SP_SUCCESS;
}

/* --- taking a change back ----------------------------------------------------------------------------------------- */

typedef struct restorer {
  const char *path, *undo;
  FILE *in;
  int fd; /* the file */
  record head;
  sp_file_range *kept;
  void *block;
} restorer;

static bool get(restorer *r, void *data, size_t n, uint32_t *crc) {
  if (fread(data, 1, n, r->in) != n) return false;
  *crc = sp_crc32c(*crc, data, n);
  return true;
}

/* The bytes of all ranges: looked at, or written back where they were. */
static bool pass(restorer *r, bool writes, uint32_t *crc) {
  for (uint64_t i = 0; i < r->head.n_ranges; i++) {
    const sp_file_range *k = &r->kept[i];
    SP_EACH_PIECE (piece, k->offset, k->offset + k->bytes, BLOCK) {
      if (!get(r, r->block, piece.count, crc)) return false;
      const int error = writes ? sp_write_all_at(r->fd, r->block, piece.count, piece.first) : 0;
      if (error) {
        errno = error;
        return false;
      }
    }
  }
  return true;
}

static sp_status read_head(restorer *r, uint32_t *crc) {
  struct stat undo, file;
  const bool good = get(r, &r->head, sizeof r->head, crc) && !memcmp(r->head.magic, magic, sizeof magic) &&
                    !fstat(fileno(r->in), &undo) && r->head.n_ranges <= SP_MAX_FILE_RANGES;
  if (!good) return SP_RAISE(SP_ERR_INPUT, "%s: is damaged or of another program: cannot be used", r->undo);
  if (fstat(r->fd, &file) || r->head.file.inode != file.st_ino) {
    return SP_RAISE(SP_ERR_INPUT, "%s: is of another file that was named %s; remove it if this one is as it should be",
                    r->undo, r->path);
  }
  SP_TRY(sp_alloc((size_t)r->head.n_ranges * sizeof *r->kept, "ranges of a file", &r->kept));
  uint64_t bytes = 0;
  bool fits = get(r, r->kept, (size_t)r->head.n_ranges * sizeof *r->kept, crc);
  for (uint64_t i = 0; i < r->head.n_ranges && fits; i++) {
    fits = r->kept[i].bytes <= (uint64_t)undo.st_size && (bytes += r->kept[i].bytes) <= (uint64_t)undo.st_size &&
           r->kept[i].offset <= INT64_MAX / 2;
  }
  return fits ? SP_SUCCESS : SP_RAISE(SP_ERR_INPUT, "%s: is damaged: cannot be used", r->undo);
}

static sp_status restore(restorer *r) {
  uint32_t crc = 0, kept_crc = 0, unused = 0;
  SP_TRY(read_head(r, &crc));
  const long start = ftell(r->in);
  const bool whole = pass(r, false, &crc) && fread(&kept_crc, sizeof kept_crc, 1, r->in) == 1 && crc == kept_crc;
  if (!whole) return SP_RAISE(SP_ERR_INPUT, "%s: is damaged: cannot be used", r->undo);
  const int64_t ns = r->head.file.modified_ns;
  const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000}};
  const bool done = !fseek(r->in, start, SEEK_SET) && pass(r, true, &unused) &&
                    !ftruncate(r->fd, (off_t)r->head.file.bytes) && !futimens(r->fd, times) && !fsync(r->fd);
  if (!done) {
    return SP_RAISE(SP_ERR_IO, "%s: cannot be made what it was: %s; try again", r->path, strerror(errno));
  }
  SP_FAULT_POINT("undo_restored");
  return remove_undo(r->undo);
}

sp_status sp_file_undo(const char *path, bool *undone) {
  char *undo = NULL;
  restorer r = {.path = path, .fd = -1};
  sp_status status;
  *undone = false;
  SP_TRY(sp_file_undo_is_due(path, undone));
  if (!*undone) return SP_SUCCESS;
  SP_TRY_GOTO(out, sp_side_path(path, SP_SIDE_UNDO, &undo));
  SP_TRY_GOTO(out, sp_alloc(BLOCK, "bytes of a file", &r.block));
  r.undo = undo;
  r.in = sp_side_read(undo);
  r.fd = open(path, O_RDWR | O_CLOEXEC);
  if (!r.in || r.fd < 0) {
    status = SP_RAISE(sp_file_status(errno), "%s: cannot be opened: %s", r.in ? path : undo, sp_side_error(errno));
  } else {
    status = restore(&r);
  }
out:
  if (r.in) fclose(r.in);
  if (r.fd >= 0) close(r.fd);
  sp_free(r.kept);
  sp_free(r.block);
  sp_free(undo);
  return status;
}
