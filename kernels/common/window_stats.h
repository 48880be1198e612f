/* SPDX-License-Identifier: BSD-3-Clause */
/* Median and MAD over a window of traces, at SP_LANES positions at once on the CPU and at one a thread on the GPU.
 *
 * Windows of neighbouring traces share all but one trace: sort what two of them share once (window_sort), insert what
 * each has of its own (window_insert), and read median and MAD off the sorted window (window_median, window_mad), whose
 * deviations are two sorted lists already. Even numbers, at the edges of a gather: the mean of the middle two, for
 * both. Everything that says `const int` must be a constant where speed matters: loops over it unroll.
 */
#ifndef SEISPROC_KERNELS_COMMON_WINDOW_STATS_H
#define SEISPROC_KERNELS_COMMON_WINDOW_STATS_H

#include "kernels/common/number.h"

enum { SP_WINDOW_MAX = 31 };

SP_FORMULA void window_exchange(num_key *s, const int i, const int j) {
  const num_key low = key_min(s[i], s[j]);
  s[j] = key_max(s[i], s[j]);
  s[i] = low;
}

/* r[0 ... n] from sorted s[0 ... n - 1] and x; r may be s. */
SP_FORMULA void window_insert(num_key *r, const num_key *s, const int n, num_key x) {
  SP_UNROLL
  for (int i = 0; i < n; i++) {
    const num_key here = s[i];
    r[i] = key_min(here, x);
    x = key_max(here, x);
  }
  r[n] = x;
}

/* r[0 ... n - 1] from sorted s[0 ... n - 1], which loses `gone` (one of them) and gains x; r may be s. */
SP_FORMULA void window_replace(num_key *r, const num_key *s, const int n, num_key gone, num_key x) {
  num_key here = s[0];
  SP_UNROLL
  for (int i = 0; i < n - 1; i++) {
    const num_key next = s[i + 1];
    const num_key kept = key_select(key_less(here, gone), here, next);
    here = next;
    r[i] = key_min(kept, x);
    x = key_max(kept, x);
  }
  r[n - 1] = x;
}

/* Sorts s[0 ... n - 1]: the best networks known for 2, 4, 6 and 8 values, insertion for other numbers. */
SP_FORMULA void window_sort(num_key *s, const int n) {
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
SP_FORMULA num window_median(const num_key *s, const int n) {
  const num upper = num_of_key(s[n / 2]);
  return n & 1 ? upper : num_mul(num_set(0.5f), num_of_key(s[n > 1 ? n / 2 - 1 : 0]) + upper);
}

/* The k-th smallest (from 1) of two sorted lists of h values each, k <= 2 h. */
SP_FORMULA num_key window_kth_of_two(const num_key *a, const num_key *b, const int h, const int k) {
  num_key best = k <= h ? key_min(a[k - 1], b[k - 1]) : key_set(INT32_MAX);
  SP_UNROLL
  for (int i = k > h ? k - h : 1; i < k && i <= h; i++) best = key_min(best, key_max(a[i - 1], b[k - i - 1]));
  return best;
}

/* Median of |s - median|. Deviations are at least 0, so their bits are ordered. */
SP_FORMULA num window_mad(const num_key *s, const int n, num median) {
  const int h = n / 2;
  /* Zeros, since not every compiler sees that no more than h of them are read. */
  num_key below[SP_WINDOW_MAX / 2 + 1] = {0}, above[SP_WINDOW_MAX / 2 + 1] = {0};
  if (n < 2) return num_set(0);
  SP_UNROLL
  for (int i = 0; i < h; i++) {
    below[i] = key_of_size(num_abs(num_sub(median, num_of_key(s[h - 1 - i]))));
    above[i] = key_of_size(num_abs(num_sub(num_of_key(s[n - h + i]), median)));
  }
  const num middle = size_of_key(window_kth_of_two(below, above, h, h));
  if (n & 1) return middle;
  return num_mul(num_set(0.5f), middle + size_of_key(window_kth_of_two(below, above, h, h + 1)));
}

#endif
