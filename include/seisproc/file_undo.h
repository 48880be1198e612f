/* SPDX-License-Identifier: BSD-3-Clause */
/* Changing a file in place: FILE.undo holds what the file was, so that a change that is cut off is taken back. It is
 * durable under its name before the first byte of the file changes, and goes when all of the change is on the disk. One
 * process changes a file at a time: the caller holds the lock on it (lock.h). */
#ifndef SEISPROC_FILE_UNDO_H
#define SEISPROC_FILE_UNDO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seisproc/file_identity.h"

typedef struct sp_file_range {
  uint64_t offset, bytes;
} sp_file_range;

enum { SP_MAX_FILE_RANGES = 513 };

/* Keeps these ranges of the file at `path`, which is `identity`: all bytes that the change may overwrite; what it adds
 * behind the end is cut off again. Errors: SP_ERR_IO, SP_ERR_USAGE; then the file is as it was. */
sp_status sp_file_undo_keep(const char *path, const sp_file_identity *identity, const sp_file_range *kept, size_t n);

/* The change is complete and synced: removes FILE.undo. Errors: SP_ERR_IO. */
sp_status sp_file_undo_drop(const char *path);

/* *due is whether a change of the file was begun and neither completed nor taken back. Errors: SP_ERR_MEMORY. */
sp_status sp_file_undo_is_due(const char *path, bool *due);

/* Makes the file what it was, bytes and time of modification, and removes FILE.undo. Does nothing where there is none.
 * May be cut off and done again. *undone is whether there was one. Errors: SP_ERR_INPUT, where FILE.undo belongs to
 * another file or is damaged; SP_ERR_IO. */
sp_status sp_file_undo(const char *path, bool *undone);

#endif
