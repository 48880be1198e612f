/* SPDX-License-Identifier: BSD-3-Clause */
/* The volume flow as rank 0 sees it: cubes are dealt one by one, the largest first. */
#include "src/flow/volume/volume_flow.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seisproc/memory.h"
#include "src/flow/faint_traces.h"
#include "src/flow/gather/gather_flow.h"

#define SP_VOLUME_FIGURE(type, kind, name, join)                                                                       \
  {#name, SP_FIGURE_##kind, SP_JOIN_##join, offsetof(sp_volume_result, name), sizeof(type)},

static const sp_figure figures[] = {SP_VOLUME_FIGURES(SP_VOLUME_FIGURE)};

static const sp_figure_list figure_list = {figures, sizeof figures / sizeof *figures, sizeof(sp_volume_result)};

/* Rank 0's own: cubes in the order in which they are dealt. */
typedef struct dealing {
  uint64_t *order; /* [n_units] */
  uint64_t next;
  const uint8_t *done;
} dealing;

static sp_status plan_cubes(const sp_plan_request *request, sp_flow_plan *plan) {
  void *block;
  SP_TRY(sp_volume_plan(request, plan));
  SP_TRY(sp_calloc(1, sizeof(dealing), "the plan", &block));
  plan->own = block;
  return SP_SUCCESS;
}

static void destroy_plan(sp_flow_plan *plan) {
  dealing *d = plan->own;
  sp_free(d->order);
  sp_free(d);
}

static void get_phase(const sp_flow_plan *plan, uint32_t phase, sp_phase *out) {
  *out = (sp_phase){.name = "cubes", .n_units = plan->shape.n_units, .sync_s = INFINITY};
}

static uint64_t traces_of(const sp_flow_plan *plan, uint64_t unit) {
  return sp_volume_cube_at(plan, unit)->grid.n_traces;
}

static void describe(const sp_flow_plan *plan, uint64_t unit, char *text, size_t size) {
  const sp_volume_cube *cube = sp_volume_cube_at(plan, unit);
  const sp_fkk_params *params = sp_volume_params(plan);
  int used = snprintf(text, size, "cube %llu", (unsigned long long)unit);
  for (uint32_t i = 0; i < params->cubes.n && used > 0 && (size_t)used < size; i++) {
    used += snprintf(text + used, size - (size_t)used, "%s%s %g%s", i ? ", " : " (", params->cubes.word[i],
                     cube->grid.key[i], i + 1 == params->cubes.n ? ")" : "");
  }
}

static int by_size(const void *a, const void *b, void *context) {
  const uint64_t i = *(const uint64_t *)a, j = *(const uint64_t *)b;
  const uint64_t n = traces_of(context, i), m = traces_of(context, j);
  return n != m ? (n < m) - (n > m) : (i > j) - (i < j);
}

static sp_status begin_phase(sp_flow_plan *plan, uint32_t phase, const uint8_t *done, int n_teams, void *payload,
                             uint32_t *payload_bytes) {
  dealing *d = plan->own;
  const uint64_t n = plan->shape.n_units;
  void *block;
  SP_TRY(sp_calloc(n + 1, sizeof *d->order, "the plan", &block));
  sp_free(d->order);
  *d = (dealing){.order = block, .done = done};
  for (uint64_t i = 0; i < n; i++) d->order[i] = i;
  qsort_r(d->order, n, sizeof *d->order, by_size, plan);
  return SP_SUCCESS;
}

static sp_unit_run deal(sp_flow_plan *plan, int team, const double *speed) {
  dealing *d = plan->own;
  while (d->next < plan->shape.n_units && d->done && d->done[d->order[d->next]]) d->next++;
  if (d->next == plan->shape.n_units) return (sp_unit_run){0};
  return (sp_unit_run){.first = d->order[d->next++], .n = 1};
}

static void fill(const sp_flow_plan *plan, sp_task *task, void *payload) {
  const sp_volume_cube *cube = sp_volume_cube_at(plan, task->first_unit);
  task->first_trace = cube->first_trace;
  task->n_traces = cube->grid.n_traces;
  task->work = cube->grid.n_traces;
}

static sp_faint_units count_faint(const sp_flow_plan *plan, const void *records) {
  return sp_faint_count_units(records, sizeof(sp_volume_result), offsetof(sp_volume_result, faint),
                              plan->shape.n_units);
}

static void conclude(const sp_flow_plan *plan, const void *records, bool quiet) {
  char name[192];
  const sp_faint_units found = count_faint(plan, records);
  if (found.n_traces == 0) return;
  describe(plan, found.first, name, sizeof name);
  sp_faint_warn(&plan->job->chain[sp_volume_step(plan->job)], "cube", &found, name);
}

static void report(const sp_flow_plan *plan, const void *records, sp_json *json) {
  sp_json_count(json, "faint_traces", count_faint(plan, records).n_traces);
}

const sp_flow sp_flow_volume = {.name = "volume",
                                .figures = &figure_list,
                                .plan = plan_cubes,
                                .destroy = destroy_plan,
                                .phase = get_phase,
                                .work = traces_of,
                                .describe = describe,
                                .outputs = sp_volume_outputs,
                                .open_left = sp_volume_open_left,
                                .begin_phase = begin_phase,
                                .deal = deal,
                                .fill = fill,
                                .publish = sp_volume_publish,
                                .load = sp_volume_load,
                                .conclude = conclude,
                                .report = report,
                                .write_headers = sp_gather_write_headers,
                                .explain = sp_volume_explain,
                                .open = sp_volume_open,
                                .read = sp_volume_read,
                                .submit = sp_volume_submit,
                                .finish = sp_volume_finish,
                                .busy_s = sp_volume_busy_s,
                                .close = sp_volume_close};
