/* SPDX-License-Identifier: BSD-3-Clause */
/* Ranks that work together: those of a communicator, or one process without MPI. The world of a job, its nodes and
 * teams (roles.h), and what an import, an export or a subcommand runs on are all of this type. */
#ifndef SEISPROC_RANKS_H
#define SEISPROC_RANKS_H

#include <mpi.h>
#include <stdint.h>

#include "seisproc/share.h"
#include "seisproc/status.h"

typedef struct sp_ranks {
  MPI_Comm comm;  /* MPI_COMM_NULL: this process is alone, or, in roles.h, does not belong to them */
  int rank, size; /* alone: 0 of 1 */
} sp_ranks;

/* The ranks of `comm`, which is borrowed. Not collective. */
sp_ranks sp_ranks_of(MPI_Comm comm);

/* Those of MPI_COMM_WORLD where a launcher started this process (MPI is started then), else this process alone.
 * Collective. */
sp_status sp_ranks_start(int *argc, char ***argv, sp_ranks *out);

/* Ends MPI where it was started; returns the exit code of `status`, which all ranks must agree on. Collective. */
int sp_ranks_finish(const sp_ranks *ranks, sp_status status);

/* Frees the communicator where there is one, and leaves MPI_COMM_NULL. Collective over them. */
void sp_ranks_free(sp_ranks *ranks);

/* The worst status of all ranks, on all ranks. Collective. */
sp_status sp_ranks_agree(const sp_ranks *ranks, sp_status status);

/* Rank 0's status on all ranks, for a step that rank 0 alone does: sp_ranks_agree of SP_SUCCESS elsewhere. */
#define SP_ON_RANK_0(ranks, call) sp_ranks_agree((ranks), (ranks)->rank == 0 ? (call) : SP_SUCCESS)

/* This rank's share of n items, and that of rank r. */
static inline sp_share sp_ranks_share(const sp_ranks *ranks, uint64_t n) {
  return sp_share_even(n, ranks->size, ranks->rank);
}

static inline sp_share sp_ranks_share_of(const sp_ranks *ranks, uint64_t n, int r) {
  return sp_share_even(n, ranks->size, r);
}

/* Gives every rank rank 0's bytes, of any number. Collective. */
sp_status sp_ranks_broadcast(const sp_ranks *ranks, void *data, uint64_t bytes);

/* Sums n counts over the ranks, in place, on all ranks; the same for the least. Collective. */
sp_status sp_ranks_sum(const sp_ranks *ranks, uint64_t *counts, int n);
sp_status sp_ranks_least(const sp_ranks *ranks, uint64_t *counts, int n);

/* Sum of `count` over the ranks before this one. Collective. */
sp_status sp_ranks_before(const sp_ranks *ranks, uint64_t count, uint64_t *out);

/* Moves bytes between rank 0 and another, of any number. */
sp_status sp_ranks_send(const sp_ranks *ranks, int to, const void *data, uint64_t bytes);
sp_status sp_ranks_receive(const sp_ranks *ranks, int from, void *data, uint64_t bytes);

/* Threads that this rank may keep busy: the cores it may run on, divided by the ranks of its node where they share
 * them. Collective. */
int sp_ranks_threads(const sp_ranks *ranks);

#endif
