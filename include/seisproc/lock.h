/* One writer an output: a lock on OUT.lock that ends with the process that holds it, however it ends. */
#ifndef SEISPROC_LOCK_H
#define SEISPROC_LOCK_H

#include "seisproc/status.h"

typedef struct sp_lock sp_lock;

/* Takes the lock file at `path`, which says who holds it: host, process and, where there is one, Slurm job; then waits
 * for the writers of an earlier run, which end a little after it. Copies path. Errors: SP_ERR_USAGE when another
 * process holds it, naming that one, or the file cannot be made; SP_ERR_IO when such a writer does not end. */
sp_status sp_lock_acquire(const char *path, sp_lock **out);

/* Makes this process one of the writers of the run that holds the lock, until it closes *fd or ends. Not collective.
 * Errors: SP_ERR_IO. */
sp_status sp_lock_join(const char *path, int *fd);

/* Removes the lock file. Takes NULL. */
void sp_lock_release(sp_lock *lock);

#endif
