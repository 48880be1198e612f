/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/qc/figures_of.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seisproc/memory.h"
#include "seisproc/processor.h"
#include "seisproc/share.h"

static const char *const names[SP_N_QUALITIES] = {"removed_fraction", "xcorr",     "rms_in",
                                                  "rms_out",          "rms_noise", "peak_in"};

const char *sp_quality_name(sp_quality quality) {
  return names[quality];
}

void sp_figures_free(sp_gather_figures_of *f) {
  for (int q = 0; q < SP_N_QUALITIES; q++) sp_free(f->quality[q]);
  sp_free(f->status);
  sp_free(f->fold);
  sp_free(f->x);
  sp_free(f->y);
  *f = (sp_gather_figures_of){0};
}

/* --- figures ----------------------------------------------------------------------------------------------------- */

static sp_status read_all(const sp_view_source *s, const char *path, size_t row, void *rows) {
  sp_dataset *dataset = NULL;
  const sp_global n = s->index->n_gathers;
  sp_status status = sp_dataset_open(s->survey, path, &dataset);
  SP_EACH_PIECE (p, 0, status == SP_SUCCESS ? n : 0, 1 << 20) {
    SP_TRY_GOTO(out, sp_dataset_read(dataset, p.first, (sp_local)p.count, (char *)rows + p.first * row));
  }
out:
  sp_dataset_close(dataset);
  return status;
}

static sp_status read_qualities(const sp_view_source *s, sp_gather_figures_of *f) {
  for (int q = 0; q < SP_N_QUALITIES; q++) {
    char path[64];
    snprintf(path, sizeof path, "/qc/gather/%s", names[q]);
    if (!sp_survey_has(s->survey, path)) continue;
    SP_TRY(read_all(s, path, sizeof(float), f->quality[q]));
  }
  for (size_t g = 0; g < f->n; g++) f->known = f->known || isfinite(f->quality[SP_RMS_IN][g]);
  return SP_SUCCESS;
}

static void measure(const sp_gather_view *v, size_t g, sp_gather_figures_of *f) {
  double in = 0, out = 0, noise = 0, cross = 0, peak = 0;
  const size_t n = (size_t)v->n_traces * v->n_samples;
  for (size_t i = 0; i < n; i++) {
    const double a = (double)v->before[i], b = (double)v->after[i], d = (double)v->noise[i];
    in += a * a;
    out += b * b;
    noise += d * d;
    cross += d * b;
    peak = fmax(peak, fabs(a));
  }
  if (n == 0) return;
  f->quality[SP_REMOVED][g] = in > 0 ? (float)(noise / in) : NAN;
  f->quality[SP_XCORR][g] = noise > 0 && out > 0 ? (float)(cross / sqrt(noise) / sqrt(out)) : NAN;
  f->quality[SP_RMS_IN][g] = (float)sqrt(in / (double)n);
  f->quality[SP_RMS_OUT][g] = (float)sqrt(out / (double)n);
  f->quality[SP_RMS_NOISE][g] = (float)sqrt(noise / (double)n);
  f->quality[SP_PEAK_IN][g] = (float)peak;
  f->known = true;
}

static sp_status measure_some(const sp_view_source *s, size_t every, sp_gather_figures_of *f) {
  if (s->is_input || (!s->noise && !s->against)) return SP_SUCCESS;
  f->every = every;
  for (size_t g = 0; g < f->n; g += every) {
    sp_gather_view view;
    SP_TRY(sp_view_load(s, g, &view));
    if (view.before && view.after && view.noise && sp_reason_is_processed(f->status[g])) measure(&view, g, f);
    sp_view_free(&view);
  }
  return SP_SUCCESS;
}

/* --- places ------------------------------------------------------------------------------------------------------ */

/* A column's value at the first trace of each gather; *values is NULL where there is none, or it is the same for all.
 */
static sp_status read_column(const sp_view_source *s, const char *name, double **values) {
  char path[SP_NAME_LENGTH + 16];
  sp_header_column *column = NULL;
  const sp_gather_index *index = s->index;
  bool varies = false;
  *values = NULL;
  snprintf(path, sizeof path, "/headers/%s", name);
  if (!sp_survey_has(s->survey, path)) return SP_SUCCESS;
  SP_TRY(sp_header_column_open(s->survey, name, &column));
  sp_status status = sp_calloc(index->n_gathers, sizeof **values, "places", values);
  for (sp_global g = 0; status == SP_SUCCESS && g < index->n_gathers; g++) {
    (*values)[g] = NAN;
    if (index->first_trace[g + 1] == index->first_trace[g]) continue;
    status = sp_header_column_read(column, index->first_trace[g], 1, *values + g);
    varies = varies || (*values)[g] != (*values)[0];
  }
  sp_header_column_close(column);
  if (status == SP_SUCCESS && varies) return status;
  sp_free(*values);
  *values = NULL;
  return status;
}

static sp_status read_unit(const sp_view_source *s, const char *name, char *unit, size_t size) {
  char path[SP_NAME_LENGTH + 16], *units = NULL;
  snprintf(path, sizeof path, "/headers/%s", name);
  SP_TRY(sp_survey_find_text(s->survey, path, "units", &units));
  snprintf(unit, size, "%s", units ? units : "");
  sp_free(units);
  return SP_SUCCESS;
}

typedef struct place_columns {
  const char *keys; /* gather keys that this is for, '|' about each; "" any */
  const char *x, *y, *x_name, *y_name;
} place_columns;

/* What the gather key says is tried first. */
static sp_status read_places(const sp_view_source *s, sp_gather_figures_of *f) {
  static const place_columns all[] = {{"|iline+xline|xline+iline|", "xline", "iline", "crossline", "inline"},
                                      {"|fldr|ep|sp|tracf|", "sx", "sy", "source x", "source y"},
                                      {"|cdp|cdpt|", "cdpx", "cdpy", "midpoint x", "midpoint y"},
                                      {"", "sx", "sy", "source x", "source y"},
                                      {"", "cdpx", "cdpy", "midpoint x", "midpoint y"},
                                      {"", "gx", "gy", "receiver x", "receiver y"}};
  char key[SP_NAME_LENGTH + 4];
  snprintf(key, sizeof key, "|%s|", s->index->key_name);
  for (size_t i = 0; i < sizeof all / sizeof all[0] && !f->x; i++) {
    const place_columns *c = &all[i];
    if (c->keys[0] && !strstr(c->keys, key)) continue;
    SP_TRY(read_column(s, c->x, &f->x));
    if (!f->x) continue;
    SP_TRY(read_column(s, c->y, &f->y));
    if (!f->y) SP_TRY(sp_calloc(f->n, sizeof *f->y, "places", &f->y)); /* a line along x */
    f->x_name = c->x_name;
    f->y_name = c->y_name;
    SP_TRY(read_unit(s, c->x, f->places_unit, sizeof f->places_unit));
    const char *comma = f->places_unit[0] ? ", " : "";
    snprintf(f->x_label, sizeof f->x_label, "%s%s%s", c->x_name, comma, f->places_unit);
    snprintf(f->y_label, sizeof f->y_label, "%s%s%s", c->y_name, comma, f->places_unit);
  }
  return SP_SUCCESS;
}

sp_status sp_figures_read(const sp_view_source *s, size_t every, sp_gather_figures_of *f) {
  f->n = s->index->n_gathers;
  for (int q = 0; q < SP_N_QUALITIES; q++) {
    SP_TRY(sp_calloc(f->n, sizeof(float), "figures", &f->quality[q]));
    for (size_t g = 0; g < f->n; g++) f->quality[q][g] = NAN;
  }
  SP_TRY(sp_calloc(f->n, 1, "figures", &f->status));
  SP_TRY(sp_calloc(f->n, sizeof *f->fold, "figures", &f->fold));
  for (size_t g = 0; g < f->n; g++) f->fold[g] = (double)(s->index->first_trace[g + 1] - s->index->first_trace[g]);
  if (sp_survey_has(s->survey, "/integrity/status")) SP_TRY(read_all(s, "/integrity/status", 1, f->status));
  SP_TRY(read_qualities(s, f));
  f->taken = sp_survey_has(s->survey, "/qc/gather/removed_fraction");
  if (!f->known && !f->taken) SP_TRY(measure_some(s, every ? every : 1, f));
  return read_places(s, f);
}

double sp_figures_total(const sp_gather_figures_of *f) {
  double noise = 0, in = 0;
  for (size_t g = 0; g < f->n; g++) {
    const double a = (double)f->quality[SP_RMS_IN][g], d = (double)f->quality[SP_RMS_NOISE][g];
    if (!isfinite(a) || !isfinite(d)) continue;
    noise += f->fold[g] * d * d;
    in += f->fold[g] * a * a;
  }
  return in > 0 ? noise / in : NAN;
}

/* --- outliers ---------------------------------------------------------------------------------------------------- */

static int compare_floats(const void *a, const void *b) {
  const float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

sp_status sp_value_quantile(const float *values, size_t n, double share, double *out) {
  float *sorted = NULL;
  size_t count = 0;
  *out = NAN;
  SP_TRY(sp_calloc(n, sizeof *sorted, "figures", &sorted));
  for (size_t i = 0; i < n; i++) {
    if (isfinite(values[i])) sorted[count++] = values[i];
  }
  qsort(sorted, count, sizeof *sorted, compare_floats);
  if (count) *out = (double)sorted[(size_t)floor(share * (double)(count - 1) + 0.5)];
  sp_free(sorted);
  return SP_SUCCESS;
}

/* z[n] of values[n], in place; 0 where it is not known or all are alike. */
static sp_status to_scores(float *values, size_t n) {
  double median, deviation;
  SP_TRY(sp_value_quantile(values, n, 0.5, &median));
  for (size_t i = 0; i < n; i++) values[i] = fabsf(values[i] - (float)median);
  SP_TRY(sp_value_quantile(values, n, 0.5, &deviation));
  for (size_t i = 0; i < n; i++) {
    values[i] = isfinite(values[i]) && deviation > 0 ? values[i] / (float)(1.4826 * deviation) : 0;
  }
  return SP_SUCCESS;
}

/* How far a gather's RMS is from the mean of those beside it, in octaves. */
static float jump(const float *rms, size_t n, size_t g) {
  float sum = 0, count = 0;
  for (size_t k = g > 2 ? g - 2 : 0; k < n && k <= g + 2; k++) {
    if (k == g || !(rms[k] > 0)) continue;
    sum += log2f(rms[k]);
    count++;
  }
  return count > 0 && rms[g] > 0 ? log2f(rms[g]) - sum / count : NAN;
}

static int by_score(const void *a, const void *b) {
  const sp_outlier *x = a, *y = b;
  if (x->score != y->score) return x->score < y->score ? 1 : -1;
  return (x->gather > y->gather) - (x->gather < y->gather);
}

static void keep_scores(const float *z, size_t n, const char *why, sp_outlier *all) {
  for (size_t g = 0; g < n; g++) {
    if (!((double)z[g] > all[g].score)) continue;
    all[g].score = (double)z[g];
    all[g].why = why;
  }
}

static sp_status score_all(const sp_gather_figures_of *f, sp_outlier *all, float *z) {
  static const struct {
    sp_quality quality;
    const char *why;
  } kinds[] = {{SP_REMOVED, "removed energy"}, {SP_XCORR, "correlation"}, {SP_RMS_IN, "RMS beside its neighbours"}};
  for (size_t k = 0; k < 3; k++) {
    const float *values = f->quality[kinds[k].quality];
    for (size_t g = 0; g < f->n; g++) z[g] = k == 2 ? jump(values, f->n, g) : values[g];
    SP_TRY(to_scores(z, f->n));
    keep_scores(z, f->n, kinds[k].why, all);
  }
  for (size_t g = 0; g < f->n; g++) {
    if (f->status[g] == SP_REASON_OK) continue;
    all[g].score = INFINITY;
    all[g].why = "status";
  }
  return SP_SUCCESS;
}

size_t sp_find_outliers(const sp_gather_figures_of *f, sp_outlier *out, size_t most) {
  sp_outlier *all = NULL;
  float *z = NULL;
  size_t n = 0;
  sp_status status = sp_calloc(f->n, sizeof *all, "outliers", &all);
  if (status == SP_SUCCESS) status = sp_calloc(f->n, sizeof *z, "outliers", &z);
  for (size_t g = 0; status == SP_SUCCESS && g < f->n; g++) all[g].gather = g;
  if (status == SP_SUCCESS) status = score_all(f, all, z);
  if (status == SP_SUCCESS) {
    qsort(all, f->n, sizeof *all, by_score);
    while (n < most && n < f->n && all[n].score > 0) n++;
    memcpy(out, all, n * sizeof *out);
  }
  sp_free(z);
  sp_free(all);
  return n;
}
