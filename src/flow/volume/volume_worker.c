/* SPDX-License-Identifier: BSD-3-Clause */
/* The volume flow on a worker: a cube is read, filtered and handed over in one go, by all workers of a team together.
 *
 * Each reads its share of the cube's traces in slabs while its threads transform the slab before; after the exchange it
 * goes through them again, slab by slab, into slots of the node's window. Where a cube's traces do not fit beside its
 * spectra they are read a second time. A trace that cannot be read, or holds no number, is absent: no worker leaves the
 * others alone in a collective for it. */
#include <string.h>

#include "seisproc/crc32c.h"
#include "seisproc/dist.h"
#include "seisproc/engine.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/row_writer.h"
#include "seisproc/trace_store.h"
#include "src/base/fault.h"
#include "src/flow/volume/volume_flow.h"
#include "src/flow/volume/volume_gpus.h"

typedef struct worker {
  sp_flow_site *site;
  const sp_flow_plan *plan;
  const sp_flow_shape *shape;
  const sp_volume_shared *shared;
  sp_survey *survey;
  sp_trace_source *traces;
  sp_dataset *trid; /* NULL: all traces are seismic */
  void *trid_rows;
  double *trid_values; /* [slab_rows] */
  sp_thread_team *team;
  sp_task tasks[2];
  uint32_t n_slots[2]; /* handed over for the task */
  float *slabs[2];     /* [slab_rows][n_samples]: read, and transformed */
  float *kept;         /* [share of the largest cube][n_samples], or NULL */
  float *removed;      /* [slab_rows][n_samples] */
  uint8_t *unreadable; /* [share of the largest cube] */
  uint8_t *skipped;    /* [share of the largest cube]: not seismic, absent */
  sp_volume_gpus gpus;
  /* of the cube in hand */
  const sp_volume_cube *cube;
  sp_cube_filter *filter;
  sp_share share; /* of its traces; items without one are the filter's business */
  sp_reason set_aside;
} worker;

/* --- making and unmaking ------------------------------------------------------------------------------------------ */

void sp_volume_close(void *worker_) {
  worker *w = worker_;
  if (!w) return;
  sp_thread_team_destroy(w->team);
  sp_volume_gpus_leave(&w->gpus);
  for (int i = 0; i < 2; i++) sp_free(w->slabs[i]);
  sp_free(w->kept);
  sp_free(w->removed);
  sp_free(w->unreadable);
  sp_free(w->skipped);
  sp_free(w->trid_rows);
  sp_free(w->trid_values);
  sp_dataset_close(w->trid);
  sp_trace_source_close(w->traces);
  sp_survey_close(w->survey);
  sp_free(w);
}

static uint64_t largest_share(const worker *w) {
  int size;
  uint64_t most = 0;
  MPI_Comm_size(w->site->roles->team, &size);
  for (uint64_t i = 0; i < w->shared->n_cubes; i++) {
    const sp_volume_cube *cube = sp_volume_cube_at(w->plan, i);
    const uint64_t count = sp_share_blocks(cube->grid.n_traces, size, 0).count;
    /* with gaps filled a share may hold traces only, up to as many as there are items */
    if (count > most) most = count;
    if (sp_volume_params(w->plan)->common.gaps != SP_FK_GAPS_FILL) continue;
    const uint64_t items = cube->grid.n_traces + (uint64_t)cube->grid.nx * cube->grid.ny - cube->grid.n_cells;
    const uint64_t item_share = sp_share_blocks(items, size, 0).count;
    if (item_share > most) most = item_share;
  }
  return most;
}

static sp_status create(worker *w) {
  const size_t row = w->shape->n_samples * sizeof(float), slab = w->shared->slab_rows * row;
  const uint64_t share = largest_share(w);
  void *block;
  SP_TRY(sp_thread_team_create(w->site->n_threads, &w->team));
  for (int i = 0; i < 2; i++) {
    SP_TRY(sp_alloc(slab, "an input buffer", &block));
    w->slabs[i] = block;
  }
  SP_TRY(sp_alloc(slab, "what is removed", &block));
  w->removed = block;
  SP_TRY(sp_calloc(share + 1, 1, "traces of a cube", &block));
  w->unreadable = block;
  SP_TRY(sp_calloc(share + 1, 1, "traces of a cube", &block));
  w->skipped = block;
  SP_TRY(sp_calloc(w->shared->slab_rows, sizeof(double), "a header column", &block));
  w->trid_rows = block;
  SP_TRY(sp_calloc(w->shared->slab_rows, sizeof(double), "a header column", &block));
  w->trid_values = block;
  w->site->buffers += 3 * slab;
  if (w->shared->keeps_input) {
    SP_TRY(sp_alloc(share * row, "traces of a cube", &block));
    w->kept = block;
    w->site->buffers += share * row;
  }
  w->site->engine = sp_gpu_name(&w->gpus.gpu);
  return SP_SUCCESS;
}

static sp_status open_trid(worker *w) {
  const bool wanted = w->plan->job->settings.trid == SP_TRID_SEISMIC;
  if (!wanted || !sp_survey_has(w->survey, "/headers/trid")) return SP_SUCCESS;
  return sp_dataset_open(w->survey, "/headers/trid", &w->trid);
}

sp_status sp_volume_open(sp_flow_site *site, void **out) {
  const MPI_Comm peers = site->roles->peers;
  void *block = NULL;
  SP_AGREE(peers, sp_calloc(1, sizeof(worker), "a worker", &block));
  worker *w = block;
  w->site = site;
  w->plan = site->plan;
  w->shape = &site->plan->shape;
  w->shared = sp_volume_shared_of(site->plan);
  sp_status status = sp_agree(peers, sp_survey_open_input(peers, w->plan->job, NULL, &w->survey));
  if (status == SP_SUCCESS) status = sp_agree(peers, sp_trace_source_open(w->survey, "/traces", &w->traces));
  if (status == SP_SUCCESS) status = sp_agree(peers, open_trid(w));
  if (status == SP_SUCCESS) status = sp_agree(peers, sp_volume_gpus_find(site, &w->gpus));
  if (status == SP_SUCCESS) sp_volume_gpus_join(site, &w->gpus);
  if (status == SP_SUCCESS) status = sp_agree(peers, create(w));
  if (status == SP_SUCCESS) {
    *out = w;
  } else {
    sp_volume_close(w);
  }
  return status;
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

/* Traces of the cube from i on that follow each other in the file, at most n. */
static uint32_t run_length(const worker *w, uint64_t i, uint32_t n) {
  const uint64_t first = sp_volume_trace(w->plan, w->cube, i);
  uint32_t count = 1;
  while (count < n && sp_volume_trace(w->plan, w->cube, i + count) == first + count) count++;
  return count;
}

/* Trace by trace where a run cannot be read. */
static void read_run(worker *w, uint64_t i, uint32_t count, float *rows) {
  const uint64_t first = sp_volume_trace(w->plan, w->cube, i);
  if (sp_trace_source_read_independent(w->traces, first, count, rows) == SP_SUCCESS) return;
  for (uint32_t k = 0; k < count; k++) {
    float *row = rows + (size_t)k * w->shape->n_samples;
    if (sp_trace_source_read_independent(w->traces, first + k, 1, row) == SP_SUCCESS) continue;
    sp_warn("trace %llu cannot be read", (unsigned long long)(first + k));
    memset(row, 0, w->shape->n_samples * sizeof *row);
    w->unreadable[i + k - w->share.first] = 1;
  }
}

/* Which of a run are not seismic; where that cannot be read, none. */
static void read_trid(worker *w, uint64_t i, uint32_t count) {
  const uint64_t first = sp_volume_trace(w->plan, w->cube, i);
  if (sp_dataset_read_independent(w->trid, first, count, w->trid_rows) != SP_SUCCESS) return;
  sp_rows_to_double(sp_dataset_type(w->trid), w->trid_rows, count, w->trid_values);
  for (uint32_t k = 0; k < count; k++) w->skipped[i + k - w->share.first] = !sp_trid_is_seismic(w->trid_values[k]);
}

/* Traces first ... first + count - 1 of the share. */
static void read_slab(worker *w, uint64_t first, uint32_t count, float *rows) {
  const double start = sp_now();
  const uint64_t at = w->share.first + first;
  sp_activity_set(w->site->activity, "reads");
  for (uint32_t i = 0; i < count;) {
    const uint32_t n = run_length(w, at + i, count - i);
    read_run(w, at + i, n, rows + (size_t)i * w->shape->n_samples);
    if (w->trid) read_trid(w, at + i, n);
    i += n;
  }
  sp_activity_step(w->site->activity);
  sp_stage_add(w->site->times, SP_STAGE_READ, sp_now() - start, (uint64_t)count * w->shape->n_samples * sizeof *rows);
}

static uint32_t slab_count(const worker *w, uint64_t first) {
  const uint64_t left = w->share.count - first;
  return left < w->shared->slab_rows ? (uint32_t)left : w->shared->slab_rows;
}

static float *slab_of(const worker *w, uint64_t first) {
  if (w->kept) return w->kept + first * w->shape->n_samples;
  return w->slabs[first / w->shared->slab_rows % 2];
}

/* Traces that are not seismic are zero for the filter, and so absent. */
static void hide_skipped(const worker *w, uint64_t first, uint32_t count, float *rows) {
  const size_t n = w->shape->n_samples;
  for (uint32_t i = 0; i < count; i++) {
    if (w->skipped[first + i]) memset(rows + i * n, 0, n * sizeof *rows);
  }
}

/* They are read again for the output: there are few. */
static void show_skipped(worker *w, uint64_t first, uint32_t count, float *rows) {
  for (uint32_t i = 0; i < count; i++) {
    if (w->skipped[first + i]) read_run(w, w->share.first + first + i, 1, rows + (size_t)i * w->shape->n_samples);
  }
}

/* The next slab is read while the threads transform the one before. */
static sp_status read_and_transform(worker *w) {
  for (uint64_t first = 0; first < w->share.count; first += w->shared->slab_rows) {
    const uint32_t count = slab_count(w, first);
    float *rows = slab_of(w, first);
    read_slab(w, first, count, rows);
    hide_skipped(w, first, count, rows);
    if (w->filter) sp_cube_filter_forward(w->filter, first, count, rows);
    if (w->filter && sp_cube_filter_on_gpu(w->filter) && !w->kept) SP_TRY(sp_cube_filter_wait(w->filter));
  }
  return w->filter ? sp_cube_filter_wait(w->filter) : SP_SUCCESS;
}

/* --- handing over ------------------------------------------------------------------------------------------------- */

/* A slab of results on its way into a slot. */
typedef struct result_slab {
  const worker *w;
  uint64_t first; /* of the share */
  const float *in;
  float *removed;        /* NULL: the cube was set aside */
  float *traces, *noise; /* [count][n_samples]; noise may be NULL */
  uint32_t *crc;
  uint8_t *status;
} result_slab;

static sp_reason reason_of(const worker *w, uint64_t item) {
  if (w->unreadable[item]) return SP_REASON_UNREADABLE;
  if (w->set_aside != SP_REASON_OK) return w->set_aside;
  if (w->skipped[item]) return SP_REASON_OK;
  const sp_item_state state = sp_cube_filter_state(w->filter, item);
  return state == SP_ITEM_LIVE ? SP_REASON_OK : state == SP_ITEM_DEAD ? SP_REASON_DEAD_TRACES : SP_REASON_BAD_TRACES;
}

/* The processed trace y and the noise x - y, rounded once. A trace that is not seismic or not finite stays as it is;
 * one that could not be processed is what on_error says. */
static void finish_trace(void *context, int thread, uint64_t i) {
  const result_slab *s = context;
  const worker *w = s->w;
  const sp_job_settings *settings = &w->plan->job->settings;
  const size_t n = w->shape->n_samples, at = i * n;
  const float *x = s->in + at, *r = s->removed ? s->removed + at : NULL;
  float *y = s->traces + at;
  const sp_reason reason = reason_of(w, s->first + i);
  const bool fine = reason <= SP_REASON_DEAD_TRACES && !w->skipped[s->first + i];
  const bool zero = !sp_reason_is_processed(reason) && settings->on_error == SP_ON_ERROR_ZERO;
  for (size_t k = 0; k < n; k++) y[k] = zero ? 0 : fine ? x[k] - r[k] : x[k];
  float *noise = settings->mode == SP_MODE_NOISE ? y : s->noise ? s->noise + at : NULL;
  for (size_t k = 0; noise && k < n; k++) noise[k] = fine ? x[k] - y[k] : 0;
  uint32_t *crc = s->crc + i * (s->noise ? 2 : 1);
  crc[0] = sp_crc32c(0, y, n * sizeof *y);
  if (s->noise) crc[1] = sp_crc32c(0, noise, n * sizeof *noise);
  s->status[i] = (uint8_t)reason;
}

static void count_reasons(const result_slab *s, uint32_t count, sp_volume_result *result) {
  *result = (sp_volume_result){0};
  for (uint32_t i = 0; i < count; i++) {
    result->reason = s->status[i] > result->reason ? s->status[i] : result->reason;
    result->dead += s->status[i] == SP_REASON_DEAD_TRACES;
    result->not_finite += s->status[i] == SP_REASON_BAD_TRACES;
    result->unreadable += s->status[i] == SP_REASON_UNREADABLE;
  }
}

static sp_slot *claim_slot(worker *w, const sp_task *task, uint64_t first, uint32_t count) {
  const double start = sp_now();
  sp_node_window *window = w->site->window;
  sp_activity_set(w->site->activity, "waits for the I/O rank to free a slot");
  sp_slot *slot = sp_node_window_claim(window);
  sp_box *boxes = sp_slot_boxes(window, slot);
  const uint64_t at = w->share.first + first;
  slot->task = task->id;
  slot->first_unit = task->first_unit;
  slot->n_units = 1;
  slot->n_boxes = 0;
  for (uint32_t i = 0; i < count;) {
    const uint32_t n = run_length(w, at + i, count - i);
    boxes[slot->n_boxes++] = (sp_box){.first_row = sp_volume_trace(w->plan, w->cube, at + i), .n_rows = n};
    i += n;
  }
  slot->page_offset = (uint32_t)sp_row_phase(boxes[0].first_row, w->shape->n_samples * sizeof(float));
  sp_stage_add(w->site->times, SP_STAGE_SLOT, sp_now() - start, 0);
  return slot;
}

static sp_status fill_slot(worker *w, int k, uint64_t first) {
  const sp_node_window *window = w->site->window;
  const uint32_t count = slab_count(w, first);
  float *rows = slab_of(w, first);
  if (!w->kept) {
    read_slab(w, first, count, rows);
    hide_skipped(w, first, count, rows);
  }
  sp_slot *slot = claim_slot(w, &w->tasks[k], first, count);
  const int n_planes = w->shape->window.n_planes;
  result_slab s = {.w = w, .first = first, .in = rows, .removed = w->filter ? w->removed : NULL};
  s.traces = sp_slot_rows(window, slot, 0);
  s.noise = n_planes == 4 ? sp_slot_rows(window, slot, 1) : NULL;
  s.crc = sp_slot_rows(window, slot, n_planes - 2);
  s.status = sp_slot_rows(window, slot, n_planes - 1);
  const double start = sp_now();
  sp_activity_set(w->site->activity, "computes");
  if (w->filter) {
    sp_cube_filter_back(w->filter, first, count, rows, w->removed);
    SP_TRY(sp_cube_filter_wait(w->filter));
  }
  show_skipped(w, first, count, rows);
  sp_thread_team_start(w->team, count, 16, finish_trace, &s);
  sp_thread_team_wait(w->team);
  count_reasons(&s, count, sp_slot_figures(window, slot));
  sp_stage_add(w->site->times, SP_STAGE_COMPUTE, sp_now() - start, 0);
  SP_FAULT_POINT("before_slot_full");
  sp_slot_set_full(slot, true);
  SP_FAULT_POINT("after_slot_full");
  w->n_slots[k]++;
  return SP_SUCCESS;
}

/* --- a cube ------------------------------------------------------------------------------------------------------- */

void sp_volume_filter(const sp_flow_plan *plan, const sp_volume_cube *cube, sp_fk_filter *filter) {
  sp_fkk_filter_of(sp_volume_params(plan), cube->grid.azimuth_x, cube->grid.azimuth_y, plan->shape.n_samples,
                   plan->shape.sample_interval_s, filter);
}

/* The filter and this worker's share; a cube that is set aside has a share only. */
static sp_status begin_cube(worker *w, const sp_task *task) {
  sp_fk_filter filter;
  w->cube = sp_volume_cube_at(w->plan, task->first_unit);
  w->set_aside = (sp_reason)task->set_aside;
  const uint64_t n = w->cube->grid.n_traces;
  int rank, size;
  MPI_Comm_rank(w->site->roles->team, &rank);
  MPI_Comm_size(w->site->roles->team, &size);
  w->share = sp_share_blocks(n, size, rank);
  if (w->set_aside == SP_REASON_OK) {
    sp_volume_filter(w->plan, w->cube, &filter);
    const sp_fkk_params *params = sp_volume_params(w->plan);
    const sp_cube_spec spec = {.comm = w->site->roles->team,
                               .team = w->team,
                               .filter = &filter,
                               .n_traces = n,
                               .cell = sp_volume_cells(w->plan, w->cube),
                               .nx = w->cube->grid.nx,
                               .ny = w->cube->grid.ny,
                               .dx = w->cube->grid.dx,
                               .dy = w->cube->grid.dy,
                               .mean = params->duplicates == SP_FKK_MEAN,
                               .scratch = w->shared->spills ? params->scratch.text : NULL,
                               .gpu = w->gpus.gpu.module ? w->gpus.gpu.module->fkk : NULL,
                               .device = w->gpus.gpu.device,
                               .gpus = w->gpus.group.context ? &w->gpus.group : NULL,
                               .slab_rows = w->shared->slab_rows};
    SP_TRY(sp_cube_filter_create(&spec, &w->filter));
    w->share = sp_cube_filter_share(w->filter);
    const uint64_t end = w->share.first + w->share.count;
    w->share.count = end <= n ? w->share.count : n > w->share.first ? n - w->share.first : 0;
  }
  memset(w->unreadable, 0, w->share.count);
  memset(w->skipped, 0, w->share.count);
  return SP_SUCCESS;
}

sp_status sp_volume_read(void *worker_, int k, const sp_task *task, const void *payload) {
  worker *w = worker_;
  w->tasks[k] = *task;
  return SP_SUCCESS;
}

/* A cube as far as what is removed of it; a worker of a team that fails fails it for all. Collective over the team. */
static sp_status filter_cube(worker *w, const sp_task *task) {
  const MPI_Comm team = w->site->roles->team;
  w->filter = NULL;
  SP_ALIKE(begin_cube(w, task));
  SP_AGREE(team, read_and_transform(w));
  SP_FAULT_POINT("cube_read");
  if (!w->filter) return SP_SUCCESS; // alike
  const double exchange = sp_now();
  sp_activity_set(w->site->activity, "filters a cube");
  SP_AGREE(team, sp_cube_filter_run(w->filter));
  sp_stage_add(w->site->times, SP_STAGE_COMPUTE, sp_now() - exchange,
               w->share.count * w->shape->n_samples * sizeof(float));
  return SP_SUCCESS;
}

/* Where a device fails the team computes on the CPU from then on, this cube first. Collective. */
static sp_status filter_cube_somewhere(worker *w, const sp_task *task) {
  const sp_status status = filter_cube(w, task);
  if (status != SP_ERR_DEVICE || !w->gpus.gpu.module) return status; // alike
  int rank;
  MPI_Comm_rank(w->site->roles->team, &rank);
  if (rank == 0)
    sp_warn("fkk: a device has failed: the CPU computes this cube, and what the team is dealt from now on");
  sp_cube_filter_destroy(w->filter);
  sp_volume_gpus_leave(&w->gpus);
  w->site->engine = sp_gpu_name(&w->gpus.gpu);
  return filter_cube(w, task);
}

sp_status sp_volume_submit(void *worker_, int k) {
  worker *w = worker_;
  const double start = sp_now();
  w->n_slots[k] = 0;
  SP_TRY(filter_cube_somewhere(w, &w->tasks[k]));
  SP_FAULT_POINT("cube_filtered");
  for (uint64_t first = 0; first < w->share.count; first += w->shared->slab_rows) {
    SP_TRY(fill_slot(w, k, first));
  }
  sp_cube_filter_destroy(w->filter);
  w->filter = NULL;
  sp_debug("cube %llu: %llu of %u traces here in %.2f s", (unsigned long long)w->tasks[k].first_unit,
           (unsigned long long)w->share.count, w->cube->grid.n_traces, sp_now() - start);
  return SP_SUCCESS;
}

sp_status sp_volume_finish(void *worker_, int k, uint32_t *n_slots, void *figures) {
  *n_slots = ((const worker *)worker_)->n_slots[k];
  return SP_SUCCESS;
}

double sp_volume_busy_s(const void *worker_) {
  return sp_thread_team_busy(((const worker *)worker_)->team);
}
