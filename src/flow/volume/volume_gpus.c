/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/flow/volume/volume_gpus.h"

#include "seisproc/engine.h"
#include "seisproc/log.h"
#include "src/flow/volume/volume_flow.h"

/* What a GPU has no kernel for, whatever the cube; NULL: nothing. */
static const char *find_lack(const sp_fkk_params *params) {
  if (params->common.gaps == SP_FK_GAPS_FILL) return "gaps: fill";
  return params->duplicates == SP_FKK_MEAN ? "duplicates: mean" : NULL;
}

bool sp_volume_gpus_are_expected(const sp_flow_plan *plan) {
  return !find_lack(sp_volume_params(plan)) && sp_gpu_is_expected(plan->job->settings.engine);
}

sp_status sp_volume_gpus_find(const sp_flow_site *site, sp_volume_gpus *gpus) {
  const sp_job *job = site->plan->job;
  const char *lack = find_lack(sp_volume_params(site->plan));
  sp_gpu_choose(site->roles, job->settings.engine, &gpus->gpu);
  if (gpus->gpu.module && lack) {
    if (site->roles->peers.rank == 0) sp_warn("fkk: %s is computed by the CPU: the GPU has no kernel for it", lack);
    gpus->gpu = (sp_gpu){.device = -1};
    return SP_SUCCESS;
  }
  return gpus->gpu.module ? SP_SUCCESS : sp_gpu_check_job(job);
}

void sp_volume_gpus_join(const sp_flow_site *site, sp_volume_gpus *gpus) {
  char why[256];
  const sp_ranks *team = &site->roles->team;
  const bool had = gpus->gpu.module != NULL;
  if (sp_gpu_join(team, &gpus->gpu, &gpus->group, why, sizeof why)) return; // alike
  if (team->rank == 0 && had) sp_warn("fkk: the GPUs of a team cannot exchange: %s; the CPU computes", why);
  sp_volume_gpus_leave(gpus);
}

void sp_volume_gpus_leave(sp_volume_gpus *gpus) {
  if (gpus->group.context) gpus->gpu.module->group->destroy(&gpus->group);
  *gpus = (sp_volume_gpus){.gpu.device = -1};
}
