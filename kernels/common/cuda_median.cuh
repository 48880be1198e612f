/* SPDX-License-Identifier: BSD-3-Clause */
/* The exact median of magnitudes, by a block of threads.
 *
 * Magnitudes are ordered as their bits are. A bracket around the wanted ranks is narrowed by counting against three
 * pivots at a time, at first around where the median of noise lies, then by quarters of the bracket; what is left in
 * it, at most a warp of values, is ranked by one warp. The result does not depend on the pivots, nor on the threads.
 */
#ifndef SEISPROC_KERNELS_CUDA_MEDIAN_CUH
#define SEISPROC_KERNELS_CUDA_MEDIAN_CUH

#include <stdint.h>

enum { MEDIAN_LANES = 32, MEDIAN_MAX_WARPS = 32 };

typedef struct median_work {
  float parts[MEDIAN_MAX_WARPS];
  uint32_t counts[2][3][MEDIAN_MAX_WARPS];
  uint32_t candidates[MEDIAN_LANES], n_candidates;
  uint32_t low, high; /* the middle two */
  double noise;       /* the caller's */
} median_work;

typedef struct median_bracket {
  uint32_t low, high;             /* bits; low <= v < high */
  uint32_t below_low, below_high; /* values below each */
} median_bracket;

__device__ static inline uint32_t median_key(float x) {
  return __float_as_uint(x) & 0x7fffffffu;
}

__device__ static inline float median_mean(const float *x, uint32_t n, median_work *w) {
  float sum = 0;
  for (uint32_t i = threadIdx.x; i < n; i += blockDim.x) sum += fabsf(x[i]);
  for (int d = MEDIAN_LANES / 2; d > 0; d /= 2) sum += __shfl_xor_sync(~0u, sum, d);
  if (threadIdx.x % MEDIAN_LANES == 0) w->parts[threadIdx.x / MEDIAN_LANES] = sum;
  if (threadIdx.x == 0) w->n_candidates = 0;
  __syncthreads();
  sum = 0;
  for (uint32_t i = 0; i < blockDim.x / MEDIAN_LANES; i++) sum += w->parts[i];
  return sum / (float)n;
}

/* How many values lie below each of the pivots. */
__device__ static inline void median_count(const float *x, uint32_t n, const uint32_t *pivots, uint32_t round,
                                           uint32_t *counts, median_work *w) {
  uint32_t own[3] = {0, 0, 0};
  for (uint32_t i = threadIdx.x; i < n; i += blockDim.x) {
    const uint32_t key = median_key(x[i]);
    for (int p = 0; p < 3; p++) own[p] += key < pivots[p];
  }
  for (int p = 0; p < 3; p++) {
    const uint32_t sum = __reduce_add_sync(~0u, own[p]);
    if (threadIdx.x % MEDIAN_LANES == 0) w->counts[round & 1][p][threadIdx.x / MEDIAN_LANES] = sum;
  }
  __syncthreads();
  for (int p = 0; p < 3; p++) {
    counts[p] = 0;
    for (uint32_t i = 0; i < blockDim.x / MEDIAN_LANES; i++) counts[p] += w->counts[round & 1][p][i];
  }
}

__device__ static inline void median_pivots(const median_bracket *b, uint32_t *pivots) {
  const uint32_t width = b->high - b->low;
  pivots[0] = b->low + max(1u, width / 4);
  pivots[1] = b->low + max(1u, width / 2);
  pivots[2] = b->high - max(1u, width / 4);
}

/* For noise the median is 0.85 of the mean. */
__device__ static inline void median_first_pivots(const median_bracket *b, float mean, uint32_t *pivots) {
  const float factors[3] = {0.7f, 0.85f, 1.05f};
  median_pivots(b, pivots);
  for (int p = 0; p < 3; p++) {
    const uint32_t key = median_key(factors[p] * mean);
    if (key > b->low && key < b->high) pivots[p] = key;
  }
}

/* Largest value below the pivot, smallest that is not. */
__device__ static inline void median_split(const float *x, uint32_t n, uint32_t pivot, median_work *w) {
  uint32_t low = 0, high = ~0u;
  if (threadIdx.x == 0) w->low = 0, w->high = ~0u;
  __syncthreads();
  for (uint32_t i = threadIdx.x; i < n; i += blockDim.x) {
    const uint32_t key = median_key(x[i]);
    if (key < pivot) {
      low = max(low, key);
    } else {
      high = min(high, key);
    }
  }
  low = __reduce_max_sync(~0u, low);
  high = __reduce_min_sync(~0u, high);
  if (threadIdx.x % MEDIAN_LANES == 0) {
    atomicMax(&w->low, low);
    atomicMin(&w->high, high);
  }
  __syncthreads();
}

__device__ static inline void median_rank(const float *x, uint32_t n, const median_bracket *b, uint32_t low_rank,
                                          uint32_t high_rank, median_work *w) {
  for (uint32_t i = threadIdx.x; i < n; i += blockDim.x) {
    const uint32_t key = median_key(x[i]);
    if (key >= b->low && key < b->high) w->candidates[atomicAdd(&w->n_candidates, 1u)] = key;
  }
  __syncthreads();
  if (threadIdx.x < MEDIAN_LANES) {
    const uint32_t found = w->n_candidates, lane = threadIdx.x, own = lane < found ? w->candidates[lane] : ~0u;
    uint32_t rank = b->below_low;
    for (uint32_t i = 0; i < found; i++) {
      const uint32_t other = __shfl_sync(~0u, own, i);
      rank += other < own || (other == own && i < lane);
    }
    if (lane < found && rank == low_rank) w->low = own;
    if (lane < found && rank == high_rank) w->high = own;
  }
  __syncthreads();
}

/* Leaves the middle two of |x[n]| (the same, for odd n) in work->low and work->high, as bits. All threads of the block
 * take part; x is visible to all of them; n >= 1. */
__device__ static inline void block_median(const float *x, uint32_t n, median_work *w) {
  const uint32_t high_rank = n / 2, low_rank = n & 1 ? high_rank : high_rank - 1;
  median_bracket b = {0, 0x80000000u, 0, n};
  uint32_t pivots[3], counts[3];
  median_first_pivots(&b, median_mean(x, n, w), pivots);
  for (uint32_t round = 0; b.below_high - b.below_low > MEDIAN_LANES; round++) {
    if (b.high - b.low == 1) { /* all that is left is the same */
      if (threadIdx.x == 0) w->low = w->high = b.low;
      __syncthreads();
      return;
    }
    median_count(x, n, pivots, round, counts, w);
    for (int p = 0; p < 3; p++) {
      if (counts[p] > low_rank && counts[p] <= high_rank) {
        median_split(x, n, pivots[p], w);
        return;
      }
      if (counts[p] <= low_rank && pivots[p] > b.low) b.low = pivots[p], b.below_low = counts[p];
      if (counts[p] > high_rank && pivots[p] < b.high) b.high = pivots[p], b.below_high = counts[p];
    }
    median_pivots(&b, pivots);
  }
  median_rank(x, n, &b, low_rank, high_rank, w);
}

#endif
