/* SPDX-License-Identifier: BSD-3-Clause */
/* A gather into boxes. In 2-D a new one begins where the header `line` changes, and behind a gap: a distance from trace
 * to trace of more than three times the median, measured between sources and between receivers at once. On a grid the
 * distinct values of a header are the nodes of an axis, and a gap is one between neighbouring values.
 */
#include <math.h>
#include <string.h>

#include "kernels/fk_denoise/cpu.h"

/* Moves x[root] down until it is not less than what is below it in the heap of n values. */
static void sink(double *x, uint32_t root, uint32_t n) {
  for (uint32_t child; (child = 2 * root + 1) < n; root = child) {
    if (child + 1 < n && x[child] < x[child + 1]) child++;
    if (x[root] >= x[child]) return;
    const double swap = x[root];
    x[root] = x[child];
    x[child] = swap;
  }
}

/* Heapsort, for qsort may allocate. */
static void sort(double *x, uint32_t n) {
  for (uint32_t i = n / 2; i-- > 0;) sink(x, i, n);
  for (uint32_t left = n; left-- > 1;) {
    const double swap = x[0];
    x[0] = x[left];
    x[left] = swap;
    sink(x, 0, left);
  }
}

/* The lower median of n values, which are sorted. */
static double median(double *values, uint32_t n) {
  sort(values, n);
  return values[(n - 1) / 2];
}

/* Where `value` is among n sorted ones. */
static uint32_t find(const double *sorted, uint32_t n, double value) {
  uint32_t low = 0;
  for (uint32_t high = n; high - low > 1;) {
    const uint32_t middle = low + (high - low) / 2;
    if (sorted[middle] <= value) {
      low = middle;
    } else {
      high = middle;
    }
  }
  return low;
}

static void add_box(sp_fkd_boxes *b, uint32_t first, uint32_t n_i, uint32_t n_j) {
  b->first[b->n] = first;
  b->n_i[b->n] = n_i;
  b->n_j[b->n] = n_j;
  b->n++;
}

/* --- 2-D ---------------------------------------------------------------------------------------------------------- */

/* From a trace to the one before it; NAN where a position is missing. */
static double distance(const double *const *headers, uint32_t trace) {
  double sum = 0;
  for (int k = 0; k < 4; k++) {
    const double step = headers[k][trace] - headers[k][trace - 1];
    sum += step * step;
  }
  return sqrt(sum);
}

/* Distances above this are gaps; INFINITY where positions tell nothing. */
static double widest_step(const double *const *headers, uint32_t n, double *sorted) {
  uint32_t known = 0;
  for (uint32_t i = 1; i < n; i++) {
    const double d = distance(headers, i);
    if (isfinite(d)) sorted[known++] = d;
  }
  const double middle = known ? median(sorted, known) : 0;
  return middle > 0 ? SP_FKD_MAX_GAP * middle : INFINITY;
}

static sp_reason cut_lines(const sp_fkd_params *p, uint32_t n, const double *const *headers, sp_fkd_boxes *b) {
  const double *line = p->line.n ? headers[4] : NULL;
  const double widest = headers && headers[0] ? widest_step(headers, n, b->sorted) : INFINITY;
  uint32_t first = 0;
  for (uint32_t i = 0; i < n; i++) {
    b->node[i] = (int32_t)i;
    if (line && !isfinite(line[i])) return SP_REASON_GEOMETRY;
    if (i == 0) continue;
    const bool gap = isfinite(widest) && distance(headers, i) > widest;
    if (!gap && !(line && line[i] != line[i - 1])) continue;
    add_box(b, first, 1, i - first);
    first = i;
  }
  add_box(b, first, 1, n - first);
  return SP_REASON_OK;
}

/* --- grid --------------------------------------------------------------------------------------------------------- */

/* Ranks of n values among the distinct ones, which are left sorted; returns how many there are, 0 where a value is no
 * number. */
static uint32_t rank_values(const double *values, uint32_t n, double *sorted, uint32_t *rank) {
  uint32_t distinct = 0;
  for (uint32_t i = 0; i < n; i++) {
    if (!isfinite(values[i])) return 0;
    sorted[i] = values[i];
  }
  sort(sorted, n);
  for (uint32_t i = 0; i < n; i++) {
    if (i == 0 || sorted[i] != sorted[distinct - 1]) sorted[distinct++] = sorted[i];
  }
  for (uint32_t i = 0; i < n; i++) rank[i] = find(sorted, distinct, values[i]);
  return distinct;
}

/* Where an axis of distinct values is cut: ends[0 ... returned - 1], the last of them n. */
static uint32_t cut_axis(const double *values, uint32_t n, double *work, uint32_t *ends) {
  uint32_t cuts = 0;
  for (uint32_t i = 1; i < n; i++) work[i - 1] = values[i] - values[i - 1];
  const double widest = n > 1 ? SP_FKD_MAX_GAP * median(work, n - 1) : INFINITY;
  for (uint32_t i = 1; i < n; i++) {
    if (values[i] - values[i - 1] > widest) ends[cuts++] = i;
  }
  ends[cuts++] = n;
  return cuts;
}

/* An axis of a grid: ranks of the traces, and its parts. */
typedef struct grid_axis {
  uint32_t n, parts;
  uint32_t *rank, *ends;
} grid_axis;

static grid_axis make_axis(const double *values, uint32_t n, double *sorted, uint32_t *rank, uint32_t *ends) {
  grid_axis a = {.n = rank_values(values, n, sorted, rank), .rank = rank, .ends = ends};
  if (a.n) a.parts = cut_axis(sorted, a.n, sorted + n, ends);
  return a;
}

static uint32_t part_of(const grid_axis *a, uint32_t rank) {
  uint32_t part = 0;
  while (a->ends[part] <= rank) part++;
  return part;
}

static uint32_t part_start(const grid_axis *a, uint32_t part) {
  return part ? a->ends[part - 1] : 0;
}

/* The boxes of a grid, the longer axis of the gather as j, with no trace in them yet. */
static void lay_out(const grid_axis *i, const grid_axis *j, sp_fkd_boxes *b) {
  uint32_t first = 0;
  for (uint32_t k = 0; k < i->parts; k++) {
    for (uint32_t m = 0; m < j->parts; m++) {
      const uint32_t n_i = i->ends[k] - part_start(i, k), n_j = j->ends[m] - part_start(j, m);
      add_box(b, first, n_i, n_j);
      first += n_i * n_j;
    }
  }
  for (uint32_t k = 0; k < first; k++) b->node[k] = -1;
}

static sp_reason cut_grid(uint32_t n, const double *const *headers, sp_fkd_boxes *b) {
  uint32_t *ends = b->rank_j + b->room;
  grid_axis i = make_axis(headers[0], n, b->sorted, b->rank_i, ends);
  grid_axis j = make_axis(headers[1], n, b->sorted, b->rank_j, ends + b->room);
  if (i.n == 0 || j.n == 0 || (uint64_t)i.n * j.n > (uint64_t)SP_FKD_MAX_EMPTY * n) return SP_REASON_GEOMETRY;
  if (i.n > j.n) {
    const grid_axis swap = i;
    i = j;
    j = swap;
  }
  lay_out(&i, &j, b);
  for (uint32_t trace = 0; trace < n; trace++) {
    const uint32_t k = part_of(&i, i.rank[trace]), m = part_of(&j, j.rank[trace]), box = k * j.parts + m;
    const uint32_t at = (i.rank[trace] - part_start(&i, k)) * b->n_j[box] + j.rank[trace] - part_start(&j, m);
    int32_t *node = &b->node[b->first[box] + at];
    if (*node >= 0) return SP_REASON_GEOMETRY;
    *node = (int32_t)trace;
  }
  return SP_REASON_OK;
}

sp_reason sp_fkd_cut(const sp_fkd_params *params, uint32_t n_traces, const double *const *headers,
                     sp_fkd_boxes *boxes) {
  boxes->n = 0;
  return params->grid.n ? cut_grid(n_traces, headers, boxes) : cut_lines(params, n_traces, headers, boxes);
}
