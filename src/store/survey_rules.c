/* SPDX-License-Identifier: BSD-3-Clause */
/* What each dataset of a survey file must be (docs/format.md): one table, by path. */
#include <string.h>

#include "src/store/h5.h"

enum { ANY_LENGTH = 0 };

/* Numbers of rows that depend on the survey. */
typedef enum row_count { ANY_ROWS, A_TRACE, A_GATHER, A_GATHER_AND_ONE, TEXT_HEADER, BINARY_HEADER } row_count;

typedef struct rule {
  const char *path; /* a '/' at the end: everything below */
  sp_type type;
  bool any_type, exact;
  int n_dims; /* 0: 1 or 2 */
  row_count rows;
  bool samples; /* a row is as long as a trace */
} rule;

static const rule rules[] = {
    {"/traces", SP_FLOAT32, .exact = true, .n_dims = 2, .rows = A_TRACE, .samples = true},
    {"/noise", SP_FLOAT32, .exact = true, .n_dims = 2, .rows = A_TRACE, .samples = true},
    {SP_SCALE_GROUP "/error", SP_FLOAT32, .n_dims = 1, .rows = A_GATHER},
    {SP_SCALE_GROUP "/error_of_rms", SP_FLOAT32, .n_dims = 1, .rows = A_GATHER},
    {SP_SCALE_GROUP "/", SP_FLOAT32, .n_dims = 1, .rows = A_TRACE},
    {"/sort_map", SP_UINT64, .n_dims = 1, .rows = A_TRACE},
    {"/headers/", SP_FLOAT64, .any_type = true, .n_dims = 1, .rows = A_TRACE},
    {"/gathers/first_trace", SP_UINT64, .n_dims = 1, .rows = A_GATHER_AND_ONE},
    {"/gathers/key", SP_INT64, .n_dims = 1, .rows = A_GATHER},
    {"/integrity/crc32c", SP_UINT32, .rows = A_GATHER},
    {"/integrity/status", SP_UINT8, .n_dims = 1, .rows = A_GATHER},
    {"/integrity/trace_crc32c", SP_UINT32, .rows = A_TRACE},
    {"/integrity/trace_status", SP_UINT8, .n_dims = 1, .rows = A_TRACE},
    {"/qc/gather/ampspec_", SP_FLOAT32, .n_dims = 2, .rows = A_GATHER},
    {"/qc/gather/", SP_FLOAT32, .n_dims = 1, .rows = A_GATHER},
    {"/qc/trace/", SP_FLOAT32, .n_dims = 1, .rows = A_TRACE},
    {"/segy/text_header", SP_UINT8, .n_dims = 1, .rows = TEXT_HEADER},
    {"/segy/binary_header", SP_UINT8, .n_dims = 1, .rows = BINARY_HEADER},
    {"/segy/trace_", SP_UINT8, .n_dims = 2, .rows = A_TRACE},
    {"/segy/exact/traces", SP_UINT64, .n_dims = 1, .rows = ANY_ROWS},
    {"/segy/exact/samples", SP_UINT8, .n_dims = 2, .rows = ANY_ROWS},
    {"/segy/", SP_UINT8, .n_dims = 1, .rows = ANY_ROWS},
};

static uint64_t count_rows(const sp_survey *survey, row_count rows) {
  switch (rows) {
  case ANY_ROWS:
    return UINT64_MAX;
  case A_TRACE:
    return survey->file_traces;
  case A_GATHER:
    return survey->file_gathers;
  case A_GATHER_AND_ONE: /* UINT64_MAX while the survey is being opened */
    return survey->file_gathers + 1;
  case TEXT_HEADER:
    return 3200;
  case BINARY_HEADER:
    return 400;
  }
  return UINT64_MAX;
}

static sp_row_unit unit_of(row_count rows) {
  return rows == A_TRACE            ? SP_ROWS_TRACES
         : rows == A_GATHER         ? SP_ROWS_GATHERS
         : rows == A_GATHER_AND_ONE ? SP_ROWS_FIRST_TRACES
                                    : SP_ROWS_OTHER;
}

static bool is_for(const rule *r, const char *path) {
  const size_t n = strlen(r->path);
  const char end = r->path[n - 1];
  return end == '/' || end == '_' ? !strncmp(path, r->path, n) : !strcmp(path, r->path);
}

sp_dataset_rule sp_dataset_rule_for(const sp_survey *survey, const char *path) {
  for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
    const rule *r = &rules[i];
    if (!is_for(r, path)) continue;
    return (sp_dataset_rule){.type = r->type,
                             .any_type = r->any_type,
                             .exact = r->exact,
                             .n_dims = r->n_dims,
                             .rows = count_rows(survey, r->rows),
                             .row_length = r->samples ? survey->info.n_samples : ANY_LENGTH,
                             .unit = unit_of(r->rows)};
  }
  return (sp_dataset_rule){.any_type = true, .rows = UINT64_MAX};
}
