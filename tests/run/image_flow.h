/* An image flow for tests: traces of a class (number modulo N_CLASSES) are added up, weighted, at N_POINTS points.
 *
 * A phase adds batches of traces into int64 images that the workers keep, the next one writes the points of that class;
 * and so class by class. Units of a class: its batches, then its points. When the workers meet, the images are reduced
 * to the first worker, which writes a snapshot: the image, which batches are in it, a number and a checksum, to one of
 * two files in turn. The output has a gather a point and a trace a class.
 */
#ifndef SEISPROC_TESTS_RUN_IMAGE_FLOW_H
#define SEISPROC_TESTS_RUN_IMAGE_FLOW_H

#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "fault.h"
#include "seisproc/crc32c.h"
#include "seisproc/dist.h"
#include "seisproc/memory.h"
#include "src/flow/flow.h"

enum { N_CLASSES = 3, N_POINTS = 11, BATCH_TRACES = 24 /* of all classes */, MAX_BATCHES = 4096 };

typedef struct image_figures {
  uint32_t reason, n_added, crc;
} image_figures;

static const sp_figure image_figure[] = {
    {"reason", SP_FIGURE_UINT32, SP_JOIN_MAX, offsetof(image_figures, reason)},
    {"n_added", SP_FIGURE_UINT32, SP_JOIN_SUM, offsetof(image_figures, n_added)},
    {"crc", SP_FIGURE_UINT32, SP_JOIN_SUM, offsetof(image_figures, crc)},
};
static const sp_figure_list image_figure_list = {image_figure, 3, sizeof(image_figures)};

typedef struct image_shared {
  uint32_t n_batches;
} image_shared;

/* --- snapshots ------------------------------------------------------------------------------------------------- */

typedef struct snapshot_head {
  uint32_t number, class, crc; /* of what follows */
  uint8_t added[MAX_BATCHES];
} snapshot_head;

static void snapshot_path(const char *part_path, uint32_t number, char path[512]) {
  snprintf(path, 512, "%s.snapshot%u", part_path, number % 2);
}

static sp_status write_snapshot(const char *part_path, const snapshot_head *head, const int64_t *image, size_t bytes) {
  char path[512];
  snapshot_head sealed = *head;
  sealed.crc = sp_crc32c(sp_crc32c(0, head->added, sizeof head->added), image, bytes);
  snapshot_path(part_path, head->number, path);
  const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
  const bool good = fd >= 0 && write(fd, &sealed, sizeof sealed) == (ssize_t)sizeof sealed &&
                    write(fd, image, bytes) == (ssize_t)bytes && !fsync(fd);
  if (fd >= 0) close(fd);
  return good ? SP_SUCCESS : SP_RAISE(SP_ERR_IO, "%s: cannot be written", path);
}

/* The newest whole snapshot; false where there is none. image[bytes] may be NULL. */
static bool read_snapshot(const char *part_path, size_t bytes, snapshot_head *head, int64_t *image) {
  bool found = false;
  for (uint32_t i = 0; i < 2; i++) {
    char path[512];
    snapshot_head h;
    snapshot_path(part_path, i, path);
    int64_t *data = malloc(bytes);
    const int fd = open(path, O_RDONLY);
    const bool whole = fd >= 0 && read(fd, &h, sizeof h) == (ssize_t)sizeof h &&
                       read(fd, data, bytes) == (ssize_t)bytes &&
                       h.crc == sp_crc32c(sp_crc32c(0, h.added, sizeof h.added), data, bytes);
    if (fd >= 0) close(fd);
    if (whole && (!found || h.number > head->number)) {
      found = true;
      *head = h;
      if (image) memcpy(image, data, bytes);
    }
    free(data);
  }
  return found;
}

static size_t image_bytes(const sp_flow_plan *plan) {
  return (size_t)N_POINTS * plan->shape.n_samples * sizeof(int64_t);
}

/* --- rank 0 ---------------------------------------------------------------------------------------------------- */

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

static uint32_t n_batches(const sp_flow_plan *plan) {
  return ((const image_shared *)plan->shared)->n_batches;
}

static uint64_t units_a_class(const sp_flow_plan *plan) {
  return n_batches(plan) + N_POINTS;
}

static sp_status plan_image(const sp_plan_request *request, sp_flow_plan *plan) {
  const sp_survey_info *info = sp_survey_get_info(request->survey);
  const uint64_t row = info->n_samples * sizeof(float);
  image_shared *shared = NULL;
  image_dealing *own = NULL;
  SP_TRY(sp_calloc(1, sizeof *shared, "an image", (void **)&shared));
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
  SP_TRY(sp_calloc(1, sizeof *own, "an image", (void **)&own));
  plan->own = own;
  SP_TRY(sp_calloc(n_units + 1, sizeof(uint64_t), "an image", (void **)&own->work_before));
  for (uint64_t u = 0; u <= n_units; u++) own->work_before[u] = u;
  return SP_SUCCESS;
}

static void destroy_image(sp_flow_plan *plan) {
  image_dealing *own = plan->own;
  sp_dealer_destroy(own->dealer);
  sp_free(own->work_before);
  sp_free(own);
}

static bool adds(uint32_t phase) {
  return phase % 2 == 0;
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
  if (roles->rank == 0) {
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
  return sp_agree(roles->world, status);
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

/* --- workers --------------------------------------------------------------------------------------------------- */

typedef struct image_worker {
  sp_flow_site *site;
  sp_survey *survey;
  sp_dataset *traces;
  sp_task task[2];
  float *samples[2];
  int64_t *image;     /* [N_POINTS][n_samples]: what this worker has added; once reduced, the first worker's is all */
  snapshot_head head; /* number and class; the batches that this worker's image has */
  int rank;           /* of the workers */
} image_worker;

static void close_image(void *worker) {
  image_worker *w = worker;
  if (!w) return;
  sp_dataset_close(w->traces);
  sp_survey_close(w->survey);
  for (int k = 0; k < 2; k++) sp_free(w->samples[k]);
  sp_free(w->image);
  sp_free(w);
}

static sp_status open_image(sp_flow_site *site, void **out) {
  image_worker *w = NULL;
  SP_TRY(sp_calloc(1, sizeof *w, "a worker", (void **)&w));
  w->site = site;
  MPI_Comm_rank(site->roles->peers, &w->rank);
  SP_TRY(sp_survey_open(site->roles->peers, site->plan->job->input, false, &w->survey));
  SP_TRY(sp_dataset_open(w->survey, "/traces", &w->traces));
  const size_t bytes = 3 * BATCH_TRACES * site->plan->shape.n_samples * sizeof(float);
  for (int k = 0; k < 2; k++) SP_TRY(sp_alloc(bytes, "traces", (void **)&w->samples[k]));
  SP_TRY(sp_calloc(1, image_bytes(site->plan), "an image", (void **)&w->image));
  site->engine = "test";
  *out = w;
  return SP_SUCCESS;
}

/* A new class begins with an empty image, or with what an earlier run has left of it. */
static sp_status begin_image(void *worker, uint32_t phase, const void *payload) {
  image_worker *w = worker;
  uint32_t loads;
  memcpy(&loads, payload, sizeof loads);
  if (!adds(phase)) return SP_SUCCESS;
  const size_t bytes = image_bytes(w->site->plan);
  snapshot_head found = {0};
  const uint32_t number = w->head.number;
  memset(w->image, 0, bytes);
  w->head = (snapshot_head){.number = number};
  if (read_snapshot(w->site->part_path, bytes, &found, NULL) && found.number > number) w->head.number = found.number;
  w->head.class = phase / 2;
  if (!loads || w->rank) return SP_SUCCESS;
  if (!read_snapshot(w->site->part_path, bytes, &found, w->image) || found.class != phase / 2) return SP_ERR_INTERNAL;
  memcpy(w->head.added, found.added, sizeof found.added);
  return SP_SUCCESS;
}

static sp_status read_piece(void *worker, int k, const sp_task *task, const void *payload) {
  image_worker *w = worker;
  w->task[k] = *task;
  die_at(adds(task->phase) ? "read" : "point");
  if (!adds(task->phase)) return SP_SUCCESS;
  return sp_dataset_read_independent(w->traces, task->first_trace, task->n_traces, w->samples[k]);
}

static sp_status submit_piece(void *worker, int k) {
  return SP_SUCCESS;
}

static void add_batches(image_worker *w, const sp_task *task, const float *samples, image_figures *figures) {
  const sp_flow_plan *plan = w->site->plan;
  const uint32_t n_samples = plan->shape.n_samples, class = task->phase / 2;
  const uint64_t first_batch = task->first_unit - class * units_a_class(plan);
  for (uint32_t i = 0; i < task->n_traces; i++) {
    const uint64_t trace = task->first_trace + i;
    if (trace % N_CLASSES != class) continue;
    figures[i / BATCH_TRACES].n_added++;
    for (int m = 0; m < N_POINTS; m++) {
      const float weight = 1.0f / (1 + (float)((trace + (uint64_t)m) % 7));
      int64_t *row = w->image + (size_t)m * n_samples;
      for (uint32_t s = 0; s < n_samples; s++) row[s] += llrintf(ldexpf(samples[i * n_samples + s] * weight, 20));
    }
  }
  for (uint32_t b = 0; b < task->n_units; b++) w->head.added[first_batch + b] = 1;
}

static void write_point(image_worker *w, const sp_task *task) {
  const sp_flow_plan *plan = w->site->plan;
  const uint32_t n_samples = plan->shape.n_samples, class = task->phase / 2;
  const uint64_t m = task->first_unit - class * units_a_class(plan) - n_batches(plan);
  sp_slot *slot = sp_node_window_claim(w->site->window);
  slot->page_offset = 0;
  slot->task = task->id;
  slot->first_unit = task->first_unit;
  slot->n_units = slot->n_boxes = 1;
  *sp_slot_boxes(w->site->window, slot) = (sp_box){.first_row = m * N_CLASSES + class, .n_rows = 1};
  float *row = sp_slot_rows(w->site->window, slot, 0);
  for (uint32_t s = 0; s < n_samples; s++) row[s] = ldexpf((float)w->image[m * n_samples + s], -20);
  image_figures *f = sp_slot_figures(w->site->window, slot);
  *f = (image_figures){.crc = sp_crc32c(0, row, n_samples * sizeof(float))};
  sp_slot_set_full(slot, true);
}

static sp_status finish_piece(void *worker, int k, uint32_t *n_slots, void *figures) {
  image_worker *w = worker;
  const sp_task *task = &w->task[k];
  if (adds(task->phase)) {
    add_batches(w, task, w->samples[k], figures);
    const char *pause = getenv("FLOW_PAUSE_US");
    if (pause) usleep((useconds_t)atoi(pause));
    die_at("added");
    return SP_SUCCESS;
  }
  write_point(w, task);
  *n_slots = 1;
  return SP_SUCCESS;
}

/* The first worker has all that was added; at the end of a phase everybody gets it. */
static sp_status sync_image(void *worker, uint32_t phase, bool ends) {
  image_worker *w = worker;
  const MPI_Comm peers = w->site->roles->peers;
  const size_t bytes = image_bytes(w->site->plan);
  const int n = (int)(bytes / sizeof(int64_t));
  const bool first = w->rank == 0;
  SP_TRY(SP_MPI(MPI_Reduce(first ? MPI_IN_PLACE : w->image, w->image, n, MPI_INT64_T, MPI_SUM, 0, peers)));
  SP_TRY(SP_MPI(
      MPI_Reduce(first ? MPI_IN_PLACE : w->head.added, w->head.added, MAX_BATCHES, MPI_UINT8_T, MPI_BOR, 0, peers)));
  w->head.number++;
  die_at("reduced");
  sp_status status = SP_SUCCESS;
  if (first) status = write_snapshot(w->site->part_path, &w->head, w->image, bytes);
  SP_TRY(sp_agree(peers, status));
  die_at("snapshot");
  if (ends) return SP_MPI(MPI_Bcast(w->image, n, MPI_INT64_T, 0, peers));
  if (!first) {
    memset(w->image, 0, bytes);
    memset(w->head.added, 0, sizeof w->head.added);
  }
  return SP_SUCCESS;
}

static double image_busy(const void *worker) {
  return sp_now();
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
