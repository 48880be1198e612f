/* SPDX-License-Identifier: BSD-3-Clause */
/* Slices: one pass over the traces, sums and counts in a grid of places. */
#include "src/qc/slices.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "seisproc/memory.h"
#include "seisproc/share.h"

enum { CHUNK = 512, MOST_PLACES = 8192, MOST_CELLS = 1 << 25, LEFT = 62, RIGHT = 74, TOP = 48, BELOW = 58 };

/* Numbers that places have along an axis. */
typedef struct places {
  const char *name; /* of the column; NULL: gathers by number */
  sp_header_column *column;
  double first, step;
  size_t n;
} places;

typedef struct slice {
  const sp_view_source *source;
  const sp_slice_request *request;
  places across, down; /* of a section down is time, and has no column */
  sp_header_column *line, *offset;
  size_t n_samples;
  double t0, dt;
  size_t sample;   /* of a time slice */
  double *sum;     /* [across.n][down.n] */
  uint32_t *count; /* the same; of a section [across.n] */
  sp_global n_used;
  double values[4][CHUNK]; /* across, down, line, offset */
  float *rows;             /* [CHUNK][n_samples] */
} slice;

/* --- places ----------------------------------------------------------------------------------------------------- */

static sp_status open_column(const slice *s, const char *name, sp_header_column **out) {
  char path[SP_NAME_LENGTH + 16];
  snprintf(path, sizeof path, "/headers/%s", name);
  if (!sp_survey_has(s->source->survey, path)) {
    return SP_RAISE(SP_ERR_USAGE, "%s has no column %s: a slice needs it", s->source->path, name);
  }
  return sp_header_column_open(s->source->survey, name, out);
}

static int64_t common_divisor(int64_t a, int64_t b) {
  while (b) {
    const int64_t rest = a % b;
    a = b;
    b = rest;
  }
  return a < 0 ? -a : a;
}

/* The step is what all differences are multiples of. */
static sp_status find_places(slice *s, places *p) {
  double least, most, values[CHUNK];
  const sp_global n = s->source->index->n_traces;
  int64_t step = 0;
  SP_TRY(open_column(s, p->name, &p->column));
  SP_TRY(sp_header_column_range(p->column, &least, &most, NULL));
  const bool countable = isfinite(least) && most - least < 1e15;
  SP_EACH_PIECE (chunk, 0, countable ? n : 0, CHUNK) {
    SP_TRY(sp_header_column_read(p->column, chunk.first, (sp_local)chunk.count, values));
    for (sp_local i = 0; i < chunk.count; i++) {
      if (isfinite(values[i])) step = common_divisor(step, (int64_t)floor(values[i] - least + 0.5));
    }
  }
  p->first = least;
  p->step = step ? (double)step : 1;
  const double places_n = isfinite(least) ? floor((most - least) / p->step + 0.5) + 1 : 0;
  if (places_n >= 1 && places_n <= MOST_PLACES) {
    p->n = (size_t)places_n;
    return SP_SUCCESS;
  }
  return SP_RAISE(SP_ERR_USAGE, "%s: %s has %.0f places between %g and %g, allowed are up to %d", s->source->path,
                  p->name, places_n, least, most, MOST_PLACES);
}

/* When traces begin, s: all alike, else a time is another sample of each. */
static sp_status find_start(const sp_view_source *source, double *start) {
  sp_header_column *column;
  double least, most;
  sp_global first_nan = source->index->n_traces;
  *start = 0;
  if (source->index->n_traces == 0 || !sp_survey_has(source->survey, "/headers/delrt")) return SP_SUCCESS;
  SP_TRY(sp_header_column_check_time(source->survey, "delrt"));
  SP_TRY(sp_header_column_open(source->survey, "delrt", &column));
  const sp_status status = sp_header_column_range(column, &least, &most, &first_nan);
  sp_header_column_close(column);
  if (status != SP_SUCCESS || isnan(least)) return status;
  if (least != most) {
    return SP_RAISE(SP_ERR_INPUT, "%s: traces start at %g to %g ms (delrt); slices take a survey where all start alike",
                    source->path, least, most);
  }
  *start = 1e-3 * least;
  return SP_SUCCESS;
}

static sp_status find_axes(slice *s) {
  const sp_slice_request *r = s->request;
  const sp_survey_info *info = sp_survey_get_info(s->source->survey);
  s->n_samples = info->n_samples;
  s->dt = 1e-6 * info->sample_interval_us;
  SP_TRY(find_start(s->source, &s->t0));
  if (r->at_time) {
    const double sample = floor((r->time - s->t0) / s->dt + 0.5);
    if (!(sample >= 0 && sample < (double)s->n_samples)) {
      return SP_RAISE(SP_ERR_USAGE, "%s: its times go from %g to %g s", s->source->path, s->t0,
                      s->t0 + s->dt * (double)(s->n_samples - 1));
    }
    s->sample = (size_t)sample;
    s->across.name = "iline";
    s->down.name = "xline";
    SP_TRY(find_places(s, &s->across));
    return find_places(s, &s->down);
  }
  s->down.n = s->n_samples;
  if (r->line) {
    s->across.name = strcmp(r->line, "iline") ? "iline" : "xline";
    SP_TRY(open_column(s, r->line, &s->line));
    return find_places(s, &s->across);
  }
  s->across.step = 1;
  s->across.n = s->source->index->n_gathers;
  if (s->across.n <= MOST_PLACES) return SP_SUCCESS;
  return SP_RAISE(SP_ERR_USAGE, "%s: a section over %zu gathers, allowed are up to %d: name a line", s->source->path,
                  s->across.n, MOST_PLACES);
}

/* --- one pass --------------------------------------------------------------------------------------------------- */

static size_t place_of(const places *p, double value) {
  const double at = (value - p->first) / p->step;
  return at > -0.5 && at < (double)p->n - 0.5 ? (size_t)floor(at + 0.5) : SIZE_MAX;
}

static bool is_wanted(const slice *s, sp_local i) {
  const sp_slice_request *r = s->request;
  if (s->line && s->values[2][i] != r->value) return false;
  return !s->offset || (!(s->values[3][i] < r->x0) && !(s->values[3][i] > r->x1));
}

static void add_trace(slice *s, sp_local i, sp_global trace) {
  const float *row = s->rows + (size_t)i * s->n_samples;
  const double across = s->across.column ? s->values[0][i] : (double)sp_gather_index_find(s->source->index, trace);
  const size_t x = place_of(&s->across, across);
  if (x == SIZE_MAX) return;
  s->n_used++;
  if (s->request->at_time) {
    const size_t y = place_of(&s->down, s->values[1][i]);
    if (y == SIZE_MAX || !isfinite(row[s->sample])) return;
    s->sum[x * s->down.n + y] += (double)row[s->sample];
    s->count[x * s->down.n + y]++;
    return;
  }
  s->count[x]++;
  for (size_t k = 0; k < s->n_samples; k++) {
    if (isfinite(row[k])) s->sum[x * s->down.n + k] += (double)row[k];
  }
}

static sp_status add_chunk(slice *s, sp_global first, sp_local n) {
  sp_header_column *const columns[] = {s->across.column, s->down.column, s->line, s->offset};
  bool any = false;
  for (int c = 0; c < 4; c++) {
    if (columns[c]) SP_TRY(sp_header_column_read(columns[c], first, n, s->values[c]));
  }
  for (sp_local i = 0; i < n; i++) any = any || is_wanted(s, i);
  if (!any) return SP_SUCCESS;
  SP_TRY(sp_trace_source_read_independent(s->source->traces, first, n, s->rows));
  for (sp_local i = 0; i < n; i++) {
    if (is_wanted(s, i)) add_trace(s, i, first + i);
  }
  return SP_SUCCESS;
}

static sp_status fill(slice *s) {
  const size_t cells = s->across.n * s->down.n;
  const sp_global n = s->source->index->n_traces;
  if (cells > MOST_CELLS) {
    return SP_RAISE(SP_ERR_USAGE, "%s: a slice of %zu x %zu is too large", s->source->path, s->across.n, s->down.n);
  }
  SP_TRY(sp_calloc(cells, sizeof *s->sum, "a slice", &s->sum));
  SP_TRY(sp_calloc(cells, sizeof *s->count, "a slice", &s->count));
  SP_TRY(sp_calloc((size_t)CHUNK * s->n_samples, sizeof *s->rows, "a slice", &s->rows));
  SP_EACH_PIECE (chunk, 0, n, CHUNK) SP_TRY(add_chunk(s, chunk.first, (sp_local)chunk.count));
  if (s->n_used > 0) return SP_SUCCESS;
  if (n == 0) return SP_RAISE(SP_ERR_USAGE, "%s has no traces", s->source->path);
  if (s->line) {
    return SP_RAISE(SP_ERR_USAGE, "%s: no trace has %s %g and such an offset", s->source->path, s->request->line,
                    s->request->value);
  }
  return SP_RAISE(SP_ERR_USAGE, "%s: no trace has such an offset", s->source->path);
}

/* --- drawing ---------------------------------------------------------------------------------------------------- */

static sp_status means(const slice *s, float **out) {
  const size_t cells = s->across.n * s->down.n;
  SP_TRY(sp_alloc(cells * sizeof **out, "a slice", out));
  for (size_t i = 0; i < cells; i++) {
    const uint32_t n = s->count[s->request->at_time ? i : i / s->down.n];
    (*out)[i] = n ? (float)(s->sum[i] / n) : 0;
  }
  return SP_SUCCESS;
}

static sp_axis axis_of(const places *p, const char *label) {
  return (sp_axis){p->first - p->step / 2, p->first + ((double)p->n - 0.5) * p->step, label, false};
}

static sp_status draw(const slice *s, const sp_panel_options *o, sp_picture **out) {
  const sp_slice_request *r = s->request;
  char title[256];
  float *rows = NULL;
  sp_raster *raster = NULL;
  sp_picture *p = NULL;
  double clip = 0;
  sp_status status;
  SP_TRY_GOTO(out, means(s, &rows));
  SP_TRY_GOTO(out, sp_magnitude_quantile(rows, s->across.n * s->down.n, o->share, &clip));
  if (r->at_time) {
    snprintf(title, sizeof title, "time slice at %g s", s->t0 + (double)s->sample * s->dt);
  } else if (r->line) {
    snprintf(title, sizeof title, "section, %s %g", r->line, r->value);
  } else {
    snprintf(title, sizeof title, "section over all gathers");
  }
  const size_t used = strlen(title);
  snprintf(title + used, sizeof title - used, "; mean of traces of a place, %llu traces; clip %.4g (%g %% of samples)",
           (unsigned long long)s->n_used, clip, 100 * o->share);
  SP_TRY_GOTO(out, sp_picture_create(o->width, o->height, title, &p));
  sp_frame f = {.x = LEFT, .y = TOP, .width = o->width - LEFT - RIGHT, .height = o->height - TOP - BELOW};
  f.across = axis_of(&s->across, s->across.column ? s->across.name : "gather, by number");
  f.down = axis_of(&s->down, s->down.name);
  if (!r->at_time)
    f.down = (sp_axis){s->t0 - s->dt / 2, s->t0 + ((double)s->n_samples - 0.5) * s->dt, "time, s", false};
  const sp_grid grid = {rows, s->across.n, s->down.n};
  SP_TRY_GOTO(out,
              sp_raster_density(&grid, &f, o->map, o->reversed ? clip : -clip, o->reversed ? -clip : clip, &raster));
  sp_picture_raster(p, f.x, f.y, raster);
  sp_frame_draw(p, &f, true);
  sp_frame_colour_bar(p, &f, o->map, o->reversed ? clip : -clip, o->reversed ? -clip : clip,
                      o->map == SP_MAP_GRAY ? "amplitude, black at the top of the bar" : "amplitude");
  sp_picture_text(p, LEFT, 20, 13, SP_LEFT, false, title);
  sp_picture_text(p, o->width - 6, o->height - 6, 10, SP_RIGHT, false, o->footer);
  *out = p;
  p = NULL;
out:
  sp_picture_free(p);
  sp_free(rows);
  return status;
}

sp_status sp_draw_slice(const sp_view_source *source, const sp_slice_request *request, const sp_panel_options *options,
                        sp_picture **out) {
  slice *s = NULL;
  sp_status status;
  SP_TRY(sp_calloc(1, sizeof *s, "a slice", &s));
  s->source = source;
  s->request = request;
  SP_TRY_GOTO(out, find_axes(s));
  if (!isnan(request->x0) || !isnan(request->x1)) SP_TRY_GOTO(out, open_column(s, "offset", &s->offset));
  SP_TRY_GOTO(out, fill(s));
  status = draw(s, options, out);
out:
  sp_header_column_close(s->across.column);
  sp_header_column_close(s->down.column);
  sp_header_column_close(s->line);
  sp_header_column_close(s->offset);
  sp_free(s->sum);
  sp_free(s->count);
  sp_free(s->rows);
  sp_free(s);
  return status;
}
