/* SPDX-License-Identifier: BSD-3-Clause */
/* Spectra lie by chunk, then item, then bin: a chunk is one block, which is what the exchange moves and what a scratch
 * file is read and written by.
 *
 * Filling gaps takes the same road with all bins of another padding, once an iteration: its projections replace the
 * absent items, from which the next iteration starts. */
#include "src/flow/volume/cube_filter.h"

#include <math.h>
#include <string.h>

#include "seisproc/dist.h"
#include "seisproc/memory.h"
#include "src/flow/volume/cube_parts.h"

/* --- what it is --------------------------------------------------------------------------------------------------- */

/* Keeps the first error until it is asked for. */
static void note(sp_cube_filter *c, sp_status status) {
  if (c->failed == SP_SUCCESS) c->failed = status;
}

sp_share sp_cube_filter_share(const sp_cube_filter *c) {
  return c->share;
}

sp_share sp_cube_filter_share_of(const sp_cube_filter *c, int rank) {
  return sp_share_blocks(c->n_items, c->spec.ranks.size, rank);
}

sp_item_state sp_cube_filter_state(const sp_cube_filter *c, uint64_t item) {
  return (sp_item_state)c->state[item];
}

sp_status sp_cube_filter_wait(sp_cube_filter *c) {
  sp_thread_team_wait(c->spec.team);
  if (c->on_gpu) note(c, c->spec.gpu->wait(c->on_gpu));
  const sp_status status = c->failed;
  c->failed = SP_SUCCESS;
  return status;
}

/* --- along time --------------------------------------------------------------------------------------------------- */

static sp_fk_complex *row_of(const sp_cube_filter *c, int thread) {
  return (sp_fk_complex *)((char *)c->rows + (size_t)thread * sp_aligned(c->most_bins * sizeof *c->rows));
}

static void *work_of(const sp_cube_filter *c, int thread) {
  return c->work + (size_t)thread * c->work_bytes;
}

/* Where an item's bins of a chunk lie. */
static sp_fk_complex *piece(const sp_cube_filter *c, const sp_cube_passage *w, uint32_t chunk, uint64_t item,
                            uint64_t bins) {
  return c->spectra + chunk * w->chunk_stride + item * bins;
}

static void put_row(const sp_cube_filter *c, const sp_cube_passage *w, uint64_t item, const sp_fk_complex *row) {
  for (uint32_t k = 0; k < sp_transpose_n_chunks(w->transpose); k++) {
    const sp_share bins = sp_transpose_chunk(w->transpose, k);
    memcpy(piece(c, w, k, item, bins.count), row + bins.first, bins.count * sizeof *row);
  }
}

static void get_row(const sp_cube_filter *c, const sp_cube_passage *w, uint64_t item, sp_fk_complex *row) {
  for (uint32_t k = 0; k < sp_transpose_n_chunks(w->transpose); k++) {
    const sp_share bins = sp_transpose_chunk(w->transpose, k);
    memcpy(row + bins.first, piece(c, w, k, item, bins.count), bins.count * sizeof *row);
  }
}

/* Transforms `samples` (NULL: zeros). */
static void transform_item(const sp_cube_filter *c, const sp_cube_passage *w, int thread, uint64_t item,
                           const float *samples) {
  sp_fk_complex *row = row_of(c, thread);
  if (samples) {
    sp_fk_trace_forward(w->stage, work_of(c, thread), samples, row);
  } else {
    memset(row, 0, w->time.n_bins * sizeof *row);
  }
  put_row(c, w, item, row);
}

static sp_item_state look_at(const float *samples, uint32_t n) {
  float least = 0, most = 0, sum = 0; /* NaN and infinity stay in the sum of x - x */
  for (uint32_t i = 0; i < n; i++) {
    sum += samples[i] - samples[i];
    least = samples[i] < least ? samples[i] : least;
    most = samples[i] > most ? samples[i] : most;
  }
  if (!(sum == 0)) return SP_ITEM_NOT_FINITE;
  return least == 0 && most == 0 ? SP_ITEM_DEAD : SP_ITEM_LIVE;
}

/* A gain levels traces before they are transformed. */
static void count_energy(sp_cube_filter *c, const float *samples) {
  if (!c->filter.gain) sp_faint_add(&c->energies, sp_row_energy(samples, c->filter.n_samples));
}

static void count_item(void *context, int thread, uint64_t i) {
  const sp_cube_loop *l = context;
  count_energy(l->cube, l->traces + i * l->cube->filter.n_samples);
}

static void forward_item(void *context, int thread, uint64_t i) {
  const sp_cube_loop *l = context;
  sp_cube_filter *c = l->cube;
  const uint32_t n = c->filter.n_samples;
  const uint64_t item = l->first + i;
  const float *samples = l->traces ? l->traces + i * n : NULL;
  const sp_item_state state = samples ? look_at(samples, n) : SP_ITEM_DEAD;
  c->state[item] = (uint8_t)state;
  if (state == SP_ITEM_LIVE) count_energy(c, samples);
  if (c->samples && state == SP_ITEM_LIVE) memcpy(c->samples + item * n, samples, n * sizeof *samples);
  if (!c->samples) transform_item(c, &c->filtering, thread, item, state == SP_ITEM_LIVE ? samples : NULL);
}

void sp_cube_filter_forward(sp_cube_filter *c, uint64_t first, uint64_t count, const float *traces) {
  if (c->on_gpu) note(c, c->spec.gpu->forward(c->on_gpu, (uint32_t)first, (uint32_t)count, traces));
  if (c->on_gpu && c->filter.gain) return;
  sp_thread_team_wait(c->spec.team);
  c->loop = (sp_cube_loop){.cube = c, .first = first, .traces = traces};
  sp_thread_team_start(c->spec.team, count, 4, c->on_gpu ? count_item : forward_item, &c->loop);
}

static void back_item(void *context, int thread, uint64_t i) {
  const sp_cube_loop *l = context;
  const sp_cube_filter *c = l->cube;
  const uint32_t n = c->filter.n_samples;
  const uint64_t item = l->first + i;
  float *removed = l->samples + i * n;
  if (c->state[item] != SP_ITEM_LIVE) {
    memset(removed, 0, n * sizeof *removed);
    return;
  }
  sp_fk_complex *row = row_of(c, thread);
  get_row(c, &c->filtering, item, row);
  sp_fk_trace_back(c->filtering.stage, work_of(c, thread), l->traces + i * n, row, removed);
}

void sp_cube_filter_back(sp_cube_filter *c, uint64_t first, uint64_t count, const float *traces, float *removed) {
  if (c->on_gpu) {
    note(c, c->spec.gpu->back(c->on_gpu, (uint32_t)first, (uint32_t)count, traces, removed));
    return;
  }
  sp_thread_team_wait(c->spec.team);
  c->loop = (sp_cube_loop){.cube = c, .first = first, .traces = traces, .samples = removed};
  sp_thread_team_start(c->spec.team, count, 4, back_item, &c->loop);
}

/* --- across traces ------------------------------------------------------------------------------------------------ */

static void filter_plane(void *context, int thread, uint64_t i) {
  const sp_cube_loop *l = context;
  const sp_cube_filter *c = l->cube;
  sp_fk_plane_filter(&l->way->plane, &c->filter.zone, l->way->time.first_bin + (uint32_t)(l->bins.first + i),
                     work_of(c, thread), &c->cells, c->planes + i * c->n_items);
}

static void look_at_plane(void *context, int thread, uint64_t i) {
  const sp_cube_loop *l = context;
  const sp_cube_filter *c = l->cube;
  const float found = sp_fk_plane_largest(&l->way->plane, work_of(c, thread), &c->cells, c->planes + i * c->n_items);
  if (found > l->largest[thread]) l->largest[thread] = found;
}

static void project_plane(void *context, int thread, uint64_t i) {
  const sp_cube_loop *l = context;
  const sp_cube_filter *c = l->cube;
  sp_fk_plane_project(&l->way->plane, work_of(c, thread), &c->cells, l->limit, c->planes + i * c->n_items);
}

/* Every chunk to planes, `what` with each of these, and back unless only looked at. Collective. */
static sp_status each_plane(sp_cube_filter *c, const sp_cube_passage *w, float limit, sp_team_item what) {
  for (uint32_t k = 0; k < sp_transpose_n_chunks(w->transpose); k++) {
    sp_fk_complex *traces = c->spectra + k * w->chunk_stride;
    SP_TRY(sp_transpose_to_planes(w->transpose, k, traces, c->planes));
    const sp_share bins = sp_transpose_bins(w->transpose, k);
    c->loop = (sp_cube_loop){.cube = c, .way = w, .chunk = k, .bins = bins, .limit = limit, .largest = c->largest};
    sp_thread_team_start(c->spec.team, bins.count, 1, what, &c->loop);
    sp_thread_team_wait(c->spec.team);
    SP_TRY(sp_transpose_to_traces(w->transpose, k, c->planes, traces));
  }
  return SP_SUCCESS;
}

/* --- filling gaps ------------------------------------------------------------------------------------------------- */

static void transform_kept(void *context, int thread, uint64_t item) {
  const sp_cube_loop *l = context;
  const sp_cube_filter *c = l->cube;
  transform_item(c, l->way, thread, item, c->samples + item * c->filter.n_samples);
}

static void replace_absent(void *context, int thread, uint64_t item) {
  const sp_cube_loop *l = context;
  const sp_cube_filter *c = l->cube;
  if (c->state[item] == SP_ITEM_LIVE) return;
  sp_fk_complex *row = row_of(c, thread);
  float *samples = c->samples + item * c->filter.n_samples;
  get_row(c, l->way, item, row);
  sp_fk_trace_back(l->way->stage, work_of(c, thread), samples, row, samples);
}

static void each_item(sp_cube_filter *c, const sp_cube_passage *w, sp_team_item what) {
  c->loop = (sp_cube_loop){.cube = c, .way = w};
  sp_thread_team_start(c->spec.team, c->share.count, 4, what, &c->loop);
  sp_thread_team_wait(c->spec.team);
}

static sp_status fill_gaps(sp_cube_filter *c) {
  const sp_cube_passage *w = &c->filling;
  const int n_threads = sp_thread_team_size(c->spec.team);
  float largest = 0;
  for (uint32_t step = 0; step < c->filter.fill; step++) {
    each_item(c, w, transform_kept);
    if (step == 0) {
      SP_ALIKE(each_plane(c, w, 0, look_at_plane));
      for (int i = 0; i < n_threads; i++) largest = c->largest[i] > largest ? c->largest[i] : largest;
      SP_MPI_ALL(MPI_Allreduce(MPI_IN_PLACE, &largest, 1, MPI_FLOAT, MPI_MAX, c->spec.ranks.comm));
    }
    SP_TRY(each_plane(c, w, sp_fk_fill_limit(largest, step, c->filter.fill), project_plane));
    each_item(c, w, replace_absent);
  }
  return SP_SUCCESS;
}

/* --- traces that share a cell ------------------------------------------------------------------------------------- */

/* 1 / (present traces of the cell) by item; absent ones count for nothing. */
static sp_status share_cells(sp_cube_filter *c) {
  const size_t n_cells = (size_t)c->spec.nx * c->spec.ny;
  uint32_t *count = NULL;
  SP_ALIKE(sp_calloc_together(c->spec.ranks.comm, n_cells, sizeof *count, "a cube", &count));
  for (uint64_t i = 0; i < c->share.count; i++) {
    count[c->cells.cell[c->share.first + i]] += c->state[i] == SP_ITEM_LIVE;
  }
  const int n = sp_mpi_count(n_cells);
  const sp_status status = SP_MPI(MPI_Allreduce(MPI_IN_PLACE, count, n, MPI_UINT32_T, MPI_SUM, c->spec.ranks.comm));
  for (uint64_t i = 0; i < c->n_items; i++) {
    const uint32_t present = count[c->cells.cell[i]];
    c->cell_share[i] = present > 1 ? 1 / (float)present : 1;
  }
  sp_free(count);
  return status;
}

uint32_t sp_cube_filter_faint(const sp_cube_filter *c) {
  return sp_faint_traces(&c->energies);
}

sp_status sp_cube_filter_run(sp_cube_filter *c) {
  SP_MPI_ALL(MPI_Allreduce(MPI_IN_PLACE, c->energies.n, SP_FAINT_BINS, MPI_UINT32_T, MPI_SUM, c->spec.ranks.comm));
  if (c->on_gpu) {
    SP_TRY(c->spec.gpu->states(c->on_gpu, 0, (uint32_t)c->share.count, c->state));
    SP_TRY(c->spec.gpu->filter(c->on_gpu));
    return c->spec.gpu->wait(c->on_gpu);
  }
  if (c->spec.mean) SP_TRY(share_cells(c));
  if (c->filter.fill > 0) {
    SP_TRY(fill_gaps(c));
    each_item(c, &c->filtering, transform_kept);
  }
  return each_plane(c, &c->filtering, 0, filter_plane);
}
