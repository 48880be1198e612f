/* SPDX-License-Identifier: BSD-3-Clause */
/* Gathers and their order from header keys, against a plain sort. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "seisproc/log.h"
#include "src/index/trace_order.h"

enum { MAX = 3000 };

static uint64_t next_random(uint64_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return *state;
}

static uint64_t source_of(const sp_order *order, uint64_t i) {
  return order->source ? order->source[i] : i;
}

static double value(const sp_key *key, uint64_t i) {
  return key->real ? ((const double *)key->values)[i] : (double)((const int32_t *)key->values)[i];
}

/* -1, 0, 1 by the first n keys. */
static int compare(const sp_key *keys, int from, int to, uint64_t a, uint64_t b) {
  for (int k = from; k < to; k++) {
    const double x = value(&keys[k], a), y = value(&keys[k], b);
    if (x != y) return x < y ? -1 : 1;
  }
  return 0;
}

/* Every trace once; gathers have one key each and no other gather has it; stable; sorted within. */
static void check(const sp_key *keys, int n_gather, int n_keys, uint64_t n, const sp_order *order) {
  static unsigned char seen[MAX];
  memset(seen, 0, sizeof seen);
  for (uint64_t i = 0; i < n; i++) {
    assert_true(source_of(order, i) < n);
    assert_int_equal(seen[source_of(order, i)]++, 0);
  }
  assert_int_equal(order->first_trace[0], 0);
  assert_int_equal(order->first_trace[order->n_gathers], n);
  for (uint64_t g = 0; g < order->n_gathers; g++) {
    const uint64_t first = order->first_trace[g], end = order->first_trace[g + 1];
    assert_true(first < end);
    for (uint64_t h = 0; h < g; h++) {
      assert_int_not_equal(order->key[g], order->key[h]);
    }
    for (uint64_t i = first + 1; i < end; i++) {
      const uint64_t a = source_of(order, i - 1), b = source_of(order, i);
      assert_int_equal(compare(keys, 0, n_gather, a, b), 0);
      const int within = compare(keys, n_gather, n_keys, a, b);
      assert_true(within < 0 || (within == 0 && a < b));
    }
    const int64_t k0 = (int64_t)value(&keys[0], source_of(order, first));
    if (n_gather == 1) assert_true(order->key[g] == k0);
    if (n_gather == 2) {
      const int64_t k1 = (int64_t)value(&keys[1], source_of(order, first));
      assert_true(order->key[g] >> 32 == k0);
      assert_true((int32_t)(uint32_t)order->key[g] == k1);
    }
  }
}

static void random_keys(void **state) {
  (void)state;
  uint64_t seed = 2463534242;
  static int32_t ints[3][MAX];
  static double reals[3][MAX];
  for (int round = 0; round < 300; round++) {
    const uint64_t n = 1 + next_random(&seed) % (round % 10 ? 60 : MAX);
    const int n_gather = 1 + (int)(next_random(&seed) % 2), n_keys = n_gather + (int)(next_random(&seed) % 2);
    const uint64_t spread = 1 + next_random(&seed) % 12;
    const bool runs = next_random(&seed) % 2; /* keys that change seldom */
    sp_key keys[3];
    for (int k = 0; k < n_keys; k++) {
      const bool real = next_random(&seed) % 2;
      int32_t v = 0;
      for (uint64_t i = 0; i < n; i++) {
        if (!runs || next_random(&seed) % 8 == 0) v = (int32_t)(next_random(&seed) % spread) * 70000 - 200000;
        ints[k][i] = v;
        reals[k][i] = k < n_gather ? v : v + 0.25;
      }
      keys[k] = (sp_key){.name = "key", .values = real ? (void *)reals[k] : (void *)ints[k], .real = real};
    }
    sp_order order;
    assert_int_equal(sp_order_build("file", keys, n_gather, n_keys, n, &order), SP_SUCCESS);
    check(keys, n_gather, n_keys, n, &order);
    sp_order_clear(&order);
  }
}

static void scattered_gathers_come_ascending(void **state) {
  (void)state;
  static const int32_t cdp[] = {7, -3, 7, 5, -3, 5, 7};
  const sp_key key = {.name = "cdp", .values = cdp};
  sp_order order;
  assert_int_equal(sp_order_build("file", &key, 1, 1, 7, &order), SP_SUCCESS);
  static const uint32_t want[] = {1, 4, 3, 5, 0, 2, 6};
  assert_non_null(order.source);
  assert_memory_equal(order.source, want, sizeof want);
  assert_int_equal(order.n_gathers, 3);
  assert_true(order.key[0] == -3 && order.key[1] == 5 && order.key[2] == 7);
  sp_order_clear(&order);
}

static void whole_gathers_keep_the_files_order(void **state) {
  (void)state;
  static const int32_t iline[] = {9, 9, 4, 4, 4, 6};
  const sp_key key = {.name = "iline", .values = iline};
  sp_order order;
  assert_int_equal(sp_order_build("file", &key, 1, 1, 6, &order), SP_SUCCESS);
  assert_null(order.source);
  assert_int_equal(order.n_gathers, 3);
  assert_true(order.key[0] == 9 && order.key[1] == 4 && order.key[2] == 6);
  assert_int_equal(order.first_trace[1], 2);
  assert_int_equal(order.first_trace[2], 5);
  sp_order_clear(&order);

  /* every trace a gather of its own, descending */
  static const int32_t down[] = {5, 4, 3, 2};
  const sp_key key2 = {.name = "iline", .values = down};
  assert_int_equal(sp_order_build("file", &key2, 1, 1, 4, &order), SP_SUCCESS);
  assert_null(order.source);
  assert_int_equal(order.n_gathers, 4);
  sp_order_clear(&order);
}

static void sorting_within_leaves_sorted_files_alone(void **state) {
  (void)state;
  static const int32_t fldr[] = {1, 1, 1, 2, 2}, up[] = {-5, 0, 0, 1, 9}, mixed[] = {-5, 0, -1, 1, 9};
  sp_key keys[2] = {{.name = "fldr", .values = fldr}, {.name = "offset", .values = up}};
  sp_order order;
  assert_int_equal(sp_order_build("file", keys, 1, 2, 5, &order), SP_SUCCESS);
  assert_null(order.source);
  sp_order_clear(&order);
  assert_true(sp_order_seems_kept(keys, 1, 2, 5));
  keys[1].values = mixed;
  assert_false(sp_order_seems_kept(keys, 1, 2, 5));
  assert_int_equal(sp_order_build("file", keys, 1, 2, 5, &order), SP_SUCCESS);
  static const uint32_t want[] = {0, 2, 1, 3, 4};
  assert_memory_equal(order.source, want, sizeof want);
  sp_order_clear(&order);
}

static void no_key_is_one_gather(void **state) {
  (void)state;
  sp_order order;
  assert_int_equal(sp_order_build("file", NULL, 0, 0, 11, &order), SP_SUCCESS);
  assert_null(order.source);
  assert_int_equal(order.n_gathers, 1);
  assert_int_equal(order.first_trace[1], 11);
  sp_order_clear(&order);
}

static void gather_keys_are_integers(void **state) {
  (void)state;
  FILE *nowhere = fopen("/dev/null", "w");
  sp_log_set_stream(nowhere);
  double x[] = {1, 2, 2.5};
  sp_key keys[2] = {{.name = "sx", .values = x, .real = true}, {.name = "sy", .values = x, .real = true}};
  sp_order order = {0};
  assert_int_equal(sp_order_build("file", keys, 1, 1, 3, &order), SP_ERR_INPUT);
  x[2] = NAN;
  assert_int_equal(sp_order_build("file", keys, 1, 1, 3, &order), SP_ERR_INPUT);
  x[2] = 0x1p40;
  assert_int_equal(sp_order_build("file", keys, 2, 2, 3, &order), SP_ERR_INPUT);
  assert_null(order.first_trace);
  assert_int_equal(sp_order_build("file", keys, 1, 1, 3, &order), SP_SUCCESS);
  assert_true(order.key[2] == (int64_t)1 << 40);
  sp_order_clear(&order);
  sp_log_set_stream(NULL);
  fclose(nowhere);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(random_keys),
      cmocka_unit_test(scattered_gathers_come_ascending),
      cmocka_unit_test(whole_gathers_keep_the_files_order),
      cmocka_unit_test(sorting_within_leaves_sorted_files_alone),
      cmocka_unit_test(no_key_is_one_gather),
      cmocka_unit_test(gather_keys_are_integers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
