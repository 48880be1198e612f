/* SPDX-License-Identifier: BSD-3-Clause */
/* Thresholds of a gather: the level of the noise, then the k of least risk, each from a part of the traces (sure.h),
 * which are transformed for that and again when they are denoised. */
#include "kernels/dwt/cpu_noise.h"

#include <string.h>

static bool wants_floor(const sp_dwt_params *p) {
  return p->transform != SP_DWT_WPT && p->aperture == 1 &&
         (p->noise_level == SP_DWT_FK || p->noise_level == SP_DWT_LEVEL_AUTO);
}

sp_status sp_dwt_noise_plan(const sp_dwt_params *params, const sp_dwt_layout *layout, sp_dwt_noise *out) {
  *out = (sp_dwt_noise){.params = *params, .layout = layout};
  if (!wants_floor(params) || layout->n_samples < SP_FLOOR_SAMPLES) return SP_SUCCESS;
  const int used = params->noise_level == SP_DWT_LEVEL_AUTO ? 1 : layout->levels; /* see set_levels */
  sp_dwt_responses(params->wavelet, used, out->weights);
  return sp_floor_plan((uint32_t)layout->n_samples, &out->floor);
}

void sp_dwt_noise_destroy(sp_dwt_noise *noise) {
  sp_floor_destroy(noise->floor);
}

/* --- a trace ------------------------------------------------------------------------------------------------ */

/* Median of the true magnitudes of all bands. */
static double median_of_all(const sp_dwt_layout *l, const sp_dwt_work *w, const float *row, size_t n_bands) {
  const float gain = w->bands[0].gain;
  float *all = (float *)(w->values + 2 * l->row_floats + 64);
  size_t n = 0;
  for (size_t i = 0; i < n_bands; i++) {
    const sp_dwt_band *b = &w->bands[i];
    for (size_t k = 0; k < b->count; k++, n += b->length) {
      memcpy(all + n, row + b->start + k * b->stride, b->length * sizeof *all);
      if (b->gain != gain) l->vector->multiply(gain / b->gain, all + n, b->length);
    }
  }
  return l->vector->median_magnitude(all, n, w->values, w->guess) / gain;
}

double sp_dwt_noise_of_trace(const sp_dwt_noise *noise, const sp_dwt_work *w, const float *row, size_t n_bands) {
  const sp_dwt_layout *l = noise->layout;
  const sp_dwt_band *b = &w->bands[noise->params.noise_level == SP_DWT_COARSEST ? l->levels - 1 : 0];
  double median;
  if (l->transform == SP_DWT_WPT) {
    median = median_of_all(l, w, row, n_bands);
  } else {
    median = l->vector->median_magnitude(row + b->start, b->length, w->values, w->guess) / b->gain;
  }
  return median / SP_DWT_MEDIAN_TO_SIGMA;
}

/* --- a gather ----------------------------------------------------------------------------------------------- */

/* Takes a trace to its row; returns the number of its bands. */
static size_t transform(const sp_dwt_noise *noise, const sp_dwt_work *w, const float *in) {
  sp_dwt_forward(noise->layout, in, w->rows, w->splits, w->scratch);
  return sp_dwt_bands(noise->layout, w->splits, w->bands);
}

/* The median over the traces that are looked at, dead ones left out. */
static double typical_level(const sp_dwt_noise *noise, const sp_dwt_work *w, const float *gather, uint32_t n_traces) {
  const uint32_t step = sp_sure_trace_step(n_traces);
  size_t n = 0;
  for (uint32_t i = 0; i < n_traces; i += step) {
    const size_t n_bands = transform(noise, w, gather + i * noise->layout->n_samples);
    const float level = (float)sp_dwt_noise_of_trace(noise, w, w->rows, n_bands);
    if (level > 0) w->typical[n++] = level;
  }
  float guess = 0;
  return n ? noise->layout->vector->median_magnitude(w->typical, n, w->values, &guess) : 0;
}

static void find_level(const sp_dwt_noise *noise, const sp_dwt_work *w, const float *gather, uint32_t n_traces,
                       sp_dwt_level *level) {
  double power[SP_FLOOR_BINS];
  if (!noise->floor || n_traces < SP_FLOOR_LEAST_TRACES) return;
  sp_floor_of_gather(noise->floor, gather, n_traces, w->floor, power);
  if (noise->params.noise_level == SP_DWT_LEVEL_AUTO) {
    const double floor_sigma = sp_dwt_sigma_of(noise->weights[0], power);
    level->ratio = sp_dwt_noise_ratio(floor_sigma, typical_level(noise, w, gather, n_traces));
    return;
  }
  level->by_level = true;
  for (int l = 0; l < noise->layout->levels; l++) level->sigma[l] = sp_dwt_sigma_of(noise->weights[l], power);
}

static void count_band(const float *x, size_t n, size_t step, float scale, uint32_t *counts) {
  for (size_t i = 0; i < n; i += step) counts[sp_sure_bin(scale * x[i])]++;
}

/* Counts what is looked at of one trace. */
static void count_trace(const sp_dwt_noise *noise, const sp_dwt_work *w, const float *in, uint32_t n_looked_at,
                        const sp_dwt_choice *choice) {
  const size_t n_bands = transform(noise, w, in);
  const sp_dwt_level *level = &choice->level;
  const double own = level->by_level ? 0 : level->ratio * sp_dwt_noise_of_trace(noise, w, w->rows, n_bands);
  for (size_t i = 0; i < n_bands; i++) {
    const sp_dwt_band *b = &w->bands[i];
    const double sigma = level->by_level ? level->sigma[i] : own;
    if (b->kept || !(sigma > 0)) continue;
    const float scale = (float)(1 / (sigma * b->gain));
    const size_t step = sp_sure_place_step(noise->params.transform, (int)i + 1, (uint64_t)n_looked_at * b->length);
    for (size_t j = 0; j < b->count; j++) {
      count_band(w->rows + b->start + j * b->stride, b->length, step, scale, w->counts + i * SP_SURE_BINS);
    }
  }
}

static void set_k(const sp_dwt_noise *noise, const sp_dwt_work *w, const float *gather, uint32_t n_traces,
                  sp_dwt_choice *choice) {
  const uint32_t step = sp_sure_trace_step(n_traces), n_looked_at = (n_traces + step - 1) / step;
  const size_t n_bands = sp_dwt_max_bands(noise->layout);
  memset(w->counts, 0, n_bands * SP_SURE_BINS * sizeof *w->counts);
  for (uint32_t i = 0; i < n_traces; i += step) {
    count_trace(noise, w, gather + i * noise->layout->n_samples, n_looked_at, choice);
  }
  for (size_t i = 0; i < n_bands; i++) {
    choice->k[i] = sp_sure_choose(w->counts + i * SP_SURE_BINS, noise->params.threshold, choice->level.by_level);
  }
}

void sp_dwt_choose(const sp_dwt_noise *noise, const sp_dwt_work *w, const float *gather, uint32_t n_traces,
                   const sp_dwt_level *known, sp_dwt_choice *choice) {
  for (int i = 0; i < SP_DWT_MAX_LEVEL + 2; i++) choice->k[i] = sp_dwt_k(&noise->params);
  choice->level = known ? *known : (sp_dwt_level){.ratio = 1};
  if (!gather) return;
  if (!known) find_level(noise, w, gather, n_traces, &choice->level);
  if (sp_dwt_is_auto(&noise->params)) set_k(noise, w, gather, n_traces, choice);
}
