/* SPDX-License-Identifier: BSD-3-Clause */
/* The output of `seisproc regroup` and its journal, on rank 0: made, or gone on with. */
#ifndef SEISPROC_CLI_REGROUP_OUTPUT_H
#define SEISPROC_CLI_REGROUP_OUTPUT_H

#include "seisproc/lock.h"
#include "src/cli/regroup.h"
#include "src/run/journal.h"

typedef struct sp_regroup_output {
  char *part, *journal_path; /* owned */
  sp_lock *lock;
  bool complete; /* the output is there and is what was asked for */
  sp_journal_contents earlier;
  sp_journal *journal;
  uint64_t n_done; /* units before this run */
} sp_regroup_output;

/* Decides, creates or goes on. `done` [planes->n_units] says which units are on the disk. Errors: SP_ERR_USAGE for what
 * was begun with other keys or another input; SP_ERR_IO. */
sp_status sp_regroup_output_begin(sp_survey *survey, const sp_regroup_options *options, const sp_regroup_order *order,
                                  const sp_plane_list *planes, sp_regroup_output *out);

/* Units [n], ascending, are on the disk. */
sp_status sp_regroup_output_commit(sp_regroup_output *output, const uint64_t *units, size_t n);

/* All units are: gives the output its name. */
sp_status sp_regroup_output_publish(sp_regroup_output *output, const sp_regroup_options *options);

void sp_regroup_output_end(sp_regroup_output *output);

#endif
