/* SPDX-License-Identifier: BSD-3-Clause */
#include "seisproc/node_window.h"

#include <string.h>

#include "seisproc/backoff.h"
#include "seisproc/dist.h"
#include "seisproc/memory.h"

struct sp_node_window {
  MPI_Win win;
  sp_window_shape shape;
  size_t boxes_at, figures_at, chunks_at, rows_at[SP_MAX_PLANES], slot_bytes;
  uint64_t n_claimed;    /* slots that this worker has taken so far */
  const sp_roles *roles; /* borrowed */
  char **base;           /* [node size]: where each rank's slots begin; NULL for ranks that are no workers */
};

static size_t round_up(size_t n, size_t to) {
  return (n + to - 1) / to * to;
}

static void lay_out(sp_node_window *window) {
  const sp_window_shape *shape = &window->shape;
  window->boxes_at = round_up(sizeof(sp_slot), SP_ALIGNMENT);
  window->figures_at = round_up(window->boxes_at + shape->max_boxes * sizeof(sp_box), SP_ALIGNMENT);
  window->chunks_at = round_up(window->figures_at + shape->max_units * shape->figure_bytes, SP_ALIGNMENT);
  size_t end = round_up(window->chunks_at + shape->max_chunks * sizeof(sp_chunk), SP_PAGE);
  for (int p = 0; p < shape->n_planes; p++) {
    window->rows_at[p] = end;
    end += round_up(shape->max_rows * shape->row_bytes[p], SP_PAGE) + SP_PAGE; /* one more for the page offset */
  }
  window->slot_bytes = end;
}

size_t sp_window_slot_bytes(const sp_window_shape *shape) {
  sp_node_window window = {.shape = *shape};
  lay_out(&window);
  return window.slot_bytes;
}

static size_t own_bytes(const sp_node_window *window) {
  const bool worker = sp_roles_self(window->roles)->role == SP_ROLE_WORKER;
  return worker ? window->slot_bytes * (size_t)window->shape.n_slots : 0;
}

/* Where one rank has no window, the others cannot give theirs back, since that is collective: theirs ends with the
 * process. */
static sp_status allocate(sp_node_window *window) {
  const sp_ranks *node = &window->roles->node;
  const size_t mine = own_bytes(window);
  MPI_Info info;
  MPI_Info_create(&info);
  MPI_Info_set(info, "alloc_shared_noncontig", "true"); /* each worker's part on its own pages */
  MPI_Win win = MPI_WIN_NULL;
  char *own = NULL;
  const sp_status status =
      SP_MPI(MPI_Win_allocate_shared((MPI_Aint)(mine ? mine + SP_PAGE : 0), 1, info, node->comm, &own, &win));
  MPI_Info_free(&info);
  SP_AGREE(node->comm, status);
  window->win = win;
  return SP_SUCCESS;
}

/* Finds where each worker's slots begin, and zeroes this one's. */
static sp_status find_slots(sp_node_window *window) {
  const sp_roles *roles = window->roles;
  for (int r = 0; r < roles->world.size; r++) {
    const sp_member *member = &roles->members[r];
    if (member->node != sp_roles_self(roles)->node || member->role != SP_ROLE_WORKER) continue;
    MPI_Aint size;
    int unit;
    char *start;
    SP_TRY(SP_MPI(MPI_Win_shared_query(window->win, member->node_rank, &size, &unit, &start)));
    window->base[member->node_rank] = (char *)round_up((size_t)start, SP_PAGE);
  }
  const size_t mine = own_bytes(window);
  if (mine) memset(window->base[sp_roles_self(roles)->node_rank], 0, mine);
  return SP_SUCCESS;
}

sp_status sp_node_window_create(const sp_roles *roles, const sp_window_shape *shape, sp_node_window **out) {
  sp_status status;
  sp_node_window *window = NULL;
  SP_ALIKE(sp_calloc_together(roles->node.comm, 1, sizeof *window, "the node window", &window));
  window->win = MPI_WIN_NULL;
  window->shape = *shape;
  window->roles = roles;
  lay_out(window);
  const size_t n = (size_t)roles->node.size;
  SP_ALIKE_GOTO(fail, sp_calloc_together(roles->node.comm, n, sizeof(char *), "the node window", &window->base));
  SP_ALIKE_GOTO(fail, allocate(window));
  SP_AGREE_GOTO(fail, roles->node.comm, find_slots(window)); /* and no slot is looked at before it is zero */
  *out = window;
  return SP_SUCCESS;
fail:
  sp_node_window_destroy(window);
  return status;
}

void sp_node_window_destroy(sp_node_window *window) {
  if (!window) return;
  if (window->win != MPI_WIN_NULL) MPI_Win_free(&window->win);
  sp_free(window->base);
  sp_free(window);
}

sp_slot *sp_node_window_slot(const sp_node_window *window, int world_rank, uint64_t i) {
  char *base = window->base[window->roles->members[world_rank].node_rank];
  return (sp_slot *)(base + window->slot_bytes * (i % (uint64_t)window->shape.n_slots));
}

sp_slot *sp_node_window_claim(sp_node_window *window) {
  sp_slot *slot = sp_node_window_slot(window, window->roles->world.rank, window->n_claimed++);
  sp_backoff backoff = {0};
  while (sp_slot_is_full(slot)) sp_backoff_sleep(&backoff);
  return slot;
}

sp_box *sp_slot_boxes(const sp_node_window *window, sp_slot *slot) {
  return (sp_box *)((char *)slot + window->boxes_at);
}

void *sp_slot_figures(const sp_node_window *window, sp_slot *slot) {
  return (char *)slot + window->figures_at;
}

sp_chunk *sp_slot_chunks(const sp_node_window *window, sp_slot *slot) {
  return (sp_chunk *)(void *)((char *)slot + window->chunks_at);
}

void *sp_slot_rows(const sp_node_window *window, sp_slot *slot, int plane) {
  return (char *)slot + window->rows_at[plane] + slot->page_offset;
}
