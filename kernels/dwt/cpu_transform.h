/* SPDX-License-Identifier: BSD-3-Clause */
/* The three transforms of `dwt` on one trace: where coefficients lie, forward, inverse.
 *
 * The coefficients of a trace are a row of bands. dwt and swt: detail 1 (the finest) ... detail `levels`, then the
 * approximation. wpt: the leaves of the full tree in the order of their paths (low before high), or with a best
 * basis all nodes of the tree, level by level. Stored coefficients are the true ones times the band's gain; before
 * the inverse they are multiplied by its factor (filter_bank.h says why).
 */
#ifndef SEISPROC_KERNELS_DWT_CPU_TRANSFORM_H
#define SEISPROC_KERNELS_DWT_CPU_TRANSFORM_H

#include "kernels/dwt/cpu_filter_bank.h"
#include "kernels/dwt/cpu_shrink.h"
#include "kernels/dwt/dwt.h"

typedef struct sp_dwt_layout {
  sp_bank bank;
  const sp_shrink_functions *vector;
  int transform, levels;
  bool best_basis;
  size_t n_samples, padded;            /* a trace; swt: with its padding */
  size_t length[SP_DWT_MAX_LEVEL + 1]; /* of a band at each level; 0: the trace */
  size_t start[SP_DWT_MAX_LEVEL + 2];  /* dwt, swt: of detail j; of the approximation at levels + 1 */
  double gain[SP_DWT_MAX_LEVEL + 1], factor[SP_DWT_MAX_LEVEL + 1]; /* of a band at each level */
  size_t leaf_stride, tree_stride;   /* wpt: from leaf to leaf; from level to level of a whole tree */
  size_t row_floats, scratch_floats; /* to be allocated for a row, and for a thread, set to zero */
  size_t buffer_floats, tree_floats; /* within the scratch */
} sp_dwt_layout;

/* `count` bands of `length` coefficients, `stride` apart: the same level, so the same gain. */
typedef struct sp_dwt_band {
  size_t start, length, stride, count;
  bool kept; /* the approximation: not thresholded */
  float gain, factor;
} sp_dwt_band;

/* For levels >= 1. */
void sp_dwt_layout_init(sp_dwt_layout *layout, const sp_dwt_params *params, size_t n_samples, int levels, sp_isa isa);

/* Most bands that a row can have, and bytes of `split`, one a node of the packet tree (0 without a best basis). */
size_t sp_dwt_max_bands(const sp_dwt_layout *layout);
size_t sp_dwt_split_bytes(const sp_dwt_layout *layout);

/* Trace to row. `split` says which packet nodes the best basis divides. All are borrowed. */
void sp_dwt_forward(const sp_dwt_layout *layout, const float *in, float *row, unsigned char *split, float *scratch);

/* Row, changed, to trace. `stream`: past the caches where that is possible. */
void sp_dwt_inverse(const sp_dwt_layout *layout, float *row, const unsigned char *split, float *out, bool stream,
                    float *scratch);

/* Lists the bands of a row; returns their number. */
size_t sp_dwt_bands(const sp_dwt_layout *layout, const unsigned char *split, sp_dwt_band *bands);

#endif
