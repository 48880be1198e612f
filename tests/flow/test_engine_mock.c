/* SPDX-License-Identifier: BSD-3-Clause */
/* The mock device: the CPU's results, late and out of buffers of its own; and failures to order. */
/* timeout: 60 */
/* may warn */
#include "support.h"

static survey *small_survey(void) {
  const sp_local sizes[] = {20, 30, 10, 0, 25, 1, 44};
  survey *s = make_survey(sizes, 7, 400, 1);
  add_step(s, &by_offset, (step_params){.locality = SP_LOCAL_BLOCK, .block_traces = 4, .gain = 1});
  add_step(s, &by_cdp, (step_params){.locality = SP_LOCAL_GATHER, .block_traces = 4, .gain = 0.5f});
  shuffle_gathers(s, 2);
  trace_of(s, 1, 3)[9] = NAN;
  s->mode = SP_MODE_BOTH;
  return s;
}

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static sp_engine *mock_device(const survey *s, const char *orders, int n_slabs) {
  setenv("SEISPROC_MOCK", orders, 1);
  sp_engine *engine = make_engine(SP_ENGINE_MOCK, s, 2, n_slabs);
  unsetenv("SEISPROC_MOCK");
  return engine;
}

static void test_gives_what_the_cpu_gives(void **unused) {
  survey *s = small_survey();
  for (int mode = 0; mode < 3; mode++) {
    s->mode = (sp_mode)mode;
    setenv("SEISPROC_MOCK", mode == 1 ? "delay=3,seed=7" : "", 1);
    for (sp_local cut = 1; cut < 8; cut += 2) check_survey(SP_ENGINE_AUTO, s, 2, 1 + (int)cut % 3, cut, cut);
  }
  unsetenv("SEISPROC_MOCK");
  free_survey(s);
}

static bool all_nan(const float *x, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (!isnan(x[i])) return false;
  }
  return true;
}

/* Outputs read too early and an input read too late are NaN; a slab that is not done yet is not given out. */
static void test_poisons_what_must_not_be_read(void **unused) {
  survey *s = small_survey();
  sp_engine *engine = mock_device(s, "delay=1000,seed=3", 1);
  held_slab *h = hold_slab(s, 0, 3);
  const size_t samples = (size_t)h->slab.n_traces * s->n_samples;
  const double start = seconds();
  sp_slab *done = NULL;
  assert_int_equal(sp_engine_submit(engine, &h->slab), SP_SUCCESS);
  assert_true(all_nan(h->slab.traces, samples) && all_nan(h->slab.noise, samples));
  assert_true(h->slab.results[0].reason == 0xffffffffu);
  assert_int_equal(sp_engine_test(engine, &done), SP_SUCCESS);
  assert_null(done);
  assert_int_equal(sp_engine_wait(engine, &done), SP_SUCCESS);
  assert_true(seconds() - start > 0.3); /* 0.311 s is this seed's first delay */
  assert_true(all_nan(h->slab.in, samples));
  assert_false(all_nan(h->slab.traces, samples));
  assert_true(sp_engine_busy_seconds(engine) > 0);
  sp_engine_destroy(engine);
  free_slab(h);
  free_survey(s);
}

static void test_fails_to_create(void **unused) {
  survey *s = small_survey();
  const sp_engine_config config = config_of(s, 1, 1);
  sp_engine *engine = NULL;
  const char *const wrong[] = {"delay", "delay=", "delay=-1", "late=3", "fail_wait=soon", "delay=2,,lose=x"};
  setenv("SEISPROC_MOCK", "fail_create=1", 1);
  assert_int_equal(sp_engine_create(SP_ENGINE_AUTO, &config, &engine), SP_ERR_DEVICE);
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    setenv("SEISPROC_MOCK", wrong[i], 1);
    assert_int_equal(sp_engine_create(SP_ENGINE_MOCK, &config, &engine), SP_ERR_USAGE);
  }
  unsetenv("SEISPROC_MOCK");
  assert_null(engine);
  free_survey(s);
}

/* From the failure on every call fails; slabs before it were good. */
static void test_fails_to_submit(void **unused) {
  survey *s = small_survey();
  sp_engine *engine = mock_device(s, "fail_submit=2", 3);
  held_slab *first = hold_slab(s, 0, 3), *second = hold_slab(s, 3, 2);
  sp_slab *done = NULL;
  assert_int_equal(sp_engine_submit(engine, &first->slab), SP_SUCCESS);
  assert_int_equal(sp_engine_submit(engine, &second->slab), SP_ERR_DEVICE);
  assert_int_equal(sp_engine_submit(engine, &second->slab), SP_ERR_DEVICE);
  assert_int_equal(sp_engine_test(engine, &done), SP_ERR_DEVICE);
  assert_int_equal(sp_engine_wait(engine, &done), SP_ERR_DEVICE);
  assert_null(done);
  sp_engine_destroy(engine);
  free_slab(first);
  free_slab(second);
  free_survey(s);
}

static void test_fails_while_computing(void **unused) {
  survey *s = small_survey();
  for (int poll = 0; poll < 2; poll++) {
    /* the first delivery comes within 1 ms, the second 396 ms after it: what is asked before then is answered */
    sp_engine *engine = mock_device(s, "fail_wait=2,delay=400,seed=629", 3);
    held_slab *slabs[3] = {hold_slab(s, 0, 2), hold_slab(s, 2, 2), hold_slab(s, 4, 3)};
    for (int i = 0; i < 3; i++) assert_int_equal(sp_engine_submit(engine, &slabs[i]->slab), SP_SUCCESS);
    assert_ptr_equal(finish_slab(engine, poll), slabs[0]);
    sp_slab *done = NULL;
    sp_status status = SP_SUCCESS;
    while (poll && status == SP_SUCCESS && !done) status = sp_engine_test(engine, &done);
    if (!poll) status = sp_engine_wait(engine, &done);
    assert_int_equal(status, SP_ERR_DEVICE);
    assert_null(done);
    assert_int_equal(sp_engine_submit(engine, &slabs[0]->slab), SP_ERR_DEVICE);
    assert_int_equal(sp_engine_wait(engine, &done), SP_ERR_DEVICE);
    sp_engine_destroy(engine);
    assert_true(all_nan(slabs[1]->slab.traces, (size_t)slabs[1]->slab.n_traces * s->n_samples));
    for (int i = 0; i < 3; i++) free_slab(slabs[i]);
  }
  free_survey(s);
}

static void test_loses_a_slab(void **unused) {
  survey *s = small_survey();
  sp_engine *engine = mock_device(s, "lose=2", 2);
  held_slab *first = hold_slab(s, 0, 3), *second = hold_slab(s, 3, 2);
  assert_int_equal(sp_engine_submit(engine, &first->slab), SP_SUCCESS);
  assert_int_equal(sp_engine_submit(engine, &second->slab), SP_SUCCESS);
  assert_ptr_equal(finish_slab(engine, true), first);
  sp_slab *done = NULL;
  for (const double end = seconds() + 0.1; seconds() < end;) {
    assert_int_equal(sp_engine_test(engine, &done), SP_SUCCESS);
    assert_null(done);
  }
  sp_engine_destroy(engine); /* does not wait for it */
  free_slab(first);
  free_slab(second);
  free_survey(s);
}

/* One bit on the way back: the checksum shows it. */
static void test_flips_a_bit(void **unused) {
  survey *s = small_survey();
  setenv("SEISPROC_MOCK", "flip=2", 1);
  product got = run_survey(SP_ENGINE_MOCK, s, 2, 2, 1, 0), expected = reference(s);
  unsetenv("SEISPROC_MOCK");
  for (sp_local g = 0; g < s->n_gathers; g++) {
    const size_t at = (size_t)s->first_trace[g] * s->n_samples, bytes = gather_bytes(s, g);
    assert_int_equal(got.results[g].crc_traces, expected.results[g].crc_traces);
    assert_int_equal(plain_crc(got.traces + at, bytes) != got.results[g].crc_traces, g == 1);
  }
  free_product(&got);
  free_product(&expected);
  free_survey(s);
}

/* Destroyed with slabs in flight it does not linger over their delays. */
static void test_destroy_does_not_wait_out_delays(void **unused) {
  survey *s = small_survey();
  sp_engine *engine = mock_device(s, "delay=100000,seed=1", 2);
  held_slab *first = hold_slab(s, 0, 3), *second = hold_slab(s, 3, 2);
  assert_int_equal(sp_engine_submit(engine, &first->slab), SP_SUCCESS);
  assert_int_equal(sp_engine_submit(engine, &second->slab), SP_SUCCESS);
  const double start = seconds();
  sp_engine_destroy(engine);
  assert_true(seconds() - start < 5);
  free_slab(first);
  free_slab(second);
  free_survey(s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_gives_what_the_cpu_gives),
      cmocka_unit_test(test_poisons_what_must_not_be_read),
      cmocka_unit_test(test_fails_to_create),
      cmocka_unit_test(test_fails_to_submit),
      cmocka_unit_test(test_fails_while_computing),
      cmocka_unit_test(test_loses_a_slab),
      cmocka_unit_test(test_flips_a_bit),
      cmocka_unit_test(test_destroy_does_not_wait_out_delays),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
