/* SPDX-License-Identifier: BSD-3-Clause */
/* Spectra of traces to planes of frequencies over a group of ranks, and back: the exchange of a cube's filter.
 *
 * Of n_traces traces rank r of the group has those of its share, consecutive; each with a row of n_bins complex
 * numbers. Bins go in chunks, so that what is exchanged at once is a fraction of the whole; the bins of a chunk are
 * shared out likewise. A transpose moves one chunk:
 *
 *   traces: [traces of the share][bins of the chunk]   <->   planes: [bins of the share][n_traces]
 *
 * It is fftw3-mpi's (fftwf_mpi_plan_many_transpose) and moves data only: bits do not depend on the number of ranks.
 */
#ifndef SEISPROC_SRC_DIST_TRANSPOSE_H
#define SEISPROC_SRC_DIST_TRANSPOSE_H

#include <stddef.h>
#include <stdint.h>

#include "seisproc/ranks.h"
#include "seisproc/share.h"
#include "seisproc/status.h"

typedef struct sp_transpose sp_transpose;

/* Bins of a chunk for a group: about 1/16 of them, at least `least` a rank, and no more than MPI counts. */
uint32_t sp_transpose_chunk_bins(uint64_t n_traces, uint32_t n_bins, int size, uint32_t least);

/* Plans for chunks of chunk_bins and for the rest in the last one, with FFTW_ESTIMATE. Collective over the ranks,
 * whose communicator is borrowed; the caller owns *out. Errors: SP_ERR_MEMORY, the same on all ranks. */
sp_status sp_transpose_create(const sp_ranks *ranks, uint64_t n_traces, uint32_t n_bins, uint32_t chunk_bins,
                              sp_transpose **out);

/* Takes NULL. Collective. */
void sp_transpose_destroy(sp_transpose *transpose);

uint32_t sp_transpose_n_chunks(const sp_transpose *transpose);

/* First bin and number of bins of a chunk. */
sp_share sp_transpose_chunk(const sp_transpose *transpose, uint32_t chunk);

/* Traces of this rank; bins of this rank in a chunk, counted from the first of the band. */
sp_share sp_transpose_traces(const sp_transpose *transpose);
sp_share sp_transpose_bins(const sp_transpose *transpose, uint32_t chunk);

/* Complex numbers that each of the two buffers of a chunk must hold; they may be more than the rank's shares. */
size_t sp_transpose_buffer(const sp_transpose *transpose);

/* Move a chunk. `traces` and `planes` differ, are aligned to SP_ALIGNMENT and hold sp_transpose_buffer numbers; what
 * is moved from is not kept. Collective. */
sp_status sp_transpose_to_planes(const sp_transpose *transpose, uint32_t chunk, void *traces, void *planes);
sp_status sp_transpose_to_traces(const sp_transpose *transpose, uint32_t chunk, void *planes, void *traces);

#endif
