/* SPDX-License-Identifier: BSD-3-Clause */
/* Samples in 16 bits: codes are the nearest there are, what was rounded once stays what it is, whatever the numbers. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "src/base/scaled.h"

enum { N = 257 };

static uint32_t state_of_random = 12345;

static uint32_t any_bits(void) {
  state_of_random = state_of_random * 1664525u + 1013904223u;
  return state_of_random ^ state_of_random >> 13;
}

/* Rows of all kinds: of one size, of all sizes, tiny, huge, of any bits at all. */
static void fill(int kind, float *row) {
  for (int i = 0; i < N; i++) {
    const double u = (double)any_bits() / 4294967296.0 - 0.5;
    const uint32_t bits = any_bits();
    switch (kind % 6) {
    case 0:
      row[i] = (float)u;
      break;
    case 1:
      row[i] = (float)ldexp(u, (int)(any_bits() % 60) - 30);
      break;
    case 2:
      row[i] = (float)ldexp(u, -140 + kind % 12);
      break;
    case 3:
      row[i] = (float)(u * 2 * FLT_MAX);
      break;
    case 4:
      row[i] = i % 5 ? (float)(u * 1000) : 0;
      break;
    default:
      memcpy(&row[i], &bits, sizeof bits);
      break;
    }
  }
}

/* The value of a half, by its definition. */
static double value_of_half(uint16_t code) {
  const int exponent = code >> 10 & 31, fraction = code & 1023;
  const double size = exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);
  return code >> 15 ? -size : size;
}

static double value(bool half, uint16_t code, float factor) {
  return (!half ? (double)(int16_t)code : value_of_half(code)) * factor;
}

/* No neighbour of the code is nearer, but for those that are beyond a float's range. */
static void check_nearest(bool half, float x, uint16_t code, float factor) {
  const double error = fabs(value(half, code, factor) - x);
  for (int step = -1; step <= 1; step += 2) {
    const uint16_t other = (uint16_t)(code + step);
    const bool valid = !half ? other != 0x8000 && (other ^ code) != 0xffff
                             : (other & 0x7c00) != 0x7c00 && (other & 0x8000) == (code & 0x8000);
    const double there = value(half, other, factor);
    if (valid && fabs(there) <= FLT_MAX && fabs(there - x) < error)
      fail_msg("%a: code %04x is not the nearest", x, code);
  }
}

static void check_row(bool half, const float *row) {
  uint16_t codes[N], again[N];
  float back[N], rounded[N];
  const float factor = sp_scaled_factor(half, row, N);
  int exponent;
  assert_true(frexpf(factor, &exponent) == 0.5f);
  sp_scaled_encode(half, factor, row, N, codes);
  sp_scaled_decode(half, factor, codes, N, back);
  double largest = 0;
  for (int i = 0; i < N; i++) {
    if (!isfinite(row[i])) {
      if (!half || isnan(row[i])) assert_true(isnan(back[i]));
      if (half && isinf(row[i])) assert_true(back[i] == row[i]);
      continue;
    }
    assert_true((double)back[i] == value(half, codes[i], factor));
    check_nearest(half, row[i], codes[i], factor);
    largest = fmax(largest, fabs((double)row[i] - back[i]));
  }
  memcpy(rounded, row, sizeof rounded);
  const double said = sp_scaled_round(half, rounded, N, again).error;
  assert_true(fabs(said - largest) <= 1e-6 * largest);
  assert_memory_equal(rounded, back, sizeof back);
  /* once more changes nothing, with whatever factor it gets then */
  const float factor_now = sp_scaled_factor(half, back, N);
  sp_scaled_encode(half, factor_now, back, N, again);
  sp_scaled_decode(half, factor_now, again, N, rounded);
  for (int i = 0; i < N; i++) assert_true(isnan(back[i]) ? isnan(rounded[i]) : rounded[i] == back[i]);
}

static void test_codes_are_the_nearest(void **state) {
  (void)state;
  float row[N];
  for (int kind = 0; kind < 600; kind++) {
    fill(kind, row);
    check_row(false, row);
    check_row(true, row);
  }
}

/* The largest code is used to more than half, so that the factor is the smallest. */
static void test_the_factor_is_the_smallest(void **state) {
  (void)state;
  static const float sizes[] = {1, 0.99f, 32767, 32767.4f, 32768, 65504, 65505, 1e30f, 1e-30f, FLT_MAX};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    float row[2] = {sizes[i], -sizes[i] / 3};
    const double code16 = sizes[i] / (double)sp_scaled_factor(false, row, 2);
    const double code_half = sizes[i] / (double)sp_scaled_factor(true, row, 2);
    assert_true(code16 > 16383 && code16 <= 32767);
    assert_true(code_half > 32752 && code_half <= 65504);
  }
  const float nothing[3] = {0, NAN, INFINITY};
  assert_true(sp_scaled_factor(false, nothing, 3) == 1);
}

static void test_every_half_comes_back(void **state) {
  (void)state;
  for (uint32_t code = 0; code < 65536; code++) {
    float x, factor = 1;
    uint16_t in = (uint16_t)code, out;
    sp_scaled_decode(true, factor, &in, 1, &x);
    sp_scaled_encode(true, factor, &x, 1, &out);
    if ((in & 0x7c00) != 0x7c00) {
      assert_true(x == value_of_half(in));
      assert_int_equal(in, out);
    }
  }
}

/* A trace of ones, of which some are zero, beside one sample of that size. */
static bool is_coarse(bool half, float size, int n_ones) {
  float row[N] = {0};
  uint16_t codes[N];
  for (int i = 0; i < n_ones; i++) row[i] = 1;
  row[N - 1] = size;
  return sp_scaled_round(half, row, N, codes).coarse;
}

static void test_traces_beside_a_burst_are_told(void **state) {
  (void)state;
  assert_false(is_coarse(false, 2047, 200)); /* 16 steps */
  assert_true(is_coarse(false, 4095, 200));  /* 8 */
  assert_true(is_coarse(false, 1e5f, 200));  /* none */
  assert_true(is_coarse(false, 1e5f, 2));
  assert_false(is_coarse(false, 1e5f, 1)); /* half of the samples */
  assert_false(is_coarse(false, 0, 0));
  assert_false(is_coarse(false, NAN, 200));
  assert_false(is_coarse(true, 1e5f, 200));
  assert_false(is_coarse(true, 0x1p35f, 200)); /* 16 of the smallest halves */
  assert_true(is_coarse(true, 0x1p36f, 200));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_codes_are_the_nearest), cmocka_unit_test(test_the_factor_is_the_smallest),
      cmocka_unit_test(test_traces_beside_a_burst_are_told), cmocka_unit_test(test_every_half_comes_back)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
