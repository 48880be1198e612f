/* SPDX-License-Identifier: BSD-3-Clause */
/* Marks traces and puts the live ones first. Invariant: rows of an arranged gather are its live traces in their order,
 * then the others in theirs, and marks, places and columns go along. */
#include "src/flow/gather/live.h"

#include <math.h>

#include "seisproc/trace_sort.h"

enum { SHARED_BAD = 0x80 }; /* beside a sp_mark: the row held NaN or Inf */

static void repair(float *x, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (!isfinite(x[i])) x[i] = 0;
  }
}

static sp_mark mark_row(const sp_unit_context *context, float *input, float *edited, bool *bad) {
  const size_t n = context->config->n_samples;
  unsigned before = context->rows->scan(input, n), after = edited == input ? before : context->rows->scan(edited, n);
  *bad = after & SP_ROW_NOT_FINITE;
  if (*bad && context->config->nan == SP_NAN_ZERO) {
    repair(input, n);
    if (edited != input) repair(edited, n);
    before = context->rows->scan(input, n);
    after = context->rows->scan(edited, n);
  }
  return sp_mark_of(false, before & SP_ROW_ALIVE, !(before & SP_ROW_NOT_FINITE), after & SP_ROW_ALIVE,
                    !(after & SP_ROW_NOT_FINITE));
}

/* What stays of a row's mark for a chain that passes over the steps which edit. */
static unsigned char shared_mark(sp_mark mark, bool bad) {
  return (unsigned char)((unsigned)mark | (bad ? SHARED_BAD : 0));
}

/* The same row, marked before: its edited form is not there. */
static sp_mark recall_mark(const sp_unit_context *context, float *input, unsigned char shared, bool *bad) {
  *bad = shared & SHARED_BAD;
  if (*bad && context->config->nan == SP_NAN_ZERO) repair(input, context->config->n_samples);
  return (sp_mark)(shared & (SHARED_BAD - 1));
}

static void count(sp_trace_counts *counts, sp_mark mark, bool bad) {
  counts->live += sp_mark_is_live(mark);
  counts->dead += mark == SP_MARK_DEAD;
  counts->bad += bad;
}

void sp_live_mark(const sp_unit_context *context, const sp_unit *unit, sp_unit_outcome *outcome) {
  const sp_slab *slab = unit->slab;
  const size_t n = context->config->n_samples;
  const sp_local first = slab->first_trace[unit->gather] + unit->first;
  float *edited = sp_stage_output(context, slab, unit->failure ? 0 : context->chain->n_prefix);
  const size_t n_edits = context->chain->n_edits;
  const bool known = n_edits < context->config->n_shared && sp_unit_passes_over(context, unit, n_edits);
  *outcome = (sp_unit_outcome){0};
  if (unit->failure >= sp_failure_set_aside((uint32_t)context->chain->n_steps, 1)) return;
  for (sp_local row = first; row < first + unit->count; row++) {
    bool bad;
    const sp_mark mark = known ? recall_mark(context, slab->in + row * n, slab->shared->marks[row], &bad)
                               : mark_row(context, slab->in + row * n, edited + row * n, &bad);
    if (slab->shared) slab->shared->marks[row] = shared_mark(mark, bad);
    unit->traces->marks[row] = (unsigned char)mark;
    count(&outcome->counts, mark, bad);
  }
}

void sp_live_mark_skipped(const sp_unit_context *context, const sp_unit *unit, sp_unit_outcome *outcome) {
  const sp_slab *slab = unit->slab;
  const size_t n = context->config->n_samples;
  *outcome = (sp_unit_outcome){0};
  for (sp_local row = slab->first_trace[unit->gather]; row < slab->first_trace[unit->gather + 1]; row++) {
    sp_mark mark = SP_MARK_LIVE;
    if (slab->skip[row]) {
      const bool alive = context->rows->scan(slab->in + row * n, n) & SP_ROW_ALIVE;
      mark = sp_mark_of(true, alive, true, true, true);
    }
    unit->traces->marks[row] = (unsigned char)mark;
    outcome->counts.dead += mark == SP_MARK_DEAD;
  }
}

/* The order that puts live rows first, both kinds in their own order; returns how many are live. */
static sp_local partition(const unsigned char *marks, sp_local n, sp_local *order) {
  sp_local n_live = 0, k = 0;
  for (sp_local i = 0; i < n; i++) {
    if (sp_mark_is_live(marks[i])) order[n_live++] = i;
  }
  for (sp_local i = 0; i < n; i++) {
    if (!sp_mark_is_live(marks[i])) order[n_live + k++] = i;
  }
  return n_live;
}

/* Moves what describes the rows along. */
static void arrange_description(const sp_unit_context *context, const sp_unit_scratch *scratch, const sp_unit *unit) {
  const sp_traces *traces = unit->traces;
  const sp_local first = unit->slab->first_trace[unit->gather], n = unit->n_rows, *order = scratch->order;
  const sp_local n_traces = unit->slab->first_trace[unit->gather + 1] - first;
  sp_local *places = traces->places + first;
  if (!unit->arranged) {
    for (sp_local i = 0; i < n_traces; i++) places[i] = i;
    for (size_t k = 0; k < context->n_headers; k++) {
      for (sp_local i = first; i < first + n_traces; i++) traces->columns[k][i] = unit->slab->headers[k][i];
    }
  }
  double spare;
  sp_trace_permute(places, sizeof *places, order, n, &spare, scratch->marks);
  sp_trace_permute(traces->marks + first, 1, order, n, &spare, scratch->marks);
  for (size_t k = 0; k < context->n_headers; k++) {
    sp_trace_permute(traces->columns[k] + first, sizeof(double), order, n, &spare, scratch->marks);
  }
}

sp_local sp_live_arrange(const sp_unit_context *context, const sp_unit_scratch *scratch, const sp_unit *unit) {
  const sp_slab *slab = unit->slab;
  const size_t n = context->config->n_samples, row_bytes = n * sizeof(float);
  const sp_local first = slab->first_trace[unit->gather];
  const sp_local n_live = partition(unit->traces->marks + first, unit->n_rows, scratch->order);
  if (n_live == unit->n_rows) return n_live;
  float *edited = sp_stage_output(context, slab, unit->stage);
  sp_trace_permute(slab->in + first * n, row_bytes, scratch->order, unit->n_rows, scratch->spare_row, scratch->marks);
  if (edited != slab->in) {
    sp_trace_permute(edited + first * n, row_bytes, scratch->order, unit->n_rows, scratch->spare_row, scratch->marks);
  }
  arrange_description(context, scratch, unit);
  return n_live;
}
