/* SPDX-License-Identifier: BSD-3-Clause */
/* The image flow on a worker: reads the traces of batches and sums them while the next are read; at last
 * copies image points to the output. Where the workers meet is image_sync.c. */
#include <math.h>
#include <string.h>

#include "seisproc/clock.h"
#include "seisproc/crc32c.h"
#include "seisproc/dist.h"
#include "seisproc/engine.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/row_writer.h"
#include "seisproc/trace_store.h"
#include "src/base/fault.h"
#include "src/flow/image/image_worker.h"

/* --- making and unmaking ------------------------------------------------------------------------------------------ */

static uint64_t tile_columns(const sp_image_worker *w) {
  return (uint64_t)w->shared->tile_n[0] * w->shared->tile_n[1];
}

static sp_status create_input(sp_image_worker *w, sp_image_input *in) {
  const size_t traces = SP_IMAGE_TASK_BATCHES * SP_PSTM_BATCH, n = w->shared->config.n_samples;
  const size_t image = (size_t)w->shared->task_points * w->shared->n_classes * sp_image_n_tau(w);
  SP_TRY(sp_calloc(traces, sizeof *in->traces, "a batch", &in->traces));
  SP_TRY(sp_calloc(traces * n, sizeof(float), "an input buffer", &in->samples));
  SP_TRY(sp_calloc(SP_PSTM_BATCH, sizeof *in->positions, "a batch", &in->positions));
  SP_TRY(sp_calloc(w->site->plan->shape.task_units, sizeof *in->absent, "a batch", &in->absent));
  SP_TRY(sp_calloc(image, sizeof(float), "image points", &in->image));
  SP_TRY(sp_calloc(image, sizeof(uint32_t), "image points", &in->hits));
  w->site->buffers += traces * n * sizeof(float) + image * 8;
  return SP_SUCCESS;
}

/* Apertures by tau: v_max tau tan(max_dip) / 2. */
static sp_status set_apertures(sp_image_worker *w) {
  const uint32_t n = sp_image_n_tau(w);
  float *least = NULL, *most = NULL;
  if (!w->shared->by_tau) return SP_SUCCESS;
  SP_TRY(sp_alloc(n * sizeof(double), "apertures", &w->apertures));
  sp_status status = sp_alloc(n * sizeof(float), "velocities", &least);
  if (status == SP_SUCCESS) status = sp_alloc(n * sizeof(float), "velocities", &most);
  if (status == SP_SUCCESS) sp_velocity_model_range(w->model, least, most);
  for (uint32_t i = 0; status == SP_SUCCESS && i < n; i++) {
    const double tau = w->shared->config.grid.tau_0 + i * w->shared->config.grid.d_tau;
    w->apertures[i] = (double)most[i] * tau * tan(w->shared->config.max_dip * M_PI / 180) / 2;
  }
  sp_free(least);
  sp_free(most);
  return status;
}

/* The GPU of this worker. All workers compute on the same kind, since the bits of the two differ. Collective. */
static sp_status choose_gpu(const sp_image_worker *w, sp_gpu *gpu) {
  const int engine = w->site->plan->job->settings.engine;
  sp_gpu_choose(w->site->roles, engine, gpu);
  int have = gpu->module != NULL;
  SP_MPI_ALL(MPI_Allreduce(MPI_IN_PLACE, &have, 1, MPI_INT, MPI_MIN, w->peers.comm));
  if (!have) *gpu = (sp_gpu){.device = -1};
  if (have || engine != SP_ENGINE_CUDA) return SP_SUCCESS;
  return w->peers.rank
             ? SP_ERR_USAGE
             : SP_RAISE(SP_ERR_USAGE, "engine: cuda: not all workers have a GPU, and GPU and CPU give other bits");
}

static sp_status create(sp_image_worker *w, const sp_gpu *gpu) {
  const sp_pstm_params *p = sp_image_params(w->site->plan->job);
  const uint64_t share = tile_columns(w) / (uint64_t)w->group.size + 1;
  SP_TRY(sp_trace_source_open(w->survey, "/traces", &w->source));
  SP_TRY(sp_image_model(p, &w->shared->config.grid, &w->shared->numbers, &w->model));
  SP_TRY(set_apertures(w));
  SP_TRY(sp_image_engine_create(w->shared, w->site->n_threads, gpu, &w->engine));
  SP_TRY(sp_thread_team_create(1, &w->driver));
  SP_TRY(sp_calloc(share * sp_image_n_tau(w), sizeof *w->sum, "the sums of a share", &w->sum));
  SP_TRY(sp_calloc(share * sp_image_n_tau(w), sizeof *w->hits, "the hits of a share", &w->hits));
  SP_TRY(sp_thread_team_create(1, &w->writer));
  SP_TRY(sp_calloc(sp_image_bits_bytes(w->shared), 1, "the batches of a phase", &w->bits));
  for (int i = 0; i < SP_IMAGE_INPUTS; i++) SP_TRY(create_input(w, &w->inputs[i]));
  w->site->engine = sp_gpu_name(gpu);
  return SP_SUCCESS;
}

/* No two runs on a file have the same. */
static uint64_t run_number(void) {
  return (uint64_t)(1e9 * sp_wall_clock());
}

/* The first of the peers makes the file; then all open it. */
static sp_status open_state(sp_image_worker *w, const sp_gpu *gpu) {
  sp_image_head head;
  const char *part = w->site->part_path;
  sp_status status = SP_SUCCESS;
  if (w->peers.rank == 0) status = sp_image_state_open(w->shared, part, true, &w->state, &w->head);
  SP_AGREE(w->peers.comm, status);
  w->head.run = run_number();
  if (w->peers.rank) status = sp_image_state_open(w->shared, part, false, &w->state, &head);
  SP_AGREE(w->peers.comm, status);
  SP_MPI_ALL(MPI_Bcast(&w->head, sizeof w->head, MPI_BYTE, 0, w->peers.comm));
  const uint32_t engine = gpu->module && gpu->module != &sp_mock_module; /* a mock gives the bits of the CPU */
  if (w->head.sequence && w->head.engine != engine) {
    static const char *const names[] = {"CPU", "GPU"};
    return w->peers.rank
               ? SP_ERR_USAGE
               : SP_RAISE(
                     SP_ERR_USAGE,
                     "%s was begun on the %s and cannot go on on the %s, whose bits differ; set engine, or --restart",
                     w->site->plan->job->output, names[w->head.engine & 1], names[engine]);
  }
  w->head.engine = engine;
  w->head.model_crc = w->shared->model_crc;
  return SP_SUCCESS;
}

void sp_image_close(void *worker_) {
  sp_image_worker *w = worker_;
  if (!w) return;
  sp_thread_team_destroy(w->driver);
  sp_thread_team_destroy(w->writer);
  sp_image_engine_destroy(w->engine);
  for (int i = 0; i < SP_IMAGE_INPUTS; i++) {
    sp_image_input *in = &w->inputs[i];
    sp_free(in->traces);
    sp_free(in->samples);
    sp_free(in->positions);
    sp_free(in->absent);
    sp_free(in->image);
    sp_free(in->hits);
  }
  sp_free(w->sum);
  sp_free(w->hits);
  sp_free(w->bits);
  sp_free(w->apertures);
  sp_velocity_model_destroy(w->model);
  sp_image_state_close(w->state);
  sp_trace_source_close(w->source);
  sp_survey_close(w->survey);
  sp_ranks_free(&w->group);
  sp_free(w);
}

/* The workers that share a tile with this one. Collective over peers. */
static void split_group(sp_image_worker *w) {
  MPI_Comm comm;
  w->group_number = sp_image_group_of(w->shared, w->peers.size, w->peers.rank);
  SP_MPI_ALL(MPI_Comm_split(w->peers.comm, (int)w->group_number, w->peers.rank, &comm));
  w->group = sp_ranks_of(comm);
}

sp_status sp_image_open(sp_flow_site *site, void **out) {
  sp_image_worker *w = NULL;
  sp_gpu gpu;
  SP_ALIKE(sp_calloc_together(site->roles->peers.comm, 1, sizeof *w, "a worker", &w));
  w->site = site;
  w->shared = sp_image_shared_of(site->plan);
  w->peers = site->roles->peers;
  split_group(w);
  sp_status status = sp_agree(w->peers.comm, sp_survey_open_input(w->peers.comm, site->plan->job, NULL, &w->survey));
  if (status == SP_SUCCESS) status = sp_agree(w->peers.comm, choose_gpu(w, &gpu));
  if (status == SP_SUCCESS) status = sp_agree(w->peers.comm, create(w, &gpu));
  if (status == SP_SUCCESS) sp_image_engine_join(w->engine, &w->group, &gpu);
  if (status == SP_SUCCESS) status = sp_agree(w->peers.comm, open_state(w, &gpu));
  if (status == SP_SUCCESS) {
    *out = w;
  } else {
    sp_image_close(w);
  }
  return status;
}

/* --- a task ------------------------------------------------------------------------------------------------------- */

/* Traces that follow each other in the survey are read at once. One that cannot be read is absent. */
static void read_traces(sp_image_worker *w, sp_image_input *in) {
  const uint32_t n = in->task.n_traces, n_samples = w->shared->config.n_samples;
  const double reach = w->shared->config.aperture;
  for (uint32_t i = 0; i < n; i++) {
    sp_pstm_trace *t = &in->traces[i].position;
    if (w->now.kind == SP_IMAGE_SUM && t->area > 0 && sp_pstm_distance(&w->shared->config, &w->tile, t) > reach)
      t->area = 0;
  }
  for (uint32_t i = 0, next; i < n; i = next) {
    next = i + 1;
    if (!(in->traces[i].position.area > 0)) continue;
    while (next < n && in->traces[next].position.area > 0 && in->traces[next].number == in->traces[next - 1].number + 1)
      next++;
    float *to = in->samples + (size_t)i * n_samples;
    if (sp_trace_source_read_independent(w->source, in->traces[i].number, next - i, to) == SP_SUCCESS) continue;
    for (uint32_t k = i; k < next; k++) {
      if (sp_trace_source_read_independent(w->source, in->traces[k].number, 1, in->samples + (size_t)k * n_samples) ==
          SP_SUCCESS)
        continue;
      in->traces[k].position.area = 0;
      in->absent[k / SP_PSTM_BATCH].bad++;
    }
  }
}

/* Image points of all classes from the state file. */
static sp_status read_points(sp_image_worker *w, sp_image_input *in) {
  const uint32_t n_classes = w->shared->n_classes, n_tau = sp_image_n_tau(w);
  for (uint32_t p = 0; p < in->task.n_units; p++) {
    const uint64_t point = in->task.first_unit - w->now.first_unit + p;
    for (uint32_t c = 0; c < n_classes; c++) {
      const size_t at = ((size_t)p * n_classes + c) * n_tau;
      SP_TRY(sp_image_state_read_point(w->state, c, point, in->image + at, in->hits + at));
    }
  }
  return SP_SUCCESS;
}

sp_status sp_image_read(void *worker_, int k, const sp_task *task, const void *payload) {
  sp_image_worker *w = worker_;
  sp_image_input *in = &w->inputs[k];
  const double start = sp_now();
  sp_status status = SP_SUCCESS;
  sp_activity_set(w->site->activity, "reads");
  in->task = *task;
  memset(in->absent, 0, task->n_units * sizeof *in->absent);
  if (w->now.kind == SP_IMAGE_WRITE) {
    status = read_points(w, in);
  } else {
    memcpy(in->traces, payload, task->payload_bytes);
    read_traces(w, in);
  }
  sp_stage_add(w->site->times, SP_STAGE_READ, sp_now() - start,
               (uint64_t)task->n_traces * w->shared->config.n_samples * sizeof(float));
  return status;
}

/* By the driver. */
static void compute(void *context, int thread, uint64_t which) {
  sp_image_worker *w = context;
  sp_image_input *in = &w->inputs[which];
  const uint32_t n_samples = w->shared->config.n_samples;
  in->status = SP_SUCCESS;
  for (uint32_t b = 0; b < in->task.n_units && in->status == SP_SUCCESS; b++) {
    float *samples = in->samples + (size_t)b * SP_PSTM_BATCH * n_samples;
    uint32_t reached = 0;
    for (uint32_t i = 0; i < SP_PSTM_BATCH; i++) {
      in->positions[i] = in->traces[b * SP_PSTM_BATCH + i].position;
      reached += in->positions[i].area > 0;
      if (!(in->positions[i].area > 0)) memset(samples + (size_t)i * n_samples, 0, n_samples * sizeof(float));
    }
    if (reached == 0) continue;
    if (w->now.kind == SP_IMAGE_PEAK) {
      uint32_t at;
      const double peak = sp_image_engine_peak(w->engine, samples, SP_PSTM_BATCH, &in->absent[b], &at);
      if (peak > w->peak) w->peak = peak, w->strongest = in->traces[b * SP_PSTM_BATCH + at].number;
    } else {
      in->status = sp_image_engine_add(w->engine, in->positions, samples, SP_PSTM_BATCH, &in->absent[b]);
    }
  }
}

static void compute_zero(void *context, int thread, uint64_t item) {
  compute(context, thread, 0);
}

static void compute_one(void *context, int thread, uint64_t item) {
  compute(context, thread, 1);
}

/* Rows of a task's points go into a slot of the window. */
static void fill_slot(sp_image_worker *w, sp_image_input *in) {
  sp_node_window *window = w->site->window;
  const size_t rows = (size_t)in->task.n_units * w->shared->n_classes, row = sp_image_n_tau(w) * sizeof(float);
  const size_t gather = w->shared->n_classes * row;
  sp_activity_set(w->site->activity, "waits for the I/O rank to free a slot");
  sp_slot *slot = sp_node_window_claim(window);
  const uint64_t first_row = (in->task.first_unit - w->now.first_unit) * w->shared->n_classes;
  slot->page_offset = (uint32_t)sp_row_page_offset(first_row, row);
  slot->task = in->task.id;
  slot->first_unit = in->task.first_unit;
  slot->n_units = in->task.n_units;
  slot->n_boxes = 1;
  *sp_slot_boxes(window, slot) = (sp_box){.first_row = first_row, .n_rows = (uint32_t)rows};
  memcpy(sp_slot_rows(window, slot, 0), in->image, rows * row);
  if (w->shared->hits) memcpy(sp_slot_rows(window, slot, 1), in->hits, rows * row);
  sp_gather_result *results = sp_slot_figures(window, slot);
  for (uint32_t p = 0; p < in->task.n_units; p++) {
    results[p] = (sp_gather_result){.crc_traces = sp_crc32c(0, (const char *)in->image + p * gather, gather),
                                    .reason = w->shared->reached ? SP_REASON_OK : SP_REASON_DEAD};
  }
  SP_FAULT_POINT("before_slot_full");
  sp_slot_set_full(slot, true);
}

sp_status sp_image_submit(void *worker_, int k) {
  sp_image_worker *w = worker_;
  if (w->now.kind == SP_IMAGE_WRITE) {
    fill_slot(w, &w->inputs[k]);
  } else {
    sp_thread_team_start(w->driver, 1, 1, k ? compute_one : compute_zero, w);
  }
  return SP_SUCCESS;
}

sp_status sp_image_finish(void *worker_, int k, uint32_t *n_slots, void *figures) {
  sp_image_worker *w = worker_;
  sp_image_input *in = &w->inputs[k];
  sp_gather_result *results = figures;
  const double start = sp_now();
  *n_slots = w->now.kind == SP_IMAGE_WRITE;
  if (*n_slots) return SP_SUCCESS;
  sp_activity_set(w->site->activity, "computes");
  sp_thread_team_wait(w->driver);
  sp_stage_add(w->site->times, SP_STAGE_COMPUTE, sp_now() - start,
               (uint64_t)in->task.n_traces * w->shared->config.n_samples * sizeof(float));
  for (uint32_t b = 0; b < in->task.n_units; b++) {
    const uint64_t unit = in->task.first_unit - w->now.first_unit + b;
    w->bits[unit / 8] |= (uint8_t)(1u << (unit % 8));
    if (in->absent[b].dead) results[b].reason = SP_REASON_DEAD_TRACES;
    if (in->absent[b].bad) results[b].reason = SP_REASON_BAD_TRACES;
  }
  return in->status;
}

double sp_image_busy_s(const void *worker_) {
  return sp_image_engine_busy(((const sp_image_worker *)worker_)->engine);
}
