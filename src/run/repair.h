/* SPDX-License-Identifier: BSD-3-Clause */
/* Units that the journal has as done and that are not on the disk as they were written: found by their checksums when a
 * job goes on, undone, and computed again. Where most of what is looked at differs the file is another one, and the job
 * is refused. Private to src/run.
 *
 * Undoing is one step: a journal without those units takes the place of the old one. A job that is cut off before that
 * finds them again; after it they are units like any others that are left.
 */
#ifndef SEISPROC_SRC_RUN_REPAIR_H
#define SEISPROC_SRC_RUN_REPAIR_H

#include "seisproc/json.h"
#include "src/run/run_context.h"

/* Compares a few of the units done (spots.h) with their checksums; *damaged: some of them differ, but fewer than half.
 * Changes nothing, says nothing. Errors: SP_ERR_INPUT, naming the first that differs, where half of them or more do, or
 * where the part cannot be read. */
sp_status sp_repair_look(const sp_flow_plan *plan, const char *part_path, const sp_journal_contents *found,
                         bool *damaged);

/* Where rank 0's plan says so (compares_all): all ranks read a share each of what is done, and what differs is undone
 * in the journal, in start->plan.earlier and in the history; *undone tells rank 0 whether anything was, and then
 * start->undone is set. Collective over the world. Errors: SP_ERR_INPUT where half or more differ, and nothing is
 * changed; SP_STOPPED when a signal or the time ended it; SP_ERR_IO. */
sp_status sp_repair(sp_run_context *run, sp_coordinator_state *start, bool *undone);

/* Units that this run has undone, as a member of the report's object; nothing where there are none. */
void sp_repair_report(sp_json *json, const sp_run_context *run, const sp_coordinator_state *start);

#endif
