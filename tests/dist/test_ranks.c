/* SPDX-License-Identifier: BSD-3-Clause */
/* Ranks that work together, and a process that is alone: shares, sums, least counts, and bytes from rank to rank. */
/* ranks: 1 2 3 5 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "seisproc/dist.h"
#include "seisproc/ranks.h"

static sp_ranks world;

static void shares_follow_each_other(void **state) {
  const uint64_t counts[] = {0, 1, 4, 1000003};
  for (size_t c = 0; c < 4; c++) {
    uint64_t next = 0;
    for (int r = 0; r < world.size; r++) {
      const sp_share share = sp_ranks_share_of(&world, counts[c], r);
      assert_int_equal(share.first, next);
      assert_true(share.count <= counts[c] / (uint64_t)world.size + 1);
      next += share.count;
    }
    assert_int_equal(next, counts[c]);
    const sp_share own = sp_ranks_share(&world, counts[c]), same = sp_ranks_share_of(&world, counts[c], world.rank);
    assert_true(own.first == same.first && own.count == same.count);
  }
}

static void counts_are_added_and_compared(void **state) {
  const uint64_t rank = (uint64_t)world.rank, size = (uint64_t)world.size;
  uint64_t sums[2] = {rank + 1, 7}, least[3] = {rank, UINT64_MAX - rank, UINT64_C(1) << 63 | rank}, before;
  assert_int_equal(sp_ranks_sum(&world, sums, 2), SP_SUCCESS);
  assert_true(sums[0] == size * (size + 1) / 2 && sums[1] == 7 * size);
  assert_int_equal(sp_ranks_least(&world, least, 3), SP_SUCCESS);
  assert_true(least[0] == 0 && least[1] == UINT64_MAX - (size - 1) && least[2] == UINT64_C(1) << 63);
  assert_int_equal(sp_ranks_before(&world, rank + 1, &before), SP_SUCCESS);
  assert_int_equal(before, rank * (rank + 1) / 2);
}

static void the_worst_status_is_everybodys(void **state) {
  const sp_status mine = world.rank == world.size - 1 ? SP_ERR_IO : SP_SUCCESS;
  assert_int_equal(sp_ranks_agree(&world, mine), SP_ERR_IO);
  assert_int_equal(sp_ranks_agree(&world, SP_SUCCESS), SP_SUCCESS);
  int calls = 0;
  assert_int_equal(SP_ON_RANK_0(&world, (calls++, SP_ERR_INPUT)), SP_ERR_INPUT);
  assert_int_equal(calls, world.rank == 0);
}

/* More than one message goes at once: 64 MB and some, there and back. */
static void bytes_go_from_rank_to_rank(void **state) {
  const size_t n = (64u << 20) + 12345;
  const bool has_partner = world.size > 1, receives = has_partner && world.rank == world.size - 1;
  char text[8] = "";
  if (world.rank == 0) strcpy(text, "rank 0");
  assert_int_equal(sp_ranks_broadcast(&world, text, sizeof text), SP_SUCCESS);
  assert_string_equal(text, "rank 0");
  if (!has_partner || (world.rank && !receives)) return;
  unsigned char *bytes = calloc(n, 1);
  assert_non_null(bytes);
  if (world.rank == 0) {
    for (size_t i = 0; i < n; i++) bytes[i] = (unsigned char)(i * 31 >> 3);
    assert_int_equal(sp_ranks_send(&world, world.size - 1, bytes, n), SP_SUCCESS);
    assert_int_equal(sp_ranks_send(&world, world.size - 1, bytes, 0), SP_SUCCESS);
  } else {
    assert_int_equal(sp_ranks_receive(&world, 0, bytes, n), SP_SUCCESS);
    assert_int_equal(sp_ranks_receive(&world, 0, bytes, 0), SP_SUCCESS);
    for (size_t i = 0; i < n; i++) {
      if (bytes[i] != (unsigned char)(i * 31 >> 3)) fail_msg("byte %zu", i);
    }
  }
  free(bytes);
}

/* The same calls where there is no MPI. */
static void one_process_is_alone(void **state) {
  const sp_ranks alone = sp_ranks_of(MPI_COMM_NULL);
  uint64_t count = 5, before = 9;
  assert_true(alone.rank == 0 && alone.size == 1);
  assert_int_equal(sp_ranks_agree(&alone, SP_ERR_INPUT), SP_ERR_INPUT);
  assert_int_equal(sp_ranks_sum(&alone, &count, 1), SP_SUCCESS);
  assert_int_equal(sp_ranks_least(&alone, &count, 1), SP_SUCCESS);
  assert_int_equal(sp_ranks_before(&alone, 3, &before), SP_SUCCESS);
  assert_true(count == 5 && before == 0 && sp_ranks_share(&alone, 11).count == 11 && sp_ranks_threads(&alone) >= 1);
}

int main(int argc, char **argv) {
  if (sp_ranks_start(&argc, &argv, &world) != SP_SUCCESS) return 1;
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(shares_follow_each_other),       cmocka_unit_test(counts_are_added_and_compared),
      cmocka_unit_test(the_worst_status_is_everybodys), cmocka_unit_test(bytes_go_from_rank_to_rank),
      cmocka_unit_test(one_process_is_alone),
  };
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  return sp_ranks_finish(&world, SP_SUCCESS) || failed;
}
