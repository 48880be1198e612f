/* SPDX-License-Identifier: BSD-3-Clause */
/* The record of `bandpass`: its parameters, what it refuses before a job starts, its backends. */
#include "kernels/bandpass/bandpass.h"

#include <stdio.h>

#define FIELD(name) offsetof(sp_bandpass_params, name)

enum { PAIR = SP_PARAM_ITEMS(2, 2) | SP_PARAM_ASCENDING };

static const sp_param params[] = {
    {"low", SP_PARAM_NUMBERS, "[]", 0, 1e6, PAIR, NULL, "Hz",
     "lower flank: zero up to the first, whole from the second", FIELD(low)},
    {"high", SP_PARAM_NUMBERS, "[]", 0, 1e6, PAIR, NULL, "Hz",
     "upper flank: whole up to the first, zero from the second", FIELD(high)},
    {0},
};

static sp_status check(const void *values, char *why, size_t why_size) {
  const sp_bandpass_params *p = values;
  if (p->low.n == 0 && p->high.n == 0) {
    snprintf(why, why_size, "nothing to do: low: [f1, f2] or high: [f3, f4], in Hz, or both must be given");
  } else if (p->low.n && p->high.n && p->low.value[1] > p->high.value[0]) {
    snprintf(why, why_size, "high: found [%g, %g], allowed is from %g Hz, the end of low, up", p->high.value[0],
             p->high.value[1], p->low.value[1]);
  } else {
    return SP_SUCCESS;
  }
  return SP_ERR_USAGE;
}

static sp_status check_shape(const void *values, const sp_survey_shape *shape, char *why, size_t why_size) {
  const sp_bandpass_params *p = values;
  const double nyquist = 0.5 / shape->sample_interval_s;
  if (p->low.n && p->low.value[0] >= nyquist) {
    snprintf(why, why_size, "low: [%g, %g] removes everything: samples end at %g Hz", p->low.value[0], p->low.value[1],
             nyquist);
  } else if (p->high.n && p->high.value[0] >= nyquist && p->low.n == 0) {
    snprintf(why, why_size, "high: [%g, %g] changes nothing: samples end at %g Hz", p->high.value[0], p->high.value[1],
             nyquist);
  } else {
    return SP_SUCCESS;
  }
  return SP_ERR_USAGE;
}

const sp_processor sp_processor_bandpass = {
    .name = "bandpass",
    .summary = "zero-phase band-pass, low cut or high cut",
    .params = params,
    .params_size = sizeof(sp_bandpass_params),
    .example = "low: [3, 6], high: [60, 80]",
    .check = check,
    .check_shape = check_shape,
    .cpu = &sp_bandpass_cpu,
};
