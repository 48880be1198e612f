/* SPDX-License-Identifier: BSD-3-Clause */
/* The triptych of a gather: before, after and noise under one clip, the noise once more at a power of two that makes it
 * visible, the header strip below. */
#include "src/qc/panels.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "seisproc/memory.h"

enum { LEFT = 62, RIGHT = 74, TOP = 64, BETWEEN = 12, STRIP = 46, BELOW = 58, MAX_PANELS = 8, WIGGLE_PIXELS = 6 };
enum { LABELLED = 120 }; /* pixels from which on a panel's title leaves room for what its upper axis is */

typedef struct panel {
  const float *rows;
  char title[64];
  double clip; /* of amplitudes; 0: a similarity, from 0 to 1 */
} panel;

typedef struct triptych {
  const sp_gather_view *view;
  const sp_panel_options *options;
  panel panels[MAX_PANELS];
  size_t n;
  float *scratch[MAX_PANELS]; /* panels of our own; owned */
  size_t n_scratch;
  sp_panel_numbers numbers;
} triptych;

static size_t samples_of(const sp_gather_view *v) {
  return (size_t)v->n_traces * v->n_samples;
}

static sp_status allocate_scratch(triptych *t, float **out) {
  SP_TRY(sp_alloc(samples_of(t->view) * sizeof(float), "a panel", out));
  t->scratch[t->n_scratch++] = *out;
  return SP_SUCCESS;
}

/* --- gain for display -------------------------------------------------------------------------------------------- */

/* Divides a trace by the RMS of `of` in a window about each sample; 0 where that is 0. */
static void apply_agc(const float *x, const float *of, size_t n, size_t half, float *out) {
  double sum = 0;
  size_t first = 0, end = 0;
  for (size_t i = 0; i < n; i++) {
    for (; end < n && end <= i + half; end++) sum += (double)of[end] * (double)of[end];
    for (; first + half < i; first++) sum -= (double)of[first] * (double)of[first];
    const double rms = sqrt(fmax(sum, 0) / (double)(end - first));
    out[i] = (float)(rms > 0 ? (double)x[i] / rms : 0);
  }
}

/* The same gain for all, that of what came in where it is at hand. */
static sp_status gain(triptych *t, const float **rows) {
  const sp_gather_view *v = t->view;
  const float *of = v->before ? v->before : v->after ? v->after : v->noise;
  const size_t half = (size_t)fmax(1, t->options->agc / 2 / v->dt);
  float *out = NULL;
  if (t->options->agc <= 0 || !*rows) return SP_SUCCESS;
  SP_TRY(allocate_scratch(t, &out));
  for (size_t i = 0; i < v->n_traces; i++) {
    const size_t at = i * v->n_samples;
    apply_agc(*rows + at, of + at, v->n_samples, half, out + at);
  }
  *rows = out;
  return SP_SUCCESS;
}

/* --- what is shown ----------------------------------------------------------------------------------------------- */

static void add_panel(triptych *t, const float *rows, double clip, const char *title) {
  panel *p = &t->panels[t->n++];
  *p = (panel){.rows = rows, .clip = clip};
  snprintf(p->title, sizeof p->title, "%s", title);
}

/* The power of two that brings the noise's quantile to that of before. */
static sp_status add_louder_noise(triptych *t, const float *noise) {
  double of_noise = 0;
  char title[64];
  SP_TRY(sp_magnitude_quantile(noise, samples_of(t->view), t->options->share, &of_noise));
  if (of_noise <= 0 || t->numbers.clip <= 0) return SP_SUCCESS;
  const double power = fmin(fmax(floor(log2(t->numbers.clip / of_noise) + 0.5), 0), 40);
  if (power < 1) return SP_SUCCESS;
  t->numbers.gain = exp2(power);
  snprintf(title, sizeof title, "noise x %.0f", t->numbers.gain);
  add_panel(t, noise, t->numbers.clip / t->numbers.gain, title);
  return SP_SUCCESS;
}

static sp_status add_similarity(triptych *t) {
  const sp_gather_view *v = t->view;
  float *out = NULL;
  SP_TRY(allocate_scratch(t, &out));
  const size_t half = (size_t)fmax(2, 0.05 / v->dt);
  SP_TRY(sp_similarity(v->noise, v->after, v->n_traces, v->n_samples, 4, half, out));
  add_panel(t, out, 0, "similarity (bright: 1)");
  return SP_SUCCESS;
}

static double correlation(const sp_gather_view *v) {
  double cross = 0, noise = 0, after = 0;
  if (!v->noise || !v->after) return NAN;
  for (size_t i = 0; i < samples_of(v); i++) {
    cross += (double)v->noise[i] * (double)v->after[i];
    noise += (double)v->noise[i] * (double)v->noise[i];
    after += (double)v->after[i] * (double)v->after[i];
  }
  return noise > 0 && after > 0 ? cross / sqrt(noise) / sqrt(after) : NAN;
}

static sp_status choose_panels(triptych *t) {
  const sp_gather_view *v = t->view;
  const float *before = v->before, *after = v->after, *noise = v->noise;
  SP_TRY(gain(t, &before));
  SP_TRY(gain(t, &after));
  SP_TRY(gain(t, &noise));
  const float *const first = before ? before : after ? after : noise;
  SP_TRY(sp_magnitude_quantile(first, samples_of(v), t->options->share, &t->numbers.clip));
  t->numbers.removed = sp_view_removed(v);
  t->numbers.correlation = correlation(v);
  const bool alone = !after && !noise;
  if (before) add_panel(t, before, t->numbers.clip, alone ? "" : "before");
  if (after) add_panel(t, after, t->numbers.clip, "after");
  if (noise) add_panel(t, noise, t->numbers.clip, "noise");
  if (noise && before) SP_TRY(add_louder_noise(t, noise));
  return t->options->similarity && noise && after ? add_similarity(t) : SP_SUCCESS;
}

/* --- drawing ----------------------------------------------------------------------------------------------------- */

static sp_status draw_panel(const triptych *t, sp_picture *p, const sp_frame *f, const panel *of) {
  const sp_panel_options *o = t->options;
  const sp_grid grid = {of->rows, t->view->n_traces, t->view->n_samples};
  const double limit = of->clip * (o->reversed ? -1 : 1);
  const bool wide = f->width >= WIGGLE_PIXELS * (double)grid.n_traces;
  sp_raster *raster = NULL;
  if (of->clip == 0 && of->title[0] == 's') {
    SP_TRY(sp_raster_density(&grid, f, SP_MAP_SEQUENTIAL, 0, 1, &raster));
  } else if (o->style == SP_STYLE_WIGGLE || (o->style == SP_STYLE_AUTO && wide)) {
    const size_t step = (size_t)ceil(3.0 * (double)grid.n_traces / f->width);
    SP_TRY(sp_raster_wiggle(&grid, f, of->clip, step ? step : 1, &raster));
  } else {
    SP_TRY(sp_raster_density(&grid, f, o->map, -limit, limit, &raster));
  }
  sp_picture_raster(p, f->x, f->y, raster);
  sp_frame_draw(p, f, f->x == LEFT);
  return SP_SUCCESS;
}

static void name_offset(const triptych *t, char *label, size_t size) {
  snprintf(label, size, "offset%s%s", t->options->unit[0] ? ", " : "", t->options->unit);
}

/* The sort header of some traces above the panel, its curve below. */
static void draw_headers(const triptych *t, sp_picture *p, const sp_frame *f, bool first) {
  const sp_gather_view *v = t->view;
  double ticks[SP_MAX_TICKS], least = INFINITY, most = -INFINITY;
  char text[SP_NUMBER_TEXT], label[48];
  if (!v->offset) return;
  name_offset(t, label, sizeof label);
  if (f->width > LABELLED) sp_picture_text(p, f->x + f->width, TOP - 22, 10, SP_RIGHT, false, label);
  const size_t n = sp_ticks(f->across.first, f->across.last, false, (size_t)(f->width / 50), ticks);
  for (size_t i = 0; i < n; i++) {
    const double trace = (ticks[i] - 1 - v->first_trace) / v->step;
    if (trace < 0 || trace > v->n_traces - 1) continue;
    const double x = sp_frame_x(f, ticks[i]);
    sp_picture_line(p, x, f->y - 4, x, f->y, (sp_stroke){SP_DARK_GRAY, 1, 0});
    sp_picture_text(p, x, f->y - 7, 10, SP_MIDDLE, false, sp_number_text(v->offset[(size_t)trace], text));
  }
  for (sp_local i = 0; i < v->n_traces; i++) {
    least = fmin(least, v->offset[i]);
    most = fmax(most, v->offset[i]);
  }
  if (!first) return;
  sp_frame strip = *f;
  strip.y = f->y + f->height + BELOW - 12;
  strip.height = STRIP;
  strip.across.label = NULL;
  strip.down = (sp_axis){most, least, label, false};
  strip.title = NULL;
  sp_frame_draw(p, &strip, true);
  double x[2] = {0}, y[2] = {0};
  for (sp_local i = 0; i + 1 < v->n_traces; i++) {
    for (int k = 0; k < 2; k++) {
      x[k] = 1 + v->first_trace + (double)(i + (sp_local)k) * v->step;
      y[k] = v->offset[i + (sp_local)k];
    }
    if (v->n_traces <= 500 || i % (v->n_traces / 500) == 0) {
      sp_frame_curve(p, &strip, x, y, 2, (sp_stroke){SP_BLACK, 1, 0});
    }
  }
}

static void write_title(const triptych *t, char *text, size_t size) {
  const sp_gather_view *v = t->view;
  int n = snprintf(text, size, "%s", v->name);
  if (!isnan(t->numbers.removed)) {
    n += snprintf(text + n, size - (size_t)n, ": removed %.3g %% of the energy, correlation of noise and after %.2g",
                  100 * t->numbers.removed, isnan(t->numbers.correlation) ? 0 : t->numbers.correlation);
  }
  n += snprintf(text + n, size - (size_t)n, "; clip %.4g (%g %% of samples)", t->numbers.clip, 100 * t->options->share);
  if (t->options->agc > 0) n += snprintf(text + n, size - (size_t)n, "; agc %g s", t->options->agc);
  if (v->step > 1) n += snprintf(text + n, size - (size_t)n, "; every %uth trace", v->step);
  if (v->n_not_finite) {
    n += snprintf(text + n, size - (size_t)n, "; %llu samples are not finite", (unsigned long long)v->n_not_finite);
  }
  if (v->delays_differ) snprintf(text + n, size - (size_t)n, "; delays differ: times are of the first");
}

static sp_status draw_panels(const triptych *t, sp_picture *p) {
  const sp_gather_view *v = t->view;
  const sp_panel_options *o = t->options;
  const double room = o->width - LEFT - RIGHT - BETWEEN * (double)(t->n - 1), width = floor(room / (double)t->n);
  const double strip = v->offset ? STRIP + 8 : 0;
  sp_frame f = {.x = LEFT,
                .y = TOP,
                .width = width,
                .height = floor(o->height - TOP - BELOW - strip),
                .across = {v->first_trace + 0.5, v->first_trace + 0.5 + (double)v->n_traces * v->step, "trace", false},
                .down = {v->t0 - v->dt / 2, v->t0 + (v->n_samples - 0.5) * v->dt, "time, s", false}};
  for (size_t i = 0; i < t->n; i++, f.x += width + BETWEEN) {
    SP_TRY(draw_panel(t, p, &f, &t->panels[i]));
    sp_picture_text(p, f.x, TOP - 22, 12, SP_LEFT, false, t->panels[i].title);
    draw_headers(t, p, &f, i == 0);
  }
  f.x -= width + BETWEEN;
  const double clip = o->reversed ? -t->numbers.clip : t->numbers.clip;
  char label[64];
  snprintf(label, sizeof label, "amplitude (%s: %s)", o->map == SP_MAP_GRAY ? "black" : "red",
           o->reversed ? "negative" : "positive");
  sp_frame_colour_bar(p, &f, o->map, -clip, clip, label);
  return SP_SUCCESS;
}

static sp_status draw(triptych *t, sp_picture **out) {
  char title[512];
  SP_TRY(choose_panels(t));
  write_title(t, title, sizeof title);
  sp_picture *p = NULL;
  SP_TRY(sp_picture_create(t->options->width, t->options->height, title, &p));
  sp_picture_text(p, LEFT, 20, 13, SP_LEFT, false, title);
  sp_picture_text(p, t->options->width - 6, t->options->height - 6, 10, SP_RIGHT, false, t->options->footer);
  const sp_status status = draw_panels(t, p);
  if (status == SP_SUCCESS) {
    *out = p;
  } else {
    sp_picture_free(p);
  }
  return status;
}

sp_status sp_draw_gather(const sp_gather_view *view, const sp_panel_options *options, sp_panel_numbers *numbers,
                         sp_picture **out) {
  triptych t = {.view = view, .options = options};
  const sp_status status = draw(&t, out);
  for (size_t i = 0; i < t.n_scratch; i++) sp_free(t.scratch[i]);
  if (numbers && status == SP_SUCCESS) *numbers = t.numbers;
  return status;
}
