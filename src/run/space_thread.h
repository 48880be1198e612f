/* SPDX-License-Identifier: BSD-3-Clause */
/* A thread that takes the output's space ahead of the I/O ranks, all of it from the start on, in steps (fallocate(2)):
 * a disk that is too full for the whole says so while little has been computed. Where the file system cannot do it, or
 * slowly, or is memory, the thread ends and each write takes its space itself, as without it. What a file holds is
 * never changed. Private to src/run. */
#ifndef SEISPROC_SRC_RUN_SPACE_THREAD_H
#define SEISPROC_SRC_RUN_SPACE_THREAD_H

#include <stddef.h>
#include <stdint.h>

#include "seisproc/status.h"

#define SP_SPACE_STEP    (256ull << 20) /* bytes taken at once, of all regions together */
#define SP_SPACE_SLOWEST 0.5e9          /* bytes/s: below this a file system does not have it cheaply */

/* Bytes of the file that will be written, all regions at the same pace. */
typedef struct sp_space_region {
  uint64_t offset, bytes;
} sp_space_region;

typedef struct sp_space_thread sp_space_thread;

/* Opens the file and starts the thread. Borrows `path`; copies the regions. Errors: SP_ERR_IO, SP_ERR_MEMORY. */
sp_status sp_space_thread_create(const char *path, const sp_space_region *regions, size_t n, sp_space_thread **out);

/* Ends the thread; the space that it took stays with the file. Takes NULL. */
void sp_space_thread_destroy(sp_space_thread *thread);

/* Errors: SP_ERR_IO, one line (logged once), when the disk has no room for the rest. */
sp_status sp_space_thread_poll(sp_space_thread *thread);

/* Bytes taken so far. */
uint64_t sp_space_thread_taken(sp_space_thread *thread);

#endif
