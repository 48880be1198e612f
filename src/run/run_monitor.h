/* SPDX-License-Identifier: BSD-3-Clause */
/* What a run leaves behind about itself while it runs, and who watches over it: history, what is in flight, the
 * watchdog, the line of a crash. Private to src/run. */
#ifndef SEISPROC_SRC_RUN_RUN_MONITOR_H
#define SEISPROC_SRC_RUN_RUN_MONITOR_H

#include "src/run/run_context.h"

/* Collective over the world; `start` counts on rank 0 only. */
sp_status sp_record_begin(sp_run_context *run, sp_coordinator_state *start);

/* The run has come to its end with this status. Not collective. Does nothing where it was not begun. */
void sp_record_end(sp_run_context *run, sp_coordinator_state *start, sp_status status);

#endif
