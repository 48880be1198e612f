/* SPDX-License-Identifier: BSD-3-Clause */
/* Every node proves that it sees the files of rank 0 before it reads or writes one. Private to src/run. */
#ifndef SEISPROC_SRC_RUN_NODE_FILES_H
#define SEISPROC_SRC_RUN_NODE_FILES_H

#include "seisproc/lock.h"
#include "src/run/run_context.h"

/* One rank a node opens the input, which must have the size and the time of modification that rank 0 sees; the files
 * that the job names beside it, which must have the same contents; the lock of the output, which must hold the nonce
 * that rank 0 wrote there; and the output in the making, which must be there in rank 0's size. `lock` is rank 0's.
 * Collective over run->roles->world, once the output is there. Errors: SP_ERR_USAGE, alike on all ranks; each node that
 * sees other files names itself and them. */
sp_status sp_node_files_check(const sp_run_context *run, const sp_lock *lock);

#endif
