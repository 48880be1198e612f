/* SPDX-License-Identifier: BSD-3-Clause */
/* What sums batches into a tile on a worker: threads of the CPU, or a GPU. Private to src/flow/image. */
#ifndef SEISPROC_SRC_FLOW_IMAGE_IMAGE_ENGINE_H
#define SEISPROC_SRC_FLOW_IMAGE_IMAGE_ENGINE_H

#include "src/base/thread_team.h"
#include "src/flow/gpu.h"
#include "src/flow/image/image_flow.h"

typedef struct sp_image_engine sp_image_engine;

/* `gpu` without a module: the CPU. Holds sums of as many columns as a whole tile has. The caller owns *out. */
sp_status sp_image_engine_create(const sp_image_shared *shared, int n_threads, const sp_gpu *gpu,
                                 sp_image_engine **out);
void sp_image_engine_destroy(sp_image_engine *e);

/* Begins a tile: its sums are zero. `apertures` [n_tau] where the aperture is by tau. */
sp_status sp_image_engine_tile(sp_image_engine *e, const sp_velocity_model *model, const double *apertures,
                               const sp_pstm_tile *tile, int shift, double limit);

/* Traces of a batch that add nothing: how many hold a NaN or Inf or could not be read, how many are all zero. */
typedef struct sp_image_absent {
  uint32_t bad, dead;
} sp_image_absent;

/* Adds a batch of n traces, samples [n][n_samples]; those that are not finite, or all zero, become absent (area 0,
 * samples 0) and are counted. */
sp_status sp_image_engine_add(sp_image_engine *e, sp_pstm_trace *traces, float *samples, uint32_t n,
                              sp_image_absent *absent);

/* Largest |D d| of n traces; counts those that are not finite. Needs no tile. */
double sp_image_engine_peak(sp_image_engine *e, const float *samples, uint32_t n, sp_image_absent *absent);

/* The sums of what was added since the tile began or was last cleared, in memory of the host: [columns][n_tau]. Errors:
 * SP_ERR_INTERNAL where a sum was beyond its limit. */
sp_status sp_image_engine_sums(sp_image_engine *e, int64_t **sum, uint32_t **hits);

/* Whether the GPUs of all workers are one group; then sp_image_engine_reduce is used instead of sp_image_engine_sums.
 */
bool sp_image_engine_is_in_group(const sp_image_engine *e);

/* Makes them one, if there are GPUs and they can: else sums go through the host, which is said. Collective over peers.
 */
void sp_image_engine_join(sp_image_engine *e, const sp_ranks *peers, const sp_gpu *gpu);

/* Adds the sums of all workers since the tile began or was last cleared, of its values first[rank] ... first[rank + 1]
 * - 1, to sum and hits of the host. Collective over peers. Errors: as sp_image_engine_sums. */
sp_status sp_image_engine_reduce(sp_image_engine *e, const size_t *first, int rank, int64_t *sum, uint32_t *hits);

/* Sets them to zero. */
sp_status sp_image_engine_clear(sp_image_engine *e);

double sp_image_engine_busy(const sp_image_engine *e);

#endif
