/* SPDX-License-Identifier: BSD-3-Clause */
/* The automatic gain of gain.h on the GPU, by a block of threads. */
#ifndef SEISPROC_KERNELS_CUDA_GAIN_CUH
#define SEISPROC_KERNELS_CUDA_GAIN_CUH

#include <stdint.h>

enum { GAIN_MAX_THREADS = 256 };

/* Sums of squares up to each sample: sums[0] = 0, sums[i + 1] with sample i. Every thread has a piece; pieces are added
 * up in order, so the result is the same on every run. */
__device__ static inline void gain_sums(const float *x, uint32_t n, double *sums, double *pieces) {
  const uint32_t piece = (n + blockDim.x - 1) / blockDim.x, first = threadIdx.x * piece;
  const uint32_t end = first + piece < n ? first + piece : n;
  double sum = 0;
  for (uint32_t i = first; i < end; i++) sum += (double)x[i] * x[i];
  pieces[threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.x == 0) {
    double before = 0;
    for (unsigned t = 0; t < blockDim.x; t++) {
      const double own = pieces[t];
      pieces[t] = before;
      before += own;
    }
    sums[0] = 0;
  }
  __syncthreads();
  sum = pieces[threadIdx.x];
  for (uint32_t i = first; i < end; i++) {
    sum += (double)x[i] * x[i];
    sums[i + 1] = sum;
  }
  __syncthreads();
}

__device__ static inline float gain_at(const double *sums, uint32_t n, uint32_t half, uint32_t i) {
  const uint32_t first = i > half ? i - half : 0, end = n - i > half + 1 ? i + half + 1 : n;
  const double mean = (sums[end] - sums[first]) / (end - first), floor = 1e-4 * sums[n] / n;
  return sums[n] > 0 ? (float)(1 / sqrt((mean > 0 ? mean : 0) + floor)) : 1;
}

#endif
