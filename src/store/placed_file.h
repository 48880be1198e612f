/* SPDX-License-Identifier: BSD-3-Clause */
/* An HDF5 file that is made around raw data which lies in it already, so that nothing is copied. Private to src/store.
 *
 * Data was written to the file at places of our own choice, by any number of processes, and survives whatever ends
 * them. At last one process has HDF5 make its metadata: a driver of ours (H5FD) tells HDF5, when it asks for room for
 * data, where these lie, and lets it write nothing there. Metadata and data that HDF5 does write go behind them; only
 * the superblock, which has to be at the file's begin, goes into the room that was left there. Cut off, this can be
 * done again from the start. What comes of it is a file like any other.
 */
#ifndef SEISPROC_SRC_STORE_PLACED_FILE_H
#define SEISPROC_SRC_STORE_PLACED_FILE_H

#include <hdf5.h>

#include "seisproc/survey_file.h"
#include "src/pack/packer.h"

/* Data may begin here. */
enum { SP_PLACED_BEGIN = 4096 };

typedef struct sp_placed_file sp_placed_file;

/* Begins the metadata of the file at `path`, whose data ends at data_end; what is behind it is cut off. The caller ends
 * it with sp_placed_file_finish or sp_placed_file_drop. Errors: SP_ERR_IO. */
sp_status sp_placed_file_begin(const char *path, uint64_t data_end, sp_placed_file **out);

/* HDF5's handle, to make groups, attributes and other datasets with. Borrowed. */
hid_t sp_placed_file_id(const sp_placed_file *file);

/* Makes a dataset whose rows lie from byte `offset` on, as one block. */
sp_status sp_placed_file_add_block(sp_placed_file *file, const sp_dataset_spec *spec, uint64_t offset);

/* Where a packed chunk lies. */
typedef struct sp_placed_chunk {
  uint64_t offset, bytes;
  uint32_t skipped;
} sp_placed_chunk;

/* Makes a dataset of packed chunks, in the order of their rows. */
sp_status sp_placed_file_add_chunks(sp_placed_file *file, const sp_dataset_spec *spec, const sp_chunk_form *form,
                                    const sp_placed_chunk *chunks, uint64_t n_chunks);

/* Writes what HDF5 held back, and closes the file. It is to be synced. Takes back `file` in any case. */
sp_status sp_placed_file_finish(sp_placed_file *file);

/* Takes NULL. */
void sp_placed_file_drop(sp_placed_file *file);

#endif
