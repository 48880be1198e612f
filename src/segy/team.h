/* SPDX-License-Identifier: BSD-3-Clause */
/* The ranks that import or export together: those of a communicator, or one process without MPI. Private to
 * src/segy. */
#ifndef SEISPROC_SRC_SEGY_TEAM_H
#define SEISPROC_SRC_SEGY_TEAM_H

#include <mpi.h>
#include <stdbool.h>
#include <stdint.h>

#include "seisproc/status.h"

typedef struct sp_team {
  MPI_Comm comm; /* MPI_COMM_NULL: this process is all */
  int rank, size;
} sp_team;

sp_status sp_team_join(MPI_Comm comm, sp_team *out);

/* The worst status of all ranks, on all ranks. Collective. */
sp_status sp_team_agree(const sp_team *team, sp_status status);

/* Gives every rank root 0's bytes. Collective. */
sp_status sp_team_share(const sp_team *team, void *data, uint64_t bytes);

/* Sums n counts over the ranks, in place, on all ranks; the same for the least. Collective. */
sp_status sp_team_sum(const sp_team *team, uint64_t *counts, int n);
sp_status sp_team_least(const sp_team *team, uint64_t *counts, int n);

/* Sum of `count` over the ranks before this one. Collective. */
sp_status sp_team_before(const sp_team *team, uint64_t count, uint64_t *out);

/* Moves bytes between rank 0 and another, of any number. */
sp_status sp_team_send(const sp_team *team, int to, const void *data, uint64_t bytes);
sp_status sp_team_receive(const sp_team *team, int from, void *data, uint64_t bytes);

/* First of the n items that rank r takes; r = size gives n. */
uint64_t sp_team_share_start(const sp_team *team, uint64_t n, int r);

/* How far a transfer of many traces is, as rank 0 sees it from its own share. */
typedef struct sp_meter {
  bool shown, terminal;
  const char *what; /* "import", ... */
  double started_at, shown_at;
  uint64_t n_traces, trace_bytes; /* in all; bytes that a trace moves */
} sp_meter;

void sp_meter_start(sp_meter *meter, const sp_team *team, bool quiet, const char *what, uint64_t n_traces,
                    uint64_t trace_bytes);

/* Shows that this rank has done a fraction of its work, if it is time to. */
void sp_meter_show(sp_meter *meter, double fraction);

/* Ends the line on a terminal. Returns the seconds since the start. */
double sp_meter_end(sp_meter *meter);

#endif
