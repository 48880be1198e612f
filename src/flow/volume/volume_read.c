/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading a share of a cube piece by piece. A trace that cannot be read is absent: no worker leaves the others alone in
 * a collective for it. */
#include <math.h>
#include <string.h>

#include "seisproc/clock.h"
#include "seisproc/log.h"
#include "src/flow/volume/volume_worker.h"

/* --- pieces ------------------------------------------------------------------------------------------------------- */

uint32_t sp_volume_run_length(const sp_volume_worker *w, uint64_t item, uint32_t n) {
  const uint64_t first = sp_volume_trace(w->plan, w->cube, item);
  uint32_t count = 1;
  while (count < n && sp_volume_trace(w->plan, w->cube, item + count) == first + count) count++;
  return count;
}

/* The gather of the cube that an item belongs to. */
static uint64_t gather_of(const sp_volume_worker *w, uint64_t item) {
  const uint32_t *starts = sp_volume_gathers(w->plan, w->cube);
  uint64_t low = 0, high = w->cube->n_gathers;
  while (high - low > 1) {
    const uint64_t middle = (low + high) / 2;
    if (starts[middle] <= item) {
      low = middle;
    } else {
      high = middle;
    }
  }
  return low;
}

void sp_volume_set_ranges(sp_volume_worker *w) {
  w->range = w->owned = w->share;
  if (!w->shared->gathers_at || w->share.count == 0) return;
  const uint32_t *starts = sp_volume_gathers(w->plan, w->cube); /* closed by the number of traces */
  const uint64_t first = w->share.first, last = first + w->share.count - 1;
  const uint64_t from = gather_of(w, first), to = gather_of(w, last);
  w->range = (sp_share){starts[from], starts[to + 1] - starts[from]};
  const uint64_t own = starts[from] == first ? from : from + 1;
  w->owned = own <= to ? (sp_share){starts[own], starts[to + 1] - starts[own]} : (sp_share){last + 1, 0};
}

/* Without whole gathers a step sees each trace as one. */
static void cut_traces(sp_volume_piece *piece) {
  piece->n_gathers = piece->count;
  for (sp_local i = 0; piece->first_trace && i <= piece->count; i++) piece->first_trace[i] = i;
}

static void cut_gathers(const sp_volume_worker *w, uint64_t end, sp_volume_piece *piece) {
  const uint32_t *start = sp_volume_gathers(w->plan, w->cube) + gather_of(w, piece->first);
  sp_local n = 0;
  piece->first_trace[0] = 0;
  while (start[n] < end && (n == 0 || start[n + 1] - piece->first <= w->shared->slab_rows)) {
    piece->first_trace[n + 1] = (sp_local)(start[n + 1] - piece->first);
    n++;
  }
  piece->n_gathers = n;
  piece->count = piece->first_trace[n];
}

bool sp_volume_next_piece(const sp_volume_worker *w, uint64_t *at, uint64_t end, sp_volume_piece *piece) {
  if (*at >= end) return false;
  const uint64_t left = end - *at;
  piece->first = *at;
  piece->count = left < w->shared->slab_rows ? (uint32_t)left : w->shared->slab_rows;
  if (w->shared->gathers_at) {
    cut_gathers(w, end, piece);
  } else {
    cut_traces(piece);
  }
  *at += piece->count;
  return true;
}

/* --- rows --------------------------------------------------------------------------------------------------------- */

/* Trace by trace where a run cannot be read. */
static void read_run(sp_volume_worker *w, uint64_t item, uint32_t count, float *rows) {
  const uint64_t first = sp_volume_trace(w->plan, w->cube, item);
  if (sp_trace_source_read_independent(w->traces, first, count, rows) == SP_SUCCESS) return;
  for (uint32_t k = 0; k < count; k++) {
    float *row = rows + (size_t)k * w->shape->n_samples;
    if (sp_trace_source_read_independent(w->traces, first + k, 1, row) == SP_SUCCESS) continue;
    sp_warn("trace %llu cannot be read", (unsigned long long)(first + k));
    memset(row, 0, w->shape->n_samples * sizeof *row);
    sp_volume_item_at(w, item + k)->flags |= SP_VOLUME_UNREADABLE;
  }
}

/* Which of a run are not seismic; where that cannot be read, none. */
static void read_trid(sp_volume_worker *w, uint64_t item, uint32_t count) {
  const uint64_t first = sp_volume_trace(w->plan, w->cube, item);
  if (sp_dataset_read_independent(w->trid, first, count, w->trid_rows) != SP_SUCCESS) return;
  sp_rows_to_double(sp_dataset_type(w->trid), w->trid_rows, count, w->trid_values);
  for (uint32_t k = 0; k < count; k++) {
    if (!sp_trid_is_seismic(w->trid_values[k])) sp_volume_item_at(w, item + k)->flags |= SP_VOLUME_SKIPPED;
  }
}

/* What a row holds, and samples that are not finite as the job's `nan` has it. */
static void look_at(const sp_volume_worker *w, sp_volume_item *item, float *row) {
  const bool repair = w->plan->job->settings.nan == SP_NAN_ZERO;
  bool empty = true, bad = false;
  for (uint32_t i = 0; i < w->shape->n_samples; i++) {
    const bool finite = isfinite(row[i]);
    bad = bad || !finite;
    if (!finite && repair) row[i] = 0;
    empty = empty && row[i] == 0;
  }
  if (bad) item->flags |= repair ? SP_VOLUME_REPAIRED : SP_VOLUME_BAD;
  if (empty && w->before.engine) item->flags |= SP_VOLUME_EMPTY;
}

static bool looks_at_rows(const sp_volume_worker *w) {
  return w->before.engine || w->plan->job->settings.nan != SP_NAN_TRACE;
}

/* Nothing of a gather is processed that holds a sample which is not finite; a step before fkk finds that by itself. */
static void set_gathers_aside(const sp_volume_worker *w, const sp_volume_piece *piece) {
  for (sp_local g = 0; g < piece->n_gathers; g++) {
    bool bad = false;
    sp_volume_item *items = sp_volume_item_at(w, piece->first);
    for (sp_local i = piece->first_trace[g]; i < piece->first_trace[g + 1]; i++) {
      bad = bad || (items[i].flags & (SP_VOLUME_BAD | SP_VOLUME_SKIPPED)) == SP_VOLUME_BAD;
    }
    for (sp_local i = piece->first_trace[g]; bad && i < piece->first_trace[g + 1]; i++) {
      items[i].reason = SP_REASON_NOT_FINITE;
    }
  }
}

void sp_volume_piece_read(sp_volume_worker *w, sp_volume_piece *piece) {
  const double start = sp_now();
  const size_t n = w->shape->n_samples;
  sp_activity_set(w->site->activity, "reads");
  for (uint32_t i = 0; i < piece->count;) {
    const uint32_t run = sp_volume_run_length(w, piece->first + i, piece->count - i);
    read_run(w, piece->first + i, run, piece->samples + i * n);
    if (w->trid) read_trid(w, piece->first + i, run);
    i += run;
  }
  for (uint32_t i = 0; looks_at_rows(w) && i < piece->count; i++) {
    look_at(w, sp_volume_item_at(w, piece->first + i), piece->samples + i * n);
  }
  if (w->plan->job->settings.nan == SP_NAN_GATHER && !w->before.engine) set_gathers_aside(w, piece);
  sp_activity_step(w->site->activity);
  sp_stage_add(w->site->times, SP_STAGE_READ, sp_now() - start, (uint64_t)piece->count * n * sizeof(float));
}

void sp_volume_item_read(sp_volume_worker *w, uint64_t item, float *row) {
  read_run(w, item, 1, row);
  if (looks_at_rows(w)) look_at(w, sp_volume_item_at(w, item), row);
}

void sp_volume_hide(const sp_volume_worker *w, uint64_t first, uint32_t count, float *rows) {
  const size_t n = w->shape->n_samples;
  for (uint32_t i = 0; i < count; i++) {
    const sp_volume_item *item = sp_volume_item_at(w, first + i);
    if (item->flags & SP_VOLUME_SKIPPED || item->reason != SP_REASON_OK) memset(rows + i * n, 0, n * sizeof *rows);
  }
}
