/* SPDX-License-Identifier: BSD-3-Clause */
/* Ranks that work together. A process that is alone goes through the same calls, which then do nothing. */
#include "seisproc/ranks.h"

#include "seisproc/dist.h"
#include "seisproc/machine.h"

enum { MESSAGE_BYTES = 64 << 20, TAG = 71 };

sp_ranks sp_ranks_of(MPI_Comm comm) {
  sp_ranks ranks = {.comm = comm, .size = 1};
  if (comm == MPI_COMM_NULL) return ranks;
  MPI_Comm_rank(comm, &ranks.rank);
  MPI_Comm_size(comm, &ranks.size);
  return ranks;
}

sp_status sp_ranks_start(int *argc, char ***argv, sp_ranks *out) {
  const bool launched = sp_comm_launched();
  if (launched) SP_TRY(sp_comm_start(argc, argv));
  *out = sp_ranks_of(launched ? MPI_COMM_WORLD : MPI_COMM_NULL);
  return SP_SUCCESS;
}

int sp_ranks_finish(const sp_ranks *ranks, sp_status status) {
  if (ranks->comm != MPI_COMM_NULL) sp_comm_finish();
  return sp_status_exit_code(status);
}

void sp_ranks_free(sp_ranks *ranks) {
  if (ranks->comm != MPI_COMM_NULL) MPI_Comm_free(&ranks->comm);
}

sp_status sp_ranks_agree(const sp_ranks *ranks, sp_status status) {
  return ranks->comm == MPI_COMM_NULL ? status : sp_agree(ranks->comm, status);
}

sp_status sp_ranks_broadcast(const sp_ranks *ranks, void *data, uint64_t bytes) {
  if (ranks->comm == MPI_COMM_NULL) return SP_SUCCESS; /* alike */
  char *at = data;
  SP_EACH_PIECE (p, 0, bytes, MESSAGE_BYTES) {
    SP_MPI_ALL(MPI_Bcast(at + p.first, sp_mpi_count(p.count), MPI_BYTE, 0, ranks->comm));
  }
  return SP_SUCCESS;
}

sp_status sp_ranks_sum(const sp_ranks *ranks, uint64_t *counts, int n) {
  if (ranks->comm == MPI_COMM_NULL) return SP_SUCCESS; /* alike */
  return SP_MPI(MPI_Allreduce(MPI_IN_PLACE, counts, n, MPI_UINT64_T, MPI_SUM, ranks->comm));
}

/* MPICH compares MPI_UINT64_T as if it had a sign: with the top bit turned over signed numbers have the same order on
 * all. */
static void turn_top_bits(uint64_t *counts, int n) {
  for (int i = 0; i < n; i++) counts[i] ^= (uint64_t)1 << 63;
}

sp_status sp_ranks_least(const sp_ranks *ranks, uint64_t *counts, int n) {
  if (ranks->comm == MPI_COMM_NULL) return SP_SUCCESS; /* alike */
  turn_top_bits(counts, n);
  const sp_status status = SP_MPI(MPI_Allreduce(MPI_IN_PLACE, counts, n, MPI_INT64_T, MPI_MIN, ranks->comm));
  turn_top_bits(counts, n);
  return status;
}

sp_status sp_ranks_before(const sp_ranks *ranks, uint64_t count, uint64_t *out) {
  uint64_t before = 0;
  if (ranks->comm != MPI_COMM_NULL) {
    SP_MPI_ALL(MPI_Exscan(&count, &before, 1, MPI_UINT64_T, MPI_SUM, ranks->comm));
  }
  *out = ranks->rank ? before : 0; /* MPI leaves rank 0's undefined */
  return SP_SUCCESS;
}

sp_status sp_ranks_send(const sp_ranks *ranks, int to, const void *data, uint64_t bytes) {
  const char *at = data;
  SP_EACH_PIECE (p, 0, bytes, MESSAGE_BYTES) {
    SP_TRY(SP_MPI(MPI_Send(at + p.first, sp_mpi_count(p.count), MPI_BYTE, to, TAG, ranks->comm)));
  }
  return SP_SUCCESS;
}

sp_status sp_ranks_receive(const sp_ranks *ranks, int from, void *data, uint64_t bytes) {
  char *at = data;
  SP_EACH_PIECE (p, 0, bytes, MESSAGE_BYTES) {
    SP_TRY(SP_MPI(MPI_Recv(at + p.first, sp_mpi_count(p.count), MPI_BYTE, from, TAG, ranks->comm, MPI_STATUS_IGNORE)));
  }
  return SP_SUCCESS;
}

int sp_ranks_threads(const sp_ranks *ranks) {
  sp_machine machine;
  MPI_Comm node;
  sp_machine_look(&machine);
  int threads = machine.n_cores;
  if (ranks->comm == MPI_COMM_NULL) return threads; // alike
  SP_MPI_ALL(MPI_Comm_split_type(ranks->comm, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node));
  sp_ranks neighbours = sp_ranks_of(node);
  if (sp_comm_share_cores(&neighbours, true, &threads) != SP_SUCCESS) threads = 1;
  sp_ranks_free(&neighbours);
  return threads;
}
