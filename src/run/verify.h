/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading an output again: is it what was computed? Private to seisproc. */
#ifndef SEISPROC_SRC_RUN_VERIFY_H
#define SEISPROC_SRC_RUN_VERIFY_H

#include <mpi.h>
#include <stdbool.h>

#include "seisproc/gather_index.h"
#include "seisproc/processor.h"

typedef struct sp_verify_options {
  const char *against; /* the input: processed + noise must be equal to it; or NULL */
  const char *gathers; /* which (selection.h); NULL: all */
  bool name_all;       /* log every bad gather, not only the first */
} sp_verify_options;

/* What was found, the same on all ranks. */
typedef struct sp_verify_report {
  sp_global n_gathers, n_traces;    /* that were read */
  sp_global n_left;                 /* gathers of a part that are not on the disk yet */
  sp_global n_bad;                  /* gathers whose bytes are not those that were recorded, or that cannot be read */
  sp_global n_not_equal;            /* gathers whose processed + noise is not the input */
  sp_global count[SP_REASON_COUNT]; /* gathers by what the job made of them */
  uint64_t bytes;
  double seconds; /* of the slowest rank */
} sp_verify_report;

/* Reads all samples of an output and compares each gather with its record (src/flow/gather/recheck.h): in the file, or,
 * for OUT.part, in OUT.journal, which knows what is on the disk.
 *
 * Ranks take equal shares of the traces. Collective over comm; MPI_COMM_NULL: this process alone. The first bad gather
 * is logged as an error. Errors: SP_ERR_INPUT where the file is no output or its journal is damaged, or not of that
 * input, and for a part whose journal does not speak of gathers; SP_ERR_MEMORY. */
sp_status sp_verify(MPI_Comm comm, const char *path, const sp_verify_options *options, sp_verify_report *out);

#endif
