/* SPDX-License-Identifier: BSD-3-Clause */
/* Packing a survey: the same rows in fewer bytes (docs/packing.md), and back again. */
#ifndef SEISPROC_PACK_H
#define SEISPROC_PACK_H

#include <mpi.h>
#include <stdbool.h>
#include <stdint.h>

#include "seisproc/node_window.h"
#include "seisproc/status.h"
#include "seisproc/survey_file.h"

struct sp_activity;
struct sp_chunk_form;

/* The first byte of OUT.packed that a chunk may take. */
enum { SP_PACKED_BEGIN = 4096 };

/* What came of it. */
typedef struct sp_pack_result {
  double plain_bytes, packed_bytes; /* of the two files */
  double largest_error;             /* zfp: of a sample, as a part of its gather's RMS */
  uint64_t lossy, lossless;         /* chunks of samples, where the codec is zfp */
  uint64_t chunks, adopted;         /* of samples; of these, that were there before (sp_pack_adopt) */
  double seconds;
} sp_pack_result;

typedef struct sp_pack_options {
  const char *input, *output;
  const char *codec;  /* "lz4", "zstd" or "zfp"; NULL: unpack */
  int level;          /* 0: the codec's usual one */
  double error_bound; /* zfp: largest error of a sample, as a part of its gather's RMS */
  bool quiet;
  /* The input is the output of a job, complete but for this: what is written is it, with all that it says of itself.
   * Checksums of samples that zfp changed are those of what is read back. The output's lock is the caller's, and it is
   * made as OUT.packed. */
  bool in_job;
  bool adopts; /* chunks that are not in the input were packed before, and sp_pack_adopt has told of them */
  struct sp_activity *activity; /* steps as chunks are packed; NULL */
  bool (*stops)(void *context); /* whether to end early, asked on every rank; NULL */
  void *context;
  sp_pack_result *result; /* on rank 0, at the end; NULL */
} sp_pack_options;

/* Whether codec, level and bound are those of sp_pack, and the codec's library is there. Errors: SP_ERR_USAGE. */
sp_status sp_pack_check(const sp_pack_options *options);

/* What the settings of a job say, for an output at job->output; borrows it. `codec` is NULL where they ask for none. */
sp_pack_options sp_pack_options_of(const sp_job *job);

/* The form of the chunks of samples that a job's results may be packed to as they come: codecs without loss alone, and
 * surveys that are not tiny; *packs is false for others. Errors: SP_ERR_USAGE where the codec's library is missing. */
sp_status sp_pack_form_of_results(const sp_pack_options *options, const sp_survey_info *info, struct sp_chunk_form *out,
                                  bool *packs);

/* Has chunks that lie in OUT.packed already, and are on the disk, count as packed, for an sp_pack of the survey `input`
 * with these options, which is complete and stays as it is until then. paths[chunk.plane] is the dataset. One process
 * calls it. Errors: SP_ERR_INPUT, SP_ERR_IO. */
sp_status sp_pack_adopt(const sp_pack_options *options, const char *input, const char *const *paths,
                        const sp_chunk *chunks, size_t n);

/* Rows of a dataset of an output in the making, of which chunks lie in OUT.packed. */
typedef struct sp_placed_rows sp_placed_rows;

/* Opens OUT.packed, at `path`, for those of n chunks whose plane it is; of a number that comes twice the last counts.
 * The form is that of sp_pack_form_of_results, n_rows what the dataset has. Not collective; copies all. Errors:
 * SP_ERR_INPUT for a chunk that is none of such a dataset, SP_ERR_IO. */
sp_status sp_placed_rows_open(const char *path, const struct sp_chunk_form *form, uint64_t n_rows, uint32_t plane,
                              const sp_chunk *chunks, size_t n, sp_placed_rows **out);
void sp_placed_rows_close(sp_placed_rows *rows); /* takes NULL */

/* Puts those of rows first ... first + n - 1 that are in chunks to their places in `rows`, and leaves the others as
 * they are. Each chunk is compared with its checksum. Errors: SP_ERR_INPUT for a damaged one, of which nothing is
 * logged; SP_ERR_IO. */
sp_status sp_placed_rows_read(sp_placed_rows *placed, sp_global first, sp_local n, void *rows);

enum { SP_PLACED_DAMAGE = 144 };

/* What is wrong with the chunk for which the last reading failed; "" where it did not, or for another reason. */
const char *sp_placed_rows_damage(const sp_placed_rows *placed);

/* Bytes of memory that a rank with so many threads takes to pack a survey of this shape. in_job: as there. */
size_t sp_pack_memory(const sp_survey_info *info, bool in_job, int n_threads);

/* Bytes of memory that a rank with so many threads takes to read the survey's samples where they are packed; 0 where
 * they are not. Not collective; for a survey that is open alone. */
sp_status sp_pack_reader_memory(sp_survey *survey, int n_threads, size_t *bytes);

/* Writes `output`, the survey `input` packed, or unpacked. It is made as OUT.part; a journal beside it (OUT.chunks)
 * says what of that is on the disk, and the same call goes on from there, on any number of ranks, to the same bytes.
 * Every chunk is unpacked again and compared before it counts. Collective over comm (MPI_COMM_NULL: this process
 * alone); all ranks give the same options. Errors: SP_ERR_USAGE, SP_ERR_INPUT; SP_ERR_IO and SP_STOPPED, after which
 * the same call may go on.
 */
sp_status sp_pack(MPI_Comm comm, const sp_pack_options *options);

#endif
