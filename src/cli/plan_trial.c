/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/cli/plan_trial.h"

#include "seisproc/clock.h"
#include "seisproc/engine.h"
#include "seisproc/memory.h"

typedef struct trial {
  float *in, *out, *noise;
  double *header;
  const double *headers[SP_MAX_CHAIN_HEADERS];
  sp_gather_result result;
  sp_engine *engine;
} trial;

static sp_status make_trial(const sp_run_plan *p, sp_local n, trial *t) {
  const size_t samples = (size_t)n * p->work.shape.n_samples;
  const sp_engine_config config = {.chain = p->job->chain,
                                   .n_steps = p->job->n_steps,
                                   .mode = (sp_mode)p->job->settings.mode,
                                   .n_samples = p->work.shape.n_samples,
                                   .sample_interval_s = p->work.shape.sample_interval_s,
                                   .max_traces = n,
                                   .max_gather = n,
                                   .max_gathers = 1,
                                   .n_threads = p->layout.threads,
                                   .n_slabs = 1,
                                   .device = p->machine.n_gpus ? 0 : -1,
                                   .precision = (sp_precision)p->job->settings.precision};
  SP_TRY(sp_calloc(samples, sizeof(float), "a gather", &t->in));
  SP_TRY(sp_calloc(samples, sizeof(float), "a gather", &t->out));
  SP_TRY(sp_calloc(samples, sizeof(float), "a gather", &t->noise));
  SP_TRY(sp_calloc(n, sizeof(double), "headers", &t->header));
  for (int i = 0; i < SP_MAX_CHAIN_HEADERS; i++) t->headers[i] = t->header; /* their values do not change the time */
  return sp_engine_create((sp_engine_kind)p->job->settings.engine, &config, &t->engine);
}

/* Reads a gather and computes it a few times; seconds of the best. */
static sp_status run_trial(const sp_run_plan *p, sp_dataset *traces, const sp_range *range, trial *t, double *read_s,
                           double *compute_s) {
  const sp_local bounds[2] = {0, range->n_traces};
  *compute_s = 0;
  for (int i = 0; i < 4; i++) {
    double start = sp_now();
    SP_TRY(sp_dataset_read(traces, range->first_trace, range->n_traces, t->in));
    *read_s = sp_now() - start;
    sp_slab slab = {.n_gathers = 1,
                    .n_traces = range->n_traces,
                    .first_trace = bounds,
                    .in = t->in,
                    .headers = t->headers,
                    .traces = t->out,
                    .noise = p->job->settings.mode == SP_MODE_BOTH ? t->noise : NULL,
                    .results = &t->result};
    sp_slab *done;
    start = sp_now();
    SP_TRY(sp_engine_submit(t->engine, &slab));
    SP_TRY(sp_engine_wait(t->engine, &done));
    const double seconds = sp_now() - start;
    if (i == 0 || seconds < *compute_s) *compute_s = seconds;
  }
  return SP_SUCCESS;
}

sp_status sp_plan_try(const sp_run_plan *p, sp_plan_trial *out) {
  sp_plan_trial result = {0};
  *out = result;
  if (p->index->n_gathers == 0 || p->work.flow != &sp_flow_gather) return SP_SUCCESS;
  sp_global gather = p->index->n_gathers / 2;
  while (gather > 0 && p->index->first_trace[gather + 1] == p->index->first_trace[gather]) gather--;
  const sp_range range = sp_gather_index_range(p->index, gather, 1);
  if (range.n_traces == 0) return SP_SUCCESS;
  trial t = {0};
  sp_dataset *traces = NULL;
  sp_status status;
  SP_TRY_GOTO(out, make_trial(p, range.n_traces, &t));
  SP_TRY_GOTO(out, sp_dataset_open(p->survey, "/traces", &traces));
  SP_TRY_GOTO(out, run_trial(p, traces, &range, &t, &result.read_s, &result.compute_s));
  result.done = true;
  result.gather = gather;
  result.n_traces = range.n_traces;
  result.engine = sp_engine_name(t.engine);
  sp_engine_steps(t.engine, result.steps, sizeof result.steps);
  *out = result;
out:
  sp_dataset_close(traces);
  sp_engine_destroy(t.engine);
  sp_free(t.header);
  sp_free(t.noise);
  sp_free(t.out);
  sp_free(t.in);
  return status;
}
