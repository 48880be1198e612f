/* SPDX-License-Identifier: BSD-3-Clause */
/* What the engine tests share: steps and surveys, the reference, and running an engine beside it. */
#ifndef SEISPROC_TESTS_FLOW_SUPPORT_H
#define SEISPROC_TESTS_FLOW_SUPPORT_H

#include "reference.h"

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

static inline held_slab *finish_slab(sp_engine *engine, bool poll) {
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
      held_slab *h = finish_slab(engine, random_below(&seed, 2));
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
