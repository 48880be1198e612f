/* SPDX-License-Identifier: BSD-3-Clause */
/* Rank 0's list of the packed chunks of an output, and where in OUT.packed each lies. Private to src/run. */
#ifndef SEISPROC_SRC_RUN_CHUNK_PLACES_H
#define SEISPROC_SRC_RUN_CHUNK_PLACES_H

#include "src/flow/flow.h"

typedef struct sp_chunk_places sp_chunk_places;

/* For the planes of a shape that are packed; *out is NULL where none is. Errors: SP_ERR_MEMORY. */
sp_status sp_chunk_places_create(const sp_flow_shape *shape, sp_chunk_places **out);

/* Takes NULL. */
void sp_chunk_places_destroy(sp_chunk_places *places);

/* Adds chunks, in place of those of the same number. Errors: SP_ERR_INPUT for one that is not of this output. */
sp_status sp_chunk_places_add(sp_chunk_places *places, const sp_chunk *chunks, size_t n);

/* The chunks that lie wholly in n rows from `first` on, and have been added: *out belongs to the list, until the next
 * call. places may be NULL. */
size_t sp_chunk_places_find(sp_chunk_places *places, uint64_t first, uint64_t n, const sp_chunk **out);

/* Byte behind the last one that was added, one that another has replaced included. */
uint64_t sp_chunk_places_end(const sp_chunk_places *places);

#endif
