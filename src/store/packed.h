/* SPDX-License-Identifier: BSD-3-Clause */
/* Rows of a dataset in packed chunks (src/pack), read and unpacked here: no filter of HDF5 is needed. Private to
 * src/store; dataset.c hands over to it.
 *
 * A chunk is read by the calling thread while those of the survey unpack the ones before it, straight to where the
 * rows are wanted. A chunk of which only some rows are wanted is kept, unpacked, for the next call: rows that are read
 * in order are unpacked once. Each chunk is compared with its checksum where the file has one
 * (/packing/crc32c/<path>).
 */
#ifndef SEISPROC_SRC_STORE_PACKED_H
#define SEISPROC_SRC_STORE_PACKED_H

#include "seisproc/ranks.h"
#include "src/pack/packer.h"
#include "src/store/h5.h"

typedef struct sp_packed sp_packed;

/* What the creation properties of a chunked dataset say; false, and why, where it is none that is read. */
bool sp_packed_describe(hid_t creation, int n_dims, uint64_t row_length, uint32_t element, sp_chunk_form *out,
                        char *why, size_t size);

/* `rows` is what the dataset has. Collective over the survey's communicator. `path` and survey are borrowed. Errors:
 * SP_ERR_INPUT, SP_ERR_IO. */
sp_status sp_packed_open(sp_survey *survey, const char *path, const sp_chunk_form *form, uint64_t rows,
                         sp_packed **out);

/* Takes NULL. Not collective. */
void sp_packed_close(sp_packed *packed);

/* Rows first ... first + n - 1 of the file. Not collective. Errors: SP_ERR_INPUT, one line, for a damaged chunk. */
sp_status sp_packed_read(sp_packed *packed, sp_global first, sp_local n, void *rows);

/* Bytes of memory that reading takes with so many threads. */
size_t sp_packed_memory(const sp_packed *packed, int n_threads);

/* Of a dataset, NULL where its rows are one contiguous block (dataset.c). Borrowed. */
sp_packed *sp_dataset_packed(const sp_dataset *dataset);

/* Threads that a rank may keep busy here, at most SP_STORE_THREADS. Collective. */
enum { SP_STORE_THREADS = 16 };
int sp_store_threads(const sp_ranks *ranks);

#endif
