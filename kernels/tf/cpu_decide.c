/* What is decided apart from the kernels.
 *
 * Single cells are judged in double precision where float magnitudes may not do. They do where the outcome is
 * continuous in them; at the limit of mode hard, and where low amplitudes begin to be protected, it is not. Cells near
 * there come here: a few in a million.
 */
#include <math.h>
#include <stdlib.h>

#include "kernels/tf/cpu.h"

static int compare(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(double *values, uint32_t n) {
  qsort(values, n, sizeof *values, compare);
  return n % 2 ? values[n / 2] : 0.5 * (values[n / 2 - 1] + values[n / 2]);
}

static double share_of(int mode, double r) {
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

sp_tf_verdict sp_tf_decide(const sp_tf_strip *s, uint32_t trace, size_t cell) {
  const uint32_t first = trace > s->half_aperture ? trace - s->half_aperture : 0;
  const uint32_t reach = trace + s->half_aperture + 1, end = reach < s->n_traces ? reach : s->n_traces;
  double values[SP_TF_MAX_APERTURE];
  s->exact(s->context, cell, first, end - first, values);
  const double a = values[trace - first], m = median(values, end - first);
  for (uint32_t i = 0; i < end - first; i++) values[i] = fabs(values[i] - m);
  const double mad = median(values, end - first);
  const double scale = fmax(mad, fmax(SP_TF_LEAST_RELATIVE * m, SP_TF_LEAST_ABSOLUTE));
  const double limit = fmax(s->rule->exact_limit * scale, SP_TF_LEAST_LIMIT);
  return (sp_tf_verdict){(float)share_of(s->rule->mode, fabs(a - m) / limit), a < s->rule->exact_low_amp * m};
}

bool sp_tf_is_rebuilt(sp_tf_level trace, uint32_t n_samples, const sp_tf_level *aperture, uint32_t n) {
  bool calm = trace.peak * (float)n_samples <= 64 * trace.energy;
  for (uint32_t i = 0; i < n; i++) calm = calm && trace.energy <= 4 * aperture[i].energy;
  return !calm;
}
