/* SPDX-License-Identifier: BSD-3-Clause */
/* What the command line of a launch and the waiting for its end share. Private to src/dist. */
#ifndef SEISPROC_SRC_DIST_LAUNCH_COMMAND_H
#define SEISPROC_SRC_DIST_LAUNCH_COMMAND_H

/* Names the file through which rank 0 tells how the job ended. */
#define SP_OUTCOME_VARIABLE "SEISPROC_OUTCOME"

#endif
