/* SPDX-License-Identifier: BSD-3-Clause */
/* `seisproc run` outside a launcher. Private to src/cli. */
#ifndef SEISPROC_SRC_CLI_RUN_LAUNCH_H
#define SEISPROC_SRC_CLI_RUN_LAUNCH_H

#include "seisproc/job.h"
#include "seisproc/run.h"

/* Works out a layout for this machine or for the hosts named (`hosts` as of --hosts, `hostfile` a path; NULL: none),
 * starts `seisproc run` with the given arguments (as they came on the command
 * line) under mpirun, and waits. *exit_code is what the process must end with. */
sp_status sp_run_launch(const sp_job *job, const sp_run_options *options, const char *hosts, const char *hostfile,
                        char *const *arguments, size_t n, int *exit_code);

#endif
