/* SPDX-License-Identifier: BSD-3-Clause */
/* From a survey file to SEG-Y or SU. */
#ifndef SEISPROC_EXPORT_H
#define SEISPROC_EXPORT_H

#include <mpi.h>
#include <stdbool.h>

#include "seisproc/segy.h"
#include "seisproc/status.h"

enum { SP_SCALE_AUTO = -1 };

typedef struct sp_export_options {
  const char *input, *output;
  const char *dataset; /* "traces" or "noise" */
  sp_segy_kind kind;   /* AUTO: as imported; SEG-Y where the survey was not imported */
  int format;          /* sample format code; 0: as imported; IEEE float where the survey was not imported */
  double scale;        /* samples are multiplied by it; 0: by 1; SP_SCALE_AUTO: by the power of 2 that suits an integer
                          format */
  bool keep_text;      /* the textual header does not say what was done */
  const char *const *maps; /* [n_maps] "NAME=WORD": a column that goes into a word of another name */
  int n_maps;
  const char *gathers; /* which gathers (selection.h); NULL: all */
  bool quiet;          /* no progress, no closing line */
} sp_export_options;

/* Writes samples of a survey with the headers that it was imported with, or with headers made from its columns. A
 * survey that was imported and not changed gives the identical bytes, unless it was sorted; then every trace has its
 * own header. Columns that were edited or derived are written into the headers. What a format or a field cannot hold is
 * counted and logged as a warning, or refused. The output is written to OUTPUT.part and renamed when it is complete;
 * after an error nothing is left. Where OUTPUT is "-", a FIFO or a device, bytes go there in their order.
 *
 * Collective over comm; MPI_COMM_NULL: by this process alone. Errors: SP_ERR_INPUT, SP_ERR_USAGE in one line from rank
 * 0; SP_ERR_IO, SP_ERR_MEMORY; SP_STOPPED after a signal (stop.h). */
sp_status sp_export(MPI_Comm comm, const sp_export_options *options);

#endif
