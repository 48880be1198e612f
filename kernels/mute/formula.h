/* SPDX-License-Identifier: BSD-3-Clause */
/* What of a trace is muted: one text for CPU and CUDA, in double precision, without fused operations, so that both have
 * the same bits. */
#ifndef SEISPROC_KERNELS_MUTE_FORMULA_H
#define SEISPROC_KERNELS_MUTE_FORMULA_H

#include <math.h>
#include <stdint.h>

#include "kernels/common/host_device.h"

enum {
  SP_MUTE_MAX_PICKS = 4096,
  SP_MUTE_MAX_SPANS = 16 /* of a trace: a polygon may enter and leave it so often */
};

#define SP_MUTE_LEAST_SPAN 1e-6 /* samples: what is narrower is the tip of a polygon, but for rounding */

typedef enum sp_mute_where { SP_MUTE_TOP, SP_MUTE_BOTTOM, SP_MUTE_INNER } sp_mute_where;
typedef enum sp_mute_shape { SP_MUTE_LINEAR, SP_MUTE_HYPERBOLIC, SP_MUTE_PICKS, SP_MUTE_HEADER } sp_mute_shape;

typedef struct sp_mute_pick {
  double value, time; /* of the header; s */
} sp_mute_pick;

typedef struct sp_mute_rule {
  int where, shape;
  double velocity[2], t0[2]; /* of the curve, or of the two of an inner mute; s */
  double taper, interval_s;  /* taper: samples */
  uint32_t n_picks;
  sp_mute_pick *picks; /* [n_picks] */
} sp_mute_rule;

/* What is muted, in samples from the first one, ends not included; -INFINITY and INFINITY: from the start, to the end.
 */
typedef struct sp_mute_span {
  double from, to;
} sp_mute_span;

SP_HOST_DEVICE double sp_mute_product(double a, double b) {
#ifdef __CUDA_ARCH__
  return __dmul_rn(a, b);
#else
  return a * b;
#endif
}

SP_HOST_DEVICE double sp_mute_sum(double a, double b) {
#ifdef __CUDA_ARCH__
  return __dadd_rn(a, b);
#else
  return a + b;
#endif
}

SP_HOST_DEVICE double sp_mute_curve(const sp_mute_rule *r, int which, double offset) {
  const double t0 = r->t0[which], moveout = fabs(offset) / r->velocity[which];
  if (r->shape == SP_MUTE_LINEAR) return sp_mute_sum(t0, moveout);
  return sqrt(sp_mute_sum(sp_mute_product(t0, t0), sp_mute_product(moveout, moveout)));
}

/* Time on the line through two picks. */
SP_HOST_DEVICE double sp_mute_between(const sp_mute_pick *a, const sp_mute_pick *b, double value) {
  const double share = (value - a->value) / (b->value - a->value);
  return sp_mute_sum(a->time, sp_mute_product(share, b->time - a->time));
}

SP_HOST_DEVICE double sp_mute_picked(const sp_mute_rule *r, double value) {
  const sp_mute_pick *picks = r->picks;
  uint32_t low = 0, high = r->n_picks - 1;
  if (value <= picks[low].value) return picks[low].time;
  if (value >= picks[high].value) return picks[high].time;
  while (high - low > 1) {
    const uint32_t middle = low + (high - low) / 2;
    if (picks[middle].value <= value) {
      low = middle;
    } else {
      high = middle;
    }
  }
  return sp_mute_between(&picks[low], &picks[high], value);
}

/* Times at which the edges of the polygon cross a trace, ascending; returns how many, at most 2 SP_MUTE_MAX_SPANS. An
 * edge has its lower value, and not its upper one. */
SP_HOST_DEVICE uint32_t sp_mute_crossings(const sp_mute_rule *r, double value, double *times) {
  uint32_t n = 0;
  for (uint32_t k = 0; k < r->n_picks && n < 2 * SP_MUTE_MAX_SPANS; k++) {
    const sp_mute_pick *a = &r->picks[k], *b = &r->picks[k + 1 < r->n_picks ? k + 1 : 0];
    if ((a->value <= value) == (b->value <= value)) continue;
    const double t = sp_mute_between(a, b, value);
    uint32_t at = n++;
    for (; at > 0 && times[at - 1] > t; at--) times[at] = times[at - 1];
    times[at] = t;
  }
  return n;
}

/* What is muted of a trace, ascending; returns how many. `delay` in ms, NAN: none. Header words in ms. */
SP_HOST_DEVICE uint32_t sp_mute_spans(const sp_mute_rule *r, double value, double other, double delay,
                                      sp_mute_span *spans) {
  double t[2 * SP_MUTE_MAX_SPANS];
  uint32_t n = 2;
  if (r->shape == SP_MUTE_HEADER) {
    t[0] = sp_mute_product(value, 1e-3);
    t[1] = sp_mute_product(r->where == SP_MUTE_INNER ? other : value, 1e-3);
    if (value == 0 || (r->where == SP_MUTE_INNER && other == 0)) return 0;
  } else if (r->shape == SP_MUTE_PICKS) {
    if (r->where == SP_MUTE_INNER) {
      n = sp_mute_crossings(r, value, t);
    } else {
      t[0] = t[1] = sp_mute_picked(r, value);
    }
  } else {
    t[0] = t[1] = sp_mute_curve(r, 0, value);
    if (r->where == SP_MUTE_INNER) t[1] = sp_mute_curve(r, 1, value);
  }
  const double start = isnan(delay) ? 0 : sp_mute_product(delay, 1e-3);
  uint32_t found = 0;
  for (uint32_t k = 0; k + 1 < n; k += 2) {
    sp_mute_span s;
    s.from = r->where == SP_MUTE_TOP ? -INFINITY : (t[k] - start) / r->interval_s;
    s.to = r->where == SP_MUTE_BOTTOM ? INFINITY : (t[k + 1] - start) / r->interval_s;
    if (s.to - s.from > SP_MUTE_LEAST_SPAN) spans[found++] = s;
  }
  return found;
}

/* Of a sample `distance` samples beyond what is muted; below 0: in it. */
SP_HOST_DEVICE float sp_mute_weight(double distance, double taper) {
  if (distance < 0) return 0;
  if (distance >= taper) return 1;
  const double cosine = cos(sp_mute_product(M_PI, distance) / taper);
  return (float)sp_mute_sum(0.5, -sp_mute_product(0.5, cosine));
}

#endif
