/* SPDX-License-Identifier: BSD-3-Clause */
/* Chains of which the CPU computes some steps and a device the others: the same bits, reasons and checksums as ever,
 * whichever steps have no kernel, with late completion; and what comes of a device that fails on the way. */
/* timeout: 120 */
/* may warn */
#include "support.h"

static void set_orders(const char *format, ...) {
  char text[120];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  setenv("SEISPROC_MOCK", text, 1);
}

static survey *random_chain(uint64_t *seed, size_t n_steps) {
  const sp_local sizes[] = {20, 30, 1, 0, 25, 2, 44, 9};
  survey *s = make_survey(sizes, 8, 100 + random_below(seed, 60), *seed);
  for (size_t i = 0; i < n_steps; i++) {
    const step_params p = {.locality = (sp_locality)random_below(seed, 3),
                           .block_traces = 1 + random_below(seed, 9),
                           .gain = 0.5f + 0.1f * (float)i};
    add_step(s, random_below(seed, 2) ? &by_offset : &by_cdp, p);
  }
  s->mode = (sp_mode)random_below(seed, 3);
  s->on_error = random_below(seed, 2) ? SP_ON_ERROR_ZERO : SP_ON_ERROR_PASSTHROUGH;
  s->nan = (sp_nan)random_below(seed, 3);
  if (random_below(seed, 2)) shuffle_gathers(s, *seed);
  return s;
}

/* Dead, skipped and not finite traces; steps that refuse; gathers set aside; results that overflow. */
static void spoil(survey *s, uint64_t *seed) {
  memset(trace_of(s, 0, 7), 0, s->n_samples * sizeof(float));
  memset(trace_of(s, 5, 0), 0, 2 * s->n_samples * sizeof(float));
  trace_of(s, 1, 3)[9] = NAN;
  trace_of(s, 6, 40)[1] = -INFINITY;
  s->set_aside[random_below(seed, 8)] = SP_REASON_UNREADABLE;
  for (size_t i = 0; i < s->n_steps; i++) {
    if (random_below(seed, 2)) continue;
    s->params[i].refuse_above = strcmp(s->chain[i].processor->name, "by_cdp") ? 28 : 1028;
    s->params[i].reason = i % 2 ? SP_REASON_TOO_SHORT : SP_REASON_GEOMETRY;
  }
  s->params[random_below(seed, (uint32_t)s->n_steps)].overflow = random_below(seed, 3) == 0;
  if (random_below(seed, 2)) return;
  s->skip = calloc(s->n_traces, 1);
  for (sp_local t = 0; t < s->n_traces; t++) s->skip[t] = t % 7 == 3;
  for (sp_local t = s->first_trace[4]; t < s->first_trace[5]; t++) s->skip[t] = 1;
}

/* Every choice of steps without a kernel, of chains of up to four. */
static void test_every_choice_of_steps(void **unused) {
  uint64_t seed = 5;
  for (size_t n_steps = 1; n_steps <= 4; n_steps++) {
    for (unsigned lacks = 0; lacks < 1u << n_steps; lacks++) {
      survey *s = random_chain(&seed, n_steps);
      if (lacks % 2) spoil(s, &seed);
      set_orders("lacks=%u,delay=%d,seed=%u", lacks, lacks % 3 ? 2 : 0, lacks);
      check_survey(SP_ENGINE_MOCK, s, 1 + (int)lacks % 3, 1 + (int)random_below(&seed, 3), 1 + lacks % 4, seed);
      free_survey(s);
    }
  }
  unsetenv("SEISPROC_MOCK");
}

static void test_random_defects(void **unused) {
  uint64_t seed = 77;
  for (int i = 0; i < 60; i++) {
    survey *s = random_chain(&seed, 2 + random_below(&seed, 4));
    spoil(s, &seed);
    set_orders("lacks=%u", 1 + random_below(&seed, 31));
    check_survey(SP_ENGINE_MOCK, s, 2, 2, 0, seed);
    free_survey(s);
  }
  unsetenv("SEISPROC_MOCK");
}

/* A step that is taken back is computed on the CPU, with all up to there. */
static void test_undo(void **unused) {
  for (unsigned lacks = 0; lacks < 32; lacks += 5) {
    const sp_local sizes[] = {20, 3, 31};
    survey *s = make_survey(sizes, 3, 70, lacks);
    add_step(s, &by_cdp, (step_params){.locality = SP_LOCAL_TRACE, .block_traces = 2, .gain = 1});
    add_step(s, &by_offset, (step_params){.locality = SP_LOCAL_TRACE, .block_traces = 2, .gain = 1, .keeps = true});
    add_step(s, &by_cdp, (step_params){.locality = SP_LOCAL_BLOCK, .block_traces = 2, .gain = 1});
    add_undo(s, 1);
    add_step(s, &by_cdp, (step_params){.locality = SP_LOCAL_BLOCK, .block_traces = 2, .gain = 1});
    set_orders("lacks=%u", lacks);
    sp_engine *engine = make_engine(SP_ENGINE_MOCK, s, 1, 1);
    for (size_t i = 0; i < 5; i++) {
      const bool on_host = (i >= 1 && i <= 3) || (lacks >> i & 1);
      assert_string_equal(sp_engine_step_name(engine, i), on_host ? "cpu" : "mock");
    }
    sp_engine_destroy(engine);
    check_survey(SP_ENGINE_MOCK, s, 2, 2, 2, 1);
    free_survey(s);
  }
  unsetenv("SEISPROC_MOCK");
}

static void test_where_steps_are(void **unused) {
  uint64_t seed = 3;
  survey *s = random_chain(&seed, 3);
  set_orders("lacks=2");
  sp_engine *engine = make_engine(SP_ENGINE_MOCK, s, 1, 1);
  assert_string_equal(sp_engine_name(engine), "mock");
  assert_string_equal(sp_engine_step_name(engine, 0), "mock");
  assert_string_equal(sp_engine_step_name(engine, 1), "cpu");
  assert_string_equal(sp_engine_step_name(engine, 2), "mock");
  sp_engine_destroy(engine);
  set_orders("lacks=7");
  engine = make_engine(SP_ENGINE_MOCK, s, 1, 1); /* nothing is left for the device */
  assert_string_equal(sp_engine_name(engine), "cpu");
  assert_string_equal(sp_engine_step_name(engine, 2), "cpu");
  sp_engine_destroy(engine);
  unsetenv("SEISPROC_MOCK");
  free_survey(s);
}

/* The device fails at every delivery in turn: as asked for, an error of the device (and of no gather), or the CPU takes
 * over, and the results are those of the reference. */
static void run_failing(const survey *s, const char *what, int number, unsigned lacks, bool takes_over) {
  product expected = reference(s), got = make_product(s);
  sp_engine_config config = config_of(s, 2, 2);
  sp_engine *engine = NULL;
  config.cpu_takes_over = takes_over;
  set_orders("%s=%d,lacks=%u,delay=1", what, number, lacks);
  assert_int_equal(sp_engine_create(SP_ENGINE_MOCK, &config, &engine), SP_SUCCESS);
  held_slab *slabs[4];
  sp_slab *done;
  sp_status status = SP_SUCCESS;
  for (int i = 0; i < 4; i++) slabs[i] = hold_slab(s, 2 * (sp_local)i, 2);
  int submitted = 0, finished = 0;
  while (finished < 4 && status == SP_SUCCESS) {
    if (submitted < 4 && submitted - finished < 2) {
      status = sp_engine_submit(engine, &slabs[submitted]->slab);
      submitted++;
    } else {
      status = sp_engine_wait(engine, &done);
      if (status == SP_SUCCESS) assert_ptr_equal(done, &slabs[finished++]->slab);
    }
  }
  assert_int_equal(status, takes_over ? SP_SUCCESS : SP_ERR_DEVICE);
  assert_string_equal(sp_engine_name(engine), takes_over ? "cpu" : "mock");
  sp_engine_destroy(engine);
  for (int i = 0; i < 4; i++) {
    if (takes_over) keep_slab(s, slabs[i], &got);
    if (!takes_over) free_slab(slabs[i]);
  }
  if (takes_over) assert_same(s, &expected, &got, what);
  free_product(&expected);
  free_product(&got);
}

static void test_device_fails(void **unused) {
  uint64_t seed = 11;
  for (int number = 1; number <= 4; number++) {
    for (unsigned lacks = 0; lacks < 8; lacks += 2) {
      survey *s = random_chain(&seed, 3);
      run_failing(s, number % 2 ? "fail_wait" : "fail_submit", number, lacks, true);
      run_failing(s, number % 2 ? "fail_submit" : "fail_wait", number, lacks, false);
      free_survey(s);
    }
  }
  unsetenv("SEISPROC_MOCK");
}

/* A batch that never comes to the CPU: who destroys the engine does not wait for it. */
static void test_loses_a_batch(void **unused) {
  uint64_t seed = 2;
  survey *s = random_chain(&seed, 3);
  set_orders("lose=1,lacks=2");
  sp_engine *engine = make_engine(SP_ENGINE_MOCK, s, 2, 2);
  held_slab *h = hold_slab(s, 0, 3);
  sp_slab *done = NULL;
  assert_int_equal(sp_engine_submit(engine, &h->slab), SP_SUCCESS);
  assert_int_equal(sp_engine_test(engine, &done), SP_SUCCESS);
  assert_null(done);
  sp_engine_destroy(engine);
  free_slab(h);
  free_survey(s);
  unsetenv("SEISPROC_MOCK");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_choice_of_steps),
      cmocka_unit_test(test_random_defects),
      cmocka_unit_test(test_undo),
      cmocka_unit_test(test_where_steps_are),
      cmocka_unit_test(test_device_fails),
      cmocka_unit_test(test_loses_a_batch),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
