/* SPDX-License-Identifier: BSD-3-Clause */
/* Where the workers of the image flow meet: at the start of a phase each takes up its share of its group's sums; in a
 * sync the groups add up their sums, and a snapshot is begun, or at a phase's end the image is written.
 *
 * Snapshots are written while the workers go on: sums of a share change in a sync only, and the next sync waits until
 * all of the last one is on the disk (image_state.h says when it counts). */
#include <math.h>
#include <string.h>

#include "seisproc/clock.h"
#include "seisproc/dist.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/share.h"
#include "src/base/fault.h"
#include "src/flow/image/image_worker.h"

enum { REDUCE_VALUES = 1 << 22 };

/* Number of this worker's step. */
static uint32_t own_step(const sp_image_worker *w) {
  return w->now.first_step + (w->now.n_steps > 1 ? w->group_number : 0);
}

static sp_status load_share(sp_image_worker *w, int snapshot) {
  const size_t n_tau = sp_image_n_tau(w);
  const size_t n = (size_t)(w->end_column - w->first_column);
  const uint32_t step = own_step(w), first = w->head.first_step;
  memset(w->sum, 0, n * n_tau * sizeof *w->sum);
  memset(w->hits, 0, n * n_tau * sizeof *w->hits);
  if (step < first || step >= first + w->head.n_steps) snapshot = -1;
  for (size_t c = 0; snapshot >= 0 && c < n; c++) {
    SP_TRY(sp_image_state_read_sums(w->state, snapshot, step - first, w->first_column + c, w->sum + c * n_tau,
                                    w->hits + c * n_tau));
  }
  return SP_SUCCESS;
}

static sp_status begin_sum(sp_image_worker *w, int snapshot) {
  const sp_image_shared *s = w->shared;
  const struct sp_image_class *k = &s->classes[w->now.class_number];
  const double peak = isnan(s->peak) ? w->head.peak : s->peak;
  sp_pstm_sums scale = {0};
  w->tile = sp_image_tile(s, w->step.tile);
  const uint64_t columns = (uint64_t)w->tile.n[0] * w->tile.n[1];
  const sp_share share = sp_ranks_share(&w->group, columns);
  w->first_column = share.first;
  w->end_column = share.first + share.count;
  sp_pstm_sums_scale(&s->config, k->n_traces, peak, k->area, (double)s->least_velocity, s->latest_s, &scale);
  SP_TRY(sp_image_engine_tile(w->engine, w->model, w->apertures, &w->tile, scale.shift, scale.limit));
  return load_share(w, snapshot);
}

/* Once the peak has been found: whether the sums keep the digits of the other traces, the same on all workers. */
static sp_status look_at_digits(sp_image_worker *w) {
  char text[SP_IMAGE_DIGITS_TEXT];
  if (w->digits_looked_at || !isnan(w->shared->peak)) return SP_SUCCESS; /* the plan has looked at a peak of the job */
  w->digits_looked_at = true;
  const sp_status status = sp_image_check_digits(w->shared, w->head.peak, &w->head.strongest, text, sizeof text);
  if (w->peers.rank) return status;
  if (status != SP_SUCCESS) return SP_RAISE(status, "%s", text);
  if (*text) sp_warn("%s", text);
  return SP_SUCCESS;
}

/* Batches that the snapshot holds, as bits of this phase. */
static sp_status load_bits(sp_image_worker *w, int snapshot) {
  const sp_image_head *head = &w->head;
  uint8_t *bits = NULL;
  SP_TRY(sp_calloc(head->n_units / 8 + 1, 1, "a snapshot's batches", &bits));
  const sp_status status = sp_image_state_read_bits(w->state, snapshot, bits, head->n_units);
  for (uint32_t i = 0; status == SP_SUCCESS && i < w->now.n_steps; i++) {
    const uint32_t step = w->now.first_step + i;
    if (step < head->first_step || step >= head->first_step + head->n_steps) continue;
    for (uint64_t u = 0; u < w->now.step_units; u++) {
      const uint64_t from = (step - head->first_step) * w->now.step_units + u, to = i * w->now.step_units + u;
      w->bits[to / 8] |= (uint8_t)((bits[from / 8] >> (from % 8) & 1u) << (to % 8));
    }
  }
  sp_free(bits);
  return status;
}

sp_status sp_image_begin_phase(void *worker_, uint32_t phase, const void *payload) {
  sp_image_worker *w = worker_;
  sp_image_begin begin;
  sp_status status = SP_SUCCESS;
  memcpy(&begin, payload, sizeof begin);
  w->now = sp_image_phase_at(w->shared, phase);
  w->step = sp_image_step_at(w->shared, own_step(w));
  memset(w->bits, 0, sp_image_bits_bytes(w->shared));
  w->peak = begin.snapshot >= 0 ? w->head.peak : 0;
  w->strongest = w->head.strongest;
  if (w->now.kind == SP_IMAGE_SUM) status = look_at_digits(w);
  if (w->now.kind == SP_IMAGE_SUM && status == SP_SUCCESS) status = begin_sum(w, begin.snapshot);
  if (status == SP_SUCCESS && w->peers.rank == 0 && begin.snapshot >= 0 && w->now.kind != SP_IMAGE_WRITE) {
    status = load_bits(w, begin.snapshot);
  }
  return sp_agree(w->peers.comm, status);
}

/* Adds up the sums of a group's workers for a share of the columns, on the worker whose share they are, to what it has
 * there. It adds that to its own sums first and receives the total: MPICH 4.0 does not survive MPI_IN_PLACE at a root
 * other than rank 0. */
static sp_status reduce_share(sp_image_worker *w, int root, sp_share share, int64_t *sum, uint32_t *hits) {
  const size_t n_tau = sp_image_n_tau(w);
  const bool own = root == w->group.rank;
  SP_EACH_PIECE (p, share.first * n_tau, (share.first + share.count) * n_tau, REDUCE_VALUES) {
    int64_t *total = own ? w->sum + (p.first - w->first_column * n_tau) : NULL;
    uint32_t *total_hits = own ? w->hits + (p.first - w->first_column * n_tau) : NULL;
    for (uint64_t i = 0; own && i < p.count; i++) {
      sum[p.first + i] += total[i];
      hits[p.first + i] += total_hits[i];
    }
    SP_MPI_ALL(MPI_Reduce(sum + p.first, total, (int)p.count, MPI_INT64_T, MPI_SUM, root, w->group.comm));
    SP_MPI_ALL(MPI_Reduce(hits + p.first, total_hits, (int)p.count, MPI_UINT32_T, MPI_SUM, root, w->group.comm));
  }
  return SP_SUCCESS;
}

/* The sums that were set aside on this worker's GPU, its share of them. */
static sp_status collect(sp_image_worker *w) {
  const size_t n_tau = sp_image_n_tau(w);
  w->to_collect = false;
  return sp_image_engine_collect(w->engine, w->first_column * n_tau, (w->end_column - w->first_column) * n_tau, w->sum,
                                 w->hits);
}

/* The same where the sums lie, on the GPUs. Where others can be added to meanwhile, they are collected later. */
static sp_status reduce_on_gpus(sp_image_worker *w, bool ends) {
  const uint64_t columns = (uint64_t)w->tile.n[0] * w->tile.n[1];
  size_t *first = NULL;
  bool beside = false;
  SP_ALIKE(sp_calloc_together(w->group.comm, (size_t)w->group.size + 1, sizeof *first, "shares", &first));
  for (int r = 0; r <= w->group.size; r++)
    first[r] = sp_ranks_share_of(&w->group, columns, r).first * sp_image_n_tau(w);
  const sp_status status = sp_image_engine_swap(w->engine, first, &beside);
  sp_free(first);
  SP_AGREE(w->group.comm, status);
  w->to_collect = true;
  return sp_agree(w->group.comm, beside && !ends ? SP_SUCCESS : collect(w));
}

/* Collective over the group. */
static sp_status reduce(sp_image_worker *w, bool ends) {
  int64_t *sum;
  uint32_t *hits;
  const uint64_t columns = (uint64_t)w->tile.n[0] * w->tile.n[1];
  if (sp_image_engine_adds_up(w->engine)) return reduce_on_gpus(w, ends); // alike
  SP_AGREE(w->group.comm, sp_image_engine_sums(w->engine, &sum, &hits));
  for (int r = 0; r < w->group.size; r++) {
    SP_ALIKE(reduce_share(w, r, sp_ranks_share_of(&w->group, columns, r), sum, hits));
  }
  SP_AGREE(w->group.comm, sp_image_engine_clear(w->engine));
  return SP_SUCCESS;
}

/* By the writer: this worker's part of a snapshot, and the mark that it is there. */
static sp_status write_part(sp_image_worker *w) {
  const sp_image_head *head = &w->writing;
  const size_t n_tau = sp_image_n_tau(w);
  if (w->to_collect) SP_TRY(collect(w));
  for (uint64_t c = w->first_column; c < w->end_column && w->now.kind == SP_IMAGE_SUM; c++) {
    const size_t at = (size_t)(c - w->first_column) * n_tau;
    SP_TRY(sp_image_state_write_sums(w->state, head->snapshot, own_step(w) - head->first_step, c, w->sum + at,
                                     w->hits + at));
  }
  SP_TRY(sp_image_state_sync(w->state));
  SP_FAULT_POINT("snapshot_written");
  if (w->peers.rank == 0) SP_TRY(sp_image_state_write_head(w->state, head));
  SP_TRY(sp_image_state_write_mark(w->state, head, (uint32_t)w->peers.rank));
  SP_FAULT_POINT("snapshot_named");
  return SP_SUCCESS;
}

static void write_snapshot(void *context, int thread, uint64_t item) {
  sp_image_worker *w = context;
  w->written = write_part(w);
}

/* Until the last snapshot is on the disk. */
static sp_status finish_snapshot(sp_image_worker *w) {
  sp_activity_set(w->site->activity, "waits for its snapshot to be written");
  sp_thread_team_wait(w->writer);
  const sp_status status = w->written;
  w->written = SP_SUCCESS;
  return status;
}

/* The image of this worker's share, once all batches are in. */
static sp_status write_image(sp_image_worker *w) {
  const size_t n_tau = sp_image_n_tau(w);
  const struct sp_image_class *k = &w->shared->classes[w->now.class_number];
  const double peak = isnan(w->shared->peak) ? w->head.peak : w->shared->peak;
  sp_pstm_sums sums = {0};
  float *image = w->inputs[0].image;
  if (own_step(w) < w->head.n_complete) return SP_SUCCESS; /* by an earlier run with other groups */
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

/* The images of the phase, then the head that speaks of them. */
static sp_status end_phase(sp_image_worker *w) {
  sp_image_head head = w->head;
  sp_status status = w->now.kind == SP_IMAGE_SUM ? write_image(w) : SP_SUCCESS;
  SP_FAULT_POINT("snapshot_written");
  SP_AGREE(w->peers.comm, status);
  head.sequence++;
  head.n_complete = w->now.first_step + w->now.n_steps;
  head.snapshot = -1;
  head.n_units = head.n_steps = head.n_parts = 0;
  if (w->now.kind == SP_IMAGE_PEAK) head.peak = w->peak, head.strongest = w->strongest;
  if (w->peers.rank == 0) status = sp_image_state_write_head(w->state, &head);
  SP_FAULT_POINT("snapshot_named");
  w->head = head;
  return sp_agree(w->peers.comm, status);
}

/* Begins to write a snapshot. The bitmap goes on changing, so it is written here. */
static sp_status begin_snapshot(sp_image_worker *w) {
  sp_image_head head = w->head;
  sp_status status = SP_SUCCESS;
  head.sequence++;
  head.snapshot = w->head.snapshot == 0;
  if (head.n_complete < w->now.first_step) head.n_complete = w->now.first_step; /* no peak was looked for */
  head.first_step = w->now.first_step;
  head.n_steps = w->now.n_steps;
  head.n_units = w->now.n_units;
  head.n_parts = (uint32_t)w->peers.size;
  if (w->now.kind == SP_IMAGE_PEAK) head.peak = w->peak, head.strongest = w->strongest;
  if (w->peers.rank == 0) status = sp_image_state_write_bits(w->state, head.snapshot, w->bits, head.n_units);
  SP_AGREE(w->peers.comm, status);
  w->head = w->writing = head;
  sp_thread_team_start(w->writer, 1, 1, write_snapshot, w);
  return SP_SUCCESS;
}

/* The largest peak on all workers and the first trace that has it, all their batches on the first worker. */
static sp_status gather_batches(sp_image_worker *w) {
  const bool first = w->peers.rank == 0;
  const int n_bytes = (int)((w->now.n_units + 7) / 8);
  const double own_peak = w->peak;
  SP_MPI_ALL(MPI_Allreduce(MPI_IN_PLACE, &w->peak, 1, MPI_DOUBLE, MPI_MAX, w->peers.comm));
  int64_t trace = own_peak == w->peak ? (int64_t)w->strongest : INT64_MAX;
  SP_MPI_ALL(MPI_Allreduce(MPI_IN_PLACE, &trace, 1, MPI_INT64_T, MPI_MIN, w->peers.comm));
  w->strongest = (uint64_t)trace;
  SP_MPI_ALL(MPI_Reduce(first ? MPI_IN_PLACE : (void *)w->bits, first ? w->bits : NULL, n_bytes, MPI_BYTE, MPI_BOR, 0,
                        w->peers.comm));
  return SP_SUCCESS;
}

sp_status sp_image_sync(void *worker_, uint32_t phase, bool ends) {
  sp_image_worker *w = worker_;
  const double start = sp_now();
  sp_status status;
  uint64_t bytes = 0;
  if (w->now.kind != SP_IMAGE_WRITE) {
    SP_AGREE(w->peers.comm, finish_snapshot(w));
    if (w->now.kind == SP_IMAGE_SUM) bytes = (w->end_column - w->first_column) * sp_image_n_tau(w) * 12;
    SP_AGREE(w->peers.comm, w->now.kind == SP_IMAGE_SUM ? reduce(w, ends) : SP_SUCCESS);
    SP_ALIKE(gather_batches(w));
    status = ends ? end_phase(w) : begin_snapshot(w);
  } else { /* the rows are in the output */
    status = ends && w->shared->stack
                 ? sp_image_stack_make(w->site->plan, w->site->part_path, &w->peers, w->site->activity)
                 : SP_SUCCESS;
  }
  sp_stage_add(w->site->times, SP_STAGE_WRITE, sp_now() - start, bytes);
  return status;
}
