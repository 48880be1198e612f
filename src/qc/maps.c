/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/qc/maps.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "seisproc/memory.h"
#include "seisproc/processor.h"

enum { MOST_POINTS = 5000, MAP_WIDTH = 258, MAP_HEIGHT = 250, MOST_BINS = 600 };

typedef struct map {
  const char *title;
  const float *values; /* [n] */
  double scale;
  bool log, centred;
  const char *label;
} map;

static void range_of(const double *values, size_t n, double *least, double *most) {
  *least = INFINITY;
  *most = -INFINITY;
  for (size_t i = 0; i < n; i++) {
    if (!isfinite(values[i])) continue;
    *least = fmin(*least, values[i]);
    *most = fmax(*most, values[i]);
  }
  if (!(*least <= *most)) *least = *most = 0;
  const double margin = *most > *least ? 0.03 * (*most - *least) : 1;
  *least -= margin;
  *most += margin;
}

/* Both axes in the same scale, about their middles. */
static void make_equal(sp_frame *f) {
  const double across = (f->across.last - f->across.first) / f->width;
  const double down = (f->down.first - f->down.last) / f->height, scale = fmax(across, down);
  const double x = (f->across.first + f->across.last) / 2, y = (f->down.first + f->down.last) / 2;
  f->across.first = x - scale * f->width / 2;
  f->across.last = x + scale * f->width / 2;
  f->down.first = y + scale * f->height / 2;
  f->down.last = y - scale * f->height / 2;
}

/* The limits of the colours: 2 to 98 percent of the values. */
static sp_status limits_of(const map *m, size_t n, double *least, double *most) {
  SP_TRY(sp_value_quantile(m->values, n, 0.02, least));
  SP_TRY(sp_value_quantile(m->values, n, 0.98, most));
  *least *= m->scale;
  *most *= m->scale;
  if (m->log) {
    *least = fmax(*least, 0.01);
    *most = fmax(*most, 2 * *least);
  }
  if (m->centred) *most = fmax(fabs(*least), fabs(*most));
  if (m->centred) *least = -*most;
  return SP_SUCCESS;
}

static uint8_t index_of(const map *m, double value, double least, double most) {
  if (!m->log) return sp_colour_index(value, least, most);
  return sp_colour_index(log(fmax(value, least)), log(least), log(most));
}

static void draw_points(const map *m, const sp_gather_figures_of *f, sp_picture *p, const sp_frame *frame, double least,
                        double most, sp_colour_map colours) {
  sp_palette palette;
  sp_palette_make(colours, &palette);
  for (size_t g = 0; g < f->n; g++) {
    const double value = m->scale * (double)m->values[g], x = f->x ? f->x[g] : (double)g;
    if (!isfinite(value) || !isfinite(x)) continue;
    const double y = f->x ? f->y[g] : value;
    const double size = f->n > 1000 ? 1.2 : 2.2;
    sp_picture_mark(p, sp_frame_x(frame, x), fmin(fmax(sp_frame_y(frame, y), frame->y), frame->y + frame->height),
                    SP_SQUARE, size, sp_palette_colour(&palette, index_of(m, value, least, most)));
  }
}

typedef struct binned {
  uint32_t bin;
  float value;
} binned;

static int by_bin(const void *a, const void *b) {
  const binned *x = a, *y = b;
  if (x->bin != y->bin) return x->bin < y->bin ? -1 : 1;
  return (x->value > y->value) - (x->value < y->value);
}

/* Too many points: the median of those of a pixel; pixels without are white (the palette's index 0 is given up). */
static sp_status draw_bins(const map *m, const sp_gather_figures_of *f, sp_picture *p, const sp_frame *frame,
                           double least, double most, sp_colour_map colours) {
  binned *all = NULL;
  sp_raster *raster = NULL;
  size_t n = 0;
  SP_TRY(sp_calloc(f->n, sizeof *all, "a map", &all));
  for (size_t g = 0; g < f->n; g++) {
    const double value = m->scale * (double)m->values[g], x = f->x ? f->x[g] : (double)g;
    if (!isfinite(value) || !isfinite(x)) continue;
    const double px = sp_frame_x(frame, x) - frame->x, py = sp_frame_y(frame, f->x ? f->y[g] : value) - frame->y;
    if (px < 0 || py < 0 || px >= frame->width || py >= frame->height) continue;
    all[n++] = (binned){(uint32_t)py * (uint32_t)frame->width + (uint32_t)px, (float)value};
  }
  qsort(all, n, sizeof *all, by_bin);
  sp_status status = sp_raster_create((uint32_t)frame->width, (uint32_t)frame->height, colours, &raster);
  if (status == SP_SUCCESS) {
    memset(raster->palette.rgb[0], 255, 3);
    for (size_t i = 0, end; i < n; i = end) {
      for (end = i; end < n && all[end].bin == all[i].bin;) end++;
      const uint8_t index = index_of(m, (double)all[i + (end - i) / 2].value, least, most);
      raster->pixels[all[i].bin] = index ? index : 1;
    }
    sp_picture_raster(p, frame->x, frame->y, raster);
  }
  sp_free(all);
  return status;
}

static sp_frame frame_of(const sp_gather_figures_of *f, double x, double y, const map *m, double least, double most) {
  sp_frame frame = {.x = x, .y = y, .width = MAP_WIDTH, .height = MAP_HEIGHT, .title = m->title};
  if (!f->x) {
    frame.across = (sp_axis){-0.5, (double)f->n - 0.5, "gather, by number", false};
    frame.down = (sp_axis){most, least, m->label, m->log};
    return frame;
  }
  double x0, x1, y0, y1;
  range_of(f->x, f->n, &x0, &x1);
  range_of(f->y, f->n, &y0, &y1);
  frame.across = (sp_axis){x0, x1, f->x_label, false};
  frame.down = (sp_axis){y1, y0, f->y_label, false};
  make_equal(&frame);
  return frame;
}

static sp_status draw_map(const map *m, const sp_gather_figures_of *f, sp_picture *p, double x, double y) {
  const sp_colour_map colours = m->centred ? SP_MAP_DIVERGING : SP_MAP_SEQUENTIAL;
  double least, most;
  SP_TRY(limits_of(m, f->n, &least, &most));
  if (isnan(least)) {
    sp_picture_text(p, x, y + 20, 11, SP_LEFT, false, m->title);
    sp_picture_text(p, x, y + 40, 11, SP_LEFT, false, "not known");
    return SP_SUCCESS;
  }
  if (!(most > least)) most = least + fmax(fabs(least), 1) * 1e-6;
  const sp_frame frame = frame_of(f, x, y, m, least, most);
  if (f->n > MOST_POINTS) {
    SP_TRY(draw_bins(m, f, p, &frame, least, most, colours));
  } else {
    draw_points(m, f, p, &frame, least, most, colours);
  }
  sp_frame_draw(p, &frame, true);
  sp_frame_colour_bar(p, &frame, colours, least, most, m->label);
  return SP_SUCCESS;
}

/* --- status ------------------------------------------------------------------------------------------------------ */

static void draw_status(const sp_gather_figures_of *f, sp_picture *p, double x, double y) {
  static const map status = {.title = "status of gathers", .label = "status", .scale = 1};
  const sp_frame frame = frame_of(f, x, y, &status, -0.5, SP_REASON_COUNT - 0.5);
  bool seen[SP_REASON_COUNT] = {false};
  for (int pass = 0; pass < 2; pass++) { /* those that are not ok lie above */
    for (size_t g = 0; g < f->n; g++) {
      const unsigned reason = f->status[g] < SP_REASON_COUNT ? f->status[g] : 0;
      if ((reason != 0) != pass || (reason == 0 && f->n > MOST_POINTS && g % (f->n / MOST_POINTS + 1))) continue;
      const double at = f->x ? f->x[g] : (double)g, down = f->x ? f->y[g] : (double)reason;
      if (!isfinite(at)) continue;
      seen[reason] = true;
      sp_picture_mark(p, sp_frame_x(&frame, at), sp_frame_y(&frame, down), (sp_symbol)(reason % 5), reason ? 3 : 1.5,
                      reason ? sp_hue(reason) : SP_LIGHT_GRAY);
    }
  }
  sp_frame_draw(p, &frame, true);
  double line = y + 8;
  for (unsigned reason = 0; reason < SP_REASON_COUNT; reason++) {
    if (!seen[reason]) continue;
    sp_picture_mark(p, x + MAP_WIDTH + 14, line, (sp_symbol)(reason % 5), 3.5, reason ? sp_hue(reason) : SP_LIGHT_GRAY);
    sp_picture_text(p, x + MAP_WIDTH + 22, line + 4, 10, SP_LEFT, false,
                    reason ? sp_reason_name((sp_reason)reason) : "ok");
    line += 16;
  }
}

static sp_status draw_all(const sp_gather_figures_of *f, sp_picture *p, double width, const float *fold) {
  const map maps[] = {{"RMS before", f->quality[SP_RMS_IN], 1, false, false, "amplitude"},
                      {"RMS of the noise", f->quality[SP_RMS_NOISE], 1, false, false, "amplitude"},
                      {"removed energy", f->quality[SP_REMOVED], 100, true, false, "percent"},
                      {"correlation of noise and after", f->quality[SP_XCORR], 1, false, true, "correlation"},
                      {"fold: traces a gather", fold, 1, false, false, "traces"}};
  const double step = width / 3;
  for (size_t i = 0; i < 5; i++) {
    const size_t place = i == 4 ? 5 : i;
    SP_TRY(draw_map(&maps[i], f, p, 74 + (double)(place % 3) * step, 40 + (double)(place / 3) * 350));
  }
  draw_status(f, p, 74 + step, 390);
  return SP_SUCCESS;
}

sp_status sp_draw_maps(const sp_gather_figures_of *f, double width, sp_picture **out) {
  sp_picture *p = NULL;
  float *fold = NULL;
  char title[160];
  snprintf(title, sizeof title, "maps over the survey, by %s%s%s", f->x ? f->x_name : "the number of the gather",
           f->places_unit[0] ? ", in " : "", f->places_unit);
  SP_TRY(sp_picture_create(width, 740, title, &p));
  sp_status status = sp_calloc(f->n, sizeof *fold, "a map", &fold);
  for (size_t g = 0; status == SP_SUCCESS && g < f->n; g++) fold[g] = (float)f->fold[g];
  if (status == SP_SUCCESS) status = draw_all(f, p, width, fold);
  sp_free(fold);
  if (status == SP_SUCCESS) {
    *out = p;
  } else {
    sp_picture_free(p);
  }
  return status;
}

/* --- along the survey -------------------------------------------------------------------------------------------- */

static sp_status draw_band(const float *values, size_t n, sp_picture *p, const sp_frame *f) {
  double(*band)[2] = NULL, *middle = NULL, *x = NULL;
  const size_t bins = n < MOST_BINS ? n : MOST_BINS;
  sp_status status;
  SP_TRY_GOTO(out, sp_calloc(2 * bins, sizeof *band, "a curve", &band));
  SP_TRY_GOTO(out, sp_calloc(bins, sizeof *middle, "a curve", &middle));
  SP_TRY_GOTO(out, sp_calloc(bins, sizeof *x, "a curve", &x));
  bool whole = true;
  for (size_t b = 0; b < bins; b++) {
    const size_t first = b * n / bins, end = (b + 1) * n / bins;
    double low, high;
    SP_TRY_GOTO(out, sp_value_quantile(values + first, end - first, 0.5, &middle[b]));
    SP_TRY_GOTO(out, sp_value_quantile(values + first, end - first, 0.05, &low));
    SP_TRY_GOTO(out, sp_value_quantile(values + first, end - first, 0.95, &high));
    x[b] = ((double)first + (double)end - 1) / 2;
    middle[b] = 100 * middle[b];
    whole = whole && isfinite(middle[b]);
    band[b][0] = band[2 * bins - 1 - b][0] = sp_frame_x(f, x[b]);
    band[b][1] = fmax(sp_frame_y(f, 100 * high), f->y);
    band[2 * bins - 1 - b][1] = fmin(sp_frame_y(f, 100 * low), f->y + f->height);
  }
  if (n > bins && whole) sp_picture_polygon(p, (const double(*)[2])band, 2 * bins, 0x0072b2, 0.25);
  sp_frame_curve(p, f, x, middle, bins, (sp_stroke){SP_BLACK, 1, 0});
out:
  sp_free(x);
  sp_free(middle);
  sp_free(band);
  return status;
}

sp_status sp_draw_removed(const sp_gather_figures_of *f, const size_t *marks, size_t n_marks, double width,
                          sp_picture **out) {
  const float *values = f->quality[SP_REMOVED];
  sp_picture *p = NULL;
  double most;
  char title[128];
  SP_TRY(sp_value_quantile(values, f->n, 1, &most));
  snprintf(title, sizeof title, "removed energy along the gathers%s",
           f->n > MOST_BINS ? ": median and 5 to 95 percent of neighbours" : "");
  SP_TRY(sp_picture_create(width, 250, title, &p));
  const sp_frame frame = {.x = 62,
                          .y = 36,
                          .width = width - 90,
                          .height = 160,
                          .across = {-0.5, (double)f->n - 0.5, "gather, by number", false},
                          .down = {most > 0 ? 105 * most : 1, 0, "percent", false},
                          .title = title};
  const sp_status status = draw_band(values, f->n, p, &frame);
  for (size_t i = 0; i < n_marks; i++) {
    const double x = sp_frame_x(&frame, (double)marks[i]);
    sp_picture_line(p, x, frame.y, x, frame.y + 12, (sp_stroke){0xd55e00, 2, 0});
  }
  if (n_marks) sp_picture_text(p, width - 30, 16, 10, SP_RIGHT, false, "marks: a run went on with so many done");
  sp_frame_draw(p, &frame, true);
  if (status == SP_SUCCESS) {
    *out = p;
  } else {
    sp_picture_free(p);
  }
  return status;
}
