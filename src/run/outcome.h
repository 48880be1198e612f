/* SPDX-License-Identifier: BSD-3-Clause */
/* What a run came to, for those who watch over many: a report in JSON and metrics for Prometheus. Private to seisproc.
 *
 * Whoever knows how the run ended writes them: rank 0 or, where that died or was never started, the process that
 * supervises. docs/operators.md has the members and the metrics.
 */
#ifndef SEISPROC_SRC_RUN_OUTCOME_H
#define SEISPROC_SRC_RUN_OUTCOME_H

#include <stdint.h>

#include "seisproc/job.h"
#include "seisproc/json.h"
#include "seisproc/run.h"
#include "seisproc/survey_file.h"

/* Goes up when a member of the report changes its meaning or goes away; new ones may come without. */
enum { SP_REPORT_VERSION = 1 };

typedef struct sp_outcome {
  const sp_job *job; /* borrowed; NULL where the job file has a mistake */
  const sp_run_options *options;
  int exit_code;
  const char *error;           /* "": none */
  double started_at, ended_at; /* s since 1970 */
  int cores, gpus;             /* that the run had */
  double cpu_s;                /* of all ranks */
  uint64_t read_bytes, written_bytes;
  const char *unit; /* "gather"; NULL: the run did not come to that */
  uint64_t n_units, n_done, n_earlier;
  uint64_t reasons[SP_REASON_COUNT]; /* units done, by reason */
} sp_outcome;

/* What else a report says: members of its object. */
typedef void (*sp_outcome_details)(sp_json *json, const void *context);

/* Whether report and metrics can be written where they are to go: over neither the output nor each other nor what is no
 * such file (sp_report_file_check). job may be NULL, of one that cannot be read. Errors: SP_ERR_USAGE. */
sp_status sp_outcome_check_places(const sp_job *job, const sp_run_options *options);

/* Writes both, where the options or the job name a file; details may be NULL. Errors: SP_ERR_USAGE, SP_ERR_IO. */
sp_status sp_outcome_write(const sp_outcome *outcome, sp_outcome_details details, const void *context);

#endif
