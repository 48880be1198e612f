#include "src/flow/gather/unit.h"

#include <string.h>

#include "seisproc/crc32c.h"

enum { REASON_BITS = 8 };

/* Stations on a gather's way, in reverse: the output check, the steps from the last to the first, the input check, and
 * having been set aside. */
static sp_failure failure_at(size_t station, sp_reason reason) {
  return reason == SP_REASON_OK ? 0 : (sp_failure)(station << REASON_BITS) | reason;
}

static sp_failure failure_of_output(void) {
  return failure_at(1, SP_REASON_NOT_FINITE);
}

static sp_failure failure_of_step(const sp_chain *chain, size_t step, sp_reason reason) {
  return failure_at(1 + chain->n_steps - step, reason);
}

static sp_failure failure_of_input(const sp_chain *chain, sp_reason reason) {
  return failure_at(2 + chain->n_steps, reason);
}

sp_failure sp_failure_dead(const sp_chain *chain) {
  return failure_of_input(chain, SP_REASON_DEAD);
}

sp_failure sp_failure_set_aside(const sp_chain *chain, sp_reason reason) {
  return failure_at(3 + chain->n_steps, reason);
}

sp_reason sp_failure_reason(sp_failure failure) {
  return (sp_reason)(failure & ((1u << REASON_BITS) - 1));
}

sp_failure sp_failure_worst(sp_failure a, sp_failure b) {
  return a > b ? a : b;
}

sp_local sp_unit_result_rows(const sp_chain *chain) {
  const sp_chain_stage *last = &chain->stages[chain->n_stages - 1];
  if (last->locality == SP_LOCAL_GATHER) return 0;
  return last->locality == SP_LOCAL_TRACE ? last->chunk_rows : last->unit_rows;
}

bool sp_stage_goes_between(const sp_chain *chain, size_t stage) {
  return (chain->n_stages - 1 - stage) % 2 == 1;
}

/* A unit with what it works on. Row pointers are to its first row. */
typedef struct task {
  const sp_unit_context *context;
  const sp_unit_scratch *scratch;
  const sp_unit *unit;
  const sp_chain_stage *stage;
  size_t n;                       /* samples of a trace */
  sp_local first_trace, n_traces; /* of the gather */
  bool last;                      /* stage */
  const float *gather_from;       /* its first trace as this stage gets it */
  const float *input;             /* as the slab has it */
  float *result;                  /* in scratch, between, or in place in the slab's traces */
  float *traces, *noise;          /* where it goes in the end */
} task;

static float *stage_output(const sp_unit_context *context, const sp_slab *slab, size_t stage) {
  return sp_stage_goes_between(context->chain, stage) ? context->between : slab->traces;
}

static task make_task(const sp_unit_context *context, const sp_unit_scratch *scratch, const sp_unit *unit) {
  const sp_slab *slab = unit->slab;
  const sp_local g = unit->gather;
  task t = {.context = context,
            .scratch = scratch,
            .unit = unit,
            .stage = &context->chain->stages[unit->stage],
            .n = context->config->n_samples,
            .first_trace = slab->first_trace[g],
            .n_traces = slab->first_trace[g + 1] - slab->first_trace[g],
            .last = unit->stage + 1 == context->chain->n_stages};
  const size_t start = t.first_trace * t.n, row = start + unit->first * t.n;
  t.gather_from = (unit->stage == 0 ? slab->in : stage_output(context, slab, unit->stage - 1)) + start;
  t.input = slab->in + row;
  t.traces = slab->traces + row;
  t.noise = slab->noise ? slab->noise + row : NULL;
  t.result = t.last && scratch->result ? scratch->result : stage_output(context, slab, unit->stage) + row;
  return t;
}

/* The stage's first step, from where the stage gets its rows to where it leaves them. */
static sp_failure apply_first(const task *t) {
  const sp_unit *u = t->unit;
  const sp_chain *chain = t->context->chain;
  sp_block block = {.in = t->gather_from, .n_traces = t->n_traces, .first = u->first, .count = u->count};
  sp_local first_trace = t->first_trace;
  if (t->stage->locality == SP_LOCAL_TRACE) {
    block = (sp_block){.in = t->gather_from + u->first * t->n, .n_traces = u->count, .count = u->count};
    first_trace += u->first;
  }
  /* out is where row 0 would be, which need not be in the buffer that `result` is in */
  block.out = (float *)((uintptr_t)t->result - block.first * t->n * sizeof(float));
  const size_t step = t->stage->first_step;
  return failure_of_step(chain, step, sp_chain_apply(chain, step, t->scratch->thread, u->slab, first_trace, &block));
}

/* The steps after the stage's first, in place, on `count` rows from `row` of the unit on. */
static sp_failure apply_rest(const task *t, sp_local row, sp_local count) {
  const sp_chain *chain = t->context->chain;
  float *rows = t->result + row * t->n;
  for (size_t step = t->stage->first_step + 1; step < t->stage->first_step + t->stage->n_steps; step++) {
    sp_block block = {.in = rows, .out = rows, .n_traces = count, .count = count};
    const sp_reason reason =
        sp_chain_apply(chain, step, t->scratch->thread, t->unit->slab, t->first_trace + t->unit->first + row, &block);
    if (reason != SP_REASON_OK) return failure_of_step(chain, step, reason);
  }
  return 0;
}

/* Marks and counts the dead among the rows, as the slab has them. One that is not finite ends it. */
static sp_failure check_input(const task *t, sp_local *dead) {
  for (sp_local i = 0; i < t->unit->count; i++) {
    const unsigned seen = t->context->rows->scan(t->input + i * t->n, t->n);
    if (seen & SP_ROW_NOT_FINITE) return failure_of_input(t->context->chain, SP_REASON_NOT_FINITE);
    t->scratch->marks[i] = !(seen & SP_ROW_ALIVE);
    *dead += t->scratch->marks[i];
  }
  return 0;
}

static void keep_dead(const task *t, sp_local row, sp_local count) {
  for (sp_local i = row; i < row + count; i++) {
    if (t->scratch->marks[i]) memcpy(t->result + i * t->n, t->input + i * t->n, t->n * sizeof(float));
  }
}

/* What is in t->result, which the cache holds, goes to the slab's traces. */
static unsigned give_processed(const task *t, sp_local i, sp_unit_outcome *outcome) {
  const sp_row_ops *rows = t->context->rows;
  const float *result = t->result + i * t->n;
  float *traces = t->traces + i * t->n;
  const unsigned seen = rows->scan(result, t->n);
  outcome->crc_traces = sp_crc32c(outcome->crc_traces, result, t->n * sizeof(float));
  if (traces != result) rows->stream(traces, result, t->n);
  return seen;
}

static unsigned give_noise(const task *t, sp_local i, sp_unit_outcome *outcome) {
  float *result = t->result + i * t->n;
  const unsigned seen = t->context->rows->subtract(result, t->input + i * t->n, result, t->n);
  give_processed(t, i, outcome);
  return seen;
}

/* The input is finite, so a result that is not shows in the difference. */
static unsigned give_both(const task *t, sp_local i, sp_unit_outcome *outcome) {
  float *noise = t->scratch->difference;
  const unsigned seen = t->context->rows->subtract(noise, t->input + i * t->n, t->result + i * t->n, t->n);
  give_processed(t, i, outcome);
  outcome->crc_noise = sp_crc32c(outcome->crc_noise, noise, t->n * sizeof(float));
  t->context->rows->stream(t->noise + i * t->n, noise, t->n);
  return seen;
}

/* From the result to what the mode asks for, a row at a time while the cache holds it. */
static sp_failure give(const task *t, sp_local row, sp_local count, sp_unit_outcome *outcome) {
  static unsigned (*const give_row[])(const task *, sp_local, sp_unit_outcome *) = {
      [SP_MODE_PROCESSED] = give_processed, [SP_MODE_NOISE] = give_noise, [SP_MODE_BOTH] = give_both};
  unsigned seen = 0;
  for (sp_local i = row; i < row + count; i++) seen |= give_row[t->context->config->mode](t, i, outcome);
  return seen & SP_ROW_NOT_FINITE ? failure_of_output() : 0;
}

/* The CRC of A followed by B is that of A moved over the length of B, XOR that of B: moved over all that follows it in
 * the gather, a unit's CRC can be added in any order. */
static void move_crcs(const sp_unit_context *context, const sp_unit *unit, sp_unit_outcome *outcome) {
  const sp_slab *slab = unit->slab;
  const sp_local n_traces = slab->first_trace[unit->gather + 1] - slab->first_trace[unit->gather];
  const uint64_t row_bytes = context->config->n_samples * sizeof(float);
  const uint64_t after = (n_traces - unit->first - unit->count) * row_bytes;
  outcome->crc_traces = sp_crc32c_combine(outcome->crc_traces, 0, after);
  if (slab->noise) outcome->crc_noise = sp_crc32c_combine(outcome->crc_noise, 0, after);
}

/* The first stage looks at the input after it was computed on: then the cache holds it, and what waits for memory is
 * the processor, which can fetch ahead while it computes. A failure in one chunk does not end the others: which failure
 * is found must not depend on the cut. */
static sp_failure compute(const task *t, sp_unit_outcome *outcome) {
  const sp_local count = t->unit->count, step = t->stage->chunk_rows;
  sp_local dead = 0;
  sp_failure failure = apply_first(t);
  if (t->unit->dead_traces) failure = sp_failure_worst(failure, check_input(t, &dead));
  if (t->unit->stage == 0) outcome->dead += dead;
  if (failure) return failure;
  for (sp_local row = 0; row < count; row += step) {
    const sp_local rows = step < count - row ? step : count - row;
    sp_failure here = apply_rest(t, row, rows);
    if (dead) keep_dead(t, row, rows);
    if (t->last && !here) here = give(t, row, rows, outcome);
    failure = sp_failure_worst(failure, here);
  }
  return failure;
}

/* Chunks of a trace-local stage are units of their own, so that all of a chunk stays in the cache. */
void sp_unit_compute(const sp_unit_context *context, const sp_unit_scratch *scratch, const sp_unit *unit,
                     sp_unit_outcome *outcome) {
  *outcome = (sp_unit_outcome){0};
  if (unit->failure >= failure_of_input(context->chain, SP_REASON_NOT_FINITE)) return;
  const sp_chain_stage *stage = &context->chain->stages[unit->stage];
  const sp_local step = stage->locality == SP_LOCAL_TRACE ? stage->chunk_rows : unit->count;
  for (sp_local row = 0; row < unit->count; row += step) {
    sp_unit part = *unit;
    part.first += row;
    part.count = step < unit->count - row ? step : unit->count - row;
    const task t = make_task(context, scratch, &part);
    outcome->failure = sp_failure_worst(outcome->failure, compute(&t, outcome));
  }
  if (unit->stage + 1 == context->chain->n_stages && !outcome->failure) move_crcs(context, unit, outcome);
  context->rows->drain();
}

void sp_unit_redo(const sp_unit_context *context, sp_slab *slab, sp_local gather, sp_gather_result *result) {
  const sp_engine_config *config = context->config;
  const size_t n = config->n_samples, row_bytes = n * sizeof(float);
  const bool zero = config->on_error == SP_ON_ERROR_ZERO || config->mode == SP_MODE_NOISE;
  uint32_t crc_traces = 0, crc_noise = 0;
  for (sp_local i = slab->first_trace[gather]; i < slab->first_trace[gather + 1]; i++) {
    float *traces = slab->traces + i * n;
    if (zero) {
      memset(traces, 0, row_bytes);
    } else {
      memcpy(traces, slab->in + i * n, row_bytes);
    }
    crc_traces = sp_crc32c(crc_traces, traces, row_bytes);
    if (!slab->noise) continue;
    memset(slab->noise + i * n, 0, row_bytes);
    crc_noise = sp_crc32c(crc_noise, slab->noise + i * n, row_bytes);
  }
  result->crc_traces = crc_traces;
  result->crc_noise = crc_noise;
}
