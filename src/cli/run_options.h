/* SPDX-License-Identifier: BSD-3-Clause */
/* The options of `seisproc run`, which `plan` takes as well: a command line can be planned as it stands. */
#ifndef SEISPROC_CLI_RUN_OPTIONS_H
#define SEISPROC_CLI_RUN_OPTIONS_H

#include <argp.h>

#include "seisproc/job.h"
#include "seisproc/run.h"
#include "src/cli/option.h"
#include "src/run/plan.h"

enum { SP_MAX_OVERRIDES = 64, SP_OVERRIDE_LENGTH = 64 };

typedef struct sp_run_arguments {
  const char *job_path, *hosts, *hostfile; /* borrowed from the command line, as all texts */
  const char *overrides[SP_MAX_OVERRIDES];
  size_t n_overrides;
  char texts[SP_MAX_OVERRIDES][SP_OVERRIDE_LENGTH]; /* of options that stand for an override */
  char gathers[SP_GATHERS_OVERRIDE];
  sp_run_options options;
} sp_run_arguments;

/* Options and parser, whose input is sp_run_arguments; for the `children` of another argp. Ends the program with a
 * usage error where something is wrong. */
extern const struct argp sp_run_argp;

/* The job file with its overrides. Errors: SP_ERR_USAGE, every mistake a line. */
sp_status sp_run_arguments_job(const sp_run_arguments *args, sp_job **job);

/* Lays the job of an opened plan out as the options say, and looks at what is there of its output. Errors: what would
 * refuse the job. */
sp_status sp_run_arguments_plan(const sp_run_arguments *args, sp_run_plan *plan);

#endif
