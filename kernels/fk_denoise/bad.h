/* SPDX-License-Identifier: BSD-3-Clause */
/* Bad samples: spikes, bursts and traces that their neighbours know nothing of.
 *
 * A sample stands out where it is above 8 times, or the mean magnitude of a window around it above 5 times, the median
 * of that mean over 13 traces (5 x 5 on a grid; ends reflected, so that the first trace is not its own median). Ground
 * roll near the source does so too, but it is coherent. So what stands out is compared with the traces beside it, the
 * four nearest on each axis, block by block of half a window: the largest correlation over lags up to a window a node,
 * of three windows around the block, magnitudes above three of their means clipped so that no single sample counts for
 * much. A block's likeness is the mean of the two largest.
 *
 * Near the source, at an end or beside a gap, first arrivals are seldom alike, but they follow each other. A level is
 * matched where two of the traces beside it have as much at some time nearby, up to a window a node; or later, where
 * the trace begins quietly and they have been quiet up to then: waves of wide spaced traces arrive far apart.
 *
 *   A window's mean that stands out (of magnitudes clipped at 8 medians, so that it is not a spike's) is bad where the
 *   likeness, averaged over five blocks as far as the mean stays above twice the median, is below INCOHERENT, and a
 *   third of it is not matched. So are samples that stand out. From there on before and after what is above twice the
 *   median is bad too, as long as it is not coherent.
 *   A spike, a sample that stands out and of which fewer than three of the eight beside it are above a fifth, is bad
 *   where an eighth of it is not matched, and where the likeness is below COHERENT, or fewer than two of the traces
 *   that are SIMILAR have a sample of a quarter of its height and the same sign at that lag, give or take one; samples
 *   found bad in a first sweep over all traces do not count in a second one.
 *
 * What is marked in a sweep depends on the marks of the sweep before and on no others, but for a trace's own: so traces
 * may be taken in any order, or at once. Formulas stand here for one thread of the CPU and for a warp of the GPU, whose
 * lanes all get the same results.
 */
#ifndef SEISPROC_KERNELS_FK_DENOISE_BAD_H
#define SEISPROC_KERNELS_FK_DENOISE_BAD_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "kernels/fk_denoise/fk_denoise.h"

enum {
  FKD_NEIGHBOURS = 8,
  FKD_FURTHEST = 4, /* nodes */
  FKD_NEED = 2,
  FKD_AROUND = 2 /* blocks */
};

static const float FKD_SAMPLE_TIMES = 8, FKD_LEVEL_TIMES = 5, FKD_GO_ON_TIMES = 2, FKD_SHARE = 0.25f,
                   FKD_MATCH = 1 / 3.0f, FKD_QUIET = 0.05f;
static const double FKD_CLIP_TIMES = 3, FKD_INCOHERENT = 0.55, FKD_INCOHERENT_AT_END = 0.5, FKD_COHERENT = 0.6,
                    FKD_SIMILAR = 0.5;

/* Marks of samples. */
enum { FKD_GOOD, FKD_BAD, FKD_BAD_LATER /* found in the second sweep */, FKD_BAD_RUN /* by its level */ };

/* --- lanes -------------- */

#ifdef __CUDACC__

#define FKD_FORMULA __device__ static inline
#define FKD_LANE    (threadIdx.x % 32)
enum { FKD_LANES = 32, FKD_EACH = 1 };

/* The largest of the lanes' values, none of them negative. */
FKD_FORMULA float fkd_largest(float x) {
  return __uint_as_float(__reduce_max_sync(~0u, __float_as_uint(x)));
}
FKD_FORMULA bool fkd_any(bool x) {
  return __any_sync(~0u, x);
}
/* What lanes wrote to memory is there for all. */
FKD_FORMULA void fkd_sync(void) {
  __syncwarp();
}
/* The largest correlation of the lanes, of equal ones that of the smallest lag. */
FKD_FORMULA void fkd_best(double *correlation, int *lag) {
  for (int d = 16; d > 0; d /= 2) {
    const double other = __shfl_xor_sync(~0u, *correlation, d);
    const int other_lag = __shfl_xor_sync(~0u, *lag, d);
    if (other > *correlation || (other == *correlation && other_lag < *lag)) *correlation = other, *lag = other_lag;
  }
}

#else

#define FKD_FORMULA static inline
#define FKD_LANE    0u
enum { FKD_LANES = 1, FKD_EACH = 16 };

FKD_FORMULA float fkd_largest(float x) {
  return x;
}
FKD_FORMULA bool fkd_any(bool x) {
  return x;
}
FKD_FORMULA void fkd_sync(void) {}
FKD_FORMULA void fkd_best(double *correlation, int *lag) {
  (void)correlation, (void)lag;
}

#endif

/* --- what is looked at -------------- */

/* A trace of a box, and what of the box that needs. Levels and medians of node and time are node_stride and time_stride
 * apart. */
typedef struct fkd_search {
  const float *const *rows; /* [node], samples; NULL where dead */
  const float *levels, *medians;
  size_t node_stride, time_stride;
  uint8_t *bad;           /* [node][n] */
  const double *likeness; /* [node][blocks], of blocks whose level is high; NULL: not known, compare them */
  uint32_t n_i, n_j;      /* nodes */
  uint32_t n, window;     /* samples */
  uint32_t node;
  float scale;
  bool second;                    /* sweep */
  double *own, *other, *energies; /* [fkd_span], [fkd_span], [fkd_lags]: work */
} fkd_search;

/* A trace beside it: the lag of the largest correlation. */
typedef struct fkd_neighbour {
  uint32_t node, steps; /* nodes away */
  int lag;
  double correlation;
} fkd_neighbour;

SP_HOST_DEVICE size_t fkd_span(uint32_t window) {
  return (3 + 2 * FKD_FURTHEST) * (size_t)window + FKD_EACH;
}

SP_HOST_DEVICE size_t fkd_lags(uint32_t window) {
  return 2 * FKD_FURTHEST * (size_t)window + 1;
}

FKD_FORMULA const float *fkd_row(const fkd_search *s) {
  return s->rows[s->node];
}

FKD_FORMULA uint8_t *fkd_marks(const fkd_search *s, uint32_t node) {
  return s->bad + (size_t)node * s->n;
}

FKD_FORMULA float fkd_level(const fkd_search *s, uint32_t node, uint32_t t) {
  return s->levels[node * s->node_stride + t * s->time_stride];
}

FKD_FORMULA float fkd_median(const fkd_search *s, uint32_t t) {
  return s->medians[s->node * s->node_stride + t * s->time_stride];
}

FKD_FORMULA bool fkd_sample_stands_out(const fkd_search *s, uint32_t t) {
  return fabsf(fkd_row(s)[t] * s->scale) > FKD_SAMPLE_TIMES * fkd_median(s, t);
}

FKD_FORMULA bool fkd_level_is_above(const fkd_search *s, uint32_t t, float times) {
  return fkd_level(s, s->node, t) > times * fkd_median(s, t);
}

FKD_FORMULA uint32_t fkd_n_blocks(const fkd_search *s) {
  return (s->n + s->window / 2 - 1) / (s->window / 2);
}

FKD_FORMULA uint32_t fkd_block_end(const fkd_search *s, uint32_t start) {
  const uint32_t hop = s->window / 2;
  return s->n - start < hop ? s->n : start + hop;
}

/* Whether any level of a block is above so many medians, or with `samples` any sample stands out. */
FKD_FORMULA bool fkd_block_has(const fkd_search *s, uint32_t start, float times, bool samples) {
  bool has = false;
  for (uint32_t t = start + FKD_LANE; t < fkd_block_end(s, start) && !has; t += FKD_LANES) {
    has = fkd_level_is_above(s, t, times) || (samples && fkd_sample_stands_out(s, t));
  }
  return fkd_any(has);
}

/* --- likeness -------------- */

/* Samples from `first` on of a node, clipped at a multiple of their mean magnitude; zeros outside the trace. */
FKD_FORMULA void fkd_clipped_samples(const fkd_search *s, uint32_t node, int64_t first, uint32_t count, double *to) {
  const float *x = s->rows[node];
  double sum = 0;
  fkd_sync();
  for (uint32_t i = FKD_LANE; i < count; i += FKD_LANES) {
    const int64_t t = first + i;
    to[i] = t >= 0 && t < s->n ? (double)x[t] : 0;
  }
  fkd_sync();
  for (uint32_t i = 0; i < count; i++) sum += fabs(to[i]);
  const double limit = FKD_CLIP_TIMES * sum / count;
  fkd_sync();
  for (uint32_t i = FKD_LANE; i < count; i += FKD_LANES) to[i] = fmin(fmax(to[i], -limit), limit);
  fkd_sync();
}

/* Energies of the parts of b that are correlated, lag by lag; returns that of a. */
FKD_FORMULA double fkd_energies(const double *a, const double *b, uint32_t length, uint32_t lags, double *energies) {
  double energy = 0, own = 0;
  for (uint32_t i = 0; i < length; i++) {
    own += a[i] * a[i];
    energy += b[i] * b[i];
  }
  for (uint32_t lag = 0; lag < lags; lag++) {
    energies[lag] = energy;
    if (lag + 1 < lags) energy = fmax(energy + b[length + lag] * b[length + lag] - b[lag] * b[lag], 0.0);
  }
  return own;
}

/* The largest correlation of a[length] with parts of b[length + 2 reach]. */
FKD_FORMULA void fkd_correlate(const double *a, const double *b, uint32_t length, uint32_t reach, double *energies,
                               fkd_neighbour *best) {
  const uint32_t lags = 2 * reach + 1;
  const double own = fkd_energies(a, b, length, lags, energies);
  fkd_sync();
  best->correlation = 0;
  best->lag = 0;
  for (uint32_t base = FKD_EACH * FKD_LANE; base < lags; base += FKD_EACH * FKD_LANES) {
    double products[FKD_EACH] = {0};
    for (uint32_t i = 0; i < length; i++) {
      for (uint32_t k = 0; k < FKD_EACH; k++) products[k] += a[i] * b[base + k + i];
    }
    for (uint32_t k = 0; k < FKD_EACH && base + k < lags; k++) {
      const double norm = sqrt(own * energies[base + k]), c = norm > 0 ? products[k] / norm : 0;
      if (c <= best->correlation) continue;
      best->correlation = c;
      best->lag = (int)(base + k) - (int)reach;
    }
  }
  fkd_best(&best->correlation, &best->lag);
}

/* The nearest nodes on each axis that are not dead, up to four of an axis: one and two steps away, or at an end further
 * ones instead. */
FKD_FORMULA uint32_t fkd_find_neighbours(const fkd_search *s, fkd_neighbour *list) {
  const int64_t i = s->node / s->n_j, j = s->node % s->n_j;
  uint32_t n = 0;
  for (int axis = 0; axis < 2; axis++) {
    const uint32_t most = n + 4;
    for (int steps = 1; steps <= FKD_FURTHEST && n < most; steps++) {
      for (int d = -steps; d <= steps && n < most; d += 2 * steps) {
        const int64_t at_i = i + (axis ? d : 0), at_j = j + (axis ? 0 : d);
        if (at_i < 0 || at_j < 0 || at_i >= s->n_i || at_j >= s->n_j) continue;
        const uint32_t node = (uint32_t)(at_i * s->n_j + at_j);
        if (!s->rows[node]) continue;
        list[n].node = node;
        list[n++].steps = (uint32_t)steps;
      }
    }
  }
  return n;
}

/* Correlates the block that begins at `start` with the traces beside it; returns how many there are. */
FKD_FORMULA uint32_t fkd_compare_block(const fkd_search *s, uint32_t start, fkd_neighbour *list, double *likeness) {
  const uint32_t half = 3 * s->window / 2;
  const int64_t first = (int64_t)start + s->window / 4 - half;
  const uint32_t n = fkd_find_neighbours(s, list);
  fkd_clipped_samples(s, s->node, first, 2 * half, s->own);
  double first_best = 0, second_best = 0;
  for (uint32_t k = 0; k < n; k++) {
    const uint32_t reach = list[k].steps * s->window;
    fkd_clipped_samples(s, list[k].node, first - reach, 2 * half + 2 * reach, s->other);
    fkd_correlate(s->own, s->other, 2 * half, reach, s->energies, &list[k]);
    second_best = fmax(second_best, fmin(first_best, list[k].correlation));
    first_best = fmax(first_best, list[k].correlation);
  }
  *likeness = 0.5 * (first_best + second_best);
  return n;
}

/* The likeness below which a trace is incoherent: less at an end, where traces on one side only are there to compare.
 */
FKD_FORMULA double fkd_least_likeness(const fkd_search *s) {
  const uint32_t i = s->node / s->n_j, j = s->node % s->n_j;
  const bool inside = (j > 0 && j + 1 < s->n_j) || (i > 0 && i + 1 < s->n_i);
  return inside ? FKD_INCOHERENT : FKD_INCOHERENT_AT_END;
}

FKD_FORMULA double fkd_likeness(const fkd_search *s, uint32_t block) {
  if (s->likeness) return s->likeness[(size_t)s->node * fkd_n_blocks(s) + block];
  fkd_neighbour list[FKD_NEIGHBOURS];
  double likeness;
  fkd_compare_block(s, block * (s->window / 2), list, &likeness);
  return likeness;
}

/* Likeness of a block whose level is high, averaged over those around it as far as theirs is. */
FKD_FORMULA double fkd_mean_likeness(const fkd_search *s, uint32_t block) {
  const int64_t n_blocks = fkd_n_blocks(s);
  double sum = fkd_likeness(s, block);
  int n = 1;
  for (int step = -1; step <= 1; step += 2) {
    for (int64_t b = (int64_t)block + step; b >= (int64_t)block - FKD_AROUND && b <= (int64_t)block + FKD_AROUND;
         b += step) {
      if (b < 0 || b >= n_blocks) break;
      if (!fkd_block_has(s, (uint32_t)b * (s->window / 2), FKD_GO_ON_TIMES, false)) break;
      sum += fkd_likeness(s, (uint32_t)b);
      n++;
    }
  }
  return sum / n;
}

/* --- what is bad of a trace -------------- */

/* Whether enough of the traces beside it have a sample like this one; one found bad in the sweep before is none. */
FKD_FORMULA bool fkd_is_explained(const fkd_search *s, uint32_t t, const fkd_neighbour *list, uint32_t n) {
  const float x = fkd_row(s)[t];
  uint32_t found = 0;
  for (uint32_t k = 0; k < n; k++) {
    if (list[k].correlation < FKD_SIMILAR) continue;
    const float *y = s->rows[list[k].node];
    const uint8_t *bad = fkd_marks(s, list[k].node);
    bool similar = false;
    for (int64_t at = (int64_t)t + list[k].lag - 1; at <= (int64_t)t + list[k].lag + 1; at++) {
      if (at < 0 || at >= s->n) continue;
      if (s->second && (bad[at] == FKD_BAD || bad[at] == FKD_BAD_RUN)) continue;
      similar |= (x < 0 ? -y[at] : y[at]) > FKD_SHARE * fabsf(x);
    }
    found += similar;
  }
  return found >= (n < FKD_NEED ? n : FKD_NEED);
}

FKD_FORMULA bool fkd_is_spike(const fkd_search *s, uint32_t t) {
  const float *x = fkd_row(s);
  int high = 0;
  for (int64_t at = (int64_t)t - 4; at <= (int64_t)t + 4; at++) {
    if (at >= 0 && at < s->n && at != t) high += fabsf(x[at]) > fabsf(x[t]) / 5;
  }
  return high < 3;
}

/* The highest level of a node from `start` to before `end`. */
FKD_FORMULA float fkd_highest(const fkd_search *s, uint32_t node, uint32_t start, uint32_t end) {
  float most = 0;
  for (uint32_t t = start + FKD_LANE; t < end; t += FKD_LANES) most = fmaxf(most, fkd_level(s, node, t));
  return fkd_largest(most);
}

/* The largest magnitude among the first n samples. */
FKD_FORMULA float fkd_largest_sample(const fkd_search *s, uint32_t n) {
  float most = 0;
  for (uint32_t t = FKD_LANE; t < n; t += FKD_LANES) most = fmaxf(most, fabsf(fkd_row(s)[t]));
  return fkd_largest(most);
}

/* Whether enough of the traces beside it have a level of `enough` at some time near to start ... end, or later where
 * they have been quiet up to then. */
FKD_FORMULA bool fkd_is_matched(const fkd_search *s, uint32_t start, uint32_t end, float enough,
                                const fkd_neighbour *list, uint32_t n) {
  const bool begins = fkd_largest_sample(s, s->window) < FKD_QUIET * fkd_largest_sample(s, s->n);
  uint32_t found = 0;
  for (uint32_t k = 0; k < n; k++) {
    const uint32_t node = list[k].node, reach = list[k].steps * s->window;
    const uint32_t first = start < reach ? 0 : start - reach, last = s->n - end < reach ? s->n : end + reach;
    if (fkd_highest(s, node, first, last) > enough) {
      found++;
    } else if (begins) {
      const float later = fkd_highest(s, node, last, s->n);
      found += later > enough && fkd_highest(s, node, 0, last) < FKD_QUIET * later;
    }
  }
  return found >= (n < FKD_NEED ? n : FKD_NEED);
}

FKD_FORMULA bool fkd_block_is_matched(const fkd_search *s, uint32_t start, const fkd_neighbour *list, uint32_t n) {
  const uint32_t end = fkd_block_end(s, start);
  return fkd_is_matched(s, start, end, FKD_MATCH * fkd_highest(s, s->node, start, end), list, n);
}

/* Marks samples of the block that begins at `start` that stand out. */
FKD_FORMULA void fkd_mark_samples(const fkd_search *s, uint32_t start, const fkd_neighbour *list, uint32_t n,
                                  double likeness) {
  uint8_t *bad = fkd_marks(s, s->node);
  const bool strange = likeness < fkd_least_likeness(s) && !fkd_block_is_matched(s, start, list, n);
  for (uint32_t t = start; t < fkd_block_end(s, start); t++) {
    if (bad[t] != FKD_GOOD || !fkd_sample_stands_out(s, t)) continue;
    const float height = fabsf(fkd_row(s)[t] * s->scale);
    const bool spike = fkd_is_spike(s, t) && (likeness < FKD_COHERENT || !fkd_is_explained(s, t, list, n)) &&
                       !fkd_is_matched(s, t, t + 1, height / FKD_SAMPLE_TIMES, list, n);
    fkd_sync();
    if (strange || spike) bad[t] = s->second ? FKD_BAD_LATER : FKD_BAD;
  }
}

FKD_FORMULA void fkd_mark_level(const fkd_search *s, uint32_t start) {
  for (uint32_t t = start + FKD_LANE; t < fkd_block_end(s, start); t += FKD_LANES) {
    if (fkd_level_is_above(s, t, FKD_GO_ON_TIMES)) fkd_marks(s, s->node)[t] = FKD_BAD_RUN;
  }
}

/* Marks the block where its level stands out, and is neither coherent nor matched. */
FKD_FORMULA void fkd_mark_run(const fkd_search *s, uint32_t start) {
  fkd_neighbour list[FKD_NEIGHBOURS];
  if (!fkd_block_has(s, start, FKD_LEVEL_TIMES, false)) return;
  const uint32_t n = fkd_find_neighbours(s, list);
  if (fkd_mean_likeness(s, start / (s->window / 2)) >= fkd_least_likeness(s)) return;
  if (!fkd_block_is_matched(s, start, list, n)) fkd_mark_level(s, start);
}

FKD_FORMULA bool fkd_is_run(const fkd_search *s, uint32_t start) {
  const uint8_t *bad = fkd_marks(s, s->node);
  bool run = false;
  for (uint32_t t = start + FKD_LANE; t < fkd_block_end(s, start) && !run; t += FKD_LANES) run = bad[t] == FKD_BAD_RUN;
  return fkd_any(run);
}

/* Goes on from a bad block, before or after it, as long as the level stays high and incoherent. */
FKD_FORMULA void fkd_go_on(const fkd_search *s, uint32_t block, int step) {
  const int64_t hop = s->window / 2, n_blocks = fkd_n_blocks(s);
  for (int64_t b = (int64_t)block + step; b >= 0 && b < n_blocks; b += step) {
    const uint32_t start = (uint32_t)(b * hop);
    if (fkd_is_run(s, start) || !fkd_block_has(s, start, FKD_GO_ON_TIMES, false)) return;
    if (fkd_mean_likeness(s, (uint32_t)b) >= fkd_least_likeness(s)) return;
    fkd_mark_level(s, start);
    fkd_sync();
  }
}

/* Goes on from all bad blocks of a trace. */
FKD_FORMULA void fkd_extend_runs(const fkd_search *s) {
  for (uint32_t block = 0; block < fkd_n_blocks(s); block++) {
    if (!fkd_is_run(s, block * (s->window / 2))) continue;
    fkd_go_on(s, block, -1);
    fkd_go_on(s, block, 1);
  }
}

/* What stands out, coherent or not. */
FKD_FORMULA uint8_t fkd_mark_of(const fkd_search *s, uint32_t t) {
  const bool out = fkd_level_is_above(s, t, FKD_LEVEL_TIMES) || fkd_sample_stands_out(s, t);
  return fkd_median(s, t) > 0 && out ? FKD_BAD : FKD_GOOD;
}

#endif
