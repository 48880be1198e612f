/* SPDX-License-Identifier: BSD-3-Clause */
/* A volume flow for tests: cubes of consecutive traces, a cube a task of a whole team.
 *
 * Each worker of the team reads its share of the cube's traces. They exchange, so that each has some samples of all
 * traces; subtract at each sample the mean over the cube's traces, added up in trace order; exchange back; and write
 * trace i where trace n - 1 - i was, which makes a box of every row, a few rows a slot.
 */
#ifndef SEISPROC_TESTS_RUN_VOLUME_FLOW_H
#define SEISPROC_TESTS_RUN_VOLUME_FLOW_H

#include <math.h>
#include <string.h>

#include "fault.h"
#include "seisproc/clock.h"
#include "seisproc/crc32c.h"
#include "seisproc/dist.h"
#include "seisproc/memory.h"
#include "src/flow/gather/gather_flow.h"

enum { CUBE_TRACES = 50, SLOT_ROWS = 4 };

typedef struct cube_figures {
  uint32_t reason, crc_sum; /* of all rows' checksums, so that parts add up */
  double energy_max;        /* of the largest trace */
} cube_figures;

static const sp_figure cube_figure[] = {
    {"reason", SP_FIGURE_UINT32, SP_JOIN_MAX, offsetof(cube_figures, reason), sizeof(uint32_t)},
    {"crc_sum", SP_FIGURE_UINT32, SP_JOIN_SUM, offsetof(cube_figures, crc_sum), sizeof(uint32_t)},
    {"energy_max", SP_FIGURE_FLOAT64, SP_JOIN_MAX, offsetof(cube_figures, energy_max), sizeof(double)},
};
static const sp_figure_list cube_figure_list = {cube_figure, 3, sizeof(cube_figures)};

/* --- rank 0 ---------------------------------------------------------------------------------------------------- */

typedef struct cube_dealing {
  sp_dealer *dealer;
  uint64_t *first_trace; /* [n_cubes + 1] */
} cube_dealing;

static sp_status plan_cubes(const sp_plan_request *request, sp_flow_plan *plan) {
  const sp_survey_info *info = sp_survey_get_info(request->survey);
  if (info->n_traces < 3 * CUBE_TRACES) return SP_RAISE(SP_ERR_INPUT, "%s: too few traces", request->job->input);
  const uint64_t n_cubes = (info->n_traces + CUBE_TRACES - 1) / CUBE_TRACES, row = info->n_samples * sizeof(float);
  plan->shape = (sp_flow_shape){.unit = "cube",
                                .n_units = n_cubes,
                                .n_traces = info->n_traces,
                                .n_samples = info->n_samples,
                                .sample_interval_s = 1e-6 * info->sample_interval_us,
                                .n_phases = 1,
                                .team = request->n_workers < 4 ? request->n_workers : 2,
                                .task_traces = CUBE_TRACES,
                                .task_units = 1,
                                .window = {.n_slots = 2,
                                           .n_planes = 1,
                                           .row_bytes = {row},
                                           .max_rows = SLOT_ROWS,
                                           .max_boxes = SLOT_ROWS,
                                           .max_units = 1,
                                           .figure_bytes = sizeof(cube_figures)},
                                .plane = {"/traces"},
                                .input_bytes = 4 * CUBE_TRACES * row,
                                .total_work = info->n_traces,
                                .work_bytes = 2.0 * (double)row};
  cube_dealing *own = NULL;
  SP_TRY(sp_calloc(1, sizeof *own, "cubes", &own));
  plan->own = own;
  SP_TRY(sp_calloc(n_cubes + 1, sizeof(uint64_t), "cubes", &own->first_trace));
  for (uint64_t c = 0; c <= n_cubes; c++) {
    own->first_trace[c] = c * CUBE_TRACES < info->n_traces ? c * CUBE_TRACES : info->n_traces;
  }
  return SP_SUCCESS;
}

static void destroy_cubes(sp_flow_plan *plan) {
  cube_dealing *own = plan->own;
  sp_dealer_destroy(own->dealer);
  sp_free(own->first_trace);
  sp_free(own);
}

static const uint64_t *cube_bounds(const sp_flow_plan *plan, uint64_t cube) {
  return ((const cube_dealing *)plan->own)->first_trace + cube;
}

static void get_cube_phase(const sp_flow_plan *plan, uint32_t phase, sp_phase *out) {
  *out = (sp_phase){.name = "cubes", .n_units = plan->shape.n_units, .sync_s = INFINITY};
}

static uint64_t cube_work(const sp_flow_plan *plan, uint64_t cube) {
  return cube_bounds(plan, cube)[1] - cube_bounds(plan, cube)[0];
}

static void describe_cube(const sp_flow_plan *plan, uint64_t cube, char *text, size_t size) {
  snprintf(text, size, "cube %llu", (unsigned long long)cube);
}

static sp_status cube_outputs(const sp_flow_plan *plan, const sp_survey *input, sp_output_spec *out) {
  *out = (sp_output_spec){.info = *sp_survey_get_info(input), .derived = true};
  out->datasets[0] = (sp_dataset_spec){"/traces", SP_FLOAT32, out->info.n_traces, out->info.n_samples, NULL};
  out->datasets[1] = (sp_dataset_spec){"/integrity/cubes", SP_UINT32, plan->shape.n_units, 2, NULL};
  out->n_datasets = 2;
  return SP_SUCCESS;
}

static sp_status begin_cubes(sp_flow_plan *plan, uint32_t phase, const uint8_t *done, int n_teams, void *payload,
                             uint32_t *payload_bytes) {
  cube_dealing *own = plan->own;
  const sp_deal_config config = {
      .n_workers = n_teams, .n_units = plan->shape.n_units, .max_work = CUBE_TRACES, .max_units = 1};
  return sp_dealer_create(&config, own->first_trace, done, &own->dealer);
}

static sp_unit_run deal_cubes(sp_flow_plan *plan, int team, const double *speed) {
  return sp_dealer_next(((cube_dealing *)plan->own)->dealer, team, speed);
}

static void fill_cube(const sp_flow_plan *plan, sp_task *task, void *payload) {
  const uint64_t *bounds = cube_bounds(plan, task->first_unit);
  task->first_trace = bounds[0];
  task->n_traces = (uint32_t)(bounds[1] - bounds[0]);
  task->work = task->n_traces;
}

static sp_status publish_cubes(const sp_flow_plan *plan, const char *part_path, const void *figures) {
  const cube_figures *f = figures;
  sp_survey *survey = NULL;
  sp_dataset *data = NULL;
  sp_status status;
  SP_TRY_GOTO(out, sp_survey_open(MPI_COMM_NULL, part_path, true, &survey));
  SP_TRY_GOTO(out, sp_dataset_open(survey, "/integrity/cubes", &data));
  for (uint64_t c = 0; c < plan->shape.n_units; c++) {
    const uint32_t row[2] = {f[c].crc_sum, (uint32_t)llrint(f[c].energy_max)};
    SP_TRY_GOTO(out, sp_dataset_write(data, c, 1, row));
  }
  status = sp_survey_sync(survey);
out:
  sp_dataset_close(data);
  sp_survey_close(survey);
  return status;
}

static sp_status load_cubes(const sp_flow_plan *plan, sp_survey *output, void *figures) {
  return SP_SUCCESS;
}

/* --- workers --------------------------------------------------------------------------------------------------- */

typedef struct cube_worker {
  sp_flow_site *site;
  sp_survey *survey;
  sp_dataset *traces;
  sp_task task[2];
  float *samples[2]; /* this worker's share of the traces */
  float *all;        /* its share of the samples, of all traces */
  float *packed;     /* on its way */
  int rank, size;    /* in the team */
  double busy_s;
} cube_worker;

static void close_cubes(void *worker) {
  cube_worker *w = worker;
  if (!w) return;
  sp_dataset_close(w->traces);
  sp_survey_close(w->survey);
  for (int k = 0; k < 2; k++) sp_free(w->samples[k]);
  sp_free(w->all);
  sp_free(w->packed);
  sp_free(w);
}

static sp_status open_cubes(sp_flow_site *site, void **out) {
  cube_worker *w = NULL;
  const size_t bytes = CUBE_TRACES * site->plan->shape.n_samples * sizeof(float);
  SP_TRY(sp_calloc(1, sizeof *w, "a worker", &w));
  w->site = site;
  w->rank = site->roles->team.rank;
  w->size = site->roles->team.size;
  SP_TRY(sp_survey_open(site->roles->peers.comm, site->plan->job->input, false, &w->survey));
  SP_TRY(sp_dataset_open(w->survey, "/traces", &w->traces));
  for (int k = 0; k < 2; k++) SP_TRY(sp_alloc(bytes, "traces", &w->samples[k]));
  SP_TRY(sp_alloc(bytes, "traces", &w->all));
  SP_TRY(sp_alloc(bytes, "traces", &w->packed));
  site->engine = "test";
  *out = w;
  return SP_SUCCESS;
}

/* Where part i of n of a whole begins. */
static uint32_t part(uint32_t whole, int i, int n) {
  return (uint32_t)((uint64_t)whole * (uint64_t)i / (uint64_t)n);
}

static sp_status read_cube(void *worker, int k, const sp_task *task, const void *payload) {
  cube_worker *w = worker;
  w->task[k] = *task;
  const uint32_t first = part(task->n_traces, w->rank, w->size), end = part(task->n_traces, w->rank + 1, w->size);
  die_at("read");
  return sp_dataset_read_independent(w->traces, task->first_trace + first, end - first, w->samples[k]);
}

/* Traces to samples, or back. */
static sp_status exchange(cube_worker *w, int k, bool back) {
  const uint32_t n = w->task[k].n_traces, n_samples = w->site->plan->shape.n_samples;
  const MPI_Comm team = w->site->roles->team.comm;
  int n_out[64], out_at[64], n_in[64], in_at[64];
  const uint32_t my_first = part(n, w->rank, w->size), my_traces = part(n, w->rank + 1, w->size) - my_first;
  const uint32_t my_samples = part(n_samples, w->rank + 1, w->size) - part(n_samples, w->rank, w->size);
  int packed = 0;
  for (int r = 0; r < w->size; r++) {
    const uint32_t s0 = part(n_samples, r, w->size), s1 = part(n_samples, r + 1, w->size);
    const uint32_t t0 = part(n, r, w->size), t1 = part(n, r + 1, w->size);
    n_out[r] = (int)(my_traces * (s1 - s0));
    out_at[r] = packed;
    packed += n_out[r];
    n_in[r] = (int)((t1 - t0) * my_samples);
    in_at[r] = (int)(t0 * my_samples);
    for (uint32_t t = 0; t < my_traces && !back; t++) {
      memcpy(w->packed + out_at[r] + t * (s1 - s0), w->samples[k] + t * n_samples + s0, (s1 - s0) * sizeof(float));
    }
  }
  if (!back) return SP_MPI(MPI_Alltoallv(w->packed, n_out, out_at, MPI_FLOAT, w->all, n_in, in_at, MPI_FLOAT, team));
  SP_TRY(SP_MPI(MPI_Alltoallv(w->all, n_in, in_at, MPI_FLOAT, w->packed, n_out, out_at, MPI_FLOAT, team)));
  for (int r = 0; r < w->size; r++) {
    const uint32_t s0 = part(n_samples, r, w->size), s1 = part(n_samples, r + 1, w->size);
    for (uint32_t t = 0; t < my_traces; t++) {
      memcpy(w->samples[k] + t * n_samples + s0, w->packed + out_at[r] + t * (s1 - s0), (s1 - s0) * sizeof(float));
    }
  }
  return SP_SUCCESS;
}

static sp_status submit_cube(void *worker, int k) {
  cube_worker *w = worker;
  const uint32_t n = w->task[k].n_traces, n_samples = w->site->plan->shape.n_samples;
  const uint32_t my_samples = part(n_samples, w->rank + 1, w->size) - part(n_samples, w->rank, w->size);
  const double start = sp_now();
  SP_TRY(exchange(w, k, false));
  die_at("exchanged");
  for (uint32_t s = 0; s < my_samples; s++) {
    double sum = 0;
    for (uint32_t t = 0; t < n; t++) sum += w->all[t * my_samples + s];
    for (uint32_t t = 0; t < n; t++) w->all[t * my_samples + s] -= (float)(sum / n);
  }
  SP_TRY(exchange(w, k, true));
  w->busy_s += sp_now() - start;
  return SP_SUCCESS;
}

static sp_status finish_cube(void *worker, int k, uint32_t *n_slots, void *figures) {
  cube_worker *w = worker;
  const sp_task *task = &w->task[k];
  const uint32_t n_samples = w->site->plan->shape.n_samples, n = task->n_traces;
  const uint32_t first = part(n, w->rank, w->size), end = part(n, w->rank + 1, w->size);
  sp_node_window *window = w->site->window;
  for (uint32_t t = first; t < end || *n_slots == 0; t += SLOT_ROWS) { /* one, in any case */
    sp_slot *slot = sp_node_window_claim(window);
    const uint32_t rows = end - t < SLOT_ROWS ? end - t : SLOT_ROWS;
    slot->page_offset = 0;
    slot->task = task->id;
    slot->first_unit = task->first_unit;
    slot->n_units = 1;
    slot->n_boxes = rows;
    cube_figures *f = sp_slot_figures(window, slot);
    *f = (cube_figures){0};
    for (uint32_t i = 0; i < rows; i++) {
      const float *x = w->samples[k] + (t + i - first) * n_samples;
      double energy = 0;
      for (uint32_t s = 0; s < n_samples; s++) energy += (double)x[s] * x[s];
      sp_slot_boxes(window, slot)[i] = (sp_box){.first_row = task->first_trace + n - 1 - (t + i), .n_rows = 1};
      memcpy((float *)sp_slot_rows(window, slot, 0) + i * n_samples, x, n_samples * sizeof(float));
      f->crc_sum += sp_crc32c(0, x, n_samples * sizeof(float));
      f->energy_max = fmax(f->energy_max, energy);
    }
    die_at("slot");
    sp_slot_set_full(slot, true);
    ++*n_slots;
  }
  return SP_SUCCESS;
}

static double cubes_busy(const void *worker) {
  return ((const cube_worker *)worker)->busy_s;
}

static const sp_flow volume_flow = {.name = "test volume",
                                    .figures = &cube_figure_list,
                                    .plan = plan_cubes,
                                    .destroy = destroy_cubes,
                                    .phase = get_cube_phase,
                                    .work = cube_work,
                                    .describe = describe_cube,
                                    .outputs = cube_outputs,
                                    .begin_phase = begin_cubes,
                                    .deal = deal_cubes,
                                    .fill = fill_cube,
                                    .publish = publish_cubes,
                                    .load = load_cubes,
                                    .write_headers = sp_gather_write_headers,
                                    .open = open_cubes,
                                    .read = read_cube,
                                    .submit = submit_cube,
                                    .finish = finish_cube,
                                    .busy_s = cubes_busy,
                                    .close = close_cubes};

#endif
