/* SPDX-License-Identifier: BSD-3-Clause */
/* The parts of a synthetic trace: published random numbers, normal noise, and the same bits on every instruction set.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "src/synth/philox.h"
#include "src/synth/rows.h"
#include "src/synth/wave_math.h"

static void philox_gives_the_published_numbers(void **state) {
  /* Random123's known answers for philox4x32, 10 rounds: counter, key, result */
  static const struct {
    uint32_t x[4];
    uint64_t key;
    uint32_t result[4];
  } known[] = {
      {{0, 0, 0, 0}, 0, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
      {{~0u, ~0u, ~0u, ~0u}, ~0ull, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
      {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
       0x299f31d0a4093822ull,
       {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
  };
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    uint32_t x[4];
    memcpy(x, known[i].x, sizeof x);
    philox(x, known[i].key);
    assert_memory_equal(x, known[i].result, sizeof x);
  }
}

static void functions_are_accurate(void **state) {
  for (int i = -100000; i <= 100000; i++) {
    const float v = (float)i * 0.5e-5f, positive = (float)exp(i * 2.2e-4);
    float sine, cosine;
    sin_cos_turns(v, &sine, &cosine);
    assert_true(fabs(sine - sin(2 * M_PI * (double)v)) < 1e-6);
    assert_true(fabs(cosine - cos(2 * M_PI * (double)v)) < 1e-6);
    assert_true(fabs(cos_turns(v + 321) - cos(2 * M_PI * (double)(v + 321))) < 1e-6);
    assert_true(fabs(log_positive(positive) - log((double)positive)) < 2e-7 * fmax(1, fabs(log((double)positive))));
  }
}

enum { N = 1637, TRACES = 2000 };

/* NULL where this processor lacks what the i-th variant needs. */
static const sp_synth_ops *variant(int i) {
  if (i == 0) return &sp_synth_ops_portable;
#ifdef __x86_64__
  if (i == 1 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return &sp_synth_ops_avx2;
  if (i == 2 && sp_synth_ops_select() == &sp_synth_ops_avx512) return &sp_synth_ops_avx512;
#endif
  return NULL;
}

static void fill(const sp_synth_ops *ops, float *row, uint64_t trace) {
  for (int i = 0; i < N; i++) row[i] = (float)i * 1e-3f;
  ops->add_noise(99, trace, 0.7f, row, N);
  const sp_wave_train train = {.amplitude = 2, .duration = 3.2f, .frequency = 5, .rate = 2.1f};
  ops->add_train(&train, 0.0013f, 0.002f, row + 5, N - 7);
  float wavelet[64];
  for (int i = 0; i < 64; i++) wavelet[i] = 1 / (1 + (float)i);
  ops->add_wavelet(-1.3f, wavelet, row + 100, 64);
  ops->add_wavelet(0.3f, wavelet, row + 101, 11);
}

static void every_instruction_set_gives_the_same_bits(void **state) {
  static float expected[N], found[N];
  for (int i = 1; i < 3; i++) {
    if (!variant(i)) {
      print_message("variant %d: skipped, this processor lacks it\n", i);
      continue;
    }
    for (uint64_t trace = 0; trace < 5000000000; trace += 499999999) {
      fill(variant(0), expected, trace);
      fill(variant(i), found, trace);
      assert_memory_equal(expected, found, sizeof found);
    }
  }
}

static void a_trace_of_noise_does_not_depend_on_its_length(void **state) {
  static float whole[N], part[N];
  memset(whole, 0, sizeof whole);
  sp_synth_ops_select()->add_noise(3, 17, 1, whole, N);
  for (uint32_t n = 0; n <= N; n += 1 + n / 5) {
    memset(part, 0, sizeof part);
    sp_synth_ops_select()->add_noise(3, 17, 1, part, n);
    assert_memory_equal(whole, part, n * sizeof(float));
    for (uint32_t i = n; i < N; i++) assert_true(part[i] == 0);
  }
}

static int compare(const void *a, const void *b) {
  const float x = *(const float *)a, y = *(const float *)b;
  return x < y ? -1 : x > y;
}

static void noise_is_normal_and_white(void **state) {
  enum { COUNT = N * TRACES };
  float *x = calloc(COUNT, sizeof *x);
  assert_non_null(x);
  for (int t = 0; t < TRACES; t++) sp_synth_ops_select()->add_noise(7, (uint64_t)t, 1, x + (size_t)t * N, N);
  double moment[5] = {0}, lag_1 = 0, lag_16 = 0, next_trace = 0;
  for (int i = 0; i < COUNT; i++) {
    for (int k = 1; k <= 4; k++) moment[k] += pow(x[i], k) / COUNT;
    if (i + 1 < COUNT) lag_1 += x[i] * x[i + 1] / (double)COUNT;
    if (i + 16 < COUNT) lag_16 += x[i] * x[i + 16] / (double)COUNT;
    if (i + N < COUNT) next_trace += x[i] * x[i + N] / (double)COUNT;
  }
  /* five standard errors of each */
  const double error = 5 / sqrt(COUNT);
  assert_true(fabs(moment[1]) < error && fabs(moment[2] - 1) < error * sqrt(2));
  assert_true(fabs(moment[3]) < error * sqrt(15) && fabs(moment[4] - 3) < error * sqrt(96));
  assert_true(fabs(lag_1) < error && fabs(lag_16) < error && fabs(next_trace) < error);
  /* Kolmogorov and Smirnov: D sqrt(n) exceeds 2.23 once in 10^4 */
  qsort(x, COUNT, sizeof *x, compare);
  double distance = 0;
  for (int i = 0; i < COUNT; i++) {
    distance = fmax(distance, fabs((i + 0.5) / COUNT - 0.5 * erfc(-(double)x[i] * M_SQRT1_2)));
  }
  assert_true(distance * sqrt(COUNT) < 2.23);
  assert_true(x[0] < -4.5 && x[COUNT - 1] > 4.5);
  free(x);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(philox_gives_the_published_numbers),
      cmocka_unit_test(functions_are_accurate),
      cmocka_unit_test(every_instruction_set_gives_the_same_bits),
      cmocka_unit_test(a_trace_of_noise_does_not_depend_on_its_length),
      cmocka_unit_test(noise_is_normal_and_white),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
