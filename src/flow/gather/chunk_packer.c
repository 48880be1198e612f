/* SPDX-License-Identifier: BSD-3-Clause */
/* A thread packs a chunk into memory of its own and, since that is never longer than the rows, copies it over them: a
 * slot takes no more room than without. Whoever packs the last one hands the slot over. */
#include "src/flow/gather/chunk_packer.h"

#include <string.h>

#include "seisproc/crc32c.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "src/base/fault.h"
#include "src/base/thread_team.h"

/* A thread's own. */
typedef struct lane {
  sp_packer *packer;
  unsigned char *packed;
  char *back; /* unpacked again */
  sp_packed_chunk look;
} lane;

struct sp_chunk_packer {
  sp_chunk_form form;
  sp_window_shape shape;
  sp_node_window *window; /* borrowed */
  sp_thread_team *team;
  int n_threads;
  lane *lanes;   /* [n_threads] */
  sp_slot *slot; /* that is packed */
  atomic_uint left;
};

size_t sp_chunk_packer_memory(const sp_chunk_form *form, int n_threads) {
  return (size_t)n_threads * (2 * sp_chunk_bytes(form) + sp_chunk_room(form));
}

static sp_status create_lane(const sp_chunk_form *form, lane *l) {
  SP_TRY(sp_packer_create(form, &l->packer));
  SP_TRY(sp_alloc(sp_chunk_room(form), "a packed chunk", &l->packed));
  return sp_alloc(sp_chunk_bytes(form), "a chunk", &l->back);
}

sp_status sp_chunk_packer_create(const sp_chunk_form *form, const sp_window_shape *shape, sp_node_window *window,
                                 int n_threads, sp_chunk_packer **out) {
  sp_status status;
  sp_chunk_packer *p;
  SP_TRY(sp_calloc(1, sizeof *p, "a packer of results", &p));
  p->form = *form;
  p->shape = *shape;
  p->window = window;
  p->n_threads = n_threads;
  SP_TRY_GOTO(fail, sp_calloc((size_t)n_threads, sizeof *p->lanes, "a packer of results", &p->lanes));
  for (int t = 0; t < n_threads; t++) SP_TRY_GOTO(fail, create_lane(form, &p->lanes[t]));
  SP_TRY_GOTO(fail, sp_thread_team_create(n_threads, &p->team));
  *out = p;
  return SP_SUCCESS;
fail:
  sp_chunk_packer_destroy(p);
  return status;
}

void sp_chunk_packer_destroy(sp_chunk_packer *p) {
  if (!p) return;
  sp_thread_team_destroy(p->team);
  for (int t = 0; p->lanes && t < p->n_threads; t++) {
    sp_packed_chunk_free(&p->lanes[t].look);
    sp_free(p->lanes[t].back);
    sp_free(p->lanes[t].packed);
    sp_packer_destroy(p->lanes[t].packer);
  }
  sp_free(p->lanes);
  sp_free(p);
}

/* --- a chunk ----------------------------------------------------------------------------------------------------- */

static bool comes_back(const sp_chunk_packer *p, lane *l, const char *rows, size_t n, uint32_t skipped) {
  if (!sp_packed_chunk_look(&l->look, &p->form, l->packed, n, skipped)) return false;
  const size_t unit = l->look.unit_rows * p->form.row_length * p->form.element;
  for (uint32_t u = 0; u < l->look.n_units; u++) { /* one in the place of the other, which stays in the cache */
    if (!sp_packer_unpack(l->packer, &l->look, u, l->back) || memcmp(rows + u * unit, l->back, unit)) return false;
  }
  return true;
}

static void pack(const sp_chunk_packer *p, lane *l, char *rows, sp_chunk *chunk) {
  size_t n;
  const bool packed = sp_packer_pack(l->packer, rows, true, l->packed, &n, &chunk->skipped) == SP_SUCCESS;
  if (packed && comes_back(p, l, rows, n, chunk->skipped)) {
    memcpy(rows, l->packed, n);
  } else {
    sp_warn("chunk %llu of plane %u does not come back as it was: it is stored unpacked",
            (unsigned long long)chunk->number, chunk->plane);
    n = sp_chunk_bytes(&p->form);
    chunk->skipped = (1u << p->form.n_filters) - 1;
  }
  chunk->bytes = n;
  chunk->crc = sp_crc32c(0, rows, n);
}

static void do_chunk(void *packer, int thread, uint64_t i) {
  sp_chunk_packer *p = packer;
  sp_chunk *chunk = &sp_slot_chunks(p->window, p->slot)[i];
  pack(p, &p->lanes[thread], (char *)sp_slot_rows(p->window, p->slot, (int)chunk->plane) + chunk->at, chunk);
  SP_FAULT_POINT("chunk_packed");
  if (atomic_fetch_sub(&p->left, 1) == 1) sp_slot_set_full(p->slot, true);
}

/* --- a slot ------------------------------------------------------------------------------------------------------ */

static uint32_t list_chunks(const sp_chunk_packer *p, sp_slot *slot) {
  const sp_box box = *sp_slot_boxes(p->window, slot);
  sp_chunk *chunks = sp_slot_chunks(p->window, slot);
  uint32_t n = 0;
  for (int plane = 0; plane < p->shape.n_planes; plane++) {
    uint64_t first;
    const uint64_t rows = p->shape.chunk_rows[plane], whole = sp_whole_chunks(rows, box.first_row, box.n_rows, &first);
    for (uint64_t c = first; c < first + whole; c++) {
      chunks[n++] = (sp_chunk){
          .number = c, .plane = (uint32_t)plane, .at = (c * rows - box.first_row) * p->shape.row_bytes[plane]};
    }
  }
  return n;
}

void sp_chunk_packer_start(sp_chunk_packer *p, sp_slot *slot) {
  sp_thread_team_wait(p->team);
  slot->n_chunks = list_chunks(p, slot);
  p->slot = slot;
  if (slot->n_chunks == 0) {
    sp_slot_set_full(slot, true);
    return;
  }
  atomic_store(&p->left, slot->n_chunks);
  sp_thread_team_start(p->team, slot->n_chunks, 1, do_chunk, p);
}

void sp_chunk_packer_wait(sp_chunk_packer *p) {
  sp_thread_team_wait(p->team);
}
