/* SPDX-License-Identifier: BSD-3-Clause */
/* Traces that are dead, not finite or not to be processed are nobody's neighbours and stay as they are; steps that edit
 * at the beginning of a chain decide which those are. */
/* timeout: 120 */
/* may warn */
#include "support.h"

static const int thread_counts[] = {1, 2, 7};

/* --- a step that edits ------------------------------------------------------------------------------------------- */

typedef struct edit_params {
  sp_locality locality;
  uint32_t cut;      /* samples before it become zero */
  double kill_above; /* traces whose first header is larger become zero */
  bool takes_dead;   /* and does not edit */
  bool fill;         /* a trace that is all zero becomes a copy of the one before it; locality: gather */
} edit_params;

typedef struct edit_plan {
  sp_plan base;
  edit_params params;
  uint32_t n_samples;
} edit_plan;

static sp_reason edit_apply(const sp_plan *base, int thread, const sp_block *b) {
  const edit_plan *p = (const edit_plan *)base;
  const uint32_t n = p->n_samples;
  for (uint32_t i = b->first; i < b->first + b->count; i++) {
    const float *in = b->in + (size_t)i * n;
    float *out = b->out + (size_t)i * n;
    if (isnan(b->headers[0][i])) return SP_REASON_GEOMETRY;
    const bool fill = p->params.fill && i > 0 && all_zero(in, n), kill = b->headers[0][i] > p->params.kill_above;
    for (uint32_t j = 0; j < n; j++) out[j] = kill || j < p->params.cut ? 0 : fill ? (in - n)[j] : in[j];
  }
  return SP_REASON_OK;
}

static sp_status edit_make_plan(const void *params, const sp_geometry *geometry, sp_plan **out);

static const sp_cpu_ops edit_ops = {edit_make_plan, edit_apply, step_destroy};

static sp_status edit_make_plan(const void *params, const sp_geometry *geometry, sp_plan **out) {
  edit_plan *p = calloc(1, sizeof *p);
  p->params = *(const edit_params *)params;
  p->n_samples = geometry->n_samples;
  p->base = (sp_plan){.ops = &edit_ops, .locality = p->params.locality, .block_traces = 3};
  p->base.takes_dead = p->params.takes_dead;
  p->base.edits = !p->params.takes_dead;
  *out = &p->base;
  return SP_SUCCESS;
}

static const sp_processor edit = {.name = "edit", .headers = {"offset"}, .cpu = &edit_ops};

/* --- cases ------------------------------------------------------------------------------------------------------- */

enum { SAMPLES = 300, TRACES = 40 };

static survey *one_gather(const edit_params *params) {
  const sp_local sizes[] = {TRACES};
  survey *s = make_survey(sizes, 1, SAMPLES, 21);
  s->mode = SP_MODE_BOTH;
  if (params) s->chain[s->n_steps++] = (sp_chain_step){.processor = &edit, .params = params};
  return s;
}

static void add_neighbours(survey *s) {
  add_step(s, &by_offset, (step_params){.locality = SP_LOCAL_BLOCK, .block_traces = 4, .gain = 0.5f});
}

static void clear(const survey *s, sp_local trace) {
  memset(trace_of(s, 0, trace), 0, SAMPLES * sizeof(float));
}

/* What the CPU makes of it, and a device, alone and with steps that it has no kernel for: the same. */
static product run_everywhere(const survey *s, int n_threads) {
  static const char *const orders[] = {"", "lacks=1", "lacks=2"};
  product got = run_survey(SP_ENGINE_CPU, s, n_threads, 1, 1, 0);
  for (int i = 0; i < 3; i++) {
    setenv("SEISPROC_MOCK", orders[i], 1);
    product on_device = run_survey(SP_ENGINE_MOCK, s, n_threads, 1, 1, 0);
    assert_same(s, &got, &on_device, orders[i]);
    free_product(&on_device);
  }
  unsetenv("SEISPROC_MOCK");
  return got;
}

static const float *row(const float *rows, sp_local trace) {
  return rows + (size_t)trace * SAMPLES;
}

static void assert_row_is_input(const survey *s, const product *p, sp_local trace) {
  assert_memory_equal(row(p->traces, trace), row(s->in, trace), SAMPLES * sizeof(float));
  assert_true(all_zero(row(p->noise, trace), SAMPLES));
}

/* What the traces of `s` that are in `live` become as a gather of their own is what they became among the others. */
static void assert_live_among_themselves(const survey *s, const product *got, const sp_local *live, sp_local n_live) {
  survey *alone = one_gather(NULL);
  alone->n_traces = alone->first_trace[1] = alone->max_gather = n_live;
  for (size_t k = 0; k < s->n_steps; k++) alone->chain[alone->n_steps++] = s->chain[k];
  for (sp_local i = 0; i < n_live; i++) {
    memcpy(trace_of(alone, 0, i), row(s->in, live[i]), SAMPLES * sizeof(float));
    for (int k = 0; k < 2; k++) alone->columns[k][i] = s->columns[k][live[i]];
  }
  product expected = run_survey(SP_ENGINE_CPU, alone, 1, 1, 1, 0);
  for (sp_local i = 0; i < n_live; i++) {
    assert_memory_equal(row(got->traces, live[i]), row(expected.traces, i), SAMPLES * sizeof(float));
  }
  free_product(&expected);
  free_survey(alone);
}

static sp_local all_but(const sp_local *aside, sp_local n_aside, sp_local *live) {
  sp_local n = 0;
  for (sp_local i = 0; i < TRACES; i++) {
    bool is_live = true;
    for (sp_local k = 0; k < n_aside; k++) is_live = is_live && aside[k] != i;
    if (is_live) live[n++] = i;
  }
  return n;
}

static void test_nobodys_neighbours(void **unused) {
  survey *s = one_gather(NULL);
  const sp_local aside[] = {0, 8, 9, 10, 12, 13, 39};
  sp_local live[TRACES];
  const sp_local n_live = all_but(aside, 7, live);
  add_neighbours(s);
  clear(s, 8), clear(s, 9), clear(s, 39);
  trace_of(s, 0, 10)[7] = NAN;
  trace_of(s, 0, 12)[0] = INFINITY;
  s->skip = calloc(TRACES, 1);
  s->skip[0] = s->skip[13] = s->skip[39] = 1;
  for (int t = 0; t < 3; t++) {
    product got = run_everywhere(s, thread_counts[t]);
    assert_int_equal(got.results[0].reason, SP_REASON_BAD_TRACES);
    for (int k = 0; k < 7; k++) assert_row_is_input(s, &got, aside[k]);
    assert_live_among_themselves(s, &got, live, n_live);
    free_product(&got);
  }
  free_survey(s);
}

/* A mute that covers the samples cures a trace, in a chain with neighbours and in one without. */
static void test_cured_by_a_cut(void **unused) {
  for (int neighbours = 0; neighbours < 2; neighbours++) {
    const edit_params cut = {.locality = SP_LOCAL_TRACE, .cut = 50, .kill_above = 1e9};
    survey *s = one_gather(&cut);
    if (neighbours) add_neighbours(s);
    trace_of(s, 0, 5)[49] = NAN;
    trace_of(s, 0, 6)[50] = NAN;
    for (int t = 0; t < 3; t++) {
      product got = run_everywhere(s, thread_counts[t]);
      assert_int_equal(got.results[0].reason, SP_REASON_BAD_TRACES);
      assert_row_is_input(s, &got, 6);
      assert_true(all_finite(row(got.traces, 5), SAMPLES));
      assert_true(isnan(row(got.noise, 5)[49])); /* what was taken away */
      assert_true(all_finite(row(got.noise, 5), 49));
      if (!neighbours) assert_memory_equal(row(got.traces, 5) + 50, row(s->in, 5) + 50, (SAMPLES - 50) * sizeof(float));
      free_product(&got);
    }
    trace_of(s, 0, 6)[50] = 1;
    product got = run_everywhere(s, 2);
    assert_int_equal(got.results[0].reason, SP_REASON_OK);
    free_product(&got);
    free_survey(s);
  }
}

/* A trace that is filled is live; one that is emptied is nobody's neighbour, and its input is what was removed. */
static void test_filled_and_emptied(void **unused) {
  for (int neighbours = 0; neighbours < 2; neighbours++) {
    const edit_params params = {.locality = SP_LOCAL_GATHER, .kill_above = 38, .fill = true};
    survey *s = one_gather(&params);
    if (neighbours) add_neighbours(s);
    clear(s, 20);
    for (int t = 0; t < 3; t++) {
      product got = run_everywhere(s, thread_counts[t]);
      assert_int_equal(got.results[0].reason, SP_REASON_OK);
      assert_false(all_zero(row(got.traces, 20), SAMPLES));
      assert_true(all_zero(row(got.traces, 39), SAMPLES));
      assert_memory_equal(row(got.noise, 39), row(s->in, 39), SAMPLES * sizeof(float));
      if (!neighbours) assert_memory_equal(row(got.traces, 20), row(s->in, 19), SAMPLES * sizeof(float));
      free_product(&got);
    }
    free_survey(s);
  }
}

/* A step that takes dead traces sees all places, with zeros at those that are not live; the next one does not. */
static void test_takes_dead(void **unused) {
  const edit_params params = {
      .locality = SP_LOCAL_GATHER, .kill_above = 1e9, .takes_dead = true, .fill = true, .cut = 1};
  const sp_local aside[] = {7, 20, 30};
  sp_local live[TRACES];
  all_but(aside, 3, live);
  survey *s = one_gather(&params);
  clear(s, 20);
  trace_of(s, 0, 7)[3] = NAN;
  s->skip = calloc(TRACES, 1);
  s->skip[30] = 1;
  for (int t = 0; t < 3; t++) {
    product got = run_everywhere(s, thread_counts[t]);
    assert_int_equal(got.results[0].reason, SP_REASON_BAD_TRACES);
    for (int k = 0; k < 3; k++) assert_row_is_input(s, &got, aside[k]);
    for (sp_local i = 0; i < TRACES - 3; i++) {
      assert_true(row(got.traces, live[i])[0] == 0);
      assert_memory_equal(row(got.traces, live[i]) + 1, row(s->in, live[i]) + 1, (SAMPLES - 1) * sizeof(float));
    }
    free_product(&got);
  }
  free_survey(s);
}

/* Samples that are not finite count as zero from the beginning. */
static void test_repaired(void **unused) {
  for (int neighbours = 0; neighbours < 2; neighbours++) {
    survey *s = one_gather(NULL);
    add_step(s, &by_offset, (step_params){.locality = SP_LOCAL_TRACE, .block_traces = 4, .gain = 0.5f});
    if (neighbours) add_neighbours(s);
    survey *zeroed = one_gather(NULL);
    add_step(zeroed, &by_offset, s->params[0]);
    if (neighbours) add_neighbours(zeroed);
    s->nan = zeroed->nan = SP_NAN_ZERO;
    trace_of(s, 0, 5)[49] = -INFINITY;
    trace_of(zeroed, 0, 5)[49] = 0;
    product got = run_everywhere(s, 2), expected = run_survey(SP_ENGINE_CPU, zeroed, 2, 1, 1, 0);
    assert_int_equal(got.results[0].reason, SP_REASON_BAD_TRACES);
    assert_int_equal(expected.results[0].reason, SP_REASON_OK);
    assert_memory_equal(got.traces, expected.traces, gather_bytes(s, 0));
    assert_memory_equal(got.noise, expected.noise, gather_bytes(s, 0));
    free_product(&got);
    free_product(&expected);
    free_survey(zeroed);
    free_survey(s);
  }
}

/* An edit that refuses a trace which is not finite refuses its gather, whatever follows it. */
static void test_refused_and_not_finite(void **unused) {
  for (int neighbours = 0; neighbours < 2; neighbours++) {
    const edit_params cut = {.locality = SP_LOCAL_TRACE, .cut = 50, .kill_above = 1e9};
    survey *s = one_gather(&cut);
    if (neighbours) add_neighbours(s);
    trace_of(s, 0, 6)[80] = NAN;
    s->columns[0][6] = NAN;
    product got = run_everywhere(s, 2);
    assert_int_equal(got.results[0].reason, SP_REASON_GEOMETRY);
    free_product(&got);
    free_survey(s);
  }
}

/* Nothing is left to be processed. */
static void test_none_live(void **unused) {
  for (int skip = 0; skip < 2; skip++) {
    survey *s = one_gather(NULL);
    add_neighbours(s);
    s->skip = calloc(TRACES, 1);
    for (sp_local i = 0; i < TRACES; i++) {
      s->skip[i] = (unsigned char)(skip || i % 2);
      if (!(i % 2)) clear(s, i);
    }
    product got = run_everywhere(s, 2);
    assert_int_equal(got.results[0].reason, SP_REASON_DEAD_TRACES);
    for (sp_local i = 0; i < TRACES; i++) assert_row_is_input(s, &got, i);
    assert_int_equal(got.results[0].crc_traces, plain_crc(s->in, gather_bytes(s, 0)));
    free_product(&got);
    free_survey(s);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_nobodys_neighbours),
      cmocka_unit_test(test_cured_by_a_cut),
      cmocka_unit_test(test_filled_and_emptied),
      cmocka_unit_test(test_repaired),
      cmocka_unit_test(test_none_live),
      cmocka_unit_test(test_takes_dead),
      cmocka_unit_test(test_refused_and_not_finite),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
