/* The node's shared window: output slots that a worker fills and its I/O rank writes to disk, without a copy.
 *
 * Each worker has n_slots slots, used in turn. A slot is free (the worker's to fill) or full (the I/O rank's to
 * write); the hand-over is one atomic word, so both sides see the samples that came before it.
 */
#ifndef SEISPROC_NODE_WINDOW_H
#define SEISPROC_NODE_WINDOW_H

#include <stdatomic.h>
#include <stdbool.h>

#include "seisproc/figures.h"
#include "seisproc/gather_index.h"
#include "seisproc/memory.h"
#include "seisproc/roles.h"

/* What a slot holds while it is full. Lies in the window. */
typedef struct sp_slot {
  atomic_uint full;
  uint32_t phase; /* bytes by which samples begin after a page, as the worker wants them: less than SP_PAGE */
  sp_range range; /* whose results these are */
} sp_slot;

typedef struct sp_window_shape {
  int n_slots;           /* a worker */
  sp_local max_gathers;  /* a slot */
  uint64_t sample_bytes; /* of a slot's /traces; the same again for /noise where there is one */
  bool has_noise;
} sp_window_shape;

typedef struct sp_node_window sp_node_window;

/* Bytes of one slot, and so of the window: n_slots of them a worker. */
size_t sp_window_slot_bytes(const sp_window_shape *shape);

/* Collective over roles->node; shape must be the same on all its ranks. Workers touch their own slots, so that the
 * memory lies near them. Errors: SP_ERR_MEMORY, SP_ERR_MPI. */
sp_status sp_node_window_create(const sp_roles *roles, const sp_window_shape *shape, sp_node_window **out);

/* Collective over roles->node. Takes NULL. */
void sp_node_window_destroy(sp_node_window *window);

/* Slot number i % n_slots of the worker of this world rank, which must be on this node. */
sp_slot *sp_node_window_slot(const sp_node_window *window, int world_rank, uint64_t i);

/* Parts of a slot: results[max_gathers], samples of /traces, samples of /noise (NULL where there is none). Samples
 * begin at the slot's phase and may end as far behind sample_bytes. */
sp_gather_result *sp_slot_results(const sp_node_window *window, sp_slot *slot);
float *sp_slot_traces(const sp_node_window *window, sp_slot *slot);
float *sp_slot_noise(const sp_node_window *window, sp_slot *slot);

static inline bool sp_slot_is_full(const sp_slot *slot) {
  return atomic_load_explicit(&((sp_slot *)(uintptr_t)slot)->full, memory_order_acquire) != 0;
}

static inline void sp_slot_set_full(sp_slot *slot, bool full) {
  atomic_store_explicit(&slot->full, full, memory_order_release);
}

#endif
