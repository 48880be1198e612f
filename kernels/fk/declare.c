/* SPDX-License-Identifier: BSD-3-Clause */
/* The record of `fk`: its parameters, what it refuses before a job starts, its backends. */
#include "kernels/fk/fk.h"

#include <stdio.h>
#include <string.h>

#include "kernels/common/length_unit.h"

#define FIELD(name) offsetof(sp_fk_params, name)

static const sp_param params[] = {
    SP_FK_COMMON_PARAMS(FIELD(common)),
    {"direction", SP_PARAM_CHOICE, "both", 0, 0, 0, "both|positive|negative", NULL,
     "only waves that travel with, or against, the order of the traces", FIELD(direction)},
    {"spacing", SP_PARAM_REAL, "auto", 1e-3, 1e6, 0, "auto", "length",
     "from trace to trace, in the unit of the headers; auto: from the headers", FIELD(spacing)},
    {"along", SP_PARAM_CHOICE, "offset", 0, 0, 0, "offset|receivers|sources", NULL,
     "headers that spacing: auto is taken from", FIELD(along)},
    {"spacing_tolerance", SP_PARAM_REAL, "5", 0, 100, 0, NULL, "%", "by which a step may differ from the median",
     FIELD(spacing_tolerance)},
    {"irregular", SP_PARAM_CHOICE, "refuse", 0, 0, 0, "refuse|ignore", NULL,
     "a gather with other steps in more than a tenth of its gaps", FIELD(irregular)},
    {"split", SP_PARAM_HEADERS, "[]", 0, 0, SP_PARAM_ITEMS(0, SP_FK_MAX_SPLITS), NULL, NULL,
     "headers whose change begins a part that is filtered by itself", FIELD(split)},
    {0},
};

size_t sp_fk_position_columns(const sp_fk_params *p) {
  return !isnan(p->spacing) ? 0 : p->along == SP_FK_ALONG_OFFSET ? 1 : 2;
}

/* Positions, then those whose change begins a part. */
static size_t list_columns(const sp_fk_params *p, size_t n_positions, const char **names, size_t max) {
  static const char *const positions[][2] = {{"offset"}, {"gx", "gy"}, {"sx", "sy"}};
  size_t n = 0;
  for (; n < n_positions && n < max; n++) names[n] = positions[p->along][n];
  for (uint32_t i = 0; i < p->split.n && n < max; i++) names[n++] = p->split.word[i];
  return n;
}

static size_t more_headers(const void *values, const char **names, size_t max) {
  return list_columns(values, sp_fk_position_columns(values), names, max);
}

static size_t look_headers(const void *values, const char **names, size_t max) {
  const sp_fk_params *p = values;
  return list_columns(p, p->along == SP_FK_ALONG_OFFSET ? 1 : 2, names, max);
}

void sp_fk_filter_of(const sp_fk_params *p, uint32_t n_samples, double dt, sp_fk_filter *filter) {
  /* a half plane of a line whose x axis points east */
  const sp_fk_sector half = {.azimuth = p->direction == SP_FK_POSITIVE ? 90 : 270, .width = 180};
  sp_fk_filter_set(&p->common, p->direction == SP_FK_BOTH ? NULL : &half, 90, 0, n_samples, dt, filter);
}

static sp_status check(const void *values, char *why, size_t why_size) {
  const sp_fk_params *p = values;
  return sp_fk_common_check(&p->common, why, why_size);
}

static sp_status check_shape(const void *values, const sp_survey_shape *shape, char *why, size_t why_size) {
  const sp_fk_params *p = values;
  if (shape->max_traces < SP_FK_LEAST_TRACES) {
    snprintf(why, why_size, "the largest gather has %u traces, at least %d are needed", shape->max_traces,
             SP_FK_LEAST_TRACES);
    return SP_ERR_USAGE;
  }
  const char *names[2] = {NULL, NULL};
  const size_t n_positions = sp_fk_position_columns(p);
  more_headers(p, names, n_positions);
  bool varies = n_positions == 0;
  SP_TRY(sp_length_units_check(shape, names, n_positions, "fk", false, why, why_size));
  for (size_t i = 0; i < n_positions; i++) {
    const sp_column *column = sp_survey_shape_column(shape, names[i]);
    if (!column || !column->has_range || column->least != column->most) varies = true;
  }
  if (!varies) {
    snprintf(why, why_size, "spacing: auto needs %s, which is the same on every trace: give spacing, or another along",
             n_positions == 1                    ? names[0]
             : p->along == SP_FK_ALONG_RECEIVERS ? "gx, gy"
                                                 : "sx, sy");
    return SP_ERR_USAGE;
  }
  return sp_fk_common_check_shape(&p->common, shape, "fk", why, why_size);
}

static const char *spreads(const void *values) {
  return ((const sp_fk_params *)values)->common.agc > 0 ? NULL : "agc";
}

const sp_processor sp_processor_fk = {
    .name = "fk",
    .summary = "reject or pass apparent velocities of a gather in the frequency-wavenumber plane",
    .scope = SP_SCOPE_GATHER,
    .params = params,
    .params_size = sizeof(sp_fk_params),
    .example = "vmax: 1500",
    .more_headers = more_headers,
    .check = check,
    .check_shape = check_shape,
    .spreads = spreads,
    .look_headers = look_headers,
    .look = sp_fk_look,
    .cpu = &sp_fk_cpu,
};
