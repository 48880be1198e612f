/* SPDX-License-Identifier: BSD-3-Clause */
/* Which GPU a worker uses, and what it offers: the module of CUDA or the mock. All flows ask here. */
#ifndef SEISPROC_SRC_FLOW_GPU_H
#define SEISPROC_SRC_FLOW_GPU_H

#include "seisproc/job.h"
#include "seisproc/roles.h"
#include "src/device/group.h"
#include "src/device/module.h"

/* The mock device as a module: what each flow computes on it, the CPU's mathematics on streams of its own. */
extern const sp_gpu_module sp_mock_module;

typedef struct sp_gpu {
  const sp_gpu_module *module; /* NULL: the CPU computes */
  int device;                  /* -1: none */
} sp_gpu;

/* Whether workers with this `engine` (an sp_engine_kind) compute on GPUs, if what they find is as it is here. */
bool sp_gpu_is_expected(int engine);

/* "cuda", "mock"; "cpu" for none. */
const char *sp_gpu_name(const sp_gpu *gpu);

/* The GPU of this worker, shared out among the workers of its node; none where there is none, or where `engine` (an
 * sp_engine_kind) asks for none. */
void sp_gpu_choose(const sp_roles *roles, int engine, sp_gpu *out);

/* Makes the GPUs of all members one group, each worker with its own; *out is all zero where `ranks` has one member, and
 * where there is no group: `why` then says why. The result is the same on all. Collective over ranks. */
bool sp_gpu_join(const sp_ranks *ranks, const sp_gpu *gpu, sp_block_exchange *out, char *why, size_t why_size);

/* Whether a job that asks for a GPU finds one on this machine. Errors: SP_ERR_USAGE, one line. */
sp_status sp_gpu_check_job(const sp_job *job);

#endif
