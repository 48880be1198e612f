/* SPDX-License-Identifier: BSD-3-Clause */
/* A worker of the image flow for tests: adds batches to its image, meets the others, writes points. */
#ifndef SEISPROC_TESTS_RUN_IMAGE_FLOW_WORKER_H
#define SEISPROC_TESTS_RUN_IMAGE_FLOW_WORKER_H

#include "image_flow_parts.h"
#include "seisproc/clock.h"

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
  SP_TRY(sp_calloc(1, sizeof *w, "a worker", &w));
  w->site = site;
  w->rank = site->roles->peers.rank;
  SP_TRY(sp_survey_open(site->roles->peers.comm, site->plan->job->input, false, &w->survey));
  SP_TRY(sp_dataset_open(w->survey, "/traces", &w->traces));
  const size_t bytes = 3 * BATCH_TRACES * site->plan->shape.n_samples * sizeof(float);
  for (int k = 0; k < 2; k++) SP_TRY(sp_alloc(bytes, "traces", &w->samples[k]));
  SP_TRY(sp_calloc(1, image_bytes(site->plan), "an image", &w->image));
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
  const MPI_Comm peers = w->site->roles->peers.comm;
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

#endif
