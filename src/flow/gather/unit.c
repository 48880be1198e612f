/* SPDX-License-Identifier: BSD-3-Clause */
/* Rows of a gather through a stage, and what is written of them. Invariant: what is written for a trace, and its share
 * of the checksums, does not depend on the unit or chunk that it was in. */
#include "src/flow/gather/unit.h"

#include <string.h>

#include "seisproc/crc32c.h"
#include "seisproc/share.h"
#include "src/flow/gather/measure.h"

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

bool sp_stage_goes_between(const sp_chain *chain, size_t stage) {
  return (chain->n_stages - 1 - stage) % 2 == 1;
}

float *sp_stage_output(const sp_unit_context *context, const sp_slab *slab, size_t n_stages_done) {
  if (n_stages_done == 0) return slab->in;
  return sp_stage_goes_between(context->chain, n_stages_done - 1) ? context->between : slab->traces;
}

/* The columns that a gather's rows are described by. */
static const double *const *columns_of(const sp_unit *unit) {
  return unit->arranged ? (const double *const *)unit->traces->columns : unit->slab->headers;
}

/* A unit with what it works on. Row pointers are to its first row. */
typedef struct task {
  const sp_unit_context *context;
  const sp_unit_scratch *scratch;
  const sp_unit *unit;
  const sp_chain_stage *stage;
  const double *const *columns;
  size_t n;                   /* samples of a trace */
  sp_local first_row;         /* of the gather, in the slab */
  bool last;                  /* stage */
  const float *gather_from;   /* its first row as this stage gets it */
  const float *input;         /* as the slab has it */
  float *result;              /* in scratch, between, or in place in the slab's traces */
  const unsigned char *marks; /* of the unit's rows */
} task;

static task make_task(const sp_unit_context *context, const sp_unit_scratch *scratch, const sp_unit *unit) {
  const sp_slab *slab = unit->slab;
  task t = {.context = context,
            .scratch = scratch,
            .unit = unit,
            .stage = &context->chain->stages[unit->stage],
            .columns = columns_of(unit),
            .n = context->config->n_samples,
            .first_row = slab->first_trace[unit->gather],
            .last = unit->stage + 1 == context->chain->n_stages};
  const size_t start = t.first_row * t.n, row = start + unit->first * t.n;
  t.gather_from = sp_stage_output(context, slab, unit->stage) + start;
  t.input = slab->in + row;
  t.result = t.last && scratch->result ? scratch->result : sp_stage_output(context, slab, unit->stage + 1) + row;
  t.marks = context->chain->by_trace ? scratch->marks : unit->traces->marks + t.first_row + unit->first;
  return t;
}

/* Where row i of the unit goes in the end, as a trace of the gather. */
static sp_local place_of(const sp_unit *u, sp_local row) {
  return u->arranged ? u->traces->places[u->slab->first_trace[u->gather] + row] : row;
}

/* --- what chains share ------------------------------------------------------------------------------------------ */

bool sp_unit_passes_over(const sp_unit_context *context, const sp_unit *unit, size_t step) {
  return unit->known && step < context->config->n_shared;
}

/* What the last shared step left of rows of the unit: kept for engines to come or, where that is known, taken from
 * there. Rows after the shared steps before it are looked at by nobody else. */
static void pass_on(const task *t, size_t step, sp_local row, sp_local count) {
  const sp_unit *u = t->unit;
  if (!u->slab->shared || step + 1 != t->context->config->n_shared) return;
  for (sp_local i = row; i < row + count; i++) {
    float *mine = t->result + i * t->n;
    float *kept = u->slab->shared->rows + (t->first_row + place_of(u, u->first + i)) * t->n;
    memcpy(u->known ? mine : kept, u->known ? kept : mine, t->n * sizeof(float));
  }
}

/* --- the steps -------------------------------------------------------------------------------------------------- */

static sp_failure apply_step(const task *t, size_t step, sp_local first_row, sp_block *block) {
  const sp_chain *chain = t->context->chain;
  const sp_reason reason = sp_chain_apply(chain, step, t->scratch->thread, t->columns, first_row, block);
  return sp_failure_of_step((uint32_t)chain->n_steps, (uint32_t)step, reason);
}

/* A step that takes dead traces gets all of an arranged gather's, at their places. */
static sp_failure apply_to_full(const task *t) {
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
static void *findings_of(const task *t, size_t step) {
  const sp_unit *u = t->unit;
  if (step != t->context->config->n_shared || !u->slab->findings) return NULL;
  return (char *)u->slab->findings + u->gather * t->context->chain->parts[step].plan->finding_bytes;
}

/* The stage's first step, from where the stage gets its rows to where it leaves them. */
static sp_failure apply_first(const task *t) {
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
  /* out is where row 0 would be, which need not be in the buffer that `result` is in */
  block.out = (float *)((uintptr_t)t->result - block.first * t->n * sizeof(float));
  return apply_step(t, step, first_row, &block);
}

static sp_failure begin_stage(const task *t) {
  const size_t step = t->stage->first_step;
  const sp_failure failure = sp_unit_passes_over(t->context, t->unit, step) ? 0 : apply_first(t);
  if (!failure) pass_on(t, step, 0, t->unit->count);
  return failure;
}

/* Measures what a step made of `count` rows from `row` of the unit on. */
static void measure_step(const task *t, size_t step, sp_local row, sp_local count, const float *in, const float *out) {
  const sp_engine_config *config = t->context->config;
  if (step >= sp_measured_steps(config) || sp_unit_passes_over(t->context, t->unit, step)) return;
  sp_step_sums *sums = t->unit->traces->steps + step * config->max_traces + t->first_row;
  for (sp_local i = 0; i < count; i++) {
    sp_row_sums found;
    t->context->rows->measure(in + i * t->n, out + i * t->n, t->n, &found);
    sums[place_of(t->unit, t->unit->first + row + i)] = (sp_step_sums){found.in, found.noise};
  }
}

/* Steps of the stage that look at each trace by itself, in place, on `count` rows from `row` of the unit on. */
static sp_failure apply_in_place(const task *t, size_t first_step, sp_local row, sp_local count) {
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
static bool is_cured(const task *t, sp_local row, sp_failure *refused) {
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

/* Marks and counts the unit's rows, as the slab has them; returns how many stay as they are. */
static sp_local mark_rows(const task *t, sp_trace_counts *counts, sp_failure *refused) {
  sp_local aside = 0;
  for (sp_local i = 0; i < t->unit->count; i++) {
    const unsigned seen = t->context->rows->scan(t->input + i * t->n, t->n);
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
static sp_failure apply_to_live(const task *t) {
  sp_failure failure = 0;
  for (sp_local i = 0; i < t->unit->count; i++) {
    if (!sp_mark_is_live(t->marks[i])) continue;
    memcpy(t->result + i * t->n, t->input + i * t->n, t->n * sizeof(float));
    failure = sp_failure_worst(failure, apply_in_place(t, t->stage->first_step, i, 1));
  }
  return failure;
}

/* --- what is written -------------------------------------------------------------------------------------------- */

/* Writes a row, which the cache holds, and adds it to the checksum of what was written before it. */
static void write_row(const task *t, float *to, const float *row, uint32_t *crc) {
  *crc = sp_crc32c(*crc, row, t->n * sizeof(float));
  if (to != row) t->context->rows->stream(to, row, t->n);
}

/* Where the sums of row i of the gather go; NULL where they are not wanted. */
static sp_row_sums *sums_of(const task *t, sp_local row) {
  sp_row_sums *all = t->unit->traces->sums;
  return all ? all + t->first_row + place_of(t->unit, row) : NULL;
}

/* A trace that stays as it is, or whose result is that it is empty. */
static void write_aside(const task *t, const float *input, sp_mark mark, float *traces, float *noise, sp_row_sums *sums,
                        sp_unit_outcome *outcome) {
  const sp_engine_config *config = t->context->config;
  const size_t bytes = t->n * sizeof(float);
  float *row = t->scratch->difference;
  const bool gone = mark == SP_MARK_EMPTIED, zeroed = mark == SP_MARK_BAD && config->on_error == SP_ON_ERROR_ZERO;
  const bool keep = config->mode == SP_MODE_NOISE ? gone : !gone && !zeroed;
  memset(row, 0, bytes);
  if (sums && mark != SP_MARK_BAD) t->context->rows->measure(input, gone ? row : input, t->n, sums);
  if (keep) memcpy(row, input, bytes);
  write_row(t, traces, row, &outcome->crc_traces);
  if (!noise) return;
  if (gone) {
    memcpy(row, input, bytes);
  } else {
    memset(row, 0, bytes);
  }
  write_row(t, noise, row, &outcome->crc_noise);
}

/* A processed trace: its result, the difference, or both. Returns whether that is finite: where the input is, a result
 * that is not shows in the difference. */
static bool write_processed(const task *t, const float *input, sp_mark mark, float *result, float *traces, float *noise,
                            sp_row_sums *sums, sp_unit_outcome *outcome) {
  const sp_row_ops *rows = t->context->rows;
  const sp_mode mode = t->context->config->mode;
  bool finite = false; /* sums of squares are where all samples are */
  if (sums && mark == SP_MARK_LIVE) {
    rows->measure(input, result, t->n, sums);
    finite = sums->measured != 0;
  }
  unsigned seen = (mark == SP_MARK_CURED || mode == SP_MODE_PROCESSED) && !finite ? rows->scan(result, t->n) : 0;
  if (mode != SP_MODE_PROCESSED) {
    float *difference = mode == SP_MODE_NOISE ? result : t->scratch->difference;
    const unsigned in_difference = rows->subtract(difference, input, result, t->n);
    if (mark != SP_MARK_CURED) seen = in_difference;
  }
  write_row(t, traces, result, &outcome->crc_traces);
  if (noise) write_row(t, noise, t->scratch->difference, &outcome->crc_noise);
  return !(seen & SP_ROW_NOT_FINITE);
}

/* From the result to what the mode asks for, a row at a time while the cache holds it. */
static sp_failure give_row(const task *t, sp_local i, sp_unit_outcome *outcome) {
  const sp_unit *u = t->unit;
  const size_t at = (t->first_row + place_of(u, u->first + i)) * t->n;
  float *traces = u->slab->traces + at, *noise = u->slab->noise ? u->slab->noise + at : NULL;
  const float *input = t->input + i * t->n;
  const sp_mark mark = (sp_mark)t->marks[i];
  sp_row_sums *sums = sums_of(t, u->first + i);
  if (sp_mark_is_live(mark)) {
    const bool fine = write_processed(t, input, mark, t->result + i * t->n, traces, noise, sums, outcome);
    return fine ? 0 : sp_failure_of_result();
  }
  write_aside(t, input, mark, traces, noise, sums, outcome);
  return 0;
}

/* Adds checksums of rows that come before `after` rows of the gather. The CRC of A followed by B is that of A moved
 * over the length of B, XOR that of B: moved over all that follows it in the gather, a part's CRC can be added in any
 * order. */
static void add_crcs(const sp_unit_context *context, const sp_unit_outcome *part, sp_local after,
                     sp_unit_outcome *outcome) {
  const uint64_t bytes = (uint64_t)after * context->config->n_samples * sizeof(float);
  outcome->crc_traces ^= sp_crc32c_combine(part->crc_traces, 0, bytes);
  if (context->config->mode == SP_MODE_BOTH) outcome->crc_noise ^= sp_crc32c_combine(part->crc_noise, 0, bytes);
}

static sp_local gather_traces(const sp_unit *u) {
  return u->slab->first_trace[u->gather + 1] - u->slab->first_trace[u->gather];
}

/* Rows that go out one after the other. */
static sp_failure give_in_order(const task *t, sp_local row, sp_local count, sp_unit_outcome *crcs) {
  sp_failure failure = 0;
  for (sp_local i = row; i < row + count; i++) failure = sp_failure_worst(failure, give_row(t, i, crcs));
  return failure;
}

/* Rows that go to places of their own, none before itself: from the last to the first, since a result may still lie
 * where an earlier row goes. */
static sp_failure give_arranged(const task *t, sp_local row, sp_local count, sp_unit_outcome *outcome) {
  sp_failure failure = 0;
  for (sp_local i = row + count; i-- > row;) {
    sp_unit_outcome one = {0};
    failure = sp_failure_worst(failure, give_row(t, i, &one));
    add_crcs(t->context, &one, gather_traces(t->unit) - 1 - place_of(t->unit, t->unit->first + i), outcome);
  }
  return failure;
}

/* --- a unit ----------------------------------------------------------------------------------------------------- */

/* Rows of an inner chain go to their places as they are. From the last to the first, as above. */
static void put_rows(const task *t, sp_local row, sp_local count) {
  const sp_unit *u = t->unit;
  for (sp_local i = row + count; i-- > row;) {
    float *to = u->slab->traces + (t->first_row + place_of(u, u->first + i)) * t->n;
    if (to != t->result + i * t->n) t->context->rows->stream(to, t->result + i * t->n, t->n);
  }
}

/* One chunk: its steps after the first, then what is written. */
static sp_failure finish_chunk(const task *t, sp_local row, sp_local count, bool applied, sp_unit_outcome *crcs,
                               sp_unit_outcome *outcome) {
  const sp_failure failure = applied ? 0 : apply_in_place(t, t->stage->first_step + 1, row, count);
  if (failure || !t->last) return failure;
  if (t->context->chain->inner) {
    put_rows(t, row, count);
    return 0;
  }
  return t->unit->arranged ? give_arranged(t, row, count, outcome) : give_in_order(t, row, count, crcs);
}

/* A chain of one stage looks at the input after it was computed on: then the cache holds it, and what waits for memory
 * is the processor, which can fetch ahead while it computes. A failure in one chunk does not end the others: which
 * failure is found must not depend on the cut. */
static sp_failure compute(const task *t, sp_unit_outcome *crcs, sp_unit_outcome *outcome) {
  const sp_local count = t->unit->count, step = t->stage->chunk_rows, n_chunks = (count + step - 1) / step;
  sp_failure failure = begin_stage(t);
  if (!failure && t->stage->n_steps > 0) {
    measure_step(t, t->stage->first_step, 0, count, t->gather_from + t->unit->first * t->n, t->result);
  }
  bool applied = t->stage->n_steps == 0;
  if (t->context->chain->by_trace) {
    sp_failure refused = 0;
    const sp_local aside = mark_rows(t, &outcome->counts, &refused);
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
    const task t = make_task(context, scratch, &part);
    outcome->failure = sp_failure_worst(outcome->failure, compute(&t, &crcs, outcome));
  }
  if (unit->stage + 1 == context->chain->n_stages && !outcome->failure && !unit->arranged) {
    add_crcs(context, &crcs, gather_traces(unit) - unit->first - unit->count, outcome);
  }
  context->rows->drain();
}

void sp_unit_give_rest(const sp_unit_context *context, const sp_unit_scratch *scratch, const sp_unit *unit,
                       sp_unit_outcome *outcome) {
  const sp_slab *slab = unit->slab;
  const sp_local first = slab->first_trace[unit->gather], n_traces = gather_traces(unit);
  const task t = make_task(context, scratch, unit);
  for (sp_local row = unit->n_rows; row < n_traces; row++) {
    const sp_local place = place_of(unit, row);
    const size_t at = (first + place) * t.n;
    if (context->chain->inner) {
      memcpy(slab->traces + at, slab->in + (first + row) * t.n, t.n * sizeof(float));
      continue;
    }
    sp_unit_outcome one = {0};
    write_aside(&t, slab->in + (first + row) * t.n, (sp_mark)unit->traces->marks[first + row], slab->traces + at,
                slab->noise ? slab->noise + at : NULL, sums_of(&t, row), &one);
    add_crcs(context, &one, n_traces - 1 - place, outcome);
  }
  context->rows->drain();
}

void sp_unit_write_failed(const sp_unit_context *context, const sp_unit *unit, sp_unit_outcome *outcome) {
  const sp_engine_config *config = context->config;
  const sp_slab *slab = unit->slab;
  const size_t n = config->n_samples, row_bytes = n * sizeof(float);
  const bool zero = config->on_error == SP_ON_ERROR_ZERO || config->mode == SP_MODE_NOISE;
  const sp_local first = slab->first_trace[unit->gather], n_traces = gather_traces(unit);
  *outcome = (sp_unit_outcome){0};
  for (sp_local i = 0; i < n_traces; i++) {
    const sp_local place = place_of(unit, i);
    float *traces = slab->traces + (first + place) * n, *noise = slab->noise ? slab->noise + (first + place) * n : NULL;
    if (zero) {
      memset(traces, 0, row_bytes);
    } else {
      memcpy(traces, slab->in + (first + i) * n, row_bytes);
    }
    if (noise) memset(noise, 0, row_bytes);
    const sp_unit_outcome one = {.crc_traces = sp_crc32c(0, traces, row_bytes),
                                 .crc_noise = noise ? sp_crc32c(0, noise, row_bytes) : 0};
    add_crcs(context, &one, n_traces - 1 - place, outcome);
  }
}
