/* SPDX-License-Identifier: BSD-3-Clause */
/* Rows of a gather through a stage. Invariant: what becomes of a trace does not depend on the unit or chunk that it is
 * in. */
#include "src/flow/gather/unit.h"

#include <string.h>

#include "seisproc/share.h"
#include "src/flow/gather/measure.h"
#include "src/flow/gather/unit_task.h"

sp_local sp_unit_result_rows(const sp_chain *chain) {
  const sp_chain_stage *last = &chain->stages[chain->n_stages - 1];
  if (last->locality == SP_LOCAL_GATHER) return 0;
  return last->locality == SP_LOCAL_TRACE ? last->chunk_rows : last->unit_rows;
}

sp_local sp_unit_before_rows(const sp_engine_config *config, const sp_chain *chain) {
  sp_local rows = 0;
  for (size_t i = 0; sp_measured_steps(config) > 0 && i < chain->n_stages; i++) {
    if (chain->stages[i].chunk_rows > rows) rows = chain->stages[i].chunk_rows;
  }
  return rows;
}

/* --- what chains share ------------------------------------------------------------------------------------------ */

bool sp_unit_passes_over(const sp_unit_context *context, const sp_unit *unit, size_t step) {
  return unit->known && step < context->config->n_shared;
}

/* What the last shared step left of rows of the unit: kept for engines to come or, where that is known, taken from
 * there. Rows after the shared steps before it are looked at by nobody else. */
static void pass_on(const sp_unit_task *t, size_t step, sp_local row, sp_local count) {
  const sp_unit *u = t->unit;
  if (!u->slab->shared || step + 1 != t->context->config->n_shared) return;
  for (sp_local i = row; i < row + count; i++) {
    float *mine = t->result + i * t->n;
    float *kept = u->slab->shared->rows + (t->first_row + sp_unit_place_of(u, u->first + i)) * t->n;
    memcpy(u->known ? mine : kept, u->known ? kept : mine, t->n * sizeof(float));
  }
}

/* --- the steps -------------------------------------------------------------------------------------------------- */

static sp_failure apply_step(const sp_unit_task *t, size_t step, sp_local first_row, sp_block *block) {
  const sp_chain *chain = t->context->chain;
  const sp_reason reason = sp_chain_apply(chain, step, t->scratch->thread, t->columns, first_row, block);
  return sp_failure_of_step((uint32_t)chain->n_steps, (uint32_t)step, reason);
}

/* A step that takes dead traces gets all of an arranged gather's, at their places. */
static sp_failure apply_to_full(const sp_unit_task *t) {
  const sp_unit *u = t->unit;
  const sp_chain *chain = t->context->chain;
  const size_t step = t->stage->first_step, row_bytes = t->n * sizeof(float);
  const sp_local n_traces = u->slab->first_trace[u->gather + 1] - t->first_row;
  const sp_local *places = u->traces->places + t->first_row;
  float *in = t->scratch->full, *out = in + (size_t)t->context->config->max_gather * t->n;
  memset(in, 0, n_traces * row_bytes);
  for (sp_local i = 0; i < u->n_rows; i++) memcpy(in + places[i] * t->n, t->gather_from + i * t->n, row_bytes);
  sp_block block = {.in = in, .out = out, .n_traces = n_traces, .count = n_traces};
  const sp_reason reason = sp_chain_apply(chain, step, t->scratch->thread, u->slab->headers, t->first_row, &block);
  for (sp_local i = 0; i < u->n_rows; i++) memcpy(t->result + i * t->n, out + places[i] * t->n, row_bytes);
  return sp_failure_of_step((uint32_t)chain->n_steps, (uint32_t)step, reason);
}

/* What the first step that is not shared found out about the gather before; NULL: nobody keeps that. */
static void *findings_of(const sp_unit_task *t, size_t step) {
  const sp_unit *u = t->unit;
  if (step != t->context->config->n_shared || !u->slab->findings) return NULL;
  return (char *)u->slab->findings + u->gather * t->context->chain->parts[step].plan->finding_bytes;
}

/* What becomes of the rows of a whole gather as they are finished, one by one. */
typedef struct finished_rows {
  sp_unit_task *task;
  sp_unit_outcome *crcs;
  sp_failure failure;
} finished_rows;

static void finish_row(void *context, uint32_t row);

/* The stage's first step, from where the stage gets its rows to where it leaves them. */
static sp_failure apply_first(const sp_unit_task *t, finished_rows *rows_done) {
  const sp_unit *u = t->unit;
  const size_t step = t->stage->first_step;
  sp_block block = {.in = t->gather_from, .n_traces = u->n_rows, .first = u->first, .count = u->count};
  sp_local first_row = t->first_row;
  if (t->stage->n_steps == 0) {
    memcpy(t->result, t->gather_from + u->first * t->n, u->count * t->n * sizeof(float));
    return 0;
  }
  if (u->arranged && t->context->chain->parts[step].plan->takes_dead) return apply_to_full(t);
  if (t->stage->locality == SP_LOCAL_TRACE) {
    block = (sp_block){.in = t->gather_from + u->first * t->n, .n_traces = u->count, .count = u->count};
    first_row += u->first;
  }
  block.findings = findings_of(t, step);
  if (rows_done) block.row_done = finish_row, block.row_context = rows_done;
  /* out is where row 0 would be, which need not be in the buffer that `result` is in */
  block.out = (float *)((uintptr_t)t->result - block.first * t->n * sizeof(float));
  return apply_step(t, step, first_row, &block);
}

static sp_failure begin_stage(const sp_unit_task *t, finished_rows *rows_done) {
  const size_t step = t->stage->first_step;
  const sp_failure failure = sp_unit_passes_over(t->context, t->unit, step) ? 0 : apply_first(t, rows_done);
  if (!failure) pass_on(t, step, 0, t->unit->count);
  return failure;
}

/* Measures what a step made of `count` rows from `row` of the unit on. */
static void measure_step(const sp_unit_task *t, size_t step, sp_local row, sp_local count, const float *in,
                         const float *out) {
  const sp_engine_config *config = t->context->config;
  if (step >= sp_measured_steps(config) || sp_unit_passes_over(t->context, t->unit, step)) return;
  sp_step_sums *sums = t->unit->traces->steps + step * config->max_traces + t->first_row;
  for (sp_local i = 0; i < count; i++) {
    sp_row_sums found;
    t->context->rows->measure(in + i * t->n, out + i * t->n, t->n, &found);
    sums[sp_unit_place_of(t->unit, t->unit->first + row + i)] = (sp_step_sums){found.in, found.noise};
  }
}

/* Steps of the stage that look at each trace by itself, in place, on `count` rows from `row` of the unit on. */
static sp_failure apply_in_place(const sp_unit_task *t, size_t first_step, sp_local row, sp_local count) {
  const size_t n_measured = sp_measured_steps(t->context->config);
  float *rows = t->result + row * t->n;
  for (size_t step = first_step; step < t->stage->first_step + t->stage->n_steps; step++) {
    sp_block block = {.in = rows, .out = rows, .n_traces = count, .count = count};
    if (sp_unit_passes_over(t->context, t->unit, step)) {
      pass_on(t, step, row, count);
      continue;
    }
    if (step < n_measured) memcpy(t->scratch->before, rows, count * t->n * sizeof(float));
    const sp_failure failure = apply_step(t, step, t->first_row + t->unit->first + row, &block);
    if (failure) return failure;
    measure_step(t, step, row, count, t->scratch->before, rows);
    pass_on(t, step, row, count);
  }
  return 0;
}

/* --- a chain of one stage marks its traces itself ---------------------------------------------------------------- */

/* Whether the steps that edit make a row finite. Where one refuses it, *refused is raised. */
static bool is_cured(const sp_unit_task *t, sp_local row, sp_failure *refused) {
  const sp_chain *chain = t->context->chain;
  float *edited = t->scratch->spare_row;
  if (chain->n_edits == 0) return false;
  memcpy(edited, t->input + row * t->n, t->n * sizeof(float));
  for (size_t step = 0; step < chain->n_edits; step++) {
    sp_block block = {.in = edited, .out = edited, .n_traces = 1, .count = 1};
    const sp_failure failure = apply_step(t, step, t->first_row + t->unit->first + row, &block);
    *refused = sp_failure_worst(*refused, failure);
    if (failure) return false;
  }
  return !(t->context->rows->scan(edited, t->n) & SP_ROW_NOT_FINITE);
}

/* Says what a row of the input holds. Where its result is there already and is to be measured, both in one pass. */
static unsigned look_at_row(const sp_unit_task *t, sp_local row) {
  const float *input = t->input + row * t->n;
  if (!t->measured) return t->context->rows->scan(input, t->n);
  return t->context->rows->measure(input, t->result + row * t->n, t->n, sp_unit_sums_of(t, t->unit->first + row));
}

/* Marks and counts the unit's rows, as the slab has them; returns how many stay as they are. */
static sp_local mark_rows(const sp_unit_task *t, sp_trace_counts *counts, sp_failure *refused) {
  sp_local aside = 0;
  for (sp_local i = 0; i < t->unit->count; i++) {
    const unsigned seen = look_at_row(t, i);
    const bool finite = !(seen & SP_ROW_NOT_FINITE), cured = !finite && is_cured(t, i, refused);
    const sp_mark mark = sp_mark_of(false, seen & SP_ROW_ALIVE, finite, seen & SP_ROW_ALIVE, finite || cured);
    t->scratch->marks[i] = (unsigned char)mark;
    counts->live += sp_mark_is_live(mark);
    counts->dead += mark == SP_MARK_DEAD;
    counts->bad += mark == SP_MARK_BAD;
    aside += !sp_mark_is_live(mark);
  }
  return aside;
}

/* A step has refused some of the rows: those that are not live are not to be counted. */
static sp_failure apply_to_live(const sp_unit_task *t) {
  sp_failure failure = 0;
  for (sp_local i = 0; i < t->unit->count; i++) {
    if (!sp_mark_is_live(t->marks[i])) continue;
    memcpy(t->result + i * t->n, t->input + i * t->n, t->n * sizeof(float));
    failure = sp_failure_worst(failure, apply_in_place(t, t->stage->first_step, i, 1));
  }
  return failure;
}

/* --- a unit ----------------------------------------------------------------------------------------------------- */

/* One chunk: its steps after the first, then what is written. */
static sp_failure finish_chunk(const sp_unit_task *t, sp_local row, sp_local count, bool applied, sp_unit_outcome *crcs,
                               sp_unit_outcome *outcome) {
  const sp_failure failure = applied ? 0 : apply_in_place(t, t->stage->first_step + 1, row, count);
  if (failure || !t->last) return failure;
  if (t->context->chain->inner) {
    sp_unit_put_rows(t, row, count);
    return 0;
  }
  return t->unit->arranged ? sp_unit_give_arranged(t, row, count, outcome) : sp_unit_give_in_order(t, row, count, crcs);
}

/* Whether a step on whole gathers hands rows out as it goes: then what is made of them need not read them again. */
static bool hands_rows_out(const sp_unit_task *t) {
  const sp_chain *chain = t->context->chain;
  const sp_chain_part *part = &chain->parts[t->stage->first_step];
  if (!t->last || t->stage->n_steps != 1 || chain->inner || t->unit->slab->shared) return false;
  return part->plan->tells_rows && !part->plan->takes_dead && !part->is_undo;
}

/* Rows of an arranged gather are measured only: where they go an input that is still needed may lie. */
static void finish_row(void *context, uint32_t row) {
  finished_rows *rows_done = context;
  sp_unit_task *t = rows_done->task;
  measure_step(t, t->stage->first_step, row, 1, t->gather_from + row * t->n, t->result + row * t->n);
  if (!t->unit->arranged) {
    rows_done->failure = sp_failure_worst(rows_done->failure, sp_unit_give_in_order(t, row, 1, rows_done->crcs));
  } else if (t->unit->traces->sums && t->marks[row] == SP_MARK_LIVE) {
    t->context->rows->measure(t->input + row * t->n, t->result + row * t->n, t->n, sp_unit_sums_of(t, row));
  }
}

/* A chain of one stage looks at the input after it was computed on: then the cache holds it, and what waits for memory
 * is the processor, which can fetch ahead while it computes. A failure in one chunk does not end the others: which
 * failure is found must not depend on the cut. */
static sp_failure compute(sp_unit_task *t, sp_unit_outcome *crcs, sp_unit_outcome *outcome) {
  const sp_local count = t->unit->count, step = t->stage->chunk_rows, n_chunks = (count + step - 1) / step;
  finished_rows rows_done = {.task = t, .crcs = crcs};
  const bool handed_out = hands_rows_out(t);
  sp_failure failure = begin_stage(t, handed_out ? &rows_done : NULL);
  if (handed_out && !t->unit->arranged) return sp_failure_worst(failure, rows_done.failure);
  t->measured = handed_out;
  if (!failure && !handed_out && t->stage->n_steps > 0) {
    measure_step(t, t->stage->first_step, 0, count, t->gather_from + t->unit->first * t->n, t->result);
  }
  bool applied = t->stage->n_steps == 0;
  if (t->context->chain->by_trace) {
    sp_failure refused = 0;
    t->measured = t->unit->traces->sums && t->stage->n_steps <= 1 && !failure;
    const sp_local aside = mark_rows(t, &outcome->counts, &refused);
    t->measured = t->measured && aside == 0;
    if (aside > 0 && !failure) failure = apply_in_place(t, t->stage->first_step + 1, 0, count);
    if (aside > 0 && failure) failure = sp_failure_worst(apply_to_live(t), refused);
    applied = applied || aside > 0;
  }
  if (failure) return failure;
  for (sp_local k = 0; k < n_chunks; k++) {
    const sp_local row = (t->unit->arranged ? n_chunks - 1 - k : k) * step;
    const sp_local rows = step < count - row ? step : count - row;
    failure = sp_failure_worst(failure, finish_chunk(t, row, rows, applied, crcs, outcome));
  }
  return failure;
}

/* Chunks of a trace-local stage are units of their own, so that all of a chunk stays in the cache. */
void sp_unit_compute(const sp_unit_context *context, const sp_unit_scratch *scratch, const sp_unit *unit,
                     sp_unit_outcome *outcome) {
  *outcome = (sp_unit_outcome){0};
  if (unit->failure >= sp_failure_at((uint32_t)context->chain->n_steps + 2, 1)) return; /* of its input, or set aside */
  const sp_chain_stage *stage = &context->chain->stages[unit->stage];
  const sp_local step = stage->locality == SP_LOCAL_TRACE ? stage->chunk_rows : unit->count;
  sp_unit_outcome crcs = {0};
  SP_EACH_PIECE (p, 0, unit->count, step) {
    sp_unit part = *unit;
    part.first += (sp_local)p.first;
    part.count = (sp_local)p.count;
    sp_unit_task t = sp_unit_make_task(context, scratch, &part);
    outcome->failure = sp_failure_worst(outcome->failure, compute(&t, &crcs, outcome));
  }
  if (unit->stage + 1 == context->chain->n_stages && !outcome->failure && !unit->arranged) {
    sp_unit_add_crcs(context, &crcs, sp_unit_gather_traces(unit) - unit->first - unit->count, outcome);
  }
  context->rows->drain();
}
