/* SPDX-License-Identifier: BSD-3-Clause */
/* ranks: 1 2 3 5 */
/* timeout: 60 */
/* Every number comes to its place and back, for shares of any size, also of none, and any chunks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "seisproc/dist.h"
#include "seisproc/memory.h"
#include "src/dist/transpose.h"

typedef struct number {
  float trace, bin;
} number;

static void move(uint64_t n_traces, uint32_t n_bins, uint32_t chunk_bins) {
  sp_transpose *t;
  const sp_ranks world = sp_ranks_of(MPI_COMM_WORLD);
  assert_int_equal(sp_transpose_create(&world, n_traces, n_bins, chunk_bins, &t), SP_SUCCESS);
  const sp_share own = sp_transpose_traces(t);
  void *a, *b;
  const size_t bytes = (sp_transpose_buffer(t) + 1) * sizeof(number);
  assert_int_equal(sp_alloc(bytes, "test", &a), SP_SUCCESS);
  assert_int_equal(sp_alloc(bytes, "test", &b), SP_SUCCESS);
  number *traces = a, *planes = b;
  uint64_t seen = 0;
  for (uint32_t chunk = 0; chunk < sp_transpose_n_chunks(t); chunk++) {
    const sp_share all = sp_transpose_chunk(t, chunk), bins = sp_transpose_bins(t, chunk);
    seen += all.count;
    for (uint64_t i = 0; i < own.count; i++) {
      for (uint64_t k = 0; k < all.count; k++) {
        traces[i * all.count + k] = (number){(float)(own.first + i), (float)(all.first + k)};
      }
    }
    assert_int_equal(sp_transpose_to_planes(t, chunk, traces, planes), SP_SUCCESS);
    for (uint64_t k = 0; k < bins.count; k++) {
      for (uint64_t i = 0; i < n_traces; i++) {
        number *at = &planes[k * n_traces + i];
        assert_true(at->trace == (float)i && at->bin == (float)(bins.first + k));
        at->trace += 1000;
      }
    }
    memset(traces, 0, bytes);
    assert_int_equal(sp_transpose_to_traces(t, chunk, planes, traces), SP_SUCCESS);
    for (uint64_t i = 0; i < own.count; i++) {
      for (uint64_t k = 0; k < all.count; k++) {
        const number *at = &traces[i * all.count + k];
        assert_true(at->trace == (float)(own.first + i + 1000) && at->bin == (float)(all.first + k));
      }
    }
  }
  assert_int_equal(seen, n_bins);
  sp_free(a);
  sp_free(b);
  sp_transpose_destroy(t);
}

static void numbers_come_to_their_place(void **state) {
  static const uint32_t cases[][3] = {{1, 1, 1},   {2, 7, 3},    {3, 3, 3},   {4, 100, 7},  {7, 1, 1},
                                      {97, 31, 8}, {100, 64, 4}, {6, 30, 30}, {1000, 16, 5}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) move(cases[i][0], cases[i][1], cases[i][2]);
}

static void chunks_are_a_part(void **state) {
  for (int size = 1; size < 40; size += 6) {
    const uint32_t bins = sp_transpose_chunk_bins(1000000, 480, size, 2);
    assert_true(bins >= 480 / 16 && (int)bins >= 2 * size && bins <= 480);
  }
  assert_int_equal(sp_transpose_chunk_bins(100, 3, 8, 4), 3);
  /* MPI counts in int: 2^32 traces on a rank leave room for few bins */
  assert_true((double)sp_transpose_chunk_bins(1ull << 28, 10000, 1, 1) * (1ull << 28) * 2 <= 1ull << 30);
}

static void shares_cover_all(void **state) {
  for (uint64_t n = 0; n < 50; n++) {
    for (int size = 1; size < 9; size++) {
      uint64_t next = 0;
      for (int r = 0; r < size; r++) {
        const sp_share s = sp_share_blocks(n, size, r);
        assert_int_equal(s.first, next);
        next += s.count;
      }
      assert_int_equal(next, n);
    }
  }
}

int main(int argc, char **argv) {
  if (sp_comm_start(&argc, &argv) != SP_SUCCESS) return 1;
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(shares_cover_all),
      cmocka_unit_test(chunks_are_a_part),
      cmocka_unit_test(numbers_come_to_their_place),
  };
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  sp_comm_finish();
  return failed;
}
