/* SPDX-License-Identifier: BSD-3-Clause */
/* Fold, offsets and azimuths. Offsets and azimuths are those of a million traces at most, evenly spread. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "seisproc/memory.h"
#include "seisproc/share.h"
#include "src/qc/maps.h"

enum { MOST_TRACES = 1 << 20, CHUNK = 4096, BINS = 40, SECTORS = 24, RINGS = 6, HEIGHT = 300 };

typedef struct spread {
  double *offset, *azimuth; /* [n], degrees from y towards x; NAN: not known */
  size_t n, room;
  bool has_azimuth;
} spread;

static sp_status open_columns(const sp_view_source *s, sp_header_column *columns[5]) {
  static const char *const names[] = {"offset", "sx", "sy", "gx", "gy"};
  for (int c = 0; c < 5; c++) {
    char path[SP_NAME_LENGTH + 16];
    snprintf(path, sizeof path, "/headers/%s", names[c]);
    if (sp_survey_has(s->survey, path)) SP_TRY(sp_header_column_open(s->survey, names[c], &columns[c]));
  }
  return SP_SUCCESS;
}

static sp_status read_chunk(sp_header_column *columns[5], sp_global first, sp_local n, double values[5][CHUNK],
                            spread *to) {
  for (int c = 0; c < 5; c++) {
    if (columns[c]) SP_TRY(sp_header_column_read(columns[c], first, n, values[c]));
  }
  for (sp_local i = 0; i < n && to->n < to->room; i++) {
    const double dx = values[3][i] - values[1][i], dy = values[4][i] - values[2][i];
    to->offset[to->n] = columns[0] ? values[0][i] : NAN;
    to->azimuth[to->n] = NAN;
    if (to->has_azimuth && (dx != 0 || dy != 0)) to->azimuth[to->n] = atan2(dx, dy) * 180 / M_PI;
    if (!columns[0] && to->has_azimuth) to->offset[to->n] = hypot(dx, dy);
    to->n++;
  }
  return SP_SUCCESS;
}

static sp_status read_spread(const sp_view_source *s, spread *to) {
  const sp_global n = s->index->n_traces, step = (n / MOST_TRACES + 1) * CHUNK;
  sp_header_column *columns[5] = {0};
  double(*values)[CHUNK] = NULL;
  to->room = n < MOST_TRACES + CHUNK ? (size_t)n : MOST_TRACES + CHUNK;
  sp_status status;
  SP_TRY_GOTO(out, sp_calloc(to->room, sizeof(double), "offsets", &to->offset));
  SP_TRY_GOTO(out, sp_calloc(to->room, sizeof(double), "offsets", &to->azimuth));
  SP_TRY_GOTO(out, sp_calloc(5, sizeof *values, "offsets", &values));
  SP_TRY_GOTO(out, open_columns(s, columns));
  to->has_azimuth = columns[1] && columns[2] && columns[3] && columns[4];
  SP_EACH_PIECE (p, 0, n, step) {
    const sp_local count = (sp_local)(p.count < CHUNK ? p.count : CHUNK);
    SP_TRY_GOTO(out, read_chunk(columns, p.first, count, values, to));
  }
out:
  for (int c = 0; c < 5; c++) sp_header_column_close(columns[c]);
  sp_free(values);
  return status;
}

/* --- drawing ----------------------------------------------------------------------------------------------------- */

static void draw_histogram(sp_picture *p, double x, const double *values, size_t n, const char *title,
                           const char *label, const char *count_label) {
  double least = INFINITY, most = -INFINITY, counts[BINS] = {0}, largest = 0;
  for (size_t i = 0; i < n; i++) {
    if (!isfinite(values[i])) continue;
    least = fmin(least, values[i]);
    most = fmax(most, values[i]);
  }
  sp_frame f = {.x = x, .y = 40, .width = 290, .height = HEIGHT - 100, .title = title};
  if (!(least <= most)) {
    sp_picture_text(p, x, 40, 11, SP_LEFT, false, title);
    sp_picture_text(p, x, 60, 11, SP_LEFT, false, "not known");
    return;
  }
  if (most == least) {
    most += 0.5;
    least -= 0.5;
  }
  for (size_t i = 0; i < n; i++) {
    if (!isfinite(values[i])) continue;
    const size_t bin = (size_t)((values[i] - least) / (most - least) * BINS);
    counts[bin < BINS ? bin : BINS - 1]++;
  }
  for (int b = 0; b < BINS; b++) largest = fmax(largest, counts[b]);
  f.across = (sp_axis){least, most, label, false};
  f.down = (sp_axis){1.05 * largest, 0, count_label, false};
  for (int b = 0; b < BINS; b++) {
    const double top = sp_frame_y(&f, counts[b]), width = f.width / BINS;
    if (counts[b] > 0) sp_picture_rect(p, f.x + b * width, top, width - 0.5, f.y + f.height - top, 0x0072b2, 1);
  }
  sp_frame_draw(p, &f, true);
}

static void draw_wedge(sp_picture *p, double x, double y, double r0, double r1, int sector, uint32_t colour) {
  double points[8][2];
  for (int k = 0; k < 4; k++) {
    const double azimuth = 2 * M_PI * (sector + k / 3.0) / SECTORS;
    points[k][0] = x + r1 * sin(azimuth);
    points[k][1] = y - r1 * cos(azimuth);
    points[7 - k][0] = x + r0 * sin(azimuth);
    points[7 - k][1] = y - r0 * cos(azimuth);
  }
  sp_picture_polygon(p, (const double(*)[2])points, 8, colour, 1);
}

static void draw_rose(sp_picture *p, const spread *s, double x, const char *unit) {
  double counts[SECTORS][RINGS] = {{0}}, largest = 0, reach = 0;
  char text[64];
  sp_palette palette;
  sp_palette_make(SP_MAP_SEQUENTIAL, &palette);
  for (size_t i = 0; i < s->n; i++) {
    if (isfinite(s->offset[i]) && isfinite(s->azimuth[i])) reach = fmax(reach, fabs(s->offset[i]));
  }
  if (!(reach > 0)) return;
  for (size_t i = 0; i < s->n; i++) {
    if (!isfinite(s->offset[i]) || !isfinite(s->azimuth[i])) continue;
    const double turn = s->azimuth[i] < 0 ? s->azimuth[i] + 360 : s->azimuth[i];
    const int sector = (int)(turn / 360 * SECTORS) % SECTORS, ring = (int)(fabs(s->offset[i]) / reach * RINGS);
    double *count = &counts[sector][ring < RINGS ? ring : RINGS - 1];
    largest = fmax(largest, ++*count);
  }
  const double radius = (HEIGHT - 100) / 2.0 + 10, middle = x + radius, down = 46 + radius;
  for (int sector = 0; sector < SECTORS; sector++) {
    for (int ring = 0; ring < RINGS; ring++) {
      if (counts[sector][ring] == 0) continue;
      const uint8_t index = sp_colour_index(counts[sector][ring], 0, largest);
      draw_wedge(p, middle, down, radius * ring / RINGS, radius * (ring + 1) / RINGS, sector,
                 sp_palette_colour(&palette, index));
    }
  }
  const sp_frame about = {.x = x, .y = down - radius, .width = 2 * radius, .height = 2 * radius};
  sp_frame_colour_bar(p, &about, SP_MAP_SEQUENTIAL, 0, largest, "traces");
  snprintf(text, sizeof text, "azimuth (up: +y), offset to %.4g %s", reach, unit);
  sp_picture_text(p, x, 34, 12, SP_LEFT, false, text);
}

sp_status sp_draw_fold(const sp_view_source *source, const sp_gather_figures_of *figures, double width,
                       sp_picture **out) {
  spread s = {0};
  sp_picture *p = NULL;
  char label[48];
  sp_status status = read_spread(source, &s);
  if (status == SP_SUCCESS) status = sp_picture_create(width, HEIGHT, "fold, offsets and azimuths", &p);
  if (status == SP_SUCCESS) {
    snprintf(label, sizeof label, "offset%s%s", source->unit[0] ? ", " : "", source->unit);
    draw_histogram(p, 62, figures->fold, figures->n, "traces a gather", "traces", "gathers");
    draw_histogram(p, 452, s.offset, s.n, "offsets", label, "traces");
    draw_rose(p, &s, 800, source->unit);
    *out = p;
  }
  sp_free(s.offset);
  sp_free(s.azimuth);
  return status;
}
