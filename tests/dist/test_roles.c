/* SPDX-License-Identifier: BSD-3-Clause */
/* Who does what, on any number of ranks and nodes; teams of workers; and the window between workers and I/O ranks. */
/* ranks: 1 2 3 5 9 */
/* may warn */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "seisproc/dist.h"
#include "seisproc/node_window.h"
#include "seisproc/roles.h"

static int world_size(void) {
  int size;
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  return size;
}

static void check_members(const sp_roles *roles, int io_ranks) {
  int n[3] = {0};
  assert_int_equal(roles->members[0].role, SP_ROLE_COORDINATOR);
  for (int r = 0; r < roles->world.size; r++) {
    const sp_member *m = &roles->members[r];
    assert_int_equal(m->index, n[m->role]++);
    if (m->role != SP_ROLE_WORKER) {
      assert_int_equal(m->io_rank, -1);
      continue;
    }
    assert_int_equal(roles->members[m->io_rank].role, SP_ROLE_IO);
    assert_int_equal(roles->members[m->io_rank].node, m->node); /* it reaches the worker's slots */
  }
  assert_int_equal(n[SP_ROLE_COORDINATOR], 1);
  assert_int_equal(n[SP_ROLE_IO], roles->n_io);
  assert_int_equal(n[SP_ROLE_WORKER], roles->n_workers);
  assert_true(roles->n_workers >= 1 && roles->n_io >= 1 && roles->n_io <= io_ranks * roles->n_nodes);
  assert_int_equal(roles->peers.rank, sp_roles_self(roles)->index);
  assert_int_equal(roles->peers.size, n[sp_roles_self(roles)->role]);
}

static void roles_on_one_node(void **state) {
  sp_roles *roles = NULL;
  unsetenv("SEISPROC_RANKS_PER_NODE");
  for (int io_ranks = 1; io_ranks <= 3; io_ranks++) {
    const sp_status status = sp_roles_create(MPI_COMM_WORLD, io_ranks, &roles);
    assert_int_equal(status, world_size() < 3 ? SP_ERR_USAGE : SP_SUCCESS);
    if (status != SP_SUCCESS) continue;
    assert_int_equal(roles->n_nodes, 1);
    check_members(roles, io_ranks);
    sp_roles_destroy(roles);
  }
}

/* Nodes of three ranks; one rank by itself on a node is refused, on all ranks alike. */
static void roles_on_several_nodes(void **state) {
  sp_roles *roles = NULL;
  const int size = world_size();
  setenv("SEISPROC_RANKS_PER_NODE", "3", 1);
  const sp_status status = sp_roles_create(MPI_COMM_WORLD, 1, &roles);
  unsetenv("SEISPROC_RANKS_PER_NODE");
  assert_int_equal(status, size < 3 || size % 3 == 1 ? SP_ERR_USAGE : SP_SUCCESS);
  if (status != SP_SUCCESS) return;
  assert_int_equal(roles->n_nodes, (size + 2) / 3);
  check_members(roles, 1);
  sp_roles_destroy(roles);
}

static void teams_hold_every_worker_once(void **state) {
  if (world_size() < 3) return;
  for (int team_size = 1; team_size <= 8; team_size++) {
    sp_roles *roles = NULL;
    assert_int_equal(sp_roles_create(MPI_COMM_WORLD, 1, &roles), SP_SUCCESS);
    sp_roles_make_teams(roles, team_size);
    const int n = roles->n_workers;
    assert_int_equal(roles->n_teams, n / team_size ? n / team_size : 1);
    for (int w = 0, before = 0; w < n; w++) {
      const int team = sp_roles_team_of(roles, w);
      assert_true(team == before || team == before + 1);
      assert_true(team < roles->n_teams);
      before = team;
    }
    if (sp_roles_self(roles)->role == SP_ROLE_WORKER) {
      int mine = 0, first = 0;
      for (int w = 0; w < n; w++) {
        const bool same = sp_roles_team_of(roles, w) == sp_roles_team_of(roles, sp_roles_self(roles)->index);
        mine += same;
        first += same && w < sp_roles_self(roles)->index;
      }
      assert_int_equal(roles->team.size, mine);
      assert_int_equal(roles->team.rank, first);
      assert_true(n < team_size || mine >= team_size);
    } else {
      assert_true(roles->team.comm == MPI_COMM_NULL);
    }
    sp_roles_destroy(roles);
  }
}

/* --- the window -------------------------------------------------------------------------------------------------- */

enum { N_SLOTS = 3, MAX_ROWS = 5, ROW = 300, N_PASSES = 40 };

static float value_of(int worker, int pass, int plane, int i) {
  return (float)(worker * 100000 + pass * 1000 + plane * 500 + i);
}

static void fill_slots(const sp_roles *roles, sp_node_window *window) {
  const int me = sp_roles_self(roles)->index;
  for (int pass = 0; pass < N_PASSES; pass++) {
    sp_slot *slot = sp_node_window_claim(window); /* waits for the I/O rank, since there are more passes than slots */
    assert_false(sp_slot_is_full(slot));
    slot->page_offset = (uint32_t)(pass * 52 % SP_PAGE) & ~3u;
    slot->task = (uint64_t)pass;
    slot->n_units = 2;
    slot->n_boxes = 2;
    sp_box *boxes = sp_slot_boxes(window, slot);
    boxes[0] = (sp_box){.first_row = (uint64_t)pass, .n_rows = 2};
    boxes[1] = (sp_box){.first_row = (uint64_t)pass + 100, .n_rows = 3};
    memset(sp_slot_figures(window, slot), pass, 2 * 12);
    for (int plane = 0; plane < 2; plane++) {
      float *rows = sp_slot_rows(window, slot, plane);
      assert_int_equal((uintptr_t)rows % SP_PAGE, slot->page_offset);
      for (int i = 0; i < ROW; i++) rows[i] = value_of(me, pass, plane, i);
    }
    sp_slot_set_full(slot, true);
  }
}

static void check_slot(const sp_node_window *window, sp_slot *slot, int worker, int pass) {
  unsigned char expected[24];
  memset(expected, pass, sizeof expected);
  assert_int_equal(slot->task, pass);
  assert_memory_equal(sp_slot_figures(window, slot), expected, sizeof expected);
  assert_int_equal(sp_slot_boxes(window, slot)[1].first_row, pass + 100);
  for (int plane = 0; plane < 2; plane++) {
    const float *rows = sp_slot_rows(window, slot, plane);
    for (int i = 0; i < ROW; i++) assert_true(rows[i] == value_of(worker, pass, plane, i));
  }
}

static void empty_slots(const sp_roles *roles, const sp_node_window *window) {
  int passes[64] = {0};
  for (bool any = true; any;) {
    any = false;
    for (int r = 0; r < roles->world.size; r++) {
      if (roles->members[r].io_rank != roles->world.rank) continue;
      const int w = roles->members[r].index;
      any |= passes[w] < N_PASSES;
      sp_slot *slot = sp_node_window_slot(window, r, (uint64_t)passes[w]);
      if (passes[w] == N_PASSES || !sp_slot_is_full(slot)) continue;
      check_slot(window, slot, w, passes[w]++);
      sp_slot_set_full(slot, false);
    }
  }
}

static void slots_go_over_in_order_and_whole(void **state) {
  if (world_size() < 3) return;
  const sp_window_shape shape = {.n_slots = N_SLOTS,
                                 .n_planes = 2,
                                 .row_bytes = {ROW * sizeof(float), ROW * sizeof(float)},
                                 .max_rows = MAX_ROWS,
                                 .max_boxes = 2,
                                 .max_units = 2,
                                 .figure_bytes = 12};
  sp_roles *roles = NULL;
  sp_node_window *window = NULL;
  assert_int_equal(sp_roles_create(MPI_COMM_WORLD, 1, &roles), SP_SUCCESS);
  assert_int_equal(sp_node_window_create(roles, &shape, &window), SP_SUCCESS);
  assert_true(sp_window_slot_bytes(&shape) >= 2 * MAX_ROWS * ROW * sizeof(float));
  if (sp_roles_self(roles)->role == SP_ROLE_WORKER) fill_slots(roles, window);
  if (sp_roles_self(roles)->role == SP_ROLE_IO) empty_slots(roles, window);
  sp_node_window_destroy(window);
  sp_roles_destroy(roles);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(roles_on_one_node),
      cmocka_unit_test(roles_on_several_nodes),
      cmocka_unit_test(teams_hold_every_worker_once),
      cmocka_unit_test(slots_go_over_in_order_and_whole),
  };
  if (sp_comm_start(&argc, &argv) != SP_SUCCESS) return 1;
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  sp_comm_finish();
  return failed;
}
