/* SPDX-License-Identifier: BSD-3-Clause */
/* Where the workers of the image flow meet: at the start of a phase each takes up its share of the sums; in a sync they
 * add up their sums and write a snapshot, at a phase's end the image. Data is written first, then the head that speaks
 * of it (image_state.h). */
#include <math.h>
#include <string.h>

#include "seisproc/dist.h"
#include "seisproc/memory.h"
#include "seisproc/share.h"
#include "src/base/fault.h"
#include "src/flow/image/image_worker.h"

enum { REDUCE_VALUES = 1 << 22 };

static sp_status load_share(sp_image_worker *w, int snapshot) {
  const size_t n_tau = sp_image_n_tau(w);
  const size_t n = (size_t)(w->end_column - w->first_column);
  memset(w->sum, 0, n * n_tau * sizeof *w->sum);
  memset(w->hits, 0, n * n_tau * sizeof *w->hits);
  for (size_t c = 0; snapshot >= 0 && c < n; c++) {
    SP_TRY(sp_image_state_read_sums(w->state, snapshot, w->first_column + c, w->sum + c * n_tau, w->hits + c * n_tau));
  }
  return SP_SUCCESS;
}

static sp_status begin_sum(sp_image_worker *w, int snapshot) {
  const sp_image_shared *s = w->shared;
  const struct sp_image_class *k = &s->classes[w->now.class_number];
  const double peak = isnan(s->peak) ? w->head.peak : s->peak;
  sp_pstm_sums scale = {0};
  w->tile = sp_image_tile(s, w->now.tile);
  const uint64_t columns = (uint64_t)w->tile.n[0] * w->tile.n[1];
  const sp_share share = sp_ranks_share(&w->peers, columns);
  w->first_column = share.first;
  w->end_column = share.first + share.count;
  sp_pstm_sums_scale(&s->config, k->n_traces, peak, k->area, (double)s->least_velocity, s->latest_s, &scale);
  SP_TRY(sp_image_engine_tile(w->engine, w->model, w->apertures, &w->tile, scale.shift, scale.limit));
  return load_share(w, snapshot);
}

sp_status sp_image_begin_phase(void *worker_, uint32_t phase, const void *payload) {
  sp_image_worker *w = worker_;
  sp_image_begin begin;
  sp_status status = SP_SUCCESS;
  memcpy(&begin, payload, sizeof begin);
  w->now = sp_image_phase_at(w->shared, phase);
  memset(w->bits, 0, w->shared->n_batches / 8 + 1);
  w->peak = begin.snapshot >= 0 ? w->head.peak : 0;
  if (w->now.step == SP_IMAGE_SUM) status = begin_sum(w, begin.snapshot);
  if (status == SP_SUCCESS && w->peers.rank == 0 && begin.snapshot >= 0 && w->now.step != SP_IMAGE_WRITE) {
    status = sp_image_state_read_bits(w->state, begin.snapshot, w->bits, w->now.n_units);
  }
  return sp_agree(w->peers.comm, status);
}

/* Adds up all workers' sums of a share of the columns on the worker whose share they are. */
static sp_status reduce_share(sp_image_worker *w, int root, sp_share share, int64_t *sum, uint32_t *hits) {
  const size_t n_tau = sp_image_n_tau(w);
  SP_EACH_PIECE (p, share.first * n_tau, (share.first + share.count) * n_tau, REDUCE_VALUES) {
    const uint64_t at = p.first;
    const int n = (int)p.count;
    const bool own = root == w->peers.rank;
    SP_MPI_ALL(MPI_Reduce(own ? MPI_IN_PLACE : (void *)(sum + at), own ? sum + at : NULL, n, MPI_INT64_T, MPI_SUM, root,
                          w->peers.comm));
    SP_MPI_ALL(MPI_Reduce(own ? MPI_IN_PLACE : (void *)(hits + at), own ? hits + at : NULL, n, MPI_UINT32_T, MPI_SUM,
                          root, w->peers.comm));
    for (int i = 0; own && i < n; i++) {
      w->sum[at - w->first_column * n_tau + (uint64_t)i] += sum[at + (uint64_t)i];
      w->hits[at - w->first_column * n_tau + (uint64_t)i] += hits[at + (uint64_t)i];
    }
  }
  return SP_SUCCESS;
}

/* The same where the sums lie, on the GPUs. */
static sp_status reduce_on_gpus(sp_image_worker *w) {
  const uint64_t columns = (uint64_t)w->tile.n[0] * w->tile.n[1];
  size_t *first = NULL;
  SP_AGREE(w->peers.comm, sp_alloc(((size_t)w->peers.size + 1) * sizeof *first, "shares", &first));
  for (int r = 0; r <= w->peers.size; r++)
    first[r] = sp_ranks_share_of(&w->peers, columns, r).first * sp_image_n_tau(w);
  const sp_status status = sp_image_engine_reduce(w->engine, first, w->peers.rank, w->sum, w->hits);
  sp_free(first);
  return sp_agree(w->peers.comm, status);
}

static sp_status reduce(sp_image_worker *w) {
  int64_t *sum;
  uint32_t *hits;
  const uint64_t columns = (uint64_t)w->tile.n[0] * w->tile.n[1];
  if (sp_image_engine_is_in_group(w->engine)) {
    SP_ALIKE(reduce_on_gpus(w));
    SP_AGREE(w->peers.comm, sp_image_engine_clear(w->engine));
    return SP_SUCCESS; // alike
  }
  SP_AGREE(w->peers.comm, sp_image_engine_sums(w->engine, &sum, &hits));
  for (int r = 0; r < w->peers.size; r++) {
    SP_ALIKE(reduce_share(w, r, sp_ranks_share_of(&w->peers, columns, r), sum, hits));
  }
  SP_AGREE(w->peers.comm, sp_image_engine_clear(w->engine));
  return SP_SUCCESS;
}

static sp_status write_snapshot(sp_image_worker *w, int snapshot) {
  const size_t n_tau = sp_image_n_tau(w);
  for (uint64_t c = w->first_column; c < w->end_column && w->now.step == SP_IMAGE_SUM; c++) {
    const size_t at = (size_t)(c - w->first_column) * n_tau;
    SP_TRY(sp_image_state_write_sums(w->state, snapshot, c, w->sum + at, w->hits + at));
  }
  if (w->peers.rank == 0) SP_TRY(sp_image_state_write_bits(w->state, snapshot, w->bits, w->now.n_units));
  return sp_image_state_sync(w->state);
}

/* The image of this worker's share, once all batches are in. */
static sp_status write_image(sp_image_worker *w) {
  const size_t n_tau = sp_image_n_tau(w);
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
static sp_status make_durable(sp_image_worker *w, uint32_t phase, bool ends) {
  sp_image_head head = w->head;
  const int next = w->head.snapshot == 0;
  if (w->now.step == SP_IMAGE_SUM) SP_ALIKE(reduce(w));
  SP_MPI_ALL(MPI_Allreduce(MPI_IN_PLACE, &w->peak, 1, MPI_DOUBLE, MPI_MAX, w->peers.comm));
  uint8_t *bits = w->bits;
  const int n_bytes = (int)((w->now.n_units + 7) / 8);
  SP_MPI_ALL(MPI_Reduce(w->peers.rank ? (void *)bits : MPI_IN_PLACE, w->peers.rank ? NULL : bits, n_bytes, MPI_BYTE,
                        MPI_BOR, 0, w->peers.comm));
  sp_status status;
  if (ends && w->now.step == SP_IMAGE_SUM) {
    status = write_image(w);
  } else {
    status = write_snapshot(w, next);
  }
  SP_FAULT_POINT("snapshot_written");
  SP_AGREE(w->peers.comm, status);
  head.sequence++;
  head.n_complete = ends ? phase + 1 : phase;
  head.snapshot = ends ? -1 : next;
  head.n_units = ends ? 0 : w->now.n_units;
  if (w->now.step == SP_IMAGE_PEAK) head.peak = w->peak;
  if (w->peers.rank == 0) status = sp_image_state_write_head(w->state, &head);
  SP_FAULT_POINT("snapshot_named");
  w->head = head;
  return sp_agree(w->peers.comm, status);
}

sp_status sp_image_sync(void *worker_, uint32_t phase, bool ends) {
  sp_image_worker *w = worker_;
  const double start = sp_now();
  sp_status status = SP_SUCCESS;
  uint64_t bytes = 0;
  if (w->now.step != SP_IMAGE_WRITE) {
    if (w->now.step == SP_IMAGE_SUM) bytes = (w->end_column - w->first_column) * sp_image_n_tau(w) * 12;
    status = make_durable(w, phase, ends);
  } else if (ends && w->shared->stack) { /* the rows are in the output */
    status = sp_image_stack_make(w->site->plan, w->site->part_path, &w->peers, w->site->activity);
  }
  sp_stage_add(w->site->times, SP_STAGE_WRITE, sp_now() - start, bytes);
  return status;
}
