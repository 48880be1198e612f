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
 *   found bad do not count in a second sweep.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/fk_denoise/cpu.h"

enum { MAX_NEIGHBOURS = 8, FURTHEST = 4, MAX_SPAN = (3 + 2 * FURTHEST) * SP_FKD_MAX_WINDOW, NEED = 2, AROUND = 2 };

static const float SAMPLE_TIMES = 8, LEVEL_TIMES = 5, GO_ON_TIMES = 2, CLIP_TIMES = 3, SHARE = 0.25f, MATCH = 1 / 3.0f,
                   QUIET = 0.05f;
static const double INCOHERENT = 0.55, INCOHERENT_AT_END = 0.5, COHERENT = 0.6, SIMILAR = 0.5;

/* A trace that is looked at, and what of the box that needs. */
typedef struct search {
  const sp_fkd_kernels *kernels;
  const sp_fkd_box *box;
  const float *levels, *medians; /* [node][row] */
  size_t row;
  uint32_t n, window; /* samples */
  uint32_t node;
  const float *x;
  uint8_t *bad;
} search;

/* A trace beside it: the lag of the largest correlation. */
typedef struct neighbour {
  uint32_t node, steps; /* nodes away */
  int lag;
  double correlation;
} neighbour;

/* --- correlation -------------- */

/* Samples from `first` on of a node, clipped at a multiple of their mean magnitude; zeros outside the trace. */
static void clipped_samples(const search *s, uint32_t node, int64_t first, uint32_t count, double *to) {
  const float *x = s->box->rows[node];
  double sum = 0;
  for (uint32_t i = 0; i < count; i++) {
    const int64_t t = first + i;
    to[i] = t >= 0 && t < s->n ? (double)x[t] : 0;
    sum += fabs(to[i]);
  }
  const double limit = CLIP_TIMES * sum / count;
  for (uint32_t i = 0; i < count; i++) to[i] = fmin(fmax(to[i], -limit), limit);
}

/* The largest correlation of a[length] with parts of b[length + 2 reach]. */
static void correlate(const double *a, const double *b, uint32_t length, uint32_t reach, neighbour *best) {
  const uint32_t lags = 2 * reach + 1;
  double products[2 * FURTHEST * SP_FKD_MAX_WINDOW + 1] = {0}, energy = 0, own = 0;
  for (uint32_t i = 0; i < length; i++) {
    for (uint32_t lag = 0; lag < lags; lag++) products[lag] += a[i] * b[i + lag];
    own += a[i] * a[i];
    energy += b[i] * b[i];
  }
  for (uint32_t lag = 0; lag < lags; lag++) {
    const double norm = sqrt(own * energy), c = norm > 0 ? products[lag] / norm : 0;
    if (c > best->correlation) {
      best->correlation = c;
      best->lag = (int)lag - (int)reach;
    }
    if (lag + 1 < lags) energy = fmax(energy + b[length + lag] * b[length + lag] - b[lag] * b[lag], 0);
  }
}

/* The nearest nodes on each axis that are not dead, up to four of an axis: one and two steps away, or at an end further
 * ones instead. */
static uint32_t find_neighbours(const search *s, neighbour *list) {
  const sp_fkd_layout *l = &s->box->layout;
  const int64_t i = s->node / l->j.n, j = s->node % l->j.n;
  uint32_t n = 0;
  for (int axis = 0; axis < 2; axis++) {
    const uint32_t most = n + 4;
    for (int steps = 1; steps <= FURTHEST && n < most; steps++) {
      for (int d = -steps; d <= steps && n < most; d += 2 * steps) {
        const int64_t at_i = i + (axis ? d : 0), at_j = j + (axis ? 0 : d);
        if (at_i < 0 || at_j < 0 || at_i >= l->i.n || at_j >= l->j.n) continue;
        const uint32_t node = (uint32_t)(at_i * l->j.n + at_j);
        if (s->box->rows[node]) list[n++] = (neighbour){.node = node, .steps = (uint32_t)steps};
      }
    }
  }
  return n;
}

/* Correlates the block that begins at `start` with the traces beside it; returns how many there are. */
static uint32_t compare_block(const search *s, uint32_t start, neighbour *list, double *likeness) {
  const uint32_t half = 3 * s->window / 2;
  const int64_t first = (int64_t)start + s->window / 4 - half;
  const uint32_t n = find_neighbours(s, list);
  double own[MAX_SPAN], other[MAX_SPAN];
  clipped_samples(s, s->node, first, 2 * half, own);
  double first_best = 0, second_best = 0;
  for (uint32_t k = 0; k < n; k++) {
    const uint32_t reach = list[k].steps * s->window;
    clipped_samples(s, list[k].node, first - reach, 2 * half + 2 * reach, other);
    correlate(own, other, 2 * half, reach, &list[k]);
    second_best = fmax(second_best, fmin(first_best, list[k].correlation));
    first_best = fmax(first_best, list[k].correlation);
  }
  *likeness = 0.5 * (first_best + second_best);
  return n;
}

/* The likeness below which a trace is incoherent: less at an end, where traces on one side only are there to compare.
 */
static double least_likeness(const search *s) {
  const sp_fkd_layout *l = &s->box->layout;
  const uint32_t i = s->node / l->j.n, j = s->node % l->j.n;
  const bool inside = (j > 0 && j + 1 < l->j.n) || (i > 0 && i + 1 < l->i.n);
  return inside ? INCOHERENT : INCOHERENT_AT_END;
}

/* --- what is bad of a trace -------------- */

enum { GOOD, BAD, BAD_LATER /* found in the second sweep */, BAD_RUN /* by its level */ };

static bool sample_stands_out(const search *s, uint32_t t) {
  return fabsf(s->x[t] * s->box->scale) > SAMPLE_TIMES * s->medians[s->node * s->row + t];
}

static bool level_is_above(const search *s, uint32_t t, float times) {
  return s->levels[s->node * s->row + t] > times * s->medians[s->node * s->row + t];
}

/* Whether enough of the traces beside it have a sample like this one. */
static bool is_explained(const search *s, uint32_t t, const neighbour *list, uint32_t n) {
  const float x = s->x[t];
  uint32_t found = 0;
  for (uint32_t k = 0; k < n; k++) {
    if (list[k].correlation < SIMILAR) continue;
    const float *y = s->box->rows[list[k].node];
    const uint8_t *bad = s->box->work.bad + (size_t)list[k].node * s->n;
    bool similar = false;
    for (int64_t at = (int64_t)t + list[k].lag - 1; at <= (int64_t)t + list[k].lag + 1; at++) {
      if (at < 0 || at >= s->n || bad[at] == BAD || bad[at] == BAD_RUN) continue;
      similar |= (x < 0 ? -y[at] : y[at]) > SHARE * fabsf(x);
    }
    found += similar;
  }
  return found >= (n < NEED ? n : NEED);
}

static bool is_spike(const search *s, uint32_t t) {
  int high = 0;
  for (int64_t at = (int64_t)t - 4; at <= (int64_t)t + 4; at++) {
    if (at >= 0 && at < s->n && at != t) high += fabsf(s->x[at]) > fabsf(s->x[t]) / 5;
  }
  return high < 3;
}

static float highest(const float *level, uint32_t start, uint32_t end) {
  float most = 0;
  for (uint32_t t = start; t < end; t++) most = fmaxf(most, level[t]);
  return most;
}

static float largest(const float *x, uint32_t n) {
  float most = 0;
  for (uint32_t t = 0; t < n; t++) most = fmaxf(most, fabsf(x[t]));
  return most;
}

/* Whether enough of the traces beside it have a level of `enough` at some time near to start ... end, or later where
 * they have been quiet up to then. */
static bool is_matched(const search *s, uint32_t start, uint32_t end, float enough, const neighbour *list, uint32_t n) {
  const bool begins = largest(s->x, s->window) < QUIET * largest(s->x, s->n);
  uint32_t found = 0;
  for (uint32_t k = 0; k < n; k++) {
    const float *level = s->levels + list[k].node * s->row;
    const uint32_t reach = list[k].steps * s->window, first = start < reach ? 0 : start - reach;
    const uint32_t last = s->n - end < reach ? s->n : end + reach;
    const float later = highest(level, last, s->n);
    found +=
        highest(level, first, last) > enough || (begins && later > enough && highest(level, 0, last) < QUIET * later);
  }
  return found >= (n < NEED ? n : NEED);
}

static bool block_is_matched(const search *s, uint32_t start, uint32_t end, const neighbour *list, uint32_t n) {
  const float most = highest(s->levels + s->node * s->row, start, end);
  return is_matched(s, start, end, MATCH * most, list, n);
}

/* Marks samples of the block start ... end - 1 that stand out. */
static void mark_samples(const search *s, uint32_t start, uint32_t end, const neighbour *list, uint32_t n,
                         double likeness, uint8_t mark) {
  const bool strange = likeness < least_likeness(s) && !block_is_matched(s, start, end, list, n);
  for (uint32_t t = start; t < end; t++) {
    if (s->bad[t] != GOOD || !sample_stands_out(s, t)) continue;
    const float height = fabsf(s->x[t] * s->box->scale);
    const bool spike = is_spike(s, t) && (likeness < COHERENT || !is_explained(s, t, list, n)) &&
                       !is_matched(s, t, t + 1, height / SAMPLE_TIMES, list, n);
    if (strange || spike) s->bad[t] = mark;
  }
}

static bool block_has(const search *s, uint32_t start, uint32_t end, float times, bool samples) {
  for (uint32_t t = start; t < end; t++) {
    if (level_is_above(s, t, times) || (samples && sample_stands_out(s, t))) return true;
  }
  return false;
}

static void mark_level(const search *s, uint32_t start, uint32_t end, float times) {
  for (uint32_t t = start; t < end; t++) {
    if (level_is_above(s, t, times)) s->bad[t] = BAD_RUN;
  }
}

static uint32_t block_end(const search *s, uint32_t start) {
  const uint32_t hop = s->window / 2;
  return s->n - start < hop ? s->n : start + hop;
}

/* Likeness of a block whose level is high, averaged over those around it as far as theirs is. */
static double mean_likeness(const search *s, uint32_t block) {
  const int64_t hop = s->window / 2;
  double sum, likeness;
  int n = 1;
  neighbour list[MAX_NEIGHBOURS];
  compare_block(s, (uint32_t)(block * hop), list, &sum);
  for (int step = -1; step <= 1; step += 2) {
    for (int64_t b = (int64_t)block + step; llabs(b - block) <= AROUND && b >= 0 && b * hop < s->n; b += step) {
      const uint32_t start = (uint32_t)(b * hop);
      if (!block_has(s, start, block_end(s, start), GO_ON_TIMES, false)) break;
      compare_block(s, start, list, &likeness);
      sum += likeness;
      n++;
    }
  }
  return sum / n;
}

static bool is_run(const search *s, uint32_t start, uint32_t end) {
  return memchr(s->bad + start, BAD_RUN, end - start) != NULL;
}

/* Goes on from a bad block, before or after it, as long as the level stays high and incoherent. */
static void go_on(const search *s, uint32_t block, int step) {
  const int64_t hop = s->window / 2;
  for (int64_t b = (int64_t)block + step; b >= 0 && b * hop < s->n; b += step) {
    const uint32_t start = (uint32_t)(b * hop), end = block_end(s, start);
    if (is_run(s, start, end) || !block_has(s, start, end, GO_ON_TIMES, false)) return;
    if (mean_likeness(s, (uint32_t)b) >= least_likeness(s)) return;
    mark_level(s, start, end, GO_ON_TIMES);
  }
}

/* Marks the blocks of a trace, one by one. */
static void mark_blocks(const search *s, bool second) {
  const uint32_t hop = s->window / 2;
  for (uint32_t start = 0; start < s->n; start += hop) {
    const uint32_t end = block_end(s, start);
    neighbour list[MAX_NEIGHBOURS];
    double likeness;
    if (!block_has(s, start, end, LEVEL_TIMES, true)) continue;
    const uint32_t n = compare_block(s, start, list, &likeness);
    mark_samples(s, start, end, list, n, likeness, second ? BAD_LATER : BAD);
    if (second || !block_has(s, start, end, LEVEL_TIMES, false)) continue;
    if (mean_likeness(s, start / hop) >= least_likeness(s) || block_is_matched(s, start, end, list, n)) continue;
    mark_level(s, start, end, GO_ON_TIMES);
  }
}

static void sweep_trace(const search *s, bool second) {
  const uint32_t hop = s->window / 2;
  mark_blocks(s, second);
  for (uint32_t start = 0; start < s->n && !second; start += hop) {
    if (!is_run(s, start, block_end(s, start))) continue;
    go_on(s, start / hop, -1);
    go_on(s, start / hop, 1);
  }
}

/* What stands out, coherent or not. */
static void mark_all(const search *s) {
  const float *level = s->levels + s->node * s->row, *median = s->medians + s->node * s->row;
  for (uint32_t t = 0; t < s->n; t++) {
    s->bad[t] = median[t] > 0 && (level[t] > LEVEL_TIMES * median[t] || sample_stands_out(s, t)) ? BAD : GOOD;
  }
}

static void sweep(const search *all, bool coherent, bool second) {
  const sp_fkd_box *box = all->box;
  const uint32_t nodes = box->layout.i.n * box->layout.j.n;
  for (uint32_t node = 0; node < nodes; node++) {
    if (!box->work.stands_out[node]) continue;
    search s = *all;
    s.node = node;
    s.x = box->rows[node];
    s.bad = box->work.bad + (size_t)node * s.n;
    if (coherent) {
      sweep_trace(&s, second);
    } else {
      mark_all(&s);
    }
  }
}

/* Finds the traces that stand out somewhere, and where coherence counts clips their levels: of others that would change
 * nothing. */
static void find_rows(const search *s, float *levels, bool coherent) {
  const sp_fkd_box *box = s->box;
  const uint32_t nodes = box->layout.i.n * box->layout.j.n;
  for (uint32_t node = 0; node < nodes; node++) {
    const float *x = box->rows[node], *median = s->medians + node * s->row;
    float *level = levels + node * s->row;
    box->work.stands_out[node] = x && s->kernels->stands_out(box, x, level, median, SAMPLE_TIMES, LEVEL_TIMES);
    if (box->work.stands_out[node] && coherent) s->kernels->level(box, x, median, SAMPLE_TIMES, level);
  }
}

size_t sp_fkd_find_bad(const sp_fkd_kernels *kernels, const sp_fkd_box *box, bool coherent) {
  const sp_fkd_layout *l = &box->layout;
  const size_t nodes = (size_t)l->i.n * l->j.n, row = sp_fkd_level_row(l), samples = nodes * l->t.n;
  float *levels = box->work.out, *medians = box->work.in;
  size_t count = 0;
  memset(box->work.bad, GOOD, samples);
  for (size_t node = 0; node < nodes; node++) {
    if (box->rows[node]) {
      kernels->level(box, box->rows[node], NULL, 0, levels + node * row);
    } else {
      memset(levels + node * row, 0, row * sizeof *levels);
    }
  }
  kernels->medians(box, levels, coherent, medians);
  const search s = {.kernels = kernels,
                    .box = box,
                    .levels = levels,
                    .medians = medians,
                    .row = row,
                    .n = l->t.n,
                    .window = l->t.window};
  find_rows(&s, levels, coherent);
  sweep(&s, coherent, false);
  if (coherent) sweep(&s, coherent, true);
  for (size_t i = 0; i < samples; i++) {
    box->work.bad[i] = box->work.bad[i] != GOOD;
    count += box->work.bad[i];
  }
  return count;
}
