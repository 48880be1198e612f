/* SPDX-License-Identifier: BSD-3-Clause */
/* The GPUs of a team of workers: one each, which exchange through NCCL where the team is more than one. Private to
 * src/flow/volume. */
#ifndef SEISPROC_SRC_FLOW_VOLUME_VOLUME_GPUS_H
#define SEISPROC_SRC_FLOW_VOLUME_VOLUME_GPUS_H

#include "src/device/group.h"
#include "src/flow/flow.h"
#include "src/flow/gpu.h"

typedef struct sp_volume_gpus {
  sp_gpu gpu;              /* without a module: the CPU computes */
  sp_block_exchange group; /* all zero for a worker alone */
} sp_volume_gpus;

/* Whether a planned job's workers will compute on GPUs. */
bool sp_volume_gpus_are_expected(const sp_flow_plan *plan);

/* This worker's GPU. Errors: SP_ERR_USAGE where the job asks for one and there is none. */
sp_status sp_volume_gpus_find(const sp_flow_site *site, sp_volume_gpus *gpus);

/* Makes the group; without NCCL, or where two workers share a GPU, the CPU computes, which is said. Collective over the
 * team. */
void sp_volume_gpus_join(const sp_flow_site *site, sp_volume_gpus *gpus);

/* Takes one that is all zero. */
void sp_volume_gpus_leave(sp_volume_gpus *gpus);

#endif
