/* SPDX-License-Identifier: BSD-3-Clause */
/* Inputs and outputs that are no regular files. Private to src/segy. */
#ifndef SEISPROC_SRC_SEGY_STREAM_H
#define SEISPROC_SRC_SEGY_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "seisproc/status.h"

/* Opens `path` for writing where it is "-", a name of an open descriptor (/dev/stdout), a FIFO or a device; else *fd is
 * -1: a regular file, or one that is to be made. The caller closes *fd. Errors: SP_ERR_USAGE. */
sp_status sp_stream_open_output(const char *path, int *fd);

/* Where `path` is "-", a FIFO or a device, copies all that comes out of it to a new file beside `output`, OUT.spool,
 * whose name the caller owns and removes; else *spool is NULL. `limit` is the most bytes that are taken; 0: half of
 * what is free there. Errors: SP_ERR_INPUT for what is empty or beyond the limit; SP_ERR_USAGE, SP_ERR_IO; SP_STOPPED.
 */
sp_status sp_stream_spool_input(const char *path, const char *output, uint64_t limit, char **spool);

#endif
