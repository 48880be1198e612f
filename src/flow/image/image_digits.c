/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether the integers that an image is summed in keep the digits of its traces.
 *
 * Their unit follows from the largest derivative of any trace (terms.c). Where that is far above what traces have as a
 * rule, a burst or a `peak` that is too large, what they add is lost to rounding. What they have as a rule is the
 * median of a few traces that are read while planning, so that it does not depend on ranks or on what a killed run has
 * done. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "seisproc/memory.h"
#include "seisproc/trace_store.h"
#include "src/flow/image/image_flow.h"

/* Traces that are read; units in what a typical trace adds: with fewer than `few` the rounding of batches comes near
 * the 1e-4 to which images are right, with fewer than `least` nothing is left. A trace that is `loud` times a typical
 * one leaves the others no digit of float32 where it reaches. */
enum { SAMPLED = 31 };
static const double few = 1e3, least = 10, loud = 1e6;

sp_status sp_image_plan_for_peaks(const sp_image_shared *shared, int n_threads, sp_pstm **out) {
  sp_pstm_config config = shared->config;
  const float velocity = 2000;
  const sp_pstm_tile tile = {{0, 0}, {1, 1}};
  const sp_pstm_model model = {&velocity, NULL, NULL, 0};
  config.grid.n_tau = 1;
  config.antialias = false;
  return sp_pstm_create(&config, &tile, &model, n_threads, out);
}

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Peaks of traces spread over the used ones; those that are zero, not finite or cannot be read are left out. */
static uint32_t sample_peaks(const sp_image_own *own, uint64_t n_traces, sp_trace_source *source, sp_pstm *plan,
                             float *row, double peaks[SAMPLED]) {
  const uint64_t n = n_traces < SAMPLED ? n_traces : SAMPLED;
  uint32_t found = 0;
  for (uint64_t i = 0; i < n; i++) {
    const uint64_t at = (2 * i + 1) * n_traces / (2 * n);
    if (sp_trace_source_read_independent(source, own->traces[at].number, 1, row) != SP_SUCCESS) continue;
    const double peak = sp_pstm_peak(plan, 0, row);
    if (peak > 0) peaks[found++] = peak;
  }
  return found;
}

sp_status sp_image_look_at_traces(const sp_plan_request *request, const sp_image_own *own, sp_image_shared *shared) {
  sp_survey *survey = (sp_survey *)(uintptr_t)request->survey;
  sp_trace_source *source = NULL;
  sp_pstm *plan = NULL;
  float *row = NULL;
  double peaks[SAMPLED];
  uint64_t n_traces = 0;
  sp_status status;
  for (uint32_t k = 0; k < shared->n_classes; k++) n_traces += shared->classes[k].n_traces;
  SP_TRY_GOTO(out, sp_trace_source_open(survey, "/traces", &source));
  SP_TRY_GOTO(out, sp_image_plan_for_peaks(shared, 1, &plan));
  SP_TRY_GOTO(out, sp_alloc(shared->config.n_samples * sizeof *row, "a trace", &row));
  const uint32_t n = n_traces ? sample_peaks(own, n_traces, source, plan, row, peaks) : 0;
  qsort(peaks, n, sizeof *peaks, ascending);
  shared->typical_peak = n ? peaks[n / 2] : NAN;
out:
  sp_free(row);
  sp_pstm_destroy(plan);
  sp_trace_source_close(source);
  return status;
}

/* Units in what a typical trace adds to the class where these are fewest; INFINITY: not known. */
static double fewest_units(const sp_image_shared *s, double peak) {
  double fewest = INFINITY;
  for (uint32_t k = 0; k < s->n_classes; k++) {
    const struct sp_image_class *c = &s->classes[k];
    sp_pstm_sums scale = {0};
    if (c->n_traces == 0 || !(s->typical_peak > 0)) continue;
    sp_pstm_sums_scale(&s->config, c->n_traces, peak, c->area, (double)s->least_velocity, s->latest_s, &scale);
    const double adds = sp_pstm_typical(&s->config, s->typical_peak, c->typical_area, (double)s->least_velocity);
    fewest = fmin(fewest, ldexp(adds, scale.shift));
  }
  return fewest;
}

/* What is too strong. */
static int describe(const sp_image_shared *s, double peak, const uint64_t *trace, char *text, size_t size) {
  const double ratio = peak / s->typical_peak;
  if (!trace) {
    return snprintf(text, size, "peak: %g is %.2g times the derivative of a typical trace, %.3g a second", peak, ratio,
                    s->typical_peak);
  }
  return snprintf(text, size, "pstm: trace %llu is %.2g times as strong as a typical one", (unsigned long long)*trace,
                  ratio);
}

sp_status sp_image_check_digits(const sp_image_shared *s, double peak, const uint64_t *trace, char *text, size_t size) {
  const double units = fewest_units(s, peak);
  const bool lost = units < least, hides = trace && peak >= loud * s->typical_peak;
  *text = 0;
  if (units >= few && !hides) return SP_SUCCESS;
  const int n = describe(s, peak, trace, text, size);
  snprintf(text + n, size - (size_t)n, ": %s; %s",
           lost          ? "nothing of the others would be left in the image's sums"
           : units < few ? "the others lose digits in the image's sums"
                         : "where it reaches it hides the others",
           trace ? "a job before this one can kill it (edit: kill_rms)" : "auto finds one that fits");
  return lost ? SP_ERR_INPUT : SP_SUCCESS;
}
