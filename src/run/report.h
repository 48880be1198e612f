/* SPDX-License-Identifier: BSD-3-Clause */
/* The closing report of a run: a table for people, JSON and metrics for programs. Private to src/run. */
#ifndef SEISPROC_SRC_RUN_REPORT_H
#define SEISPROC_SRC_RUN_REPORT_H

#include "src/run/run_context.h"

/* What one rank has to say at the end; plain data. */
struct sp_rank_report {
  int32_t role; /* sp_role */
  sp_stage_times times;
  double wall_s, cpu_s; /* of the rounds */
  double process_cpu_s; /* of the process, from its start */
  uint64_t peak_rss;    /* bytes, of the process so far */
  uint64_t buffers;     /* bytes of a worker's input buffers and slots */
  int32_t gpus;         /* that the workers of its node compute on: of the first of them; else 0 */
  double busy_s;        /* in which a worker's engine computed */
  char engine[16];      /* of a worker: what computed */
  char steps[256];      /* where a chain was computed in two places: which step where */
  sp_collective_cost read_cost, write_cost;
};

/* CPU seconds of this process so far. */
double sp_cpu_seconds(void);

/* Gathers every rank's report at rank 0 (run->ranks), which prints the table as the options say; n_traces is what this
 * run did. Collective over the world. */
sp_status sp_report(sp_run_context *run, sp_global n_traces);

/* The run ends with `status`: rank 0 says so in the history and writes the JSON file and the metrics. Returns `status`
 * or, where that was none, the error of writing. Collective over MPI_COMM_WORLD; status is the same on all ranks. */
sp_status sp_report_end(sp_run_context *run, const sp_coordinator_state *start, sp_status status);

#endif
