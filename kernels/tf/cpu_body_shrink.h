/* SPDX-License-Identifier: BSD-3-Clause */
/* Thresholding coefficients: median and MAD over the aperture, then the gain of each coefficient.
 *
 * A column of coefficients, one vector wide, is followed from trace to trace with the magnitudes of the aperture kept
 * sorted: one leaves, one enters, both without a branch. The MAD comes from the sorted magnitudes too: the q-th
 * smallest distance from m is the least radius around m that holds q of them, and those are q consecutive ones. Part of
 * each file tf_kernels_<isa>.c.
 */
#ifndef SEISPROC_KERNELS_TF_CPU_BODY_SHRINK_H
#define SEISPROC_KERNELS_TF_CPU_BODY_SHRINK_H

/* What is made of a coefficient. */
typedef struct decision {
  vf gain;
  vi weak;
} decision;

SP_INLINE void finish(const sp_tf_strip *s, uint32_t trace, size_t at, decision v, vf m, vf a) {
  const uint32_t row = trace - s->base;
  const vf factor = sp_tf_factor(s->resynthesise[trace - s->first], v.gain, v.weak, m, a);
  vf_store(s->re[row] + at, factor * vf_load(s->re[row] + at));
  vf_store(s->im[row] + at, factor * vf_load(s->im[row] + at));
}

/* Decides again, in double precision, about the lanes that are set in `open`. */
static __attribute__((noinline)) decision resolve(const sp_tf_strip *s, uint32_t trace, size_t at, unsigned open,
                                                  decision v) {
  for (int l = 0; l < SP_LANES; l++) {
    if (!(open >> l & 1)) continue;
    const sp_tf_decision exact = sp_tf_decide(s, trace, at + (size_t)l);
    v.gain[l] = exact.gain;
    v.weak[l] = exact.weak ? -1 : 0;
  }
  return v;
}

/* Thresholds the coefficients at `at` of one trace; z[0 ... n-1] are the sorted magnitudes of its aperture. */
SP_INLINE void threshold(const sp_tf_strip *s, int mode, uint32_t trace, size_t at, const vi *z, int n) {
  const sp_tf_rule *rule = s->rule;
  const vf m = sp_tf_median(z, n), a = vf_load(s->mag[trace - s->base] + at), d = vf_abs(a - m);
  const vf t = sp_tf_limit(rule, m, sp_tf_mad(z, n, m));
  decision v = {sp_tf_gain(mode, d, t), sp_tf_is_weak(rule, m, a)};
  const unsigned open = sp_tf_open_weak(rule, m, a) | (mode == SP_TF_HARD ? sp_tf_open_hard(rule, m, a, d, t) : 0);
  if (__builtin_expect(open != 0, 0)) v = resolve(s, trace, at, open, v);
  if (s->smoothing->half) {
    vf_store(s->gain[trace - s->first] + at, v.gain);
    vf_store(s->median[trace - s->first] + at, m);
  } else {
    finish(s, trace, at, v, m, a);
  }
}

/* Traces first ... end - 1, whose apertures are whole, with a width and a mode that the compiler knows. */
SP_INLINE void follow_whole(const sp_tf_strip *s, int width, int mode, uint32_t first, uint32_t end) {
  float *const *mag = s->mag + (first - s->base) - width / 2;
  for (size_t at = 0; at < s->coefficients; at += SP_LANES) {
    vi z[SP_TF_MAX_APERTURE + 1];
    SP_UNROLL
    for (int i = 0; i < width; i++) window_insert(z, z, i, (vi)vf_load(mag[i] + at));
    for (uint32_t trace = first;; trace++) {
      threshold(s, mode, trace, at, z, width);
      if (trace + 1 == end) break;
      float *const *leaving = mag + (trace - first);
      window_replace(z, z, width, (vi)vf_load(leaving[0] + at), (vi)vf_load(leaving[width] + at));
    }
  }
}

/* The same with apertures of any width, clipped at the ends of the gather. */
static void follow(const sp_tf_strip *s, uint32_t first, uint32_t end) {
  float *const *mag = s->mag - s->base;
  for (size_t at = 0; at < s->coefficients; at += SP_LANES) {
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
      threshold(s, s->rule->mode, trace, at, z, n);
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

/* Averages the gains of one trace over time. */
static void smooth(const sp_tf_strip *s, float *gain) {
  const sp_tf_smoothing *how = s->smoothing;
  const size_t margin = how->half * how->stride;
  float *inside = s->line + margin;
  for (size_t i = 0; i < margin; i++) s->line[i] = inside[how->run + i] = 0;
  for (size_t start = 0; start + how->run <= s->coefficients; start += how->run) {
    for (size_t i = 0; i < how->run; i++) inside[i] = gain[start + i];
    for (size_t i = 0; i < how->run; i += SP_LANES) {
      vf sum = vf_load(s->line + i);
      for (size_t j = 1; j <= 2 * how->half; j++) sum += vf_load(s->line + i + j * how->stride);
      sum *= vf_load(how->inverse + i);
      if (i + SP_LANES <= how->run) {
        vf_store(gain + start + i, sum);
      } else {
        for (size_t j = i; j < how->run; j++) gain[start + j] = sum[j - i];
      }
    }
  }
}

static void finish_smoothed(const sp_tf_strip *s) {
  for (uint32_t i = 0; i < s->count; i++) {
    smooth(s, s->gain[i]);
    for (size_t at = 0; at < s->coefficients; at += SP_LANES) {
      const vf a = vf_load(s->mag[s->first + i - s->base] + at), m = vf_load(s->median[i] + at);
      decision v = {vf_load(s->gain[i] + at), sp_tf_is_weak(s->rule, m, a)};
      const unsigned open = sp_tf_open_weak(s->rule, m, a);
      if (__builtin_expect(open != 0, 0)) v.weak = resolve(s, s->first + i, at, open, v).weak;
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
