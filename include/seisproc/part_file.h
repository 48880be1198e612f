/* SPDX-License-Identifier: BSD-3-Clause */
/* Outputs in the making: OUT is written as OUT.part and renamed when it is complete, so that a file under its own name
 * is never half done. Where OUT is a symbolic link, the file that it points to is written and replaced, and the link
 * stays; OUT.part and the other side files then lie beside that file (side_file.h). */
#ifndef SEISPROC_PART_FILE_H
#define SEISPROC_PART_FILE_H

#include "seisproc/lock.h"
#include "seisproc/status.h"

/* Name under which the output `path` is written, see above; owned by the caller (sp_free). Errors: SP_ERR_USAGE when
 * `path` is there and no regular file, or in a directory that does not exist or cannot be written. */
sp_status sp_part_path(const char *path, char **part);

/* Whether a file can be made in the folder of the output `path`. Errors: SP_ERR_USAGE. */
sp_status sp_part_check_folder(const char *path);

/* Whether what is at `path`, if anything, may be replaced. Errors: SP_ERR_USAGE for a file that is read-only, also to
 * root. */
sp_status sp_part_check_replace(const char *path);

/* Begins an output that one command makes from its start to its end: all of the above, then the lock on the output, and
 * what an earlier command left under the part's name is removed. The caller owns *part and *lock (sp_lock_release,
 * after sp_part_publish or sp_part_discard). One process calls it. Errors: SP_ERR_USAGE, also when another command is
 * writing this output; SP_ERR_IO. */
sp_status sp_part_begin(const char *path, char **part, sp_lock **lock);

/* The same for an output that an earlier command may have begun: what lies under the part's name stays. */
sp_status sp_part_continue(const char *path, char **part, sp_lock **lock);

/* Bytes that are still free where `path` is or would be made; infinity where the system does not tell. */
double sp_part_room(const char *path);

/* Looks whether a new file of so many bytes can be had there: room, and the user's limit (ulimit -f), beyond which
 * writing would fail in the middle. Errors: SP_ERR_IO, one line with what is needed and what there is. */
sp_status sp_part_check_bytes(const char *part, double bytes);

/* Looks whether there is room for what the file does not hold yet, its holes: its length is that of the whole. Errors:
 * SP_ERR_IO, one line with what is needed and what there is. */
sp_status sp_part_check_room(const char *part);

/* Syncs the file at `part`, renames it to `path` (replacing what was there) and syncs the directory. Errors: SP_ERR_IO,
 * with the reason. */
sp_status sp_part_publish(const char *part, const char *path);

/* Waits until the device has the file's bytes. Errors: SP_ERR_IO. */
sp_status sp_sync_file(const char *path);

/* Waits until the device has what its directory says of `path`: that it is there, or is no more. Errors: SP_ERR_IO. */
sp_status sp_sync_entry(const char *path);

/* Removes the file at `part` if it is there. Takes NULL. */
void sp_part_discard(const char *part);

#endif
