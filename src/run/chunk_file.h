/* SPDX-License-Identifier: BSD-3-Clause */
/* OUT.packed, to which I/O ranks append packed chunks while a job computes. Private to src/run.
 *
 * Chunks lie behind each other in the order in which they come; what says where each lies is the journal. Bytes that no
 * journal speaks of, after a kill or of a task that was computed twice, stay unused.
 */
#ifndef SEISPROC_SRC_RUN_CHUNK_FILE_H
#define SEISPROC_SRC_RUN_CHUNK_FILE_H

#include <mpi.h>

#include "seisproc/node_window.h"
#include "seisproc/status.h"

/* Makes the file anew and waits until it is there, or cuts off what is behind `end`. One process. Errors: SP_ERR_IO,
 * SP_ERR_USAGE; SP_ERR_INPUT where it is shorter than that. */
sp_status sp_chunk_file_create(const char *path);
sp_status sp_chunk_file_cut(const char *path, uint64_t end);

typedef struct sp_chunk_file sp_chunk_file;

/* Opens it for appending behind `end`. Collective over comm, the I/O ranks. Borrows path. Errors: SP_ERR_IO. */
sp_status sp_chunk_file_open(MPI_Comm comm, const char *path, uint64_t end, sp_chunk_file **out);

/* Collective over comm. Takes NULL. */
void sp_chunk_file_close(sp_chunk_file *file);

/* Writes the chunks of a full slot, and sets in each where it lies in the file. They are durable after the next
 * fdatasync of the file. Not collective. Errors: SP_ERR_IO. */
sp_status sp_chunk_file_write(sp_chunk_file *file, const sp_node_window *window, sp_slot *slot);

#endif
