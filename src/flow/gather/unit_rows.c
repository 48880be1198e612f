/* SPDX-License-Identifier: BSD-3-Clause */
/* What is written of the rows of a gather. Invariant: what is written for a trace, and its share of the checksums, does
 * not depend on the unit or chunk that it was in. */
#include <string.h>

#include "seisproc/crc32c.h"
#include "src/flow/gather/unit_task.h"

/* Writes a row, which the cache holds, and adds it to the checksum of what was written before it. */
static void write_row(const sp_unit_task *t, float *to, const float *row, uint32_t *crc) {
  *crc = sp_crc32c(*crc, row, t->n * sizeof(float));
  if (to != row) t->context->rows->stream(to, row, t->n);
}

/* A trace that stays as it is, or whose result is that it is empty. */
static void write_aside(const sp_unit_task *t, const float *input, sp_mark mark, float *traces, float *noise,
                        sp_row_sums *sums, sp_unit_outcome *outcome) {
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
static bool write_processed(const sp_unit_task *t, const float *input, sp_mark mark, float *result, float *traces,
                            float *noise, sp_row_sums *sums, sp_unit_outcome *outcome) {
  const sp_row_ops *rows = t->context->rows;
  const sp_mode mode = t->context->config->mode;
  bool finite = false; /* sums of squares are where all samples are */
  if (sums && mark == SP_MARK_LIVE) {
    if (!t->measured) rows->measure(input, result, t->n, sums);
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
static sp_failure give_row(const sp_unit_task *t, sp_local i, sp_unit_outcome *outcome) {
  const sp_unit *u = t->unit;
  const size_t at = (t->first_row + sp_unit_place_of(u, u->first + i)) * t->n;
  float *traces = u->slab->traces + at, *noise = u->slab->noise ? u->slab->noise + at : NULL;
  const float *input = t->input + i * t->n;
  const sp_mark mark = (sp_mark)t->marks[i];
  sp_row_sums *sums = sp_unit_sums_of(t, u->first + i);
  if (sp_mark_is_live(mark)) {
    const bool fine = write_processed(t, input, mark, t->result + i * t->n, traces, noise, sums, outcome);
    return fine ? 0 : sp_failure_of_result();
  }
  write_aside(t, input, mark, traces, noise, sums, outcome);
  return 0;
}

void sp_unit_add_crcs(const sp_unit_context *context, const sp_unit_outcome *part, sp_local after,
                      sp_unit_outcome *outcome) {
  const uint64_t bytes = (uint64_t)after * context->config->n_samples * sizeof(float);
  outcome->crc_traces ^= sp_crc32c_combine(part->crc_traces, 0, bytes);
  if (context->config->mode == SP_MODE_BOTH) outcome->crc_noise ^= sp_crc32c_combine(part->crc_noise, 0, bytes);
}

sp_failure sp_unit_give_in_order(const sp_unit_task *t, sp_local row, sp_local count, sp_unit_outcome *crcs) {
  sp_failure failure = 0;
  for (sp_local i = row; i < row + count; i++) failure = sp_failure_worst(failure, give_row(t, i, crcs));
  return failure;
}

sp_failure sp_unit_give_arranged(const sp_unit_task *t, sp_local row, sp_local count, sp_unit_outcome *outcome) {
  sp_failure failure = 0;
  for (sp_local i = row + count; i-- > row;) {
    sp_unit_outcome one = {0};
    failure = sp_failure_worst(failure, give_row(t, i, &one));
    sp_unit_add_crcs(t->context, &one,
                     sp_unit_gather_traces(t->unit) - 1 - sp_unit_place_of(t->unit, t->unit->first + i), outcome);
  }
  return failure;
}

/* From the last to the first, as above. */
void sp_unit_put_rows(const sp_unit_task *t, sp_local row, sp_local count) {
  const sp_unit *u = t->unit;
  for (sp_local i = row + count; i-- > row;) {
    float *to = u->slab->traces + (t->first_row + sp_unit_place_of(u, u->first + i)) * t->n;
    if (to != t->result + i * t->n) t->context->rows->stream(to, t->result + i * t->n, t->n);
  }
}

void sp_unit_give_rest(const sp_unit_context *context, const sp_unit_scratch *scratch, const sp_unit *unit,
                       sp_unit_outcome *outcome) {
  const sp_slab *slab = unit->slab;
  const sp_local first = slab->first_trace[unit->gather], n_traces = sp_unit_gather_traces(unit);
  const sp_unit_task t = sp_unit_make_task(context, scratch, unit);
  for (sp_local row = unit->n_rows; row < n_traces; row++) {
    const sp_local place = sp_unit_place_of(unit, row);
    const size_t at = (first + place) * t.n;
    if (context->chain->inner) {
      memcpy(slab->traces + at, slab->in + (first + row) * t.n, t.n * sizeof(float));
      continue;
    }
    sp_unit_outcome one = {0};
    write_aside(&t, slab->in + (first + row) * t.n, (sp_mark)unit->traces->marks[first + row], slab->traces + at,
                slab->noise ? slab->noise + at : NULL, sp_unit_sums_of(&t, row), &one);
    sp_unit_add_crcs(context, &one, n_traces - 1 - place, outcome);
  }
  context->rows->drain();
}

void sp_unit_write_failed(const sp_unit_context *context, const sp_unit *unit, sp_unit_outcome *outcome) {
  const sp_engine_config *config = context->config;
  const sp_slab *slab = unit->slab;
  const size_t n = config->n_samples, row_bytes = n * sizeof(float);
  const bool zero = config->on_error == SP_ON_ERROR_ZERO || config->mode == SP_MODE_NOISE;
  const sp_local first = slab->first_trace[unit->gather], n_traces = sp_unit_gather_traces(unit);
  *outcome = (sp_unit_outcome){0};
  for (sp_local i = 0; i < n_traces; i++) {
    const sp_local place = sp_unit_place_of(unit, i);
    float *traces = slab->traces + (first + place) * n, *noise = slab->noise ? slab->noise + (first + place) * n : NULL;
    if (zero) {
      memset(traces, 0, row_bytes);
    } else {
      memcpy(traces, slab->in + (first + i) * n, row_bytes);
    }
    if (noise) memset(noise, 0, row_bytes);
    const sp_unit_outcome one = {.crc_traces = sp_crc32c(0, traces, row_bytes),
                                 .crc_noise = noise ? sp_crc32c(0, noise, row_bytes) : 0};
    sp_unit_add_crcs(context, &one, n_traces - 1 - place, outcome);
  }
}
