/* SPDX-License-Identifier: BSD-3-Clause */
/* Files beside an output: their names, and opening them safely.
 *
 * They are made by this program alone. So none is opened that is a symbolic link, a device, a FIFO or a folder, or that
 * has a second name (a hard link), since writing there would write somewhere else; and one that must be new is new.
 */
#ifndef SEISPROC_SIDE_FILE_H
#define SEISPROC_SIDE_FILE_H

#include <stdbool.h>
#include <stdio.h>

#include "seisproc/status.h"

typedef enum sp_side {
  SP_SIDE_PART,     /* OUT.part: the output until it is complete */
  SP_SIDE_LOCK,     /* OUT.lock: who writes it */
  SP_SIDE_JOURNAL,  /* OUT.journal: what of it is on the disk */
  SP_SIDE_RUNS,     /* OUT.runs: where and how it was made */
  SP_SIDE_INFLIGHT, /* OUT.inflight: what each rank has in hand */
  SP_SIDE_SPOOL,    /* OUT.spool: what came out of a pipe, while it is imported */
  SP_SIDE_IMAGE,    /* OUT.part.image: sums and images of a migration in the making (appended to the part's name) */
  SP_SIDE_UNDO,     /* FILE.undo: what a file was that is being changed in place (file_undo.h) */
  SP_SIDE_CHUNKS,   /* OUT.chunks: which chunks of a packed output are on the disk */
  SP_SIDE_PLAIN,    /* OUT.plain: what a job computed, complete, of which the rest is yet to be packed */
  SP_SIDE_PACKED,   /* OUT.packed: the chunks of a packed output of a job */
  SP_SIDE_NEW       /* FILE.new: what replaces FILE in one step, once it is whole */
} sp_side;

/* ".part", ".lock", ... */
const char *sp_side_suffix(sp_side side);

/* Where an output is written: `output` itself or, where that is a symbolic link, what it points to, there already or
 * not. The file is replaced there, and its side files lie beside it. Owned by the caller. Errors: SP_ERR_USAGE for
 * links that lead in a circle. */
sp_status sp_output_path(const char *output, char **out);

/* The folder that holds `path`, by its name alone; owned by the caller. */
sp_status sp_folder_of(const char *path, char **out);

/* The name of a side file of `output`, beside what sp_output_path says; owned by the caller. */
sp_status sp_side_path(const char *output, sp_side side, char **out);

/* `path` with the suffix behind it, links not followed; owned by the caller. */
sp_status sp_side_append(const char *path, sp_side side, char **out);

/* Whether a name ends in the suffix. */
bool sp_side_is(const char *path, sp_side side);

/* Refuses what is there under the name of an output in the making: OUT.part, or OUT.plain while it is being packed.
 * Errors: SP_ERR_INPUT. */
sp_status sp_side_refuse_unfinished(const char *path);

/* Of the side file `path`, which is a `side`, the other one of the same output; owned by the caller. */
sp_status sp_side_sibling(const char *path, sp_side side, sp_side other, char **out);

/* Opens a side file with the flags of open(2) and never waits for anyone. Returns a file descriptor, or -1 with errno;
 * sp_side_error then says why, also for files that are refused. */
int sp_side_open(const char *path, int flags);

/* Makes a new file, open for writing, in place of a regular one of that name. Returns as sp_side_open. */
int sp_side_create(const char *path);

/* Opens for reading as a stream; NULL with errno. */
FILE *sp_side_read(const char *path);

/* 0 where `path` can be made anew or replaced: nothing is there, or a regular file with this one name; else the errno
 * of sp_side_open. */
int sp_side_check(const char *path);

/* Words for an errno of the functions above; never NULL. */
const char *sp_side_error(int error);

/* The status for a file operation that failed with this errno: SP_ERR_IO for what may be gone when the same command is
 * given again (a full disk, a device that fails), SP_ERR_USAGE for what stays until somebody mends it (permissions, a
 * folder that is not there). */
sp_status sp_file_status(int error);

#endif
