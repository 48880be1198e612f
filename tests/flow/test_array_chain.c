/* SPDX-License-Identifier: BSD-3-Clause */
/* A chain on gathers in memory: what it refuses, which columns it takes, and what becomes of traces and gathers. */
/* timeout: 60 */
/* may warn */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "seisproc/array_chain.h"

enum { N_SAMPLES = 100, N_TRACES = 6 };

static const sp_column columns[] = {{.name = "trid", .units = ""}, {.name = "offset", .units = "m"}};
static const sp_local first_trace[] = {0, 2, N_TRACES};

static sp_status create(const char *job, size_t n_columns, sp_array_chain **out) {
  const sp_array_config config = {.job = job,
                                  .n_samples = N_SAMPLES,
                                  .sample_interval_s = 0.004,
                                  .columns = columns,
                                  .n_columns = n_columns,
                                  .max_traces = N_TRACES,
                                  .n_threads = 2};
  *out = NULL;
  return sp_array_chain_create(&config, out);
}

static void refused(const char *job, size_t n_columns) {
  sp_array_chain *chain;
  assert_int_equal(create(job, n_columns, &chain), SP_ERR_USAGE);
  assert_null(chain);
}

static void test_what_is_refused(void **state) {
  (void)state;
  refused("chain: [no_such: {}]", 2);
  refused("chain: [mute: {velocity: 1000}]", 0); /* no offset */
  refused("chain: [mute: {velocity: 1000}]\nsort: [offset]", 2);
  refused("chain: [fkk: {vmin: 1000, vmax: 5000}]", 2);
  refused("mode: both", 2); /* no chain */
  const sp_array_config config = {
      .job = "chain: [agc: {}]", .sample_interval_s = 0.004, .max_traces = 1, .n_threads = 1};
  for (int i = 0; i < 4; i++) {
    sp_array_config wrong = config;
    wrong.n_samples = N_SAMPLES;
    if (i == 0) wrong.n_samples = 0;
    if (i == 1) wrong.sample_interval_s = NAN;
    if (i == 2) wrong.max_traces = 0;
    if (i == 3) wrong.n_threads = 0;
    sp_array_chain *chain;
    assert_int_equal(sp_array_chain_create(&wrong, &chain), SP_ERR_USAGE);
  }
}

typedef struct gathers {
  float in[N_TRACES * N_SAMPLES], out[N_TRACES * N_SAMPLES], noise[N_TRACES * N_SAMPLES];
  double trid[N_TRACES], offset[N_TRACES];
  const double *headers[2];
  sp_gather_result results[2];
  sp_array array;
} gathers;

static gathers *make_gathers(void) {
  gathers *g = calloc(1, sizeof *g);
  assert_non_null(g);
  for (int i = 0; i < N_TRACES * N_SAMPLES; i++) g->in[i] = (float)(1 + i % 7);
  for (int i = 0; i < N_TRACES; i++) {
    g->trid[i] = 1;
    g->offset[i] = 40.0 * i;
  }
  g->headers[0] = g->trid;
  g->headers[1] = g->offset;
  g->array = (sp_array){.n_gathers = 2,
                        .first_trace = first_trace,
                        .in = g->in,
                        .headers = g->headers,
                        .out = g->out,
                        .results = g->results};
  return g;
}

/* Trace i is zero before 40 i m / 1000 m/s = 10 i samples; the trace that is no seismic one stays as it is. */
static void test_columns_find_their_step(void **state) {
  (void)state;
  gathers *g = make_gathers();
  sp_array_chain *chain;
  assert_int_equal(create("chain: [mute: {velocity: 1000, taper: 0}]\nmode: both", 2, &chain), SP_SUCCESS);
  g->trid[4] = 2; /* dead, by its header */
  g->array.noise = g->noise;
  assert_int_equal(sp_array_chain_apply(chain, &g->array), SP_SUCCESS);
  for (int t = 0; t < N_TRACES; t++) {
    for (int i = 0; i < N_SAMPLES; i++) {
      const int k = t * N_SAMPLES + i;
      const bool muted = t != 4 && i < 10 * t;
      assert_true(g->out[k] == (muted ? 0 : g->in[k]));
      assert_true(g->noise[k] == g->in[k] - g->out[k]);
    }
  }
  assert_int_equal(g->results[0].reason, SP_REASON_OK);
  sp_array_chain_destroy(chain);
  free(g);
}

static void test_arrays_that_do_not_fit(void **state) {
  (void)state;
  gathers *g = make_gathers();
  sp_array_chain *chain;
  assert_int_equal(create("chain: [mute: {velocity: 1000}]", 2, &chain), SP_SUCCESS);
  const sp_array right = g->array;
  sp_array wrong = right;
  wrong.noise = g->noise;
  assert_int_equal(sp_array_chain_apply(chain, &wrong), SP_ERR_USAGE);
  wrong = right;
  wrong.headers = NULL;
  assert_int_equal(sp_array_chain_apply(chain, &wrong), SP_ERR_USAGE);
  const sp_array missing[] = {{.n_gathers = 1, .in = g->in, .out = g->out},
                              {.n_gathers = right.n_gathers, .first_trace = right.first_trace, .out = right.out},
                              {.n_gathers = right.n_gathers, .first_trace = right.first_trace, .in = right.in}};
  for (int i = 0; i < 3; i++) assert_int_equal(sp_array_chain_apply(chain, &missing[i]), SP_ERR_USAGE);
  const sp_local starts[][3] = {{1, 2, 3}, {0, 3, 2}, {0, 3, N_TRACES + 1}};
  for (int i = 0; i < 3; i++) {
    wrong = right;
    wrong.first_trace = starts[i];
    assert_int_equal(sp_array_chain_apply(chain, &wrong), SP_ERR_USAGE);
  }
  assert_int_equal(sp_array_chain_apply(chain, &right), SP_SUCCESS);
  sp_array_chain_destroy(chain);
  free(g);
}

static void test_a_gather_that_fails(void **state) {
  (void)state;
  gathers *g = make_gathers();
  g->in[3 * N_SAMPLES + 80] = NAN;
  sp_array_chain *chain;
  assert_int_equal(create("chain: [mute: {velocity: 1000}]\nnan: gather\non_error: abort", 2, &chain), SP_SUCCESS);
  assert_int_equal(sp_array_chain_apply(chain, &g->array), SP_ERR_GATHER);
  sp_array_chain_destroy(chain);
  assert_int_equal(g->results[0].reason, SP_REASON_OK);
  assert_int_equal(g->results[1].reason, SP_REASON_NOT_FINITE);
  assert_int_equal(create("chain: [mute: {velocity: 1000}]\nnan: gather\non_error: zero", 2, &chain), SP_SUCCESS);
  assert_int_equal(sp_array_chain_apply(chain, &g->array), SP_SUCCESS);
  for (int i = 2 * N_SAMPLES; i < N_TRACES * N_SAMPLES; i++) assert_true(g->out[i] == 0);
  g->array.n_gathers = 0;
  assert_int_equal(sp_array_chain_apply(chain, &g->array), SP_SUCCESS);
  sp_array_chain_destroy(chain);
  free(g);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_what_is_refused),
      cmocka_unit_test(test_columns_find_their_step),
      cmocka_unit_test(test_arrays_that_do_not_fit),
      cmocka_unit_test(test_a_gather_that_fails),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
