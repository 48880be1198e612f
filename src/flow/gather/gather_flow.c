/* SPDX-License-Identifier: BSD-3-Clause */
/* The gather flow as rank 0 sees it: a unit is a gather, a task a range of whole gathers and so one contiguous slab of
 * traces; one phase. */
#include "src/flow/gather/gather_flow.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "seisproc/memory.h"
#include "seisproc/pack.h"
#include "src/flow/faint_traces.h"
#include "src/flow/gather/chain.h"
#include "src/flow/gather/chunk_packer.h"
#include "src/flow/gather/quality.h"
#include "src/flow/gather/rounding.h"
#include "src/flow/left_work.h"

enum { SLAB_BYTES = 64 << 20, MAX_SLAB_GATHERS = 4096, SLABS_A_WORKER = 8, SMALLEST_PART = 8 };

/* Rank 0's own. */
typedef struct dealing {
  const sp_gather_index *index; /* borrowed */
  sp_dealer *dealer;            /* of the phase; NULL: none has begun */
} dealing;

/* --- planning -------------------------------------------------------------------------------------------------- */

sp_status sp_gather_columns(const sp_job *job, const char *names[SP_MAX_SLAB_COLUMNS], size_t *n_headers, size_t *n) {
  enum { MOST = SP_MAX_SLAB_COLUMNS - SP_MAX_SORT_KEYS - 1 };
  *n_headers = sp_chain_headers(job->chain, job->n_steps, names, MOST);
  if (*n_headers > MOST) {
    return SP_RAISE(SP_ERR_USAGE, "the chain needs %zu trace headers, allowed is up to %d", *n_headers, MOST);
  }
  if (job->settings.trid == SP_TRID_SEISMIC) names[(*n_headers)++] = "trid?";
  for (size_t i = 0; i < job->n_sort; i++) names[*n_headers + i] = job->sort[i];
  *n = *n_headers + job->n_sort;
  return SP_SUCCESS;
}

static sp_status check_columns(const sp_job *job) {
  const char *names[SP_MAX_SLAB_COLUMNS];
  size_t n_headers, n;
  return sp_gather_columns(job, names, &n_headers, &n);
}

/* The largest slab: what the job asks for, else what is large enough for the disk yet leaves each worker several; a
 * gather is never cut. */
static sp_local slab_traces(const sp_job *job, const sp_gather_index *index, uint32_t n_samples, int n_workers) {
  const uint64_t trace_bytes = (uint64_t)n_samples * sizeof(float);
  const int mb = job->settings.slab_mb;
  uint64_t n = (mb == SP_PARAM_AUTO ? (uint64_t)SLAB_BYTES : (uint64_t)mb * 1000000) / trace_bytes;
  if (mb == SP_PARAM_AUTO) {
    const uint64_t share = index->n_traces / ((uint64_t)n_workers * SLABS_A_WORKER) + 1;
    if (n > share) n = share;
  }
  if (n < index->max_traces) n = index->max_traces;
  return (sp_local)(n < 1 ? 1 : n);
}

static void size_up(const sp_plan_request *request, sp_flow_shape *shape) {
  const sp_job *job = request->job;
  const sp_gather_index *index = request->index;
  const sp_survey_info *info = sp_survey_get_info(request->survey);
  const uint64_t row = (uint64_t)info->n_samples * sizeof(float);
  const int n_sample_planes = job->settings.mode == SP_MODE_BOTH ? 2 : 1;
  const uint64_t stored = job->settings.samples == SP_SAMPLES_FLOAT32 ? row : row / 2 + sizeof(float);
  *shape = (sp_flow_shape){.unit = "gather",
                           .n_units = info->n_gathers,
                           .n_traces = info->n_traces,
                           .n_samples = info->n_samples,
                           .sample_interval_s = 1e-6 * info->sample_interval_us,
                           .n_phases = 1,
                           .team = 1,
                           .task_traces = slab_traces(job, index, info->n_samples, request->n_workers),
                           .task_units = MAX_SLAB_GATHERS,
                           .total_work = info->n_traces,
                           .work_bytes = (double)row + (double)stored * n_sample_planes,
                           .plane = {"/traces", "/noise"}};
  if (shape->task_units > index->n_gathers) shape->task_units = index->n_gathers ? (sp_local)index->n_gathers : 1;
  shape->payload_bytes = (shape->task_units + 1) * sizeof(sp_local);
  shape->input_bytes = SP_GATHER_INPUTS * shape->task_traces * row;
  shape->window = (sp_window_shape){.n_slots = job->settings.slots,
                                    .n_planes = n_sample_planes,
                                    .row_bytes = {row, row},
                                    .max_rows = shape->task_traces,
                                    .max_boxes = 1,
                                    .max_units = shape->task_units,
                                    .figure_bytes = sizeof(sp_gather_result)};
  for (int k = 0; job->settings.qc == SP_QC_TRACE && k < SP_TRACE_FIGURES; k++) {
    const int p = shape->window.n_planes++;
    snprintf(shape->plane[p], sizeof shape->plane[p], "%s", sp_trace_figure_paths[k]);
    shape->window.row_bytes[p] = sizeof(float);
  }
}

/* Whole chunks of samples in a task are packed by its worker, as they will lie in the output. */
static sp_status plan_packing(const sp_plan_request *request, sp_flow_plan *plan) {
  const sp_pack_options options = sp_pack_options_of(request->job);
  sp_window_shape *window = &plan->shape.window;
  sp_chunk_form *form = &((sp_gather_shared *)plan->shared)->form;
  bool packs;
  SP_TRY(sp_pack_form_of_results(&options, sp_survey_get_info(request->survey), form, &packs));
  if (!packs) return SP_SUCCESS;
  const int n_planes = request->job->settings.mode == SP_MODE_BOTH ? 2 : 1;
  for (int p = 0; p < n_planes; p++) window->chunk_rows[p] = form->rows;
  plan->shape.packing_bytes = sp_chunk_packer_memory(form, 1);
  window->max_chunks = (uint32_t)n_planes * (uint32_t)(window->max_rows / form->rows);
  return SP_SUCCESS;
}

/* Plans each step as a worker will, and lets it go again: what a plan refuses is refused now. */
static sp_status try_chain(const sp_plan_request *request, const sp_flow_shape *shape) {
  const sp_local max_gather = request->index->max_traces ? request->index->max_traces : 1;
  const sp_engine_config config = {.chain = request->job->chain,
                                   .n_steps = request->job->n_steps,
                                   .mode = (sp_mode)request->job->settings.mode,
                                   .n_samples = shape->n_samples,
                                   .sample_interval_s = shape->sample_interval_s,
                                   .max_traces = max_gather,
                                   .max_gather = max_gather,
                                   .max_gathers = 1,
                                   .n_threads = 1,
                                   .n_slabs = 1,
                                   .device = -1,
                                   .precision = (sp_precision)request->job->settings.precision};
  sp_chain *chain = NULL;
  const sp_status status = sp_chain_create(&config, false, &chain);
  sp_chain_destroy(chain);
  return status;
}

static sp_status plan_gathers(const sp_plan_request *request, sp_flow_plan *plan) {
  SP_TRY(check_columns(request->job));
  SP_TRY(sp_flow_check_chain(request));
  size_up(request, &plan->shape);
  SP_TRY(try_chain(request, &plan->shape));
  SP_TRY(sp_calloc(1, sizeof(dealing), "the plan", &plan->own));
  ((dealing *)plan->own)->index = request->index;
  SP_TRY(sp_calloc(1, sizeof(sp_gather_shared), "the plan", &plan->shared));
  plan->shared_bytes = sizeof(sp_gather_shared);
  ((sp_gather_shared *)plan->shared)->max_gather = request->index->max_traces ? request->index->max_traces : 1;
  return plan_packing(request, plan);
}

static void destroy_plan(sp_flow_plan *plan) {
  dealing *d = plan->own;
  sp_dealer_destroy(d->dealer);
  sp_free(d);
}

/* --- units and tasks ------------------------------------------------------------------------------------------- */

static const sp_gather_index *index_of(const sp_flow_plan *plan) {
  return ((const dealing *)plan->own)->index;
}

static void get_phase(const sp_flow_plan *plan, uint32_t phase, sp_phase *out) {
  *out = (sp_phase){.name = "gathers", .n_units = plan->shape.n_units, .sync_s = INFINITY};
}

static uint64_t traces_of(const sp_flow_plan *plan, uint64_t gather) {
  const sp_gather_index *index = index_of(plan);
  return index->first_trace[gather + 1] - index->first_trace[gather];
}

static void describe(const sp_flow_plan *plan, uint64_t gather, char *text, size_t size) {
  char name[SP_GATHER_TEXT];
  snprintf(text, size, "%s", sp_gather_text(index_of(plan), gather, name));
}

static sp_status begin_phase(sp_flow_plan *plan, uint32_t phase, const uint8_t *done, int n_teams, void *payload,
                             uint32_t *payload_bytes) {
  dealing *d = plan->own;
  const sp_flow_shape *shape = &plan->shape;
  const sp_deal_config config = {.n_workers = n_teams,
                                 .n_units = shape->n_units,
                                 .max_work = shape->task_traces,
                                 .max_units = shape->task_units,
                                 .min_work = shape->task_traces / SMALLEST_PART};
  sp_dealer_destroy(d->dealer);
  d->dealer = NULL;
  return sp_dealer_create(&config, d->index->first_trace, done, &d->dealer);
}

static sp_unit_run deal(sp_flow_plan *plan, int team, const double *speed) {
  return sp_dealer_next(((dealing *)plan->own)->dealer, team, speed);
}

static void fill(const sp_flow_plan *plan, sp_task *task, void *payload) {
  const sp_gather_index *index = index_of(plan);
  const sp_range range = sp_gather_index_range(index, task->first_unit, task->n_units);
  sp_local *first_trace = payload;
  task->first_trace = range.first_trace;
  task->n_traces = range.n_traces;
  task->work = range.n_traces;
  task->payload_bytes = (uint32_t)((range.n_gathers + 1) * sizeof(sp_local));
  for (sp_local g = 0; g <= range.n_gathers; g++) {
    first_trace[g] = (sp_local)(index->first_trace[range.first_gather + g] - range.first_trace);
  }
}

/* The first step that spreads rounding; NULL: none does. */
static const sp_chain_step *find_spreading(const sp_job *job) {
  size_t k = 0;
  while (k < job->n_steps && !sp_step_spreads(&job->chain[k])) k++;
  return k < job->n_steps ? &job->chain[k] : NULL;
}

static sp_faint_units count_faint(const sp_flow_plan *plan, const void *results) {
  return sp_faint_count_units(results, sizeof(sp_gather_result), offsetof(sp_gather_result, faint),
                              plan->shape.n_units);
}

static void warn_of_faint(const sp_flow_plan *plan, const void *results) {
  char name[SP_GATHER_TEXT];
  const sp_chain_step *step = find_spreading(plan->job);
  if (!step) return;
  const sp_faint_units found = count_faint(plan, results);
  if (found.n_traces) sp_faint_warn(step, "gather", &found, sp_gather_text(index_of(plan), found.first, name));
}

static void conclude(const sp_flow_plan *plan, const void *figures, bool quiet) {
  if (!quiet) sp_quality_conclude(plan, index_of(plan), figures);
  sp_rounding_conclude(plan, index_of(plan), figures);
  warn_of_faint(plan, figures);
}

static void report(const sp_flow_plan *plan, const void *figures, sp_json *json) {
  sp_quality_report(plan, figures, json);
  sp_rounding_report(plan, figures, json);
  if (find_spreading(plan->job)) sp_json_count(json, "faint_traces", count_faint(plan, figures).n_traces);
}

static sp_status open_left(const sp_flow_plan *plan, const sp_left_work *left, sp_left_reader **out) {
  return sp_left_gathers_open(plan, left, 0, out);
}

const sp_flow sp_flow_gather = {.name = "gather",
                                .figures = &sp_gather_figures,
                                .units_are_gathers = true,
                                .repeats = true,
                                .plan = plan_gathers,
                                .destroy = destroy_plan,
                                .phase = get_phase,
                                .work = traces_of,
                                .describe = describe,
                                .outputs = sp_gather_outputs,
                                .open_left = open_left,
                                .begin_phase = begin_phase,
                                .deal = deal,
                                .fill = fill,
                                .publish = sp_gather_publish,
                                .load = sp_gather_load,
                                .conclude = conclude,
                                .report = report,
                                .write_headers = sp_gather_write_headers,
                                .announce = sp_gather_announce,
                                .open = sp_gather_open,
                                .read = sp_gather_read,
                                .read_nothing = sp_gather_read_nothing,
                                .submit = sp_gather_submit,
                                .finish = sp_gather_finish,
                                .busy_s = sp_gather_busy_s,
                                .close = sp_gather_close};
