/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files pack_*.c share: the plan of a packed survey, its journal, the bounds of its gathers. Private to
 * src/store.
 *
 * The datasets of the survey follow each other in the output, each chunk behind the one before it, so that their places
 * follow from their sizes alone, whoever packs them; but chunks that a job has placed lie where it put them. Datasets
 * that are small are left out of this: HDF5 writes them at the end, with its metadata (placed_file.h).
 */
#ifndef SEISPROC_SRC_STORE_PACK_PARTS_H
#define SEISPROC_SRC_STORE_PACK_PARTS_H

#include "seisproc/gather_index.h"
#include "seisproc/pack.h"
#include "src/base/activity.h"
#include "src/store/packed.h"
#include "src/store/placed_file.h"

enum { SP_PACK_PATH = 256 };

/* Largest error that each gather allows, for one dataset. */
typedef struct sp_pack_bounds {
  const sp_gather_index *index; /* borrowed */
  double *allowed;              /* [n_gathers]: part * RMS; NAN where a sample is not finite */
  double part;
  double tolerance; /* that zfp is asked for; 0: none, all chunks are lossless */
  int zfp_dims;
} sp_pack_bounds;

/* A packed chunk. */
typedef struct sp_pack_record {
  uint64_t chunk;         /* counted through all datasets */
  uint64_t offset, bytes; /* in the file; 0 bytes: it is not packed yet */
  uint32_t skipped, crc;
  double error, part; /* of what zfp made of it; 0 where it is lossless */
  uint32_t lossless;  /* of a dataset that is packed with zfp */
  uint32_t adopted;   /* packed before the survey was complete */
  uint32_t own_crc;   /* of the record */
  uint32_t spare;
} sp_pack_record;

/* A dataset of the survey. */
typedef struct sp_pack_item {
  char path[SP_PACK_PATH];
  sp_dataset_spec spec; /* of path */
  bool placed;          /* its rows are put into the file by us; else HDF5 copies it at the end */
  bool block;           /* as one block, unpacked */
  sp_chunk_form form;
  uint64_t n_chunks, first_chunk; /* first_chunk: counted through all datasets */
  sp_pack_bounds *bounds;         /* NULL: lossless */
} sp_pack_item;

typedef struct sp_pack_plan {
  sp_survey *survey; /* borrowed */
  const sp_pack_options *options;
  sp_codec codec;         /* SP_CODEC_NONE: unpack */
  sp_gather_index *index; /* NULL where nothing is lossy */
  sp_pack_item *items;
  size_t n_items, n_room;
  uint64_t n_chunks;
} sp_pack_plan;

/* pack_plan.c: looks at the survey; all ranks come to the same plan. Collective. */
sp_status sp_pack_plan_make(sp_survey *survey, const sp_pack_options *options, sp_pack_plan *out);
void sp_pack_plan_free(sp_pack_plan *plan);

/* Where a chunk of a dataset begins, by its number there, when what is in the file ends at `end`: blocks begin at a
 * page, so that they can be read and written past the page cache. */
uint64_t sp_pack_place(const sp_pack_item *item, uint64_t chunk, uint64_t end);

/* Where what the records speak of ends. */
uint64_t sp_pack_end(const sp_pack_record *records, uint64_t n_chunks);

/* What makes two packings the same: a text, hashed. */
void sp_pack_plan_name(const sp_pack_plan *plan, char name[SP_UUID_LENGTH + 1]);

/* --- pack_bounds.c --- */

/* Goes through the traces of a dataset, this rank through a share of its gathers, and finds what each gather allows and
 * the tolerance that takes the fewest bytes, by estimate. activity steps with each gather; NULL. Collective over the
 * survey's communicator. */
sp_status sp_pack_bounds_make(sp_survey *survey, const char *path, const sp_gather_index *index, double part,
                              sp_activity *activity, sp_pack_bounds **out);
void sp_pack_bounds_free(sp_pack_bounds *bounds); /* takes NULL */

/* Whether rows from `first` on may go through zfp at all. */
bool sp_pack_bounds_allow(const sp_pack_bounds *bounds, sp_global first, uint64_t n);

/* Whether all of n rows that came back are within their gathers' bounds, and dead traces are dead, others not; then the
 * largest error, and the largest as a part of a gather's RMS. */
bool sp_pack_bounds_hold(const sp_pack_bounds *bounds, sp_global first, uint64_t n, uint32_t n_samples,
                         const float *rows, const float *back, double *error, double *part);

/* --- pack_journal.c: OUT.chunks --- */

typedef struct sp_pack_journal sp_pack_journal;

/* Makes a journal of the packing `name` anew, with n records of chunks that were packed before (sp_pack_adopt). */
sp_status sp_pack_journal_create(const char *path, const char *name, sp_pack_record *records, uint64_t n);

/* Opens the journal of the packing `name` and reads into records[n_chunks], by chunk, what it holds; *n_done is how
 * many are on the disk. That of another packing begins anew; but where `adopts` says that chunks were packed before, a
 * journal that does not have them is refused with SP_ERR_INPUT: nothing else knows them. One process. */
sp_status sp_pack_journal_open(const char *path, const char *name, bool adopts, uint64_t n_chunks,
                               sp_pack_record *records, uint64_t *n_done, sp_pack_journal **out);

/* Adds records, whose chunks are on the disk, and waits until they are there as well. */
sp_status sp_pack_journal_append(sp_pack_journal *journal, sp_pack_record *records, uint64_t n);
void sp_pack_journal_close(sp_pack_journal *journal); /* takes NULL */

/* Whether the chunk of a record is in the file (open as fd, named part) as it was written. Errors: SP_ERR_INPUT where
 * it is not, with the way out in the line; SP_ERR_IO. */
sp_status sp_pack_check_chunk(int fd, const char *part, const sp_pack_record *record, const char *way_out);

/* --- pack_finish.c --- */

/* Makes `part`, whose chunks are all there, an HDF5 file, and syncs it. One process. */
sp_status sp_pack_finish(const sp_pack_plan *plan, const sp_pack_record *records, const char *part);

/* --- pack_checksums.c --- */

/* Reads the samples of the packed survey `part` again and puts the checksums of what is read into /integrity, where it
 * has some; then syncs. Each rank takes a share of the gathers. Collective over comm. */
sp_status sp_pack_write_checksums(MPI_Comm comm, const char *part, sp_activity *activity);

#endif
