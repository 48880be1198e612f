/* Bad samples: spikes, bursts and traces that their neighbours know nothing of.
 *
 * A sample stands out where it is above 8 times, or the mean magnitude of a window around it above 5 times, the median
 * of that mean over 13 traces (5 x 5 on a grid). Ground roll near the source does so too, but it is coherent. So what
 * stands out is compared with the traces beside it (one and two nodes away on each axis), block by block of half a
 * window: the largest correlation over lags up to a window, of three windows around the block, magnitudes above three
 * medians clipped so that no single sample counts for much.
 *
 *   A window's mean that stands out (of magnitudes clipped at 8 medians, so that it is not a spike's) is bad where the
 *   correlation is below INCOHERENT with all neighbours; and from there on before and after while it is so, and the mean
 *   is above twice the median.
 *   A spike, a sample that stands out of a window that does not (mean below 3 medians), is bad where the correlation is
 *   below COHERENT with all neighbours, or where fewer than two of those with which it is not have a sample of a quarter
 *   of its height and the same sign at that lag, give or take one; samples found bad do not count in a second sweep.
 */
#include <math.h>
#include <string.h>

#include "kernels/fk_denoise/cpu.h"

enum { MAX_NEIGHBOURS = 8, MAX_SPAN = 5 * SP_FKD_MAX_WINDOW, NEED = 2 };

static const float SAMPLE_TIMES = 8, LEVEL_TIMES = 5, GO_ON_TIMES = 2, SPIKE_TIMES = 3, CLIP_TIMES = 3, SHARE = 0.25f;
static const double INCOHERENT = 0.55, COHERENT = 0.7, SIMILAR = 0.6;

/* A trace that is looked at, and what of the box that needs. */
typedef struct search {
  const sp_fkd_kernels *kernels;
  const sp_fkd_box *box;
  const float *levels, *medians; /* [node][row] */
  size_t row;
  uint32_t n, window; /* samples */
  uint32_t node;
  const float *x;
  float *clipped; /* level of the trace, of clipped magnitudes */
  uint8_t *bad;
} search;

/* A trace beside it: the lag of the largest correlation. */
typedef struct neighbour {
  uint32_t node;
  int lag;
  double correlation;
} neighbour;

/* --- correlation --------------------------------------------------------------------------------------------------- */

/* Samples from `first` on of a node, clipped; zeros outside the trace. */
static void clipped_samples(const search *s, uint32_t node, int64_t first, uint32_t count, double *to) {
  const float *x = s->box->rows[node], *median = s->medians + node * s->row;
  for (uint32_t i = 0; i < count; i++) {
    const int64_t t = first + i;
    if (t < 0 || t >= s->n) {
      to[i] = 0;
      continue;
    }
    const float limit = CLIP_TIMES * median[t], v = x[t] * s->box->scale;
    to[i] = v > limit ? limit : v < -limit ? -limit : v;
  }
}

/* The largest correlation of a[length] with parts of b[length + 2 reach]. */
static neighbour correlate(const double *a, const double *b, uint32_t length, uint32_t reach) {
  const uint32_t lags = 2 * reach + 1;
  double products[2 * SP_FKD_MAX_WINDOW + 1] = {0}, energy = 0, own = 0;
  neighbour best = {.correlation = 0};
  for (uint32_t i = 0; i < length; i++) {
    for (uint32_t lag = 0; lag < lags; lag++) products[lag] += a[i] * b[i + lag];
    own += a[i] * a[i];
    energy += b[i] * b[i];
  }
  for (uint32_t lag = 0; lag < lags; lag++) {
    const double norm = sqrt(own * energy), c = norm > 0 ? products[lag] / norm : 0;
    if (c > best.correlation) best = (neighbour){.lag = (int)lag - (int)reach, .correlation = c};
    if (lag + 1 < lags) energy = fmax(energy + b[length + lag] * b[length + lag] - b[lag] * b[lag], 0);
  }
  return best;
}

/* Nodes one and two steps away that are not dead. */
static uint32_t find_neighbours(const search *s, neighbour *list) {
  const sp_fkd_layout *l = &s->box->layout;
  const int64_t i = s->node / l->j.n, j = s->node % l->j.n;
  uint32_t n = 0;
  for (int axis = 0; axis < 2; axis++) {
    for (int d = -2; d <= 2; d++) {
      const int64_t at_i = i + (axis ? d : 0), at_j = j + (axis ? 0 : d);
      if (d == 0 || at_i < 0 || at_j < 0 || at_i >= l->i.n || at_j >= l->j.n) continue;
      const uint32_t node = (uint32_t)(at_i * l->j.n + at_j);
      if (s->box->rows[node]) list[n++].node = node;
    }
  }
  return n;
}

/* Correlates the block that begins at `start` with the traces beside it; returns how many there are. */
static uint32_t compare_block(const search *s, uint32_t start, neighbour *list, double *largest) {
  const uint32_t half = 3 * s->window / 2, reach = s->window;
  const int64_t first = (int64_t)start + s->window / 4 - half;
  const uint32_t n = find_neighbours(s, list);
  double own[MAX_SPAN], other[MAX_SPAN];
  clipped_samples(s, s->node, first, 2 * half, own);
  *largest = 0;
  for (uint32_t k = 0; k < n; k++) {
    const uint32_t node = list[k].node;
    clipped_samples(s, node, first - reach, 2 * half + 2 * reach, other);
    list[k] = correlate(own, other, 2 * half, reach);
    list[k].node = node;
    *largest = fmax(*largest, list[k].correlation);
  }
  return n;
}

/* --- what is bad of a trace ----------------------------------------------------------------------------------------- */

enum { GOOD, BAD, BAD_LATER /* found in the second sweep */ };

static bool sample_stands_out(const search *s, uint32_t t) {
  return fabsf(s->x[t] * s->box->scale) > SAMPLE_TIMES * s->medians[s->node * s->row + t];
}

static bool level_is_above(const search *s, uint32_t t, float times) {
  return s->clipped[t] > times * s->medians[s->node * s->row + t];
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
      if (at < 0 || at >= s->n || bad[at] == BAD) continue;
      similar |= (x < 0 ? -y[at] : y[at]) > SHARE * fabsf(x);
    }
    found += similar;
  }
  return found >= (n < NEED ? n : NEED);
}

/* Marks spikes in the block start ... end - 1. */
static void mark_spikes(const search *s, uint32_t start, uint32_t end, const neighbour *list, uint32_t n,
                        double largest, uint8_t mark) {
  for (uint32_t t = start; t < end; t++) {
    if (s->bad[t] == BAD || !sample_stands_out(s, t)) continue;
    if (level_is_above(s, t, SPIKE_TIMES) && largest >= INCOHERENT) continue;
    if (largest < COHERENT || !is_explained(s, t, list, n)) s->bad[t] = mark;
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
    if (level_is_above(s, t, times)) s->bad[t] = BAD;
  }
}

static uint32_t block_end(const search *s, uint32_t start) {
  const uint32_t hop = s->window / 2;
  return s->n - start < hop ? s->n : start + hop;
}

/* Goes on from an incoherent block, before or after it, as long as the level stays high and incoherent. */
static void go_on(const search *s, uint32_t block, int step) {
  const int64_t hop = s->window / 2;
  for (int64_t b = (int64_t)block + step; b >= 0 && b * hop < s->n; b += step) {
    const uint32_t start = (uint32_t)(b * hop), end = block_end(s, start);
    neighbour list[MAX_NEIGHBOURS];
    double largest;
    if (!block_has(s, start, end, GO_ON_TIMES, false)) return;
    if (block_has(s, start, end, LEVEL_TIMES, false)) return; /* a block of its own */
    compare_block(s, start, list, &largest);
    if (largest >= INCOHERENT) return;
    mark_level(s, start, end, GO_ON_TIMES);
  }
}

/* One sweep over the blocks of a trace. */
static void sweep_trace(const search *s, bool second) {
  const uint32_t hop = s->window / 2;
  for (uint32_t start = 0; start < s->n; start += hop) {
    const uint32_t end = block_end(s, start);
    neighbour list[MAX_NEIGHBOURS];
    double largest;
    if (!block_has(s, start, end, LEVEL_TIMES, true)) continue;
    const uint32_t n = compare_block(s, start, list, &largest);
    mark_spikes(s, start, end, list, n, largest, second ? BAD_LATER : BAD);
    if (second || largest >= INCOHERENT || !block_has(s, start, end, LEVEL_TIMES, false)) continue;
    mark_level(s, start, end, GO_ON_TIMES);
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

/* Rows that stand out somewhere are looked at. */
static void sweep(const search *all, bool coherent, bool second) {
  const sp_fkd_box *box = all->box;
  const uint32_t nodes = box->layout.i.n * box->layout.j.n;
  for (uint32_t node = 0; node < nodes; node++) {
    search s = *all;
    const float *level = s.levels + node * s.row, *median = s.medians + node * s.row;
    if (!box->rows[node]) continue;
    if (!s.kernels->stands_out(box, box->rows[node], level, median, SAMPLE_TIMES, LEVEL_TIMES)) continue;
    s.node = node;
    s.x = box->rows[node];
    s.bad = box->work.bad + (size_t)node * s.n;
    if (!coherent) {
      mark_all(&s);
      continue;
    }
    s.kernels->level(box, s.x, median, SAMPLE_TIMES, s.clipped);
    sweep_trace(&s, second);
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
  kernels->medians(box, levels, medians);
  const search s = {.kernels = kernels,
                    .box = box,
                    .levels = levels,
                    .medians = medians,
                    .row = row,
                    .n = l->t.n,
                    .window = l->t.window,
                    .clipped = box->work.rows + 4 * (size_t)(l->t.n + 2 * SP_FKD_MAX_WINDOW)};
  sweep(&s, coherent, false);
  if (coherent) sweep(&s, coherent, true);
  for (size_t i = 0; i < samples; i++) {
    box->work.bad[i] = box->work.bad[i] != GOOD;
    count += box->work.bad[i];
  }
  return count;
}
