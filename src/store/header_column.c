/* SPDX-License-Identifier: BSD-3-Clause */
/* Header columns in their units: the column, and the one that scales it. */
#include "seisproc/header_column.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "seisproc/memory.h"
#include "seisproc/share.h"
#include "seisproc/trace_header.h"
#include "src/store/h5.h"

enum { PIECE = 8192 }; /* traces at once */

struct sp_header_column {
  sp_dataset *values, *scalars; /* scalars: NULL where values are not scaled */
  double scale[PIECE], values_read[PIECE];
  uint64_t rows[PIECE]; /* of any type of a column */
};

/* Name of the column that scales one of whole numbers: as its attribute says, else as SEG-Y defines; "" where there is
 * none. */
static sp_status find_scalar(const sp_survey *survey, const char *path, const char *name,
                             char scalar[SP_NAME_LENGTH + 1]) {
  char *text = NULL;
  SP_TRY(sp_survey_find_text(survey, path, SP_SCALAR_ATTRIBUTE, &text));
  const sp_header_field *field = text ? NULL : sp_header_field_find(SP_BLOCK_STANDARD, name);
  const bool ours = field && !strcmp(field->name, name) && field->scalar;
  snprintf(scalar, SP_NAME_LENGTH + 1, "%s", text ? text : ours ? field->scalar : "");
  sp_free(text);
  return SP_SUCCESS;
}

sp_status sp_header_column_open(sp_survey *survey, const char *name, sp_header_column **out) {
  char path[SP_NAME_LENGTH + 16], scalar[SP_NAME_LENGTH + 1] = "";
  sp_header_column *column;
  SP_TRY(sp_survey_forward(survey, sp_calloc(1, sizeof *column, "a header column", &column)));
  sp_status status;
  snprintf(path, sizeof path, "/headers/%s", name);
  SP_TRY_GOTO(fail, sp_dataset_open(survey, path, &column->values));
  const sp_type type = sp_dataset_type(column->values);
  if (type != SP_FLOAT32 && type != SP_FLOAT64) SP_TRY_GOTO(fail, find_scalar(survey, path, name, scalar));
  snprintf(path, sizeof path, "/headers/%s", scalar);
  if (scalar[0] && sp_survey_has(survey, path)) SP_TRY_GOTO(fail, sp_dataset_open(survey, path, &column->scalars));
  *out = column;
  return SP_SUCCESS;
fail:
  sp_header_column_close(column);
  return status;
}

sp_status sp_header_column_check_time(const sp_survey *survey, const char *name) {
  char path[SP_NAME_LENGTH + 16], *units = NULL;
  const sp_header_field *field = sp_header_field_find(SP_BLOCK_STANDARD, name);
  if (!field || !field->unit || strcmp(field->unit, "ms") != 0) return SP_SUCCESS;
  snprintf(path, sizeof path, "/headers/%s", name);
  if (!sp_survey_has(survey, path)) return SP_SUCCESS;
  SP_TRY(sp_survey_find_text(survey, path, "units", &units));
  const bool good = !units || !*units || !strcmp(units, "ms");
  const sp_status status =
      good ? SP_SUCCESS : SP_RAISE(SP_ERR_INPUT, "%s: %s is in '%.16s', allowed is ms", survey->path, path, units);
  sp_free(units);
  return status;
}

void sp_header_column_close(sp_header_column *column) {
  if (!column) return;
  sp_dataset_close(column->scalars);
  sp_dataset_close(column->values);
  sp_free(column);
}

static sp_status read_piece(sp_header_column *c, sp_global first, sp_local n, double *out) {
  SP_TRY(sp_dataset_read_independent(c->values, first, n, c->rows));
  sp_rows_to_double(sp_dataset_type(c->values), c->rows, n, out);
  if (!c->scalars) return SP_SUCCESS;
  SP_TRY(sp_dataset_read_independent(c->scalars, first, n, c->rows));
  sp_rows_to_double(sp_dataset_type(c->scalars), c->rows, n, c->scale);
  for (sp_local i = 0; i < n; i++) {
    const double scale = c->scale[i];
    if (scale >= -1e6 && scale <= 1e6) out[i] = sp_header_scaled(out[i], (int)scale);
  }
  return SP_SUCCESS;
}

sp_status sp_header_column_read(sp_header_column *column, sp_global first, sp_local n, double *out) {
  for (sp_local at = 0; at < n;) {
    const sp_local m = n - at < PIECE ? n - at : PIECE;
    SP_TRY(read_piece(column, first + at, m, out + at));
    at += m;
  }
  return SP_SUCCESS;
}

sp_status sp_header_column_read_all(sp_survey *survey, const char *name, double **out) {
  sp_header_column *column;
  void *values = NULL;
  SP_TRY(sp_header_column_open(survey, name, &column));
  const uint64_t rows = sp_dataset_rows(column->values);
  sp_status status = sp_alloc((rows + 1) * sizeof(double), "a header column", &values);
  SP_EACH_PIECE (piece, 0, rows, PIECE) {
    if (status != SP_SUCCESS) break;
    const uint64_t at = piece.first;
    const sp_local n = (sp_local)piece.count;
    status = read_piece(column, at, n, (double *)values + at);
  }
  sp_header_column_close(column);
  if (status == SP_SUCCESS) {
    *out = values;
  } else {
    sp_free(values);
  }
  return status;
}

sp_status sp_header_column_range(sp_header_column *column, double *least, double *most, sp_global *first_nan) {
  double *values = column->values_read;
  const uint64_t rows = sp_dataset_rows(column->values);
  double low = (double)NAN, high = (double)NAN;
  sp_global nan = rows;
  SP_EACH_PIECE (piece, 0, rows, PIECE) {
    const uint64_t at = piece.first;
    const sp_local n = (sp_local)piece.count;
    SP_TRY(read_piece(column, at, n, values));
    for (sp_local i = 0; i < n; i++) {
      low = fmin(low, values[i]); /* NaN gives way */
      high = fmax(high, values[i]);
      if (nan == rows && isnan(values[i])) nan = at + i;
    }
  }
  *least = low;
  *most = high;
  if (first_nan) *first_nan = nan;
  return SP_SUCCESS;
}

sp_status sp_header_column_finest_step(sp_header_column *column, double *step) {
  double finest = (double)INFINITY;
  const uint64_t rows = column->scalars ? sp_dataset_rows(column->values) : 0;
  SP_EACH_PIECE (piece, 0, rows, PIECE) {
    SP_TRY(sp_dataset_read_independent(column->scalars, piece.first, (sp_local)piece.count, column->rows));
    sp_rows_to_double(sp_dataset_type(column->scalars), column->rows, piece.count, column->scale);
    for (uint64_t i = 0; i < piece.count; i++) {
      const double scale = column->scale[i];
      finest = fmin(finest, scale >= -1e6 && scale <= 1e6 ? sp_header_scaled(1, (int)scale) : 1);
    }
  }
  *step = finest;
  return SP_SUCCESS;
}
