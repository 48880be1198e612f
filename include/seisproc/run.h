/* SPDX-License-Identifier: BSD-3-Clause */
/* Running a job: a survey in, a processed survey out. */
#ifndef SEISPROC__RUN_H
#define SEISPROC__RUN_H

#include <stdbool.h>

#include "seisproc/job.h"

typedef struct sp_run_options {
  bool quiet;               /* no progress, no closing lines */
  bool verbose;             /* a closing table of stages */
  bool restart;             /* begin anew whatever is there */
  bool check_done;          /* compare all that an earlier run has done before going on, not only a few units of it */
  bool no_commit;           /* sync once, at the end: faster by what commits cost, and a run that is cut off is lost */
  const char *job_path;     /* of the job file, for the report; or NULL */
  const char *report_path;  /* where what came of the run is written as JSON, with times of all ranks; or NULL */
  const char *metrics_path; /* the same as metrics for Prometheus, whatever the job says; or NULL */
  const struct sp_flow *flow; /* NULL: the one that the job asks for */
} sp_run_options;

/* Goes up whenever the same job on the same input would give other bits than before: a job that was begun under
 * another number is not resumed. */
enum { SP_RESULTS_VERSION = 3 };

/* Runs the job on all ranks of MPI_COMM_WORLD (at least 3). Collective; job and options must be the same on all
 * ranks. Returns, the same on all ranks, SP_SUCCESS; SP_ERR_GATHER when the output is complete but some gathers
 * could not be processed; SP_STOPPED when it ended early and the same command goes on; SP_ERR_USAGE or SP_ERR_INPUT
 * when nothing was begun. What reaches a whole rank (a disk or device that fails) ends all ranks at once. */
sp_status sp_run(const sp_job *job, const sp_run_options *options);

#endif
