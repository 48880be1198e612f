/* SPDX-License-Identifier: BSD-3-Clause */
/* Gathers that cannot be processed: what is found, which reason counts, what is written instead. Compared with the
 * reference and, where it matters, with what is said here. */
/* timeout: 120 */
#include "support.h"

static const int thread_counts[] = {1, 2, 7};

static survey *two_steps(const sp_local *sizes, sp_local n, uint32_t n_samples) {
  survey *s = make_survey(sizes, n, n_samples, 3);
  add_step(s, &by_offset, (step_params){.locality = SP_LOCAL_BLOCK, .block_traces = 6, .gain = 0.5f});
  add_step(s, &by_cdp, (step_params){.locality = SP_LOCAL_TRACE, .block_traces = 4, .gain = 0.5f});
  return s;
}

static void check_everywhere(survey *s) {
  for (int mode = 0; mode < 3; mode++) {
    for (int policy = 0; policy < 3; policy++) {
      s->mode = (sp_mode)mode;
      s->on_error = (sp_on_error)policy;
      check_survey(SP_ENGINE_CPU, s, thread_counts[(mode + policy) % 3], 2, 0, (uint64_t)(mode + 3 * policy));
    }
  }
}

/* A sample that is not finite is found at any corner of the first, a middle and the last block. */
static void test_not_finite_anywhere(void **unused) {
  const sp_local sizes[] = {40, 40, 40};
  const float values[] = {NAN, -INFINITY, INFINITY};
  const uint32_t n = 3001;
  const sp_local traces[] = {0, 5, 6, 20, 39};
  const uint32_t samples[] = {0, 1, n / 2, n - 2, n - 1};
  for (int t = 0; t < 5; t++) {
    for (int k = 0; k < 5; k++) {
      survey *s = two_steps(sizes, 3, n);
      trace_of(s, 1, traces[t])[samples[k]] = values[(t + k) % 3];
      s->mode = SP_MODE_BOTH;
      product got = run_survey(SP_ENGINE_CPU, s, thread_counts[k % 3], 2, 2, 0), expected = reference(s);
      assert_int_equal(got.results[0].reason, SP_REASON_OK);
      assert_int_equal(got.results[1].reason, SP_REASON_BAD_TRACES);
      assert_int_equal(got.results[2].reason, SP_REASON_OK);
      assert_same(s, &got, &expected, "not finite");
      free_product(&got);
      free_product(&expected);
      free_survey(s);
    }
  }
}

/* processed + noise = input for a gather passed through, also where that is NaN; both zero under the policy zero. */
static void test_what_is_written_instead(void **unused) {
  const sp_local sizes[] = {30, 30};
  for (int policy = 0; policy < 3; policy++) {
    survey *s = two_steps(sizes, 2, 500);
    trace_of(s, 0, 12)[77] = NAN;
    s->on_error = (sp_on_error)policy;
    s->nan = SP_NAN_GATHER;
    s->mode = SP_MODE_BOTH;
    product got = run_survey(SP_ENGINE_CPU, s, 2, 1, 2, 0);
    const size_t samples = gather_bytes(s, 0) / sizeof(float);
    assert_true(all_zero(got.noise, samples));
    if (s->on_error == SP_ON_ERROR_ZERO) {
      assert_true(all_zero(got.traces, samples));
    } else {
      assert_memory_equal(got.traces, s->in, samples * sizeof(float));
    }
    for (size_t i = samples; i < 2 * samples; i++) {
      assert_true(fabsf(got.traces[i] + got.noise[i] - s->in[i]) <= 1e-7f * fabsf(got.traces[i]) + 1e-7f);
    }
    free_product(&got);
    free_survey(s);
  }
}

/* Dead traces stay zero although their neighbours reach into them, and the others are processed. */
static void test_dead_traces(void **unused) {
  const sp_local sizes[] = {33, 1, 50, 7, 12};
  survey *s = two_steps(sizes, 5, 400);
  const sp_local dead[] = {0, 5, 6, 32};
  for (int i = 0; i < 4; i++) memset(trace_of(s, 0, dead[i]), 0, s->n_samples * sizeof(float));
  memset(trace_of(s, 1, 0), 0, s->n_samples * sizeof(float));
  memset(trace_of(s, 3, 0), 0, 7 * s->n_samples * sizeof(float));
  for (uint32_t i = 0; i < s->n_samples; i++) trace_of(s, 4, 3)[i] = -0.0f;
  trace_of(s, 2, 49)[s->n_samples - 1] = 1e-42f; /* alive by its last sample */
  memset(trace_of(s, 2, 49), 0, (s->n_samples - 1) * sizeof(float));
  product got = run_survey(SP_ENGINE_CPU, s, 2, 2, 2, 0);
  const sp_reason expected[] = {SP_REASON_DEAD_TRACES, SP_REASON_DEAD, SP_REASON_OK, SP_REASON_DEAD,
                                SP_REASON_DEAD_TRACES};
  for (int g = 0; g < 5; g++) assert_int_equal(got.results[g].reason, expected[g]);
  for (int i = 0; i < 4; i++) assert_true(all_zero(got.traces + dead[i] * s->n_samples, s->n_samples));
  assert_false(all_zero(got.traces + s->n_samples, s->n_samples));
  free_product(&got);
  check_everywhere(s);
  free_survey(s);
}

static sp_reason reason_of(survey *s, int n_threads) {
  product got = run_survey(SP_ENGINE_CPU, s, n_threads, 1, 0, 0);
  const sp_reason reason = (sp_reason)got.results[0].reason;
  free_product(&got);
  return reason;
}

/* The input's reasons come before the steps', an earlier step's before a later one's, whichever block ends first. */
static void test_first_reason_on_the_way_counts(void **unused) {
  const sp_local sizes[] = {200};
  for (int t = 0; t < 3; t++) {
    survey *s = make_survey(sizes, 1, 1000, 3);
    const step_params kept = {.locality = SP_LOCAL_TRACE, .block_traces = 5, .gain = 1};
    add_step(s, &by_offset, kept);
    add_step(s, &by_offset, kept);
    add_step(s, &by_offset, (step_params){.locality = SP_LOCAL_BLOCK, .block_traces = 5, .gain = 1});
    assert_int_equal(reason_of(s, thread_counts[t]), SP_REASON_OK);
    s->params[2].overflow = true;
    assert_int_equal(reason_of(s, thread_counts[t]), SP_REASON_OVERFLOW);
    s->params[2].refuse_above = 3;
    s->params[2].reason = SP_REASON_TOO_SHORT;
    assert_int_equal(reason_of(s, thread_counts[t]), SP_REASON_TOO_SHORT);
    s->params[1].refuse_above = 198; /* the last block's last trace only */
    s->params[1].reason = SP_REASON_GEOMETRY;
    assert_int_equal(reason_of(s, thread_counts[t]), SP_REASON_GEOMETRY);
    s->params[0].refuse_above = 100;
    s->params[0].reason = SP_REASON_TOO_SHORT;
    assert_int_equal(reason_of(s, thread_counts[t]), SP_REASON_TOO_SHORT);
    s->nan = SP_NAN_GATHER;
    trace_of(s, 0, 3)[5] = NAN;
    assert_int_equal(reason_of(s, thread_counts[t]), SP_REASON_NOT_FINITE);
    memset(s->in, 0, gather_bytes(s, 0));
    assert_int_equal(reason_of(s, thread_counts[t]), SP_REASON_DEAD);
    s->set_aside[0] = SP_REASON_CRASHED;
    assert_int_equal(reason_of(s, thread_counts[t]), SP_REASON_CRASHED);
    free_survey(s);
  }
}

/* A gather set aside is never given to a processor, but its traces are put in order and handled as on_error says. */
static void test_set_aside(void **unused) {
  const sp_local sizes[] = {30, 0, 12, 1};
  survey *s = two_steps(sizes, 4, 700);
  shuffle_gathers(s, 4);
  s->set_aside[2] = SP_REASON_CRASHED;
  s->set_aside[3] = SP_REASON_UNREADABLE;
  check_everywhere(s);
  s->set_aside[1] = SP_REASON_CRASHED; /* nothing there to go wrong */
  check_everywhere(s);
  free_survey(s);
}

/* Leaves out one trace in eight, and all of some gathers. */
static void skip_some(survey *s, uint64_t *state) {
  s->skip = calloc(s->n_traces + 1, 1);
  for (sp_local g = 0; g < s->n_gathers; g++) {
    const uint32_t one_in = random_below(state, 10) ? 8 : 1;
    for (sp_local i = s->first_trace[g]; i < s->first_trace[g + 1]; i++) s->skip[i] = random_below(state, one_in) == 0;
  }
}

/* Everything at once, at random. */
static void test_random_defects(void **unused) {
  uint64_t state = 99;
  for (int i = 0; i < 60; i++) {
    sp_local sizes[30];
    for (int g = 0; g < 30; g++) sizes[g] = random_below(&state, 25);
    survey *s = make_survey(sizes, 30, 1 + random_below(&state, 2500), random_bits(&state));
    const uint32_t n_steps = 1 + random_below(&state, 4);
    for (uint32_t k = 0; k < n_steps; k++) {
      add_step(s, &by_offset,
               (step_params){.locality = (sp_locality)random_below(&state, 3),
                             .block_traces = 1 + random_below(&state, 9),
                             .gain = random_sample(&state),
                             .refuse_above = random_below(&state, 4) ? 0 : 1 + random_below(&state, 20),
                             .reason = SP_REASON_TOO_SHORT + (int)random_below(&state, 2)});
    }
    for (int k = 0; k < 40; k++) {
      const sp_local g = random_below(&state, 30);
      if (sizes[g] == 0) continue;
      float *trace = trace_of(s, g, random_below(&state, sizes[g]));
      if (random_below(&state, 5)) {
        memset(trace, 0, s->n_samples * sizeof(float));
      } else {
        trace[random_below(&state, s->n_samples)] = NAN;
      }
    }
    if (random_below(&state, 2)) shuffle_gathers(s, random_bits(&state));
    s->set_aside[random_below(&state, 30)] = SP_REASON_CRASHED;
    s->mode = (sp_mode)random_below(&state, 3);
    s->on_error = (sp_on_error)random_below(&state, 3);
    s->nan = (sp_nan)random_below(&state, 3);
    if (random_below(&state, 2)) skip_some(s, &state);
    check_survey(SP_ENGINE_CPU, s, thread_counts[i % 3], 1 + i % 3, 0, random_bits(&state));
    free_survey(s);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_not_finite_anywhere), cmocka_unit_test(test_what_is_written_instead),
      cmocka_unit_test(test_dead_traces),         cmocka_unit_test(test_first_reason_on_the_way_counts),
      cmocka_unit_test(test_set_aside),           cmocka_unit_test(test_random_defects),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
