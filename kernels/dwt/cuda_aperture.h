/* SPDX-License-Identifier: BSD-3-Clause */
/* Thresholds estimated over neighbouring traces, on rows of coefficients. */
#ifndef SEISPROC_KERNELS_DWT_CUDA_APERTURE_H
#define SEISPROC_KERNELS_DWT_CUDA_APERTURE_H

#include "kernels/dwt/cuda_shape.h"

/* Shrinks rows[n_traces][row_stride] of the batch into `result`, of the same shape. Gathers too small for an aperture
 * are left out. Errors: SP_ERR_DEVICE. */
sp_status dwt_shrink_over_aperture(const dwt_shape *shape, int aperture, const sp_cuda_batch *batch, const float *rows,
                                   float *result, cudaStream_t stream);

#endif
