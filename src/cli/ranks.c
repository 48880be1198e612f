/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/cli/ranks.h"

#include "seisproc/dist.h"
#include "seisproc/machine.h"

sp_status sp_ranks_start(int *argc, char ***argv, sp_ranks *out) {
  sp_ranks ranks = {.comm = MPI_COMM_NULL, .rank = 0, .size = 1};
  if (sp_comm_launched()) {
    SP_TRY(sp_comm_start(argc, argv));
    ranks.comm = MPI_COMM_WORLD;
    SP_TRY(SP_MPI(MPI_Comm_rank(ranks.comm, &ranks.rank)));
    SP_TRY(SP_MPI(MPI_Comm_size(ranks.comm, &ranks.size)));
  }
  *out = ranks;
  return SP_SUCCESS;
}

int sp_ranks_finish(const sp_ranks *ranks, sp_status status) {
  if (ranks->comm != MPI_COMM_NULL) sp_comm_finish();
  return sp_status_exit_code(status);
}

sp_status sp_ranks_agree(const sp_ranks *ranks, sp_status status) {
  return ranks->comm == MPI_COMM_NULL ? status : sp_agree(ranks->comm, status);
}

sp_global sp_ranks_share(const sp_ranks *ranks, sp_global n, sp_global *first) {
  const sp_global size = (sp_global)ranks->size, rank = (sp_global)ranks->rank;
  const sp_global each = n / size, more = n % size;
  *first = rank * each + (rank < more ? rank : more);
  return each + (rank < more);
}

int sp_ranks_threads(const sp_ranks *ranks) {
  sp_machine machine;
  MPI_Comm node;
  sp_machine_look(&machine);
  int threads = machine.n_cores;
  if (ranks->comm == MPI_COMM_NULL) return threads;
  if (MPI_Comm_split_type(ranks->comm, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node) != MPI_SUCCESS) return 1;
  if (sp_comm_share_cores(node, true, &threads) != SP_SUCCESS) threads = 1;
  MPI_Comm_free(&node);
  return threads;
}
