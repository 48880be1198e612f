/* SPDX-License-Identifier: BSD-3-Clause */
/* Rows of chunks that a job has packed and noted, before HDF5 knows of them. The chunk read last is kept unpacked:
 * whoever reads in order unpacks each once. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "seisproc/crc32c.h"
#include "seisproc/memory.h"
#include "seisproc/pack.h"
#include "seisproc/side_file.h"
#include "src/base/file_bytes.h"
#include "src/pack/packer.h"

struct sp_placed_rows {
  char *path;
  int fd;
  sp_chunk_form form;
  uint64_t n_chunks;
  sp_chunk *chunks; /* [n_chunks]; of 0 bytes: it is not in the file */
  sp_packer *packer;
  sp_packed_chunk look;
  unsigned char *packed;
  char *rows;    /* of the chunk `kept` */
  uint64_t kept; /* UINT64_MAX: none */
  char damage[SP_PLACED_DAMAGE];
};

static sp_status add_chunks(sp_placed_rows *p, uint32_t plane, const sp_chunk *chunks, size_t n) {
  SP_TRY(sp_calloc(p->n_chunks + 1, sizeof *p->chunks, "places of chunks", &p->chunks));
  for (size_t i = 0; i < n; i++) {
    const sp_chunk *c = &chunks[i];
    if (c->plane != plane) continue;
    if (c->number >= p->n_chunks || c->bytes == 0 || c->bytes > sp_chunk_room(&p->form) || c->at < SP_PACKED_BEGIN) {
      return SP_RAISE(SP_ERR_INPUT, "%s: its journal has a chunk %llu that is none of it", p->path,
                      (unsigned long long)c->number);
    }
    p->chunks[c->number] = *c;
  }
  return SP_SUCCESS;
}

static sp_status open_file(sp_placed_rows *p, const char *path) {
  SP_TRY(sp_strdup(path, &p->path));
  p->fd = sp_side_open(path, O_RDONLY);
  if (p->fd >= 0) return SP_SUCCESS;
  return SP_RAISE(sp_file_status(errno), "%s: cannot be opened: %s", path, sp_side_error(errno));
}

static sp_status make_buffers(sp_placed_rows *p) {
  SP_TRY(sp_packer_create(&p->form, &p->packer));
  SP_TRY(sp_alloc(sp_chunk_room(&p->form), "a packed chunk", &p->packed));
  return sp_alloc(sp_chunk_bytes(&p->form), "a chunk", &p->rows);
}

sp_status sp_placed_rows_open(const char *path, const sp_chunk_form *form, uint64_t n_rows, uint32_t plane,
                              const sp_chunk *chunks, size_t n, sp_placed_rows **out) {
  sp_status status;
  sp_placed_rows *p;
  SP_TRY(sp_calloc(1, sizeof *p, "packed rows", &p));
  p->fd = -1;
  p->form = *form;
  p->n_chunks = n_rows / form->rows;
  p->kept = UINT64_MAX;
  SP_TRY_GOTO(fail, open_file(p, path));
  SP_TRY_GOTO(fail, add_chunks(p, plane, chunks, n));
  SP_TRY_GOTO(fail, make_buffers(p));
  *out = p;
  return SP_SUCCESS;
fail:
  sp_placed_rows_close(p);
  return status;
}

void sp_placed_rows_close(sp_placed_rows *p) {
  if (!p) return;
  sp_free(p->rows);
  sp_free(p->packed);
  sp_packed_chunk_free(&p->look);
  sp_packer_destroy(p->packer);
  sp_free(p->chunks);
  if (p->fd >= 0) close(p->fd);
  sp_free(p->path);
  sp_free(p);
}

static sp_status damaged(sp_placed_rows *p, const sp_chunk *c, const char *what) {
  snprintf(p->damage, sizeof p->damage, "the packed chunk at byte %llu, rows from %llu, %s", (unsigned long long)c->at,
           (unsigned long long)(c->number * p->form.rows), what);
  return SP_ERR_INPUT;
}

static sp_status unpack(sp_placed_rows *p, const sp_chunk *c) {
  const size_t room = sp_chunk_room(&p->form);
  size_t got;
  p->kept = UINT64_MAX;
  const int error = sp_read_all_at(p->fd, p->packed, c->bytes, c->at, &got);
  if (error) return SP_RAISE(SP_ERR_IO, "%s: cannot be read: %s", p->path, strerror(error));
  if (got < c->bytes) return damaged(p, c, "is not there: the file ends before it does");
  if (sp_crc32c(0, p->packed, c->bytes) != c->crc) {
    return damaged(p, c, "is not what was written: its checksum differs");
  }
  memset(p->packed + c->bytes, 0, room - c->bytes < 64 ? room - c->bytes : 64);
  if (!sp_packed_chunk_look(&p->look, &p->form, p->packed, c->bytes, c->skipped) ||
      !sp_packer_unpack_all(p->packer, &p->look, p->rows)) {
    return damaged(p, c, "is damaged");
  }
  p->kept = c->number;
  return SP_SUCCESS;
}

const char *sp_placed_rows_damage(const sp_placed_rows *p) {
  return p->damage;
}

sp_status sp_placed_rows_read(sp_placed_rows *p, sp_global first, sp_local n, void *rows) {
  const size_t row = p->form.row_length * p->form.element;
  const sp_global end = first + n;
  p->damage[0] = '\0';
  for (uint64_t c = first / p->form.rows; c < p->n_chunks && c * p->form.rows < end; c++) {
    if (p->chunks[c].bytes == 0) continue;
    if (p->kept != c) SP_TRY(unpack(p, &p->chunks[c]));
    const sp_global begins = c * p->form.rows, ends = begins + p->form.rows;
    const sp_global from = begins > first ? begins : first, to = ends < end ? ends : end;
    memcpy((char *)rows + (from - first) * row, p->rows + (from - begins) * row, (to - from) * row);
  }
  return SP_SUCCESS;
}
