/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/qc/survey_spectra.h"

#include <math.h>
#include <string.h>

#include "seisproc/memory.h"
#include "src/qc/figures_of.h"
#include "src/qc/frame.h"

enum { BINS = SP_SPECTRUM_LEVELS, MOST_GATHERS = 1 << 16, LEFT = 62, RIGHT = 20, TOP = 48, BELOW = 44 };

static const double shares[SP_SPECTRUM_SHARES] = {0.1, 0.5, 0.9}, least_db = -80;
static const char *const share_names[SP_SPECTRUM_SHARES] = {"p10", "p50", "p90"};
static const char *const paths[2] = {"/qc/gather/ampspec_in", "/qc/gather/ampspec_noise"};

/* Gathers first, first + step, ...: column k of rows[n][BINS] to columns[k][n]. */
static sp_status read_columns(const sp_view_source *s, const char *path, size_t step, size_t n, float *columns) {
  sp_dataset *dataset = NULL;
  float row[BINS];
  SP_TRY(sp_dataset_open(s->survey, path, &dataset));
  sp_status status = SP_SUCCESS;
  for (size_t i = 0; status == SP_SUCCESS && i < n; i++) {
    status = sp_dataset_read(dataset, i * step, 1, row);
    for (size_t k = 0; status == SP_SUCCESS && k < BINS; k++) columns[k * n + i] = row[k];
  }
  sp_dataset_close(dataset);
  return status;
}

static size_t count_finite(const float *x, size_t n) {
  size_t count = 0;
  for (size_t i = 0; i < n; i++) count += isfinite(x[i]) != 0;
  return count;
}

sp_status sp_survey_spectra_read(const sp_view_source *s, sp_survey_spectra *out) {
  const size_t n_gathers = s->index->n_gathers, step = 1 + n_gathers / MOST_GATHERS, n = (n_gathers + step - 1) / step;
  float *columns = NULL;
  sp_status status = SP_SUCCESS;
  *out = (sp_survey_spectra){.nyquist = 0.5e6 / sp_survey_get_info(s->survey)->sample_interval_us};
  if (n == 0 || !sp_survey_has(s->survey, paths[0]) || !sp_survey_has(s->survey, paths[1])) return SP_SUCCESS;
  SP_TRY(sp_calloc(n * BINS, sizeof *columns, "spectra", &columns));
  for (int kind = 0; kind < 2; kind++) {
    SP_TRY_GOTO(out, read_columns(s, paths[kind], step, n, columns));
    for (size_t k = 0; k < BINS; k++) {
      for (int i = 0; i < SP_SPECTRUM_SHARES; i++) {
        SP_TRY_GOTO(out, sp_value_quantile(columns + k * n, n, shares[i], &out->amplitude[kind][i][k]));
      }
    }
  }
  out->n = count_finite(columns, n);
out:
  sp_free(columns);
  return status;
}

static double decibels(double value, double re) {
  return value > 0 && re > 0 ? fmax(20 * log10(value / re), least_db) : least_db;
}

static void draw_kind(const sp_survey_spectra *s, sp_picture *p, const sp_frame *f, int kind, double re,
                      sp_stroke stroke) {
  double points[2 * BINS][2], x[BINS], db[BINS];
  for (size_t k = 0; k < BINS; k++) {
    x[k] = s->nyquist * (double)k / BINS;
    db[k] = decibels(s->amplitude[kind][1][k], re);
    for (int end = 0; end < 2; end++) {
      double *at = points[end ? 2 * BINS - 1 - k : k];
      at[0] = sp_frame_x(f, x[k]);
      at[1] = sp_frame_y(f, decibels(s->amplitude[kind][end ? 2 : 0][k], re));
    }
  }
  if (s->n >= 10) sp_picture_polygon(p, (const double(*)[2])points, 2 * BINS, stroke.colour, 0.15);
  sp_frame_curve(p, f, x, db, BINS, stroke);
}

sp_status sp_survey_spectra_draw(const sp_survey_spectra *s, double width, double height, const char *footer,
                                 sp_picture **out) {
  static const char *const names[2] = {"before", "noise"};
  static const float dashes[2] = {0, 2};
  sp_picture *p = NULL;
  char title[160];
  double re = 0;
  snprintf(title, sizeof title, "amplitude spectra of all gathers (%zu measured): median%s, dB re the peak before",
           s->n, s->n >= 10 ? ", band from the 10th to the 90th of a hundred" : "");
  SP_TRY(sp_picture_create(width, height, title, &p));
  const sp_frame f = {.x = LEFT,
                      .y = TOP,
                      .width = width - LEFT - RIGHT,
                      .height = height - TOP - BELOW,
                      .across = {0, s->nyquist, "frequency, Hz", false},
                      .down = {0, least_db, "amplitude, dB", false}};
  sp_picture_text(p, LEFT, 20, 13, SP_LEFT, false, title);
  sp_picture_text(p, width - 6, height - 4, 10, SP_RIGHT, false, footer);
  for (size_t k = 0; k < BINS; k++) re = fmax(re, s->amplitude[0][1][k]);
  for (int kind = 0; kind < 2; kind++) {
    const double at = f.x + f.width - 130 + 66 * kind;
    const sp_stroke stroke = {sp_hue((size_t)(2 * kind)), 1.5f, dashes[kind]};
    draw_kind(s, p, &f, kind, re, stroke);
    sp_picture_line(p, at, f.y - 10, at + 18, f.y - 10, stroke);
    sp_picture_text(p, at + 22, f.y - 6, 11, SP_LEFT, false, names[kind]);
  }
  sp_frame_draw(p, &f, true);
  *out = p;
  return SP_SUCCESS;
}

void sp_survey_spectra_numbers(const sp_survey_spectra *s, sp_json *json) {
  static const char *const names[2] = {"before", "noise"};
  sp_json_open(json, "survey_spectra", '{');
  sp_json_count(json, "measured", s->n);
  sp_json_real(json, "nyquist", s->nyquist);
  for (int kind = 0; kind < 2 && s->n > 0; kind++) {
    sp_json_open(json, names[kind], '{');
    for (int i = 0; i < SP_SPECTRUM_SHARES; i++) {
      sp_json_open(json, share_names[i], '[');
      for (size_t k = 0; k < BINS; k++) sp_json_real(json, NULL, s->amplitude[kind][i][k]);
      sp_json_close(json, ']');
    }
    sp_json_close(json, '}');
  }
  sp_json_close(json, '}');
}
