/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/segy/team.h"

#include <stdio.h>
#include <unistd.h>

#include "seisproc/dist.h"
#include "seisproc/log.h"
#include "seisproc/stats.h"

enum { MESSAGE_BYTES = 64 << 20, TAG = 71 };

sp_status sp_team_join(MPI_Comm comm, sp_team *out) {
  *out = (sp_team){.comm = comm, .size = 1};
  if (comm == MPI_COMM_NULL) return SP_SUCCESS;
  SP_TRY(SP_MPI(MPI_Comm_rank(comm, &out->rank)));
  return SP_MPI(MPI_Comm_size(comm, &out->size));
}

sp_status sp_team_agree(const sp_team *team, sp_status status) {
  return team->comm == MPI_COMM_NULL ? status : sp_agree(team->comm, status);
}

sp_status sp_team_share(const sp_team *team, void *data, uint64_t bytes) {
  if (team->comm == MPI_COMM_NULL) return SP_SUCCESS; /* alike */
  return SP_MPI(MPI_Bcast(data, sp_mpi_count(bytes), MPI_BYTE, 0, team->comm));
}

sp_status sp_team_sum(const sp_team *team, uint64_t *counts, int n) {
  if (team->comm == MPI_COMM_NULL) return SP_SUCCESS; /* alike */
  return SP_MPI(MPI_Allreduce(MPI_IN_PLACE, counts, n, MPI_UINT64_T, MPI_SUM, team->comm));
}

/* MPICH compares MPI_UINT64_T as if it had a sign: with the top bit turned over signed numbers have the same order on
 * all. */
static void turn_top_bits(uint64_t *counts, int n) {
  for (int i = 0; i < n; i++) counts[i] ^= (uint64_t)1 << 63;
}

sp_status sp_team_least(const sp_team *team, uint64_t *counts, int n) {
  if (team->comm == MPI_COMM_NULL) return SP_SUCCESS; /* alike */
  turn_top_bits(counts, n);
  const sp_status status = SP_MPI(MPI_Allreduce(MPI_IN_PLACE, counts, n, MPI_INT64_T, MPI_MIN, team->comm));
  turn_top_bits(counts, n);
  return status;
}

sp_status sp_team_before(const sp_team *team, uint64_t count, uint64_t *out) {
  uint64_t before = 0;
  if (team->comm != MPI_COMM_NULL) {
    SP_TRY(SP_MPI(MPI_Exscan(&count, &before, 1, MPI_UINT64_T, MPI_SUM, team->comm)));
  }
  *out = team->rank ? before : 0; /* MPI leaves rank 0's undefined */
  return SP_SUCCESS;
}

sp_status sp_team_send(const sp_team *team, int to, const void *data, uint64_t bytes) {
  const char *at = data;
  while (bytes) {
    const uint64_t n = bytes < MESSAGE_BYTES ? bytes : MESSAGE_BYTES;
    SP_TRY(SP_MPI(MPI_Send(at, sp_mpi_count(n), MPI_BYTE, to, TAG, team->comm)));
    at += n;
    bytes -= n;
  }
  return SP_SUCCESS;
}

sp_status sp_team_receive(const sp_team *team, int from, void *data, uint64_t bytes) {
  char *at = data;
  while (bytes) {
    const uint64_t n = bytes < MESSAGE_BYTES ? bytes : MESSAGE_BYTES;
    SP_TRY(SP_MPI(MPI_Recv(at, sp_mpi_count(n), MPI_BYTE, from, TAG, team->comm, MPI_STATUS_IGNORE)));
    at += n;
    bytes -= n;
  }
  return SP_SUCCESS;
}

uint64_t sp_team_share_start(const sp_team *team, uint64_t n, int r) {
  const uint64_t size = (uint64_t)team->size, each = n / size, more = n % size, rank = (uint64_t)r;
  return rank * each + (rank < more ? rank : more);
}

void sp_meter_start(sp_meter *meter, const sp_team *team, bool quiet, const char *what, uint64_t n_traces,
                    uint64_t trace_bytes) {
  const double now = sp_now();
  *meter = (sp_meter){.shown = team->rank == 0 && !quiet,
                      .terminal = isatty(STDERR_FILENO),
                      .what = what,
                      .started_at = now,
                      .shown_at = now,
                      .n_traces = n_traces,
                      .trace_bytes = trace_bytes};
}

void sp_meter_show(sp_meter *meter, double fraction) {
  const double now = sp_now(), elapsed = now - meter->started_at;
  if (!meter->shown || now - meter->shown_at < (meter->terminal ? 0.5 : 10) || fraction <= 0) return;
  meter->shown_at = now;
  char line[160];
  snprintf(line, sizeof line, "%s: %.0f%% of %llu traces, %.2f GB/s, %.0f s left", meter->what, 100 * fraction,
           (unsigned long long)meter->n_traces,
           1e-9 * fraction * (double)meter->n_traces * (double)meter->trace_bytes / elapsed,
           elapsed / fraction - elapsed);
  if (meter->terminal) {
    fprintf(stderr, "\r\033[K%s", line);
    fflush(stderr);
  } else {
    sp_info("%s", line);
  }
}

double sp_meter_end(sp_meter *meter) {
  if (meter->shown && meter->terminal) fprintf(stderr, "\r\033[K");
  return sp_now() - meter->started_at;
}
