/* SPDX-License-Identifier: BSD-3-Clause */
/* Traces are sorted by cube first, keeping the file's order, so that each cube is a run of them; then each run gets its
 * grid. */
#include "src/index/trace_grid.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seisproc/log.h"
#include "seisproc/memory.h"

/* A grid this much larger than its traces comes of a stray number, not of gaps. */
enum { MOST_CELLS_A_TRACE = 1000, SMALL_GRID = 1000000 };

static const double DEGREES = 180 / 3.14159265358979323846, FIT_TOLERANCE = 0.01;

void sp_trace_grid_destroy(sp_trace_grid *g) {
  if (!g) return;
  sp_free(g->cubes);
  sp_free(g->trace);
  sp_free(g->cell);
  sp_free(g);
}

void sp_cube_name(const sp_grid_request *r, const sp_cube *cube, char *text, size_t size) {
  size_t used = (size_t)snprintf(text, size, r->n_cube_columns ? "cube " : "the only cube");
  for (size_t i = 0; i < r->n_cube_columns && used < size; i++) {
    used += (size_t)snprintf(text + used, size - used, "%s%s %.10g", i ? ", " : "", r->cube_names[i], cube->key[i]);
  }
}

/* --- cubes -------------------------------------------------------------------------------------------------------- */

static int compare_keys(const sp_grid_request *r, uint64_t a, uint64_t b) {
  for (size_t i = 0; i < r->n_cube_columns; i++) {
    const double x = r->cube_columns[i][a], y = r->cube_columns[i][b];
    if (x != y) return x < y ? -1 : 1;
  }
  return 0;
}

static int by_cube(const void *a, const void *b, void *context) {
  const uint64_t i = *(const uint64_t *)a, j = *(const uint64_t *)b;
  const int order = compare_keys(context, i, j);
  return order ? order : (i > j) - (i < j);
}

static sp_status check_numbers(const sp_grid_request *r, const char *name, const double *values, bool whole) {
  for (uint64_t t = 0; t < r->n_traces; t++) {
    if (isfinite(values[t]) && (!whole || (values[t] == rint(values[t]) && fabs(values[t]) < 1e9))) continue;
    return SP_RAISE(SP_ERR_INPUT, "%s: trace %llu has %s %g, allowed is a %s", r->where, (unsigned long long)t, name,
                    values[t], whole ? "whole number" : "number");
  }
  return SP_SUCCESS;
}

static sp_status check_columns(const sp_grid_request *r) {
  SP_TRY(check_numbers(r, r->x_name, r->x, !r->bins));
  SP_TRY(check_numbers(r, r->y_name, r->y, !r->bins));
  if (r->easting) {
    SP_TRY(check_numbers(r, "an easting of", r->easting, false));
    SP_TRY(check_numbers(r, "a northing of", r->northing, false));
  }
  for (size_t i = 0; i < r->n_cube_columns; i++) {
    SP_TRY(check_numbers(r, r->cube_names[i], r->cube_columns[i], false));
  }
  return SP_SUCCESS;
}

static void start_cube(const sp_grid_request *r, sp_trace_grid *g, uint64_t at) {
  sp_cube *cube = &g->cubes[g->n_cubes++];
  *cube = (sp_cube){.first = at};
  for (size_t i = 0; i < r->n_cube_columns; i++) cube->key[i] = r->cube_columns[i][g->trace[at]];
}

/* Sorts the traces by cube and lays the cubes' runs out. */
static sp_status cut_cubes(const sp_grid_request *r, sp_trace_grid *g) {
  for (uint64_t t = 0; t < g->n_traces; t++) g->trace[t] = t;
  if (r->n_cube_columns) qsort_r(g->trace, g->n_traces, sizeof *g->trace, by_cube, (void *)(uintptr_t)r);
  uint32_t n = g->n_traces > 0;
  for (uint64_t i = 1; i < g->n_traces; i++) n += compare_keys(r, g->trace[i - 1], g->trace[i]) != 0;
  void *block;
  SP_TRY(sp_calloc(n, sizeof *g->cubes, "the cubes of a survey", &block));
  g->cubes = block;
  for (uint64_t i = 0; i < g->n_traces; i++) {
    if (i == 0 || compare_keys(r, g->trace[i - 1], g->trace[i])) start_cube(r, g, i);
    sp_cube *cube = &g->cubes[g->n_cubes - 1];
    if (cube->n_traces == UINT32_MAX) {
      return SP_RAISE(SP_ERR_INPUT, "%s: a cube of more than %u traces", r->where, UINT32_MAX);
    }
    cube->n_traces++;
  }
  return SP_SUCCESS;
}

/* --- the grid of a cube ------------------------------------------------------------------------------------------- */

/* Whole-number axis: its least value, step and length. */
static void measure_axis(const uint64_t *trace, uint32_t n, const double *values, double *least, double *step,
                         double *count) {
  double low = values[trace[0]], high = low;
  for (uint32_t i = 1; i < n; i++) {
    low = fmin(low, values[trace[i]]);
    high = fmax(high, values[trace[i]]);
  }
  uint64_t divisor = 0;
  for (uint32_t i = 0; i < n && divisor != 1; i++) {
    uint64_t other = (uint64_t)(values[trace[i]] - low);
    while (other) {
      const uint64_t rest = divisor % other;
      divisor = other;
      other = rest;
    }
  }
  *least = low;
  *step = divisor ? (double)divisor : 1;
  *count = (high - low) / *step + 1;
}

/* Eastings and northings of bins turned into the grid's axes, in cells. */
static void bin_position(const sp_grid_request *r, const sp_cube *c, uint64_t trace, double *u, double *v) {
  const double east = r->x[trace] - c->x0, north = r->y[trace] - c->y0;
  const double ax = c->azimuth_x / DEGREES, ay = c->azimuth_y / DEGREES;
  *u = rint((east * sin(ax) + north * cos(ax)) / c->dx);
  *v = rint((east * sin(ay) + north * cos(ay)) / c->dy);
}

static sp_status set_size(const sp_grid_request *r, sp_cube *c, double nx, double ny) {
  char name[128];
  sp_cube_name(r, c, name, sizeof name);
  const double cells = nx * ny, most = (double)c->n_traces * MOST_CELLS_A_TRACE;
  if (cells > INT32_MAX || (cells > SMALL_GRID && cells > most)) {
    return SP_RAISE(SP_ERR_INPUT, "%s: the grid of %s has %.0f x %.0f cells for %u traces: is a %s or %s stray?",
                    r->where, name, nx, ny, c->n_traces, r->x_name, r->y_name);
  }
  c->nx = (uint32_t)nx;
  c->ny = (uint32_t)ny;
  return SP_SUCCESS;
}

static sp_status bin_cells(const sp_grid_request *r, sp_trace_grid *g, sp_cube *c) {
  const uint64_t *trace = g->trace + c->first;
  c->dx = r->dx;
  c->dy = r->dy;
  c->azimuth_x = isnan(r->azimuth) ? 90 : r->azimuth;
  c->azimuth_y = c->azimuth_x + (r->right_handed ? 90 : -90);
  c->x0 = r->origin ? r->origin[0] : r->x[trace[0]];
  c->y0 = r->origin ? r->origin[1] : r->y[trace[0]];
  double u, v, u0 = INFINITY, v0 = INFINITY, u1 = -INFINITY, v1 = -INFINITY;
  for (uint32_t i = 0; i < c->n_traces; i++) {
    bin_position(r, c, trace[i], &u, &v);
    u0 = fmin(u0, u), u1 = fmax(u1, u);
    v0 = fmin(v0, v), v1 = fmax(v1, v);
  }
  SP_TRY(set_size(r, c, u1 - u0 + 1, v1 - v0 + 1));
  for (uint32_t i = 0; i < c->n_traces; i++) {
    bin_position(r, c, trace[i], &u, &v);
    g->cell[c->first + i] = (uint32_t)(u - u0) * c->ny + (uint32_t)(v - v0);
  }
  const double ax = c->azimuth_x / DEGREES, ay = c->azimuth_y / DEGREES;
  c->x0 += u0 * c->dx * sin(ax) + v0 * c->dy * sin(ay);
  c->y0 += u0 * c->dx * cos(ax) + v0 * c->dy * cos(ay);
  c->x_step = c->dx;
  c->y_step = c->dy;
  return SP_SUCCESS;
}

static sp_status line_cells(const sp_grid_request *r, sp_trace_grid *g, sp_cube *c) {
  const uint64_t *trace = g->trace + c->first;
  double nx, ny;
  measure_axis(trace, c->n_traces, r->x, &c->x0, &c->x_step, &nx);
  measure_axis(trace, c->n_traces, r->y, &c->y0, &c->y_step, &ny);
  SP_TRY(set_size(r, c, nx, ny));
  for (uint32_t i = 0; i < c->n_traces; i++) {
    const double ix = (r->x[trace[i]] - c->x0) / c->x_step, iy = (r->y[trace[i]] - c->y0) / c->y_step;
    g->cell[c->first + i] = (uint32_t)ix * c->ny + (uint32_t)iy;
  }
  return SP_SUCCESS;
}

/* --- spacing and direction of a grid of line numbers -------------------------------------------------------------- */

typedef struct moments {
  double x, y, e, n, xx, xy, yy, xe, ye, xn, yn;
} moments;

static moments measure_moments(const sp_grid_request *r, const sp_trace_grid *g, const sp_cube *c) {
  const uint64_t *trace = g->trace + c->first;
  const uint32_t *cell = g->cell + c->first;
  const double e0 = r->easting[trace[0]], n0 = r->northing[trace[0]];
  moments m = {0};
  for (uint32_t i = 0; i < c->n_traces; i++) {
    m.x += cell[i] / c->ny;
    m.y += cell[i] % c->ny;
    m.e += r->easting[trace[i]] - e0;
    m.n += r->northing[trace[i]] - n0;
  }
  m.x /= c->n_traces, m.y /= c->n_traces;
  m.e = m.e / c->n_traces + e0, m.n = m.n / c->n_traces + n0;
  for (uint32_t i = 0; i < c->n_traces; i++) {
    const double x = cell[i] / c->ny - m.x, y = cell[i] % c->ny - m.y;
    const double e = r->easting[trace[i]] - m.e, n = r->northing[trace[i]] - m.n;
    m.xx += x * x, m.xy += x * y, m.yy += y * y;
    m.xe += x * e, m.ye += y * e, m.xn += x * n, m.yn += y * n;
  }
  return m;
}

/* Slopes of one coordinate. */
static void solve(const moments *m, double xc, double yc, double slope[2]) {
  const double determinant = m->xx * m->yy - m->xy * m->xy;
  if (determinant > 1e-9 * m->xx * m->yy) {
    slope[0] = (xc * m->yy - yc * m->xy) / determinant;
    slope[1] = (yc * m->xx - xc * m->xy) / determinant;
  } else {
    slope[0] = m->xx > 0 ? xc / m->xx : 0;
    slope[1] = m->yy > 0 && m->xx <= 0 ? yc / m->yy : 0;
  }
}

static double wrap_azimuth(double degrees) {
  return degrees < 0 ? degrees + 360 : degrees;
}

static sp_status check_fit(const sp_grid_request *r, const sp_trace_grid *g, const sp_cube *c, const moments *m,
                           const double east[2], const double north[2]) {
  const uint64_t *trace = g->trace + c->first;
  const uint32_t *cell = g->cell + c->first;
  const double least = c->nx > 1 && c->ny > 1 ? fmin(c->dx, c->dy) : c->nx > 1 ? c->dx : c->dy;
  double worst = -1;
  uint32_t at = 0;
  for (uint32_t i = 0; i < c->n_traces; i++) {
    const double x = cell[i] / c->ny - m->x, y = cell[i] % c->ny - m->y;
    const double off = hypot(r->easting[trace[i]] - m->e - east[0] * x - east[1] * y,
                             r->northing[trace[i]] - m->n - north[0] * x - north[1] * y);
    if (off > worst) worst = off, at = i;
  }
  if (worst <= FIT_TOLERANCE * least) return SP_SUCCESS;
  return SP_RAISE(
      SP_ERR_INPUT,
      "%s: not a regular grid: trace %llu (%s %g, %s %g) lies %.3g from its place, which is %.3g %% of a cell "
      "of %.4g by %.4g; give dx and dy, or use bins",
      r->where, (unsigned long long)trace[at], r->x_name, r->x[trace[at]], r->y_name, r->y[trace[at]], worst,
      100 * worst / least, c->dx, c->dy);
}

static moments fit_coordinates(const sp_grid_request *r, const sp_trace_grid *g, const sp_cube *c, double east[2],
                               double north[2]) {
  const moments m = measure_moments(r, g, c);
  solve(&m, m.xe, m.ye, east);
  solve(&m, m.xn, m.yn, north);
  return m;
}

void sp_trace_grid_found(const sp_grid_request *r, const sp_trace_grid *g, const sp_cube *c, double step[2],
                         double azimuth[2]) {
  double east[2], north[2];
  fit_coordinates(r, g, c, east, north);
  for (int i = 0; i < 2; i++) {
    step[i] = hypot(east[i], north[i]);
    azimuth[i] = step[i] > 0 ? wrap_azimuth(atan2(east[i], north[i]) * DEGREES) : NAN;
  }
}

static sp_status fit_axes(const sp_grid_request *r, const sp_trace_grid *g, sp_cube *c) {
  double east[2], north[2];
  const moments m = fit_coordinates(r, g, c, east, north);
  const double dx = hypot(east[0], north[0]), dy = hypot(east[1], north[1]);
  if ((c->nx > 1 && dx <= 0) || (c->ny > 1 && dy <= 0)) {
    return SP_RAISE(SP_ERR_INPUT, "%s: the coordinates do not change with %s: give dx and dy", r->where,
                    c->nx > 1 && dx <= 0 ? r->x_name : r->y_name);
  }
  c->dx = dx > 0 ? dx : 1;
  c->dy = dy > 0 ? dy : 1;
  c->azimuth_x =
      dx > 0 ? wrap_azimuth(atan2(east[0], north[0]) * DEGREES) : wrap_azimuth(atan2(east[1], north[1]) * DEGREES) + 90;
  c->azimuth_y = dy > 0 ? wrap_azimuth(atan2(east[1], north[1]) * DEGREES) : c->azimuth_x - 90;
  SP_TRY(check_fit(r, g, c, &m, east, north));
  const double cosine = (east[0] * east[1] + north[0] * north[1]) / (c->dx * c->dy);
  if (fabs(cosine) <= FIT_TOLERANCE) return SP_SUCCESS;
  return SP_RAISE(SP_ERR_INPUT, "%s: the axes of %s and %s meet at %.4g degrees, allowed is a right angle", r->where,
                  r->x_name, r->y_name, acos(cosine) * DEGREES);
}

static sp_status set_axes(const sp_grid_request *r, const sp_trace_grid *g, sp_cube *c) {
  if (r->bins) return SP_SUCCESS;
  if (r->easting) return fit_axes(r, g, c);
  c->dx = r->dx;
  c->dy = r->dy;
  c->azimuth_x = isnan(r->azimuth) ? 90 : r->azimuth;
  c->azimuth_y = c->azimuth_x + (r->right_handed ? 90 : -90);
  return SP_SUCCESS;
}

/* --- traces that share a cell ------------------------------------------------------------------------------------- */

static sp_status count_cells(const sp_grid_request *r, const sp_trace_grid *g, sp_cube *c) {
  void *block;
  SP_TRY(sp_calloc((size_t)c->nx * c->ny, sizeof(uint32_t), "the cells of a cube", &block));
  uint32_t *holder = block; /* position of the trace in the cell, and 1 */
  uint32_t n_shared = 0, first = 0, other = 0;
  for (uint32_t i = 0; i < c->n_traces; i++) {
    uint32_t *h = &holder[g->cell[c->first + i]];
    if (*h && n_shared++ == 0) first = *h - 1, other = i;
    if (!*h) *h = i + 1, c->n_cells++;
  }
  sp_free(block);
  if (n_shared == 0 || r->mean) return SP_SUCCESS;
  const uint64_t *trace = g->trace + c->first;
  char name[128];
  sp_cube_name(r, c, name, sizeof name);
  return SP_RAISE(
      SP_ERR_INPUT,
      "%s: %u traces share a cell with another in %s, the first are traces %llu and %llu at %s %g, %s %g: name "
      "columns that separate them in cubes, or allow duplicates: mean",
      r->where, n_shared, name, (unsigned long long)trace[first], (unsigned long long)trace[other], r->x_name,
      r->x[trace[other]], r->y_name, r->y[trace[other]]);
}

sp_status sp_trace_grid_create(const sp_grid_request *r, sp_trace_grid **out) {
  void *block;
  sp_status status;
  SP_TRY(check_columns(r));
  SP_TRY(sp_calloc(1, sizeof(sp_trace_grid), "the grid of a survey", &block));
  sp_trace_grid *g = block;
  g->n_traces = r->n_traces;
  SP_TRY_GOTO(fail, sp_alloc(r->n_traces * sizeof *g->trace, "the grid of a survey", &block));
  g->trace = block;
  SP_TRY_GOTO(fail, sp_alloc(r->n_traces * sizeof *g->cell, "the grid of a survey", &block));
  g->cell = block;
  SP_TRY_GOTO(fail, cut_cubes(r, g));
  for (uint32_t i = 0; i < g->n_cubes; i++) {
    sp_cube *c = &g->cubes[i];
    SP_TRY_GOTO(fail, r->bins ? bin_cells(r, g, c) : line_cells(r, g, c));
    SP_TRY_GOTO(fail, set_axes(r, g, c));
    SP_TRY_GOTO(fail, count_cells(r, g, c));
  }
  *out = g;
  return SP_SUCCESS;
fail:
  sp_trace_grid_destroy(g);
  return status;
}
