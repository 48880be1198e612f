/* SPDX-License-Identifier: BSD-3-Clause */
/* How a trace stands among those beside it, for bad.h: levels, and whether blocks of it are alike.
 *
 * Formulas stand here for one thread of the CPU and for a warp of the GPU, whose lanes all get the same results.
 */
#ifndef SEISPROC_KERNELS_FK_DENOISE_LIKENESS_H
#define SEISPROC_KERNELS_FK_DENOISE_LIKENESS_H

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
  uint32_t at_once;               /* neighbours that there is work memory for: */
  double *own, *other, *energies; /* [fkd_span], [at_once][fkd_span], [at_once][fkd_lags] */
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

/* Samples from `first` on of a node; zeros outside the trace. */
FKD_FORMULA void fkd_copy_samples(const fkd_search *s, uint32_t node, int64_t first, uint32_t count, double *to) {
  const float *x = s->rows[node];
  for (uint32_t i = FKD_LANE; i < count; i += FKD_LANES) {
    const int64_t t = first + i;
    to[i] = t >= 0 && t < s->n ? (double)x[t] : 0;
  }
}

/* What their magnitudes are clipped at: a multiple of their mean. */
FKD_FORMULA double fkd_clip_limit(const double *x, uint32_t count) {
  double sum = 0;
  for (uint32_t i = 0; i < count; i++) sum += fabs(x[i]);
  return FKD_CLIP_TIMES * sum / count;
}

FKD_FORMULA void fkd_clip(double limit, uint32_t count, double *x) {
  for (uint32_t i = FKD_LANE; i < count; i += FKD_LANES) x[i] = fmin(fmax(x[i], -limit), limit);
}

FKD_FORMULA double fkd_energy(const double *x, uint32_t length) {
  double sum = 0;
  for (uint32_t i = 0; i < length; i++) sum += x[i] * x[i];
  return sum;
}

/* Energies of the parts of b[length + lags - 1] that are correlated, lag by lag. */
FKD_FORMULA void fkd_energies(const double *b, uint32_t length, uint32_t lags, double *energies) {
  double energy = fkd_energy(b, length);
  for (uint32_t lag = 0; lag < lags; lag++) {
    energies[lag] = energy;
    if (lag + 1 < lags) energy = fmax(energy + b[length + lag] * b[length + lag] - b[lag] * b[lag], 0.0);
  }
}

/* The largest correlation of a[length], of energy `own`, with parts of b[length + 2 reach]. */
FKD_FORMULA void fkd_correlate(const double *a, double own, const double *b, const double *energies, uint32_t length,
                               uint32_t reach, fkd_neighbour *best) {
  const uint32_t lags = 2 * reach + 1;
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

/* Correlates own samples with those of n neighbours, as many as there is work memory for. `first`: of the own ones. */
FKD_FORMULA void fkd_compare(const fkd_search *s, int64_t first, uint32_t length, double own, fkd_neighbour *list,
                             uint32_t n) {
  const size_t span = fkd_span(s->window), lags = fkd_lags(s->window);
  for (uint32_t k = 0; k < n; k++) {
    const uint32_t reach = list[k].steps * s->window;
    fkd_copy_samples(s, list[k].node, first - reach, length + 2 * reach, s->other + k * span);
  }
  fkd_sync();
  for (uint32_t k = FKD_LANE; k < n; k += FKD_LANES) {
    s->energies[k * lags] = fkd_clip_limit(s->other + k * span, length + 2 * list[k].steps * s->window);
  }
  fkd_sync();
  for (uint32_t k = 0; k < n; k++) {
    fkd_clip(s->energies[k * lags], length + 2 * list[k].steps * s->window, s->other + k * span);
  }
  fkd_sync();
  for (uint32_t k = FKD_LANE; k < n; k += FKD_LANES) {
    fkd_energies(s->other + k * span, length, 2 * list[k].steps * s->window + 1, s->energies + k * lags);
  }
  fkd_sync();
  for (uint32_t k = 0; k < n; k++) {
    const uint32_t reach = list[k].steps * s->window;
    fkd_correlate(s->own, own, s->other + k * span, s->energies + k * lags, length, reach, &list[k]);
  }
  fkd_sync();
}

/* Correlates the block that begins at `start` with the traces beside it; returns how many there are. */
FKD_FORMULA uint32_t fkd_compare_block(const fkd_search *s, uint32_t start, fkd_neighbour *list, double *likeness) {
  const uint32_t half = 3 * s->window / 2;
  const int64_t first = (int64_t)start + s->window / 4 - half;
  const uint32_t n = fkd_find_neighbours(s, list);
  fkd_copy_samples(s, s->node, first, 2 * half, s->own);
  fkd_sync();
  const double limit = fkd_clip_limit(s->own, 2 * half);
  fkd_sync();
  fkd_clip(limit, 2 * half, s->own);
  fkd_sync();
  const double own = fkd_energy(s->own, 2 * half);
  for (uint32_t k = 0; k < n; k += s->at_once) {
    fkd_compare(s, first, 2 * half, own, list + k, n - k < s->at_once ? n - k : s->at_once);
  }
  double first_best = 0, second_best = 0;
  for (uint32_t k = 0; k < n; k++) {
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

#endif
