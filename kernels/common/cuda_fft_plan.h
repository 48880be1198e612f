/* SPDX-License-Identifier: BSD-3-Clause */
/* Tables for the transforms of cuda_fft.cuh. */
#ifndef SEISPROC_KERNELS_CUDA_FFT_PLAN_H
#define SEISPROC_KERNELS_CUDA_FFT_PLAN_H

#include <cuda_runtime.h>

#include "kernels/common/cuda_fft.cuh"
extern "C" {
#include "seisproc/status.h"
}

/* Transforms of several lengths. */
typedef struct cuda_ffts {
  uint32_t n;
  cuda_fft *fft; /* [n], lengths ascending; device memory, as are their tables in one block: */
  void *tables;
} cuda_ffts;

/* Device memory of the tables. */
size_t cuda_ffts_bytes(const uint32_t *lengths, uint32_t n);

/* `lengths`: ascending, of the form 2^a 3^b 5^c 7^d, up to 65535. `most`: the largest radix,
 * 10, 15 or 16. Waits. Errors: as a plan of cuda_processor.h; then
 * nothing is left. */
sp_status cuda_ffts_create(const uint32_t *lengths, uint32_t n, uint32_t most, cuda_ffts *out);
void cuda_ffts_destroy(cuda_ffts *ffts);

#endif
