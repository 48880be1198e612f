/* SPDX-License-Identifier: BSD-3-Clause */
/* One gather read and computed, for an estimate of a job's time. Private to src/cli. */
#ifndef SEISPROC_CLI_PLAN_TRIAL_H
#define SEISPROC_CLI_PLAN_TRIAL_H

#include "seisproc/engine.h"
#include "src/run/plan.h"

typedef struct sp_plan_trial {
  bool done; /* false: there is no gather to try, or the job works on none */
  sp_global gather;
  sp_local n_traces;
  double read_s, compute_s; /* of it, the best of a few */
  const char *engine;
  char steps[SP_STEPS_TEXT]; /* sp_engine_steps */
} sp_plan_trial;

/* The gather in the middle that has traces. Errors: what an engine refuses, and SP_ERR_IO. */
sp_status sp_plan_try(const sp_run_plan *plan, sp_plan_trial *out);

#endif
