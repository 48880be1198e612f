/* SPDX-License-Identifier: BSD-3-Clause */
/* Which flow a job asks for, and its plan on all ranks. */
#include "src/flow/flow.h"

#include <stdio.h>
#include <string.h>

#include "seisproc/dist.h"
#include "seisproc/memory.h"
#include "seisproc/share.h"
#include "src/flow/gpu.h"

static const sp_flow *flow_of_scope(sp_scope scope) {
  return scope == SP_SCOPE_VOLUME ? &sp_flow_volume : scope == SP_SCOPE_IMAGE ? &sp_flow_image : &sp_flow_gather;
}

const sp_flow *sp_flow_of(const sp_job *job) {
  const sp_flow *flow = &sp_flow_gather;
  for (size_t i = 0; i < job->n_steps && flow == &sp_flow_gather; i++) {
    flow = flow_of_scope(job->chain[i].processor->scope);
  }
  return flow;
}

const sp_flow *sp_flow_of_text(const char *canonical) {
  const sp_flow *flow = NULL;
  for (const char *line = canonical; line; line = strchr(line, '\n')) {
    char name[SP_NAME_LENGTH + 1];
    line += *line == '\n';
    if (sscanf(line, "chain.%*u: %63s", name) != 1) continue;
    const sp_processor *processor = sp_processor_find(name);
    if (processor && (!flow || flow == &sp_flow_gather)) flow = flow_of_scope(processor->scope);
  }
  return flow;
}

/* Errors of rounding are those of gathers. */
static sp_status check_samples(const sp_flow *flow, const sp_job *job) {
  if (job->settings.samples == SP_SAMPLES_FLOAT32 || flow == &sp_flow_gather) return SP_SUCCESS;
  return SP_RAISE(SP_ERR_USAGE, "samples: a chain with %s writes float32 alone", flow->name);
}

sp_status sp_flow_plan_make(const sp_flow *flow, const sp_plan_request *request, sp_flow_plan *out) {
  sp_flow_plan plan = {.flow = flow ? flow : sp_flow_of(request->job), .job = request->job};
  SP_TRY(sp_gpu_check_job(request->job));
  SP_TRY(check_samples(plan.flow, request->job));
  const sp_status status = plan.flow->plan(request, &plan);
  if (status == SP_SUCCESS) {
    *out = plan;
  } else {
    sp_flow_plan_free(&plan);
  }
  return status;
}

sp_status sp_flow_plan_share(sp_flow_plan *plan, const sp_ranks *ranks) {
  const MPI_Comm comm = ranks->comm;
  uint64_t bytes = plan->shared_bytes;
  SP_MPI_ALL(MPI_Bcast(&plan->shape, sizeof plan->shape, MPI_BYTE, 0, comm));
  SP_MPI_ALL(MPI_Bcast(&bytes, 1, MPI_UINT64_T, 0, comm));
  sp_status status = SP_SUCCESS;
  if (ranks->rank) status = sp_alloc((size_t)bytes, "the plan", &plan->shared);
  SP_AGREE(comm, status);
  plan->shared_bytes = (size_t)bytes;
  return sp_ranks_broadcast(ranks, plan->shared, bytes);
}

void sp_flow_plan_free(sp_flow_plan *plan) {
  if (plan->flow && plan->own) plan->flow->destroy(plan);
  sp_free(plan->shared);
  plan->own = plan->shared = NULL;
}

size_t sp_flow_worker_bytes(const sp_flow_shape *shape) {
  return (size_t)shape->input_bytes + sp_window_slot_bytes(&shape->window) * (size_t)shape->window.n_slots;
}
