/* SPDX-License-Identifier: BSD-3-Clause */
/* How an engine is used and misused: what is refused, what it allocates, how it sleeps and ends. */
/* timeout: 60 */
/* may warn */
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "seisproc/log.h"
#include "support.h"

static survey *small_survey(sp_locality locality, unsigned micros) {
  const sp_local sizes[] = {20, 30, 10, 0, 25};
  survey *s = make_survey(sizes, 5, 400, 1);
  add_step(s, &by_offset, (step_params){.locality = SP_LOCAL_TRACE, .block_traces = 4, .gain = 1});
  add_step(s, &by_offset, (step_params){.locality = locality, .block_traces = 4, .gain = 1, .micros = micros});
  return s;
}

static double cpu_seconds(void) {
  struct rusage r;
  getrusage(RUSAGE_SELF, &r);
  return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) + 1e-6 * (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec);
}

static void sleep_ms(long ms) {
  const struct timespec pause = {ms / 1000, ms % 1000 * 1000000};
  nanosleep(&pause, NULL);
}

/* Bytes that this process holds from malloc, mapped blocks included. */
static size_t heap_bytes(void) {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

static void test_more_slabs_than_agreed_are_refused(void **unused) {
  survey *s = small_survey(SP_LOCAL_BLOCK, 0);
  sp_engine *engine = make_engine(SP_ENGINE_CPU, s, 2, 2);
  held_slab *slabs[3] = {hold_slab(s, 0, 2), hold_slab(s, 2, 2), hold_slab(s, 4, 1)};
  sp_slab *done = &slabs[0]->slab;
  assert_int_equal(sp_engine_test(engine, &done), SP_SUCCESS);
  assert_null(done);
  assert_int_equal(sp_engine_wait(engine, &done), SP_ERR_INTERNAL); /* nothing to wait for */
  assert_int_equal(sp_engine_submit(engine, &slabs[0]->slab), SP_SUCCESS);
  assert_int_equal(sp_engine_submit(engine, &slabs[1]->slab), SP_SUCCESS);
  assert_int_equal(sp_engine_submit(engine, &slabs[2]->slab), SP_ERR_INTERNAL);
  for (int i = 0; i < 2; i++) {
    assert_int_equal(sp_engine_wait(engine, &done), SP_SUCCESS);
    assert_ptr_equal(done, &slabs[i]->slab);
  }
  assert_int_equal(sp_engine_submit(engine, &slabs[2]->slab), SP_SUCCESS);
  assert_int_equal(sp_engine_wait(engine, &done), SP_SUCCESS);
  sp_engine_destroy(engine);
  for (int i = 0; i < 3; i++) free_slab(slabs[i]);
  free_survey(s);
}

static void assert_refused(const survey *s, const sp_slab *slab) {
  sp_engine_config config = config_of(s, 1, 1);
  config.max_traces = 50;
  config.max_gathers = 3;
  sp_engine *engine = NULL;
  assert_int_equal(sp_engine_create(SP_ENGINE_CPU, &config, &engine), SP_SUCCESS);
  sp_slab copy = *slab;
  assert_int_equal(sp_engine_submit(engine, &copy), SP_ERR_INTERNAL);
  sp_engine_destroy(engine);
}

static void test_slabs_that_do_not_fit_are_refused(void **unused) {
  survey *s = small_survey(SP_LOCAL_BLOCK, 0);
  held_slab *h = hold_slab(s, 0, 2);
  const sp_slab good = h->slab;
  sp_slab bad = good;
  bad.headers = NULL;
  assert_refused(s, &bad);
  bad = good;
  bad.noise = good.traces;
  assert_refused(s, &bad);
  bad = good;
  bad.n_traces--;
  assert_refused(s, &bad);
  const sp_local backwards[] = {0, 40, 30, 50}, offset[] = {1, 20, 50}, large[] = {0, 31, 50}, many[] = {0, 1, 2, 3, 4};
  bad = good;
  bad.n_gathers = 3;
  bad.first_trace = backwards;
  assert_refused(s, &bad);
  bad.n_gathers = 2;
  bad.first_trace = offset;
  assert_refused(s, &bad);
  bad.first_trace = large;
  assert_refused(s, &bad);
  bad.n_gathers = 4;
  bad.n_traces = 4;
  bad.first_trace = many;
  assert_refused(s, &bad);
  free_slab(h);
  h = hold_slab(s, 0, 3);
  assert_refused(s, &h->slab); /* 60 traces */
  free_slab(h);
  free_survey(s);
}

static void assert_not_created(sp_engine_kind kind, sp_engine_config config, sp_status status) {
  sp_engine *engine = NULL;
  assert_int_equal(sp_engine_create(kind, &config, &engine), status);
  assert_null(engine);
}

static sp_status refuse_to_plan(const void *params, const sp_geometry *geometry, sp_plan **out) {
  return SP_RAISE(SP_ERR_USAGE, "test: cannot plan");
}

static void test_configs_that_cannot_be_are_refused(void **unused) {
  survey *s = small_survey(SP_LOCAL_BLOCK, 0);
  const sp_engine_config good = config_of(s, 1, 1);
  sp_engine_config bad = good;
  bad.n_steps = 0;
  assert_not_created(SP_ENGINE_CPU, bad, SP_ERR_USAGE);
  bad = good;
  bad.n_samples = 0;
  assert_not_created(SP_ENGINE_CPU, bad, SP_ERR_USAGE);
  bad = good;
  bad.sample_interval_s = 0;
  assert_not_created(SP_ENGINE_CPU, bad, SP_ERR_USAGE);
  bad = good;
  bad.max_traces = bad.max_gather - 1;
  assert_not_created(SP_ENGINE_CPU, bad, SP_ERR_INTERNAL);
  bad = good;
  bad.n_threads = 0;
  assert_not_created(SP_ENGINE_CPU, bad, SP_ERR_INTERNAL);
  bad = good;
  bad.n_slabs = 0;
  assert_not_created(SP_ENGINE_CPU, bad, SP_ERR_INTERNAL);
  const sp_processor elsewhere = {.name = "elsewhere"};
  const sp_cpu_ops refusing = {refuse_to_plan, step_apply, step_destroy};
  const sp_processor refuser = {.name = "refuser", .cpu = &refusing};
  s->chain[1].processor = &elsewhere;
  assert_not_created(SP_ENGINE_CPU, good, SP_ERR_USAGE);
  s->chain[1].processor = &refuser;
  assert_not_created(SP_ENGINE_CPU, good, SP_ERR_USAGE);
  free_survey(s);
}

static void test_headers_of_a_chain(void **unused) {
  const sp_processor none = {.name = "none"}, three = {.name = "three", .headers = {"sx", "offset", "gx"}};
  const sp_chain_step chain[] = {{.processor = &none, .params = NULL},
                                 {.processor = &by_cdp, .params = NULL},
                                 {.processor = &by_offset, .params = NULL},
                                 {.processor = &three, .params = NULL},
                                 {.processor = &by_cdp, .params = NULL}};
  const char *names[8] = {0};
  assert_int_equal(sp_chain_headers(chain, 5, names, 8), 4);
  const char *const expected[] = {"cdp", "offset", "sx", "gx"};
  for (int i = 0; i < 4; i++) assert_string_equal(names[i], expected[i]);
  assert_int_equal(sp_chain_headers(chain, 5, names, 3), 3);
  assert_int_equal(sp_chain_headers(chain, 1, names, 8), 0);
  assert_int_equal(sp_chain_headers(chain, 0, names, 8), 0);
}

static void test_engines_by_name(void **unused) {
  survey *s = small_survey(SP_LOCAL_BLOCK, 0);
  sp_engine *engine = make_engine(SP_ENGINE_AUTO, s, 1, 1);
  assert_string_equal(sp_engine_name(engine), "cpu");
  sp_engine_destroy(engine);
  setenv("SEISPROC_MOCK", "", 1);
  engine = make_engine(SP_ENGINE_AUTO, s, 1, 1);
  assert_string_equal(sp_engine_name(engine), "mock");
  sp_engine_destroy(engine);
  engine = make_engine(SP_ENGINE_CPU, s, 1, 1);
  assert_string_equal(sp_engine_name(engine), "cpu");
  sp_engine_destroy(engine);
  unsetenv("SEISPROC_MOCK");
  sp_engine_destroy(NULL);
  free_survey(s);
}

/* A slab of no gathers and one of empty gathers are done at once. */
static void test_empty_slabs(void **unused) {
  survey *s = small_survey(SP_LOCAL_BLOCK, 0);
  sp_engine *engine = make_engine(SP_ENGINE_CPU, s, 2, 3);
  const sp_local nothing[] = {0, 0, 0};
  sp_gather_result results[2] = {{.reason = 9, .crc_traces = 9, .crc_noise = 9},
                                 {.reason = 9, .crc_traces = 9, .crc_noise = 9}};
  sp_slab empty = {.first_trace = nothing, .headers = hold_slab(s, 3, 1)->slab.headers, .results = results};
  held_slab *owner = (held_slab *)((char *)(uintptr_t)empty.headers - offsetof(held_slab, headers));
  sp_slab two_empty = empty, *done = NULL;
  two_empty.n_gathers = 2;
  assert_int_equal(sp_engine_submit(engine, &empty), SP_SUCCESS);
  assert_int_equal(sp_engine_submit(engine, &two_empty), SP_SUCCESS);
  assert_int_equal(sp_engine_submit(engine, &owner->slab), SP_SUCCESS);
  assert_int_equal(sp_engine_wait(engine, &done), SP_SUCCESS);
  assert_ptr_equal(done, &empty);
  assert_int_equal(sp_engine_test(engine, &done), SP_SUCCESS);
  assert_ptr_equal(done, &two_empty);
  for (int i = 0; i < 2; i++) assert_true(results[i].reason == 0 && results[i].crc_traces == 0);
  assert_int_equal(sp_engine_wait(engine, &done), SP_SUCCESS);
  sp_engine_destroy(engine);
  free_slab(owner);
  free_survey(s);
}

/* Destroyed with slabs in flight it first computes them. */
static void test_destroy_waits_for_slabs_in_flight(void **unused) {
  survey *s = small_survey(SP_LOCAL_BLOCK, 300);
  product expected = reference(s), got = make_product(s);
  sp_engine *engine = make_engine(SP_ENGINE_CPU, s, 2, 3);
  held_slab *slabs[3] = {hold_slab(s, 0, 1), hold_slab(s, 1, 2), hold_slab(s, 3, 2)};
  for (int i = 0; i < 3; i++) assert_int_equal(sp_engine_submit(engine, &slabs[i]->slab), SP_SUCCESS);
  sp_engine_destroy(engine);
  for (int i = 0; i < 3; i++) keep_slab(s, slabs[i], &got);
  assert_same(s, &expected, &got, "destroyed early");
  free_product(&expected);
  free_product(&got);
  free_survey(s);
}

static void pass_slabs(sp_engine *engine, held_slab **slabs, int n, int times) {
  for (int i = 0; i < times * n; i++) {
    sp_slab *done = NULL;
    assert_int_equal(sp_engine_submit(engine, &slabs[i % n]->slab), SP_SUCCESS);
    if (i > 0) assert_int_equal(sp_engine_wait(engine, &done), SP_SUCCESS);
  }
  sp_slab *done = NULL;
  assert_int_equal(sp_engine_wait(engine, &done), SP_SUCCESS);
}

static void test_steady_state_allocates_nothing(void **unused) {
  for (int kind = 0; kind < 2; kind++) {
    survey *s = small_survey(SP_LOCAL_BLOCK, 0);
    shuffle_gathers(s, 1);
    trace_of(s, 1, 3)[7] = NAN;
    s->mode = SP_MODE_BOTH;
    const uint64_t bytes = sp_alloc_bytes();
    sp_engine *engine = make_engine(kind ? SP_ENGINE_MOCK : SP_ENGINE_CPU, s, 3, 2);
    assert_int_equal(sp_engine_host_bytes(engine), sp_alloc_bytes() - bytes);
    assert_true(sp_engine_host_bytes(engine) >= s->n_traces * s->n_samples * sizeof(float)); /* between stages */
    held_slab *slabs[2] = {hold_slab(s, 0, 3), hold_slab(s, 3, 2)};
    pass_slabs(engine, slabs, 2, 2);
    const uint64_t count = sp_alloc_count();
    const size_t heap = heap_bytes();
    pass_slabs(engine, slabs, 2, 50);
    assert_int_equal(sp_alloc_count(), count);
    assert_int_equal(heap_bytes(), heap);
    sp_engine_destroy(engine);
    free_slab(slabs[0]);
    free_slab(slabs[1]);
    free_survey(s);
  }
}

/* Neither idle threads nor a caller that waits take processor time, and only work counts as busy. */
static void test_waiting_costs_nothing(void **unused) {
  survey *s = small_survey(SP_LOCAL_BLOCK, 20000); /* steps that sleep */
  sp_engine *engine = make_engine(SP_ENGINE_CPU, s, 4, 1);
  double before = cpu_seconds();
  sleep_ms(300);
  assert_true(cpu_seconds() - before < 0.02);
  assert_true(sp_engine_busy_seconds(engine) == 0);
  held_slab *h = hold_slab(s, 0, 5);
  before = cpu_seconds();
  assert_int_equal(sp_engine_submit(engine, &h->slab), SP_SUCCESS);
  finish_slab(engine, false);
  const double busy = sp_engine_busy_seconds(engine);
  assert_true(busy >= 0.02 && cpu_seconds() - before < 0.5 * busy + 0.02);
  sleep_ms(50);
  assert_true(sp_engine_busy_seconds(engine) == busy);
  sp_engine_destroy(engine);
  free_slab(h);
  free_survey(s);
}

static void count_signal(int signal) {
  (void)signal;
}

/* The team leaves signals to the caller's thread. */
static void test_signals_are_the_callers(void **unused) {
  survey *s = small_survey(SP_LOCAL_BLOCK, 0);
  sp_engine *engine = make_engine(SP_ENGINE_CPU, s, 3, 1);
  sigset_t blocked, before;
  const struct sigaction action = {.sa_handler = count_signal};
  sigaction(SIGUSR1, &action, NULL);
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &blocked, &before);
  kill(getpid(), SIGUSR1); /* stays pending if no thread takes it */
  sleep_ms(20);
  sigset_t pending;
  sigpending(&pending);
  assert_true(sigismember(&pending, SIGUSR1));
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  sp_engine_destroy(engine);
  free_survey(s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_more_slabs_than_agreed_are_refused),
      cmocka_unit_test(test_slabs_that_do_not_fit_are_refused),
      cmocka_unit_test(test_configs_that_cannot_be_are_refused),
      cmocka_unit_test(test_headers_of_a_chain),
      cmocka_unit_test(test_engines_by_name),
      cmocka_unit_test(test_empty_slabs),
      cmocka_unit_test(test_destroy_waits_for_slabs_in_flight),
      cmocka_unit_test(test_steady_state_allocates_nothing),
      cmocka_unit_test(test_waiting_costs_nothing),
      cmocka_unit_test(test_signals_are_the_callers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
