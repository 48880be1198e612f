/* SPDX-License-Identifier: BSD-3-Clause */
/* may warn */
/* Cells, spacing and direction of cubes from header columns; and every column that cannot be a grid, by its message. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "random_survey.h"
#include "seisproc/log.h"
#include "src/index/trace_grid.h"

enum { MAX = 2000 };

static double x[MAX], y[MAX], east[MAX], north[MAX], offset[MAX], azimuth[MAX];
static const double *const columns[] = {offset, azimuth};
static const char *const names[] = {"offset", "azimuth"};

static sp_grid_request lines(uint64_t n) {
  return (sp_grid_request){.where = "survey.h5",
                           .n_traces = n,
                           .x_name = "iline",
                           .y_name = "xline",
                           .x = x,
                           .y = y,
                           .easting = east,
                           .northing = north,
                           .dx = NAN,
                           .dy = NAN,
                           .azimuth = NAN};
}

/* Inlines 100, 102 ... and crosslines 7, 10 ... on a grid turned to `degrees`, y to the left of x. */
static uint64_t make_grid(uint32_t nx, uint32_t ny, double dx, double dy, double degrees, int side) {
  const double a = degrees * M_PI / 180, b = a + side * M_PI / 2;
  uint64_t n = 0;
  for (uint32_t i = 0; i < nx; i++) {
    for (uint32_t j = 0; j < ny; j++, n++) {
      x[n] = 100 + 2 * i;
      y[n] = 7 + 3 * j;
      east[n] = 500000 + i * dx * sin(a) + j * dy * sin(b);
      north[n] = 6000000 + i * dx * cos(a) + j * dy * cos(b);
    }
  }
  return n;
}

static double turn(double a, double b) {
  return fabs(remainder(a - b, 360));
}

static void spacing_and_direction(void **state) {
  for (int side = -1; side <= 1; side += 2) {
    for (double degrees = 0; degrees < 360; degrees += 33) {
      const uint64_t n = make_grid(12, 9, 25, 12.5, degrees, side);
      const sp_grid_request request = lines(n);
      sp_trace_grid *g;
      assert_int_equal(sp_trace_grid_create(&request, &g), SP_SUCCESS);
      const sp_cube *c = &g->cubes[0];
      assert_int_equal(g->n_cubes, 1);
      assert_true(c->nx == 12 && c->ny == 9 && c->n_cells == 108 && c->n_traces == 108);
      assert_true(fabs(c->dx - 25) < 1e-6 && fabs(c->dy - 12.5) < 1e-6);
      assert_true(turn(c->azimuth_x, degrees) < 1e-6 && turn(c->azimuth_y, degrees + 90 * side) < 1e-6);
      assert_true(c->x0 == 100 && c->x_step == 2 && c->y0 == 7 && c->y_step == 3);
      for (uint64_t i = 0; i < n; i++) assert_true(g->trace[i] == i && g->cell[i] == i);
      sp_trace_grid_destroy(g);
    }
  }
}

/* A line that is missing, in any order of the traces: a gap, not a shift. */
static void missing_lines(void **state) {
  uint64_t n = make_grid(10, 8, 25, 25, 90, -1), kept = 0, seed = 3;
  for (uint64_t i = 0; i < n; i++) {
    if (x[i] == 108 || random_unit(&seed) < 0.2) continue;
    x[kept] = x[i], y[kept] = y[i], east[kept] = east[i], north[kept] = north[i];
    kept++;
  }
  const sp_grid_request request = lines(kept);
  sp_trace_grid *g;
  assert_int_equal(sp_trace_grid_create(&request, &g), SP_SUCCESS);
  const sp_cube *c = &g->cubes[0];
  assert_true(c->nx == 10 && c->ny == 8 && c->n_cells == kept && fabs(c->dx - 25) < 1e-6);
  for (uint64_t i = 0; i < kept; i++) {
    assert_int_equal(g->cell[i], (uint32_t)((x[i] - 100) / 2) * 8 + (uint32_t)((y[i] - 7) / 3));
  }
  sp_trace_grid_destroy(g);
}

/* One line: its spacing is known, the other axis has one cell. */
static void one_line(void **state) {
  const uint64_t n = make_grid(1, 20, 1, 10, 120, -1);
  const sp_grid_request request = lines(n);
  sp_trace_grid *g;
  assert_int_equal(sp_trace_grid_create(&request, &g), SP_SUCCESS);
  const sp_cube *c = &g->cubes[0];
  assert_true(c->nx == 1 && c->ny == 20 && fabs(c->dy - 10) < 1e-6 && turn(c->azimuth_y, 30) < 1e-6);
  sp_trace_grid_destroy(g);
}

static void several_cubes(void **state) {
  const uint64_t cells = make_grid(6, 5, 25, 25, 90, -1);
  uint64_t n = 0;
  for (uint64_t i = 0; i < cells; i++) { /* file order: by cell, then by offset */
    for (int k = 0; k < 3; k++, n++) {
      const uint64_t to = MAX - 1 - n;
      x[to] = x[i], y[to] = y[i], east[to] = east[i], north[to] = north[i];
      offset[to] = 300 - 100 * k, azimuth[to] = k == 1;
    }
  }
  memmove(x, x + MAX - n, n * sizeof *x);
  memmove(y, y + MAX - n, n * sizeof *y);
  memmove(east, east + MAX - n, n * sizeof *x);
  memmove(north, north + MAX - n, n * sizeof *x);
  memmove(offset, offset + MAX - n, n * sizeof *x);
  memmove(azimuth, azimuth + MAX - n, n * sizeof *x);
  sp_grid_request request = lines(n);
  request.n_cube_columns = 2;
  request.cube_columns = columns;
  request.cube_names = names;
  sp_trace_grid *g;
  assert_int_equal(sp_trace_grid_create(&request, &g), SP_SUCCESS);
  assert_int_equal(g->n_cubes, 3);
  for (uint32_t k = 0; k < 3; k++) {
    const sp_cube *c = &g->cubes[k];
    assert_true(c->key[0] == 100 * (k + 1) && c->key[1] == (k == 1) && c->n_traces == cells && c->first == k * cells);
    for (uint32_t i = 0; i < c->n_traces; i++) {
      const uint64_t t = g->trace[c->first + i];
      assert_true(offset[t] == c->key[0] && (i == 0 || t > g->trace[c->first + i - 1]));
    }
  }
  char text[64];
  sp_cube_name(&request, &g->cubes[1], text, sizeof text);
  assert_string_equal(text, "cube offset 200, azimuth 1");
  request.n_cube_columns = 0;
  sp_cube_name(&request, &g->cubes[1], text, sizeof text);
  assert_string_equal(text, "the only cube");
  sp_trace_grid_destroy(g);
}

/* Coordinates that stray from the centres by up to 0.4 of a bin. */
static void bins(void **state) {
  const double degrees = 20, a = degrees * M_PI / 180, b = a + M_PI / 2;
  uint64_t n = 0, seed = 9;
  for (int i = 0; i < 15; i++) {
    for (int j = 0; j < 11; j++, n++) {
      const double u = (i + 0.8 * (random_unit(&seed) - 0.5)) * 30, v = (j + 0.8 * (random_unit(&seed) - 0.5)) * 20;
      x[n] = 5e5 + u * sin(a) + v * sin(b);
      y[n] = 6e6 + u * cos(a) + v * cos(b);
    }
  }
  const double origin[2] = {5e5 + 90 * sin(a), 6e6 + 90 * cos(a)};
  sp_grid_request request = lines(n);
  request.bins = true;
  request.easting = request.northing = NULL;
  request.dx = 30, request.dy = 20, request.azimuth = degrees, request.right_handed = true;
  request.origin = origin;
  sp_trace_grid *g;
  assert_int_equal(sp_trace_grid_create(&request, &g), SP_SUCCESS);
  const sp_cube *c = &g->cubes[0];
  assert_true(c->nx == 15 && c->ny == 11 && c->n_cells == n && turn(c->azimuth_y, 110) < 1e-9);
  assert_true(fabs(c->x0 - 5e5) < 1e-3 && fabs(c->y0 - 6e6) < 1e-3);
  for (uint64_t i = 0; i < n; i++) assert_int_equal(g->cell[i], i);
  sp_trace_grid_destroy(g);
}

/* --- what is refused, and what the line says ---------------------------------------------------------------------- */

static void assert_refused(const sp_grid_request *request, const char *words) {
  char *text = NULL;
  size_t size = 0;
  FILE *log = open_memstream(&text, &size);
  sp_log_set_stream(log);
  sp_trace_grid *g = NULL;
  assert_int_equal(sp_trace_grid_create(request, &g), SP_ERR_INPUT);
  assert_null(g);
  sp_log_set_stream(stderr);
  fclose(log);
  if (!strstr(text, words)) fail_msg("'%s' is not in: %s", words, text);
  assert_ptr_equal(strchr(text, '\n'), text + size - 1); /* one line */
  free(text);
}

static void refused(void **state) {
  const uint64_t n = make_grid(10, 8, 25, 25, 90, -1);
  sp_grid_request request = lines(n);
  x[17] = 104.5;
  assert_refused(&request, "trace 17 has iline 104.5, allowed is a whole number");
  x[17] = NAN;
  assert_refused(&request, "trace 17 has iline nan");
  make_grid(10, 8, 25, 25, 90, -1);
  x[20] = x[5], y[20] = y[5], east[20] = east[5], north[20] = north[5];
  assert_refused(&request, "1 traces share a cell with another in the only cube, the first are traces 5 and 20 at "
                           "iline 100, xline 22");
  request.mean = true;
  request.easting = request.northing = NULL, request.dx = request.dy = 25;
  sp_trace_grid *g;
  assert_int_equal(sp_trace_grid_create(&request, &g), SP_SUCCESS);
  assert_int_equal(g->cubes[0].n_cells, n - 1);
  sp_trace_grid_destroy(g);
  request = lines(n);
  make_grid(10, 8, 25, 25, 90, -1);
  east[33] += 3;
  assert_refused(&request, "not a regular grid: trace 33 (iline 108, xline 10)");
  make_grid(10, 8, 25, 25, 90, -1);
  for (uint64_t i = 0; i < n; i++) east[i] = north[i] = 0;
  assert_refused(&request, "the coordinates do not change with iline");
  make_grid(10, 8, 25, 25, 90, -1);
  for (uint64_t i = 0; i < n; i++) east[i] += 0.2 * (north[i] - 6000000);
  assert_refused(&request, "meet at");
  make_grid(10, 8, 25, 25, 90, -1);
  x[3] = 900000001;
  assert_refused(&request, "is a iline or xline stray?");
  offset[4] = INFINITY;
  request.n_cube_columns = 1;
  request.cube_columns = columns;
  request.cube_names = names;
  make_grid(10, 8, 25, 25, 90, -1);
  assert_refused(&request, "trace 4 has offset inf");
}

static void no_traces(void **state) {
  const sp_grid_request request = lines(0);
  sp_trace_grid *g;
  assert_int_equal(sp_trace_grid_create(&request, &g), SP_SUCCESS);
  assert_int_equal(g->n_cubes, 0);
  sp_trace_grid_destroy(g);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(spacing_and_direction),
      cmocka_unit_test(missing_lines),
      cmocka_unit_test(one_line),
      cmocka_unit_test(several_cubes),
      cmocka_unit_test(bins),
      cmocka_unit_test(refused),
      cmocka_unit_test(no_traces),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
