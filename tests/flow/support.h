/* What the engine tests share: processors of every locality, random surveys, a serial reference, and a runner.
 *
 * The reference takes a gather at a time through the chain in the plainest way, in buffers of its own, and knows
 * nothing of stages, blocks, threads or slabs. Its checksums are computed bit by bit.
 */
#ifndef SEISPROC_TESTS_FLOW_SUPPORT_H
#define SEISPROC_TESTS_FLOW_SUPPORT_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "seisproc/engine.h"
#include "seisproc/memory.h"

/* --- random numbers --------------------------------------------------------------------------------------------- */

static inline uint64_t random_bits(uint64_t *state) {
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

/* From 0 up to but not including n. */
static inline uint32_t random_below(uint64_t *state, uint32_t n) {
  return (uint32_t)(random_bits(state) % n);
}

static inline float random_sample(uint64_t *state) {
  return (float)((double)(random_bits(state) >> 11) * 0x1p-52 - 1.0);
}

/* --- processors ------------------------------------------------------------------------------------------------- */

enum { MAX_TEST_THREADS = 16 };

typedef struct step_params {
  sp_locality locality;
  uint32_t block_traces;
  float gain;
  double refuse_above; /* a trace with a larger first header is refused (0: none), for this reason: */
  sp_reason reason;
  bool overflow;   /* finite input leaves as Inf */
  unsigned micros; /* that a call takes at least */
  bool keeps;      /* results are scaled by powers of two that a later step may undo */
} step_params;

typedef struct step_plan {
  sp_plan base;
  step_params params;
  sp_geometry geometry;
  atomic_int calls_of_thread[MAX_TEST_THREADS]; /* going on now */
} step_plan;

static inline void step_destroy(sp_plan *plan) {
  free(plan);
}

/* One row of the result. `in` is a whole gather. */
static inline void step_row(const step_params *p, const float *in, uint32_t n_traces, uint32_t n, uint32_t row,
                            double header, float *out) {
  const float factor = p->gain + 1e-4f * (float)header;
  for (uint32_t j = 0; j < n; j++) {
    const float x = in[(size_t)row * n + j];
    float y = x * factor + 0.01f * x * x;
    if (p->locality == SP_LOCAL_BLOCK) {
      for (uint32_t k = row > 2 ? row - 2 : 0; k <= row + 2 && k < n_traces; k++) y += 0.125f * in[(size_t)k * n + j];
    } else if (p->locality == SP_LOCAL_GATHER) {
      y += in[j] - 0.5f * in[(size_t)(n_traces - 1 - row) * n + j];
    }
    out[j] = p->overflow ? copysignf(1e30f, y) * 1e30f : y;
  }
}

/* By what a sample of a step that keeps is scaled: exact, and another one for each row and sample. */
static inline float kept_factor(float y, uint32_t row, uint32_t j) {
  return ldexpf(1, (int)(row % 5) - (int)(j % 3) + (y > 0));
}

static inline void scale_row(float *out, float *kept, uint32_t row, uint32_t n) {
  for (uint32_t j = 0; j < n; j++) {
    kept[j] = kept_factor(out[j], row, j);
    out[j] *= kept[j];
  }
}

static inline sp_reason step_undo(const sp_plan *plan, int thread, const sp_block *b) {
  const step_plan *p = (const step_plan *)plan;
  const uint32_t n = p->geometry.n_samples;
  for (size_t i = (size_t)b->first * n; i < (size_t)(b->first + b->count) * n; i++) b->out[i] = b->in[i] / b->kept[i];
  return SP_REASON_OK;
}

static inline sp_reason step_apply(const sp_plan *plan, int thread, const sp_block *b) {
  step_plan *p = (step_plan *)(uintptr_t)plan;
  const uint32_t n = p->geometry.n_samples;
  if (thread < 0 || thread >= p->geometry.n_threads || atomic_fetch_add(&p->calls_of_thread[thread], 1) != 0) abort();
  if (b->count == 0 || b->first + b->count > b->n_traces || b->n_traces > p->geometry.max_traces) abort();
  if (p->params.locality == SP_LOCAL_GATHER && b->count != b->n_traces) abort();
  if (p->params.locality != SP_LOCAL_TRACE && b->in == b->out) abort();
  sp_reason reason = SP_REASON_OK;
  for (uint32_t i = b->first; i < b->first + b->count; i++) {
    if (p->params.refuse_above != 0 && b->headers[0][i] > p->params.refuse_above) reason = p->params.reason;
    step_row(&p->params, b->in, b->n_traces, n, i, b->headers[0][i], b->out + (size_t)i * n);
    /* by the header, not the row: a trace-local step does not know where in the gather it is */
    if (b->kept) scale_row(b->out + (size_t)i * n, b->kept + (size_t)i * n, (uint32_t)b->headers[0][i], n);
  }
  const struct timespec pause = {.tv_nsec = (long)p->params.micros * 1000};
  if (p->params.micros) nanosleep(&pause, NULL);
  atomic_fetch_sub(&p->calls_of_thread[thread], 1);
  return reason;
}

static inline sp_status step_make_plan(const void *params, const sp_geometry *geometry, sp_plan **out);

static const sp_cpu_ops step_ops = {step_make_plan, step_apply, step_destroy};

static inline sp_status step_make_plan(const void *params, const sp_geometry *geometry, sp_plan **out) {
  step_plan *p = calloc(1, sizeof *p);
  p->params = *(const step_params *)params;
  p->geometry = *geometry;
  p->base = (sp_plan){.ops = &step_ops, .locality = p->params.locality, .block_traces = p->params.block_traces};
  if (p->params.keeps) p->base.keep_floats = geometry->n_samples;
  *out = &p->base;
  return SP_SUCCESS;
}

/* Two that need headers, in different order, so that columns must be mapped. */
static const sp_processor by_offset = {
    .name = "by_offset", .headers = {"offset", NULL}, .cpu = &step_ops, .undo = step_undo};
static const sp_processor by_cdp = {
    .name = "by_cdp", .headers = {"cdp", "offset", NULL}, .cpu = &step_ops, .undo = step_undo};

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

static inline sp_reason judge_input(const survey *s, sp_local gather, const reference_marks *m) {
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
  sp_reason reason = judge_input(s, gather, m);
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

/* --- running an engine ------------------------------------------------------------------------------------------ */

enum { CANARY = 64 };

/* A slab in buffers of its own, with canaries about what the engine writes. */
typedef struct held_slab {
  sp_slab slab;
  sp_local first_gather;
  sp_local *first_trace;
  const double *headers[SP_MAX_CHAIN_HEADERS];
  char *traces, *noise;
} held_slab;

static inline char *guarded(size_t bytes) {
  char *block = malloc(bytes + 2 * CANARY);
  memset(block, 0x5a, bytes + 2 * CANARY);
  return block;
}

static inline void check_guards(const char *block, size_t bytes) {
  for (size_t i = 0; i < CANARY; i++) {
    assert_int_equal(block[i], 0x5a);
    assert_int_equal(block[CANARY + bytes + i], 0x5a);
  }
}

/* Gathers first ... first + n - 1 as a slab. */
static inline held_slab *hold_slab(const survey *s, sp_local first, sp_local n) {
  held_slab *h = calloc(1, sizeof *h);
  const sp_local start = s->first_trace[first], n_traces = s->first_trace[first + n] - start;
  const size_t bytes = (size_t)n_traces * s->n_samples * sizeof(float);
  h->first_gather = first;
  h->first_trace = malloc((n + 1) * sizeof *h->first_trace);
  for (sp_local g = 0; g <= n; g++) h->first_trace[g] = s->first_trace[first + g] - start;
  for (int k = 0; k < SP_MAX_CHAIN_HEADERS; k++) h->headers[k] = s->columns[k % 2] + start;
  h->traces = guarded(bytes);
  h->noise = s->mode == SP_MODE_BOTH ? guarded(bytes) : NULL;
  h->slab = (sp_slab){.n_gathers = n,
                      .n_traces = n_traces,
                      .first_trace = h->first_trace,
                      .in = malloc(bytes + 1),
                      .order = s->order ? s->order + start : NULL,
                      .headers = h->headers,
                      .set_aside = s->set_aside + first,
                      .skip = s->skip ? s->skip + start : NULL,
                      .traces = (float *)(h->traces + CANARY),
                      .noise = h->noise ? (float *)(h->noise + CANARY) : NULL,
                      .results = malloc((n + 1) * sizeof(sp_gather_result)),
                      .user = h};
  memcpy(h->slab.in, s->in + (size_t)start * s->n_samples, bytes);
  return h;
}

static inline void free_slab(held_slab *h) {
  free(h->slab.in);
  free(h->slab.results);
  free(h->first_trace);
  free(h->traces);
  free(h->noise);
  free(h);
}

/* Copies what a slab gave into the survey's product and frees it. */
static inline void keep_slab(const survey *s, held_slab *h, const product *out) {
  const size_t bytes = (size_t)h->slab.n_traces * s->n_samples * sizeof(float);
  const size_t at = (size_t)s->first_trace[h->first_gather] * s->n_samples;
  check_guards(h->traces, bytes);
  memcpy(out->traces + at, h->slab.traces, bytes);
  if (h->noise) {
    check_guards(h->noise, bytes);
    memcpy(out->noise + at, h->slab.noise, bytes);
  }
  memcpy(out->results + h->first_gather, h->slab.results, h->slab.n_gathers * sizeof *h->slab.results);
  free_slab(h);
}

static inline sp_engine_config config_of(const survey *s, int n_threads, int n_slabs) {
  return (sp_engine_config){.chain = s->chain,
                            .n_steps = s->n_steps,
                            .mode = s->mode,
                            .on_error = s->on_error,
                            .nan = s->nan,
                            .n_samples = s->n_samples,
                            .sample_interval_s = 0.002,
                            .max_traces = s->n_traces,
                            .max_gather = s->max_gather,
                            .max_gathers = s->n_gathers,
                            .n_threads = n_threads,
                            .n_slabs = n_slabs,
                            .device = -1};
}

static inline sp_engine *make_engine(sp_engine_kind kind, const survey *s, int n_threads, int n_slabs) {
  const sp_engine_config config = config_of(s, n_threads, n_slabs);
  sp_engine *engine = NULL;
  assert_int_equal(sp_engine_create(kind, &config, &engine), SP_SUCCESS);
  return engine;
}

static inline held_slab *take_done(sp_engine *engine, bool poll) {
  sp_slab *done = NULL;
  const struct timespec pause = {.tv_nsec = 20000};
  while (poll && !done) {
    assert_int_equal(sp_engine_test(engine, &done), SP_SUCCESS);
    if (!done) nanosleep(&pause, NULL);
  }
  if (!done) assert_int_equal(sp_engine_wait(engine, &done), SP_SUCCESS);
  return done->user;
}

/* Runs the survey in slabs of `cut` gathers (0: of random numbers of them). */
static inline product run_survey(sp_engine_kind kind, const survey *s, int n_threads, int n_slabs, sp_local cut,
                                 uint64_t seed) {
  sp_engine *engine = make_engine(kind, s, n_threads, n_slabs);
  const product out = make_product(s);
  sp_local next = 0, expected = 0;
  int in_flight = 0;
  while (expected < s->n_gathers) {
    if (next < s->n_gathers && in_flight < n_slabs) {
      const sp_local left = s->n_gathers - next;
      const sp_local wanted = cut ? cut : 1 + random_below(&seed, left < 12 ? left : 12);
      const sp_local n = wanted < left ? wanted : left;
      assert_int_equal(sp_engine_submit(engine, &hold_slab(s, next, n)->slab), SP_SUCCESS);
      next += n;
      in_flight++;
    } else {
      held_slab *h = take_done(engine, random_below(&seed, 2));
      assert_int_equal(h->first_gather, expected);
      expected += h->slab.n_gathers;
      in_flight--;
      keep_slab(s, h, &out);
    }
  }
  sp_engine_destroy(engine);
  return out;
}

static inline void assert_same_gather(const survey *s, const product *a, const product *b, sp_local g,
                                      const char *what) {
  const size_t at = (size_t)s->first_trace[g] * s->n_samples, bytes = gather_bytes(s, g);
  const sp_gather_result *ra = &a->results[g], *rb = &b->results[g];
  if (ra->reason != rb->reason) fail_msg("%s: gather %u: reason %u and %u", what, g, ra->reason, rb->reason);
  if (memcmp(a->traces + at, b->traces + at, bytes)) fail_msg("%s: gather %u: traces differ", what, g);
  if (a->noise && memcmp(a->noise + at, b->noise + at, bytes)) fail_msg("%s: gather %u: noise differs", what, g);
  if (ra->crc_traces != rb->crc_traces) fail_msg("%s: gather %u: checksum of traces", what, g);
  if (ra->crc_noise != rb->crc_noise) fail_msg("%s: gather %u: checksum of noise", what, g);
}

static inline void assert_same(const survey *s, const product *a, const product *b, const char *what) {
  for (sp_local g = 0; g < s->n_gathers; g++) assert_same_gather(s, a, b, g, what);
}

/* Runs the survey and compares it with the reference. */
static inline void check_survey(sp_engine_kind kind, const survey *s, int n_threads, int n_slabs, sp_local cut,
                                uint64_t seed) {
  product expected = reference(s), got = run_survey(kind, s, n_threads, n_slabs, cut, seed);
  char what[120];
  snprintf(what, sizeof what, "%zu steps, mode %d, %u samples, %d threads, %d slabs of %u, seed %llu", s->n_steps,
           (int)s->mode, s->n_samples, n_threads, n_slabs, cut, (unsigned long long)seed);
  assert_same(s, &expected, &got, what);
  free_product(&expected);
  free_product(&got);
}

#endif
