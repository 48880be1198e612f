/* SPDX-License-Identifier: BSD-3-Clause */
#include "seisproc/trace_sort.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

enum { INSERTION = 16 }; /* below this length, insertion sort beats merging */

typedef struct key_columns {
  const double *const *column;
  size_t n;
} key_columns;

/* Whether x comes strictly after y; without branches, which would be mispredicted half of the time. */
static inline bool value_after(double x, double y) {
  return (x > y) | ((x != x) & (y == y));
}

/* Whether trace a comes strictly after trace b. */
static inline bool after(const key_columns *keys, sp_local a, sp_local b) {
  if (keys->n == 1) return value_after(keys->column[0][a], keys->column[0][b]);
  for (size_t k = 0; k < keys->n; k++) {
    const double x = keys->column[k][a], y = keys->column[k][b];
    if (value_after(x, y)) return true;
    if (value_after(y, x)) return false;
  }
  return false;
}

static void sort_short(const key_columns *keys, sp_local *order, sp_local n) {
  for (sp_local i = 1; i < n; i++) {
    const sp_local moving = order[i];
    sp_local j = i;
    for (; j > 0 && after(keys, order[j - 1], moving); j--) order[j] = order[j - 1];
    order[j] = moving;
  }
}

/* Merges order[0 ... middle) and order[middle ... n), each in order; the left part goes through `scratch`. */
static void merge(const key_columns *keys, sp_local *order, sp_local middle, sp_local n, sp_local *scratch) {
  memcpy(scratch, order, middle * sizeof *order);
  sp_local left = 0, right = middle, out = 0;
  while (left < middle && right < n) {
    const bool take_right = after(keys, scratch[left], order[right]);
    order[out++] = take_right ? order[right] : scratch[left];
    right += take_right;
    left += !take_right;
  }
  memcpy(order + out, scratch + left, (middle - left) * sizeof *order);
}

void sp_trace_sort(const double *const *keys, size_t n_keys, sp_local n, sp_local *order, sp_local *scratch) {
  const key_columns columns = {keys, n_keys};
  for (sp_local i = 0; i < n; i++) order[i] = i;
  for (sp_local i = 0; i < n; i += n - i < INSERTION ? n - i : INSERTION) {
    sort_short(&columns, order + i, n - i < INSERTION ? n - i : INSERTION);
  }
  for (size_t width = INSERTION; width < n; width *= 2) {
    for (size_t i = 0; i + width < n; i += 2 * width) {
      const sp_local length = (sp_local)(n - i < 2 * width ? n - i : 2 * width);
      if (!after(&columns, order[i + width - 1], order[i + width])) continue; /* in order already */
      merge(&columns, order + i, (sp_local)width, length, scratch);
    }
  }
}

void sp_trace_permute(void *rows, size_t row_bytes, const sp_local *order, sp_local n, void *spare_row,
                      unsigned char *visited) {
  char *row = rows;
  memset(visited, 0, n);
  for (sp_local start = 0; start < n; start++) {
    if (visited[start] || order[start] == start) continue;
    memcpy(spare_row, row + start * row_bytes, row_bytes);
    sp_local to = start;
    while (order[to] != start) {
      assert(order[to] < n && !visited[order[to]]);
      memcpy(row + to * row_bytes, row + order[to] * row_bytes, row_bytes);
      visited[to] = 1;
      to = order[to];
    }
    memcpy(row + to * row_bytes, spare_row, row_bytes);
    visited[to] = 1;
  }
}
