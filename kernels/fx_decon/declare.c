/* SPDX-License-Identifier: BSD-3-Clause */
/* The record of `fx_decon`: its parameters, what it refuses before a job starts, its backends. */
#include "kernels/fx_decon/fx_decon.h"

#include <stdio.h>

#define FIELD(name) offsetof(sp_fx_decon_params, name)

static const sp_param params[] = {
    {"window", SP_PARAM_REAL, "250", 20, 10000, 0, NULL, "ms", "length of a window in time", FIELD(window)},
    {"traces", SP_PARAM_INT, "20", 4, 512, 0, NULL, "traces", "width of a window", FIELD(traces)},
    {"length", SP_PARAM_INT, "3", 1, SP_FX_MAX_LENGTH, 0, NULL, "traces",
     "traces that a trace is predicted from; more let more dips pass, and more noise", FIELD(length)},
    {"prewhitening", SP_PARAM_REAL, "1", 0, 100, 0, NULL, "%", "added to the diagonal of the normal equations",
     FIELD(prewhitening)},
    {"fmin", SP_PARAM_REAL, "0", 0, 1e6, 0, NULL, "Hz", "frequencies below become zero", FIELD(fmin)},
    {"fmax", SP_PARAM_REAL, "auto", 0, 1e6, 0, "auto", "Hz",
     "frequencies above become zero; auto: the Nyquist frequency", FIELD(fmax)},
    {0},
};

static sp_status check(const void *values, char *why, size_t why_size) {
  const sp_fx_decon_params *p = values;
  if (p->fmin > p->fmax) {
    snprintf(why, why_size, "fmin: found %g, allowed is up to fmax, which is %g Hz", p->fmin, p->fmax);
  } else if (p->traces < 2 * p->length) {
    snprintf(why, why_size, "traces: found %d, allowed is twice the length, %d, or more", p->traces, 2 * p->length);
  } else {
    return SP_SUCCESS;
  }
  return SP_ERR_USAGE;
}

static sp_status check_shape(const void *values, const sp_survey_shape *shape, char *why, size_t why_size) {
  const sp_fx_decon_params *p = values;
  if (shape->max_traces >= 2 * (uint32_t)p->length) return SP_SUCCESS;
  snprintf(why, why_size, "length: found %d, which needs gathers of at least %d traces; the largest has %u", p->length,
           2 * p->length, shape->max_traces);
  return SP_ERR_USAGE;
}

const sp_processor sp_processor_fx_decon = {
    .name = "fx_decon",
    .summary = "f-x prediction: keep what each trace's neighbours predict",
    .params = params,
    .params_size = sizeof(sp_fx_decon_params),
    .check = check,
    .check_shape = check_shape,
    .cpu = &sp_fx_decon_cpu,
};
