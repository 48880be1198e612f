/* SPDX-License-Identifier: BSD-3-Clause */
/* The record of `fk_denoise`: its parameters, what it refuses before a job starts, its backends. */
#include "kernels/fk_denoise/fk_denoise.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define FIELD(name) offsetof(sp_fkd_params, name)

static const sp_param params[] = {
    {"window", SP_PARAM_REAL, "96", 20, 2000, 0, NULL, "ms",
     "length of a window in time: about 2.5 periods of the dominant frequency", FIELD(window)},
    {"traces", SP_PARAM_INT, "12", 4, SP_FKD_MAX_ACROSS, 0, NULL, "traces", "width of a window", FIELD(traces)},
    {"high", SP_PARAM_REAL, "3.1", 1, 10, 0, NULL, NULL,
     "what stands this many standard deviations of the noise above 0 is kept", FIELD(high)},
    {"low", SP_PARAM_REAL, "auto", 1, 10, 0, "auto", NULL,
     "and what is beside it and stands this many above 0; auto: 0.71 of high, on a grid 0.79", FIELD(low)},
    {"overlap", SP_PARAM_INT, "4", 2, 4, 0, NULL, NULL, "windows that a sample lies in, in each direction",
     FIELD(overlap)},
    {"robust", SP_PARAM_INT, "auto", 0, 5, 0, "auto", NULL,
     "passes against spikes and bad traces; auto: one where incoherent ones are found", FIELD(robust)},
    {"fmin", SP_PARAM_REAL, "0", 0, 1e6, 0, NULL, "Hz", "lowest frequency that is kept", FIELD(fmin)},
    {"fmax", SP_PARAM_REAL, "auto", 0, 1e6, 0, "auto", "Hz",
     "highest frequency that is kept; auto: the Nyquist frequency", FIELD(fmax)},
    {"line", SP_PARAM_HEADERS, "[]", 0, 0, SP_PARAM_ITEMS(0, 1), NULL, NULL,
     "header that tells the lines of a gather apart: no window straddles a change of it", FIELD(line)},
    {"grid", SP_PARAM_HEADERS, "[]", 0, 0, SP_PARAM_ITEMS(0, 2), NULL, NULL,
     "two headers that place the traces of a gather on a grid, for windows in three dimensions", FIELD(grid)},
    {0},
};

/* --- windows --------------------------------------------------------------------------------------------------- */

static bool is_smooth(uint32_t n) {
  for (uint32_t factor = 2; factor <= 5; factor++) {
    while (n > 1 && n % factor == 0) n /= factor;
  }
  return n == 1;
}

/* The largest smooth multiple of `unit` up to `most`; 0 where there is none. */
static uint32_t smooth_below(uint32_t most, uint32_t unit) {
  uint32_t n = most / unit * unit;
  while (n > 0 && !is_smooth(n)) n -= unit;
  return n;
}

/* The smooth multiple of 4 nearest to `window` samples; the shorter of two. */
static uint32_t nearest_window(double window) {
  uint32_t best = SP_FKD_LEAST_WINDOW;
  for (uint32_t n = SP_FKD_LEAST_WINDOW; n <= SP_FKD_MAX_WINDOW; n += 4) {
    if (is_smooth(n) && fabs(n - window) < fabs(best - window)) best = n;
  }
  return best;
}

sp_fkd_axis sp_fkd_time_axis(const sp_fkd_params *p, double sample_interval_s, uint32_t n) {
  const uint32_t q = (uint32_t)p->overlap, unit = q == 3 ? 6 : q;
  const uint32_t wanted = nearest_window(p->window * 1e-3 / sample_interval_s);
  const uint32_t w = smooth_below(wanted < n ? wanted : n, unit), step = w / q;
  if (w == 0) return (sp_fkd_axis){.n = n, .window = 1, .step = 1, .count = n};
  return (sp_fkd_axis){n, w, step, w - step, (n + w - step + step - 1) / step};
}

/* The odd step nearest to an even one that makes windows of smooth length; the longer of two. */
static uint32_t odd_step(uint32_t step, uint32_t q) {
  for (uint32_t apart = 1;; apart += 2) {
    if (is_smooth(q * (step + apart)) && q * (step + apart) <= SP_FKD_MAX_ACROSS) return step + apart;
    if (is_smooth(q * (step - apart))) return step - apart;
  }
}

sp_fkd_axis sp_fkd_trace_axis(const sp_fkd_params *p, uint32_t n) {
  const uint32_t q = (uint32_t)p->overlap, traces = (uint32_t)p->traces;
  if (n < q) return (sp_fkd_axis){n, 1, 1, 0, n};
  uint32_t step = smooth_below(traces < n ? traces : n, q) / q;
  if (n % 2 && step % 2 == 0) step = odd_step(step, q);
  const uint32_t w = step * q, overhang = w - step;
  /* what is missing to whole steps goes to both ends in equal parts */
  uint32_t missing = (step - (n + 2 * overhang - w) % step) % step;
  if (missing % 2) missing += step;
  return (sp_fkd_axis){n, w, step, overhang + missing / 2, (n + 2 * overhang + missing - w) / step + 1};
}

sp_fkd_band sp_fkd_select(const sp_fkd_params *p, double sample_interval_s, uint32_t window) {
  /* a frequency that is meant to be on the axis may miss it by rounding */
  const double step = 1 / (window * sample_interval_s), slack = 1e-9, nyquist = window / 2;
  const double first = ceil(p->fmin / step * (1 - slack));
  const double last = isnan(p->fmax) ? nyquist : floor(p->fmax / step * (1 + slack));
  return (sp_fkd_band){first > nyquist ? window : (uint32_t)first, (uint32_t)(last < nyquist ? last : nyquist)};
}

/* --- declaration ------------------------------------------------------------------------------------------------ */

static size_t more_headers(const void *values, const char **names, size_t max) {
  static const char *const positions[] = {"sx?", "sy?", "gx?", "gy?"};
  const sp_fkd_params *p = values;
  size_t n = 0;
  for (uint32_t i = 0; i < p->grid.n && n < max; i++) names[n++] = p->grid.word[i];
  if (p->grid.n) return n;
  for (size_t i = 0; i < sizeof positions / sizeof *positions && n < max; i++) names[n++] = positions[i];
  if (p->line.n && n < max) names[n++] = p->line.word[0];
  return n;
}

static sp_status check(const void *values, char *why, size_t why_size) {
  const sp_fkd_params *p = values;
  if (p->low > p->high) {
    snprintf(why, why_size, "low: found %g, allowed is up to high, which is %g", p->low, p->high);
  } else if (p->fmin > p->fmax) {
    snprintf(why, why_size, "fmin: found %g, allowed is up to fmax, which is %g Hz", p->fmin, p->fmax);
  } else if (p->grid.n == 1) {
    snprintf(why, why_size, "grid: found %s, allowed is a list of two headers, as in [iline, xline]", p->grid.word[0]);
  } else if (p->grid.n && p->line.n) {
    snprintf(why, why_size, "line: found %s, allowed is one of line and grid: a grid has its lines", p->line.word[0]);
  } else {
    return SP_SUCCESS;
  }
  return SP_ERR_USAGE;
}

static sp_status check_shape(const void *values, const sp_survey_shape *shape, char *why, size_t why_size) {
  const sp_fkd_params *p = values;
  const uint32_t w = sp_fkd_time_axis(p, shape->sample_interval_s, shape->n_samples).window;
  const uint64_t across = (uint64_t)p->traces, points = w * across * (p->grid.n ? across : 1);
  const sp_fkd_band band = sp_fkd_select(p, shape->sample_interval_s, w);
  if (shape->n_samples < SP_FKD_LEAST_SAMPLES) {
    snprintf(why, why_size, "traces have %u samples, at least %d are needed", shape->n_samples, SP_FKD_LEAST_SAMPLES);
  } else if (shape->max_traces < SP_FKD_LEAST_TRACES) {
    snprintf(why, why_size, "the largest gather has %u traces, at least %d are needed", shape->max_traces,
             SP_FKD_LEAST_TRACES);
  } else if (band.first > band.last) {
    snprintf(why, why_size, "fmin: found %g and fmax %g Hz, allowed is a band that holds one of 0, %g ... %g Hz",
             p->fmin, p->fmax, 1 / (w * shape->sample_interval_s), 0.5 / shape->sample_interval_s);
  } else if (points > SP_FKD_MAX_POINTS) {
    snprintf(why, why_size,
             "traces: found %d, and so windows of %u x %d x %d points, allowed are %d points: shorten window or traces",
             p->traces, w, p->traces, p->traces, SP_FKD_MAX_POINTS);
  } else {
    return SP_SUCCESS;
  }
  return SP_ERR_USAGE;
}

static const char *spreads(const void *values) {
  return ((const sp_fkd_params *)values)->robust == 0 ? "robust" : NULL;
}

const sp_processor sp_processor_fk_denoise = {
    .name = "fk_denoise",
    .summary = "random noise: thresholding in local f-k windows at an automatic noise level",
    .params = params,
    .params_size = sizeof(sp_fkd_params),
    .more_headers = more_headers,
    .check = check,
    .check_shape = check_shape,
    .spreads = spreads,
    .cpu = &sp_fk_denoise_cpu,
};
