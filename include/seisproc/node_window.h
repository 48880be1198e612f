/* SPDX-License-Identifier: BSD-3-Clause */
/* The node's shared window: output slots that a worker fills and its I/O rank writes to disk, without a copy.
 *
 * Each worker has n_slots slots, used in turn. A slot is free (the worker's to fill) or full (the I/O rank's to write);
 * which it is is one atomic word, so both sides see the samples that came before it. A full slot says by itself what
 * is in it: rows for each dataset of the output (a plane each), where in the output they belong, and the figures of the
 * units that they are of.
 */
#ifndef SEISPROC_NODE_WINDOW_H
#define SEISPROC_NODE_WINDOW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "seisproc/memory.h"
#include "seisproc/roles.h"

/* Consecutive rows of the output. */
typedef struct sp_box {
  uint64_t first_row;
  uint32_t n_rows;
} sp_box;

/* A packed chunk of a plane's rows (src/pack): rows number * chunk_rows and on, of its dataset. */
typedef struct sp_chunk {
  uint64_t number;
  uint64_t at; /* in a slot: the byte of the plane's rows at which it lies; once written: the byte of the file */
  uint64_t bytes;
  uint32_t plane;
  uint32_t skipped, crc; /* HDF5's filter mask; CRC-32C of the bytes */
} sp_chunk;

/* What a slot holds while it is full. Lies in the window. */
typedef struct sp_slot {
  atomic_uint full;
  uint32_t page_offset; /* bytes by which rows begin after a page, as the worker wants them: less than SP_PAGE */
  uint64_t task;        /* whose results these are */
  uint64_t first_unit;
  uint32_t n_units;  /* records of figures; 0: none */
  uint32_t n_boxes;  /* where the rows of each plane belong, one box's after the other's; 0: no rows */
  uint32_t n_chunks; /* packed: each lies where its first row would */
} sp_slot;

enum { SP_MAX_PLANES = 6 };

typedef struct sp_window_shape {
  int n_slots; /* a worker */
  int n_planes;
  uint64_t row_bytes[SP_MAX_PLANES]; /* of a plane's rows */
  uint32_t max_rows;                 /* of a plane */
  uint32_t max_boxes, max_units, max_chunks;
  uint64_t chunk_rows[SP_MAX_PLANES]; /* of planes whose whole chunks are packed; 0: rows are as they are */
  uint64_t figure_bytes;              /* of a unit's record */
} sp_window_shape;

/* Whether results are packed as they come. Follows from the job and the survey alone, as the chunks do, whatever the
 * number of workers. */
static inline bool sp_window_packs(const sp_window_shape *shape) {
  return shape->chunk_rows[0] > 0;
}

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

/* A worker's next slot: waits, asleep, until it is free. */
sp_slot *sp_node_window_claim(sp_node_window *window);

/* Parts of a slot: boxes[max_boxes], records of figures [max_units], chunks[max_chunks], rows of plane p. Rows begin at
 * the slot's page offset and may end as far behind max_rows. */
sp_box *sp_slot_boxes(const sp_node_window *window, sp_slot *slot);
void *sp_slot_figures(const sp_node_window *window, sp_slot *slot);
sp_chunk *sp_slot_chunks(const sp_node_window *window, sp_slot *slot);
void *sp_slot_rows(const sp_node_window *window, sp_slot *slot, int plane);

/* The chunks of chunk_rows rows that lie wholly in n rows from `first` on: *number is the first. The last chunk of a
 * dataset, where it is not full, is none. */
static inline uint64_t sp_whole_chunks(uint64_t chunk_rows, uint64_t first, uint64_t n, uint64_t *number) {
  *number = chunk_rows ? (first + chunk_rows - 1) / chunk_rows : 0;
  const uint64_t end = chunk_rows ? (first + n) / chunk_rows : 0;
  return end > *number ? end - *number : 0;
}

static inline bool sp_slot_is_full(const sp_slot *slot) {
  return atomic_load_explicit(&((sp_slot *)(uintptr_t)slot)->full, memory_order_acquire) != 0;
}

static inline void sp_slot_set_full(sp_slot *slot, bool full) {
  atomic_store_explicit(&slot->full, full, memory_order_release);
}

#endif
