/* SPDX-License-Identifier: BSD-3-Clause */
/* Rows of datasets from one order to another, unit by unit in memory of fixed size.
 *
 * A unit is a run of rows of the output. Where it holds a large part of all rows, the input is read from its start to
 * its end and rows of the unit are kept; else rows are read in the input's order, neighbours together, after the kernel
 * was told which. In both cases they are put in their places in memory and written at once.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "seisproc/header_column.h"
#include "seisproc/memory.h"
#include "seisproc/share.h"
#include "src/cli/regroup.h"

static const uint64_t unit_bytes = 256 << 20; /* of rows that are held, and what is known of them */
static const uint64_t staging_bytes = 4 << 20;
static const uint64_t gap_bytes = 32 << 10; /* reading over a gap costs less than another read */
enum { DENSE = 8, GAP_ROWS = 8 };           /* a unit of 1/8 of all rows is read from all of them; gaps in short rows */

struct sp_mover {
  const sp_plane_list *planes; /* borrowed */
  sp_dataset *from[SP_REGROUP_MAX_PLANES], *to[SP_REGROUP_MAX_PLANES];
  int fd;           /* of the input, to tell the kernel what comes; -1: not */
  char *rows;       /* of a unit */
  char *staging;    /* rows as they come */
  uint64_t *places; /* sparse units: row of the input in the upper half, place in the unit in the lower */
};

/* --- planes ------------------------------------------------------------------------------------------------------- */

static sp_status add_plane(sp_survey *survey, const char *path, const uint32_t *source, sp_plane_list *list) {
  sp_dataset *d;
  if (list->n == SP_REGROUP_MAX_PLANES) return SP_RAISE(SP_ERR_INPUT, "more than %zu header columns", list->n);
  SP_TRY(sp_dataset_open(survey, path, &d));
  sp_plane *p = &list->plane[list->n++];
  *p = (sp_plane){.rows = sp_dataset_rows(d),
                  .row_bytes = sp_dataset_row_length(d) * sp_type_size(sp_dataset_type(d)),
                  .source = source};
  sp_dataset_close(d);
  snprintf(p->path, sizeof p->path, "%s", path);
  const uint64_t fits = unit_bytes / (p->row_bytes + sizeof(uint64_t)), most = fits ? fits : 1;
  p->unit_rows = p->rows < most ? p->rows : most;
  p->first_unit = list->n_units;
  p->n_units = p->unit_rows ? (p->rows + p->unit_rows - 1) / p->unit_rows : 0;
  list->n_units += p->n_units;
  list->bytes += p->rows * p->row_bytes;
  if (p->unit_rows > list->largest_rows) list->largest_rows = p->unit_rows;
  if (p->unit_rows * p->row_bytes > list->largest_unit) list->largest_unit = p->unit_rows * p->row_bytes;
  return SP_SUCCESS;
}

typedef struct plane_adder {
  sp_survey *survey;
  const uint32_t *source;
  sp_plane_list *list;
} plane_adder;

static sp_status visit(const char *path, void *context) {
  const plane_adder *a = context;
  return add_plane(a->survey, path, a->source, a->list);
}

static int compare_places(const void *a, const void *b) {
  const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

/* Samples that are kept exactly stand in the order of their traces. */
static sp_status order_exact(sp_survey *survey, const uint32_t *source, sp_plane_list *list) {
  const uint64_t n_traces = sp_survey_get_info(survey)->n_traces, n = list->n_exact;
  uint32_t *place = NULL;
  sp_dataset *d = NULL;
  sp_status status;
  SP_TRY_GOTO(out, sp_dataset_open(survey, SP_EXACT_GROUP "/traces", &d));
  SP_TRY_GOTO(out, sp_alloc(n_traces * sizeof *place, "places of traces", &place));
  SP_TRY_GOTO(out, sp_alloc(n * sizeof(uint64_t), "exact samples", &list->exact_traces));
  SP_TRY_GOTO(out, sp_alloc(n * sizeof(uint32_t), "exact samples", &list->exact_source));
  for (uint64_t i = 0; i < n_traces; i++) place[source[i]] = (uint32_t)i;
  SP_EACH_PIECE (piece, 0, n, 1 << 20) {
    SP_TRY_GOTO(out,
                sp_dataset_read_independent(d, piece.first, (sp_local)piece.count, list->exact_traces + piece.first));
  }
  for (uint64_t i = 0; i < n; i++) {
    const uint64_t trace = list->exact_traces[i];
    if (trace >= n_traces) {
      status = SP_RAISE(SP_ERR_INPUT, "%s: " SP_EXACT_GROUP "/traces names trace %llu of %llu", sp_dataset_file(d),
                        (unsigned long long)trace, (unsigned long long)n_traces);
      goto out;
    }
    list->exact_traces[i] = (uint64_t)place[trace] << 32 | (uint32_t)i;
  }
  qsort(list->exact_traces, n, sizeof(uint64_t), compare_places);
  for (uint64_t i = 0; i < n; i++) {
    list->exact_source[i] = (uint32_t)list->exact_traces[i];
    list->exact_traces[i] >>= 32;
  }
out:
  sp_free(place);
  sp_dataset_close(d);
  return status;
}

static sp_status add_exact(sp_survey *survey, const uint32_t *source, sp_plane_list *list) {
  sp_dataset *d;
  if (!sp_survey_has(survey, SP_EXACT_GROUP "/samples")) return SP_SUCCESS;
  SP_TRY(sp_dataset_open(survey, SP_EXACT_GROUP "/samples", &d));
  list->n_exact = sp_dataset_rows(d);
  sp_dataset_close(d);
  if (list->n_exact == 0 || list->n_exact > UINT32_MAX) return SP_SUCCESS;
  SP_TRY(order_exact(survey, source, list));
  return add_plane(survey, SP_EXACT_GROUP "/samples", list->exact_source, list);
}

sp_status sp_regroup_list_planes(sp_survey *survey, const uint32_t *source, sp_plane_list *out) {
  static const char *const samples[] = {"/traces", "/noise", "/hits"};
  plane_adder a = {survey, source, out};
  sp_status status = SP_SUCCESS;
  *out = (sp_plane_list){.n = 0};
  for (size_t i = 0; i < sizeof samples / sizeof samples[0] && status == SP_SUCCESS; i++) {
    if (sp_survey_has(survey, samples[i])) status = add_plane(survey, samples[i], source, out);
  }
  if (status == SP_SUCCESS) status = sp_survey_each_trace_dataset(survey, visit, &a);
  if (status == SP_SUCCESS) status = add_exact(survey, source, out);
  if (status != SP_SUCCESS) sp_regroup_clear_planes(out);
  return status;
}

void sp_regroup_clear_planes(sp_plane_list *list) {
  sp_free(list->exact_source);
  sp_free(list->exact_traces);
  *list = (sp_plane_list){.n = 0};
}

/* --- moving ------------------------------------------------------------------------------------------------------- */

sp_status sp_mover_create(const sp_plane_list *planes, sp_survey *from, sp_survey *to, sp_mover **out) {
  sp_mover *m;
  uint64_t row = 1;
  sp_status status;
  SP_TRY(sp_calloc(1, sizeof *m, "the move of traces", &m));
  m->planes = planes;
  m->fd = -1;
  for (size_t i = 0; i < planes->n; i++) {
    SP_TRY_GOTO(fail, sp_dataset_open(from, planes->plane[i].path, &m->from[i]));
    SP_TRY_GOTO(fail, sp_dataset_open(to, planes->plane[i].path, &m->to[i]));
    if (planes->plane[i].row_bytes > row) row = planes->plane[i].row_bytes;
  }
  if (planes->n) m->fd = open(sp_dataset_file(m->from[0]), O_RDONLY | O_CLOEXEC);
  SP_TRY_GOTO(fail, sp_alloc(planes->largest_unit, "traces", &m->rows));
  SP_TRY_GOTO(fail, sp_alloc(row > staging_bytes ? row : staging_bytes, "traces", &m->staging));
  SP_TRY_GOTO(fail, sp_alloc(planes->largest_rows * sizeof *m->places, "places of traces", &m->places));
  *out = m;
  return SP_SUCCESS;
fail:
  sp_mover_destroy(m);
  return status;
}

void sp_mover_destroy(sp_mover *m) {
  if (!m) return;
  for (size_t i = 0; i < SP_REGROUP_MAX_PLANES; i++) {
    sp_dataset_close(m->to[i]);
    sp_dataset_close(m->from[i]);
  }
  if (m->fd >= 0) close(m->fd);
  sp_free(m->rows);
  sp_free(m->staging);
  sp_free(m->places);
  sp_free(m);
}

static sp_status move_dense(sp_mover *m, sp_dataset *from_rows, const sp_plane *p, uint64_t first, uint64_t n) {
  const uint64_t fits = staging_bytes / p->row_bytes, block = fits ? fits : 1;
  for (uint64_t i = 0; i < n; i++) m->places[i] = (uint64_t)p->source[first + i] << 32 | i;
  if (n < p->rows) qsort(m->places, n, sizeof *m->places, compare_places);
  if (n == p->rows) { /* all of them: places by row of the input, without sorting */
    for (uint64_t i = 0; i < n; i++) m->places[p->source[i]] = i;
  }
  uint64_t at = 0;
  SP_EACH_PIECE (piece, 0, p->rows, block) {
    if (at == n) break;
    SP_TRY(sp_dataset_read_independent(from_rows, piece.first, (sp_local)piece.count, m->staging));
    for (; at < n; at++) {
      const uint64_t row = n == p->rows ? at : m->places[at] >> 32;
      if (row >= piece.first + piece.count) break;
      memcpy(m->rows + (uint32_t)m->places[at] * p->row_bytes, m->staging + (row - piece.first) * p->row_bytes,
             p->row_bytes);
    }
  }
  return SP_SUCCESS;
}

/* How many places from `i` on are read at once. */
static uint64_t neighbours(const sp_mover *m, const sp_plane *p, uint64_t i, uint64_t n) {
  const uint64_t start = m->places[i] >> 32, short_gap = GAP_ROWS * p->row_bytes;
  const uint64_t gap = short_gap < gap_bytes ? short_gap : gap_bytes;
  uint64_t k = i + 1;
  for (; k < n; k++) {
    const uint64_t row = m->places[k] >> 32, before = m->places[k - 1] >> 32;
    if ((row - before - 1) * p->row_bytes > gap || (row - start + 1) * p->row_bytes > staging_bytes) break;
  }
  return k - i;
}

static sp_status move_sparse(sp_mover *m, sp_dataset *from_rows, const sp_plane *p, uint64_t first, uint64_t n) {
  for (uint64_t i = 0; i < n; i++) m->places[i] = (uint64_t)p->source[first + i] << 32 | i;
  qsort(m->places, n, sizeof *m->places, compare_places);
  const bool announces = m->fd >= 0 && sp_dataset_is_native(from_rows);
  for (uint64_t i = 0, group; i < n && announces; i += group) {
    group = neighbours(m, p, i, n);
    const uint64_t from = m->places[i] >> 32, count = (m->places[i + group - 1] >> 32) - from + 1;
    posix_fadvise(m->fd, (off_t)(sp_dataset_file_offset(from_rows) + from * p->row_bytes),
                  (off_t)(count * p->row_bytes), POSIX_FADV_WILLNEED);
  }
  for (uint64_t i = 0, group; i < n; i += group) {
    group = neighbours(m, p, i, n);
    const uint64_t from = m->places[i] >> 32, count = (m->places[i + group - 1] >> 32) - from + 1;
    SP_TRY(sp_dataset_read_independent(from_rows, from, (sp_local)count, m->staging));
    for (uint64_t k = i; k < i + group; k++) {
      memcpy(m->rows + (uint32_t)m->places[k] * p->row_bytes, m->staging + ((m->places[k] >> 32) - from) * p->row_bytes,
             p->row_bytes);
    }
  }
  return SP_SUCCESS;
}

sp_status sp_mover_move(sp_mover *m, uint64_t unit) {
  size_t k = 0;
  while (unit >= m->planes->plane[k].first_unit + m->planes->plane[k].n_units) k++;
  const sp_plane *p = &m->planes->plane[k];
  const uint64_t first = (unit - p->first_unit) * p->unit_rows, left = p->rows - first;
  const uint64_t n = left < p->unit_rows ? left : p->unit_rows;
  SP_TRY(n * DENSE >= p->rows ? move_dense(m, m->from[k], p, first, n) : move_sparse(m, m->from[k], p, first, n));
  return sp_dataset_write_independent(m->to[k], first, (sp_local)n, m->rows);
}
