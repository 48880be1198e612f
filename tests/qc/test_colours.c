/* SPDX-License-Identifier: BSD-3-Clause */
/* Colour maps: lightness is monotone or symmetric, hues are told apart without red-green sight. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "src/qc/colour.h"

static double linear(double v) {
  return v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4);
}

static double lab_f(double t) {
  return t > pow(6.0 / 29, 3) ? cbrt(t) : t / (3 * pow(6.0 / 29, 2)) + 4.0 / 29;
}

/* Linear sRGB to CIE L*a*b*, D65. */
static void to_lab(const double rgb[3], double lab[3]) {
  const double x = 0.4124564 * rgb[0] + 0.3575761 * rgb[1] + 0.1804375 * rgb[2];
  const double y = 0.2126729 * rgb[0] + 0.7151522 * rgb[1] + 0.0721750 * rgb[2];
  const double z = 0.0193339 * rgb[0] + 0.1191920 * rgb[1] + 0.9503041 * rgb[2];
  lab[0] = 116 * lab_f(y) - 16;
  lab[1] = 500 * (lab_f(x / 0.95047) - lab_f(y));
  lab[2] = 200 * (lab_f(y) - lab_f(z / 1.08883));
}

static double lightness(const sp_palette *p, int i) {
  double rgb[3], lab[3];
  for (int c = 0; c < 3; c++) rgb[c] = linear(p->rgb[i][c] / 255.0);
  to_lab(rgb, lab);
  return lab[0];
}

static void test_lightness(void **state) {
  sp_palette p;
  sp_palette_make(SP_MAP_SEQUENTIAL, &p);
  for (int i = 3; i < 256; i++) { /* a step of one may be less than 8 bits show */
    const double step = lightness(&p, i) - lightness(&p, i - 1), three = lightness(&p, i) - lightness(&p, i - 3);
    if (step < 0 || step > 1.2 || three < 0.3) fail_msg("sequential, %d: lightness goes by %g", i, step);
  }
  sp_palette_make(SP_MAP_GRAY, &p);
  for (int i = 3; i < 256; i++) {
    assert_true(lightness(&p, i) <= lightness(&p, i - 1) && lightness(&p, i) < lightness(&p, i - 3));
  }
  assert_true(p.rgb[0][0] == 255 && p.rgb[255][0] == 0);
  sp_palette_make(SP_MAP_DIVERGING, &p);
  for (int i = 1; i < 127; i++) assert_true(lightness(&p, i) > lightness(&p, i - 1));
  for (int i = 0; i < 128; i++) {
    const double apart = lightness(&p, i) - lightness(&p, 255 - i);
    if (fabs(apart) > 2) fail_msg("diverging, %d: its sides differ by %g in lightness", i, apart);
  }
}

/* Deuteranopia after Machado, Oliveira and Fernandes (2009), severity 1, on linear sRGB. */
static void seen_by_deuteranope(uint32_t colour, double lab[3]) {
  static const double m[3][3] = {
      {0.367322, 0.860646, -0.227968}, {0.280085, 0.672501, 0.047413}, {-0.011820, 0.042940, 0.968881}};
  double rgb[3], seen[3];
  for (int c = 0; c < 3; c++) rgb[c] = linear((colour >> (16 - 8 * c) & 255) / 255.0);
  for (int r = 0; r < 3; r++) seen[r] = fmin(fmax(m[r][0] * rgb[0] + m[r][1] * rgb[1] + m[r][2] * rgb[2], 0), 1);
  to_lab(seen, lab);
}

static void test_hues_are_told_apart(void **state) {
  for (size_t i = 0; i < SP_N_HUES; i++) {
    for (size_t k = i + 1; k < SP_N_HUES; k++) {
      double a[3], b[3];
      seen_by_deuteranope(sp_hue(i), a);
      seen_by_deuteranope(sp_hue(k), b);
      const double apart = sqrt(pow(a[0] - b[0], 2) + pow(a[1] - b[1], 2) + pow(a[2] - b[2], 2));
      if (apart <= 10) fail_msg("hues %zu and %zu are %g apart", i, k, apart);
    }
  }
}

static void test_index(void **state) {
  assert_int_equal(sp_colour_index(-2, -1, 1), 0);
  assert_int_equal(sp_colour_index(1, -1, 1), 255);
  assert_int_equal(sp_colour_index(1, 1, -1), 0);
  assert_int_equal(sp_colour_index(NAN, -1, 1), 128);
  assert_int_equal(sp_colour_index(5, 0, 0), 128);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_lightness), cmocka_unit_test(test_hues_are_told_apart),
                                     cmocka_unit_test(test_index)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
