/* Median and MAD over a window of traces, lane by lane: SP_LANES positions at once.
 *
 * Values are ordered integers (vi_ordered), or the bits of magnitudes. Windows of neighbouring traces share all
 * but one trace: sort what two of them share once (window_sort), insert what each has of its own (window_insert),
 * and read median and MAD off the sorted window (window_median, window_mad), whose deviations are two sorted
 * lists already. Even numbers, at the edges of a gather: the mean of the middle two, for both.
 * Everything that says `const int` must be a constant where speed matters: loops over it unroll.
 */
#ifndef SEISPROC_KERNELS_COMMON_WINDOW_STATS_H
#define SEISPROC_KERNELS_COMMON_WINDOW_STATS_H

#include "kernels/common/simd.h"

enum { SP_WINDOW_MAX = 31 };

SP_INLINE void window_exchange(vi *s, const int i, const int j) {
  const vi low = vi_min(s[i], s[j]);
  s[j] = vi_max(s[i], s[j]);
  s[i] = low;
}

/* r[0 ... n] from sorted s[0 ... n - 1] and x; r may be s. */
SP_INLINE void window_insert(vi *r, const vi *s, const int n, vi x) {
  SP_UNROLL
  for (int i = 0; i < n; i++) {
    const vi here = s[i];
    r[i] = vi_min(here, x);
    x = vi_max(here, x);
  }
  r[n] = x;
}

/* r[0 ... n - 1] from sorted s[0 ... n - 1], which loses `gone` (one of them) and gains x; r may be s. */
SP_INLINE void window_replace(vi *r, const vi *s, const int n, vi gone, vi x) {
  vi here = s[0];
  SP_UNROLL
  for (int i = 0; i < n - 1; i++) {
    const vi next = s[i + 1];
    const vi kept = vi_select(vi_less(here, gone), here, next);
    here = next;
    r[i] = vi_min(kept, x);
    x = vi_max(kept, x);
  }
  r[n - 1] = x;
}

/* Sorts s[0 ... n - 1]: the best networks known for 2, 4, 6 and 8 values, insertion for other numbers. */
SP_INLINE void window_sort(vi *s, const int n) {
  if (n == 2) {
    window_exchange(s, 0, 1);
  } else if (n == 4) {
    window_exchange(s, 0, 2), window_exchange(s, 1, 3);
    window_exchange(s, 0, 1), window_exchange(s, 2, 3);
    window_exchange(s, 1, 2);
  } else if (n == 6) {
    window_exchange(s, 0, 5), window_exchange(s, 1, 3), window_exchange(s, 2, 4);
    window_exchange(s, 1, 2), window_exchange(s, 3, 4);
    window_exchange(s, 0, 3), window_exchange(s, 2, 5);
    window_exchange(s, 0, 1), window_exchange(s, 2, 3), window_exchange(s, 4, 5);
    window_exchange(s, 1, 2), window_exchange(s, 3, 4);
  } else if (n == 8) {
    window_exchange(s, 0, 2), window_exchange(s, 1, 3), window_exchange(s, 4, 6), window_exchange(s, 5, 7);
    window_exchange(s, 0, 4), window_exchange(s, 1, 5), window_exchange(s, 2, 6), window_exchange(s, 3, 7);
    window_exchange(s, 0, 1), window_exchange(s, 2, 3), window_exchange(s, 4, 5), window_exchange(s, 6, 7);
    window_exchange(s, 2, 4), window_exchange(s, 3, 5);
    window_exchange(s, 1, 4), window_exchange(s, 3, 6);
    window_exchange(s, 1, 2), window_exchange(s, 3, 4), window_exchange(s, 5, 6);
  } else {
    for (int i = 1; i < n; i++) window_insert(s, s, i, s[i]);
  }
}

/* Of sorted s[0 ... n - 1]. */
SP_INLINE vf window_median(const vi *s, const int n) {
  const vf upper = vf_from_ordered(s[n / 2]);
  return n & 1 ? upper : 0.5f * (vf_from_ordered(s[n / 2 - 1]) + upper);
}

/* The k-th smallest (from 1) of two sorted lists of h values each, k <= 2 h. */
SP_INLINE vi window_kth_of_two(const vi *a, const vi *b, const int h, const int k) {
  vi best = vi_set(INT32_MAX);
  SP_UNROLL
  for (int i = k > h ? k - h : 0; i <= (k < h ? k : h); i++) {
    const vi candidate = i == 0 ? b[k - 1] : i == k ? a[k - 1] : vi_max(a[i - 1], b[k - i - 1]);
    best = vi_min(best, candidate);
  }
  return best;
}

/* Median of |s - median|. Deviations are at least 0, so their bits are ordered. */
SP_INLINE vf window_mad(const vi *s, const int n, vf median) {
  const int h = n / 2;
  vi below[SP_WINDOW_MAX / 2 + 1], above[SP_WINDOW_MAX / 2 + 1];
  if (n == 1) return vf_set(0);
  SP_UNROLL
  for (int i = 0; i < h; i++) {
    below[i] = (vi)vf_abs(median - vf_from_ordered(s[h - 1 - i]));
    above[i] = (vi)vf_abs(vf_from_ordered(s[n - h + i]) - median);
  }
  if (n & 1) return (vf)window_kth_of_two(below, above, h, h);
  return 0.5f * ((vf)window_kth_of_two(below, above, h, h) + (vf)window_kth_of_two(below, above, h, h + 1));
}

#endif
