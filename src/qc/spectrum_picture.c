/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/qc/spectrum_picture.h"

#include <math.h>
#include <stdlib.h>

#include "seisproc/memory.h"

enum { LEFT = 62, RIGHT = 20, TOP = 48, BELOW = 44, LOWER = 90 };

static const double least_db = -80;

sp_status sp_spectra_add(sp_spectra *s, const sp_gather_view *v) {
  const float *const rows[] = {v->before, v->after, v->noise};
  if (s->n == SP_MAX_SPECTRA || v->n_traces == 0) return SP_SUCCESS;
  s->nyquist = 0.5 / v->dt;
  for (int kind = 0; kind < 3; kind++) {
    double *spectrum = NULL, *out = s->amplitude[kind][s->n];
    size_t bins = 0;
    if (!rows[kind]) continue;
    SP_TRY(sp_mean_spectrum(rows[kind], v->n_traces, v->n_samples, &spectrum, &bins));
    for (size_t k = 0; k < SP_SPECTRUM_BINS; k++) {
      const size_t first = k * bins / SP_SPECTRUM_BINS, end = (k + 1) * bins / SP_SPECTRUM_BINS;
      out[k] = spectrum[first];
      for (size_t i = first + 1; i < end; i++) out[k] += spectrum[i];
      if (end > first + 1) out[k] /= (double)(end - first);
    }
    s->has[kind] = true;
    sp_free(spectrum);
  }
  s->n++;
  return SP_SUCCESS;
}

void sp_spectra_mean(const sp_spectra *s, int kind, double *mean) {
  for (size_t k = 0; k < SP_SPECTRUM_BINS; k++) {
    mean[k] = 0;
    for (size_t g = 0; g < s->n; g++) mean[k] += s->amplitude[kind][g][k] / (double)s->n;
  }
}

static int compare(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double decibels(double value, double re) {
  return value > 0 && re > 0 ? 20 * log10(value / re) : -INFINITY;
}

static void draw_band(const sp_spectra *s, sp_picture *p, const sp_frame *f, int kind, double re) {
  double points[2 * SP_SPECTRUM_BINS][2], sorted[SP_MAX_SPECTRA];
  for (size_t k = 0; k < SP_SPECTRUM_BINS; k++) {
    for (size_t g = 0; g < s->n; g++) sorted[g] = s->amplitude[kind][g][k];
    qsort(sorted, s->n, sizeof *sorted, compare);
    const double ends[2] = {sorted[(s->n - 1) / 10], sorted[(s->n - 1) * 9 / 10]};
    for (size_t end = 0; end < 2; end++) {
      double *at = points[end ? 2 * SP_SPECTRUM_BINS - 1 - k : k];
      at[0] = sp_frame_x(f, s->nyquist * ((double)k + 0.5) / SP_SPECTRUM_BINS);
      at[1] = sp_frame_y(f, fmax(decibels(ends[end], re), least_db));
    }
  }
  sp_picture_polygon(p, (const double(*)[2])points, 2 * SP_SPECTRUM_BINS, sp_hue((size_t)kind), 0.15);
}

static void draw_transfer(const sp_spectra *s, sp_picture *p, const sp_frame *upper, const double *x,
                          const double *before, const double *after) {
  sp_frame f = *upper;
  double ratio[SP_SPECTRUM_BINS];
  f.y = upper->y + upper->height + 26;
  f.height = LOWER;
  f.across.label = "frequency, Hz";
  f.down = (sp_axis){6, -30, "after / before, dB", false};
  for (size_t k = 0; k < SP_SPECTRUM_BINS; k++) ratio[k] = decibels(after[k], before[k]);
  for (size_t k = 0; k < SP_SPECTRUM_BINS; k++) ratio[k] = isfinite(ratio[k]) ? ratio[k] : NAN;
  sp_picture_line(p, f.x, sp_frame_y(&f, 0), f.x + f.width, sp_frame_y(&f, 0), (sp_stroke){SP_LIGHT_GRAY, 1, 0});
  sp_frame_curve(p, &f, x, ratio, SP_SPECTRUM_BINS, (sp_stroke){SP_BLACK, 1.5f, 0});
  sp_frame_draw(p, &f, true);
}

static void draw_all(const sp_spectra *s, sp_picture *p, const sp_frame *f) {
  static const char *const names[] = {"before", "after", "noise"};
  static const float dashes[] = {0, 7, 2};
  double mean[3][SP_SPECTRUM_BINS], db[SP_SPECTRUM_BINS], x[SP_SPECTRUM_BINS], re = 0;
  for (int kind = 0; kind < 3; kind++) {
    sp_spectra_mean(s, kind, mean[kind]);
    for (size_t k = 0; k < SP_SPECTRUM_BINS; k++) re = fmax(re, mean[kind][k]);
    if (s->has[kind] && re > 0) break; /* the peak of the first that there is */
  }
  for (int kind = 0; kind < 3; kind++) sp_spectra_mean(s, kind, mean[kind]);
  for (size_t k = 0; k < SP_SPECTRUM_BINS; k++) x[k] = s->nyquist * ((double)k + 0.5) / SP_SPECTRUM_BINS;
  double at = f->x + f->width - 190;
  for (int kind = 0; kind < 3; kind++) {
    const sp_stroke stroke = {sp_hue((size_t)kind), 1.5f, dashes[kind]};
    if (!s->has[kind]) continue;
    if (s->n >= 10) draw_band(s, p, f, kind, re);
    for (size_t k = 0; k < SP_SPECTRUM_BINS; k++) db[k] = fmax(decibels(mean[kind][k], re), least_db);
    sp_frame_curve(p, f, x, db, SP_SPECTRUM_BINS, stroke);
    sp_picture_line(p, at, f->y - 10, at + 18, f->y - 10, stroke);
    sp_picture_text(p, at + 22, f->y - 6, 11, SP_LEFT, false, names[kind]);
    at += 66;
  }
  sp_frame_draw(p, f, true);
  if (s->has[0] && s->has[1]) draw_transfer(s, p, f, x, mean[0], mean[1]);
}

sp_status sp_spectra_draw(const sp_spectra *s, double width, double height, const char *title, const char *footer,
                          sp_picture **out) {
  sp_picture *p = NULL;
  SP_TRY(sp_picture_create(width, height, title, &p));
  const bool both = s->has[0] && s->has[1];
  const sp_frame f = {.x = LEFT,
                      .y = TOP,
                      .width = width - LEFT - RIGHT,
                      .height = height - TOP - BELOW - (both ? LOWER + 26 : 0),
                      .across = {0, s->nyquist, both ? NULL : "frequency, Hz", false},
                      .down = {0, least_db, "amplitude, dB", false}};
  sp_picture_text(p, LEFT, 20, 13, SP_LEFT, false, title);
  sp_picture_text(p, width - 6, height - 4, 10, SP_RIGHT, false, footer);
  if (s->n > 0) draw_all(s, p, &f);
  *out = p;
  return SP_SUCCESS;
}

sp_status sp_draw_spectra(const sp_gather_view *view, const sp_panel_options *options, sp_picture **out) {
  sp_spectra *s = NULL;
  char title[SP_GATHER_TEXT + 128];
  SP_TRY(sp_calloc(1, sizeof *s, "spectra", &s));
  snprintf(title, sizeof title, "%s: amplitude spectra, mean over %u traces, dB re the peak of the first", view->name,
           view->n_traces);
  sp_status status = sp_spectra_add(s, view);
  if (status == SP_SUCCESS) status = sp_spectra_draw(s, options->width, options->height, title, options->footer, out);
  sp_free(s);
  return status;
}
