/* SPDX-License-Identifier: BSD-3-Clause */
/* What is decided apart from the kernels.
 *
 * Single coefficients are thresholded in double precision where float magnitudes may not do. They do where the outcome
 * is continuous in them; at the limit of mode hard, and where low amplitudes begin to be protected, it is not.
 * Coefficients near there come here: a few in a million.
 */
#include <math.h>
#include <stdlib.h>

#include "kernels/tf/cpu.h"
#include "kernels/tf/decision.h"

static int compare(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(double *values, uint32_t n) {
  qsort(values, n, sizeof *values, compare);
  return n % 2 ? values[n / 2] : 0.5 * (values[n / 2 - 1] + values[n / 2]);
}

sp_tf_decision sp_tf_decide(const sp_tf_strip *s, uint32_t trace, size_t coefficient) {
  const uint32_t first = trace > s->half_aperture ? trace - s->half_aperture : 0;
  const uint32_t reach = trace + s->half_aperture + 1, end = reach < s->n_traces ? reach : s->n_traces;
  double values[SP_TF_MAX_APERTURE];
  s->exact(s->context, coefficient, first, end - first, values);
  const double a = values[trace - first], m = median(values, end - first);
  for (uint32_t i = 0; i < end - first; i++) values[i] = fabs(values[i] - m);
  const double mad = median(values, end - first);
  const double r = fabs(a - m) / sp_tf_exact_limit(s->rule, m, mad);
  return (sp_tf_decision){(float)sp_tf_exact_gain(s->rule->mode, r), sp_tf_exact_is_weak(s->rule, m, a)};
}

bool sp_tf_is_resynthesised(sp_tf_level trace, uint32_t n_samples, const sp_tf_level *aperture, uint32_t n) {
  bool stationary = sp_tf_has_no_peak(trace.energy, trace.peak, n_samples);
  for (uint32_t i = 0; i < n; i++) stationary = stationary && sp_tf_is_no_outlier(trace.energy, aperture[i].energy);
  return !stationary;
}
