/* SPDX-License-Identifier: BSD-3-Clause */
/* The chain of a volume job, on rank 0: gather processors before and after fkk, and whether these look at whole
 * gathers. Then every cube has to hold its gathers whole. */
#include <string.h>

#include "seisproc/memory.h"
#include "src/flow/volume/volume_flow.h"

sp_status sp_volume_chain_check(const sp_job *job) {
  const size_t step = sp_volume_step(job);
  for (size_t i = 0; i < job->n_steps; i++) {
    const sp_chain_step *s = &job->chain[i];
    const char *name = s->processor->name;
    if (i != step && s->processor->scope != SP_SCOPE_GATHER) {
      return SP_RAISE(SP_ERR_USAGE, "%s: chain.%zu.%s: a chain holds one step on cubes or images: make it a job each",
                      job->input, i, name);
    }
    if (i > step && s->undoes && s->undoes - 1 < step) {
      return SP_RAISE(SP_ERR_USAGE,
                      "%s: chain.%zu.undo: %s stands before fkk and cannot be taken back after it; fkk has a gain of "
                      "its own (agc)",
                      job->input, i, name);
    }
  }
  return SP_SUCCESS;
}

/* Where a step's result for a trace follows from other traces of its gather, too. */
static sp_status find_locality(const sp_plan_request *request, const sp_chain_step *step, sp_locality *out) {
  const sp_survey_info *info = sp_survey_get_info(request->survey);
  const sp_local most = request->index->max_traces;
  const sp_geometry geometry = {.n_samples = info->n_samples,
                                .max_traces = most ? most : 1,
                                .sample_interval_s = 1e-6 * info->sample_interval_us,
                                .n_threads = 1};
  sp_plan *plan;
  *out = SP_LOCAL_TRACE;
  if (step->undoes) return SP_SUCCESS; /* by trace, whatever it takes back */
  if (!step->processor->cpu) {
    return SP_RAISE(SP_ERR_USAGE, "%s: %s cannot be computed by the CPU", request->job->input, step->processor->name);
  }
  SP_TRY(step->processor->cpu->plan(step->params, &geometry, &plan));
  *out = plan->locality;
  plan->ops->destroy(plan);
  return SP_SUCCESS;
}

sp_status sp_volume_chain_look(const sp_plan_request *request, sp_volume_chain *out) {
  const sp_job *job = request->job;
  const size_t step = sp_volume_step(job);
  *out = (sp_volume_chain){.whole = job->settings.nan == SP_NAN_GATHER, .what = "nan: gather"};
  for (size_t i = 0; i < job->n_steps; i++) {
    sp_locality locality;
    if (i == step) continue;
    SP_TRY(find_locality(request, &job->chain[i], &locality));
    if (locality == SP_LOCAL_TRACE) continue;
    *out = (sp_volume_chain){.whole = true, .what = job->chain[i].processor->name};
  }
  return SP_SUCCESS;
}

/* --- the gathers of cubes ----------------------------------------------------------------------------------------- */

static sp_status refuse_cut(const sp_plan_request *request, const sp_volume_chain *chain, uint64_t gather) {
  char text[SP_GATHER_TEXT];
  return SP_RAISE(SP_ERR_USAGE,
                  "%s: %s looks at whole gathers, and %s has traces in several cubes: make it a job of its own, before "
                  "or after fkk",
                  request->job->input, chain->what, sp_gather_text(request->index, gather, text));
}

sp_status sp_volume_list_gathers(const sp_plan_request *request, const sp_volume_chain *chain,
                                 const sp_trace_grid *grid, sp_volume_cube *cubes, uint32_t **starts, uint64_t *n) {
  const sp_gather_index *index = request->index;
  void *block;
  *n = 0;
  *starts = NULL;
  if (!chain->whole) return SP_SUCCESS;
  SP_TRY(sp_alloc((index->n_gathers + grid->n_cubes + 1) * sizeof **starts, "the gathers of cubes", &block));
  *starts = block;
  for (uint32_t k = 0; k < grid->n_cubes; k++) {
    const sp_cube *c = &grid->cubes[k];
    const uint64_t *trace = grid->trace + c->first, at = *n;
    for (uint32_t i = 0; i < c->n_traces;) {
      const uint64_t gather = sp_gather_index_find(index, trace[i]);
      const uint64_t first = index->first_trace[gather], count = index->first_trace[gather + 1] - first;
      if (trace[i] != first || count > c->n_traces - i || trace[i + count - 1] != first + count - 1) {
        return refuse_cut(request, chain, gather);
      }
      (*starts)[(*n)++] = i;
      i += (uint32_t)count;
    }
    cubes[k].gathers_at = at;
    cubes[k].n_gathers = *n - at;
    (*starts)[(*n)++] = c->n_traces;
  }
  return SP_SUCCESS;
}

/* --- for plan ----------------------------------------------------------------------------------------------------- */

static void print_steps(const sp_job *job, size_t from, size_t to, const char *word, FILE *out) {
  fprintf(out, "%s", word);
  for (size_t i = from; i < to; i++) {
    fprintf(out, "%s%s%s", i > from ? ", " : " ", job->chain[i].undoes ? "undo " : "", job->chain[i].processor->name);
  }
}

void sp_volume_explain_chain(const sp_flow_plan *plan, FILE *out) {
  const sp_volume_shared *s = sp_volume_shared_of(plan);
  const sp_job *job = plan->job;
  const sp_fkk_params *params = sp_volume_params(plan);
  const bool before = s->step > 0, raw = before && job->settings.mode != SP_MODE_PROCESSED;
  const bool twice = !s->keeps_input || raw;
  fprintf(out, "disk       the input is read %s, the output written once%s\n", twice ? "twice" : "once",
          s->spills ? "; spectra go to the scratch folder and back" : "");
  if (job->settings.engine != SP_ENGINE_CPU &&
      (params->common.gaps == SP_FK_GAPS_FILL || params->duplicates == SP_FKK_MEAN)) {
    fprintf(out, "           %s: by the CPU, also where there are GPUs\n",
            params->common.gaps == SP_FK_GAPS_FILL ? "gaps: fill" : "duplicates: mean");
  }
  if (job->n_steps == 1) return;
  if (before) print_steps(job, 0, s->step, "steps      before fkk", out);
  if (s->step + 1 < job->n_steps) {
    print_steps(job, s->step + 1, job->n_steps, before ? "; after it" : "steps      after fkk", out);
  }
  fprintf(out, ": by the CPU, on %s%s; no further pass over the disk\n",
          s->gathers_at ? "whole gathers" : "each trace by itself",
          before && !s->keeps_input ? ", those before it twice" : "");
}
