/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/flow/gather/rounding.h"

#include <inttypes.h>
#include <math.h>

#include "seisproc/crc32c.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "src/base/scaled.h"

static bool is_asked(const sp_flow_plan *plan) {
  return plan->job->settings.samples != SP_SAMPLES_FLOAT32;
}

sp_type sp_rounding_type(const sp_flow_plan *plan) {
  switch ((sp_sample_form)plan->job->settings.samples) {
  case SP_SAMPLES_FLOAT16_SCALED:
    return SP_FLOAT16_SCALED;
  case SP_SAMPLES_INT16_SCALED:
    return SP_INT16_SCALED;
  case SP_SAMPLES_FLOAT32:
    break;
  }
  return SP_FLOAT32;
}

size_t sp_rounding_outputs(const sp_flow_plan *plan, const sp_survey_info *info, sp_dataset_spec *d) {
  size_t n = 0;
  if (!is_asked(plan)) return 0;
  d[n++] = (sp_dataset_spec){SP_SCALE_GROUP "/traces", SP_FLOAT32, info->n_traces, 0, NULL};
  if (plan->job->settings.mode == SP_MODE_BOTH) {
    d[n++] = (sp_dataset_spec){SP_SCALE_GROUP "/noise", SP_FLOAT32, info->n_traces, 0, NULL};
  }
  d[n++] = (sp_dataset_spec){SP_SCALE_GROUP "/error", SP_FLOAT32, info->n_gathers, 0, NULL};
  d[n++] = (sp_dataset_spec){SP_SCALE_GROUP "/error_of_rms", SP_FLOAT32, info->n_gathers, 0, NULL};
  return n;
}

/* Of samples that are finite. */
static double sum_squares(const float *row, uint32_t n) {
  double sum = 0;
  for (uint32_t i = 0; i < n; i++) sum += isfinite(row[i]) ? (double)row[i] * row[i] : 0;
  return sum;
}

/* Rounds the rows of a gather; returns their checksum. */
static uint32_t round_rows(sp_sample_form form, float *rows, sp_local n_rows, uint32_t n_samples, uint16_t *codes,
                           sp_gather_result *result) {
  double squares = 0, largest = 0;
  uint32_t n_coarse = 0;
  for (sp_local t = 0; t < n_rows; t++) {
    float *row = rows + (size_t)t * n_samples;
    squares += sum_squares(row, n_samples);
    const sp_rounding rounding = sp_scaled_round(form == SP_SAMPLES_FLOAT16_SCALED, row, n_samples, codes);
    if (rounding.error > largest) largest = rounding.error;
    n_coarse += rounding.coarse;
  }
  if (n_coarse > result->coarse) result->coarse = n_coarse; /* of /traces or /noise */
  const double rms = sqrt(squares / ((double)n_rows * n_samples));
  const float part = rms > 0 ? (float)(largest / rms) : 0;
  if ((float)largest > result->rounding) result->rounding = (float)largest;
  if (part > result->rounding_of_rms) result->rounding_of_rms = part;
  return sp_crc32c(0, rows, (size_t)n_rows * n_samples * sizeof *rows);
}

void sp_rounding_apply(sp_sample_form form, uint32_t n_samples, const sp_slab *slab, uint16_t *codes) {
  for (sp_local g = 0; g < slab->n_gathers; g++) {
    const sp_local first = slab->first_trace[g], n = slab->first_trace[g + 1] - first;
    sp_gather_result *result = &slab->results[g];
    const size_t at = (size_t)first * n_samples;
    result->rounding = result->rounding_of_rms = 0;
    result->coarse = 0;
    if (n == 0) continue;
    result->crc_traces = round_rows(form, slab->traces + at, n, n_samples, codes, result);
    if (slab->noise) result->crc_noise = round_rows(form, slab->noise + at, n, n_samples, codes, result);
  }
}

sp_status sp_rounding_write(const sp_flow_plan *plan, sp_survey *survey, const sp_gather_result *results) {
  const uint64_t n = plan->shape.n_units;
  float *errors, *parts = NULL;
  if (!is_asked(plan)) return SP_SUCCESS;
  SP_TRY(sp_calloc(n + 1, sizeof *errors, "errors of rounding", &errors));
  sp_status status = sp_calloc(n + 1, sizeof *parts, "errors of rounding", &parts);
  for (uint64_t g = 0; g < n && status == SP_SUCCESS; g++) {
    errors[g] = results[g].rounding;
    parts[g] = results[g].rounding_of_rms;
  }
  if (status == SP_SUCCESS) status = sp_dataset_write_whole(survey, SP_SCALE_GROUP "/error", n, errors);
  if (status == SP_SUCCESS) status = sp_dataset_write_whole(survey, SP_SCALE_GROUP "/error_of_rms", n, parts);
  sp_free(parts);
  sp_free(errors);
  return status;
}

typedef struct summary {
  float error, part;
  uint64_t n_coarse, n_gathers, first; /* traces, gathers with any, the first of these */
} summary;

static summary sum_up(const sp_gather_result *results, uint64_t n) {
  summary s = {0};
  for (uint64_t g = n; g-- > 0;) {
    const sp_gather_result *r = &results[g];
    s.error = fmaxf(s.error, r->rounding);
    s.part = fmaxf(s.part, r->rounding_of_rms);
    s.n_coarse += r->coarse;
    if (r->coarse) s.n_gathers++, s.first = g;
  }
  return s;
}

void sp_rounding_conclude(const sp_flow_plan *plan, const sp_gather_index *index, const sp_gather_result *results) {
  const sp_sample_form form = (sp_sample_form)plan->job->settings.samples;
  char name[SP_GATHER_TEXT];
  if (!is_asked(plan)) return;
  const summary s = sum_up(results, plan->shape.n_units);
  if (s.n_coarse == 0) return;
  sp_warn("samples: %s: most samples of %" PRIu64 " trace%s (%" PRIu64 " gather%s, first %s) have fewer than %d steps, "
          "beside a sample far stronger: %s keeps them, or a step that takes the strong one (edit: despike)",
          sp_sample_form_name(form), s.n_coarse, s.n_coarse == 1 ? "" : "s", s.n_gathers, s.n_gathers == 1 ? "" : "s",
          sp_gather_text(index, s.first, name), SP_FEW_STEPS,
          form == SP_SAMPLES_INT16_SCALED ? "float16-scaled" : "float32");
}

void sp_rounding_report(const sp_flow_plan *plan, const sp_gather_result *results, sp_json *json) {
  if (!is_asked(plan)) return;
  const summary s = sum_up(results, plan->shape.n_units);
  sp_json_open(json, "samples", '{');
  sp_json_text(json, "form", sp_sample_form_name((sp_sample_form)plan->job->settings.samples));
  sp_json_real(json, "largest_error", s.error);
  sp_json_real(json, "largest_error_of_rms", s.part);
  sp_json_count(json, "coarse_traces", s.n_coarse);
  sp_json_close(json, '}');
}
