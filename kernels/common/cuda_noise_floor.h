/* SPDX-License-Identifier: BSD-3-Clause */
/* The floor of the f-k spectrum of gathers on the GPU: the twin of noise_floor.h, whose windows, order and precision it
 * has; only the transform is another, in double precision as there. */
#ifndef SEISPROC_KERNELS_CUDA_NOISE_FLOOR_H
#define SEISPROC_KERNELS_CUDA_NOISE_FLOOR_H

#include "kernels/cuda_processor.h"
extern "C" {
#include "kernels/common/noise_floor.h"
}

/* Device memory that the work on n gathers at once needs; float numbers are aligned to 16 bytes in it. */
size_t sp_cuda_floor_work_bytes(uint32_t n_gathers);

/* Launches. power[n][SP_FLOOR_BINS] of gathers first ... first + n - 1 of a batch, as sp_floor_of_gather. n_samples >=
 * SP_FLOOR_SAMPLES. */
sp_status sp_cuda_floor_of_gathers(const sp_cuda_batch *batch, uint32_t n_samples, uint32_t first, uint32_t n,
                                   void *work, double *power, cudaStream_t stream);

#endif
