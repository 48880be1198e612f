/* SPDX-License-Identifier: BSD-3-Clause */
/* The response of `bandpass` (bandpass.h), which kernels/common/spectral_filter.h applies. */
#include "kernels/bandpass/bandpass.h"

#include <math.h>

#include "kernels/common/spectral_filter.h"

static double response(const void *values, double f) {
  const sp_bandpass_params *p = values;
  double factor = 1;
  if (p->low.n) factor *= sp_cosine_flank((f - p->low.value[0]) / (p->low.value[1] - p->low.value[0]));
  if (p->high.n) factor *= sp_cosine_flank((p->high.value[1] - f) / (p->high.value[1] - p->high.value[0]));
  return factor;
}

static double narrower_flank(const sp_bandpass_params *p) {
  double width = INFINITY;
  if (p->low.n) width = p->low.value[1] - p->low.value[0];
  if (p->high.n) width = fmin(width, p->high.value[1] - p->high.value[0]);
  return width;
}

static sp_status plan(const void *values, const sp_geometry *geometry, sp_plan **out) {
  return sp_filter_step_plan(&sp_bandpass_cpu, geometry, 1 / narrower_flank(values), response, values, out);
}

const sp_cpu_ops sp_bandpass_cpu = {plan, sp_filter_step_apply, sp_filter_step_destroy};
