/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/qc/ladder_page.h"

#include <math.h>
#include <stdlib.h>

#include "seisproc/report_file.h"
#include "src/qc/page.h"
#include "src/qc/panels.h"

enum { WIDTH = 1200, LEFT = 62, TOP = 40, A_ROW = 4, ROW_HEIGHT = 390 };

sp_status sp_ladder_page_begin(sp_ladder_page *l, const char *name) {
  char title[SP_GATHER_TEXT + 80];
  l->clip = NAN;
  snprintf(title, sizeof title, "noise of %s, one clip, that of the first", name);
  const double rows = (double)((l->n + A_ROW - 1) / A_ROW);
  SP_TRY(sp_picture_create(WIDTH, TOP + 20 + rows * ROW_HEIGHT, title, &l->picture));
  sp_picture_text(l->picture, LEFT, 18, 13, SP_LEFT, false, title);
  return SP_SUCCESS;
}

sp_status sp_ladder_page_draw(sp_ladder_page *l, const sp_gather_view *view, double removed) {
  const double width = floor((WIDTH - LEFT - 80) / (double)A_ROW) - 12;
  const size_t i = l->n_drawn++;
  sp_raster *raster = NULL;
  char title[SP_LADDER_VALUE + 40];
  if (isnan(l->clip)) {
    SP_TRY(sp_magnitude_quantile(view->noise, (size_t)view->n_traces * view->n_samples, 0.98, &l->clip));
  }
  snprintf(title, sizeof title, "%s: %.3g %%", l->values[i], 100 * removed);
  const sp_frame f = {.x = LEFT + (double)(i % A_ROW) * (width + 12),
                      .y = TOP + (double)(i / A_ROW) * ROW_HEIGHT,
                      .width = width,
                      .height = 320,
                      .across = {0.5, (double)view->n_traces * view->step + 0.5, "trace", false},
                      .down = {view->t0, view->t0 + view->n_samples * view->dt, "time, s", false},
                      .title = title};
  const sp_grid grid = {view->noise, view->n_traces, view->n_samples};
  SP_TRY(sp_raster_density(&grid, &f, SP_MAP_GRAY, -l->clip, l->clip, &raster));
  sp_picture_raster(l->picture, f.x, f.y, raster);
  sp_frame_draw(l->picture, &f, i % A_ROW == 0);
  if (i + 1 == l->n || i % A_ROW == A_ROW - 1) {
    sp_frame_colour_bar(l->picture, &f, SP_MAP_GRAY, -l->clip, l->clip, "amplitude");
  }
  return SP_SUCCESS;
}

static sp_status draw_curves(const sp_ladder_page *l, sp_picture **out) {
  sp_picture *p = NULL;
  char title[80];
  double x[SP_MAX_LADDER] = {0}, removed[SP_MAX_LADDER], correlation[SP_MAX_LADDER], most = 0;
  bool numeric = l->key[0];
  for (size_t i = 0; i < l->n; i++) {
    char *end;
    x[i] = strtod(l->values[i], &end);
    numeric = numeric && end != l->values[i] && !*end;
    removed[i] = 100 * l->removed[i];
    correlation[i] = l->correlation[i];
    if (isfinite(removed[i])) most = fmax(most, removed[i]);
  }
  for (size_t i = 0; !numeric && i < l->n; i++) x[i] = (double)i + 1;
  double least_x = x[0], most_x = x[0], reach = 0;
  for (size_t i = 0; i < l->n; i++) {
    least_x = fmin(least_x, x[i]);
    most_x = fmax(most_x, x[i]);
    if (isfinite(correlation[i])) reach = fmax(reach, fabs(correlation[i]));
  }
  const double margin = most_x > least_x ? 0.05 * (most_x - least_x) : 1;
  SP_TRY(sp_picture_create(WIDTH, 300, "removed energy and correlation along the ladder", &p));
  sp_frame f = {.x = LEFT,
                .y = TOP,
                .width = 480,
                .height = 190,
                .across = {least_x - margin, most_x + margin, numeric ? l->key : "output", false},
                .down = {most > 0 ? 1.1 * most : 1, 0, "percent", false},
                .title = "removed energy, all gathers"};
  for (int k = 0; k < 2; k++) {
    const double *y = k ? correlation : removed;
    sp_frame_curve(p, &f, x, y, l->n, (sp_stroke){SP_BLACK, 1.5f, 0});
    for (size_t i = 0; i < l->n; i++) {
      if (isfinite(y[i])) sp_picture_mark(p, sp_frame_x(&f, x[i]), sp_frame_y(&f, y[i]), SP_CIRCLE, 3, SP_BLACK);
    }
    sp_frame_draw(p, &f, true);
    f.x = 640;
    snprintf(title, sizeof title, "correlation of noise and after, %s", l->correlation_of);
    f.title = title;
    f.down = (sp_axis){reach > 0 ? 1.1 * reach : 1, reach > 0 ? -1.1 * reach : -1, "correlation", false};
  }
  *out = p;
  return SP_SUCCESS;
}

static sp_status write_page(sp_ladder_page *l, const char *line, FILE *page) {
  sp_picture *panels = l->picture, *curves = NULL;
  l->picture = NULL;
  sp_page_begin(page, "Ladder");
  sp_page_line(page, NULL, "%s", line);
  SP_TRY(sp_page_picture(page, panels, NULL));
  SP_TRY(draw_curves(l, &curves));
  SP_TRY(sp_page_picture(page, curves, NULL));
  sp_page_end(page);
  return SP_SUCCESS;
}

sp_status sp_ladder_page_write(sp_ladder_page *l, const char *line, const char *path) {
  FILE *page = NULL;
  SP_TRY(sp_report_file_open(path, &page));
  return sp_report_file_close(path, page, write_page(l, line, page));
}

void sp_ladder_page_free(sp_ladder_page *l) {
  sp_picture_free(l->picture);
  l->picture = NULL;
}
