/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory that is at its end on one rank while ranks make something together: roles, the node window, exchanges,
 * collective transfers and what they tell each other. Whichever allocation of whichever rank fails, all come to the
 * same error, nothing is left behind, and nobody waits. */
/* ranks: 1 2 3 5 */
/* may warn */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "seisproc/collective.h"
#include "seisproc/node_window.h"
#include "seisproc/roles.h"
#include "src/base/activity.h"
#include "src/dist/transpose.h"
#include "tests/dist/failing_allocations.h"

static int world_size(void) {
  return sp_ranks_of(MPI_COMM_WORLD).size;
}

/* Teams and groups, too, once there are roles. */
static sp_status make_roles(void *io_ranks, void **out) {
  sp_roles *roles = NULL;
  SP_ALIKE(sp_roles_create(MPI_COMM_WORLD, *(const int *)io_ranks, &roles));
  sp_roles_make_teams(roles, 2);
  sp_roles_make_groups(roles, false);
  *out = roles;
  return SP_SUCCESS;
}

static void destroy_roles(void *roles) {
  sp_roles_destroy(roles);
}

static void roles_on_one_node(void **state) {
  for (int io_ranks = 1; io_ranks <= 2; io_ranks++) {
    const maker m = {make_roles, destroy_roles, &io_ranks, world_size() < 3 ? SP_ERR_USAGE : SP_SUCCESS, false};
    check_allocations(&m, world_size() < 3 ? 1 : 3);
  }
}

static void roles_on_several_nodes(void **state) {
  int io_ranks = 1;
  const int size = world_size();
  const maker m = {make_roles, destroy_roles, &io_ranks, size < 3 || size % 3 == 1 ? SP_ERR_USAGE : SP_SUCCESS, false};
  setenv("SEISPROC_RANKS_PER_NODE", "3", 1);
  check_allocations(&m, size < 3 ? 1 : 3);
  unsetenv("SEISPROC_RANKS_PER_NODE");
}

/* --- the node window ---------------------------------------------------------------------------------------------- */

static const sp_window_shape shape = {.n_slots = 2,
                                      .n_planes = 2,
                                      .row_bytes = {400, 800},
                                      .max_rows = 7,
                                      .max_boxes = 3,
                                      .max_units = 2,
                                      .figure_bytes = 12};

static sp_status make_window(void *roles, void **out) {
  sp_node_window *window = NULL;
  SP_ALIKE(sp_node_window_create(roles, &shape, &window));
  *out = window;
  return SP_SUCCESS;
}

static void destroy_window(void *window) {
  sp_node_window_destroy(window);
}

static void the_node_window(void **state) {
  if (world_size() < 3) return; /* no roles, no window */
  sp_roles *roles = NULL;
  assert_int_equal(sp_roles_create(MPI_COMM_WORLD, 1, &roles), SP_SUCCESS);
  const maker m = {make_window, destroy_window, roles, SP_SUCCESS, false};
  check_allocations(&m, 2);
  sp_roles_destroy(roles);
}

/* MPI has no memory for it on one rank: nobody waits for that rank to give back a window that it does not have. */
static void shared_memory_at_its_end(void **state) {
  if (world_size() < 3) return;
  sp_roles *roles = NULL;
  assert_int_equal(sp_roles_create(MPI_COMM_WORLD, 1, &roles), SP_SUCCESS);
  for (int victim = 0; victim < world_size(); victim++) {
    const int blocks = blocks_in_use;
    void *window = NULL;
    window_fails = roles->world.rank == victim;
    assert_int_equal(make_window(roles, &window), SP_ERR_MPI);
    window_fails = false;
    assert_null(window);
    assert_int_equal(blocks_in_use, blocks);
    assert_int_equal(sp_agree(MPI_COMM_WORLD, SP_SUCCESS), SP_SUCCESS);
  }
  sp_roles_destroy(roles);
}

/* --- what else is made together ----------------------------------------------------------------------------------- */

static sp_status make_transpose(void *world, void **out) {
  sp_transpose *transpose = NULL;
  SP_ALIKE(sp_transpose_create(world, 23, 40, 16, &transpose));
  *out = transpose;
  return SP_SUCCESS;
}

static void destroy_transpose(void *transpose) {
  sp_transpose_destroy(transpose);
}

static void an_exchange(void **state) {
  sp_ranks world = sp_ranks_of(MPI_COMM_WORLD);
  const maker m = {make_transpose, destroy_transpose, &world, SP_SUCCESS, false};
  check_allocations(&m, 3);
}

static sp_status make_transfers(void *activity, void **out) {
  const sp_collective_config config = {.comm = MPI_COMM_WORLD, .most_waiting = 1, .activity = activity};
  sp_collective *transfers = NULL;
  SP_ALIKE(sp_collective_create(&config, &transfers));
  *out = transfers;
  return SP_SUCCESS;
}

static void destroy_transfers(void *transfers) {
  sp_collective_destroy(transfers);
}

static void collective_transfers(void **state) {
  sp_activity activity = {0};
  const maker m = {make_transfers, destroy_transfers, &activity, SP_SUCCESS, false};
  check_allocations(&m, 1);
}

/* The last rank's text; it keeps its own where another has no room for it. */
static sp_status make_text(void *own, void **out) {
  const sp_ranks world = sp_ranks_of(MPI_COMM_WORLD);
  char *text = world.rank == world.size - 1 ? own : NULL;
  SP_ALIKE(sp_comm_share_text(MPI_COMM_WORLD, world.size - 1, &text));
  assert_string_equal(text, own);
  *out = text;
  return SP_SUCCESS;
}

static void free_text(void *text) {
  const sp_ranks world = sp_ranks_of(MPI_COMM_WORLD);
  if (world.rank < world.size - 1) sp_free(text);
}

static void a_shared_text(void **state) {
  char own[] = "mode: both\nchain: [dwt]\n";
  const maker m = {make_text, free_text, own, SP_SUCCESS, false};
  check_allocations(&m, world_size() > 1);
}

static sp_status count_cores(void *world, void **out) {
  int n = 0;
  SP_ALIKE(sp_comm_share_cores(world, true, &n));
  assert_true(n >= 1);
  *out = world;
  return SP_SUCCESS;
}

static void nothing_to_give_back(void *object) {}

static void shared_cores(void **state) {
  sp_ranks world = sp_ranks_of(MPI_COMM_WORLD);
  const maker m = {count_cores, nothing_to_give_back, &world, SP_SUCCESS, false};
  check_allocations(&m, 1);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(roles_on_one_node), cmocka_unit_test(roles_on_several_nodes),
      cmocka_unit_test(the_node_window),   cmocka_unit_test(shared_memory_at_its_end),
      cmocka_unit_test(an_exchange),       cmocka_unit_test(collective_transfers),
      cmocka_unit_test(a_shared_text),     cmocka_unit_test(shared_cores),
  };
  if (sp_comm_start(&argc, &argv) != SP_SUCCESS) return 1;
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  sp_comm_finish();
  return failed;
}
