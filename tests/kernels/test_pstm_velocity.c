/* SPDX-License-Identifier: BSD-3-Clause */
/* Velocities of an image: tables and what is refused in them, conversions against exact integrals, curved rays against
 * exact travel times, interpolation in space. */
/* may warn */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernels/pstm/velocity.h"
#include "seisproc/log.h"

enum { TAU = 500 };

static const sp_pstm_grid line = {{0, 0}, 90, {25, 25}, {41, 1}, 0.004, 0.004, TAU};
static const sp_pstm_grid square = {{1000, 2000}, 90, {25, 50}, {41, 21}, 0.004, 0.004, TAU};
static const sp_line_numbers numbers = {{100, 500}, {1, 2}}; /* cross-lines 100 ... 140, in-lines 500, 502 ... 540 */

static char folder[] = "/tmp/sp-velocity-XXXXXX";

static const char *write_table(const char *text) {
  static char path[64];
  snprintf(path, sizeof path, "%s/v.txt", folder);
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
  return path;
}

static sp_velocity_model *model_of(const sp_pstm_grid *grid, const char *text, sp_velocity_kind kind, sp_rays rays) {
  const sp_velocity_range range = sp_velocity_range_of(false);
  sp_velocity_table table;
  sp_velocity_model *model = NULL;
  if (sp_velocity_read(write_table(text), &range, &table) != SP_SUCCESS) return NULL;
  if (sp_velocity_model_create(grid, &numbers, &table, NULL, kind, rays, &model) != SP_SUCCESS) model = NULL;
  sp_velocity_table_free(&table);
  return model;
}

static double at(const sp_velocity_model *m, uint32_t ix, uint32_t iy, uint32_t i) {
  static float v[TAU], eta[TAU], far[TAU];
  sp_velocity_model_column(m, ix, iy, v, eta, far);
  return (double)v[i];
}

/* --- refusals ----------------------------------------------------------------------------------------------------- */

/* The error line of a table that is refused holds `words`. */
static void refused(const sp_pstm_grid *grid, const char *text, sp_velocity_kind kind, sp_rays rays,
                    const char *words) {
  char *log = NULL;
  size_t size = 0;
  FILE *stream = open_memstream(&log, &size);
  sp_log_set_stream(stream);
  sp_velocity_model *model = model_of(grid, text, kind, rays);
  sp_log_set_stream(stderr);
  fclose(stream);
  if (model || !strstr(log, words)) print_error("\"%s\" gave: %s\n", text, log);
  assert_null(model);
  assert_non_null(strstr(log, words));
  assert_ptr_equal(strchr(log, '\n'), log + strlen(log) - 1); /* one line */
  free(log);
}

static void test_tables_that_are_refused(void **state) {
  static const struct {
    const char *text, *words;
  } cases[] = {
      {"", "no velocities"},
      {"# only a comment\n", "no velocities"},
      {"0 1500\n100 -2\n", "v.txt:2: found -2 m/s"},
      {"0 1500\n100 nan\n", "v.txt:2: found 'nan'"},
      {"0 1500\n100 200\n", "found 200 m/s"},
      {"0 1500\n100 13000\n", "found 13000 m/s"},
      {"0 1500\n100 2000\n100 2100\n", "v.txt:3: found the time 100 ms after 100"},
      {"0 1500\n-4 2000\n", "found the time -4"},
      {"0 1500\n100\n", "found 1 numbers"},
      {"1 2 3 4 5\n", "found 5 numbers"},
      {"100 500 0 1500\n", "four columns may be"},
      {"0 1500\n1.5 2000\n3.0 2500\n", "seconds?"},
      {"0 9500\n1000 9800\n2000 11000\n", "feet per second?"},
      {"0 abc\n", "found 'abc'"},
      {"# x y t v\n900000 900000 0 1500\n900000 910000 0 1500\n", "no position of it is near the image"},
      {"# x y t v\n900000 900000 0 1500\n900000 900000 900 2500\n", "no position of it is near the image"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    refused(&square, cases[i].text, SP_VELOCITY_RMS, SP_RAYS_STRAIGHT, cases[i].words);
  }
  refused(&square, "1 0 1500\n2 0 1600\n", SP_VELOCITY_RMS, SP_RAYS_STRAIGHT, "cdp t v is for the image of a line");
  refused(&line, "100 0 3000\n100 1000 1800\n", SP_VELOCITY_RMS, SP_RAYS_CURVED, "cdp 100: the square of the interval");
  refused(&line, "0 3000\n1000 1200\n", SP_VELOCITY_AVERAGE, SP_RAYS_STRAIGHT, "average velocities fall too fast");
  (void)state;
}

static void test_missing_file_is_named(void **state) {
  const sp_velocity_range range = sp_velocity_range_of(false);
  sp_velocity_table table;
  assert_int_equal(sp_velocity_read("/nowhere/v.txt", &range, &table), SP_ERR_INPUT);
  (void)state;
}

static void test_allow(void **state) {
  const sp_velocity_range range = sp_velocity_range_of(true);
  sp_velocity_table table;
  assert_int_equal(sp_velocity_read(write_table("0 150\n1000 14000\n"), &range, &table), SP_SUCCESS);
  sp_velocity_table_free(&table);
  (void)state;
}

/* --- time --------------------------------------------------------------------------------------------------------- */

static void test_linear_in_time_constant_outside(void **state) {
  sp_velocity_model *m = model_of(&line, "# t v\n400, 2000\n800, 2400\n", SP_VELOCITY_RMS, SP_RAYS_STRAIGHT);
  assert_non_null(m);
  assert_true(sp_velocity_model_is_flat(m));
  assert_float_equal(at(m, 0, 0, 0), 2000, 1e-3);
  assert_float_equal(at(m, 0, 0, 149), 2200, 1e-3); /* 600 ms */
  assert_float_equal(at(m, 0, 0, TAU - 1), 2400, 1e-3);
  sp_velocity_model_destroy(m);
  (void)state;
}

/* v = 2000 + 500 t: m2 = (v^3 - v0^3) / (3 a t), and the average v0 + a t / 2. */
static void test_interval_and_average_become_rms(void **state) {
  sp_velocity_model *interval = model_of(&line, "0 2000\n3000 3500\n", SP_VELOCITY_INTERVAL, SP_RAYS_STRAIGHT);
  sp_velocity_model *average = model_of(&line, "0 2000\n3000 2750\n", SP_VELOCITY_AVERAGE, SP_RAYS_STRAIGHT);
  assert_non_null(interval);
  assert_non_null(average);
  for (uint32_t i = 0; i < TAU; i += 7) {
    const double t = 0.004 * (i + 1), v = 2000 + 500 * t, rms = sqrt((v * v * v - 8e9) / (1500 * t));
    assert_float_equal(at(interval, 3, 0, i), rms, 2e-3);
    assert_float_equal(at(average, 3, 0, i), rms, 2e-3);
  }
  sp_velocity_model_destroy(interval);
  sp_velocity_model_destroy(average);
  (void)state;
}

/* v = v0 + g z: interval velocity v0 exp(g t / 2) at the two-way time t; a leg to depth z and distance h takes
 * acosh(1 + g^2 (h^2 + z^2) / (2 v0 v)) / g. To h/z = 3 where the velocity has grown by a third, to
 * h/z = 2 where it has nearly doubled. */
static void test_curved_rays_are_exact(void **state) {
  const double v0 = 1800, g = 0.6;
  char text[8192];
  size_t length = 0;
  for (int t = 0; t <= 2000; t += 20) {
    length += (size_t)snprintf(text + length, sizeof text - length, "%d %.6f\n", t, v0 * exp(g * t * 0.5e-3));
  }
  sp_velocity_model *m = model_of(&line, text, SP_VELOCITY_INTERVAL, SP_RAYS_CURVED);
  assert_non_null(m);
  assert_true(sp_velocity_model_has_eta(m));
  static float v[TAU], eta[TAU], far[TAU];
  sp_velocity_model_column(m, 7, 0, v, eta, far);
  double worst = 0, worst_straight = 0;
  for (uint32_t i = 60; i < TAU; i += 11) {
    const double tau = 0.004 * (i + 1), z = v0 / g * expm1(g * tau / 2), q = tau * tau / 4;
    for (double h = 0; h <= (tau < 1 ? 3 : 2) * z; h += z / 8) {
      const double exact = acosh(1 + g * g * (h * h + z * z) / (2 * v0 * (v0 + g * z))) / g;
      const double v2 = (double)v[i] * (double)v[i], h2 = h * h, straight = q + h2 / v2;
      const double t = sqrt(straight - 2 * (double)eta[i] * h2 * h2 / (v2 * (q * v2 + (double)far[i] * h2)));
      worst = fmax(worst, fabs(t - exact));
      worst_straight = fmax(worst_straight, fabs(sqrt(straight) - exact));
    }
  }
  assert_true(worst < 1e-4);
  assert_true(worst_straight > 1e-2);
  sp_velocity_model_destroy(m);
  (void)state;
}

static void test_vti_takes_its_eta(void **state) {
  const sp_velocity_range range = sp_velocity_range_of(false), any = {-1, 1, false};
  sp_velocity_table velocity, eta;
  sp_velocity_model *m;
  assert_int_equal(sp_velocity_number("velocity", 2000, &range, &velocity), SP_SUCCESS);
  assert_int_equal(sp_velocity_read(write_table("0 0.0\n2000 0.1\n"), &any, &eta), SP_SUCCESS);
  assert_int_equal(sp_velocity_model_create(&line, &numbers, &velocity, &eta, SP_VELOCITY_RMS, SP_RAYS_VTI, &m),
                   SP_SUCCESS);
  float v[TAU], e[TAU], far[TAU];
  sp_velocity_model_column(m, 0, 0, v, e, far);
  assert_float_equal(e[249], 0.05, 1e-6);
  assert_float_equal(far[249], 1.1, 1e-6);
  sp_velocity_model_destroy(m);
  sp_velocity_table_free(&velocity);
  sp_velocity_table_free(&eta);
  (void)state;
}

/* --- space -------------------------------------------------------------------------------------------------------- */

static void test_cdp_of_a_line(void **state) {
  sp_velocity_model *m = model_of(&line, "110 0 2000\n120 0 3000\n", SP_VELOCITY_RMS, SP_RAYS_STRAIGHT);
  assert_non_null(m);
  assert_float_equal(at(m, 0, 0, 5), 2000, 1e-3);
  assert_float_equal(at(m, 13, 0, 5), 2300, 1e-3);
  assert_float_equal(at(m, 40, 0, 5), 3000, 1e-3);
  sp_velocity_model_destroy(m);
  (void)state;
}

static void test_bilinear_on_a_grid_of_lines(void **state) {
  sp_velocity_model *m =
      model_of(&square, "iline xline t v\n500 100 0 2000\n500 140 0 2400\n540 100 0 2800\n540 140 0 3600\n",
               SP_VELOCITY_RMS, SP_RAYS_STRAIGHT);
  assert_non_null(m);
  assert_false(sp_velocity_model_is_flat(m));
  assert_float_equal(at(m, 10, 0, 0), 2100, 1e-2);
  assert_float_equal(at(m, 0, 10, 0), 2400, 1e-2);
  assert_float_equal(at(m, 20, 10, 0), 2700, 1e-2);
  sp_velocity_model_destroy(m);
  (void)state;
}

/* Scattered positions that a plane goes through: exact inside, within their range outside. */
static void test_triangles_keep_a_plane(void **state) {
  char text[4096] = "# x y t v\n";
  size_t length = strlen(text);
  uint64_t random = 5;
  for (int i = 0; i < 40; i++) {
    double position[2];
    for (int k = 0; k < 2; k++) {
      random = random * 6364136223846793005u + 1442695040888963407u;
      position[k] = (k ? 2000 : 1000) + 1000 * ((double)(random >> 11) * 0x1p-53);
    }
    length += (size_t)snprintf(text + length, sizeof text - length, "%.3f %.3f 0 %.6f\n", position[0], position[1],
                               2000 + 0.5 * (position[0] - 1000) + 0.3 * (position[1] - 2000));
  }
  sp_velocity_model *m = model_of(&square, text, SP_VELOCITY_RMS, SP_RAYS_STRAIGHT);
  assert_non_null(m);
  for (uint32_t iy = 5; iy <= 15; iy++) {
    for (uint32_t ix = 12; ix <= 28; ix++) {
      assert_float_equal(at(m, ix, iy, 0), 2000 + 0.5 * 25 * ix + 0.3 * 50 * iy, 0.01);
    }
  }
  for (uint32_t iy = 0; iy < 21; iy += 20) {
    for (uint32_t ix = 0; ix < 41; ix += 40)
      assert_true((long)at(m, ix, iy, 0) >= 2000 && (long)at(m, ix, iy, 0) <= 2800);
  }
  sp_velocity_model_destroy(m);
  (void)state;
}

static void test_positions_on_a_line(void **state) {
  sp_velocity_model *m = model_of(&square, "# x y t v\n1000 2000 0 2000\n1500 2500 0 2500\n2000 3000 0 2800\n",
                                  SP_VELOCITY_RMS, SP_RAYS_STRAIGHT);
  assert_non_null(m);
  assert_float_equal(at(m, 10, 5, 0), 2250, 1e-2);
  assert_float_equal(at(m, 40, 20, 0), 2800, 1e-2);
  sp_velocity_model_destroy(m);
  (void)state;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_tables_that_are_refused),
      cmocka_unit_test(test_missing_file_is_named),
      cmocka_unit_test(test_allow),
      cmocka_unit_test(test_linear_in_time_constant_outside),
      cmocka_unit_test(test_interval_and_average_become_rms),
      cmocka_unit_test(test_curved_rays_are_exact),
      cmocka_unit_test(test_vti_takes_its_eta),
      cmocka_unit_test(test_cdp_of_a_line),
      cmocka_unit_test(test_bilinear_on_a_grid_of_lines),
      cmocka_unit_test(test_triangles_keep_a_plane),
      cmocka_unit_test(test_positions_on_a_line),
  };
  if (!mkdtemp(folder)) return 1;
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  char path[64];
  snprintf(path, sizeof path, "%s/v.txt", folder);
  remove(path);
  rmdir(folder);
  return failed;
}
