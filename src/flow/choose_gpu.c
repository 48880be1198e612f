#include "src/flow/choose_gpu.h"

#include "seisproc/engine.h"

int sp_choose_gpu(const sp_roles *roles, int engine) {
  if (engine != SP_ENGINE_AUTO && engine != SP_ENGINE_CUDA) return -1;
  const int n_gpus = sp_gpu_count(NULL, 0);
  const sp_member *self = sp_roles_self(roles);
  int before = 0;
  for (int r = 0; r < roles->size; r++) {
    const sp_member *member = &roles->members[r];
    before += member->role == SP_ROLE_WORKER && member->node == self->node && member->index < self->index;
  }
  return n_gpus > 0 ? before % n_gpus : -1;
}
