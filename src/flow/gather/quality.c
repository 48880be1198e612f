/* SPDX-License-Identifier: BSD-3-Clause */
/* Figures of quality below /qc: of each gather from its record, of each trace by the planes of the window. NaN stands
 * for what was not measured, and for a share or a correlation of nothing. */
#include "src/flow/gather/quality.h"

#include <math.h>
#include <string.h>

#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/share.h"
#include "src/flow/gather/measure.h"
#include "src/flow/gather/spectra.h"

enum { PIECE = 1 << 18 }; /* gathers written or read at once */

const char *const sp_trace_figure_paths[SP_TRACE_FIGURES] = {"/qc/trace/rms_in", "/qc/trace/rms_out",
                                                             "/qc/trace/rms_noise", "/qc/trace/peak_in"};

typedef float (*figure_of)(const sp_gather_result *);

/* Share of the energy: the noise's to the input's. */
static float removed(const sp_gather_result *r) {
  const double ratio = (double)r->rms_noise / (double)r->rms_in;
  return r->rms_in > 0 ? (float)(ratio * ratio) : NAN;
}

static float measured(const sp_gather_result *r) {
  return (float)r->measured;
}

static float xcorr(const sp_gather_result *r) {
  return r->measured && r->rms_noise > 0 && r->rms_out > 0 ? r->xcorr : NAN;
}

static const struct {
  const char *path;
  figure_of get; /* NULL: the record's member, where anything was measured */
  size_t offset; /* of that member, which is read back; SIZE_MAX: it follows from others */
} figures[] = {
    {"/qc/gather/removed_fraction", removed, SIZE_MAX},
    {"/qc/gather/xcorr", xcorr, offsetof(sp_gather_result, xcorr)},
    {"/qc/gather/rms_in", NULL, offsetof(sp_gather_result, rms_in)},
    {"/qc/gather/rms_out", NULL, offsetof(sp_gather_result, rms_out)},
    {"/qc/gather/rms_noise", NULL, offsetof(sp_gather_result, rms_noise)},
    {"/qc/gather/peak_in", NULL, offsetof(sp_gather_result, peak_in)},
    {"/qc/gather/measured_traces", measured, SIZE_MAX},
#define STEP(k)                                                                                                        \
  {"/qc/step/" #k "/rms_in", NULL, offsetof(sp_gather_result, step##k##_in)}, {                                        \
    "/qc/step/" #k "/rms_removed", NULL, offsetof(sp_gather_result, step##k##_removed)                                 \
  }
    STEP(0),
    STEP(1),
    STEP(2),
    STEP(3),
    STEP(4),
    STEP(5),
    STEP(6),
    STEP(7),
#undef STEP
};

static const struct {
  const char *path;
  size_t peak, levels; /* offsets in the record */
} spectra[] = {
    {"/qc/gather/ampspec_in", offsetof(sp_gather_result, spectrum_in_peak), offsetof(sp_gather_result, spectrum_in)},
    {"/qc/gather/ampspec_noise", offsetof(sp_gather_result, spectrum_noise_peak),
     offsetof(sp_gather_result, spectrum_noise)},
};

enum { N_SPECTRA = sizeof spectra / sizeof spectra[0], SPECTRA_PIECE = PIECE / SP_SPECTRUM_LEVELS };

enum { N_FIGURES = sizeof figures / sizeof figures[0], N_OF_STEPS = 2 * SP_MEASURED_STEPS };

static size_t measured_steps(const sp_flow_plan *plan) {
  const size_t n = plan->job->n_steps;
  return n < 2 ? 0 : n < SP_MEASURED_STEPS ? n : SP_MEASURED_STEPS;
}

/* Figures that there are: of a step where the chain has it. */
static size_t count_figures(const sp_flow_plan *plan) {
  return N_FIGURES - N_OF_STEPS + 2 * measured_steps(plan);
}

static float get_figure(size_t figure, const sp_gather_result *r) {
  float value;
  if (figures[figure].get) return figures[figure].get(r);
  memcpy(&value, (const char *)r + figures[figure].offset, sizeof value);
  return r->measured ? value : NAN;
}

void sp_quality_outputs(const sp_flow_plan *plan, sp_output_spec *out) {
  if (plan->job->settings.qc == SP_QC_NONE) return;
  for (size_t i = 0; i < count_figures(plan); i++) {
    out->datasets[out->n_datasets++] = (sp_dataset_spec){figures[i].path, SP_FLOAT32, out->info.n_gathers, 0, NULL};
  }
  for (int i = 0; i < N_SPECTRA; i++) {
    out->datasets[out->n_datasets++] =
        (sp_dataset_spec){spectra[i].path, SP_FLOAT32, out->info.n_gathers, SP_SPECTRUM_LEVELS, NULL};
  }
  for (int k = 0; plan->job->settings.qc == SP_QC_TRACE && k < SP_TRACE_FIGURES; k++) {
    out->datasets[out->n_datasets++] =
        (sp_dataset_spec){sp_trace_figure_paths[k], SP_FLOAT32, out->info.n_traces, 0, NULL};
  }
}

static sp_status write_figure(sp_survey *survey, size_t figure, const sp_gather_result *results, sp_global n_gathers,
                              float *values) {
  sp_dataset *dataset = NULL;
  sp_status status = sp_dataset_open(survey, figures[figure].path, &dataset);
  SP_EACH_PIECE (piece, 0, n_gathers, PIECE) {
    if (status != SP_SUCCESS) break;
    const uint64_t first = piece.first;
    const sp_local n = (sp_local)piece.count;
    for (sp_local g = 0; g < n; g++) values[g] = get_figure(figure, &results[first + g]);
    status = sp_dataset_write(dataset, first, n, values);
  }
  sp_dataset_close(dataset);
  return status;
}

static void get_spectrum(int i, const sp_gather_result *r, float amplitude[SP_SPECTRUM_LEVELS]) {
  float peak;
  sp_spectrum_levels levels;
  memcpy(&peak, (const char *)r + spectra[i].peak, sizeof peak);
  memcpy(&levels, (const char *)r + spectra[i].levels, sizeof levels);
  sp_spectrum_decode(peak, &levels, amplitude);
  for (int k = 0; k < SP_SPECTRUM_LEVELS && !r->measured; k++) amplitude[k] = NAN;
}

static void put_spectrum(int i, const float amplitude[SP_SPECTRUM_LEVELS], sp_gather_result *r) {
  double wide[SP_SPECTRUM_LEVELS];
  float peak;
  sp_spectrum_levels levels;
  for (int k = 0; k < SP_SPECTRUM_LEVELS; k++) wide[k] = isnan(amplitude[k]) ? 0 : (double)amplitude[k];
  sp_spectrum_encode(wide, &peak, &levels);
  memcpy((char *)r + spectra[i].peak, &peak, sizeof peak);
  memcpy((char *)r + spectra[i].levels, &levels, sizeof levels);
}

/* Writes spectrum i of all gathers from `from`, or, where that is NULL, reads it to `to`; rows: scratch for
 * SPECTRA_PIECE of them. */
static sp_status move_spectra(sp_survey *survey, int i, const sp_gather_result *from, sp_gather_result *to,
                              sp_global n_gathers, float *rows) {
  sp_dataset *dataset = NULL;
  sp_status status = sp_dataset_open(survey, spectra[i].path, &dataset);
  SP_EACH_PIECE (piece, 0, n_gathers, SPECTRA_PIECE) {
    const sp_local n = (sp_local)piece.count;
    if (status == SP_SUCCESS && !from) status = sp_dataset_read(dataset, piece.first, n, rows);
    if (status != SP_SUCCESS) break;
    for (sp_local g = 0; g < n; g++) {
      float *row = rows + (size_t)g * SP_SPECTRUM_LEVELS;
      if (from) {
        get_spectrum(i, &from[piece.first + g], row);
      } else {
        put_spectrum(i, row, &to[piece.first + g]);
      }
    }
    if (from) status = sp_dataset_write(dataset, piece.first, n, rows);
  }
  sp_dataset_close(dataset);
  return status;
}

sp_status sp_quality_write(const sp_flow_plan *plan, sp_survey *survey, const sp_gather_result *results) {
  void *values = NULL;
  sp_status status = SP_SUCCESS;
  if (plan->job->settings.qc == SP_QC_NONE) return SP_SUCCESS;
  SP_TRY(sp_alloc(PIECE * sizeof(float), "figures of quality", &values));
  for (size_t i = 0; status == SP_SUCCESS && i < count_figures(plan); i++) {
    status = write_figure(survey, i, results, plan->shape.n_units, values);
  }
  for (int i = 0; status == SP_SUCCESS && i < N_SPECTRA; i++) {
    status = move_spectra(survey, i, results, NULL, plan->shape.n_units, values);
  }
  sp_free(values);
  return status;
}

static void add_figure(size_t figure, const float *values, sp_local n, sp_gather_result *results) {
  for (sp_local g = 0; g < n; g++) {
    if (figures[figure].get == measured)
      results[g].measured = values[g] > 0 && values[g] < 4e9f ? (uint32_t)values[g] : 0;
    if (figures[figure].offset == SIZE_MAX || isnan(values[g])) continue;
    memcpy((char *)&results[g] + figures[figure].offset, &values[g], sizeof values[g]);
  }
}

static sp_status read_figure(sp_survey *survey, size_t figure, sp_gather_result *results, sp_global n_gathers,
                             float *values) {
  sp_dataset *dataset = NULL;
  sp_status status = sp_dataset_open(survey, figures[figure].path, &dataset);
  SP_EACH_PIECE (piece, 0, n_gathers, PIECE) {
    if (status != SP_SUCCESS) break;
    const uint64_t first = piece.first;
    const sp_local n = (sp_local)piece.count;
    status = sp_dataset_read(dataset, first, n, values);
    if (status == SP_SUCCESS) add_figure(figure, values, n, results + first);
  }
  sp_dataset_close(dataset);
  return status;
}

sp_status sp_quality_read(const sp_flow_plan *plan, sp_survey *survey, sp_gather_result *results) {
  void *values = NULL;
  sp_status status = SP_SUCCESS;
  SP_TRY(sp_alloc(PIECE * sizeof(float), "figures of quality", &values));
  for (size_t i = 0; status == SP_SUCCESS && i < N_FIGURES; i++) {
    if (sp_survey_has(survey, figures[i].path)) {
      status = read_figure(survey, i, results, plan->shape.n_units, values);
    }
  }
  for (int i = 0; status == SP_SUCCESS && i < N_SPECTRA; i++) {
    if (sp_survey_has(survey, spectra[i].path)) {
      status = move_spectra(survey, i, NULL, results, plan->shape.n_units, values);
    }
  }
  sp_free(values);
  return status;
}

/* --- closing line ------------------------------------------------------------------------------------------------ */

/* Two digits of a percentage: "0.21", "4.1", "31", "100". */
static const char *percent_text(double share, char text[16]) {
  const double percent = 100 * share;
  snprintf(text, 16, percent >= 9.95 ? "%.0f" : "%.2g", percent);
  return text;
}

static const char *key_of(const sp_gather_index *index, sp_global gather, char text[SP_GATHER_TEXT]) {
  if (!index->key) return sp_gather_text(index, gather, text);
  return sp_gather_key_text(index->key_name, index->key[gather], text);
}

typedef struct step_sum {
  double in, removed;
} step_sum;

typedef struct summary {
  double in, noise, least, most;
  sp_global least_at, most_at, n_measured, n_aside;
} summary;

static summary sum_up(const sp_gather_result *results, sp_global n_gathers) {
  summary s = {.least = INFINITY, .most = -1};
  for (sp_global g = 0; g < n_gathers; g++) {
    const sp_gather_result *r = &results[g];
    const double share = (double)removed(r), n = (double)r->measured;
    s.n_aside += r->reason != SP_REASON_OK && !sp_reason_is_processed(r->reason);
    if (isnan(share)) continue;
    s.n_measured++;
    s.in += n * (double)r->rms_in * (double)r->rms_in;
    s.noise += n * (double)r->rms_noise * (double)r->rms_noise;
    if (share < s.least) {
      s.least = share;
      s.least_at = g;
    }
    if (share > s.most) {
      s.most = share;
      s.most_at = g;
    }
  }
  return s;
}

/* Energy that came to a step and that it removed, over all gathers. */
static step_sum sum_of_step(const sp_flow_plan *plan, const sp_gather_result *results, size_t step) {
  step_sum e = {0};
  for (sp_global g = 0; g < plan->shape.n_units; g++) {
    sp_gather_result r = results[g];
    const double in = (double)*sp_step_figure(&r, step, false), removed = (double)*sp_step_figure(&r, step, true);
    e.in += r.measured * in * in;
    e.removed += r.measured * removed * removed;
  }
  return e;
}

static void name_step(const sp_chain_step *step, char *text, size_t size) {
  snprintf(text, size, "%s%s", step->undoes ? "undo " : "", step->processor->name);
}

/* A step that scales, and one that takes that back, removes nothing. */
static bool scales(const sp_chain_step *step) {
  return step->processor->undo != NULL;
}

/* "step by step, of what came to each: mute 2.1 %, fk_denoise 0.4 %", where the steps were measured. */
static void conclude_steps(const sp_flow_plan *plan, const sp_gather_result *results) {
  char text[512], name[64], share[16];
  size_t length = 0;
  for (size_t k = 0; k < measured_steps(plan); k++) {
    const sp_chain_step *step = &plan->job->chain[k];
    const step_sum e = sum_of_step(plan, results, k);
    if (scales(step) || !(e.in > 0) || length >= sizeof text) continue;
    name_step(step, name, sizeof name);
    length += (size_t)snprintf(text + length, sizeof text - length, "%s%s %s %%", length ? ", " : "", name,
                               percent_text(e.removed / e.in, share));
  }
  if (length > 0) sp_info("step by step, of what came to each: %s", text);
}

void sp_quality_report(const sp_flow_plan *plan, const sp_gather_result *results, sp_json *json) {
  const summary s = sum_up(results, plan->shape.n_units);
  if (s.n_measured == 0) return;
  sp_json_real(json, "removed", s.noise / s.in);
  if (measured_steps(plan) == 0) return;
  sp_json_open(json, "steps", '[');
  for (size_t k = 0; k < measured_steps(plan); k++) {
    char name[64];
    const step_sum e = sum_of_step(plan, results, k);
    name_step(&plan->job->chain[k], name, sizeof name);
    sp_json_open(json, NULL, '{');
    sp_json_text(json, "step", name);
    sp_json_bool(json, "scales", scales(&plan->job->chain[k]));
    sp_json_real(json, "removed", e.in > 0 ? e.removed / e.in : NAN);
    sp_json_close(json, '}');
  }
  sp_json_close(json, ']');
}

void sp_quality_conclude(const sp_flow_plan *plan, const sp_gather_index *index, const sp_gather_result *results) {
  const summary s = sum_up(results, plan->shape.n_units);
  char all[16], least[16], most[16], least_key[SP_GATHER_TEXT], most_key[SP_GATHER_TEXT], aside[48] = "";
  if (s.n_aside) {
    snprintf(aside, sizeof aside, ", %llu gather%s set aside", (unsigned long long)s.n_aside,
             s.n_aside == 1 ? "" : "s");
  }
  if (s.n_measured == 0) return;
  sp_info("removed %s %% of the energy (least %s in %s, most %s in %s)%s", percent_text(s.noise / s.in, all),
          percent_text(s.least, least), key_of(index, s.least_at, least_key), percent_text(s.most, most),
          key_of(index, s.most_at, most_key), aside);
  conclude_steps(plan, results);
}
