/* SPDX-License-Identifier: BSD-3-Clause */
/* The record of `dwt`: its parameters, what it refuses before a job starts, its backends. */
#include "kernels/dwt/dwt.h"

#include <stdio.h>

#define FIELD(name) offsetof(sp_dwt_params, name)

static const sp_param params[] = {
    {"wavelet", SP_PARAM_CHOICE, "db4", 0, 0, false, SP_WAVELET_CHOICES, NULL, "the wavelet", FIELD(wavelet)},
    {"transform", SP_PARAM_CHOICE, "swt", 0, 0, false, "dwt|swt|wpt", NULL,
     "decimated, undecimated, or wavelet packets", FIELD(transform)},
    {"level", SP_PARAM_INT, "auto", 1, SP_DWT_MAX_LEVEL, false, "auto", NULL,
     "number of levels; auto: the most that the trace allows, at most 6", FIELD(level)},
    {"threshold", SP_PARAM_CHOICE, "garrote", 0, 0, false, "soft|hard|garrote", NULL, "how coefficients are shrunk",
     FIELD(threshold)},
    {"k", SP_PARAM_REAL, "auto", 0, 1000, false, "auto", NULL,
     "the threshold in standard deviations of the noise, a larger one removes more; auto: of each level of a gather "
     "the one of least risk, and 1 with an aperture above 1",
     FIELD(k)},
    {"aperture", SP_PARAM_INT, "1", 1, SP_DWT_MAX_APERTURE, true, NULL, "traces",
     "neighbouring traces that the threshold is estimated from; 1: each trace from itself. More than 1 harms most "
     "data: only for traces that are alike, with k of 0.25 to 1",
     FIELD(aperture)},
    {"best_basis", SP_PARAM_BOOL, "false", 0, 0, false, NULL, NULL, "wpt: choose packet nodes by Shannon entropy",
     FIELD(best_basis)},
    {"noise_level", SP_PARAM_CHOICE, "auto", 0, 0, false, "auto|finest|coarsest|fk", NULL,
     "dwt, swt with aperture 1: the detail that the noise is estimated from; auto: the finest, unless the gather shows "
     "that to be signal; fk: each level from the floor of the f-k spectrum, for coloured noise",
     FIELD(noise_level)},
    {0},
};

static sp_status check(const void *values, char *why, size_t why_size) {
  const sp_dwt_params *p = values;
  if (p->best_basis && p->transform != SP_DWT_WPT) {
    snprintf(why, why_size, "best_basis: true needs transform: wpt");
    return SP_ERR_USAGE;
  }
  const bool one_detail = p->noise_level == SP_DWT_COARSEST || p->noise_level == SP_DWT_FK;
  if (one_detail && (p->transform == SP_DWT_WPT || p->aperture > 1)) {
    snprintf(why, why_size, "noise_level: %s needs transform dwt or swt and aperture 1",
             p->noise_level == SP_DWT_FK ? "fk" : "coarsest");
    return SP_ERR_USAGE;
  }
  if (sp_dwt_is_auto(p) && (p->threshold == SP_DWT_HARD || p->best_basis)) {
    snprintf(why, why_size, "k: auto needs %s", p->best_basis ? "best_basis: false" : "threshold soft or garrote");
    return SP_ERR_USAGE;
  }
  return SP_SUCCESS;
}

static sp_status check_shape(const void *values, const sp_survey_shape *shape, char *why, size_t why_size) {
  const sp_dwt_params *p = values;
  if (shape->note && p->aperture > 1) {
    shape->note(
        "dwt: an aperture above 1 takes what differs from trace to trace, which is signal in most data: look at "
        "the noise of a few gathers first (mode: noise)");
  }
  sp_dwt_params any_level = *p;
  any_level.level = SP_PARAM_AUTO;
  if (sp_dwt_levels(p, shape->n_samples)) return SP_SUCCESS;
  const int most = sp_dwt_levels(&any_level, shape->n_samples);
  if (most) {
    snprintf(why, why_size, "level: found %d, traces of %u samples allow fewer with this wavelet: auto is %d", p->level,
             shape->n_samples, most);
  } else {
    snprintf(why, why_size, "wavelet: traces of %u samples are too short for it: choose a shorter one",
             shape->n_samples);
  }
  return SP_ERR_USAGE;
}

const sp_processor sp_processor_dwt = {
    .name = "dwt",
    .summary = "wavelet-domain thresholding of each trace, or over neighbouring traces",
    .params = params,
    .params_size = sizeof(sp_dwt_params),
    .check = check,
    .check_shape = check_shape,
    .cpu = &sp_dwt_cpu,
};
