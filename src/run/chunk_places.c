/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/run/chunk_places.h"

#include "seisproc/memory.h"
#include "seisproc/pack.h"

struct sp_chunk_places {
  int n_planes;
  uint64_t rows[SP_MAX_PLANES], n[SP_MAX_PLANES]; /* of a chunk; chunks */
  sp_chunk *chunks[SP_MAX_PLANES];                /* [n]; of 0 bytes: not added yet */
  sp_chunk *found;                                /* [all] */
  uint64_t end;                                   /* byte behind the last one that was added */
};

sp_status sp_chunk_places_create(const sp_flow_shape *shape, sp_chunk_places **out) {
  sp_status status;
  sp_chunk_places *p;
  uint64_t all = 0;
  *out = NULL;
  if (!sp_window_packs(&shape->window)) return SP_SUCCESS;
  SP_TRY(sp_calloc(1, sizeof *p, "places of chunks", &p));
  p->n_planes = shape->window.n_planes;
  p->end = SP_PACKED_BEGIN;
  for (int k = 0; k < p->n_planes; k++) {
    p->rows[k] = shape->window.chunk_rows[k];
    p->n[k] = p->rows[k] ? shape->n_traces / p->rows[k] : 0;
    all += p->n[k];
    SP_TRY_GOTO(fail, sp_calloc(p->n[k] + 1, sizeof(sp_chunk), "places of chunks", &p->chunks[k]));
  }
  SP_TRY_GOTO(fail, sp_calloc(all + 1, sizeof(sp_chunk), "places of chunks", &p->found));
  *out = p;
  return SP_SUCCESS;
fail:
  sp_chunk_places_destroy(p);
  return status;
}

void sp_chunk_places_destroy(sp_chunk_places *p) {
  if (!p) return;
  for (int k = 0; k < p->n_planes; k++) sp_free(p->chunks[k]);
  sp_free(p->found);
  sp_free(p);
}

sp_status sp_chunk_places_add(sp_chunk_places *p, const sp_chunk *chunks, size_t n) {
  for (size_t i = 0; i < n; i++) {
    const sp_chunk *c = &chunks[i];
    if (!p || c->plane >= (uint32_t)p->n_planes || c->number >= p->n[c->plane] || c->bytes == 0 ||
        c->at < SP_PACKED_BEGIN) {
      return SP_RAISE(SP_ERR_INPUT, "the journal has a chunk %llu that is none of this output; --restart starts over",
                      (unsigned long long)c->number);
    }
    p->chunks[c->plane][c->number] = *c;
    if (c->at + c->bytes > p->end) p->end = c->at + c->bytes;
  }
  return SP_SUCCESS;
}

size_t sp_chunk_places_find(sp_chunk_places *p, uint64_t first, uint64_t n, const sp_chunk **out) {
  size_t found = 0;
  for (int k = 0; p && k < p->n_planes; k++) {
    uint64_t number;
    const uint64_t whole = sp_whole_chunks(p->rows[k], first, n, &number);
    for (uint64_t c = number; c < number + whole; c++) {
      if (p->chunks[k][c].bytes) p->found[found++] = p->chunks[k][c];
    }
  }
  *out = p ? p->found : NULL;
  return found;
}

uint64_t sp_chunk_places_end(const sp_chunk_places *p) {
  return p->end;
}
