/* SPDX-License-Identifier: BSD-3-Clause */
/* An image flow for tests: traces of a class (number modulo N_CLASSES) are added up, weighted, at N_POINTS points.
 *
 * A phase adds batches of traces into int64 images that the workers keep, the next one writes the points of that class;
 * and so class by class. Units of a class: its batches, then its points. When the workers meet, the images are reduced
 * to the first worker, which writes a snapshot: the image, which batches are in it, a number and a checksum, to one of
 * two files in turn. The output has a gather a point and a trace a class.
 */
#ifndef SEISPROC_TESTS_RUN_IMAGE_FLOW_H
#define SEISPROC_TESTS_RUN_IMAGE_FLOW_H

#include "image_flow_worker.h"

typedef struct image_dealing {
  sp_dealer *dealer;
  uint64_t *work_before; /* [n_units + 1] */
  bool unwritten[N_CLASSES];
  snapshot_head snapshot; /* number 0: there is none */
  uint64_t next_point[64];
  const uint8_t *done;
  uint32_t phase;
  int n_teams;
} image_dealing;

static sp_status plan_image(const sp_plan_request *request, sp_flow_plan *plan) {
  const sp_survey_info *info = sp_survey_get_info(request->survey);
  const uint64_t row = info->n_samples * sizeof(float);
  image_shared *shared = NULL;
  image_dealing *own = NULL;
  SP_TRY(sp_calloc(1, sizeof *shared, "an image", &shared));
  plan->shared = shared;
  plan->shared_bytes = sizeof *shared;
  shared->n_batches = (uint32_t)((info->n_traces + BATCH_TRACES - 1) / BATCH_TRACES);
  if (shared->n_batches > MAX_BATCHES) return SP_RAISE(SP_ERR_INPUT, "%s: too many traces", request->job->input);
  const uint64_t n_units = N_CLASSES * units_a_class(plan);
  plan->shape = (sp_flow_shape){.unit = "piece",
                                .n_units = n_units,
                                .n_traces = info->n_traces,
                                .n_samples = info->n_samples,
                                .sample_interval_s = 1e-6 * info->sample_interval_us,
                                .n_phases = 2 * N_CLASSES,
                                .team = 1,
                                .task_traces = 3 * BATCH_TRACES,
                                .task_units = 3,
                                .window = {.n_slots = 2,
                                           .n_planes = 1,
                                           .row_bytes = {row},
                                           .max_rows = 1,
                                           .max_boxes = 1,
                                           .max_units = 1,
                                           .figure_bytes = sizeof(image_figures)},
                                .plane = {"/traces"},
                                .payload_bytes = sizeof(uint32_t),
                                .input_bytes = 6 * BATCH_TRACES * row,
                                .total_work = n_units,
                                .work_bytes = BATCH_TRACES * (double)row};
  SP_TRY(sp_calloc(1, sizeof *own, "an image", &own));
  plan->own = own;
  SP_TRY(sp_calloc(n_units + 1, sizeof(uint64_t), "an image", &own->work_before));
  for (uint64_t u = 0; u <= n_units; u++) own->work_before[u] = u;
  return SP_SUCCESS;
}

static void destroy_image(sp_flow_plan *plan) {
  image_dealing *own = plan->own;
  sp_dealer_destroy(own->dealer);
  sp_free(own->work_before);
  sp_free(own);
}

static void get_image_phase(const sp_flow_plan *plan, uint32_t phase, sp_phase *out) {
  const image_dealing *own = plan->own;
  const uint64_t first = phase / 2 * units_a_class(plan);
  if (adds(phase)) {
    *out = (sp_phase){.name = "adding",
                      .first_unit = first,
                      .n_units = n_batches(plan),
                      .sync_s = 0.1,
                      .syncs = true,
                      .always = own->unwritten[phase / 2]};
  } else {
    *out =
        (sp_phase){.name = "writing", .first_unit = first + n_batches(plan), .n_units = N_POINTS, .sync_s = INFINITY};
  }
}

static uint64_t image_work(const sp_flow_plan *plan, uint64_t unit) {
  return 1;
}

static void describe_piece(const sp_flow_plan *plan, uint64_t unit, char *text, size_t size) {
  snprintf(text, size, "piece %llu", (unsigned long long)unit);
}

static sp_status image_outputs(const sp_flow_plan *plan, const sp_survey *input, sp_output_spec *out) {
  *out = (sp_output_spec){.info = *sp_survey_get_info(input)};
  out->info.n_gathers = N_POINTS;
  out->info.n_traces = N_POINTS * N_CLASSES;
  snprintf(out->info.gather_key, sizeof out->info.gather_key, "cdp");
  snprintf(out->info.content, sizeof out->info.content, "processed");
  sp_dataset_spec *d = out->datasets;
  d[out->n_datasets++] = (sp_dataset_spec){"/traces", SP_FLOAT32, out->info.n_traces, out->info.n_samples, NULL};
  d[out->n_datasets++] = (sp_dataset_spec){"/headers/cdp", SP_INT32, out->info.n_traces, 0, NULL};
  d[out->n_datasets++] = (sp_dataset_spec){"/gathers/first_trace", SP_UINT64, N_POINTS + 1, 0, NULL};
  d[out->n_datasets++] = (sp_dataset_spec){"/gathers/key", SP_INT64, N_POINTS, 0, NULL};
  d[out->n_datasets++] = (sp_dataset_spec){"/integrity/pieces", SP_UINT32, plan->shape.n_units, 2, NULL};
  return SP_SUCCESS;
}

static sp_status write_rows(sp_survey *survey, const char *path, uint32_t n, const void *rows) {
  sp_dataset *data = NULL;
  SP_TRY(sp_dataset_open(survey, path, &data));
  const sp_status status = sp_dataset_write_independent(data, 0, n, rows);
  sp_dataset_close(data);
  return status;
}

static sp_status write_image_headers(const sp_flow_plan *plan, const sp_roles *roles, const char *part_path,
                                     sp_activity *activity) {
  sp_status status = SP_SUCCESS;
  if (roles->world.rank == 0) {
    int32_t cdp[N_POINTS * N_CLASSES];
    uint64_t first[N_POINTS + 1];
    int64_t key[N_POINTS];
    for (int i = 0; i < N_POINTS * N_CLASSES; i++) cdp[i] = i / N_CLASSES;
    for (int m = 0; m <= N_POINTS; m++) first[m] = (uint64_t)m * N_CLASSES;
    for (int m = 0; m < N_POINTS; m++) key[m] = m;
    sp_survey *survey = NULL;
    SP_TRY_GOTO(out, sp_survey_open(MPI_COMM_NULL, part_path, true, &survey));
    SP_TRY_GOTO(out, write_rows(survey, "/headers/cdp", N_POINTS * N_CLASSES, cdp));
    SP_TRY_GOTO(out, write_rows(survey, "/gathers/first_trace", N_POINTS + 1, first));
    SP_TRY_GOTO(out, write_rows(survey, "/gathers/key", N_POINTS, key));
    status = sp_survey_sync(survey);
  out:
    sp_survey_close(survey);
  }
  return sp_agree(roles->world.comm, status);
}

/* The journal says which points are written; which batches are in an image, the snapshot alone. */
static sp_status restore_image(sp_flow_plan *plan, const char *part_path, uint8_t *done, void *figures) {
  image_dealing *own = plan->own;
  const bool any = read_snapshot(part_path, image_bytes(plan), &own->snapshot, NULL);
  for (uint32_t c = 0; c < N_CLASSES; c++) {
    uint8_t *batches = done + c * units_a_class(plan);
    const uint8_t *points = batches + n_batches(plan);
    for (int m = 0; m < N_POINTS; m++) own->unwritten[c] |= !points[m];
    for (uint32_t b = 0; b < n_batches(plan); b++) {
      const bool kept = any && own->snapshot.class == c && own->snapshot.added[b];
      batches[b] = !own->unwritten[c] || kept;
      if (batches[b]) {
        image_figures *f = sp_figures_at(&image_figure_list, figures, c * units_a_class(plan) + b);
        f->n_added = 0; /* is not kept */
      }
    }
  }
  return SP_SUCCESS;
}

static sp_status begin_image_phase(sp_flow_plan *plan, uint32_t phase, const uint8_t *done, int n_teams, void *payload,
                                   uint32_t *payload_bytes) {
  image_dealing *own = plan->own;
  sp_phase p;
  get_image_phase(plan, phase, &p);
  own->phase = phase;
  own->done = done;
  own->n_teams = n_teams;
  for (int t = 0; t < 64; t++) own->next_point[t] = (uint64_t)t;
  const uint32_t loads = own->snapshot.number && own->snapshot.class == phase / 2;
  memcpy(payload, &loads, sizeof loads);
  *payload_bytes = sizeof loads;
  const sp_deal_config config = {.n_workers = n_teams,
                                 .first_unit = p.first_unit,
                                 .n_units = p.n_units,
                                 .max_work = 3,
                                 .max_units = 3,
                                 .min_work = 1};
  sp_dealer_destroy(own->dealer);
  own->dealer = NULL;
  return adds(phase) ? sp_dealer_create(&config, own->work_before, done, &own->dealer) : SP_SUCCESS;
}

/* Batches go to whoever asks, point m to team m modulo their number. */
static sp_unit_run deal_image(sp_flow_plan *plan, int team, const double *speed) {
  image_dealing *own = plan->own;
  if (adds(own->phase)) return sp_dealer_next(own->dealer, team, speed);
  sp_phase p;
  get_image_phase(plan, own->phase, &p);
  for (uint64_t *m = &own->next_point[team]; *m < N_POINTS;) {
    const uint64_t unit = p.first_unit + *m;
    *m += (uint64_t)own->n_teams;
    if (!own->done || !own->done[unit]) return (sp_unit_run){.first = unit, .n = 1};
  }
  return (sp_unit_run){0};
}

static void fill_piece(const sp_flow_plan *plan, sp_task *task, void *payload) {
  task->work = task->n_units;
  if (!adds(task->phase)) return;
  const uint64_t batch = task->first_unit - task->phase / 2 * units_a_class(plan), n_traces = plan->shape.n_traces;
  const uint64_t end = (batch + task->n_units) * BATCH_TRACES;
  task->first_trace = batch * BATCH_TRACES;
  task->n_traces = (uint32_t)((end < n_traces ? end : n_traces) - task->first_trace);
}

static sp_status publish_image(const sp_flow_plan *plan, const char *part_path, const void *figures) {
  const image_figures *f = figures;
  sp_survey *survey = NULL;
  sp_dataset *data = NULL;
  sp_status status;
  SP_TRY_GOTO(out, sp_survey_open(MPI_COMM_NULL, part_path, true, &survey));
  SP_TRY_GOTO(out, sp_dataset_open(survey, "/integrity/pieces", &data));
  for (uint64_t u = 0; u < plan->shape.n_units; u++) {
    const uint32_t row[2] = {f[u].reason, f[u].crc};
    SP_TRY_GOTO(out, sp_dataset_write(data, u, 1, row));
  }
  status = sp_survey_sync(survey);
out:
  sp_dataset_close(data);
  sp_survey_close(survey);
  for (uint32_t i = 0; i < 2 && status == SP_SUCCESS; i++) {
    char path[512];
    snapshot_path(part_path, i, path);
    unlink(path);
  }
  return status;
}

static sp_status load_image(const sp_flow_plan *plan, sp_survey *output, void *figures) {
  return SP_SUCCESS;
}

static const sp_flow image_flow = {.name = "test image",
                                   .figures = &image_figure_list,
                                   .plan = plan_image,
                                   .destroy = destroy_image,
                                   .phase = get_image_phase,
                                   .work = image_work,
                                   .describe = describe_piece,
                                   .outputs = image_outputs,
                                   .restore = restore_image,
                                   .begin_phase = begin_image_phase,
                                   .deal = deal_image,
                                   .fill = fill_piece,
                                   .publish = publish_image,
                                   .load = load_image,
                                   .write_headers = write_image_headers,
                                   .open = open_image,
                                   .begin = begin_image,
                                   .read = read_piece,
                                   .submit = submit_piece,
                                   .finish = finish_piece,
                                   .sync = sync_image,
                                   .busy_s = image_busy,
                                   .close = close_image};

#endif
