/* SPDX-License-Identifier: BSD-3-Clause */
/* The record of `mute`: its parameters, what it refuses before a job starts, its backends. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "kernels/common/length_unit.h"
#include "kernels/mute/mute.h"
#include "seisproc/memory.h"

#define FIELD(name) offsetof(sp_mute_params, name)

static const sp_param params[] = {
    {"velocity", SP_PARAM_REAL, "1500", 1, 1e6, false, NULL, "length/s",
     "slope of the mute over offset, in the survey's unit of length a second", FIELD(velocity)},
    {"t0", SP_PARAM_REAL, "0", -1e6, 1e6, false, NULL, "ms", "mute time at zero offset", FIELD(t0)},
    {"taper", SP_PARAM_REAL, "20", 0, 1e6, false, NULL, "ms", "length of the cosine taper, on the side that is kept",
     FIELD(taper)},
    {"where", SP_PARAM_CHOICE, "top", 0, 0, false, "top|bottom|inner", NULL,
     "zero what is before or after the mute time, or between two", FIELD(where)},
    {"shape", SP_PARAM_CHOICE, "linear", 0, 0, false, "linear|hyperbolic|picks|header", NULL,
     "t0 + |offset| / velocity; sqrt(t0^2 + (offset / velocity)^2); a file of picks; the header words muts and mute",
     FIELD(shape)},
    {"until_velocity", SP_PARAM_REAL, "auto", 1, 1e6, 0, "auto", "length/s",
     "inner: slope of the curve that ends what is muted; auto: velocity", FIELD(until_velocity)},
    {"until_t0", SP_PARAM_REAL, "auto", -1e6, 1e6, 0, "auto", "ms",
     "inner: time at zero offset of the curve that ends what is muted; auto: t0", FIELD(until_t0)},
    {"picks", SP_PARAM_PATH, "", 0, 0, 0, NULL, NULL,
     "a text file, a header value and a time in ms a line; inner: the corners of a polygon", FIELD(picks)},
    {"key", SP_PARAM_HEADERS, "[]", 0, 0, SP_PARAM_ITEMS(0, 1), NULL, NULL,
     "the header whose values the picks have; none: offset", FIELD(key)},
    {0},
};

static const char *key_of(const sp_mute_params *p) {
  return p->shape == SP_MUTE_PICKS && p->key.n ? p->key.word[0] : "offset";
}

static size_t more_headers(const void *values, const char **names, size_t max) {
  const sp_mute_params *p = values;
  size_t n = 0;
  if (p->shape == SP_MUTE_HEADER) {
    if (p->where != SP_MUTE_BOTTOM && n < max) names[n++] = "muts";
    if (p->where != SP_MUTE_TOP && n < max) names[n++] = "mute";
  } else if (n < max) {
    names[n++] = key_of(p);
  }
  if (n < max) names[n++] = "delrt?";
  return n;
}

static sp_status check(const void *values, char *why, size_t why_size) {
  const sp_mute_params *p = values;
  const bool inner = p->where == SP_MUTE_INNER, curve = p->shape == SP_MUTE_LINEAR || p->shape == SP_MUTE_HYPERBOLIC;
  const bool until = !isnan(p->until_velocity) || !isnan(p->until_t0), picks = p->shape == SP_MUTE_PICKS;
  if (inner && curve && !until) {
    snprintf(why, why_size, "where: found inner, which needs the curve it ends at: until_velocity, until_t0 or both");
  } else if (until && !(inner && curve)) {
    snprintf(why, why_size, "%s: found %g, allowed is auto but with where: inner and a shape of linear or hyperbolic",
             isnan(p->until_velocity) ? "until_t0" : "until_velocity",
             isnan(p->until_velocity) ? p->until_t0 : p->until_velocity);
  } else if (picks != (p->picks.path[0] != '\0')) {
    snprintf(why, why_size,
             picks ? "shape: found picks, which needs the file of them: picks: FILE"
                   : "picks: found a file, which needs shape: picks");
  } else if (p->key.n && !picks) {
    snprintf(why, why_size, "key: found %s, allowed with shape: picks only", p->key.word[0]);
  } else {
    return SP_SUCCESS;
  }
  return SP_ERR_USAGE;
}

/* Reads the picks, and tells where no trace has such a value. */
static sp_status check_picks(const sp_mute_params *p, const sp_survey_shape *shape, char *why, size_t why_size) {
  sp_mute_rule rule;
  char note[256];
  const sp_status status = sp_mute_make_rule(p, shape->sample_interval_s, &rule, why, why_size);
  if (status != SP_SUCCESS) return status == SP_ERR_INPUT ? SP_ERR_USAGE : status;
  double least = INFINITY, most = -INFINITY;
  for (uint32_t i = 0; i < rule.n_picks; i++) {
    least = fmin(least, rule.picks[i].value);
    most = fmax(most, rule.picks[i].value);
  }
  sp_free(rule.picks);
  const sp_column *column = sp_survey_shape_column(shape, key_of(p));
  if (shape->note && column && column->has_range && (column->least > most || column->most < least)) {
    snprintf(note, sizeof note, "mute: the picks are of %s %.10g to %.10g, the traces have %.10g to %.10g", key_of(p),
             least, most, column->least, column->most);
    shape->note(note);
  }
  return SP_SUCCESS;
}

/* A header that is 0 everywhere was never filled. */
static sp_status check_filled(const sp_mute_params *p, const sp_survey_shape *shape, char *why, size_t why_size) {
  const char *names[3];
  const size_t n = more_headers(p, names, 3);
  for (size_t i = 0; i < n; i++) {
    const sp_column *column = sp_header_is_optional(names[i]) ? NULL : sp_survey_shape_column(shape, names[i]);
    if (!column || !column->has_range || column->least != 0 || column->most != 0) continue;
    snprintf(why, why_size,
             "the trace header '%s', which mute needs, is 0 in all traces: import it with %s--field %s=BYTE", names[i],
             strcmp(names[i], "offset") ? "" : "--derive offset or ", names[i]);
    return SP_ERR_USAGE;
  }
  return SP_SUCCESS;
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
  SP_TRY(check_filled(p, shape, why, why_size));
  if (p->shape == SP_MUTE_PICKS) return check_picks(p, shape, why, why_size);
  if (p->shape == SP_MUTE_HEADER) return SP_SUCCESS;
  const sp_column *offset = sp_survey_shape_column(shape, "offset");
  if (shape->note && offset && offset->has_range && offset->least == offset->most && shape->n_traces > 1) {
    snprintf(note, sizeof note, "mute: offset is %.10g in all traces", offset->least);
    shape->note(note);
  }
  return sp_length_unit_check(shape, "offset", "mute", "velocity", p->velocity, true, why, why_size);
}

const sp_processor sp_processor_mute = {
    .name = "mute",
    .summary = "zero samples above, below or between times: that grow with offset, picked, or in the headers",
    .params = params,
    .params_size = sizeof(sp_mute_params),
    .more_headers = more_headers,
    .check = check,
    .check_shape = check_shape,
    .cpu = &sp_mute_cpu,
};
