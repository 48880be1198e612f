/* SPDX-License-Identifier: BSD-3-Clause */
/* What both backends read off the parameters of `tf`. */
#include <math.h>
#include <stdio.h>

#include "kernels/tf/windows.h"

int sp_tf_hop(const sp_tf_params *p) {
  return p->hop == SP_PARAM_AUTO ? p->window / 2 : p->hop;
}

uint32_t sp_tf_axis_length(const sp_tf_params *p, uint32_t n_samples) {
  return p->transform == SP_TF_STFT ? (uint32_t)p->window : sp_tf_stockwell_length(n_samples);
}

double sp_tf_margin(const sp_tf_params *p) {
  return p->transform == SP_TF_STOCKWELL ? 4e-5 : 4e-6;
}

sp_tf_band sp_tf_select(const sp_tf_params *p, double step, uint32_t n) {
  /* a frequency that is meant to be on the axis may miss it by rounding */
  const double slack = 1e-9;
  const double first = ceil(p->fmin / step * (1 - slack));
  const double end = isnan(p->fmax) ? n : floor(p->fmax / step * (1 + slack)) + 1;
  const double last = end < n ? end : n;
  if (first >= last) return (sp_tf_band){0, 0};
  return (sp_tf_band){(uint32_t)first, (uint32_t)(last - first)};
}

bool sp_tf_is_long_enough(const sp_tf_params *p, uint32_t n_samples) {
  return n_samples >= (p->transform == SP_TF_STFT ? (uint32_t)p->window : SP_TF_LEAST_SAMPLES);
}

sp_status sp_tf_check_band(const sp_tf_params *p, uint32_t n_samples, double interval_s, char *why, size_t why_size) {
  const uint32_t length = sp_tf_axis_length(p, n_samples);
  const double step = 1 / (length * interval_s);
  if (sp_tf_select(p, step, length / 2 + 1).count) return SP_SUCCESS;
  snprintf(why, why_size, "fmin %g and fmax %g Hz: none of the frequencies 0, %g ... %g Hz lies between", p->fmin,
           p->fmax, step, step * (length / 2));
  return SP_ERR_USAGE;
}

sp_tf_rule sp_tf_make_rule(const sp_tf_params *params) {
  const double low_amp = params->low_amp_protection ? params->low_amp_factor : 0, margin = sp_tf_margin(params);
  return (sp_tf_rule){.mode = params->mode,
                      .limit = (float)(params->k * SP_TF_MAD_TO_SIGMA),
                      .low_amp = (float)low_amp,
                      .margin = (float)margin,
                      .weak_below = (float)(low_amp * (1 - margin)),
                      .weak_above = (float)(low_amp * (1 + margin)),
                      .exact_limit = params->k * SP_TF_MAD_TO_SIGMA,
                      .exact_low_amp = low_amp};
}
