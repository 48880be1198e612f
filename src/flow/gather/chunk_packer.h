/* SPDX-License-Identifier: BSD-3-Clause */
/* Results that are to be packed (src/pack): the threads of a worker pack the whole chunks of a slot where they lie,
 * while the engine computes the next slab, and the slot is full once they have. Rows that are no whole chunk stay as
 * they are. Private to src/flow/gather.
 *
 * Each chunk is unpacked again and compared; one that does not come back as it was is left as it is, with all filters
 * skipped.
 */
#ifndef SEISPROC_SRC_FLOW_GATHER_CHUNK_PACKER_H
#define SEISPROC_SRC_FLOW_GATHER_CHUNK_PACKER_H

#include "seisproc/node_window.h"
#include "src/pack/packer.h"

typedef struct sp_chunk_packer sp_chunk_packer;

/* Bytes that one takes with so many threads. */
size_t sp_chunk_packer_memory(const sp_chunk_form *form, int n_threads);

/* Packs planes of shape->chunk_rows, all in chunks of one form. Copies shape and form, borrows the window. The caller
 * owns *out. Errors: SP_ERR_MEMORY. */
sp_status sp_chunk_packer_create(const sp_chunk_form *form, const sp_window_shape *shape, sp_node_window *window,
                                 int n_threads, sp_chunk_packer **out);

/* Begins to pack a slot whose rows are there, and returns; what was begun before is waited for. */
void sp_chunk_packer_start(sp_chunk_packer *packer, sp_slot *slot);

/* Until the slot is full. */
void sp_chunk_packer_wait(sp_chunk_packer *packer);

/* Waits. Takes NULL. */
void sp_chunk_packer_destroy(sp_chunk_packer *packer);

#endif
