/* SPDX-License-Identifier: BSD-3-Clause */
/* Spots: from all over what is done, first and last among them, within the bytes that may be read, and never none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "src/index/spots.h"

enum { N = 1000 };

static uint8_t done[N];
static uint64_t size[N], spots[SP_SPOTS];

static uint64_t size_of(const void *sizes, uint64_t number) {
  return ((const uint64_t *)sizes)[number];
}

static int spots_of(uint64_t first, uint64_t n) {
  const int count = sp_spots(done, first, n, size_of, size, spots);
  uint64_t read = 0;
  for (int i = 0; i < count; i++) {
    assert_true(spots[i] >= first && spots[i] < first + n && done[spots[i]]);
    assert_true(i == 0 || spots[i] > spots[i - 1]);
    read += size[spots[i]];
  }
  assert_true(count <= 1 || read <= SP_SPOT_BYTES);
  return count;
}

static void set_all(uint8_t is_done, uint64_t bytes) {
  memset(done, is_done, sizeof done);
  for (int i = 0; i < N; i++) size[i] = bytes;
}

static void first_and_last_of_what_is_done(void **state) {
  set_all(0, 10);
  assert_int_equal(spots_of(0, N), 0);
  done[7] = 1;
  assert_int_equal(spots_of(0, N), 1);
  done[900] = 1;
  assert_int_equal(spots_of(0, N), 2);
  assert_true(spots[0] == 7 && spots[1] == 900);
  assert_int_equal(spots_of(8, N - 8), 1);
  memset(done + 100, 1, 700);
  assert_int_equal(spots_of(0, N), SP_SPOTS);
  assert_true(spots[0] == 7 && spots[SP_SPOTS - 1] == 900);
  for (int i = 1; i < SP_SPOTS; i++) assert_true(i == 1 || i == SP_SPOTS - 1 || spots[i] - spots[i - 1] <= 60);
}

static void large_ones_come_from_all_over(void **state) {
  for (int n = 1; n <= SP_SPOTS; n++) {
    set_all(1, SP_SPOT_BYTES / (uint64_t)n);
    assert_int_equal(spots_of(0, N), n);
    assert_int_equal(spots[0], 0);
    for (int i = 0; i < n; i++) assert_true(n < 4 || (i ? spots[i] - spots[i - 1] : spots[i]) <= N / 2);
    assert_true(n < 4 || spots[n - 1] >= N / 2);
  }
}

static void what_is_larger_than_all_is_looked_at_alone(void **state) {
  set_all(1, (uint64_t)SP_SPOT_BYTES + 1000);
  assert_int_equal(spots_of(0, N), 1);
  set_all(0, (uint64_t)SP_SPOT_BYTES + 1000);
  done[3] = done[500] = done[600] = 1;
  size[500]--;
  assert_int_equal(spots_of(0, N), 1);
  assert_int_equal(spots[0], 500);
  size[600] = SP_SPOT_BYTES;
  assert_int_equal(spots_of(0, N), 1);
  assert_int_equal(spots[0], 600);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(first_and_last_of_what_is_done),
      cmocka_unit_test(large_ones_come_from_all_over),
      cmocka_unit_test(what_is_larger_than_all_is_looked_at_alone),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
