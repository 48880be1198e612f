/* SPDX-License-Identifier: BSD-3-Clause */
/* A thread that takes the output's space ahead of the I/O ranks: they then only copy, and a disk that is too full for
 * the whole says so while little has been computed. Private to src/run.
 *
 * On a disk all of the space is taken from the start on, in steps (fallocate(2)). On memory-backed storage it is taken
 * no more than a given number of bytes ahead of what is written, through a mapping: fallocate(2) there holds up whoever
 * writes, and pages that nobody needs yet are better used for the input. Where the file system cannot do it, or slowly,
 * the thread ends and each write takes its space itself, as without it. What a file holds is never changed. */
#ifndef SEISPROC_SRC_RUN_SPACE_THREAD_H
#define SEISPROC_SRC_RUN_SPACE_THREAD_H

#include <stddef.h>
#include <stdint.h>

#include "seisproc/status.h"

#define SP_SPACE_AHEAD   (4ull << 30)   /* bytes, in memory, for a job */
#define SP_SPACE_STEP    (256ull << 20) /* bytes taken at once, of all regions together */
#define SP_SPACE_SLOWEST 0.5e9          /* bytes/s: below this a file system does not have it cheaply */

/* Bytes of the file that will be written, each region from its start to its end and all at the same pace. */
typedef struct sp_space_region {
  uint64_t offset, bytes;
} sp_space_region;

typedef struct sp_space_thread sp_space_thread;

/* Opens the file and starts the thread. Borrows `path`; copies the regions. ahead: bytes of memory-backed storage that
 * may be taken before they are written. Errors: SP_ERR_IO, SP_ERR_MEMORY. */
sp_status sp_space_thread_create(const char *path, const sp_space_region *regions, size_t n, uint64_t ahead,
                                 sp_space_thread **out);

/* Ends the thread; the space that it took stays with the file. Takes NULL. */
void sp_space_thread_destroy(sp_space_thread *thread);

/* The share of each region, 0 to 1, up to which the caller has written. */
void sp_space_thread_written(sp_space_thread *thread, double share);

/* Errors: SP_ERR_IO, one line (logged once), when the disk has no room for the rest. */
sp_status sp_space_thread_poll(sp_space_thread *thread);

/* Bytes taken so far. */
uint64_t sp_space_thread_taken(sp_space_thread *thread);

#endif
