/* SPDX-License-Identifier: BSD-3-Clause */
/* The exact median of magnitudes, in the vectors of the file that includes this.
 *
 * Magnitudes are compared as integers, so NaN has an order too and every search ends. A trial bracket of values is
 * taken, one pass counts what lies below it and packs what lies within, and where the middle one is within, the
 * packed ones are all that is left; else the trial moves. What is left is a few values soon, whose ranks are counted
 * all at once. The first trial lies around a guess, the median of the trace before: a bad one costs time only.
 */
#ifndef SEISPROC_KERNELS_COMMON_EXACT_MEDIAN_H
#define SEISPROC_KERNELS_COMMON_EXACT_MEDIAN_H

#include <math.h>
#include <stdbool.h>

#include "kernels/common/simd.h"

/* MEDIAN_FEW: values that the ranks of are counted at once. MEDIAN_ROOM: behind an array, for a vector's overhang. */
enum { MEDIAN_FEW = 32, MEDIAN_ROOM = 32 };

typedef struct median_search {
  const int32_t *values; /* what is left: of it the one of rank `rank` is wanted */
  size_t n, rank;
  int32_t low, high; /* the wanted one is known to lie between, both included */
  int32_t *free;     /* where the values that are left next are packed to, and the other such place */
  int32_t *other;
} median_search;

SP_INLINE int32_t median_bits(float x) {
  int32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits & 0x7fffffff;
}

SP_INLINE float median_float(int32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

/* Packs the values in low ... high to `out` and counts those below. */
static size_t median_pass(const int32_t *values, size_t n, int32_t low, int32_t high, int32_t *out, size_t *below) {
  const vi sign = vi_set(0x7fffffff), lowest = vi_set(low), highest = vi_set(high);
  size_t packed = 0, less = 0, i = 0;
  for (; i + SP_LANES <= n; i += SP_LANES) {
    const vi v = vi_load(values + i) & sign;
    const vm under = vi_less(v, lowest);
    less += (size_t)vm_count(under);
    packed += (size_t)vi_pack(out + packed, vm_neither(under, vi_less(highest, v)), v);
  }
  for (; i < n; i++) {
    const int32_t v = values[i] & 0x7fffffff;
    less += v < low;
    out[packed] = v;
    packed += v >= low && v <= high;
  }
  *below = less;
  return packed;
}

/* Tries a bracket; whether the wanted one is in it. Either way less is left to search. */
static bool median_try(median_search *s, int32_t low, int32_t high) {
  size_t below;
  const size_t packed = median_pass(s->values, s->n, low, high, s->free, &below);
  if (s->rank < below) {
    s->high = low - 1;
  } else if (s->rank >= below + packed) {
    s->low = high + 1;
  } else {
    *s = (median_search){s->free, packed, s->rank - below, low, high, s->other, s->free};
    return true;
  }
  return false;
}

/* A bracket around a guess, and while it fails wider ones beyond it. */
static void median_from_guess(median_search *s, float guess) {
  double factor = 1.15;
  int32_t low = median_bits((float)(guess / factor)), high = median_bits((float)(guess * factor));
  while (!median_try(s, low, high) && s->low < s->high) {
    factor *= factor;
    if (s->high < low) {
      high = s->high;
      low = median_bits((float)(median_float(high) / factor));
    } else {
      low = s->low;
      high = median_bits((float)fmin(median_float(low) * factor, 3e38));
    }
    if (low < s->low) low = s->low;
    if (high < low || high > s->high) high = s->high;
  }
}

/* Where the values are spread evenly over low ... high, as few of them as a bracket is likely to do with. */
static bool median_interpolate(median_search *s) {
  const double width = (double)s->high - s->low, n = (double)s->n;
  const double at = s->low + width * ((double)s->rank + 0.5) / n, reach = width * (1.2 * sqrt(n) + 1) / n;
  return median_try(s, at - reach > s->low ? (int32_t)(at - reach) : s->low,
                    at + reach < s->high ? (int32_t)(at + reach) : s->high);
}

/* The lower half of what is known: after 31 of these nothing is left to search. */
static void median_halve(median_search *s) {
  median_try(s, s->low, s->low + (s->high - s->low) / 2);
}

/* The value of rank `rank` among n <= MEDIAN_FEW: the largest that no more than `rank` values are below of. */
static int32_t median_of_few(const int32_t *values, size_t n, size_t rank) {
  enum { VECTORS = MEDIAN_FEW / SP_LANES };
  int32_t padded[MEDIAN_FEW];
  vi v[VECTORS], smaller[VECTORS], best = vi_set(0);
  for (size_t i = 0; i < MEDIAN_FEW; i++) padded[i] = INT32_MAX;
  for (size_t i = 0; i < n; i++) padded[i] = values[i] & 0x7fffffff;
  SP_UNROLL
  for (int j = 0; j < VECTORS; j++) {
    v[j] = vi_load(padded + j * SP_LANES);
    smaller[j] = vi_set(0);
  }
  for (size_t i = 0; i < n; i++) {
    const vi one = vi_set(padded[i]);
    SP_UNROLL
    for (int j = 0; j < VECTORS; j++) smaller[j] = vi_add_where(smaller[j], vi_less(one, v[j]), vi_set(1));
  }
  SP_UNROLL
  for (int j = 0; j < VECTORS; j++) {
    best = vi_max(best, vi_select(vi_less(vi_set((int32_t)rank), smaller[j]), vi_set(0), v[j]));
  }
  return vi_largest(best);
}

/* The value of rank `rank`; `s` is left as it is at the end. */
static int32_t median_search_run(median_search *s, float guess) {
  if (guess > 1e-30f && guess < 1e30f && s->n > MEDIAN_FEW) median_from_guess(s, guess);
  for (bool even = true; s->low < s->high && s->n > MEDIAN_FEW;) {
    const size_t before = s->n;
    if (even) {
      even = median_interpolate(s) && s->n < before / 2;
    } else {
      median_halve(s);
      even = true;
    }
  }
  return s->low == s->high ? s->low : median_of_few(s->values, s->n, s->rank);
}

/* The largest value that is smaller than `bound`, or `bound` where fewer than `rank` are. */
static int32_t median_below(const int32_t *values, size_t n, int32_t bound, size_t rank) {
  size_t smaller = 0;
  int32_t best = 0;
  for (size_t i = 0; i < n; i++) {
    const int32_t v = values[i] & 0x7fffffff;
    if (v >= bound) continue;
    smaller++;
    if (v > best) best = v;
  }
  return smaller >= rank ? best : bound;
}

/* Median of |x|; of an even number the mean of the middle two. n >= 1, work holds 2 * (n + MEDIAN_ROOM) values.
 * *guess, any value, becomes the median. */
__attribute__((unused)) static double median_magnitude(const float *x, size_t n, int32_t *work, float *guess) {
  const int32_t *bits = (const int32_t *)x;
  median_search s = {bits, n, n / 2, 0, INT32_MAX, work, work + n + MEDIAN_ROOM};
  const int32_t upper = median_search_run(&s, *guess);
  *guess = median_float(upper);
  if (n & 1) return *guess;
  int32_t lower;
  if (s.rank > 0 && s.low < s.high && s.n <= MEDIAN_FEW) {
    lower = median_of_few(s.values, s.n, s.rank - 1);
  } else {
    lower = median_below(bits, n, upper, n / 2);
  }
  return 0.5 * ((double)*guess + (double)median_float(lower));
}

#endif
