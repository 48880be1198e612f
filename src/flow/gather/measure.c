/* SPDX-License-Identifier: BSD-3-Clause */
/* From sums of traces to figures: rms = sqrt(sum x^2 / n), xcorr = sum noise out / sqrt(sum noise^2 sum out^2). */
#include "src/flow/gather/measure.h"

#include <math.h>

#include "src/base/faint.h"
#include "src/flow/faint_traces.h"

static float rms(double squares, double n) {
  return n > 0 ? (float)sqrt(squares / n) : 0;
}

static void measure_traces(const sp_slab *slab, sp_local gather, uint32_t n_samples, bool good,
                           const sp_row_sums *sums) {
  for (sp_local t = slab->first_trace[gather]; t < slab->first_trace[gather + 1]; t++) {
    const sp_row_sums s = good ? sums[t] : (sp_row_sums){0};
    const float figures[SP_TRACE_FIGURES] = {rms(s.in, n_samples), rms(s.out, n_samples), rms(s.noise, n_samples),
                                             s.peak};
    for (int k = 0; k < SP_TRACE_FIGURES; k++) slab->by_trace[k][t] = figures[k];
  }
}

void sp_measure_gather(const sp_slab *slab, sp_local gather, uint32_t n_samples, bool good, const sp_row_sums *sums) {
  sp_gather_result *result = &slab->results[gather];
  sp_row_sums all = {0};
  if (slab->by_trace[0]) measure_traces(slab, gather, n_samples, good, sums);
  for (sp_local t = slab->first_trace[gather]; good && t < slab->first_trace[gather + 1]; t++) {
    all.in += sums[t].in;
    all.out += sums[t].out;
    all.noise += sums[t].noise;
    all.cross += sums[t].cross;
    all.peak = sums[t].peak > all.peak ? sums[t].peak : all.peak;
    all.measured += sums[t].measured;
  }
  const double n = (double)all.measured * n_samples, both = sqrt(all.noise) * sqrt(all.out);
  result->measured = all.measured;
  result->rms_in = rms(all.in, n);
  result->rms_out = rms(all.out, n);
  result->rms_noise = rms(all.noise, n);
  result->xcorr = both > 0 ? (float)(all.cross / both) : 0;
  result->peak_in = all.peak;
}

size_t sp_measured_steps(const sp_engine_config *config) {
  if (!config->measure || (config->n_steps < 2 && !config->is_part)) return 0;
  return config->n_steps < SP_MEASURED_STEPS ? config->n_steps : SP_MEASURED_STEPS;
}

/* Of the traces that came to a step, those that it changed: one that it was not given it left as it was. */
static uint32_t count_faint(const sp_slab *slab, sp_local gather, const sp_row_sums *sums, const sp_step_sums *step) {
  sp_faint_count count = {0};
  for (sp_local t = slab->first_trace[gather]; t < slab->first_trace[gather + 1]; t++) {
    const double in = step ? step[t].in : sums[t].in, removed = step ? step[t].removed : sums[t].noise;
    if (sums[t].measured && removed > 0) sp_faint_add(&count, in);
  }
  return sp_faint_traces(&count);
}

static uint32_t most_faint(const sp_engine_config *config, const sp_slab *slab, sp_local gather,
                           const sp_row_sums *sums, const sp_step_sums *steps) {
  const size_t n_measured = sp_measured_steps(config), n = n_measured ? n_measured : config->n_steps;
  uint32_t most = 0;
  for (size_t k = 0; k < n; k++) {
    if (!sp_step_spreads(&config->chain[k])) continue;
    const uint32_t found = count_faint(slab, gather, sums, n_measured ? steps + k * config->max_traces : NULL);
    most = found > most ? found : most;
  }
  return most;
}

/* Traces that are not measured, or that a step did not get, add nothing. */
void sp_measure_steps(const sp_engine_config *config, const sp_slab *slab, sp_local gather, const sp_row_sums *sums,
                      const sp_step_sums *steps) {
  sp_gather_result *result = &slab->results[gather];
  const double n = (double)result->measured * config->n_samples;
  result->faint = most_faint(config, slab, gather, sums, steps);
  for (size_t k = 0; k < sp_measured_steps(config); k++) {
    const sp_step_sums *step = steps + k * config->max_traces;
    sp_step_sums all = {0};
    for (sp_local t = slab->first_trace[gather]; t < slab->first_trace[gather + 1]; t++) {
      if (!sums[t].measured) continue;
      all.in += step[t].in;
      all.removed += step[t].removed;
    }
    *sp_step_figure(result, k, false) = rms(all.in, n);
    *sp_step_figure(result, k, true) = rms(all.removed, n);
  }
}
