#include "kernels/mute/mute.h"

#include <math.h>

#define FIELD(name) offsetof(sp_mute_params, name)

static const sp_param params[] = {
    {"velocity", SP_PARAM_REAL, "1500", 1, 1e6, false, NULL, "m/s", "slope of the mute over offset", FIELD(velocity)},
    {"t0", SP_PARAM_REAL, "0", -1e6, 1e6, false, NULL, "ms", "mute time at zero offset", FIELD(t0)},
    {"taper", SP_PARAM_REAL, "20", 0, 1e6, false, NULL, "ms", "length of the cosine taper, on the side that is kept",
     FIELD(taper)},
    {"where", SP_PARAM_CHOICE, "top", 0, 0, false, "top|bottom", NULL, "zero what is before or after the mute time",
     FIELD(where)},
    {"shape", SP_PARAM_CHOICE, "linear", 0, 0, false, "linear|hyperbolic", NULL,
     "t0 + |offset| / velocity, or sqrt(t0^2 + (offset / velocity)^2)", FIELD(shape)},
    {0},
};

double sp_mute_time(const sp_mute_params *p, double offset, double sample_interval_s) {
  const double moveout = fabs(offset) / p->velocity, t0 = p->t0 * 1e-3;
  const double t = p->shape == SP_MUTE_LINEAR ? t0 + moveout : sqrt(t0 * t0 + moveout * moveout);
  return t / sample_interval_s;
}

const sp_processor sp_processor_mute = {
    .name = "mute",
    .summary = "zero samples above or below a time that grows with offset",
    .params = params,
    .params_size = sizeof(sp_mute_params),
    .headers = {"offset"},
    .cpu = &sp_mute_cpu,
};
