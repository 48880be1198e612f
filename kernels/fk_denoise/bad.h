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
 * may be taken in any order, or at once.
 */
#ifndef SEISPROC_KERNELS_FK_DENOISE_BAD_H
#define SEISPROC_KERNELS_FK_DENOISE_BAD_H

#include "kernels/fk_denoise/likeness.h"

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
