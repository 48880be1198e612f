/* SPDX-License-Identifier: BSD-3-Clause */
/* The value of a rank, by a block of whole warps.
 *
 * Keys are unsigned integers in the order of what they stand for: the bits of floats that are not negative, or
 * select_key of any double. Eight bits are found at a time, from the highest, by counting; so the result depends
 * neither on the order of the values nor on the threads.
 */
#ifndef SEISPROC_KERNELS_CUDA_SELECT_CUH
#define SEISPROC_KERNELS_CUDA_SELECT_CUH

#include <stdint.h>

enum { SELECT_DIGITS = 256 };

typedef struct select_work {
  uint32_t counts[SELECT_DIGITS], digit, rank;
  unsigned long long next, differ;
} select_work;

/* Doubles in their order, but NaN. */
__device__ static inline uint64_t select_key(double x) {
  const uint64_t bits = (uint64_t)__double_as_longlong(x);
  return bits >> 63 ? ~bits : bits | (uint64_t)1 << 63;
}

__device__ static inline double select_double(uint64_t key) {
  return __longlong_as_double((long long)(key >> 63 ? key & ~((uint64_t)1 << 63) : ~key));
}

/* Adds one to the count of a digit; at once for all threads of a warp that have the same, as most do in the high bits.
 */
__device__ static inline void select_count(uint32_t *counts, bool counted, uint32_t digit) {
  const uint32_t peers = __match_any_sync(~0u, counted ? digit : ~0u);
  const bool first = threadIdx.x % 32 == (uint32_t)__ffs((int)peers) - 1;
  if (counted && first) atomicAdd(&counts[digit], (uint32_t)__popc(peers));
}

/* By the first warp: the digit of rank `rank`, and the rank among those of that digit. */
__device__ static inline void select_digit(uint32_t rank, select_work *w) {
  enum { EACH = SELECT_DIGITS / 32 };
  uint32_t own[EACH], sum = 0;
  for (int k = 0; k < EACH; k++) sum += own[k] = w->counts[threadIdx.x * EACH + k];
  uint32_t before = sum;
  for (uint32_t d = 1; d < 32; d *= 2) {
    const uint32_t other = __shfl_up_sync(~0u, before, d);
    if (threadIdx.x >= d) before += other;
  }
  before -= sum;
  if (rank < before || rank >= before + sum) return;
  int k = 0;
  while (k < EACH - 1 && rank >= before + own[k]) before += own[k++];
  w->digit = threadIdx.x * EACH + (uint32_t)k;
  w->rank = rank - before;
}

/* How many digits all n keys have in common; the same for all threads. */
template <typename KEY, typename KEY_AT>
__device__ static inline int select_shared_digits(const KEY_AT &key_at, uint32_t n, select_work *w) {
  if (threadIdx.x == 0) w->differ = 0;
  __syncthreads();
  const KEY one = key_at(0);
  unsigned long long differ = 0;
  for (uint32_t i = threadIdx.x; i < n; i += blockDim.x) differ |= key_at(i) ^ one;
  for (int d = 16; d > 0; d /= 2) differ |= __shfl_xor_sync(~0u, differ, d);
  if (threadIdx.x % 32 == 0 && differ) atomicOr(&w->differ, differ);
  __syncthreads();
  differ = w->differ;
  return differ ? (int)sizeof(KEY) - (71 - __clzll((long long)differ)) / 8 : (int)sizeof(KEY);
}

/* Of the n keys that key_at(0) ... key_at(n - 1) give, those above `most` left out, the one of rank `rank` (from 0,
 * less than the number of keys that are not left out); *next the one of rank + 1, or the same where there is none. The
 * same for all threads of the block; all take part. */
template <typename KEY, typename KEY_AT>
__device__ static inline KEY block_select(const KEY_AT &key_at, uint32_t n, KEY most, uint32_t rank, KEY *next,
                                          select_work *w) {
  enum { BITS = 8 * sizeof(KEY) };
  const uint32_t rounded = (n + blockDim.x - 1) / blockDim.x * blockDim.x;
  const int shared = select_shared_digits<KEY>(key_at, n, w);
  KEY prefix = shared > 0 ? key_at(0) >> (BITS - 8 * shared) : 0, above = ~(KEY)0;
  if (shared == sizeof(KEY)) { /* all are the same */
    *next = prefix;
    return prefix;
  }
  for (int shift = BITS - 8 - 8 * shared; shift >= 0; shift -= 8) {
    for (uint32_t i = threadIdx.x; i < SELECT_DIGITS; i += blockDim.x) w->counts[i] = 0;
    __syncthreads();
    for (uint32_t i = threadIdx.x; i < rounded; i += blockDim.x) {
      const KEY key = i < n ? key_at(i) : 0;
      const bool same = shift == BITS - 8 || key >> (shift + 8 < BITS ? shift + 8 : 0) == prefix;
      select_count(w->counts, i < n && key <= most && same, (uint32_t)(key >> shift & 0xff));
    }
    __syncthreads();
    if (threadIdx.x < 32) select_digit(rank, w);
    __syncthreads();
    prefix = prefix << 8 | w->digit;
    rank = w->rank; /* in the end among equals */
  }
  if (threadIdx.x == 0) w->next = ~0ull;
  __syncthreads();
  if (rank + 1 < w->counts[prefix & 0xff]) {
    above = prefix;
  } else {
    for (uint32_t i = threadIdx.x; i < n; i += blockDim.x) {
      const KEY key = key_at(i);
      if (key <= most && key > prefix && key < above) above = key;
    }
  }
  if (above != ~(KEY)0) atomicMin(&w->next, (unsigned long long)above);
  __syncthreads();
  *next = w->next == ~0ull ? prefix : (KEY)w->next;
  __syncthreads();
  return prefix;
}

#endif
