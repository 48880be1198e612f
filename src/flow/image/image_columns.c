/* SPDX-License-Identifier: BSD-3-Clause */
/* What an image is as a survey: its datasets, and what is not samples of it, by point and class. */
#include <math.h>

#include "seisproc/dist.h"
#include "seisproc/memory.h"
#include "seisproc/share.h"
#include "src/flow/image/image_flow.h"

enum { PIECE = 1 << 16, INDEX_PIECE = 1024 };

typedef struct column {
  const char *path;
  sp_type type;
  const char *units;
} column;

enum { ILINE, XLINE, CDP, CDPX, CDPY, OFFSET, NHS, DELRT, COLUMNS };
static const column columns[COLUMNS] = {{"/headers/iline", SP_INT32, NULL}, {"/headers/xline", SP_INT32, NULL},
                                        {"/headers/cdp", SP_INT32, NULL},   {"/headers/cdpx", SP_FLOAT64, "m"},
                                        {"/headers/cdpy", SP_FLOAT64, "m"}, {"/headers/offset", SP_FLOAT64, "m"},
                                        {"/headers/nhs", SP_INT32, NULL},   {"/headers/delrt", SP_FLOAT64, "ms"}};

void sp_image_spec(const sp_image_shared *s, sp_output_spec *out) {
  const uint64_t points = sp_image_points(s), rows = points * s->n_classes;
  *out = (sp_output_spec){.info = {.n_traces = rows,
                                   .n_gathers = points,
                                   .n_samples = s->config.grid.n_tau,
                                   .sample_interval_us = 1e6 * s->config.grid.d_tau,
                                   .gather_key = "iline+xline",
                                   .content = "processed"}};
  sp_dataset_spec *d = out->datasets;
  size_t n = 0;
  d[n++] = (sp_dataset_spec){"/traces", SP_FLOAT32, rows, s->config.grid.n_tau, NULL};
  if (s->hits) d[n++] = (sp_dataset_spec){"/hits", SP_UINT32, rows, s->config.grid.n_tau, NULL};
  d[n++] = (sp_dataset_spec){"/gathers/first_trace", SP_UINT64, points + 1, 0, NULL};
  d[n++] = (sp_dataset_spec){"/gathers/key", SP_INT64, points, 0, NULL};
  d[n++] = (sp_dataset_spec){"/integrity/crc32c", SP_UINT32, points, 1, NULL};
  d[n++] = (sp_dataset_spec){"/integrity/status", SP_UINT8, points, 0, NULL};
  for (int c = 0; c < COLUMNS; c++) {
    d[n++] = (sp_dataset_spec){columns[c].path, columns[c].type, rows, 0, columns[c].units};
  }
  out->n_datasets = n;
}

/* --- headers ------------------------------------------------------------------------------------------------------ */

static int32_t line_number(const sp_image_shared *s, int axis, uint64_t i) {
  return (int32_t)lround(s->numbers.first[axis] + (double)i * s->numbers.step[axis]);
}

static double value_of(const sp_image_shared *s, int c, uint64_t row) {
  const sp_pstm_grid *grid = &s->config.grid;
  const uint64_t point = row / s->n_classes, ix = point % grid->n[0], iy = point / grid->n[0];
  const struct sp_image_class *k = &s->classes[row % s->n_classes];
  const double a = grid->azimuth * M_PI / 180, u = (double)ix * grid->step[0], v = (double)iy * grid->step[1];
  switch (c) {
  case ILINE:
    return line_number(s, 1, iy);
  case XLINE:
    return line_number(s, 0, ix);
  case CDP:
    return grid->n[1] == 1 ? line_number(s, 0, ix) : (double)(point + 1);
  case CDPX:
    return grid->origin[0] + u * sin(a) - v * cos(a);
  case CDPY:
    return grid->origin[1] + u * cos(a) + v * sin(a);
  case OFFSET:
    return k->offset;
  case NHS:
    return fmin((double)k->n_traces, INT32_MAX);
  default:
    return 1e3 * grid->tau_0;
  }
}

static sp_status write_piece(sp_dataset *dataset, const sp_image_shared *s, int c, uint64_t first, sp_local n,
                             void *rows) {
  for (sp_local i = 0; i < n; i++) {
    const double value = value_of(s, c, first + i);
    if (columns[c].type == SP_FLOAT64)
      ((double *)rows)[i] = value;
    else
      ((int32_t *)rows)[i] = (int32_t)value;
  }
  return sp_dataset_write_independent(dataset, first, n, rows);
}

static sp_status write_column(sp_survey *survey, const sp_image_shared *s, int c, const sp_ranks *ranks, void *rows) {
  const sp_share share = sp_ranks_share(ranks, sp_image_points(s) * s->n_classes);
  sp_dataset *dataset = NULL;
  sp_status status = sp_dataset_open(survey, columns[c].path, &dataset);
  SP_EACH_PIECE (piece, share.first, share.first + share.count, PIECE) {
    if (status == SP_SUCCESS) status = write_piece(dataset, s, c, piece.first, (sp_local)piece.count, rows);
  }
  sp_dataset_close(dataset);
  return status;
}

/* Rank 0: where gathers begin, and their keys. */
static sp_status write_index(sp_survey *survey, const sp_image_shared *s, int rank) {
  const uint64_t points = sp_image_points(s);
  sp_dataset *first = NULL, *key = NULL;
  sp_status status = sp_dataset_open(survey, "/gathers/first_trace", &first);
  if (status == SP_SUCCESS) status = sp_dataset_open(survey, "/gathers/key", &key);
  uint64_t starts[INDEX_PIECE];
  int64_t keys[INDEX_PIECE];
  SP_EACH_PIECE (p, 0, rank == 0 ? points + 1 : 0, INDEX_PIECE) {
    if (status != SP_SUCCESS) break;
    sp_local n_keys = 0;
    for (uint64_t i = 0; i < p.count; i++) {
      const uint64_t point = p.first + i;
      starts[i] = point * s->n_classes;
      if (point == points) continue;
      const int64_t il = line_number(s, 1, point / s->config.grid.n[0]),
                    xl = line_number(s, 0, point % s->config.grid.n[0]);
      keys[n_keys++] = (int64_t)((uint64_t)il << 32 | (uint32_t)xl);
    }
    status = sp_dataset_write_independent(first, p.first, (sp_local)p.count, starts);
    if (status == SP_SUCCESS && n_keys) status = sp_dataset_write_independent(key, p.first, n_keys, keys);
  }
  sp_dataset_close(key);
  sp_dataset_close(first);
  return status;
}

sp_status sp_image_write_columns(sp_survey *survey, const sp_image_shared *s, const sp_ranks *ranks,
                                 sp_activity *activity) {
  void *rows = NULL;
  sp_status status = sp_ranks_agree(ranks, sp_alloc(PIECE * sizeof(double), "headers", &rows));
  for (int c = 0; c < COLUMNS && status == SP_SUCCESS; c++) {
    status = sp_ranks_agree(ranks, write_column(survey, s, c, ranks, rows));
    sp_activity_step(activity);
  }
  if (status == SP_SUCCESS) status = sp_ranks_agree(ranks, write_index(survey, s, ranks->rank));
  const double start = value_of(s, DELRT, 0);
  if (status == SP_SUCCESS) status = sp_ranks_agree(ranks, sp_survey_start_times(survey, start, ranks->rank == 0));
  sp_free(rows);
  return status;
}
