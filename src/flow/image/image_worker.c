/* The image flow on a worker: reads the traces of batches and sums them while the next are read; meets the others to
 * add up and write snapshots and images; at last copies image points to the output. */
#include <math.h>
#include <string.h>

#include "seisproc/crc32c.h"
#include "seisproc/dist.h"
#include "seisproc/engine.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/row_writer.h"
#include "seisproc/trace_store.h"
#include "src/base/fault.h"
#include "src/flow/image/image_engine.h"
#include "src/flow/image/image_state.h"

enum { INPUTS = 2, REDUCE_VALUES = 1 << 22 };

/* A task's input: one is computed while the other is read. */
typedef struct input {
  sp_task task;
  sp_image_trace *traces; /* [task_traces] */
  float *samples;         /* [task_traces][n_samples] */
  float *image;           /* [task_points][n_classes][n_tau] */
  uint32_t *hits;         /* the same */
  sp_pstm_trace *places;  /* [SP_PSTM_BATCH] */
  uint32_t *absent;       /* [task_units] */
  sp_status status;       /* of what was computed */
} input;

typedef struct worker {
  sp_flow_site *site;
  const sp_image_shared *shared;
  MPI_Comm peers;
  int rank, size; /* among peers */
  sp_survey *survey;
  sp_trace_source *source;
  sp_velocity_model *model;
  double *apertures; /* [n_tau]; NULL: not by tau */
  sp_image_engine *engine;
  sp_thread_team *driver; /* of one thread: computes while this one reads */
  sp_image_state *state;
  sp_image_head head;
  input inputs[INPUTS];
  /* the phase */
  sp_image_phase now;
  sp_pstm_tile tile;
  uint64_t first_column, end_column; /* this worker's share of the tile */
  int64_t *sum;                      /* [share][n_tau]: of all workers, up to the last sync */
  uint32_t *hits;
  uint8_t *bits; /* batches since the phase began; on rank 0 of the peers with those of the snapshot */
  double peak;
} worker;

/* --- making and unmaking ------------------------------------------------------------------------------------------ */

static uint32_t n_tau_of(const worker *w) {
  return w->shared->config.grid.n_tau;
}

static uint64_t tile_columns(const worker *w) {
  return (uint64_t)w->shared->tile_n[0] * w->shared->tile_n[1];
}

static sp_status create_input(worker *w, input *in) {
  const size_t traces = SP_IMAGE_TASK_BATCHES * SP_PSTM_BATCH, n = w->shared->config.n_samples;
  const size_t image = (size_t)w->shared->task_points * w->shared->n_classes * n_tau_of(w);
  SP_TRY(sp_calloc(traces, sizeof *in->traces, "a batch", (void **)&in->traces));
  SP_TRY(sp_calloc(traces * n, sizeof(float), "an input buffer", (void **)&in->samples));
  SP_TRY(sp_calloc(SP_PSTM_BATCH, sizeof *in->places, "a batch", (void **)&in->places));
  SP_TRY(sp_calloc(w->site->plan->shape.task_units, sizeof *in->absent, "a batch", (void **)&in->absent));
  SP_TRY(sp_calloc(image, sizeof(float), "image points", (void **)&in->image));
  SP_TRY(sp_calloc(image, sizeof(uint32_t), "image points", (void **)&in->hits));
  w->site->buffers += traces * n * sizeof(float) + image * 8;
  return SP_SUCCESS;
}

/* Apertures by tau: v_max tau tan(max_dip) / 2. */
static sp_status set_apertures(worker *w) {
  const uint32_t n = n_tau_of(w);
  float *least = NULL, *most = NULL;
  if (!w->shared->by_tau) return SP_SUCCESS;
  SP_TRY(sp_alloc(n * sizeof(double), "apertures", (void **)&w->apertures));
  sp_status status = sp_alloc(n * sizeof(float), "velocities", (void **)&least);
  if (status == SP_SUCCESS) status = sp_alloc(n * sizeof(float), "velocities", (void **)&most);
  if (status == SP_SUCCESS) sp_velocity_model_range(w->model, least, most);
  for (uint32_t i = 0; status == SP_SUCCESS && i < n; i++) {
    const double tau = w->shared->config.grid.tau_0 + i * w->shared->config.grid.d_tau;
    w->apertures[i] = (double)most[i] * tau * tan(w->shared->config.max_dip * M_PI / 180) / 2;
  }
  sp_free(least);
  sp_free(most);
  return status;
}

/* The GPU of this worker; -1: the CPU. All workers compute on the same kind, since the bits of the two differ. */
static sp_status choose_device(const worker *w, int *device) {
  const int engine = w->site->plan->job->settings.engine;
  const int n = engine == SP_ENGINE_AUTO || engine == SP_ENGINE_CUDA ? sp_gpu_count(NULL, 0) : 0;
  const sp_roles *roles = w->site->roles;
  int before = 0, have = n > 0;
  for (int r = 0; r < roles->size; r++) {
    const sp_member *m = &roles->members[r], *self = sp_roles_self(roles);
    before += m->role == SP_ROLE_WORKER && m->node == self->node && m->index < self->index;
  }
  SP_MPI_ALL(MPI_Allreduce(MPI_IN_PLACE, &have, 1, MPI_INT, MPI_MIN, w->peers));
  *device = have ? before % n : -1;
  if (have || engine != SP_ENGINE_CUDA) return SP_SUCCESS;
  return w->rank ? SP_ERR_USAGE
                 : SP_RAISE(SP_ERR_USAGE, "engine: cuda: not all workers have a GPU, and GPU and CPU give other bits");
}

static sp_status create(worker *w, int device) {
  const sp_pstm_params *p = sp_image_params(w->site->plan->job);
  const uint64_t share = tile_columns(w) / (uint64_t)w->size + 1;
  SP_TRY(sp_trace_source_open(w->survey, "/traces", &w->source));
  SP_TRY(sp_image_model(p, &w->shared->config.grid, &w->shared->numbers, &w->model));
  SP_TRY(set_apertures(w));
  SP_TRY(sp_image_engine_create(w->shared, w->site->n_threads, device, &w->engine));
  SP_TRY(sp_thread_team_create(1, &w->driver));
  SP_TRY(sp_calloc(share * n_tau_of(w), sizeof *w->sum, "the sums of a share", (void **)&w->sum));
  SP_TRY(sp_calloc(share * n_tau_of(w), sizeof *w->hits, "the hits of a share", (void **)&w->hits));
  SP_TRY(sp_calloc(w->shared->n_batches / 8 + 1, 1, "the batches of a phase", (void **)&w->bits));
  for (int i = 0; i < INPUTS; i++) SP_TRY(create_input(w, &w->inputs[i]));
  w->site->engine = device >= 0 ? "cuda" : "cpu";
  return SP_SUCCESS;
}

/* The first of the peers makes the file; then all open it. */
static sp_status open_state(worker *w, int device) {
  sp_image_head head;
  const char *part = w->site->part_path;
  sp_status status = SP_SUCCESS;
  if (w->rank == 0) status = sp_image_state_open(w->shared, part, true, &w->state, &w->head);
  SP_AGREE(w->peers, status);
  if (w->rank) status = sp_image_state_open(w->shared, part, false, &w->state, &head);
  SP_AGREE(w->peers, status);
  SP_MPI_ALL(MPI_Bcast(&w->head, sizeof w->head, MPI_BYTE, 0, w->peers));
  const uint32_t engine = device >= 0;
  if (w->head.sequence && w->head.engine != engine) {
    static const char *const names[] = {"CPU", "GPU"};
    return w->rank
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
  worker *w = worker_;
  if (!w) return;
  sp_thread_team_destroy(w->driver);
  sp_image_engine_destroy(w->engine);
  for (int i = 0; i < INPUTS; i++) {
    input *in = &w->inputs[i];
    sp_free(in->traces);
    sp_free(in->samples);
    sp_free(in->places);
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
  sp_free(w);
}

sp_status sp_image_open(sp_flow_site *site, void **out) {
  worker *w = NULL;
  int device = -1;
  SP_AGREE(site->roles->peers, sp_calloc(1, sizeof *w, "a worker", (void **)&w));
  w->site = site;
  w->shared = sp_image_shared_of(site->plan);
  w->peers = site->roles->peers;
  MPI_Comm_rank(w->peers, &w->rank);
  MPI_Comm_size(w->peers, &w->size);
  sp_status status = sp_agree(w->peers, sp_survey_open(w->peers, site->plan->job->input, false, &w->survey));
  if (status == SP_SUCCESS) status = sp_agree(w->peers, choose_device(w, &device));
  if (status == SP_SUCCESS) status = sp_agree(w->peers, create(w, device));
  if (status == SP_SUCCESS) status = sp_agree(w->peers, open_state(w, device));
  if (status == SP_SUCCESS) {
    *out = w;
  } else {
    sp_image_close(w);
  }
  return status;
}

/* --- a task ------------------------------------------------------------------------------------------------------- */

/* Traces that follow each other in the survey are read at once. One that cannot be read is absent. */
static void read_traces(worker *w, input *in) {
  const uint32_t n = in->task.n_traces, n_samples = w->shared->config.n_samples;
  const double reach = w->shared->config.aperture;
  for (uint32_t i = 0; i < n; i++) {
    sp_pstm_trace *t = &in->traces[i].place;
    if (w->now.step == SP_IMAGE_SUM && t->area > 0 && sp_pstm_distance(&w->shared->config, &w->tile, t) > reach)
      t->area = 0;
  }
  for (uint32_t i = 0, next; i < n; i = next) {
    next = i + 1;
    if (!(in->traces[i].place.area > 0)) continue;
    while (next < n && in->traces[next].place.area > 0 && in->traces[next].number == in->traces[next - 1].number + 1)
      next++;
    float *to = in->samples + (size_t)i * n_samples;
    if (sp_trace_source_read_independent(w->source, in->traces[i].number, next - i, to) == SP_SUCCESS) continue;
    for (uint32_t k = i; k < next; k++) {
      if (sp_trace_source_read_independent(w->source, in->traces[k].number, 1, in->samples + (size_t)k * n_samples) ==
          SP_SUCCESS)
        continue;
      in->traces[k].place.area = 0;
      in->absent[k / SP_PSTM_BATCH]++;
    }
  }
}

/* Image points of all classes from the state file. */
static sp_status read_points(worker *w, input *in) {
  const uint32_t n_classes = w->shared->n_classes, n_tau = n_tau_of(w);
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
  worker *w = worker_;
  input *in = &w->inputs[k];
  const double start = sp_now();
  sp_status status = SP_SUCCESS;
  sp_activity_set(w->site->activity, "reads");
  in->task = *task;
  memset(in->absent, 0, task->n_units * sizeof *in->absent);
  if (w->now.step == SP_IMAGE_WRITE) {
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
  worker *w = context;
  input *in = &w->inputs[which];
  const uint32_t n_samples = w->shared->config.n_samples;
  in->status = SP_SUCCESS;
  for (uint32_t b = 0; b < in->task.n_units && in->status == SP_SUCCESS; b++) {
    float *samples = in->samples + (size_t)b * SP_PSTM_BATCH * n_samples;
    uint32_t reached = 0;
    for (uint32_t i = 0; i < SP_PSTM_BATCH; i++) {
      in->places[i] = in->traces[b * SP_PSTM_BATCH + i].place;
      reached += in->places[i].area > 0;
      if (!(in->places[i].area > 0)) memset(samples + (size_t)i * n_samples, 0, n_samples * sizeof(float));
    }
    if (reached == 0) continue;
    if (w->now.step == SP_IMAGE_PEAK) {
      w->peak = fmax(w->peak, sp_image_engine_peak(w->engine, samples, SP_PSTM_BATCH, &in->absent[b]));
    } else {
      in->status = sp_image_engine_add(w->engine, in->places, samples, SP_PSTM_BATCH, &in->absent[b]);
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
static void hand_over(worker *w, input *in) {
  sp_node_window *window = w->site->window;
  const size_t rows = (size_t)in->task.n_units * w->shared->n_classes, row = n_tau_of(w) * sizeof(float);
  const size_t gather = w->shared->n_classes * row;
  sp_activity_set(w->site->activity, "waits for the I/O rank to free a slot");
  sp_slot *slot = sp_node_window_claim(window);
  const uint64_t first_row = (in->task.first_unit - w->now.first_unit) * w->shared->n_classes;
  slot->page_offset = (uint32_t)sp_row_phase(first_row, row);
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
  SP_FAULT_POINT("before_hand_over");
  sp_slot_set_full(slot, true);
}

sp_status sp_image_submit(void *worker_, int k) {
  worker *w = worker_;
  if (w->now.step == SP_IMAGE_WRITE) {
    hand_over(w, &w->inputs[k]);
  } else {
    sp_thread_team_start(w->driver, 1, 1, k ? compute_one : compute_zero, w);
  }
  return SP_SUCCESS;
}

sp_status sp_image_finish(void *worker_, int k, uint32_t *n_slots, void *figures) {
  worker *w = worker_;
  input *in = &w->inputs[k];
  sp_gather_result *results = figures;
  const double start = sp_now();
  *n_slots = w->now.step == SP_IMAGE_WRITE;
  if (*n_slots) return SP_SUCCESS;
  sp_activity_set(w->site->activity, "computes");
  sp_thread_team_wait(w->driver);
  sp_stage_add(w->site->times, SP_STAGE_COMPUTE, sp_now() - start,
               (uint64_t)in->task.n_traces * w->shared->config.n_samples * sizeof(float));
  for (uint32_t b = 0; b < in->task.n_units; b++) {
    const uint64_t unit = in->task.first_unit - w->now.first_unit + b;
    w->bits[unit / 8] |= (uint8_t)(1u << (unit % 8));
    if (in->absent[b]) results[b].reason = SP_REASON_DEAD_TRACES;
  }
  return in->status;
}

double sp_image_busy_s(const void *worker_) {
  return sp_image_engine_busy(((const worker *)worker_)->engine);
}

/* --- phases ------------------------------------------------------------------------------------------------------- */

static sp_status load_share(worker *w, int snapshot) {
  const size_t n_tau = n_tau_of(w);
  const size_t n = (size_t)(w->end_column - w->first_column);
  memset(w->sum, 0, n * n_tau * sizeof *w->sum);
  memset(w->hits, 0, n * n_tau * sizeof *w->hits);
  for (size_t c = 0; snapshot >= 0 && c < n; c++) {
    SP_TRY(sp_image_state_read_sums(w->state, snapshot, w->first_column + c, w->sum + c * n_tau, w->hits + c * n_tau));
  }
  return SP_SUCCESS;
}

static sp_status begin_sum(worker *w, int snapshot) {
  const sp_image_shared *s = w->shared;
  const struct sp_image_class *k = &s->classes[w->now.class_number];
  const double peak = isnan(s->peak) ? w->head.peak : s->peak;
  sp_pstm_sums scale = {0};
  w->tile = sp_image_tile(s, w->now.tile);
  const uint64_t columns = (uint64_t)w->tile.n[0] * w->tile.n[1];
  w->first_column = columns * (uint64_t)w->rank / (uint64_t)w->size;
  w->end_column = columns * ((uint64_t)w->rank + 1) / (uint64_t)w->size;
  sp_pstm_sums_scale(&s->config, k->n_traces, peak, k->area, (double)s->least_velocity, s->latest_s, &scale);
  SP_TRY(sp_image_engine_tile(w->engine, w->model, w->apertures, &w->tile, scale.shift, scale.limit));
  return load_share(w, snapshot);
}

sp_status sp_image_begin_phase(void *worker_, uint32_t phase, const void *payload) {
  worker *w = worker_;
  sp_image_begin begin;
  sp_status status = SP_SUCCESS;
  memcpy(&begin, payload, sizeof begin);
  w->now = sp_image_phase_at(w->shared, phase);
  memset(w->bits, 0, w->shared->n_batches / 8 + 1);
  w->peak = begin.snapshot >= 0 ? w->head.peak : 0;
  if (w->now.step == SP_IMAGE_SUM) status = begin_sum(w, begin.snapshot);
  if (status == SP_SUCCESS && w->rank == 0 && begin.snapshot >= 0 && w->now.step != SP_IMAGE_WRITE) {
    status = sp_image_state_read_bits(w->state, begin.snapshot, w->bits, w->now.n_units);
  }
  return sp_agree(w->peers, status);
}

/* Adds up all workers' sums of columns first ... end - 1 on the one whose share they are. */
static sp_status reduce_share(worker *w, int root, uint64_t first, uint64_t end, int64_t *sum, uint32_t *hits) {
  const size_t n_tau = n_tau_of(w);
  for (uint64_t at = first * n_tau; at < end * n_tau; at += REDUCE_VALUES) {
    const uint64_t left = end * n_tau - at;
    const int n = (int)(left < REDUCE_VALUES ? left : REDUCE_VALUES);
    const bool own = root == w->rank;
    SP_MPI_ALL(MPI_Reduce(own ? MPI_IN_PLACE : (void *)(sum + at), own ? sum + at : NULL, n, MPI_INT64_T, MPI_SUM, root,
                          w->peers));
    SP_MPI_ALL(MPI_Reduce(own ? MPI_IN_PLACE : (void *)(hits + at), own ? hits + at : NULL, n, MPI_UINT32_T, MPI_SUM,
                          root, w->peers));
    for (int i = 0; own && i < n; i++) {
      w->sum[at - w->first_column * n_tau + (uint64_t)i] += sum[at + (uint64_t)i];
      w->hits[at - w->first_column * n_tau + (uint64_t)i] += hits[at + (uint64_t)i];
    }
  }
  return SP_SUCCESS;
}

static sp_status reduce(worker *w) {
  int64_t *sum;
  uint32_t *hits;
  const uint64_t columns = (uint64_t)w->tile.n[0] * w->tile.n[1];
  SP_AGREE(w->peers, sp_image_engine_sums(w->engine, &sum, &hits));
  for (int r = 0; r < w->size; r++) {
    SP_ALIKE(reduce_share(w, r, columns * (uint64_t)r / (uint64_t)w->size,
                          columns * ((uint64_t)r + 1) / (uint64_t)w->size, sum, hits));
  }
  SP_AGREE(w->peers, sp_image_engine_clear(w->engine));
  return SP_SUCCESS;
}

static sp_status write_snapshot(worker *w, int snapshot) {
  const size_t n_tau = n_tau_of(w);
  for (uint64_t c = w->first_column; c < w->end_column && w->now.step == SP_IMAGE_SUM; c++) {
    const size_t at = (size_t)(c - w->first_column) * n_tau;
    SP_TRY(sp_image_state_write_sums(w->state, snapshot, c, w->sum + at, w->hits + at));
  }
  if (w->rank == 0) SP_TRY(sp_image_state_write_bits(w->state, snapshot, w->bits, w->now.n_units));
  return sp_image_state_sync(w->state);
}

/* The image of this worker's share, once all batches are in. */
static sp_status write_image(worker *w) {
  const size_t n_tau = n_tau_of(w);
  const struct sp_image_class *k = &w->shared->classes[w->now.class_number];
  const double peak = isnan(w->shared->peak) ? w->head.peak : w->shared->peak;
  sp_pstm_sums sums = {0};
  float *image = w->inputs[0].image;
  sp_pstm_sums_scale(&w->shared->config, k->n_traces, peak, k->area, (double)w->shared->least_velocity,
                     w->shared->latest_s, &sums);
  for (uint64_t c = w->first_column; c < w->end_column; c++) {
    const size_t at = (size_t)(c - w->first_column) * n_tau;
    const uint64_t ix = w->tile.first[0] + c % w->tile.n[0], iy = w->tile.first[1] + c / w->tile.n[0];
    sums.sum = w->sum + at;
    sums.hits = w->hits + at;
    sp_pstm_sums_finish(&sums, n_tau, w->shared->normalize == SP_PSTM_BY_HITS, image);
    SP_TRY(sp_image_state_write_point(w->state, w->now.class_number, iy * w->shared->config.grid.n[0] + ix, image,
                                      w->hits + at));
  }
  return sp_image_state_sync(w->state);
}

/* Data first, then the head that speaks of it. */
static sp_status make_durable(worker *w, uint32_t phase, bool ends) {
  sp_image_head head = w->head;
  const int next = w->head.snapshot == 0;
  if (w->now.step == SP_IMAGE_SUM) SP_ALIKE(reduce(w));
  SP_MPI_ALL(MPI_Allreduce(MPI_IN_PLACE, &w->peak, 1, MPI_DOUBLE, MPI_MAX, w->peers));
  uint8_t *bits = w->bits;
  const int n_bytes = (int)((w->now.n_units + 7) / 8);
  SP_MPI_ALL(MPI_Reduce(w->rank ? (void *)bits : MPI_IN_PLACE, w->rank ? NULL : bits, n_bytes, MPI_BYTE, MPI_BOR, 0,
                        w->peers));
  sp_status status;
  if (ends && w->now.step == SP_IMAGE_SUM) {
    status = write_image(w);
  } else {
    status = write_snapshot(w, next);
  }
  SP_FAULT_POINT("snapshot_written");
  SP_AGREE(w->peers, status);
  head.sequence++;
  head.n_complete = ends ? phase + 1 : phase;
  head.snapshot = ends ? -1 : next;
  head.n_units = ends ? 0 : w->now.n_units;
  if (w->now.step == SP_IMAGE_PEAK) head.peak = w->peak;
  if (w->rank == 0) status = sp_image_state_write_head(w->state, &head);
  SP_FAULT_POINT("snapshot_named");
  w->head = head;
  return sp_agree(w->peers, status);
}

sp_status sp_image_sync(void *worker_, uint32_t phase, bool ends) {
  worker *w = worker_;
  const double start = sp_now();
  sp_status status = SP_SUCCESS;
  uint64_t bytes = 0;
  if (w->now.step != SP_IMAGE_WRITE) {
    if (w->now.step == SP_IMAGE_SUM) bytes = (w->end_column - w->first_column) * n_tau_of(w) * 12;
    status = make_durable(w, phase, ends);
  } else if (ends && w->shared->stack) { /* the rows are in the output */
    status = sp_image_stack_make(w->site->plan, w->site->part_path, w->peers, w->site->activity);
  }
  sp_stage_add(w->site->times, SP_STAGE_WRITE, sp_now() - start, bytes);
  return status;
}
