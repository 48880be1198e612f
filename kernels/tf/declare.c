/* SPDX-License-Identifier: BSD-3-Clause */
/* The record of `tf`: its parameters, what it refuses before a job starts, its backends. */
#include "kernels/tf/tf.h"

#include <stdio.h>

#define FIELD(name) offsetof(sp_tf_params, name)

static const sp_param params[] = {
    {"transform", SP_PARAM_CHOICE, "stft", 0, 0, false, "stft|stockwell", NULL, "where the threshold is applied",
     FIELD(transform)},
    {"aperture", SP_PARAM_INT, "7", 1, SP_TF_MAX_APERTURE, true, NULL, "traces",
     "neighbouring traces that a coefficient is thresholded by; 1 changes nothing", FIELD(aperture)},
    {"fmin", SP_PARAM_REAL, "0", 0, 1e6, false, NULL, "Hz", "lowest frequency that is changed", FIELD(fmin)},
    {"fmax", SP_PARAM_REAL, "auto", 0, 1e6, false, "auto", "Hz",
     "highest frequency that is changed; auto: the Nyquist frequency", FIELD(fmax)},
    {"k", SP_PARAM_REAL, "3.0", 0, 1000, false, NULL, NULL,
     "the threshold in standard deviations of the magnitudes; a smaller k changes more coefficients in modes adaptive, "
     "hard and scaled, a larger one in soft and garrote",
     FIELD(k)},
    {"mode", SP_PARAM_CHOICE, "adaptive", 0, 0, false, "adaptive|hard|scaled|soft|garrote", NULL,
     "how a deviation from the neighbours is shrunk", FIELD(mode)},
    {"window", SP_PARAM_INT, "64", 4, SP_TF_MAX_WINDOW, false, NULL, "samples", "stft: length of the Hann window, even",
     FIELD(window)},
    {"hop", SP_PARAM_INT, "auto", 1, SP_TF_MAX_WINDOW / 2, false, "auto", "samples",
     "stft: from one window to the next, a divisor of the window; auto: half of it", FIELD(hop)},
    {"time_smoothing", SP_PARAM_REAL, "0", 0, 10000, false, NULL, "ms",
     "length over which the gain of coefficients is averaged in time; 0: none", FIELD(time_smoothing)},
    {"low_amp_protection", SP_PARAM_BOOL, "true", 0, 0, false, NULL, NULL,
     "do not raise coefficients that are weak beside their neighbours", FIELD(low_amp_protection)},
    {"low_amp_factor", SP_PARAM_REAL, "0.3", 0, 1, false, NULL, NULL,
     "share of the neighbours' median below which a coefficient is weak", FIELD(low_amp_factor)},
    {"sampling", SP_PARAM_CHOICE, "full", 0, 0, false, "full|reduced", NULL,
     "stockwell: each voice at every sample, or at the rate that its bandwidth needs", FIELD(sampling)},
    {0},
};

static sp_status check(const void *values, char *why, size_t why_size) {
  const sp_tf_params *p = values;
  const int hop = sp_tf_hop(p);
  if (p->fmin > p->fmax) {
    snprintf(why, why_size, "fmin: found %g, allowed is up to fmax, which is %g Hz", p->fmin, p->fmax);
  } else if (p->window % 2) {
    snprintf(why, why_size, "window: found %d, allowed is an even number of samples", p->window);
  } else if (p->window % hop || hop > p->window / 2) {
    snprintf(why, why_size, "hop: found %d, allowed is a half, third, quarter ... of the window, which is %d samples",
             hop, p->window);
  } else if (p->sampling == SP_TF_REDUCED && p->transform != SP_TF_STOCKWELL) {
    snprintf(why, why_size, "sampling: reduced needs transform: stockwell");
  } else {
    return SP_SUCCESS;
  }
  return SP_ERR_USAGE;
}

static sp_status check_shape(const void *values, const sp_survey_shape *shape, char *why, size_t why_size) {
  const sp_tf_params *p = values;
  if (p->aperture == 1) return SP_SUCCESS; /* changes nothing */
  if (!sp_tf_is_long_enough(p, shape->n_samples)) {
    if (p->transform == SP_TF_STFT) {
      snprintf(why, why_size, "window: found %d samples, traces have %u: shorten the window", p->window,
               shape->n_samples);
    } else {
      snprintf(why, why_size, "transform: stockwell needs traces of at least %d samples, these have %u",
               SP_TF_LEAST_SAMPLES, shape->n_samples);
    }
    return SP_ERR_USAGE;
  }
  return sp_tf_check_band(p, shape->n_samples, shape->sample_interval_s, why, why_size);
}

const sp_processor sp_processor_tf = {
    .name = "tf",
    .summary = "time-frequency thresholding against neighbouring traces (stft, stockwell)",
    .params = params,
    .params_size = sizeof(sp_tf_params),
    .check = check,
    .check_shape = check_shape,
    .cpu = &sp_tf_cpu,
};
