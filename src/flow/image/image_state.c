/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/flow/image/image_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "seisproc/crc32c.h"
#include "seisproc/memory.h"
#include "seisproc/side_file.h"
#include "src/base/file_bytes.h"

enum { HEAD_BYTES = 4096, SNAPSHOTS = 2, MARKS = 1 << 16 };

static const char magic[8] = {'S', 'P', 'I', 'M', 'A', 'G', 'E', '3'};

/* A head as it lies in the file. */
typedef struct file_head {
  char magic[8];
  sp_image_head head;
  uint32_t crc; /* of all before it */
} file_head;

typedef struct file_mark {
  uint64_t run, sequence;
  uint32_t part, crc; /* of all before it */
} file_mark;

struct sp_image_state {
  char *path;
  int file;
  uint32_t n_tau, n_classes;
  uint64_t points, columns; /* of the image, of a tile */
  uint64_t bits_bytes;      /* of a bitmap with its checksum */
  uint64_t sums_bytes;      /* of a column's record */
  uint64_t point_bytes;     /* of a point's record */
  uint64_t marks_at, bits_at, points_at, sums_at;
  char *record; /* room for one */
};

static void lay_out(const sp_image_shared *s, sp_image_state *f) {
  const uint64_t most = s->n_batches * s->n_tiles;
  f->n_tau = s->config.grid.n_tau;
  f->n_classes = s->n_classes;
  f->points = sp_image_points(s);
  f->columns = (uint64_t)s->tile_n[0] * s->tile_n[1];
  f->bits_bytes = (most / 8 + 16) / 8 * 8;
  f->sums_bytes = (f->n_tau * (sizeof(int64_t) + sizeof(uint32_t)) + sizeof(uint32_t) + 7) / 8 * 8;
  f->point_bytes = (f->n_tau * (sizeof(float) + sizeof(uint32_t)) + sizeof(uint32_t) + 7) / 8 * 8;
  f->marks_at = 2 * HEAD_BYTES;
  f->bits_at = f->marks_at + SNAPSHOTS * (uint64_t)MARKS * sizeof(file_mark);
  f->points_at = f->bits_at + SNAPSHOTS * f->bits_bytes;
  f->sums_at = f->points_at + f->points * f->n_classes * f->point_bytes; /* at last: how many depends on the workers */
}

double sp_image_state_bytes(const sp_image_shared *shared) {
  sp_image_state f;
  lay_out(shared, &f);
  return (double)f.sums_at + (double)shared->n_groups * SNAPSHOTS * (double)f.columns * (double)f.sums_bytes;
}

/* The file's name; owned by the caller. */
static sp_status state_path(const char *part_path, char **out) {
  return sp_side_append(part_path, SP_SIDE_IMAGE, out);
}

bool sp_image_state_exists(const char *part_path) {
  char *path;
  if (state_path(part_path, &path) != SP_SUCCESS) return false;
  const bool there = access(path, F_OK) == 0;
  sp_free(path);
  return there;
}

void sp_image_state_remove(const char *part_path) {
  char *path;
  if (state_path(part_path, &path) != SP_SUCCESS) return;
  unlink(path);
  sp_free(path);
}

/* --- bytes -------------------------------------------------------------------------------------------------------- */

static sp_status write_at(const sp_image_state *s, const void *bytes, uint64_t n, uint64_t at) {
  const int error = sp_write_all_at(s->file, bytes, n, at);
  return error ? SP_RAISE(SP_ERR_IO, "%s: cannot be written: %s", s->path, strerror(error)) : SP_SUCCESS;
}

static sp_status read_at(const sp_image_state *s, void *bytes, uint64_t n, uint64_t at) {
  size_t got;
  const int error = sp_read_all_at(s->file, bytes, n, at, &got);
  if (error) return SP_RAISE(SP_ERR_IO, "%s: cannot be read: %s", s->path, strerror(error));
  return got == n ? SP_SUCCESS : SP_RAISE(SP_ERR_INPUT, "%s: ends early; --restart starts over", s->path);
}

/* A record is two arrays and the checksum of both. */
static sp_status write_record(sp_image_state *s, const void *a, size_t a_bytes, const void *b, size_t b_bytes,
                              uint64_t at) {
  memcpy(s->record, a, a_bytes);
  memcpy(s->record + a_bytes, b, b_bytes);
  const uint32_t crc = sp_crc32c(0, s->record, a_bytes + b_bytes);
  memcpy(s->record + a_bytes + b_bytes, &crc, sizeof crc);
  return write_at(s, s->record, a_bytes + b_bytes + sizeof crc, at);
}

static sp_status read_record(sp_image_state *s, void *a, size_t a_bytes, void *b, size_t b_bytes, uint64_t at) {
  uint32_t crc;
  SP_TRY(read_at(s, s->record, a_bytes + b_bytes + sizeof crc, at));
  memcpy(&crc, s->record + a_bytes + b_bytes, sizeof crc);
  if (crc != sp_crc32c(0, s->record, a_bytes + b_bytes)) {
    return SP_RAISE(SP_ERR_INPUT, "%s: is damaged at byte %llu: its checksum does not fit; --restart starts over",
                    s->path, (unsigned long long)at);
  }
  memcpy(a, s->record, a_bytes);
  memcpy(b, s->record + a_bytes, b_bytes);
  return SP_SUCCESS;
}

/* --- the file ----------------------------------------------------------------------------------------------------- */

static uint64_t mark_position(const sp_image_state *s, const sp_image_head *head, uint32_t part) {
  return s->marks_at + ((uint64_t)head->snapshot * MARKS + part) * sizeof(file_mark);
}

static bool is_marked(const sp_image_state *s, const sp_image_head *head, uint32_t part) {
  file_mark mark;
  const ssize_t n = pread(s->file, &mark, sizeof mark, (off_t)mark_position(s, head, part));
  return n == sizeof mark && mark.run == head->run && mark.sequence == head->sequence && mark.part == part &&
         mark.crc == sp_crc32c(0, &mark, offsetof(file_mark, crc));
}

/* Whether all parts of the snapshot that a head names are there. */
static bool is_complete(const sp_image_state *s, const sp_image_head *head) {
  uint32_t part = 0;
  while (head->snapshot >= 0 && part < head->n_parts && is_marked(s, head, part)) part++;
  return head->snapshot < 0 || part == head->n_parts;
}

static void read_head(const sp_image_state *s, int i, sp_image_head *head) {
  file_head found;
  const ssize_t n = pread(s->file, &found, sizeof found, i * HEAD_BYTES);
  if (n != sizeof found || memcmp(found.magic, magic, sizeof magic)) return;
  if (found.crc != sp_crc32c(0, &found, offsetof(file_head, crc))) return;
  if (found.head.sequence > head->sequence && is_complete(s, &found.head)) *head = found.head;
}

sp_status sp_image_state_open(const sp_image_shared *shared, const char *part_path, bool create, sp_image_state **out,
                              sp_image_head *head) {
  sp_image_state *s = NULL;
  SP_TRY(sp_calloc(1, sizeof *s, "the image's state", &s));
  s->file = -1;
  lay_out(shared, s);
  sp_status status = state_path(part_path, &s->path);
  const uint64_t most = s->sums_bytes > s->bits_bytes ? s->sums_bytes : s->bits_bytes;
  if (status == SP_SUCCESS) status = sp_alloc(most + s->point_bytes, "the image's state", &s->record);
  if (status == SP_SUCCESS) {
    s->file = sp_side_open(s->path, O_RDWR | (create ? O_CREAT : 0));
    if (s->file < 0)
      status = SP_RAISE(sp_file_status(errno), "%s: cannot be opened: %s", s->path, sp_side_error(errno));
  }
  if (status != SP_SUCCESS) {
    sp_image_state_close(s);
    return status;
  }
  *head = (sp_image_head){.snapshot = -1};
  for (int i = 0; i < 2; i++) read_head(s, i, head);
  *out = s;
  return SP_SUCCESS;
}

void sp_image_state_close(sp_image_state *s) {
  if (!s) return;
  if (s->file >= 0) close(s->file);
  sp_free(s->path);
  sp_free(s->record);
  sp_free(s);
}

sp_status sp_image_state_sync(sp_image_state *s) {
  if (fdatasync(s->file)) return SP_RAISE(SP_ERR_IO, "%s: cannot be synced: %s", s->path, strerror(errno));
  return SP_SUCCESS;
}

sp_status sp_image_state_write_head(sp_image_state *s, const sp_image_head *head) {
  file_head f;
  memset(&f, 0, sizeof f);
  memcpy(f.magic, magic, sizeof magic);
  f.head = *head;
  f.crc = sp_crc32c(0, &f, offsetof(file_head, crc));
  SP_TRY(write_at(s, &f, sizeof f, head->sequence % 2 * HEAD_BYTES));
  return sp_image_state_sync(s);
}

sp_status sp_image_state_write_mark(sp_image_state *s, const sp_image_head *head, uint32_t part) {
  file_mark mark = {.run = head->run, .sequence = head->sequence, .part = part};
  if (part >= MARKS) return SP_RAISE(SP_ERR_USAGE, "an image job has %d workers at most", MARKS);
  mark.crc = sp_crc32c(0, &mark, offsetof(file_mark, crc));
  SP_TRY(write_at(s, &mark, sizeof mark, mark_position(s, head, part)));
  return sp_image_state_sync(s);
}

sp_status sp_image_state_write_bits(sp_image_state *s, int snapshot, const uint8_t *bits, uint64_t n_units) {
  return write_record(s, bits, (n_units + 7) / 8, "", 0, s->bits_at + (uint64_t)snapshot * s->bits_bytes);
}

sp_status sp_image_state_read_bits(sp_image_state *s, int snapshot, uint8_t *bits, uint64_t n_units) {
  char none;
  return read_record(s, bits, (n_units + 7) / 8, &none, 0, s->bits_at + (uint64_t)snapshot * s->bits_bytes);
}

static uint64_t sums_position(const sp_image_state *s, int snapshot, uint32_t step, uint64_t column) {
  return s->sums_at + (((uint64_t)step * SNAPSHOTS + (uint64_t)snapshot) * s->columns + column) * s->sums_bytes;
}

static uint64_t point_position(const sp_image_state *s, uint32_t class_number, uint64_t point) {
  return s->points_at + (class_number * s->points + point) * s->point_bytes;
}

sp_status sp_image_state_write_sums(sp_image_state *s, int snapshot, uint32_t step, uint64_t column, const int64_t *sum,
                                    const uint32_t *hits) {
  return write_record(s, sum, s->n_tau * sizeof *sum, hits, s->n_tau * sizeof *hits,
                      sums_position(s, snapshot, step, column));
}

sp_status sp_image_state_read_sums(sp_image_state *s, int snapshot, uint32_t step, uint64_t column, int64_t *sum,
                                   uint32_t *hits) {
  return read_record(s, sum, s->n_tau * sizeof *sum, hits, s->n_tau * sizeof *hits,
                     sums_position(s, snapshot, step, column));
}

sp_status sp_image_state_write_point(sp_image_state *s, uint32_t class_number, uint64_t point, const float *image,
                                     const uint32_t *hits) {
  return write_record(s, image, s->n_tau * sizeof *image, hits, s->n_tau * sizeof *hits,
                      point_position(s, class_number, point));
}

sp_status sp_image_state_read_point(sp_image_state *s, uint32_t class_number, uint64_t point, float *image,
                                    uint32_t *hits) {
  return read_record(s, image, s->n_tau * sizeof *image, hits, s->n_tau * sizeof *hits,
                     point_position(s, class_number, point));
}
