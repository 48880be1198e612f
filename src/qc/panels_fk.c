/* SPDX-License-Identifier: BSD-3-Clause */
/* f-k panels and spectra of a gather. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "seisproc/memory.h"
#include "src/qc/panels.h"

enum { LEFT = 62, RIGHT = 74, TOP = 64, BETWEEN = 14, BELOW = 58 };

static const double least_db = -60, irregular = 0.1;

static int compare(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* The median step of the offsets, signed, where nine in ten steps are within a tenth of it: else 1, a trace. */
static sp_status find_step(const sp_gather_view *v, double *step, bool *regular) {
  const sp_local n = v->n_traces;
  double *steps = NULL;
  *step = 1;
  *regular = false;
  if (!v->offset || n < 3) return SP_SUCCESS;
  SP_TRY(sp_calloc(n - 1, sizeof *steps, "offsets", &steps));
  for (sp_local i = 0; i + 1 < n; i++) steps[i] = v->offset[i + 1] - v->offset[i];
  qsort(steps, n - 1, sizeof *steps, compare);
  const double median = steps[(n - 1) / 2];
  sp_local near = 0;
  for (sp_local i = 0; i + 1 < n; i++) near += fabs(steps[i] - median) <= irregular * fabs(median);
  sp_free(steps);
  if (median == 0 || near < 0.9 * (n - 1)) return SP_SUCCESS;
  *step = median;
  *regular = true;
  return SP_SUCCESS;
}

/* dB re `largest`, frequency up: rows from -k to k. Where the step is negative k runs the other way. */
static void to_db(sp_fk_panel *panel, double largest, bool mirrored) {
  const size_t n_k = panel->n_k, n_f = panel->n_f;
  for (size_t i = 0; i < n_k * n_f; i++) {
    const double value = (double)panel->amplitude[i];
    panel->amplitude[i] = (float)(value > 0 && largest > 0 ? fmax(20 * log10(value / largest), least_db) : least_db);
  }
  for (size_t row = 0; row < n_k; row++) {
    float *a = panel->amplitude + row * n_f;
    for (size_t f = 0; f < n_f / 2; f++) {
      const float swap = a[f];
      a[f] = a[n_f - 1 - f];
      a[n_f - 1 - f] = swap;
    }
  }
  for (size_t row = 0; mirrored && row < n_k / 2; row++) {
    float *a = panel->amplitude + row * n_f, *b = panel->amplitude + (n_k - 1 - row) * n_f;
    for (size_t f = 0; f < n_f; f++) {
      const float swap = a[f];
      a[f] = b[f];
      b[f] = swap;
    }
  }
}

static void find_peak(const sp_fk_panel *panel, double dt, double step, sp_panel_numbers *numbers, double *largest) {
  size_t at = 0;
  for (size_t i = 0; i < panel->n_k * panel->n_f; i++) {
    if (panel->amplitude[i] > panel->amplitude[at]) at = i;
  }
  *largest = (double)panel->amplitude[at];
  numbers->peak_f = (double)(at % panel->n_f) / (2 * dt * (double)(panel->n_f - 1));
  numbers->peak_k = ((double)(at / panel->n_f) - (double)(panel->n_k / 2)) / (double)panel->n_k / step;
  numbers->parseval = panel->parseval;
}

/* A line of constant apparent velocity, on both sides. */
static void draw_velocity(sp_picture *p, const sp_frame *f, double velocity) {
  const double top = f->down.first, k = fmin(top / velocity, fabs(f->across.last));
  char text[32];
  for (int side = -1; side <= 1; side += 2) {
    sp_picture_line(p, sp_frame_x(f, 0), sp_frame_y(f, 0), sp_frame_x(f, side * k), sp_frame_y(f, k * velocity),
                    (sp_stroke){SP_WHITE, 1, 5});
  }
  snprintf(text, sizeof text, "%g m/s", velocity);
  sp_picture_text(p, fmax(sp_frame_x(f, -k) + 4, f->x + 4), sp_frame_y(f, k * velocity) + 12, 10, SP_LEFT, false, text);
}

typedef struct fk_picture {
  const sp_gather_view *view;
  const sp_panel_options *options;
  sp_panel_numbers numbers;
  sp_picture *p;
  sp_frame frame;
  double largest;
} fk_picture;

static sp_status draw_one(fk_picture *fk, const float *rows, const char *title) {
  const sp_gather_view *v = fk->view;
  sp_fk_panel panel = {0};
  sp_raster *raster = NULL;
  sp_status status;
  SP_TRY_GOTO(out, sp_fk_transform(rows, v->n_traces, v->n_samples, &panel));
  if (fk->largest < 0) find_peak(&panel, v->dt, fk->numbers.step, &fk->numbers, &fk->largest);
  to_db(&panel, fk->largest, fk->numbers.step < 0);
  const sp_grid grid = {panel.amplitude, panel.n_k, panel.n_f};
  SP_TRY_GOTO(out, sp_raster_density(&grid, &fk->frame, SP_MAP_SEQUENTIAL, least_db, 0, &raster));
  sp_picture_raster(fk->p, fk->frame.x, fk->frame.y, raster);
  if (fk->numbers.regular && !strcmp(fk->options->unit, "m")) {
    draw_velocity(fk->p, &fk->frame, 1500);
    draw_velocity(fk->p, &fk->frame, 330);
  }
  fk->frame.title = title;
  sp_frame_draw(fk->p, &fk->frame, fk->frame.x == LEFT);
  fk->frame.x += fk->frame.width + BETWEEN;
out:
  sp_free(panel.amplitude);
  return status;
}

static sp_status draw_all(fk_picture *fk) {
  const sp_gather_view *v = fk->view;
  const sp_panel_options *o = fk->options;
  const float *const rows[] = {v->before, v->after, v->noise};
  static const char *const titles[] = {"before", "after", "noise"};
  char title[SP_GATHER_TEXT + 128], label[64];
  const size_t n = (size_t)(!!v->before + !!v->after + !!v->noise);
  const double nyquist_k = 0.5 / fabs(fk->numbers.step);
  snprintf(label, sizeof label, "wavenumber, 1/%s", fk->numbers.regular ? (o->unit[0] ? o->unit : "offset") : "trace");
  snprintf(title, sizeof title, "%s: f-k, dB re the largest of the first panel%s", v->name,
           v->offset && !fk->numbers.regular ? "; offsets are irregular: by trace" : "");
  SP_TRY(sp_picture_create(o->width, o->height, title, &fk->p));
  fk->frame = (sp_frame){.x = LEFT,
                         .y = TOP,
                         .width = floor((o->width - LEFT - RIGHT - BETWEEN * (double)(n - 1)) / (double)n),
                         .height = o->height - TOP - BELOW,
                         .across = {-nyquist_k, nyquist_k, label, false},
                         .down = {0.5 / v->dt, 0, "frequency, Hz", false}};
  for (size_t i = 0; i < 3; i++) {
    if (rows[i]) SP_TRY(draw_one(fk, rows[i], titles[i]));
  }
  fk->frame.x -= fk->frame.width + BETWEEN;
  sp_frame_colour_bar(fk->p, &fk->frame, SP_MAP_SEQUENTIAL, least_db, 0, "dB");
  sp_picture_text(fk->p, LEFT, 20, 13, SP_LEFT, false, title);
  sp_picture_text(fk->p, o->width - 6, o->height - 6, 10, SP_RIGHT, false, o->footer);
  return SP_SUCCESS;
}

sp_status sp_draw_fk(const sp_gather_view *view, const sp_panel_options *options, sp_panel_numbers *numbers,
                     sp_picture **out) {
  fk_picture fk = {.view = view, .options = options, .largest = -1};
  SP_TRY(find_step(view, &fk.numbers.step, &fk.numbers.regular));
  const sp_status status = draw_all(&fk);
  if (status != SP_SUCCESS) {
    sp_picture_free(fk.p);
    return status;
  }
  if (numbers) {
    numbers->peak_f = fk.numbers.peak_f;
    numbers->peak_k = fk.numbers.peak_k;
    numbers->parseval = fk.numbers.parseval;
    numbers->step = fk.numbers.step;
    numbers->regular = fk.numbers.regular;
  }
  *out = fk.p;
  return SP_SUCCESS;
}
