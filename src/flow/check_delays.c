/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether the traces of a gather begin at one time, where a step of the chain compares their samples one by one. */
#include <inttypes.h>

#include "seisproc/header_column.h"
#include "seisproc/memory.h"
#include "src/flow/flow.h"

enum { PIECE = 1 << 16 };

/* The first gather whose traces begin at different times, and two of these. */
typedef struct mixed_gather {
  bool found;
  sp_global gather, trace[2];
  double delay[2];
} mixed_gather;

/* One pass over the column; a trace without a number begins at another time than any other. */
static sp_status look_for_mixed(const sp_gather_index *index, sp_header_column *delays, double *values,
                                mixed_gather *out) {
  sp_global gather = 0, first = 0;
  double begins = 0;
  SP_EACH_PIECE (piece, 0, index->n_traces, PIECE) {
    SP_TRY(sp_header_column_read(delays, piece.first, (sp_local)piece.count, values));
    for (uint64_t i = 0; i < piece.count; i++) {
      const sp_global trace = piece.first + i;
      while (trace >= index->first_trace[gather + 1]) gather++;
      if (trace == index->first_trace[gather]) first = trace, begins = values[i];
      if (trace == first || values[i] == begins) continue;
      *out = (mixed_gather){true, gather, {first, trace}, {begins, values[i]}};
      return SP_SUCCESS;
    }
  }
  return SP_SUCCESS;
}

static sp_status find_mixed(const sp_plan_request *request, mixed_gather *out) {
  sp_survey *survey = (sp_survey *)(uintptr_t)request->survey;
  sp_header_column *delays = NULL;
  double *values = NULL;
  *out = (mixed_gather){.found = false};
  SP_TRY(sp_header_column_open(survey, "delrt", &delays));
  sp_status status = sp_alloc(PIECE * sizeof *values, "delays", &values);
  if (status == SP_SUCCESS) status = look_for_mixed(request->index, delays, values, out);
  sp_free(values);
  sp_header_column_close(delays);
  return status;
}

/* Whether the step compares samples of several traces; its plan knows. */
static sp_status compares(const sp_plan_request *request, const sp_chain_step *step, bool *out) {
  const sp_survey_info *info = sp_survey_get_info(request->survey);
  const sp_geometry geometry = {.n_samples = info->n_samples,
                                .max_traces = request->index->max_traces,
                                .sample_interval_s = 1e-6 * info->sample_interval_us,
                                .n_threads = 1};
  sp_plan *plan;
  *out = false;
  if (step->undoes || step->processor->scope != SP_SCOPE_GATHER || !step->processor->cpu) return SP_SUCCESS;
  SP_TRY(step->processor->cpu->plan(step->params, &geometry, &plan));
  *out = plan->compares;
  plan->ops->destroy(plan);
  return SP_SUCCESS;
}

/* The first step that does; n_steps: none. */
static sp_status first_that_compares(const sp_plan_request *request, size_t *step) {
  const sp_job *job = request->job;
  for (*step = 0; *step < job->n_steps; ++*step) {
    bool found;
    SP_TRY(compares(request, &job->chain[*step], &found));
    if (found) break;
  }
  return SP_SUCCESS;
}

sp_status sp_flow_check_delays(const sp_plan_request *request) {
  const sp_job *job = request->job;
  mixed_gather m;
  size_t i;
  char name[SP_GATHER_TEXT];
  if (!sp_survey_has(request->survey, "/headers/delrt")) return SP_SUCCESS;
  SP_TRY(first_that_compares(request, &i));
  if (i == job->n_steps) return SP_SUCCESS; /* the column need not be read */
  SP_TRY(find_mixed(request, &m));
  if (!m.found) return SP_SUCCESS;
  sp_gather_key_text(request->index->key_name, request->index->key[m.gather], name);
  return SP_RAISE(SP_ERR_INPUT,
                  "%s: chain.%zu.%s: compares traces sample by sample, and those of gather %" PRIu64
                  " (%s) begin at different times: trace %" PRIu64 " has delrt %g, trace %" PRIu64
                  " has %g; `seisproc regroup` with delrt as the second --gather parts them",
                  job->input, i, job->chain[i].processor->name, m.gather, name, m.trace[0], m.delay[0], m.trace[1],
                  m.delay[1]);
}
