/* SPDX-License-Identifier: BSD-3-Clause */
/* The velocity filter of one cube over a group of ranks (or one rank): what each has of its traces in, what is removed
 * of them out.
 *
 * The items of a cube are its traces in the file's order; where gaps are filled, the cells without a trace follow them.
 * Each rank has a share of consecutive items. Frequencies are independent of each other, so the steps are
 *
 *   forward  items to the bins of the band, where the traces are
 *   filter   chunk by chunk: to planes of a frequency each, filter a plane on one rank, and back (transpose.h)
 *   back     bins to what is removed, where the traces are
 *
 * Memory of a rank: items x bins x 8 bytes, one chunk more, a padded plane a thread; with `scratch` the first is a file
 * that has no name. The result depends on the traces and parameters only: not on ranks, threads or chunks.
 */
#ifndef SEISPROC_SRC_FLOW_VOLUME_CUBE_FILTER_H
#define SEISPROC_SRC_FLOW_VOLUME_CUBE_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "kernels/fk/filter.h"
#include "seisproc/ranks.h"
#include "src/base/thread_team.h"
#include "src/dist/transpose.h"

typedef struct sp_cube_spec {
  sp_ranks ranks; /* the group; borrowed */
  sp_thread_team *team;
  const sp_fk_filter *filter; /* copied */
  uint64_t n_traces;
  const uint32_t *cell; /* [n_traces]: ix * ny + iy; borrowed */
  uint32_t nx, ny;
  double dx, dy;
  bool mean;           /* traces may share a cell */
  const char *scratch; /* a folder for the spectra; NULL: they are in memory */
  /* The GPU of this rank, on all ranks of the group or on none; it is used where it has memory and a kernel for it. */
  const struct sp_fkk_cuda_ops *gpu; /* NULL: none */
  int device;
  const struct sp_block_exchange *gpus; /* of the group; NULL where it is one rank */
  uint32_t slab_rows;                   /* items that are given at once, at most */
} sp_cube_spec;

/* What became of an item. */
typedef enum sp_item_state {
  SP_ITEM_LIVE,
  SP_ITEM_DEAD,      /* all zero, or no trace */
  SP_ITEM_NOT_FINITE /* a NaN or infinity: absent, so that it does not spread */
} sp_item_state;

typedef struct sp_cube_filter sp_cube_filter;

/* Bytes that a rank of a group of `size` needs for it, apart from buffers of samples: in memory (*spectra in `scratch`
 * where that is given), with n_threads threads. `n_items`: its traces, and where gaps
 * are filled the cells without one. */
typedef struct sp_cube_memory {
  uint64_t spectra, chunk, planes, samples; /* samples: kept for filling gaps */
} sp_cube_memory;

sp_cube_memory sp_cube_memory_of(const sp_fk_filter *filter, uint64_t n_items, uint32_t nx, uint32_t ny, int size,
                                 int n_threads);

/* Collective over the group; borrows the team and what the spec points to while it lives. The caller owns *out. Errors,
 * the same on all ranks: SP_ERR_MEMORY; SP_ERR_IO where the scratch folder has no room. */
sp_status sp_cube_filter_create(const sp_cube_spec *spec, sp_cube_filter **out);

/* Takes NULL. Collective. */
void sp_cube_filter_destroy(sp_cube_filter *cube);

/* The items of this rank, and of any of the group. */
sp_share sp_cube_filter_share(const sp_cube_filter *cube);
sp_share sp_cube_filter_share_of(const sp_cube_filter *cube, int rank);

/* Whether the GPU computes it. */
bool sp_cube_filter_on_gpu(const sp_cube_filter *cube);

/* Begins to transform items first ... first + count - 1 of the share, and returns; their traces are borrowed until
 * sp_cube_filter_wait. Every trace is given once; items behind the cube's traces are not. */
void sp_cube_filter_forward(sp_cube_filter *cube, uint64_t first, uint64_t count, const float *traces);

/* Filters, after all is given and waited for. Collective. */
sp_status sp_cube_filter_run(sp_cube_filter *cube);

/* Of all traces of the cube, how many are faint (src/base/faint.h), once sp_cube_filter_run has returned; 0 with a
 * gain, which levels them. */
uint32_t sp_cube_filter_faint(const sp_cube_filter *cube);

/* Begins to compute what is removed of items of the share, from their traces, which are borrowed, as `removed` is,
 * until sp_cube_filter_wait. Of an absent item that is zero. */
void sp_cube_filter_back(sp_cube_filter *cube, uint64_t first, uint64_t count, const float *traces, float *removed);

/* Until what was begun is done. Errors: SP_ERR_DEVICE, of anything since the last call. */
sp_status sp_cube_filter_wait(sp_cube_filter *cube);

/* Of an item of the share, once sp_cube_filter_run has returned. */
sp_item_state sp_cube_filter_state(const sp_cube_filter *cube, uint64_t item);

#endif
