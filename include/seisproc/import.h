/* SPDX-License-Identifier: BSD-3-Clause */
/* From SEG-Y or SU to a survey file. */
#ifndef SEISPROC_IMPORT_H
#define SEISPROC_IMPORT_H

#include <mpi.h>
#include <stdbool.h>
#include <stddef.h>

#include "seisproc/segy.h"
#include "seisproc/status.h"

enum { SP_IMPORT_MAX_GATHER_KEYS = 2, SP_IMPORT_MAX_SORT_KEYS = 4 };

typedef struct sp_import_options {
  const char *input, *output;
  const char *gather[SP_IMPORT_MAX_GATHER_KEYS]; /* header words; none: the file is one gather */
  int n_gather;
  const char *sort[SP_IMPORT_MAX_SORT_KEYS]; /* within gathers; none: the file's order */
  int n_sort;
  sp_segy_hints hints;
  bool derive_offset;   /* the column offset is the distance of the coordinates, not the header's */
  bool ignore_weights;  /* SEG-Y, integers: they are taken as they are, whatever their traces' weighting factors */
  uint64_t spool_limit; /* most bytes that are taken from a pipe; 0: half of what is free beside the output */
  bool quiet;           /* no progress, no closing line */
} sp_import_options;

/* Imports a file. Where a gather's traces do not stand together in the file, traces are sorted by gather, stably.
 * Trace headers and samples stream through buffers of fixed size; besides, rank 0 holds the keys of all traces (4 or 8
 * bytes a key and trace) and, while sorting, up to 16 bytes more. The output is written to OUTPUT.part and renamed when
 * it is complete; after an error nothing is left. It is the same, byte for byte but for its uuid, for any number of
 * ranks.
 *
 * Collective over comm; MPI_COMM_NULL: by this process alone. Errors: SP_ERR_INPUT, SP_ERR_USAGE in one line from rank
 * 0; SP_ERR_IO, SP_ERR_MEMORY; SP_STOPPED after a signal (stop.h). */
sp_status sp_import(MPI_Comm comm, const sp_import_options *options);

#endif
