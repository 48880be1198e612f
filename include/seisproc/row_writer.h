/* SPDX-License-Identifier: BSD-3-Clause */
/* Rows of a dataset to the disk past the page cache (O_DIRECT), where the file system can and memory and file are
 * aligned alike; else through it. Copying into the page cache costs a core as much as all the rest of a job, and what
 * is written there is not read again. On memory-backed storage, which is the page cache, several threads copy through a
 * mapping: writes to one file wait for each other there.
 *
 * The dataset must be one contiguous block that was allocated when the file was made, as all of a survey's are. Any
 * number of ranks may write rows of their own, each by itself.
 */
#ifndef SEISPROC_ROW_WRITER_H
#define SEISPROC_ROW_WRITER_H

#include "seisproc/memory.h"
#include "seisproc/survey_file.h"

typedef struct sp_row_writer sp_row_writer;

/* `dataset` is borrowed and must outlive the writer. direct: past the page cache, or mapped. Errors: SP_ERR_IO,
 * SP_ERR_MEMORY. */
sp_status sp_row_writer_create(const sp_dataset *dataset, bool direct, sp_row_writer **out);

/* Takes NULL. */
void sp_row_writer_destroy(sp_row_writer *writer);

/* Bytes from a multiple of SP_PAGE at which rows from `first` lie in the file, for datasets that begin at one, as those
 * of at least a page do. Rows that lie as far from one in memory need no copy. */
size_t sp_row_page_offset(sp_global first, uint64_t row_bytes);

/* Writes rows first ... first + n - 1, as they are in the file. They are durable after the next fdatasync of the file.
 * Errors: SP_ERR_IO, one line with file, dataset, range and the system's reason. */
sp_status sp_row_writer_write(sp_row_writer *writer, sp_global first, sp_local n, const void *rows);

#endif
