/* SPDX-License-Identifier: BSD-3-Clause */
/* Where a job stands when it starts: new, cut off, or done. Private to src/run. */
#ifndef SEISPROC_SRC_RUN_RESUME_H
#define SEISPROC_SRC_RUN_RESUME_H

#include <stdbool.h>

#include "src/flow/flow.h"
#include "src/run/journal.h"

/* PACK: all is computed, and lies in OUT.plain; it is to be packed. */
typedef enum sp_start { SP_START_NEW, SP_START_RESUME, SP_START_PACK, SP_START_COMPLETE } sp_start;

/* Looks, and changes nothing, at the journal and the part of an earlier run, and, where there are none, at the output
 * under its own name (so that an output that is being made anew goes on, too). `header` is what this run's journal
 * would say. *contents (to be freed) is what is done where *start is SP_START_RESUME, and what came of each unit where
 * it is SP_START_PACK or SP_START_COMPLETE; *damaged: of what is done a part is not on the disk as it was written, as
 * far as a few units of it tell (repair.h). Errors: SP_ERR_USAGE, naming the difference, when what is there was made
 * from another input, by other parameters, or by a program that computes other numbers; `restart` takes all that for
 * nothing instead. */
sp_status sp_resume_look(const sp_flow_plan *plan, const char *part_path, const char *journal_path,
                         const sp_journal_header *header, bool restart, sp_start *start, sp_journal_contents *contents,
                         bool *damaged);

/* Removes what an earlier run left, where this one does not go on with it. Errors: SP_ERR_IO. */
sp_status sp_resume_forget(const char *part_path, const char *journal_path);

/* Removes a file for good, where it is there. Errors: SP_ERR_IO. */
sp_status sp_resume_remove(const char *path);

#endif
