/* One job an output: a lock that ends with the process that holds it, however it ends. Private to src/pipeline. */
#ifndef SEISPROC_SRC_PIPELINE_LOCK_H
#define SEISPROC_SRC_PIPELINE_LOCK_H

#include "seisproc/status.h"

typedef struct sp_lock sp_lock;

/* Takes the lock file at `path`, which says who holds it: host, process and, where there is one, Slurm job. Copies
 * path. Errors: SP_ERR_USAGE when another process holds it, naming that one; SP_ERR_IO. */
sp_status sp_lock_take(const char *path, sp_lock **out);

/* Removes the lock file. Takes NULL. */
void sp_lock_release(sp_lock *lock);

#endif
