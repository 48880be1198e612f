/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/qc/frame.h"

#include <math.h>
#include <string.h>

#include "seisproc/memory.h"

enum { TEXT_SIZE = 11, TITLE_SIZE = 12, TICK = 4 };

static const sp_stroke thin = {SP_DARK_GRAY, 1, 0};

static double share_of(const sp_axis *axis, double value) {
  if (axis->first == axis->last) return 0.5;
  if (axis->log) return log(value / axis->first) / log(axis->last / axis->first);
  return (value - axis->first) / (axis->last - axis->first);
}

double sp_frame_x(const sp_frame *f, double value) {
  return f->x + f->width * share_of(&f->across, value);
}

double sp_frame_y(const sp_frame *f, double value) {
  return f->y + f->height * share_of(&f->down, value);
}

/* Powers of ten, or 1, 2 and 5 times such. */
size_t sp_ticks(double first, double last, bool log_scale, size_t most, double ticks[SP_MAX_TICKS]) {
  const double least = fmin(first, last), largest = fmax(first, last);
  size_t n = 0;
  if (most > SP_MAX_TICKS) most = SP_MAX_TICKS;
  if (!(largest > least) || !isfinite(largest - least) || most == 0) return 0;
  if (log_scale) {
    for (int e = (int)ceil(log10(least) - 1e-9); n < most && e <= log10(largest) + 1e-9; e++) ticks[n++] = pow(10, e);
    return n;
  }
  const double rough = (largest - least) / (double)most, power = pow(10, floor(log10(rough)));
  const double digit = rough / power <= 1 ? 1 : rough / power <= 2 ? 2 : rough / power <= 5 ? 5 : 10;
  const double step = digit * power;
  for (double k = ceil(least / step - 1e-6); n < most && k * step <= largest + 1e-6 * step; k++) ticks[n++] = k * step;
  return n;
}

static void draw_ticks_across(sp_picture *p, const sp_frame *f) {
  double ticks[SP_MAX_TICKS];
  char text[SP_NUMBER_TEXT];
  const size_t n = sp_ticks(f->across.first, f->across.last, f->across.log, (size_t)(f->width / 55), ticks);
  for (size_t i = 0; i < n; i++) {
    const double x = sp_frame_x(f, ticks[i]), bottom = f->y + f->height;
    sp_picture_line(p, x, bottom, x, bottom + TICK, thin);
    sp_picture_text(p, x, bottom + TICK + TEXT_SIZE, TEXT_SIZE, SP_MIDDLE, false, sp_number_text(ticks[i], text));
  }
  sp_picture_text(p, f->x + f->width / 2, f->y + f->height + 32, TEXT_SIZE, SP_MIDDLE, false, f->across.label);
}

static void draw_ticks_down(sp_picture *p, const sp_frame *f) {
  double ticks[SP_MAX_TICKS];
  char text[SP_NUMBER_TEXT];
  const size_t n = sp_ticks(f->down.first, f->down.last, f->down.log, (size_t)fmax(f->height / 40, 2), ticks);
  size_t longest = 0;
  for (size_t i = 0; i < n; i++) {
    const double y = sp_frame_y(f, ticks[i]);
    const size_t length = strlen(sp_number_text(ticks[i], text));
    longest = length > longest ? length : longest;
    sp_picture_line(p, f->x - TICK, y, f->x, y, thin);
    sp_picture_text(p, f->x - TICK - 2, y + 4, TEXT_SIZE, SP_RIGHT, false, sp_number_text(ticks[i], text));
  }
  sp_picture_text(p, f->x - fmax(40, 16 + 6.4 * (double)longest), f->y + f->height / 2, TEXT_SIZE, SP_MIDDLE, true,
                  f->down.label);
}

void sp_frame_draw(sp_picture *p, const sp_frame *f, bool labels_down) {
  const double right = f->x + f->width, bottom = f->y + f->height;
  const double border[5][2] = {{f->x, f->y}, {right, f->y}, {right, bottom}, {f->x, bottom}, {f->x, f->y}};
  sp_picture_polyline(p, border, 5, thin);
  if (f->across.label) draw_ticks_across(p, f);
  if (f->down.label && labels_down) draw_ticks_down(p, f);
  if (f->title) sp_picture_text(p, f->x, f->y - 6, TITLE_SIZE, SP_LEFT, false, f->title);
}

void sp_frame_colour_bar(sp_picture *p, const sp_frame *f, sp_colour_map map, double least, double most,
                         const char *label) {
  const double x = f->x + f->width + 10;
  char text[SP_NUMBER_TEXT];
  sp_raster *bar = NULL;
  if (sp_raster_create(10, (uint32_t)f->height, map, &bar) != SP_SUCCESS) return;
  for (uint32_t y = 0; y < bar->height; y++) {
    const double value = 1 - (y + 0.5) / bar->height;
    memset(bar->pixels + (size_t)y * bar->width, sp_colour_index(value, 0, 1), bar->width);
  }
  sp_picture_raster(p, x, f->y, bar);
  snprintf(text, sizeof text, "%.3g", most);
  sp_picture_text(p, x + 14, f->y + 9, TEXT_SIZE, SP_LEFT, false, text);
  snprintf(text, sizeof text, "%.3g", least);
  sp_picture_text(p, x + 14, f->y + f->height, TEXT_SIZE, SP_LEFT, false, text);
  sp_picture_text(p, x + 24, f->y + f->height / 2, TEXT_SIZE, SP_MIDDLE, true, label);
}

static double cut(double value, double least, double most) {
  return value < least ? least : value > most ? most : value;
}

void sp_frame_curve(sp_picture *p, const sp_frame *f, const double *x, const double *y, size_t n, sp_stroke stroke) {
  double(*points)[2] = NULL;
  if (sp_calloc(n, sizeof *points, "a curve", &points) != SP_SUCCESS) return;
  for (size_t i = 0; i < n; i++) {
    points[i][0] = cut(sp_frame_x(f, x[i]), f->x, f->x + f->width);
    points[i][1] = isfinite(y[i]) ? cut(sp_frame_y(f, y[i]), f->y, f->y + f->height) : NAN;
  }
  sp_picture_polyline(p, (const double(*)[2])points, n, stroke);
  sp_free(points);
}

/* --- rasters ---------------------------------------------------------------------------------------------------- */

/* Means over n_out equal parts of x[n]; parts smaller than a sample take from it what they cover. */
static void resample(const float *x, size_t n, double *out, size_t n_out) {
  const double scale = (double)n / (double)n_out;
  for (size_t k = 0; k < n_out; k++) {
    const double from = (double)k * scale, to = (double)(k + 1) * scale;
    double sum = 0;
    for (size_t i = (size_t)from; i < n && (double)i < to; i++) {
      sum += (double)x[i] * (fmin((double)(i + 1), to) - fmax((double)i, from));
    }
    out[k] = sum / scale;
  }
}

/* Adds a trace, resampled to `height` lines, to the columns of pixels that it covers. */
static void add_trace(const double *line, size_t trace, double traces_a_column, double *sums, size_t width,
                      size_t height) {
  const double from = (double)trace / traces_a_column, to = (double)(trace + 1) / traces_a_column;
  for (size_t c = (size_t)from; c < width && (double)c < to; c++) {
    const double part = (fmin((double)(c + 1), to) - fmax((double)c, from)) * traces_a_column;
    for (size_t y = 0; y < height; y++) sums[c * height + y] += part * line[y];
  }
}

sp_status sp_raster_density(const sp_grid *grid, const sp_frame *f, sp_colour_map map, double least, double most,
                            sp_raster **out) {
  const size_t width = (size_t)f->width, height = (size_t)f->height;
  double *sums = NULL, *line = NULL;
  sp_raster *r = NULL;
  sp_status status;
  SP_TRY_GOTO(out, sp_calloc(width * height, sizeof *sums, "a picture", &sums));
  SP_TRY_GOTO(out, sp_calloc(height, sizeof *line, "a picture", &line));
  SP_TRY_GOTO(out, sp_raster_create((uint32_t)width, (uint32_t)height, map, &r));
  const double traces_a_column = (double)grid->n_traces / (double)width;
  for (size_t t = 0; t < grid->n_traces; t++) {
    resample(grid->rows + t * grid->n_samples, grid->n_samples, line, height);
    add_trace(line, t, traces_a_column, sums, width, height);
  }
  for (size_t i = 0; i < width * height; i++) {
    const double mean = sums[i % width * height + i / width] / traces_a_column;
    r->pixels[i] = sp_colour_index(mean, least, most);
  }
  *out = r;
out:
  sp_free(line);
  sp_free(sums);
  return status;
}

/* One trace's line of pixels y: from the baseline to the largest positive sample filled, and the span of the curve. */
static void draw_wiggle_line(sp_raster *r, size_t y, double base, double low, double high) {
  const double from = low > 0 ? 0 : low, to = high;
  for (long x = (long)floor(base + from + 0.5); x <= (long)floor(base + to + 0.5); x++) {
    const bool curve = (double)x >= base + low - 0.5;
    if (x >= 0 && x < (long)r->width && (curve || (double)x >= base)) r->pixels[y * r->width + (size_t)x] = 255;
  }
}

sp_status sp_raster_wiggle(const sp_grid *grid, const sp_frame *f, double clip, size_t step, sp_raster **out) {
  sp_raster *r = NULL;
  SP_TRY(sp_raster_create((uint32_t)f->width, (uint32_t)f->height, SP_MAP_GRAY, &r));
  const double spacing = f->width / (double)grid->n_traces, reach = clip > 0 ? 1.5 * spacing * (double)step / clip : 0;
  for (size_t t = 0; t < grid->n_traces; t += step) {
    const float *x = grid->rows + t * grid->n_samples;
    const double base = ((double)t + 0.5) * spacing - 0.5;
    for (size_t y = 0; y < r->height; y++) {
      const size_t from = y * grid->n_samples / r->height, end = (y + 1) * grid->n_samples / r->height;
      double low = INFINITY, high = -INFINITY;
      for (size_t i = from; i < grid->n_samples && (i < end || i == from); i++) {
        low = fmin(low, (double)x[i]);
        high = fmax(high, (double)x[i]);
      }
      draw_wiggle_line(r, y, base, reach * fmax(low, -clip), reach * fmin(high, clip));
    }
  }
  *out = r;
  return SP_SUCCESS;
}

/* --- clip ------------------------------------------------------------------------------------------------------- */

static uint32_t magnitude_bits(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits & 0x7fffffffu;
}

/* The order of magnitudes is that of their bits: counted by the upper half, then, within one value of it, by the lower.
 */
sp_status sp_magnitude_quantile(const float *x, size_t n, double share, double *out) {
  uint64_t *count = NULL;
  *out = 0;
  if (n == 0) return SP_SUCCESS;
  SP_TRY(sp_calloc(1 << 16, sizeof *count, "a picture", &count));
  uint64_t rank = (uint64_t)floor(share * (double)(n - 1) + 0.5);
  uint32_t upper = 0, lower = 0;
  for (size_t i = 0; i < n; i++) count[magnitude_bits(x[i]) >> 16]++;
  while (rank >= count[upper]) rank -= count[upper++];
  memset(count, 0, (1 << 16) * sizeof *count);
  for (size_t i = 0; i < n; i++) {
    const uint32_t bits = magnitude_bits(x[i]);
    if (bits >> 16 == upper) count[bits & 0xffffu]++;
  }
  while (rank >= count[lower]) rank -= count[lower++];
  const uint32_t bits = upper << 16 | lower;
  float value;
  memcpy(&value, &bits, sizeof value);
  *out = (double)value;
  sp_free(count);
  return SP_SUCCESS;
}
