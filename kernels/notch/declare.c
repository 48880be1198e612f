/* SPDX-License-Identifier: BSD-3-Clause */
/* The record of `notch`: its parameters, what it refuses before a job starts, its backends. */
#include "kernels/notch/notch.h"

#include <stdio.h>

#define FIELD(name) offsetof(sp_notch_params, name)

static const sp_param params[] = {
    {"f", SP_PARAM_REAL, NULL, 0.01, 1e6, 0, NULL, "Hz", "the frequency that is removed", FIELD(f)},
    {"width", SP_PARAM_REAL, "1", 0, 1e6, 0, NULL, "Hz", "of the band that is zero, around the frequency",
     FIELD(width)},
    {"taper", SP_PARAM_REAL, "1", 0.01, 1e6, 0, NULL, "Hz", "width of the flank on either side", FIELD(taper)},
    {"harmonics", SP_PARAM_INT, "0", 0, 1000, 0, NULL, NULL, "multiples of the frequency that are removed, too",
     FIELD(harmonics)},
    {0},
};

static sp_status check_shape(const void *values, const sp_survey_shape *shape, char *why, size_t why_size) {
  const sp_notch_params *p = values;
  const double nyquist = 0.5 / shape->sample_interval_s;
  if (p->f - p->width / 2 - p->taper < nyquist) return SP_SUCCESS;
  snprintf(why, why_size, "f: %g Hz lies above the samples, which end at %g Hz", p->f, nyquist);
  return SP_ERR_USAGE;
}

const sp_processor sp_processor_notch = {
    .name = "notch",
    .summary = "remove one frequency and its harmonics, such as those of a power line",
    .params = params,
    .params_size = sizeof(sp_notch_params),
    .example = "f: 50",
    .check_shape = check_shape,
    .cpu = &sp_notch_cpu,
};
