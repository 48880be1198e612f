/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/flow/gpu.h"

#include <stdio.h>
#include <stdlib.h>

#include "seisproc/dist.h"
#include "seisproc/engine.h"
#include "seisproc/log.h"

enum { WHY_SIZE = 512 };

int sp_gpu_count(char *why, size_t why_size) {
  char reason[WHY_SIZE] = "";
  const sp_gpu_module *module = sp_cuda_module_load(reason, sizeof reason);
  const int count = module ? module->count(reason, sizeof reason) : 0;
  if (count == 0) sp_debug("gpu: none: %s", reason);
  if (why) snprintf(why, why_size, "%s", reason);
  return count;
}

const char *sp_gpu_name(const sp_gpu *gpu) {
  return gpu->module ? gpu->module->device->name : "cpu";
}

/* The module that a kind of engine computes with; NULL: none. */
static const sp_gpu_module *module_of(int engine) {
  char why[WHY_SIZE];
  if (engine == SP_ENGINE_MOCK || (engine == SP_ENGINE_AUTO && getenv("SEISPROC_MOCK"))) return &sp_mock_module;
  return engine == SP_ENGINE_CPU ? NULL : sp_cuda_module_load(why, sizeof why);
}

bool sp_gpu_is_expected(int engine) {
  char why[WHY_SIZE];
  const sp_gpu_module *module = module_of(engine);
  return module && module->count(why, sizeof why) > 0;
}

void sp_gpu_choose(const sp_roles *roles, int engine, sp_gpu *out) {
  char why[WHY_SIZE];
  const sp_gpu_module *module = module_of(engine);
  const int n_gpus = module ? module->count(why, sizeof why) : 0;
  const sp_member *self = sp_roles_self(roles);
  int before = 0;
  for (int r = 0; r < roles->world.size; r++) {
    const sp_member *member = &roles->members[r];
    before += member->role == SP_ROLE_WORKER && member->node == self->node && member->index < self->index;
  }
  *out = n_gpus > 0 ? (sp_gpu){.module = module, .device = before % n_gpus} : (sp_gpu){.device = -1};
}

/* Whether all members say yes. */
static bool all_agree(MPI_Comm comm, bool yes) {
  int answer = yes;
  SP_MPI_ALL(MPI_Allreduce(MPI_IN_PLACE, &answer, 1, MPI_INT, MPI_MIN, comm));
  return answer;
}

bool sp_gpu_join(const sp_ranks *ranks, const sp_gpu *gpu, sp_block_exchange *out, char *why, size_t why_size) {
  const MPI_Comm comm = ranks->comm;
  uint8_t id[SP_GROUP_ID_BYTES];
  *out = (sp_block_exchange){0};
  snprintf(why, why_size, "another worker cannot");
  if (ranks->size == 1) return true;                       // alike
  if (!all_agree(comm, gpu->module != NULL)) return false; // alike
  const sp_group_ops *group = gpu->module->group;
  if (!all_agree(comm, ranks->rank || group->name(id, why, why_size) == SP_SUCCESS)) return false; // alike
  SP_MPI_ALL(MPI_Bcast(id, sizeof id, MPI_BYTE, 0, comm));
  const sp_status status = group->create(id, ranks->rank, ranks->size, gpu->device, &comm, out, why, why_size);
  if (all_agree(comm, status == SP_SUCCESS)) return true; // alike
  if (out->context) group->destroy(out);
  return false;
}

sp_status sp_gpu_check_job(const sp_job *job) {
  char why[WHY_SIZE] = "";
  if (job->settings.engine != SP_ENGINE_CUDA || sp_gpu_count(why, sizeof why) > 0) return SP_SUCCESS;
  return SP_RAISE(SP_ERR_USAGE,
                  "engine: cuda: no GPU can be used here: %s; engine: auto takes the CPU where there is no "
                  "GPU, engine: cpu everywhere",
                  why);
}
