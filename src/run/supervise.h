/* SPDX-License-Identifier: BSD-3-Clause */
/* Running a job under a launcher, and again when it dies. Private to seisproc. */
#ifndef SEISPROC_SRC_RUN_SUPERVISE_H
#define SEISPROC_SRC_RUN_SUPERVISE_H

#include "seisproc/job.h"
#include "seisproc/run.h"

/* Runs `command` (sp_launch_command) until the job ends by itself; *exit_code is what the process must end with. Where
 * it dies instead (a rank killed, crashed or cut off, the launcher too, a device or network that fails, a hang), says
 * which rank it was, where, of what and with what in flight, and starts it again: job->settings.restarts times in a row
 * without a gather becoming done. From when on the output is begun it runs `again`, which is the command without what
 * begins anew. Of a job that died for good it writes report and metrics, as far as it knows, in place of rank 0.
 * Errors: SP_ERR_USAGE when the command cannot be started, or what to write cannot be written. */
sp_status sp_supervise(const sp_job *job, const sp_run_options *options, char *const *command, char *const *again,
                       int *exit_code);

#endif
