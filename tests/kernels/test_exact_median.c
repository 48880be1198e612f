/* SPDX-License-Identifier: BSD-3-Clause */
/* The median of magnitudes, in every instruction set: the same bits as after sorting, whatever the values and the
 * guess. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernels/dwt/cpu_shrink.h"

enum { MOST = 4000 };

typedef struct buffers {
  float x[MOST];
  int32_t work[2 * MOST + 64], sorted[MOST];
} buffers;

static uint32_t random_bits(uint32_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 17;
  *state ^= *state << 5;
  return *state;
}

static int by_value(const void *a, const void *b) {
  const int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
  return (x > y) - (x < y);
}

static double sorted_median(buffers *b, size_t n) {
  memcpy(b->sorted, b->x, n * sizeof *b->sorted);
  for (size_t i = 0; i < n; i++) b->sorted[i] &= 0x7fffffff;
  qsort(b->sorted, n, sizeof *b->sorted, by_value);
  float middle[2];
  memcpy(&middle[0], &b->sorted[(n - 1) / 2], sizeof *middle);
  memcpy(&middle[1], &b->sorted[n / 2], sizeof *middle);
  return n & 1 ? (double)middle[1] : 0.5 * ((double)middle[0] + (double)middle[1]);
}

/* Best first; those that this processor lacks come out as ones that it has. */
static const sp_shrink_functions *functions(int which) {
  const sp_isa best = sp_isa_select();
  return sp_shrink_select((int)best >= which ? (sp_isa)which : best);
}

static void check(buffers *b, size_t n) {
  static const float guesses[] = {0.0f, 1.0f, 1e-20f, 1e20f, -3.0f, NAN, INFINITY, 0.7f};
  const double expected = sorted_median(b, n);
  for (int isa = 0; isa < SP_ISA_COUNT; isa++) {
    for (size_t g = 0; g <= sizeof guesses / sizeof *guesses; g++) {
      float guess = g < sizeof guesses / sizeof *guesses ? guesses[g] : (float)expected;
      const double got = functions(isa)->median_magnitude(b->x, n, b->work, &guess);
      assert_memory_equal(&got, &expected, sizeof got);
    }
  }
}

typedef float value_function(uint32_t *state, size_t i);

static float normal(uint32_t *state, size_t i) {
  double sum = 0;
  for (int k = 0; k < 12; k++) sum += random_bits(state) / 4294967296.0 - 0.5;
  return (float)sum;
}
static float many_decades(uint32_t *state, size_t i) {
  return (float)pow(10, normal(state, i) * 8);
}
static float three_values(uint32_t *state, size_t i) {
  return (float)((int)(random_bits(state) % 3) - 1);
}
static float mostly_zero(uint32_t *state, size_t i) {
  return random_bits(state) % 2 ? 0 : normal(state, i);
}
static float constant(uint32_t *state, size_t i) {
  return -2.5f;
}
static float all_zero(uint32_t *state, size_t i) {
  return i & 1 ? -0.0f : 0.0f;
}
static float rising(uint32_t *state, size_t i) {
  return (float)i;
}
static float two_clusters(uint32_t *state, size_t i) {
  return (random_bits(state) & 1 ? 1e-12f : 1e12f) * (1 + normal(state, i) * 1e-4f);
}
static float any_bits(uint32_t *state, size_t i) {
  const uint32_t bits = random_bits(state);
  float x;
  memcpy(&x, &bits, sizeof x);
  return isnan(x) ? 1.0f : x;
}

static value_function *const kinds[] = {normal,   many_decades, three_values, mostly_zero, constant,
                                        all_zero, rising,       two_clusters, any_bits};

static void test_is_that_of_the_sorted_values(void **unused) {
  static buffers b;
  static const size_t lengths[] = {1, 2, 3, 4, 7, 15, 16, 17, 31, 32, 33, 34, 47, 64, 65, 100, 803, 804, 1600, MOST};
  uint32_t state = 12345;
  for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
    for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
      for (size_t i = 0; i < lengths[l]; i++) b.x[i] = kinds[k](&state, i);
      check(&b, lengths[l]);
    }
  }
}

static void test_every_short_length(void **unused) {
  static buffers b;
  uint32_t state = 7;
  for (size_t n = 1; n <= 200; n++) {
    for (size_t i = 0; i < n; i++) b.x[i] = (n & 2 ? normal : three_values)(&state, i);
    check(&b, n);
  }
}

static void test_ends_with_values_that_are_no_numbers(void **unused) {
  static buffers b;
  uint32_t state = 99;
  for (size_t n = 1; n <= MOST; n = 2 * n + 1) {
    for (size_t share = 1; share <= 4; share++) {
      for (size_t i = 0; i < n; i++) b.x[i] = i % share == 0 ? (i & 1 ? NAN : -INFINITY) : normal(&state, i);
      for (int isa = 0; isa < SP_ISA_COUNT; isa++) {
        float guess = 1;
        functions(isa)->median_magnitude(b.x, n, b.work, &guess);
      }
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_is_that_of_the_sorted_values),
      cmocka_unit_test(test_every_short_length),
      cmocka_unit_test(test_ends_with_values_that_are_no_numbers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
