/* SPDX-License-Identifier: BSD-3-Clause */
/* Packing a survey: the same rows in fewer bytes (docs/packing.md), and back again. */
#ifndef SEISPROC_PACK_H
#define SEISPROC_PACK_H

#include <mpi.h>
#include <stdbool.h>
#include <stdint.h>

#include "seisproc/status.h"

typedef struct sp_pack_options {
  const char *input, *output;
  const char *codec;  /* "lz4", "zstd" or "zfp"; NULL: unpack */
  int level;          /* 0: the codec's usual one */
  double error_bound; /* zfp: largest error of a sample, as a part of its gather's RMS */
  bool quiet;
} sp_pack_options;

/* Writes `output`, the survey `input` packed, or unpacked. It is made as OUT.part; a journal beside it (OUT.chunks)
 * says what of that is on the disk, and the same call goes on from there, on any number of ranks, to the same bytes.
 * Every chunk is unpacked again and compared before it counts. Collective over comm (MPI_COMM_NULL: this process
 * alone); all ranks give the same options. Errors: SP_ERR_USAGE, SP_ERR_INPUT, and SP_ERR_IO, after which the same call
 * may go on.
 */
sp_status sp_pack(MPI_Comm comm, const sp_pack_options *options);

#endif
