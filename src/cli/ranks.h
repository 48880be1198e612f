/* SPDX-License-Identifier: BSD-3-Clause */
/* The ranks that a subcommand runs on: those of a launcher, or this process alone (then MPI is not started). */
#ifndef SEISPROC_CLI_RANKS_H
#define SEISPROC_CLI_RANKS_H

#include <mpi.h>

#include "seisproc/gather_index.h"
#include "seisproc/status.h"

typedef struct sp_ranks {
  MPI_Comm comm; /* MPI_COMM_NULL when alone */
  int rank, size;
} sp_ranks;

/* Starts MPI where a launcher started this process. Collective. */
sp_status sp_ranks_start(int *argc, char ***argv, sp_ranks *out);

/* Ends MPI where it was started; returns the exit code of `status`, which all ranks must agree on. Collective. */
int sp_ranks_finish(const sp_ranks *ranks, sp_status status);

/* The worst status of all ranks, on all ranks. Collective. */
sp_status sp_ranks_agree(const sp_ranks *ranks, sp_status status);

/* Rank 0's status on all ranks, for a step that rank 0 alone does: sp_ranks_agree of SP_SUCCESS elsewhere. */
#define SP_ON_RANK_0(ranks, call) sp_ranks_agree((ranks), (ranks)->rank == 0 ? (call) : SP_SUCCESS)

/* This rank's share of n things, in order of ranks: *first and how many. */
sp_global sp_ranks_share(const sp_ranks *ranks, sp_global n, sp_global *first);

/* Threads that this rank may keep busy: the cores it may run on, divided by the ranks of its node where they share
 * them. Collective. */
int sp_ranks_threads(const sp_ranks *ranks);

#endif
