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

/* Largest |D d| of n traces, and which has it; counts those that are not finite. Needs no tile. */
double sp_image_engine_peak(sp_image_engine *e, const float *samples, uint32_t n, sp_image_absent *absent,
                            uint32_t *which);

/* The sums of what was added since the tile began or was last cleared, in memory of the host: [columns][n_tau]. Errors:
 * SP_ERR_INTERNAL where a sum was beyond its limit. */
sp_status sp_image_engine_sums(sp_image_engine *e, int64_t **sum, uint32_t **hits);

/* Makes the GPUs of all workers one group, if there are GPUs and they can: else sums go through the host, which is
 * said. Collective over peers. */
void sp_image_engine_join(sp_image_engine *e, const sp_ranks *peers, const sp_gpu *gpu);

/* Whether sums are added up on GPUs, of a group or of a worker alone: then sp_image_engine_swap and
 * sp_image_engine_collect are used instead of _sums and _clear. */
bool sp_image_engine_adds_up(const sp_image_engine *e);

/* Sets aside the sums of what was added since the tile began or was last cleared, those of all workers in their values
 * first[rank] ... first[rank + 1] - 1. What is added from now on goes to others, from zero, beside
 * sp_image_engine_collect; *beside is false where there is no room for that: then collect comes first. Collective over
 * peers. Errors: SP_ERR_DEVICE. */
sp_status sp_image_engine_swap(sp_image_engine *e, const size_t *first, bool *beside);

/* Adds n of the sums set aside, from value `first` on, to sum and hits of the host. Any thread. Errors: as
 * sp_image_engine_sums. */
sp_status sp_image_engine_collect(sp_image_engine *e, size_t first, size_t n, int64_t *sum, uint32_t *hits);

/* Sets them to zero. */
sp_status sp_image_engine_clear(sp_image_engine *e);

double sp_image_engine_busy(const sp_image_engine *e);

#endif
