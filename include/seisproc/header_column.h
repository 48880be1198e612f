/* SPDX-License-Identifier: BSD-3-Clause */
/* Header columns in their units.
 *
 * A column of whole numbers holds a field as the trace header has it; what it means is that number times what its
 * scalar stands for, which is another column (docs/format.md): coordinates, elevations, times, the shotpoint number.
 * Whoever computes with a column, sorts by it or shows it reads it here, so that traces with different scalars compare.
 * Columns of floats hold the value itself.
 */
#ifndef SEISPROC_HEADER_COLUMN_H
#define SEISPROC_HEADER_COLUMN_H

#include "seisproc/survey_file.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sp_header_column sp_header_column;

/* The text attribute of a column that names the one that scales it. */
#define SP_SCALAR_ATTRIBUTE "scalar"

/* Opens /headers/<name>. Collective; returned with sp_header_column_close (collective, takes NULL). Errors: those of
 * sp_dataset_open. */
sp_status sp_header_column_open(sp_survey *survey, const char *name, sp_header_column **out);
void sp_header_column_close(sp_header_column *column);

/* Reads the values of traces first ... first + n - 1, in the column's unit. Not collective; allocates nothing. One
 * thread at a time. */
sp_status sp_header_column_read(sp_header_column *column, sp_global first, sp_local n, double *out);

/* The values of all traces of the column /headers/<name>, in its unit, in memory that the caller frees with sp_free.
 * Not collective. Errors: those of sp_header_column_open and sp_dataset_read_independent, SP_ERR_MEMORY. */
sp_status sp_header_column_read_all(sp_survey *survey, const char *name, double **out);

/* Whether a column that is there, and that the standard has in milliseconds, such as delrt, is not said to be in
 * another unit. Errors: SP_ERR_INPUT, one line. */
sp_status sp_header_column_check_time(const sp_survey *survey, const char *name);

/* The least and the largest value of all traces that hold a number, NAN where none does; in *first_nan, unless that is
 * NULL, the first trace that holds none (NaN), the number of traces where all do. Not collective. */
sp_status sp_header_column_range(sp_header_column *column, double *least, double *most, sp_global *first_nan);

/* The finest step of a column that is scaled: the least that a scalar of its traces stands for; INFINITY for one that
 * is not scaled, or has no traces. Not collective. */
sp_status sp_header_column_finest_step(sp_header_column *column, double *step);

#ifdef __cplusplus
}
#endif

#endif
