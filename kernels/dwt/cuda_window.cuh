/* Median and MAD over a window of neighbouring traces at one coefficient; see kernels/common/window_stats.h, of
 * which this is the twin for one thread a coefficient. Values are ordered integers. */
#ifndef SEISPROC_KERNELS_CUDA_DWT_WINDOW_CUH
#define SEISPROC_KERNELS_CUDA_DWT_WINDOW_CUH

#include <stdint.h>

__device__ static inline int to_ordered(float x) {
  const int bits = __float_as_int(x);
  return bits ^ ((bits >> 31) & 0x7fffffff);
}

__device__ static inline float from_ordered(int x) {
  return __int_as_float(x ^ ((x >> 31) & 0x7fffffff));
}

/* Sorted s[0 ... n - 1] gains x. With constant n and unrolled, s stays in registers. */
__device__ static inline void window_insert(int *s, const int n, int x) {
#pragma unroll
  for (int i = 0; i < n; i++) {
    const int here = s[i];
    s[i] = min(here, x);
    x = max(here, x);
  }
  s[n] = x;
}

/* Sorted s[N] loses `gone`, which is one of them, and gains x. */
template <int N> __device__ static void window_replace(int *s, int gone, int x) {
  int here = s[0];
#pragma unroll
  for (int i = 0; i < N - 1; i++) {
    const int next = s[i + 1], kept = here < gone ? here : next;
    here = next;
    s[i] = min(kept, x);
    x = max(kept, x);
  }
  s[N - 1] = x;
}

/* The k-th smallest (from 1) of two sorted lists of h values each: largest of i of the one and k - i of the other, for
 * the best i. */
__device__ static inline int window_kth_of_two(const int *a, const int *b, const int h, const int k) {
  int best = 0x7fffffff;
#pragma unroll
  for (int i = k > h ? k - h : 0; i <= (k < h ? k : h); i++) {
    best = min(best, i == 0 ? b[k - 1] : i == k ? a[k - 1] : max(a[i - 1], b[k - i - 1]));
  }
  return best;
}

enum { WINDOW_MAX = 31 };

/* Of sorted s[n]; even numbers, at the edges of a gather, take the mean of the middle two. */
__device__ static inline void window_stats(const int *s, const int n, float *median, float *mad) {
  int below[WINDOW_MAX / 2 + 1], above[WINDOW_MAX / 2 + 1];
  const int h = n / 2;
  const float upper = from_ordered(s[h]), m = n & 1 ? upper : 0.5f * (from_ordered(s[n > 1 ? h - 1 : 0]) + upper);
  *median = m;
  *mad = 0;
  if (n == 1) return;
#pragma unroll
  for (int i = 0; i < h; i++) {
    below[i] = __float_as_int(fabsf(m - from_ordered(s[h - 1 - i])));
    above[i] = __float_as_int(fabsf(from_ordered(s[n - h + i]) - m));
  }
  *mad = __int_as_float(window_kth_of_two(below, above, h, h));
  if (!(n & 1)) *mad = 0.5f * (*mad + __int_as_float(window_kth_of_two(below, above, h, h + 1)));
}

#endif
