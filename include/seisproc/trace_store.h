/* SPDX-License-Identifier: BSD-3-Clause */
/* Where traces come from and where they go: a source and a sink, whatever form the file gives them. Today there is one
 * form, a dataset that is one contiguous block of rows.
 *
 * Functions without `_independent` in their name are collective over the communicator that the survey was opened on
 * (nothing where it was opened by one process): all its ranks call them, each with a range of its own or none.
 */
#ifndef SEISPROC_TRACE_STORE_H
#define SEISPROC_TRACE_STORE_H

#include "seisproc/survey_file.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sp_trace_source sp_trace_source;

/* Opens /traces, /noise or another dataset of the survey with a float32 row a trace. `survey` is borrowed and must
 * outlive the source. Collective. Errors: SP_ERR_INPUT, one line, when it holds no traces of the survey's shape. */
sp_status sp_trace_source_open(sp_survey *survey, const char *path, sp_trace_source **out);

/* Takes NULL. Collective. */
void sp_trace_source_close(sp_trace_source *source);

uint64_t sp_trace_source_traces(const sp_trace_source *source);
uint32_t sp_trace_source_samples(const sp_trace_source *source);

/* Reads traces first ... first + n - 1 into rows[n][n_samples]. Allocates nothing itself. Errors: SP_ERR_IO, one line
 * with file, dataset, range and reason; also where the file ends before the traces do, whatever HDF5 says of it. */
sp_status sp_trace_source_read(sp_trace_source *source, sp_global first, sp_local n, float *rows);
sp_status sp_trace_source_read_independent(sp_trace_source *source, sp_global first, sp_local n, float *rows);

/* The dataset whose rows the traces are, for collective.h; borrowed. NULL where the form is another. */
sp_dataset *sp_trace_source_dataset(sp_trace_source *source);

/* Asks the system to bring these traces' bytes into its cache; not collective, and nothing depends on it. */
void sp_trace_source_prefetch(sp_trace_source *source, sp_global first, sp_local n);

typedef struct sp_trace_sink sp_trace_sink;

/* Opens a dataset of traces in a survey that is open for writing, as sp_trace_source_open does. direct: independent
 * writes go past the page cache where they can (row_writer.h). */
sp_status sp_trace_sink_open(sp_survey *survey, const char *path, bool direct, sp_trace_sink **out);

/* Takes NULL. Collective. */
void sp_trace_sink_close(sp_trace_sink *sink);

/* Writes rows[n][n_samples] as traces first ... first + n - 1. They are durable after the next sync of the file.
 * Errors: SP_ERR_IO, one line with file, dataset, range and reason. */
sp_status sp_trace_sink_write(sp_trace_sink *sink, sp_global first, sp_local n, const float *rows);
sp_status sp_trace_sink_write_independent(sp_trace_sink *sink, sp_global first, sp_local n, const float *rows);

/* As sp_trace_source_dataset. */
sp_dataset *sp_trace_sink_dataset(sp_trace_sink *sink);

#ifdef __cplusplus
}
#endif

#endif
