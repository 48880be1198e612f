/* SPDX-License-Identifier: BSD-3-Clause */
/* A thread that pushes a file to its device while the I/O rank goes on writing. Private to src/run. */
#ifndef SEISPROC_SRC_RUN_SYNC_THREAD_H
#define SEISPROC_SRC_RUN_SYNC_THREAD_H

#include <stdbool.h>
#include <stdint.h>

#include "seisproc/status.h"

typedef struct sp_sync_thread sp_sync_thread;

/* Opens the file, and another one that is to be synced with it (NULL: none), and starts the thread. Borrows the paths.
 * Errors: SP_ERR_IO, SP_ERR_MEMORY. */
sp_status sp_sync_thread_create(const char *path, const char *other, sp_sync_thread **out);

/* Ends the thread; does not sync. Takes NULL. */
void sp_sync_thread_destroy(sp_sync_thread *thread);

/* Starts a sync that covers every write so far, which the caller numbers `sequence` (ascending from 1). False, and
 * nothing is done, while one is under way. */
bool sp_sync_thread_start(sp_sync_thread *thread, uint64_t sequence);

/* *durable is the sequence up to which all is on the device. Errors: SP_ERR_IO when a sync failed (logged once):
 * what was written since the last that succeeded may be lost. */
sp_status sp_sync_thread_poll(sp_sync_thread *thread, uint64_t *durable);

/* Seconds spent in syncs, and how many there were. */
double sp_sync_thread_seconds(sp_sync_thread *thread);
uint64_t sp_sync_thread_count(sp_sync_thread *thread);

#endif
