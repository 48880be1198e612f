/* SPDX-License-Identifier: BSD-3-Clause */
/* What the CUDA kernels of `dwt` know of a survey: the bank of the CPU version, and where coefficients lie.
 *
 * The arithmetic is that of the CPU version, multiply-add by multiply-add, so that results are the same bits: a
 * coefficient next to a hard threshold falls on the same side.
 */
#ifndef SEISPROC_KERNELS_DWT_CUDA_SHAPE_H
#define SEISPROC_KERNELS_DWT_CUDA_SHAPE_H

#include "kernels/cuda_processor.h"
extern "C" {
#include "kernels/dwt/cpu_filter_bank.h"
#include "kernels/dwt/dwt.h"
}

enum { DWT_SLOTS = SP_DWT_MAX_LEVEL + 2 };

typedef struct dwt_shape {
  sp_bank bank;
  bool lattice; /* else plain filters */
  int transform, levels, threshold, noise_level;
  double k, constant; /* constant: approximation of a trace of ones */
  uint32_t n_samples;
  uint32_t length[DWT_SLOTS]; /* of a band at each level; 0: the trace (swt: with its padding) */
  uint32_t start[DWT_SLOTS];  /* in a row. dwt, swt: of detail j, then the approximation; wpt: [1] of the first leaf,
                                 the approximation, [2] of the others */
  float gain[DWT_SLOTS], factor[DWT_SLOTS]; /* of the band that begins at start[j] */
  int n_bands;
  int approximation;        /* its position among the bands, from 1 */
  uint32_t row, row_stride; /* floats of a row; from row to row in device memory */
  /* dwt, wpt: a node's signal in a buffer, with room for its extension: where it begins, and from node to node */
  uint32_t front, node[DWT_SLOTS];
  uint32_t buffer[2]; /* floats of the buffers for even and odd levels */
  size_t work_floats; /* row and buffers, or counts in their place: what a block needs */
} dwt_shape;

/* For levels >= 1. */
void dwt_shape_init(dwt_shape *shape, const sp_dwt_params *params, uint32_t n_samples, int levels);

#endif
