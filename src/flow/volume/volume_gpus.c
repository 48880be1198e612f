#include "src/flow/volume/volume_gpus.h"

#include "seisproc/dist.h"
#include "seisproc/engine.h"
#include "seisproc/log.h"

sp_status sp_volume_gpus_find(const sp_flow_site *site, sp_volume_gpus *gpus) {
  const sp_job *job = site->plan->job;
  sp_gpu_choose(site->roles, job->settings.engine, &gpus->gpu);
  return gpus->gpu.module ? SP_SUCCESS : sp_gpu_check_job(job);
}

/* Whether all workers of the team say yes. Collective over the team. */
static bool all_agree(MPI_Comm team, bool yes) {
  int answer = yes;
  SP_MPI_ALL(MPI_Allreduce(MPI_IN_PLACE, &answer, 1, MPI_INT, MPI_MIN, team));
  return answer;
}

void sp_volume_gpus_join(const sp_flow_site *site, sp_volume_gpus *gpus) {
  const MPI_Comm team = site->roles->team;
  int rank, size;
  char why[256] = "another worker of the team cannot";
  uint8_t id[SP_GROUP_ID_BYTES];
  MPI_Comm_rank(team, &rank);
  MPI_Comm_size(team, &size);
  if (!all_agree(team, gpus->gpu.module != NULL)) gpus->gpu.module = NULL;
  if (size == 1 || !gpus->gpu.module) return; // alike
  const sp_group_ops *group = gpus->gpu.module->group;
  bool fine = all_agree(team, rank || group->name(id, why, sizeof why) == SP_SUCCESS);
  if (fine) {
    SP_MPI_ALL(MPI_Bcast(id, sizeof id, MPI_BYTE, 0, team));
    const sp_status status = group->create(id, rank, size, gpus->gpu.device, &team, &gpus->group, why, sizeof why);
    fine = all_agree(team, status == SP_SUCCESS);
  }
  if (fine) return;
  if (rank == 0) sp_warn("fkk: the GPUs of a team cannot exchange: %s; the CPU computes", why);
  sp_volume_gpus_leave(gpus);
}

void sp_volume_gpus_leave(sp_volume_gpus *gpus) {
  if (gpus->group.context) gpus->gpu.module->group->destroy(&gpus->group);
  *gpus = (sp_volume_gpus){.gpu.device = -1};
}
