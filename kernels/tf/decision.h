/* SPDX-License-Identifier: BSD-3-Clause */
/* What is decided about a coefficient of `tf`, for CPU and GPU: the formulas of tf.h.
 *
 * m and MAD are median and median absolute deviation of the magnitudes of the aperture, a the magnitude of the
 * coefficient, d = |a - m|, t = k 1.4826 max(MAD, 0.01 m, 1e-10) the limit of d. The gain is what of its deviation a
 * coefficient keeps. It is weak where low amplitudes are protected and a < low_amp m: then it is not raised.
 *
 * Single precision may not tell on which side of a jump a coefficient lies: such coefficients are open, and decided
 * again in double precision from the samples (the functions sp_tf_exact_*).
 */
#ifndef SEISPROC_KERNELS_TF_DECISION_H
#define SEISPROC_KERNELS_TF_DECISION_H

#include <math.h>

#include "kernels/common/number.h"
#include "kernels/tf/tf.h"

/* --- median and MAD of sorted magnitudes ----------------------------------------------------------------------- */

/* q-th smallest of |z[i] - m|, of n sorted z: the least radius around m that holds q of them, which are consecutive. A
 * term is negative only where the other one is not, and loses in any order of the bits. */
SP_FORMULA num sp_tf_nearest(const num_rank *z, int n, int q, num m) {
  num radius = size_max(num_sub(m, size_of_rank(z[0])), num_sub(size_of_rank(z[q - 1]), m));
  SP_UNROLL
  for (int i = 1; i <= n - q; i++) {
    radius = size_min(radius, size_max(num_sub(m, size_of_rank(z[i])), num_sub(size_of_rank(z[i + q - 1]), m)));
  }
  return radius;
}

SP_FORMULA num sp_tf_median(const num_rank *z, int n) {
  const num upper = size_of_rank(z[n / 2]);
  return n % 2 ? upper : num_mul(num_set(0.5f), size_of_rank(z[n / 2 - 1]) + upper);
}

SP_FORMULA num sp_tf_mad(const num_rank *z, int n, num m) {
  const int q = n / 2 + 1;
  if (n % 2) return sp_tf_nearest(z, n, q, m);
  return num_mul(num_set(0.5f), sp_tf_nearest(z, n, q - 1, m) + sp_tf_nearest(z, n, q, m));
}

/* --- the decision ---------------------------------------------------------------------------------------------- */

/* Above 0, for k may be 0. */
SP_FORMULA num sp_tf_limit(const sp_tf_rule *rule, num m, num mad) {
  const num least = num_set((float)SP_TF_LEAST_ABSOLUTE);
  const num scale = size_max(mad, size_max(num_mul(num_set((float)SP_TF_LEAST_RELATIVE), m), least));
  return size_max(num_mul(num_set(rule->limit), scale), num_set((float)SP_TF_LEAST_LIMIT));
}

SP_FORMULA num sp_tf_gain(int mode, num d, num t) {
  switch (mode) {
  case SP_TF_HARD:
    return size_pick(t, d, num_set(0), num_set(1));
  case SP_TF_SCALED: {
    const num beyond = num_sub(num_max(num_min(num_div(d, t), num_set(1e15f)), num_set(1)), num_set(1));
    return num_div(num_set(1), num_fused(beyond, beyond, num_set(1)));
  }
  case SP_TF_SOFT:
    return num_max(num_sub(num_set(1), num_div(t, d)), num_set(0));
  case SP_TF_GARROTE: {
    const num inverse_r = num_div(t, d);
    return num_max(num_fused(-inverse_r, inverse_r, num_set(1)), num_set(0));
  }
  default:
    return num_min(num_max(num_sub(num_set(2), num_quotient(d, t)), num_set(0)), num_set(1));
  }
}

SP_FORMULA num_flag sp_tf_is_weak(const sp_tf_rule *rule, num m, num a) {
  return num_flag_less(a, num_mul(num_set(rule->low_amp), m));
}

/* What the phasor is multiplied by: the new magnitude, or its difference from the old one. The new one is a sum of
 * positive terms, so that a coefficient far from m keeps its digits. */
SP_FORMULA num sp_tf_factor(bool resynthesise, num gain, num_flag weak, num m, num a) {
  if (!resynthesise) return num_where(weak, num_set(0), num_mul(num_sub(gain, num_set(1)), num_sub(a, m)));
  const num kept = size_pick(m, a, gain, num_sub(num_set(1), gain));
  return num_where(weak, a, num_fused(kept, num_abs(num_sub(a, m)), size_min(a, m)));
}

/* Lanes in which the coefficient may or may not be weak. */
SP_FORMULA unsigned sp_tf_open_weak(const sp_tf_rule *rule, num m, num a) {
  return num_between(a, num_mul(num_set(rule->weak_below), m), num_mul(num_set(rule->weak_above), m));
}

/* Lanes in which d may or may not exceed t; it matters in mode hard. */
SP_FORMULA unsigned sp_tf_open_hard(const sp_tf_rule *rule, num m, num a, num d, num t) {
  const num margin = num_mul(num_set(0.25f * rule->margin * (1 + rule->limit)), m + a);
  return num_between(d, num_sub(t, margin), t + margin);
}

/* --- in double precision --------------------------------------------------------------------------------------- */

SP_HOST_BOTH double sp_tf_exact_limit(const sp_tf_rule *rule, double m, double mad) {
  const double scale = fmax(mad, fmax(SP_TF_LEAST_RELATIVE * m, SP_TF_LEAST_ABSOLUTE));
  return fmax(rule->exact_limit * scale, SP_TF_LEAST_LIMIT);
}

SP_HOST_BOTH double sp_tf_exact_gain(int mode, double r) {
  switch (mode) {
  case SP_TF_HARD:
    return r > 1 ? 0 : 1;
  case SP_TF_SCALED:
    return r > 1 ? 1 / (1 + (r - 1) * (r - 1)) : 1;
  case SP_TF_SOFT:
    return r > 1 ? 1 - 1 / r : 0;
  case SP_TF_GARROTE:
    return r > 1 ? 1 - 1 / (r * r) : 0;
  default:
    return r > 2 ? 0 : r > 1 ? 2 - r : 1;
  }
}

SP_HOST_BOTH bool sp_tf_exact_is_weak(const sp_tf_rule *rule, double m, double a) {
  return a < rule->exact_low_amp * m;
}

/* --- adding a change, or resynthesising ------------------------------------------------------------------------ */

/* A trace is had in one of two ways: its change is added to it, which leaves alone what did not change, but leaves
 * rounding errors of the size of the trace; or it is resynthesised from its new coefficients, whose errors are of the
 * size of what it becomes. Stationary traces have their change added, the others may lose most of what they have: one
 * with a sample above 8 times its root mean square, or twice as strong as any of its aperture. Energy and peak are sum
 * and largest of the squares. */
SP_HOST_BOTH bool sp_tf_has_no_peak(float energy, float peak, uint32_t n_samples) {
  return peak * (float)n_samples <= 64 * energy;
}

SP_HOST_BOTH bool sp_tf_is_no_outlier(float energy, float energy_of_other) {
  return energy <= 4 * energy_of_other;
}

#endif
