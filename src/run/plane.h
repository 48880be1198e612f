/* SPDX-License-Identifier: BSD-3-Clause */
/* Where the rows of a plane go: traces to a sink, rows of anything else to their dataset as they are. Private to
 * src/run. */
#ifndef SEISPROC_SRC_RUN_PLANE_H
#define SEISPROC_SRC_RUN_PLANE_H

#include "seisproc/row_writer.h"
#include "seisproc/trace_store.h"

typedef struct sp_plane {
  sp_trace_sink *traces; /* or NULL */
  sp_dataset *dataset;   /* without `traces` */
  sp_row_writer *writer;
} sp_plane;

/* Opens the dataset `path` of a survey that is open for writing, which is borrowed. direct: past the page cache.
 * Collective over the survey's ranks. Errors: those of sp_trace_sink_open, sp_dataset_open, sp_row_writer_create; the
 * plane may be closed then, too. */
sp_status sp_plane_open(sp_survey *survey, const char *path, bool direct, sp_plane *out);

/* Takes a plane of zeros. Collective. */
void sp_plane_close(sp_plane *plane);

/* The dataset that the rows are of; borrowed. */
sp_dataset *sp_plane_dataset(const sp_plane *plane);

/* Writes n rows from `first` on, this rank alone. Errors: SP_ERR_IO. */
sp_status sp_plane_write(const sp_plane *plane, sp_global first, sp_local n, const void *rows);

#endif
