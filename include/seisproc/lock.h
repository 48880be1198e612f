/* SPDX-License-Identifier: BSD-3-Clause */
/* One writer an output: a lock on OUT.lock that ends with the process that holds it, however it ends. */
#ifndef SEISPROC_LOCK_H
#define SEISPROC_LOCK_H

#include <stdbool.h>
#include <stddef.h>

#include "seisproc/status.h"

enum { SP_LOCK_NONCE = 32 };

typedef struct sp_lock sp_lock;

/* Takes the lock file at `path`, which says who holds it: host, process and, where there is one, Slurm job; then waits
 * for the writers of an earlier run, which end a little after it. Copies path. Errors: SP_ERR_USAGE when another
 * process holds it, naming that one, or the file cannot be made; SP_ERR_IO when such a writer does not end. */
sp_status sp_lock_acquire(const char *path, sp_lock **out);

/* What this lock's file says and no other lock's did: whoever reads it there sees this very file. "" where it could not
 * be written. Written through to the server where the file is on one. Borrowed. */
const char *sp_lock_nonce(const sp_lock *lock);

/* What the lock file at `path` says, on whatever node; false where there is none. */
bool sp_lock_read_nonce(const char *path, char nonce[SP_LOCK_NONCE + 1]);

/* Whether somebody runs the job of the lock file at `path`, as far as the file system tells from this node; then
 * `holder` names who. */
bool sp_lock_is_held(const char *path, char *holder, size_t size);

/* Makes this process one of the writers of the run that holds the lock, until it closes *fd or ends. Not collective.
 * Errors: SP_ERR_IO. */
sp_status sp_lock_join(const char *path, int *fd);

/* Removes the lock file. Takes NULL. */
void sp_lock_release(sp_lock *lock);

#endif
