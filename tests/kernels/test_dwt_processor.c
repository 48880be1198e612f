/* SPDX-License-Identifier: BSD-3-Clause */
/* may warn */
/* Processor dwt as a processor: parameters, levels, a small gather told of once, no allocation, clean-up. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernels/dwt/dwt.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"

enum { SAMPLES = 300, TRACES = 20 };

static sp_dwt_params defaults(void) {
  sp_dwt_params p;
  sp_param_set_defaults(sp_processor_find("dwt")->params, &p);
  return p;
}

/* The defaults before thresholds were chosen by all of a gather. */
static sp_dwt_params by_trace(void) {
  sp_dwt_params p = defaults();
  p.transform = SP_DWT_DWT;
  p.threshold = SP_DWT_SOFT;
  p.k = 3;
  p.noise_level = SP_DWT_FINEST;
  return p;
}

static sp_plan *make_plan(const sp_dwt_params *p, uint32_t n_samples) {
  const sp_geometry geometry = {n_samples, TRACES, 0.002, 2};
  sp_plan *plan = NULL;
  assert_int_equal(sp_dwt_cpu.plan(p, &geometry, &plan), SP_SUCCESS);
  assert_non_null(plan);
  assert_true(plan->block_traces > 0);
  return plan;
}

static float *make_gather(uint32_t n_traces) {
  float *x = calloc((size_t)n_traces * SAMPLES, sizeof *x);
  assert_non_null(x);
  for (size_t i = 0; i < (size_t)n_traces * SAMPLES; i++) x[i] = sinf((float)(i * i % 1009));
  return x;
}

static sp_reason apply(const sp_plan *plan, int thread, const float *in, float *out, uint32_t n_traces) {
  const sp_block block = {.in = in, .out = out, .n_traces = n_traces, .count = n_traces};
  return plan->ops->apply(plan, thread, &block);
}

static void test_defaults(void **unused) {
  const sp_dwt_params p = defaults();
  assert_int_equal(p.wavelet, 3);
  assert_int_equal(p.transform, SP_DWT_SWT);
  assert_int_equal(p.level, SP_PARAM_AUTO);
  assert_int_equal(p.threshold, SP_DWT_GARROTE);
  assert_true(sp_dwt_is_auto(&p));
  assert_int_equal(p.aperture, 1);
  assert_false(p.best_basis);
  assert_int_equal(p.noise_level, SP_DWT_LEVEL_AUTO);
}

static void test_every_wavelet_has_the_name_of_its_choice(void **unused) {
  char choices[] = SP_WAVELET_CHOICES, *rest = choices;
  for (int i = 0; i < SP_WAVELET_COUNT; i++) {
    sp_wavelet wavelet;
    sp_wavelet_get(i, &wavelet);
    assert_string_equal(strtok_r(rest, "|", &rest), wavelet.name);
    assert_true(wavelet.taps <= SP_WAVELET_MAX_TAPS && wavelet.taps % 2 == 0);
    assert_true(wavelet.orthogonal == (sp_wavelet_lattice[i] != NULL));
  }
  assert_null(strtok_r(rest, "|", &rest));
}

static void test_levels(void **unused) {
  sp_dwt_params p = by_trace(); /* db4: 8 taps */
  assert_int_equal(sp_dwt_levels(&p, 1600), 6);
  assert_int_equal(sp_dwt_levels(&p, 100), 3);
  assert_int_equal(sp_dwt_levels(&p, 14), 1);
  assert_int_equal(sp_dwt_levels(&p, 13), 0);
  p.level = 7;
  assert_int_equal(sp_dwt_levels(&p, 1600), 7);
  assert_int_equal(sp_dwt_levels(&p, 800), 0);
}

static void test_contradictions(void **unused) {
  const sp_processor *dwt = sp_processor_find("dwt");
  char why[256] = "";
  sp_dwt_params p = by_trace();
  assert_int_equal(dwt->check(&p, why, sizeof why), SP_SUCCESS);
  p.best_basis = true;
  assert_int_equal(dwt->check(&p, why, sizeof why), SP_ERR_USAGE);
  assert_non_null(strstr(why, "best_basis"));
  p.transform = SP_DWT_WPT;
  assert_int_equal(dwt->check(&p, why, sizeof why), SP_SUCCESS);
  p.noise_level = SP_DWT_COARSEST;
  assert_int_equal(dwt->check(&p, why, sizeof why), SP_ERR_USAGE);
}

static void test_a_small_gather_is_told_of_once_a_plan(void **unused) {
  sp_dwt_params p = by_trace();
  p.aperture = 7;
  sp_plan *plan = make_plan(&p, SAMPLES);
  float *in = make_gather(TRACES), *out = make_gather(TRACES);
  const unsigned long before = sp_log_count(SP_LOG_WARN);
  assert_int_equal(apply(plan, 0, in, out, TRACES), SP_REASON_OK);
  assert_int_equal(sp_log_count(SP_LOG_WARN), before);
  for (uint32_t n = 1; n < 7; n++) assert_int_equal(apply(plan, n % 2, in, out, n), SP_REASON_OK);
  assert_int_equal(sp_log_count(SP_LOG_WARN), before + 1);
  sp_dwt_cpu.destroy(plan);
  free(in);
  free(out);
}

static void test_a_short_trace_has_a_plan_and_a_reason(void **unused) {
  const sp_dwt_params p = by_trace();
  sp_plan *plan = make_plan(&p, 10);
  float in[10] = {1, 2, 3}, out[10];
  assert_int_equal(apply(plan, 1, in, out, 1), SP_REASON_TOO_SHORT);
  sp_dwt_cpu.destroy(plan);
}

static void test_apply_allocates_nothing(void **unused) {
  float *in = make_gather(TRACES), *out = make_gather(TRACES);
  for (int transform = SP_DWT_DWT; transform <= SP_DWT_WPT; transform++) {
    for (int aperture = 1; aperture <= 13; aperture += 4) {
      sp_dwt_params p = by_trace();
      p.transform = transform;
      p.aperture = aperture;
      p.best_basis = transform == SP_DWT_WPT && aperture > 1;
      sp_plan *plan = make_plan(&p, SAMPLES);
      const uint64_t before = sp_alloc_count();
      assert_int_equal(apply(plan, 0, in, out, TRACES), SP_REASON_OK);
      assert_true(sp_alloc_count() == before);
      sp_dwt_cpu.destroy(plan);
    }
  }
  free(in);
  free(out);
}

static void test_streaming_changes_no_bit(void **unused) {
  void *block;
  float *in = make_gather(TRACES), *plain = make_gather(TRACES);
  assert_int_equal(sp_alloc(TRACES * SAMPLES * sizeof(float), "a gather", &block), SP_SUCCESS);
  for (int transform = SP_DWT_DWT; transform <= SP_DWT_WPT; transform++) {
    sp_dwt_params p = by_trace();
    p.transform = transform;
    sp_plan *plan = make_plan(&p, SAMPLES);
    assert_int_equal(apply(plan, 0, in, plain, TRACES), SP_REASON_OK);
    const sp_block streamed = {.in = in, .out = block, .n_traces = TRACES, .count = TRACES, .stream = true};
    assert_int_equal(sp_dwt_cpu.apply(plan, 0, &streamed), SP_REASON_OK);
    assert_memory_equal(block, plain, TRACES * SAMPLES * sizeof(float));
    sp_dwt_cpu.destroy(plan);
  }
  sp_free(block);
  free(in);
  free(plain);
}

static void test_destroy_takes_null(void **unused) {
  sp_dwt_cpu.destroy(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_defaults),
      cmocka_unit_test(test_every_wavelet_has_the_name_of_its_choice),
      cmocka_unit_test(test_levels),
      cmocka_unit_test(test_contradictions),
      cmocka_unit_test(test_a_small_gather_is_told_of_once_a_plan),
      cmocka_unit_test(test_a_short_trace_has_a_plan_and_a_reason),
      cmocka_unit_test(test_apply_allocates_nothing),
      cmocka_unit_test(test_streaming_changes_no_bit),
      cmocka_unit_test(test_destroy_takes_null),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
