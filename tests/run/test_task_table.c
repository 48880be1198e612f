/* SPDX-License-Identifier: BSD-3-Clause */
/* Tasks in hand: ids that are never mistaken for older ones, and a task that is done when all of it has come back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "src/run/task_table.h"

enum { N = 7, STEPS = 20000 };

static void ids_do_not_come_again(void **state) {
  sp_task_table *table = NULL;
  sp_flight *in_hand[N];
  uint64_t ids[N], old = UINT64_MAX;
  size_t n = 0;
  assert_int_equal(sp_task_table_create(N, &table), SP_SUCCESS);
  srand(3);
  for (int i = 0; i < STEPS; i++) {
    assert_int_equal(sp_task_table_count(table), n);
    assert_int_equal(sp_task_table_is_full(table), n == N);
    if (n < N && rand() % 2) {
      in_hand[n] = sp_task_table_add(table);
      ids[n] = in_hand[n]->task.id;
      for (size_t k = 0; k < n; k++) assert_true(ids[k] != ids[n]);
      assert_true(ids[n] != old);
      n++;
    } else if (n) {
      const size_t k = (size_t)rand() % n;
      assert_ptr_equal(sp_task_table_find(table, ids[k]), in_hand[k]);
      old = ids[k];
      sp_task_table_remove(table, in_hand[k]);
      assert_null(sp_task_table_find(table, old));
      in_hand[k] = in_hand[--n];
      ids[k] = ids[n];
    }
    assert_null(sp_task_table_find(table, UINT64_MAX));
  }
  sp_task_table_destroy(table);
  sp_task_table_destroy(NULL);
}

/* Reports of three workers with 0, 2 and 1 slots, and the three slots, in any order. */
static void done_when_all_has_come_back(void **state) {
  static const int slots[] = {0, 2, 1};
  for (int order = 0; order < 720; order++) {
    int events[6] = {0, 1, 2, 3, 4, 5}, left = order;
    for (int i = 5; i > 0; i--) {
      const int k = left % (i + 1), swap = events[k];
      left /= i + 1;
      events[k] = events[i];
      events[i] = swap;
    }
    sp_flight flight = {.reports_due = 3};
    for (int i = 0; i < 6; i++) {
      assert_false(sp_flight_is_done(&flight));
      if (events[i] < 3) {
        flight.reports_due--;
        flight.slots += (uint64_t)slots[events[i]];
      } else {
        flight.durable++;
      }
    }
    assert_true(sp_flight_is_done(&flight));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ids_do_not_come_again),
      cmocka_unit_test(done_when_all_has_come_back),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
