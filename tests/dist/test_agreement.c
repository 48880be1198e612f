/* SPDX-License-Identifier: BSD-3-Clause */
/* Ranks that agree: whoever fails, at whatever step, all leave by the same way and the next collective still works. */
/* ranks: 1 2 3 5 */
/* may warn */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "seisproc/dist.h"
#include "seisproc/memory.h"

typedef struct world {
  int rank, size;
} world;

static world look(void) {
  world w;
  MPI_Comm_rank(MPI_COMM_WORLD, &w.rank);
  MPI_Comm_size(MPI_COMM_WORLD, &w.size);
  return w;
}

/* What a rank's step `step` gives where rank `victim` is to fail at step `failing`. */
static sp_status step(int i, int failing, int victim, sp_status how) {
  return i == failing && look().rank == victim ? how : SP_SUCCESS;
}

static sp_status three_steps(int failing, int victim, sp_status how, int *done) {
  sp_status status;
  for (int i = 0; i < 3; i++) {
    int sum = 1;
    SP_AGREE(MPI_COMM_WORLD, step(i, failing, victim, how));
    SP_MPI_ALL(MPI_Allreduce(MPI_IN_PLACE, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD));
    assert_int_equal(sum, look().size);
    SP_AGREE_GOTO(out, MPI_COMM_WORLD, step(i + 3, failing, victim, how));
    *done += 1;
  }
out:
  return status;
}

static void all_leave_at_the_step_that_one_fails_at(void **state) {
  const world w = look();
  for (int failing = 0; failing < 7; failing++) {
    for (int victim = 0; victim < w.size; victim++) {
      int done = 0, least, most;
      const sp_status status = three_steps(failing, victim, SP_ERR_INPUT, &done);
      assert_int_equal(status, failing < 6 ? SP_ERR_INPUT : SP_SUCCESS);
      MPI_Allreduce(&done, &least, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
      MPI_Allreduce(&done, &most, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
      assert_int_equal(least, most);
      assert_int_equal(done, failing < 6 ? failing % 3 : 3);
    }
  }
}

static void the_worst_status_counts(void **state) {
  const world w = look();
  static const sp_status of_rank[] = {SP_STOPPED, SP_ERR_INPUT, SP_ERR_MEMORY, SP_SUCCESS, SP_ERR_USAGE};
  sp_status worst = SP_SUCCESS;
  for (int r = 0; r < w.size; r++) worst = of_rank[r % 5] > worst ? of_rank[r % 5] : worst;
  assert_int_equal(sp_agree(MPI_COMM_WORLD, of_rank[w.rank % 5]), worst);
}

static void a_text_is_shared_from_any_rank(void **state) {
  const world w = look();
  for (int root = 0; root < w.size; root++) {
    static const char *const texts[] = {"", "a", "mode: both\nchain: [dwt]\n"};
    for (size_t i = 0; i < 3; i++) {
      char *text = NULL;
      if (w.rank == root) assert_int_equal(sp_strdup(texts[i], &text), SP_SUCCESS);
      assert_int_equal(sp_comm_share_text(MPI_COMM_WORLD, root, &text), SP_SUCCESS);
      assert_string_equal(text, texts[i]);
      sp_free(text);
    }
  }
}

/* Ranks that may run on the same cores share them; those that want none leave them to the others. */
static void cores_are_shared_out(void **state) {
  const world w = look();
  const sp_ranks self = sp_ranks_of(MPI_COMM_SELF), everyone = sp_ranks_of(MPI_COMM_WORLD);
  int all, shared, sole;
  assert_int_equal(sp_comm_share_cores(&self, true, &all), SP_SUCCESS);
  assert_int_equal(sp_comm_share_cores(&everyone, true, &shared), SP_SUCCESS);
  assert_int_equal(sp_comm_share_cores(&everyone, w.rank == 0, &sole), SP_SUCCESS);
  assert_true(all >= 1 && shared >= 1);
  assert_int_equal(sole, all);
  assert_true(shared == all || shared == (all / w.size ? all / w.size : 1));
}

static void waiting_asleep_ends(void **state) {
  const world w = look();
  assert_int_equal(sp_quiet_barrier(MPI_COMM_WORLD), SP_SUCCESS);
  int token = w.rank, got = -1;
  MPI_Request requests[2];
  MPI_Irecv(&got, 1, MPI_INT, (w.rank + w.size - 1) % w.size, 7, MPI_COMM_WORLD, &requests[0]);
  MPI_Isend(&token, 1, MPI_INT, (w.rank + 1) % w.size, 7, MPI_COMM_WORLD, &requests[1]);
  assert_int_equal(sp_quiet_wait(&requests[0]), SP_SUCCESS);
  assert_int_equal(sp_quiet_wait(&requests[1]), SP_SUCCESS);
  assert_int_equal(got, (w.rank + w.size - 1) % w.size);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(all_leave_at_the_step_that_one_fails_at),
      cmocka_unit_test(the_worst_status_counts),
      cmocka_unit_test(a_text_is_shared_from_any_rank),
      cmocka_unit_test(cores_are_shared_out),
      cmocka_unit_test(waiting_asleep_ends),
  };
  if (sp_comm_start(&argc, &argv) != SP_SUCCESS) return 1;
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  sp_comm_finish();
  return failed;
}
