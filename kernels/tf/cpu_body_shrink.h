/* Judging cells: median and MAD over the aperture, then the share of its deviation that each cell keeps.
 *
 * A column of cells, one vector wide, is followed from trace to trace with the magnitudes of the aperture kept sorted:
 * one leaves, one enters, both without a branch. The MAD comes from the sorted magnitudes too: the q-th smallest
 * distance from m is the least radius around m that holds q of them, and those are q consecutive ones.
 * Part of each file tf_kernels_<isa>.c.
 */
#ifndef SEISPROC_KERNELS_TF_CPU_BODY_SHRINK_H
#define SEISPROC_KERNELS_TF_CPU_BODY_SHRINK_H

/* q-th smallest of |z[i] - m|. A term is negative only where the other one is not, and loses as an integer too. */
SP_INLINE vf nearest(const vi *z, int n, int q, vf m) {
  vf radius = positive_max(m - (vf)z[0], (vf)z[q - 1] - m);
  SP_UNROLL
  for (int i = 1; i <= n - q; i++) radius = positive_min(radius, positive_max(m - (vf)z[i], (vf)z[i + q - 1] - m));
  return radius;
}

SP_INLINE void statistics(const vi *z, int n, vf *median, vf *mad) {
  const int q = n / 2 + 1;
  if (n % 2) {
    *median = (vf)z[n / 2];
    *mad = nearest(z, n, q, *median);
  } else {
    *median = 0.5f * ((vf)z[n / 2 - 1] + (vf)z[n / 2]);
    *mad = 0.5f * (nearest(z, n, q - 1, *median) + nearest(z, n, q, *median));
  }
}

/* The share of its deviation d >= 0 that a cell keeps. t, the limit of d, is above 0. */
SP_INLINE vf share_of(int mode, vf d, vf t) {
  switch (mode) {
  case SP_TF_HARD:
    return positive_pick(t, d, vf_set(0), vf_set(1));
  case SP_TF_SCALED: {
    const vf beyond = vf_max(vf_min(d / t, vf_set(1e15f)), vf_set(1)) - 1.0f;
    return 1.0f / multiply_add(beyond, beyond, vf_set(1));
  }
  case SP_TF_SOFT:
    return vf_max(1.0f - t / d, vf_set(0));
  case SP_TF_GARROTE: {
    const vf inverse_r = t / d;
    return vf_max(multiply_from(inverse_r, inverse_r, vf_set(1)), vf_set(0));
  }
  default:
    return vf_min(vf_max(2.0f - d / t, vf_set(0)), vf_set(1));
  }
}

/* What is made of a cell. */
typedef struct verdict {
  vf share;
  vi weak;
} verdict;

/* What the phasor of a cell is multiplied by. Sums of positive terms, so that a cell far from m keeps its digits. */
SP_INLINE vf change(bool rebuild, verdict v, vf m, vf a) {
  if (!rebuild) return (vf)(~v.weak & (vi)((v.share - 1.0f) * (a - m)));
  const vf kept = positive_pick(m, a, v.share, (1.0f - v.share));
  const vf magnitude = multiply_add(kept, vf_abs(a - m), positive_min(a, m));
  return (vf)((~v.weak & (vi)magnitude) | (v.weak & (vi)a));
}

SP_INLINE void finish(const sp_tf_strip *s, uint32_t trace, size_t at, verdict v, vf m, vf a) {
  const uint32_t row = trace - s->base;
  const vf factor = change(s->rebuild[trace - s->first], v, m, a);
  vf_store(s->re[row] + at, factor * vf_load(s->re[row] + at));
  if (!s->real) vf_store(s->im[row] + at, factor * vf_load(s->im[row] + at));
}

/* Decides again, in double precision, about the lanes that are set in `open`. */
static __attribute__((noinline)) verdict settle(const sp_tf_strip *s, uint32_t trace, size_t at, unsigned open,
                                                verdict v) {
  for (int l = 0; l < SP_LANES; l++) {
    if (!(open >> l & 1)) continue;
    const sp_tf_verdict exact = sp_tf_decide(s, trace, at + (size_t)l);
    v.share[l] = exact.share;
    v.weak[l] = exact.weak ? -1 : 0;
  }
  return v;
}

/* Lanes of cells that may or may not be weak. */
SP_INLINE unsigned open_weak(const sp_tf_rule *rule, vf m, vf a) {
  return lanes_between(a, rule->weak_below * m, rule->weak_above * m);
}

/* Lanes whose deviation d may or may not exceed its limit t. */
SP_INLINE unsigned open_hard(const sp_tf_rule *rule, vf m, vf a, vf d, vf t) {
  const vf margin = (0.25f * rule->margin * (1 + rule->limit)) * (m + a);
  return lanes_between(d, t - margin, t + margin);
}

/* Judges the cells at `at` of one trace; z[0 ... n-1] are the sorted magnitudes of its aperture. */
SP_INLINE void judge(const sp_tf_strip *s, int mode, uint32_t trace, size_t at, const vi *z, int n) {
  const sp_tf_rule *rule = s->rule;
  vf m, mad;
  statistics(z, n, &m, &mad);
  const vf a = vf_load(s->mag[trace - s->base] + at), d = vf_abs(a - m), least = vf_set((float)SP_TF_LEAST_ABSOLUTE);
  const vf scale = positive_max(mad, positive_max((float)SP_TF_LEAST_RELATIVE * m, least));
  /* k may be 0 */
  const vf t = positive_max(rule->limit * scale, vf_set((float)SP_TF_LEAST_LIMIT));
  verdict v = {share_of(mode, d, t), a < rule->low_amp * m};
  const unsigned open = open_weak(rule, m, a) | (mode == SP_TF_HARD ? open_hard(rule, m, a, d, t) : 0);
  if (__builtin_expect(open != 0, 0)) v = settle(s, trace, at, open, v);
  if (s->smoothing->half) {
    vf_store(s->share[trace - s->first] + at, v.share);
    vf_store(s->median[trace - s->first] + at, m);
  } else {
    finish(s, trace, at, v, m, a);
  }
}

/* Traces first ... end - 1, whose apertures are whole, with a width and a mode that the compiler knows. */
SP_INLINE void follow_whole(const sp_tf_strip *s, int width, int mode, uint32_t first, uint32_t end) {
  float *const *mag = s->mag + (first - s->base) - width / 2;
  for (size_t at = 0; at < s->cells; at += SP_LANES) {
    vi z[SP_TF_MAX_APERTURE + 1];
    SP_UNROLL
    for (int i = 0; i < width; i++) window_insert(z, z, i, (vi)vf_load(mag[i] + at));
    for (uint32_t trace = first;; trace++) {
      judge(s, mode, trace, at, z, width);
      if (trace + 1 == end) break;
      float *const *leaving = mag + (trace - first);
      window_replace(z, z, width, (vi)vf_load(leaving[0] + at), (vi)vf_load(leaving[width] + at));
    }
  }
}

/* The same with apertures of any width, clipped at the ends of the gather. */
static void follow(const sp_tf_strip *s, uint32_t first, uint32_t end) {
  float *const *mag = s->mag - s->base;
  for (size_t at = 0; at < s->cells; at += SP_LANES) {
    vi z[SP_TF_MAX_APERTURE + 1];
    int n = 0;
    uint32_t low = first > s->half_aperture ? first - s->half_aperture : 0, high = low;
    for (uint32_t trace = first; trace < end; trace++) {
      const bool leaves = trace > s->half_aperture + low;
      const uint32_t reach = trace + s->half_aperture + 1 < s->n_traces ? trace + s->half_aperture + 1 : s->n_traces;
      if (leaves && high < reach) {
        const vi gone = (vi)vf_load(mag[low++] + at);
        window_replace(z, z, n, gone, (vi)vf_load(mag[high++] + at));
      } else if (leaves) {
        window_replace(z, z, n--, (vi)vf_load(mag[low++] + at), vi_set(INT32_MAX));
      }
      while (high < reach) window_insert(z, z, n++, (vi)vf_load(mag[high++] + at));
      judge(s, s->rule->mode, trace, at, z, n);
    }
  }
}

#define WHOLE(width, mode)                                                                                             \
  static void whole_##width##_##mode(const sp_tf_strip *s, uint32_t first, uint32_t end) {                             \
    follow_whole(s, width, SP_TF_##mode, first, end);                                                                  \
  }
#define WHOLE_MODES(width)                                                                                             \
  WHOLE(width, ADAPTIVE)                                                                                               \
  WHOLE(width, HARD)                                                                                                   \
  WHOLE(width, SCALED)                                                                                                 \
  WHOLE(width, SOFT)                                                                                                   \
  WHOLE(width, GARROTE)
WHOLE_MODES(3)
WHOLE_MODES(5)
WHOLE_MODES(7)
#undef WHOLE_MODES
#undef WHOLE

typedef void follow_function(const sp_tf_strip *s, uint32_t first, uint32_t end);

static follow_function *choose_whole(uint32_t half_aperture, int mode) {
#define MODES(width)                                                                                                   \
  {                                                                                                                    \
    [SP_TF_ADAPTIVE] = whole_##width##_ADAPTIVE, [SP_TF_HARD] = whole_##width##_HARD,                                  \
    [SP_TF_SCALED] = whole_##width##_SCALED, [SP_TF_SOFT] = whole_##width##_SOFT,                                      \
    [SP_TF_GARROTE] = whole_##width##_GARROTE                                                                          \
  }
  static follow_function *const by_width[][SP_TF_MODE_COUNT] = {MODES(3), MODES(5), MODES(7)};
#undef MODES
  return half_aperture <= 3 ? by_width[half_aperture - 1][mode] : follow;
}

/* Averages the shares of one trace over time. */
static void smooth(const sp_tf_strip *s, float *share) {
  const sp_tf_smoothing *how = s->smoothing;
  const size_t margin = how->half * how->stride;
  float *inside = s->line + margin;
  for (size_t i = 0; i < margin; i++) s->line[i] = inside[how->run + i] = 0;
  for (size_t start = 0; start + how->run <= s->cells; start += how->run) {
    for (size_t i = 0; i < how->run; i++) inside[i] = share[start + i];
    for (size_t i = 0; i < how->run; i += SP_LANES) {
      vf sum = vf_load(s->line + i);
      for (size_t j = 1; j <= 2 * how->half; j++) sum += vf_load(s->line + i + j * how->stride);
      sum *= vf_load(how->inverse + i);
      if (i + SP_LANES <= how->run) {
        vf_store(share + start + i, sum);
      } else {
        for (size_t j = i; j < how->run; j++) share[start + j] = sum[j - i];
      }
    }
  }
}

static void finish_smoothed(const sp_tf_strip *s) {
  for (uint32_t i = 0; i < s->count; i++) {
    smooth(s, s->share[i]);
    for (size_t at = 0; at < s->cells; at += SP_LANES) {
      const vf a = vf_load(s->mag[s->first + i - s->base] + at), m = vf_load(s->median[i] + at);
      verdict v = {vf_load(s->share[i] + at), a < s->rule->low_amp * m};
      const unsigned open = open_weak(s->rule, m, a);
      if (__builtin_expect(open != 0, 0)) v.weak = settle(s, s->first + i, at, open, v).weak;
      finish(s, s->first + i, at, v, m, a);
    }
  }
}

static void shrink(const sp_tf_strip *s) {
  const uint32_t half = s->half_aperture, end = s->first + s->count;
  const uint32_t whole_from = s->first > half ? s->first : half < end ? half : end;
  uint32_t whole_to = s->n_traces > half ? s->n_traces - half : 0;
  if (whole_to > end) whole_to = end;
  if (whole_to < whole_from) whole_to = whole_from;
  if (s->first < whole_from) follow(s, s->first, whole_from);
  if (whole_from < whole_to) choose_whole(half, s->rule->mode)(s, whole_from, whole_to);
  if (whole_to < end) follow(s, whole_to, end);
  if (s->smoothing->half) finish_smoothed(s);
}

#endif
