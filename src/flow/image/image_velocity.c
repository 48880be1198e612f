/* SPDX-License-Identifier: BSD-3-Clause */
/* Velocities of an image that are given as a survey: a trace a position, whose samples are values at two-way times from
 * `delrt` on. A position is iline and xline where these vary, else cdpx and cdpy, else cdp; one trace holds everywhere.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "kernels/common/length_unit.h"
#include "seisproc/header_column.h"
#include "seisproc/memory.h"
#include "seisproc/trace_store.h"
#include "src/flow/image/image_flow.h"

enum { MOST_SAMPLES = 1 << 26, LOOKED_AT = 512 };

/* --- what the file is --------------------------------------------------------------------------------------------- */

typedef enum file_kind { TEXT, SURVEY, OTHER } file_kind;

/* Printed characters and white space; other letters in comments and as a byte order mark. */
static bool is_table(const unsigned char *start, size_t n) {
  bool comment = false;
  for (size_t i = n >= 3 && !memcmp(start, "\xef\xbb\xbf", 3) ? 3 : 0; i < n; i++) {
    comment = start[i] != '\n' && (comment || start[i] == '#');
    if (start[i] == 0x7f || (start[i] > 0x7f && !comment)) return false;
    if (start[i] < ' ' && !memchr("\t\r\n", start[i], 3)) return false;
  }
  return true;
}

static sp_status look_at(const char *path, file_kind *kind) {
  static const unsigned char signature[8] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};
  unsigned char start[LOOKED_AT];
  FILE *file = fopen(path, "rb");
  if (!file) return SP_RAISE(SP_ERR_INPUT, "%s: %s", path, strerror(errno));
  const size_t n = fread(start, 1, sizeof start, file);
  const int error = ferror(file) ? errno : 0;
  fclose(file);
  if (error) return SP_RAISE(SP_ERR_INPUT, "%s: %s", path, strerror(error));
  *kind = is_table(start, n) ? TEXT : OTHER;
  if (n >= sizeof signature && !memcmp(start, signature, sizeof signature)) *kind = SURVEY;
  return SP_SUCCESS;
}

/* --- positions -------------------------------------------------------------------------------------------------------
 */

/* Brings coordinates to metres, and refuses those that are no lengths. */
static sp_status convert(const sp_survey *survey, const char *path, uint64_t n, double *values) {
  char *units = NULL;
  SP_TRY(sp_survey_find_text(survey, path, "units", &units));
  sp_status status = SP_SUCCESS;
  if (units && !strcmp(units, "ft")) {
    for (uint64_t i = 0; i < n; i++) values[i] *= SP_METRES_A_FOOT;
  } else if (units && *units && strcmp(units, "m") != 0 && strcmp(units, "m or ft") != 0) {
    status = SP_RAISE(SP_ERR_INPUT, "velocities: %s is in '%.16s', allowed are m and ft", path, units);
  }
  sp_free(units);
  return status;
}

/* A column, all zero where the survey has none. */
static sp_status read_column(sp_survey *survey, const char *name, uint64_t n, double *out, bool *varies) {
  char path[SP_NAME_LENGTH + 16];
  double *values = NULL;
  memset(out, 0, n * sizeof *out);
  *varies = false;
  snprintf(path, sizeof path, "/headers/%s", name);
  if (!sp_survey_has(survey, path)) return SP_SUCCESS;
  sp_status status = sp_header_column_read_all(survey, name, &values);
  if (status == SP_SUCCESS && !strncmp(name, "cdp", 3) && name[3]) status = convert(survey, path, n, values);
  for (uint64_t i = 0; status == SP_SUCCESS && i < n; i++) {
    out[i] = values[i];
    *varies = *varies || out[i] != out[0];
  }
  sp_free(values);
  return status;
}

static sp_status set_positions(sp_survey *survey, const char *path, double *values, sp_velocity_table *t) {
  static const struct {
    sp_velocity_by by;
    const char *x, *y;
  } ways[] = {{SP_VELOCITY_BY_LINES, "xline", "iline"},
              {SP_VELOCITY_BY_PLACE, "cdpx", "cdpy"},
              {SP_VELOCITY_BY_CDP, "cdp", NULL}};
  const uint32_t n = t->n_functions;
  memset(t->position, 0, n * sizeof *t->position);
  t->by = SP_VELOCITY_BY_NOTHING;
  if (n == 1) return SP_SUCCESS;
  for (size_t w = 0; w < sizeof ways / sizeof *ways; w++) {
    const char *const names[2] = {ways[w].x, ways[w].y};
    bool varies = false;
    for (int k = 0; k < 2 && names[k]; k++) {
      bool one;
      SP_TRY(read_column(survey, names[k], n, values, &one));
      varies = varies || one;
      for (uint32_t i = 0; i < n; i++) t->position[i][k] = values[i];
    }
    t->by = ways[w].by;
    if (varies) return SP_SUCCESS;
  }
  return SP_RAISE(
      SP_ERR_INPUT,
      "%s: neither iline, xline nor cdpx, cdpy nor cdp tell its traces apart: where do its velocities hold?", path);
}

/* --- values ------------------------------------------------------------------------------------------------------- */

static sp_status allocate(sp_velocity_table *t, uint64_t n, uint32_t n_samples) {
  t->n_functions = (uint32_t)n;
  SP_TRY(sp_alloc(n * sizeof *t->position, "a survey of velocities", &t->position));
  SP_TRY(sp_alloc((n + 1) * sizeof *t->first, "a survey of velocities", &t->first));
  SP_TRY(sp_alloc(n * n_samples * sizeof *t->time, "a survey of velocities", &t->time));
  return sp_alloc(n * n_samples * sizeof *t->value, "a survey of velocities", &t->value);
}

static sp_status set_values(sp_survey *survey, double *values, sp_velocity_table *t) {
  const sp_survey_info *info = sp_survey_get_info(survey);
  const uint32_t n_samples = info->n_samples;
  float *row = NULL;
  sp_trace_source *source = NULL;
  bool varies;
  SP_TRY(sp_header_column_check_time(survey, "delrt"));
  SP_TRY(read_column(survey, "delrt", t->n_functions, values, &varies));
  sp_status status = sp_trace_source_open(survey, "/traces", &source);
  if (status == SP_SUCCESS) status = sp_alloc(n_samples * sizeof *row, "a trace of velocities", &row);
  for (uint32_t i = 0; status == SP_SUCCESS && i < t->n_functions; i++) {
    status = sp_trace_source_read_independent(source, i, 1, row);
    t->first[i] = i * n_samples;
    for (uint32_t k = 0; status == SP_SUCCESS && k < n_samples; k++) {
      t->time[t->first[i] + k] = 1e-3 * values[i] + 1e-6 * info->sample_interval_us * k;
      t->value[t->first[i] + k] = (double)row[k];
    }
  }
  t->first[t->n_functions] = t->n_functions * n_samples;
  sp_free(row);
  sp_trace_source_close(source);
  return status;
}

static sp_status read_survey(const char *path, const sp_velocity_range *range, sp_velocity_table *t) {
  sp_survey *survey = NULL;
  double *values = NULL;
  SP_TRY(sp_survey_open(MPI_COMM_NULL, path, false, &survey));
  const sp_survey_info *info = sp_survey_get_info(survey);
  const uint64_t n = info->n_traces, samples = n * info->n_samples;
  sp_status status = SP_SUCCESS;
  if (n == 0 || n > MOST_SAMPLES || samples > MOST_SAMPLES) {
    status =
        SP_RAISE(SP_ERR_INPUT, "%s: %llu samples of velocities, allowed are 1 to %d: fewer positions or times will do",
                 path, (unsigned long long)samples, MOST_SAMPLES);
  }
  if (status == SP_SUCCESS) status = allocate(t, n, info->n_samples);
  if (status == SP_SUCCESS) status = sp_alloc(n * sizeof *values, "a header column", &values);
  if (status == SP_SUCCESS) status = set_positions(survey, path, values, t);
  if (status == SP_SUCCESS) status = set_values(survey, values, t);
  sp_free(values);
  sp_survey_close(survey);
  snprintf(t->name, sizeof t->name, "%s", path);
  return status == SP_SUCCESS ? sp_velocity_check(t, range) : status;
}

sp_status sp_image_velocity(const char *path, const sp_velocity_range *range, sp_velocity_table *table) {
  file_kind kind;
  *table = (sp_velocity_table){0};
  SP_TRY(look_at(path, &kind));
  if (kind == TEXT) return sp_velocity_read(path, range, table);
  if (kind == OTHER) {
    return SP_RAISE(SP_ERR_INPUT, "%s: neither a text table nor a survey; SEG-Y of velocities is imported first", path);
  }
  const sp_status status = read_survey(path, range, table);
  if (status != SP_SUCCESS) sp_velocity_table_free(table);
  return status;
}
