/* SPDX-License-Identifier: BSD-3-Clause */
/* Sorting the traces of a gather by header values. Pure functions. */
#ifndef SEISPROC_TRACE_SORT_H
#define SEISPROC_TRACE_SORT_H

#include <stddef.h>

#include "seisproc/gather_index.h"

/* Stable order of n traces by `n_keys` columns, the first the most significant, ascending; NaN sorts last.
 * keys[k][i] is key k of trace i. On return order[i] is the trace that comes i-th. `scratch` holds n entries.
 * Allocates nothing; O(n log n), O(n) where the traces are in order already. */
void sp_trace_sort(const double *const *keys, size_t n_keys, sp_local n, sp_local *order, sp_local *scratch);

/* Moves rows so that row i becomes what was row order[i], in place, with one spare row. `visited` holds n bytes. */
void sp_trace_permute(void *rows, size_t row_bytes, const sp_local *order, sp_local n, void *spare_row,
                      unsigned char *visited);

#endif
