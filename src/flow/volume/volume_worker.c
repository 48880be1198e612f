/* SPDX-License-Identifier: BSD-3-Clause */
/* The volume flow on a worker: a cube is read, filtered and handed over in one go, by all workers of a team together.
 *
 * Each reads its share of the cube's traces in slabs while its threads transform the slab before; after the exchange it
 * goes through them again, slab by slab, into slots of the node's window. Where a cube's traces do not fit beside its
 * spectra they are read a second time. A trace that cannot be read, or holds no number, is absent: no worker leaves the
 * others alone in a collective for it. */
#include <string.h>

#include "seisproc/clock.h"
#include "seisproc/dist.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "src/base/fault.h"
#include "src/flow/volume/volume_worker.h"

typedef sp_volume_worker worker;

/* --- making and unmaking ------------------------------------------------------------------------------------------ */

void sp_volume_close(void *worker_) {
  worker *w = worker_;
  if (!w) return;
  sp_volume_steps_close(w);
  sp_volume_border_close(&w->border);
  sp_thread_team_destroy(w->team);
  sp_volume_gpus_leave(&w->gpus);
  for (int i = 0; i < 2; i++) {
    sp_free(w->slabs[i]);
    sp_free(w->pieces[i].first_trace);
  }
  sp_free(w->kept);
  sp_free(w->removed);
  sp_free(w->items);
  sp_free(w->trid_rows);
  sp_free(w->trid_values);
  sp_dataset_close(w->trid);
  sp_trace_source_close(w->traces);
  sp_survey_close(w->survey);
  sp_free(w);
}

static uint64_t largest_share(const worker *w) {
  const int size = w->site->roles->team.size;
  uint64_t most = 0;
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
    SP_TRY(sp_calloc(w->shared->slab_rows + 1, sizeof(sp_local), "gathers of a piece", &block));
    w->pieces[i].first_trace = block;
  }
  SP_TRY(sp_alloc(slab, "what is removed", &block));
  w->removed = block;
  SP_TRY(sp_calloc(share + 2 * (size_t)w->shared->max_gather, sizeof *w->items, "traces of a cube", &block));
  w->items = block;
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
  return sp_volume_border_open(w);
}

static sp_status open_trid(worker *w) {
  const bool wanted = w->plan->job->settings.trid == SP_TRID_SEISMIC;
  if (!wanted || !sp_survey_has(w->survey, "/headers/trid")) return SP_SUCCESS;
  return sp_dataset_open(w->survey, "/headers/trid", &w->trid);
}

sp_status sp_volume_open(sp_flow_site *site, void **out) {
  const MPI_Comm peers = site->roles->peers.comm;
  worker *w = NULL;
  SP_ALIKE(sp_calloc_together(peers, 1, sizeof *w, "a worker", &w));
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
  if (status == SP_SUCCESS) status = sp_agree(peers, sp_volume_steps_open(w));
  if (status == SP_SUCCESS) {
    *out = w;
  } else {
    sp_volume_close(w);
  }
  return status;
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

/* Hands the rows of a piece that are in the share to the filter. */
static sp_status give(worker *w, const sp_volume_piece *piece, float *rows) {
  const size_t n = w->shape->n_samples;
  const sp_share mine = sp_volume_in_share(w, piece);
  const uint64_t at = mine.first - w->share.first;
  float *from = rows + (mine.first - piece->first) * n;
  if (mine.count == 0) return SP_SUCCESS;
  sp_volume_hide(w, mine.first, (uint32_t)mine.count, from);
  if (w->kept && from != w->kept + at * n) from = memcpy(w->kept + at * n, from, mine.count * n * sizeof *from);
  sp_cube_filter_forward(w->filter, at, mine.count, from);
  return sp_cube_filter_on_gpu(w->filter) && !w->kept ? sp_cube_filter_wait(w->filter) : SP_SUCCESS;
}

/* A piece that is through the steps before fkk. */
static sp_status give_stepped(worker *w, const sp_volume_piece *piece) {
  SP_TRY(sp_volume_side_finish(w, &w->before, piece));
  return give(w, piece, w->before.out);
}

/* The next piece is read while the threads are at the one before. */
static sp_status read_and_transform(worker *w) {
  const uint64_t end = w->range.first + w->range.count;
  const bool in_place = w->kept && !w->before.engine && !w->shared->gathers_at;
  sp_volume_piece *piece = NULL;
  uint64_t at = w->range.first;
  for (int i = 0; w->filter && sp_volume_next_piece(w, &at, end, &w->pieces[i % 2]); i++) {
    sp_volume_piece *ahead = piece;
    piece = &w->pieces[i % 2];
    piece->samples = in_place ? w->kept + (piece->first - w->share.first) * w->shape->n_samples : w->slabs[i % 2];
    sp_volume_piece_read(w, piece);
    if (w->before.engine) {
      if (ahead) SP_TRY(give_stepped(w, ahead));
      SP_TRY(sp_cube_filter_wait(w->filter)); /* it borrows what the steps have made, which they are to write now */
      SP_TRY(sp_volume_side_submit(w, &w->before, piece, piece->samples));
    } else {
      SP_TRY(give(w, piece, piece->samples));
    }
  }
  if (piece && w->before.engine) SP_TRY(give_stepped(w, piece));
  return w->filter ? sp_cube_filter_wait(w->filter) : SP_SUCCESS;
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
  const sp_ranks *team = &w->site->roles->team;
  w->share = sp_share_blocks(n, team->size, team->rank);
  if (w->set_aside == SP_REASON_OK) {
    sp_volume_filter(w->plan, w->cube, &filter);
    const sp_fkk_params *params = sp_volume_params(w->plan);
    const sp_cube_spec spec = {.ranks = *team,
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
  sp_volume_set_ranges(w);
  memset(w->items, 0, w->range.count * sizeof *w->items);
  return SP_SUCCESS;
}

sp_status sp_volume_read(void *worker_, int k, const sp_task *task, const void *payload) {
  worker *w = worker_;
  w->tasks[k] = *task;
  return SP_SUCCESS;
}

/* A cube as far as what is removed of it; a worker of a team that fails fails it for all. Collective over the team. */
static sp_status filter_cube(worker *w, const sp_task *task) {
  const MPI_Comm team = w->site->roles->team.comm;
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
  if (w->site->roles->team.rank == 0)
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
  SP_TRY(sp_volume_fill_slots(w, k));
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
  const worker *w = worker_;
  double busy = sp_thread_team_busy(w->team);
  if (w->before.engine) busy += sp_engine_busy_seconds(w->before.engine);
  if (w->after.engine) busy += sp_engine_busy_seconds(w->after.engine);
  return busy;
}
