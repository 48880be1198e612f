#include "kernels/mute/mute.h"

#include <math.h>
#include <stdio.h>

#include "kernels/common/length_unit.h"

#define FIELD(name) offsetof(sp_mute_params, name)

static const sp_param params[] = {
    {"velocity", SP_PARAM_REAL, "1500", 1, 1e6, false, NULL, "length/s",
     "slope of the mute over offset, in the survey's unit of length a second", FIELD(velocity)},
    {"t0", SP_PARAM_REAL, "0", -1e6, 1e6, false, NULL, "ms", "mute time at zero offset", FIELD(t0)},
    {"taper", SP_PARAM_REAL, "20", 0, 1e6, false, NULL, "ms", "length of the cosine taper, on the side that is kept",
     FIELD(taper)},
    {"where", SP_PARAM_CHOICE, "top", 0, 0, false, "top|bottom", NULL, "zero what is before or after the mute time",
     FIELD(where)},
    {"shape", SP_PARAM_CHOICE, "linear", 0, 0, false, "linear|hyperbolic", NULL,
     "t0 + |offset| / velocity, or sqrt(t0^2 + (offset / velocity)^2)", FIELD(shape)},
    {0},
};

double sp_mute_time(const sp_mute_params *p, double offset, double delay, double sample_interval_s) {
  const double moveout = fabs(offset) / p->velocity, t0 = p->t0 * 1e-3, start = isnan(delay) ? 0 : delay * 1e-3;
  const double t = p->shape == SP_MUTE_LINEAR ? t0 + moveout : sqrt(t0 * t0 + moveout * moveout);
  return (t - start) / sample_interval_s;
}

static sp_status check_shape(const void *values, const sp_survey_shape *shape, char *why, size_t why_size) {
  const sp_mute_params *p = values;
  const double record = 1e3 * shape->n_samples * shape->sample_interval_s;
  char note[128];
  if (shape->note && p->taper > record / 4) {
    snprintf(note, sizeof note, "mute: the taper of %.6g ms is %.0f %% of the record of %.6g ms", p->taper,
             100 * p->taper / record, record);
    shape->note(note);
  }
  const sp_column *offset = sp_survey_shape_column(shape, "offset");
  if (shape->note && offset && offset->has_range && offset->least == offset->most && shape->n_traces > 1) {
    snprintf(note, sizeof note, "mute: offset is %.10g in all traces", offset->least);
    shape->note(note);
  }
  return sp_length_unit_check(shape, "offset", "mute", "velocity", p->velocity, true, why, why_size);
}

const sp_processor sp_processor_mute = {
    .name = "mute",
    .summary = "zero samples above or below a time that grows with offset",
    .params = params,
    .params_size = sizeof(sp_mute_params),
    .headers = {"offset", "delrt?"},
    .check_shape = check_shape,
    .cpu = &sp_mute_cpu,
};
