/* SPDX-License-Identifier: BSD-3-Clause */
/* Random surveys for the engine tests, and what must come of them.
 *
 * The reference takes a gather at a time through the chain in the plainest way, in buffers of its own, and knows
 * nothing of stages, blocks, threads or slabs. Its checksums are computed bit by bit.
 */
#ifndef SEISPROC_TESTS_FLOW_REFERENCE_H
#define SEISPROC_TESTS_FLOW_REFERENCE_H

#include "steps.h"

/* --- surveys ---------------------------------------------------------------------------------------------------- */

enum { MAX_TEST_STEPS = 6, MAX_TEST_GATHERS = 400 };

typedef struct survey {
  sp_chain_step chain[MAX_TEST_STEPS];
  step_params params[MAX_TEST_STEPS];
  size_t n_steps;
  sp_mode mode;
  sp_on_error on_error;
  uint32_t n_samples;
  sp_local n_gathers, n_traces, max_gather;
  sp_local first_trace[MAX_TEST_GATHERS + 1];
  float *in;
  sp_local *order;    /* NULL: none */
  double *columns[2]; /* of the first step's first header, and of the other one, as `order` makes them */
  uint32_t set_aside[MAX_TEST_GATHERS];
  sp_nan nan;
  unsigned char *skip; /* NULL: none; as `order` makes them */
} survey;

static inline void add_step(survey *s, const sp_processor *processor, step_params params) {
  s->params[s->n_steps] = params;
  s->chain[s->n_steps] = (sp_chain_step){.processor = processor, .params = &s->params[s->n_steps]};
  s->n_steps++;
}

/* Takes back step `undone`, which keeps. */
static inline void add_undo(survey *s, size_t undone) {
  s->params[s->n_steps] = s->params[undone];
  s->chain[s->n_steps] = s->chain[undone];
  s->chain[s->n_steps].undoes = undone + 1;
  s->n_steps++;
}

/* Gathers of these sizes, filled with noise; headers count up within a gather, from 0 and from 1000. */
static inline survey *make_survey(const sp_local *sizes, sp_local n_gathers, uint32_t n_samples, uint64_t seed) {
  survey *s = calloc(1, sizeof *s);
  s->n_samples = n_samples;
  s->n_gathers = n_gathers;
  for (sp_local g = 0; g < n_gathers; g++) {
    s->first_trace[g + 1] = s->first_trace[g] + sizes[g];
    if (sizes[g] > s->max_gather) s->max_gather = sizes[g];
  }
  s->n_traces = s->first_trace[n_gathers];
  const size_t samples = (size_t)s->n_traces * n_samples;
  s->in = malloc(samples * sizeof(float) + 1);
  for (size_t i = 0; i < samples; i++) s->in[i] = random_sample(&seed);
  for (int k = 0; k < 2; k++) s->columns[k] = malloc(s->n_traces * sizeof(double) + 1);
  for (sp_local g = 0; g < n_gathers; g++) {
    for (sp_local i = 0; i < sizes[g]; i++) {
      s->columns[0][s->first_trace[g] + i] = i;
      s->columns[1][s->first_trace[g] + i] = 1000 + i;
    }
  }
  return s;
}

static inline void free_survey(survey *s) {
  for (int k = 0; k < 2; k++) free(s->columns[k]);
  free(s->order);
  free(s->skip);
  free(s->in);
  free(s);
}

static inline void shuffle_gathers(survey *s, uint64_t seed) {
  s->order = malloc(s->n_traces * sizeof *s->order + 1);
  for (sp_local g = 0; g < s->n_gathers; g++) {
    sp_local *order = s->order + s->first_trace[g];
    const sp_local n = s->first_trace[g + 1] - s->first_trace[g];
    for (sp_local i = 0; i < n; i++) {
      const sp_local j = random_below(&seed, i + 1);
      order[i] = order[j];
      order[j] = i;
    }
  }
}

static inline float *trace_of(const survey *s, sp_local gather, sp_local trace) {
  return s->in + ((size_t)s->first_trace[gather] + trace) * s->n_samples;
}

static inline size_t gather_bytes(const survey *s, sp_local gather) {
  return (size_t)(s->first_trace[gather + 1] - s->first_trace[gather]) * s->n_samples * sizeof(float);
}

/* --- the reference ---------------------------------------------------------------------------------------------- */

typedef struct product {
  float *traces, *noise; /* noise NULL unless the mode is both */
  sp_gather_result *results;
} product;

static inline uint32_t plain_crc(const void *data, size_t n) {
  uint32_t table[256], crc = 0xffffffffu;
  for (uint32_t i = 0; i < 256; i++) {
    table[i] = i;
    for (int k = 0; k < 8; k++) table[i] = table[i] & 1 ? (table[i] >> 1) ^ 0x82f63b78u : table[i] >> 1;
  }
  for (size_t i = 0; i < n; i++) crc = (crc >> 8) ^ table[(crc ^ ((const unsigned char *)data)[i]) & 0xff];
  return ~crc;
}

static inline product make_product(const survey *s) {
  const size_t bytes = (size_t)s->n_traces * s->n_samples * sizeof(float) + 1;
  return (product){.traces = calloc(1, bytes),
                   .noise = s->mode == SP_MODE_BOTH ? calloc(1, bytes) : NULL,
                   .results = calloc(s->n_gathers + 1, sizeof(sp_gather_result))};
}

static inline void free_product(product *p) {
  free(p->traces);
  free(p->noise);
  free(p->results);
}

static inline bool all_zero(const float *x, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (x[i] != 0) return false;
  }
  return true;
}

static inline bool all_finite(const float *x, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (!isfinite(x[i])) return false;
  }
  return true;
}

/* Rows that go through a chain together, with their headers. */
typedef struct reference_rows {
  const survey *s;
  sp_local n;
  sp_local *trace; /* [n] of the slab's headers */
  float *kept[MAX_TEST_STEPS];
} reference_rows;

/* One step, from `from` to `to`. */
static inline sp_reason reference_step(const reference_rows *rows, size_t k, const float *from, float *to) {
  const survey *s = rows->s;
  const uint32_t n = s->n_samples;
  const step_params *p = &s->params[k];
  const int column = strcmp(s->chain[k].processor->headers[0], s->chain[0].processor->headers[0]) != 0;
  const size_t undone = s->chain[k].undoes;
  bool is_kept = false;
  for (size_t j = k + 1; j < s->n_steps; j++) is_kept = is_kept || s->chain[j].undoes == k + 1;
  sp_reason reason = SP_REASON_OK;
  for (sp_local i = 0; i < rows->n; i++) {
    const double header = s->columns[column][rows->trace[i]];
    const size_t at = (size_t)i * n;
    if (undone) {
      for (uint32_t j = 0; j < n; j++) to[at + j] = from[at + j] / rows->kept[undone - 1][at + j];
      continue;
    }
    if (p->refuse_above != 0 && header > p->refuse_above) reason = p->reason;
    step_row(p, from, rows->n, n, i, header, to + at);
    if (is_kept) scale_row(to + at, rows->kept[k] + at, (uint32_t)header, n);
  }
  return reason;
}

/* Takes rows through the chain; `result` holds the input at first. */
static inline sp_reason reference_chain(reference_rows *rows, float *result) {
  const survey *s = rows->s;
  const size_t samples = (size_t)rows->n * s->n_samples;
  float *spare = malloc(samples * sizeof(float) + 1);
  sp_reason reason = SP_REASON_OK;
  for (size_t k = 0; k < s->n_steps; k++) rows->kept[k] = malloc(samples * sizeof(float) + 1);
  for (size_t k = 0; k < s->n_steps && !reason; k++) {
    reason = reference_step(rows, k, result, spare);
    memcpy(result, spare, samples * sizeof(float));
  }
  for (size_t k = 0; k < s->n_steps; k++) free(rows->kept[k]);
  free(spare);
  return reason ? reason : all_finite(result, samples) ? SP_REASON_OK : SP_REASON_OVERFLOW;
}

/* What the reference finds out about a gather's traces. */
typedef struct reference_marks {
  bool live[4096], bad[4096];
  sp_local n_live, n_dead, n_bad;
} reference_marks;

/* Marks traces; with the policy `zero` repairs them. */
static inline void mark_traces(const survey *s, sp_local gather, float *in, reference_marks *m) {
  const size_t n = s->n_samples;
  memset(m, 0, sizeof *m);
  for (sp_local i = 0; i < s->first_trace[gather + 1] - s->first_trace[gather]; i++) {
    float *x = in + i * n;
    const bool skip = s->skip && s->skip[s->first_trace[gather] + i];
    bool finite = all_finite(x, n);
    if (!skip && !finite) m->n_bad++;
    for (size_t j = 0; !skip && s->nan == SP_NAN_ZERO && j < n; j++) x[j] = isfinite(x[j]) ? x[j] : 0;
    finite = finite || s->nan == SP_NAN_ZERO;
    m->n_dead += all_zero(x, n);
    m->bad[i] = !skip && !finite;
    m->live[i] = !skip && finite && !all_zero(x, n);
    m->n_live += m->live[i];
  }
}

static inline sp_reason check_input(const survey *s, sp_local gather, const reference_marks *m) {
  if (s->set_aside[gather]) return (sp_reason)s->set_aside[gather];
  if (m->n_bad && (s->nan == SP_NAN_GATHER || m->n_live == 0)) return SP_REASON_NOT_FINITE;
  return m->n_dead == s->first_trace[gather + 1] - s->first_trace[gather] ? SP_REASON_DEAD : SP_REASON_OK;
}

/* Takes the live traces of a gather out, through the chain, and back. */
static inline sp_reason reference_live(const survey *s, sp_local gather, const reference_marks *m, float *processed) {
  const sp_local first = s->first_trace[gather], n_traces = s->first_trace[gather + 1] - first;
  const size_t row_bytes = s->n_samples * sizeof(float);
  reference_rows rows = {.s = s, .trace = malloc(n_traces * sizeof(sp_local))};
  float *result = malloc(n_traces * row_bytes);
  for (sp_local i = 0; i < n_traces; i++) {
    if (!m->live[i]) continue;
    memcpy((char *)result + rows.n * row_bytes, (char *)processed + i * row_bytes, row_bytes);
    rows.trace[rows.n++] = first + i;
  }
  const sp_reason reason = reference_chain(&rows, result);
  for (sp_local i = 0; i < rows.n; i++) {
    memcpy((char *)processed + (rows.trace[i] - first) * row_bytes, (char *)result + i * row_bytes, row_bytes);
  }
  free(result);
  free(rows.trace);
  return reason;
}

/* What the reference makes of one gather's rows, in their final order, and why. */
static inline sp_reason reference_gather_rows(const survey *s, sp_local gather, float *in, float *processed,
                                              float *noise) {
  const size_t bytes = gather_bytes(s, gather), n = s->n_samples;
  reference_marks *m = malloc(sizeof *m);
  float *before = malloc(bytes);
  memcpy(before, in, bytes);
  mark_traces(s, gather, in, m);
  if (s->set_aside[gather]) memcpy(in, before, bytes); /* not even repaired */
  memcpy(processed, in, bytes);
  sp_reason reason = check_input(s, gather, m);
  if (!reason) reason = reference_live(s, gather, m, processed);
  if (reason) memcpy(processed, in, bytes);
  for (size_t i = 0; i < bytes / sizeof(float); i++) {
    noise[i] = reason || !m->live[i / n] ? 0 : in[i] - processed[i];
    const bool zeroed = reason || m->bad[i / n];
    if (zeroed && s->on_error == SP_ON_ERROR_ZERO) processed[i] = 0;
  }
  if (!reason) reason = m->n_bad ? SP_REASON_BAD_TRACES : m->n_dead ? SP_REASON_DEAD_TRACES : SP_REASON_OK;
  free(before);
  free(m);
  return reason;
}

static inline void reference_gather(const survey *s, sp_local gather, const product *out) {
  const sp_local first = s->first_trace[gather], n_traces = s->first_trace[gather + 1] - first;
  const size_t n = s->n_samples, bytes = gather_bytes(s, gather);
  sp_gather_result *r = &out->results[gather];
  *r = (sp_gather_result){0};
  if (n_traces == 0) return;
  float *in = malloc(bytes), *processed = malloc(bytes), *noise = malloc(bytes);
  for (sp_local i = 0; i < n_traces; i++) {
    memcpy(in + i * n, trace_of(s, gather, s->order ? s->order[first + i] : i), n * sizeof(float));
  }
  r->reason = reference_gather_rows(s, gather, in, processed, noise);
  memcpy(out->traces + first * n, s->mode == SP_MODE_NOISE ? noise : processed, bytes);
  r->crc_traces = plain_crc(out->traces + first * n, bytes);
  if (s->mode == SP_MODE_BOTH) {
    memcpy(out->noise + first * n, noise, bytes);
    r->crc_noise = plain_crc(noise, bytes);
  }
  free(in);
  free(processed);
  free(noise);
}

static inline product reference(const survey *s) {
  const product p = make_product(s);
  for (sp_local g = 0; g < s->n_gathers; g++) reference_gather(s, g, &p);
  return p;
}

#endif
