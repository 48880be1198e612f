/* SPDX-License-Identifier: BSD-3-Clause */
/* The response of `notch` (notch.h), which kernels/common/spectral_filter.h applies. */
#include "kernels/notch/notch.h"

#include <math.h>

#include "kernels/common/spectral_filter.h"

static double response(const void *values, double f) {
  const sp_notch_params *p = values;
  const double m = fmin(fmax(round(f / p->f), 1), 1 + p->harmonics);
  return sp_cosine_flank((fabs(f - m * p->f) - p->width / 2) / p->taper);
}

static sp_status plan(const void *values, const sp_geometry *geometry, sp_plan **out) {
  const sp_notch_params *p = values;
  return sp_filter_step_plan(&sp_notch_cpu, geometry, 1 / p->taper, response, p, out);
}

const sp_cpu_ops sp_notch_cpu = {plan, sp_filter_step_apply, sp_filter_step_destroy};
