/* SPDX-License-Identifier: BSD-3-Clause */
/* A ladder: the same gather of outputs whose jobs differ in a parameter, and what each removed. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "seisproc/memory.h"
#include "seisproc/report_file.h"
#include "src/qc/figures_of.h"
#include "src/qc/page.h"
#include "src/qc/panels.h"
#include "src/qc/report.h"

enum { WIDTH = 1200, LEFT = 62, TOP = 40, A_ROW = 4, VALUE_SIZE = 64 };

/* The value of "key: value" in a canonical job; NULL where it has no such key. */
static const char *find_value(const char *job, const char *key, size_t key_length) {
  for (const char *line = job; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
    if (!strncmp(line, key, key_length) && line[key_length] == ':' && line[key_length + 1] == ' ') {
      return line + key_length + 2;
    }
  }
  return NULL;
}

static bool varies(const char *const *jobs, size_t n, const char *key, size_t length) {
  const char *first = find_value(jobs[0], key, length);
  for (size_t i = 1; i < n; i++) {
    const char *value = find_value(jobs[i], key, length);
    if (!value) return true;
    const size_t a = strcspn(first, "\n"), b = strcspn(value, "\n");
    if (a != b || strncmp(first, value, a)) return true;
  }
  return false;
}

/* The key in which canonical jobs differ, and the value that each has: "chain.0.dwt.k". Empty where there is none. */
static void find_variation(const char *const *jobs, size_t n, char key[VALUE_SIZE], char values[][VALUE_SIZE]) {
  key[0] = '\0';
  for (const char *line = jobs[0]; *line; line += strcspn(line, "\n") + (line[strcspn(line, "\n")] == '\n')) {
    const size_t length = strcspn(line, ":\n");
    if (line[length] != ':' || !varies(jobs, n, line, length)) continue;
    snprintf(key, VALUE_SIZE, "%.*s", (int)length, line);
    for (size_t i = 0; i < n; i++) {
      const char *value = find_value(jobs[i], line, length);
      snprintf(values[i], VALUE_SIZE, "%.*s", value ? (int)strcspn(value, "\n") : 3, value ? value : "not");
    }
    return;
  }
}

typedef struct rung {
  sp_view_source source;
  sp_gather_figures_of figures;
  char *job, *input_uuid;
  double total, correlation; /* share removed, median correlation */
} rung;

typedef struct ladder {
  rung rungs[SP_MAX_LADDER];
  size_t n;
  char key[VALUE_SIZE], values[SP_MAX_LADDER][VALUE_SIZE];
  const sp_report_options *options;
} ladder;

static sp_status open_rung(ladder *l, const char *path) {
  rung *r = &l->rungs[l->n++];
  SP_TRY(sp_view_open(path, NULL, l->options->against, &r->source));
  SP_TRY(sp_survey_find_text(r->source.survey, "/", "job", &r->job));
  SP_TRY(sp_survey_find_text(r->source.survey, "/", "input_uuid", &r->input_uuid));
  const rung *first = &l->rungs[0];
  if (!r->job || !r->input_uuid) return SP_RAISE(SP_ERR_INPUT, "%s is no output of a job", path);
  if (strcmp(r->input_uuid, first->input_uuid) || r->source.index->n_gathers != first->source.index->n_gathers) {
    return SP_RAISE(SP_ERR_INPUT, "%s and %s have not the same input", path, first->source.path);
  }
  SP_TRY(sp_figures_read(&r->source, l->options->every, &r->figures));
  r->total = sp_figures_total(&r->figures);
  return sp_value_quantile(r->figures.quality[SP_XCORR], r->figures.n, 0.5, &r->correlation);
}

static sp_status draw_noise(const ladder *l, sp_picture *p, size_t i, sp_global gather, double *clip) {
  const double width = floor((WIDTH - LEFT - 80) / (double)A_ROW) - 12;
  sp_gather_view view;
  sp_raster *raster = NULL;
  char title[VALUE_SIZE * 2 + 40];
  SP_TRY(sp_view_load(&l->rungs[i].source, gather, &view));
  sp_status status = SP_SUCCESS;
  if (!view.noise) status = SP_RAISE(SP_ERR_INPUT, "%s: its noise is not at hand: --against", l->rungs[i].source.path);
  if (status == SP_SUCCESS && isnan(*clip)) {
    status = sp_magnitude_quantile(view.noise, (size_t)view.n_traces * view.n_samples, 0.98, clip);
  }
  snprintf(title, sizeof title, "%s: %.3g %%", l->values[i][0] ? l->values[i] : l->rungs[i].source.path,
           100 * sp_view_removed(&view));
  const sp_frame f = {.x = LEFT + (double)(i % A_ROW) * (width + 12),
                      .y = TOP + (double)(i / A_ROW) * 390,
                      .width = width,
                      .height = 320,
                      .across = {0.5, (double)view.n_traces * view.step + 0.5, "trace", false},
                      .down = {view.t0, view.t0 + view.n_samples * view.dt, "time, s", false},
                      .title = title};
  const sp_grid grid = {view.noise, view.n_traces, view.n_samples};
  if (status == SP_SUCCESS) status = sp_raster_density(&grid, &f, SP_MAP_GRAY, -*clip, *clip, &raster);
  if (status == SP_SUCCESS) {
    sp_picture_raster(p, f.x, f.y, raster);
    sp_frame_draw(p, &f, i % A_ROW == 0);
    if (i + 1 == l->n || i % A_ROW == A_ROW - 1) sp_frame_colour_bar(p, &f, SP_MAP_GRAY, -*clip, *clip, "amplitude");
  }
  sp_view_free(&view);
  return status;
}

static sp_status draw_curves(const ladder *l, sp_picture **out) {
  sp_picture *p = NULL;
  double x[SP_MAX_LADDER], removed[SP_MAX_LADDER], correlation[SP_MAX_LADDER], most = 0;
  bool numeric = l->key[0];
  for (size_t i = 0; i < l->n; i++) {
    char *end;
    x[i] = strtod(l->values[i], &end);
    numeric = numeric && end != l->values[i] && !*end;
    removed[i] = 100 * l->rungs[i].total;
    correlation[i] = l->rungs[i].correlation;
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
    f.title = "correlation of noise and after, median of gathers";
    f.down = (sp_axis){reach > 0 ? 1.1 * reach : 1, reach > 0 ? -1.1 * reach : -1, "correlation", false};
  }
  *out = p;
  return SP_SUCCESS;
}

static sp_status write_ladder(const ladder *l, sp_global gather, FILE *page) {
  char name[SP_GATHER_TEXT], title[SP_GATHER_TEXT + 80];
  double clip = NAN;
  sp_picture *p = NULL;
  const sp_gather_index *index = l->rungs[0].source.index;
  sp_page_begin(page, "Ladder");
  sp_page_line(page, NULL, "%zu outputs of one input (%s)%s%s.", l->n, l->rungs[0].input_uuid,
               l->key[0] ? ", by " : "; their jobs do not differ", l->key);
  snprintf(title, sizeof title, "noise of %s, one clip, that of the first",
           sp_gather_key_text(index->key_name, index->key[gather], name));
  SP_TRY(sp_picture_create(WIDTH, TOP + 20 + (double)((l->n + A_ROW - 1) / A_ROW) * 390, title, &p));
  sp_picture_text(p, LEFT, 18, 13, SP_LEFT, false, title);
  sp_status status = SP_SUCCESS;
  for (size_t i = 0; status == SP_SUCCESS && i < l->n; i++) status = draw_noise(l, p, i, gather, &clip);
  if (status != SP_SUCCESS) {
    sp_picture_free(p);
    return status;
  }
  SP_TRY(sp_page_picture(page, p, NULL));
  SP_TRY(draw_curves(l, &p));
  SP_TRY(sp_page_picture(page, p, NULL));
  sp_page_end(page);
  return SP_SUCCESS;
}

static sp_status make_ladder(ladder *l, const char *const *paths, size_t n, const char *gather, const char *page_path) {
  const char *jobs[SP_MAX_LADDER];
  sp_global number = 0;
  FILE *page = NULL;
  for (size_t i = 0; i < n; i++) SP_TRY(open_rung(l, paths[i]));
  for (size_t i = 0; i < n; i++) jobs[i] = l->rungs[i].job;
  find_variation(jobs, n, l->key, l->values);
  SP_TRY(sp_view_find(&l->rungs[0].source, gather ? gather : "#0", &number));
  SP_TRY(sp_report_file_open(page_path, &page));
  return sp_report_file_close(page_path, page, write_ladder(l, number, page));
}

sp_status sp_ladder_write(const char *const *paths, size_t n, const sp_report_options *options, const char *gather,
                          const char *page_path) {
  ladder *l = NULL;
  if (n > SP_MAX_LADDER) return SP_RAISE(SP_ERR_USAGE, "a ladder of %zu, allowed are up to %d", n, SP_MAX_LADDER);
  SP_TRY(sp_calloc(1, sizeof *l, "a ladder", &l));
  l->options = options;
  const sp_status status = make_ladder(l, paths, n, gather, page_path);
  for (size_t i = 0; i < l->n; i++) {
    sp_figures_free(&l->rungs[i].figures);
    sp_view_close(&l->rungs[i].source);
    sp_free(l->rungs[i].job);
    sp_free(l->rungs[i].input_uuid);
  }
  sp_free(l);
  return status;
}
