/* SPDX-License-Identifier: BSD-3-Clause */
/* L*a*b* to sRGB: CIE 15:2004, IEC 61966-2-1. */
#include "src/qc/colour.h"

#include <math.h>

typedef struct lab {
  double l, a, b;
} lab;

static double to_srgb(double linear) {
  const double v = linear < 0 ? 0 : linear > 1 ? 1 : linear;
  return v <= 0.0031308 ? 12.92 * v : 1.055 * pow(v, 1 / 2.4) - 0.055;
}

static double from_f(double f) {
  return f > 6.0 / 29 ? f * f * f : 3 * (6.0 / 29) * (6.0 / 29) * (f - 4.0 / 29);
}

static void to_rgb(lab c, uint8_t rgb[3]) {
  const double fy = (c.l + 16) / 116;
  const double x = 0.95047 * from_f(fy + c.a / 500), y = from_f(fy), z = 1.08883 * from_f(fy - c.b / 200);
  const double linear[3] = {3.2404542 * x - 1.5371385 * y - 0.4985314 * z,
                            -0.9692660 * x + 1.8760108 * y + 0.0415560 * z,
                            0.0556434 * x - 0.2040259 * y + 1.0572252 * z};
  for (int i = 0; i < 3; i++) rgb[i] = (uint8_t)floor(255 * to_srgb(linear[i]) + 0.5);
}

static lab between(lab p, lab q, double t) {
  return (lab){p.l + t * (q.l - p.l), p.a + t * (q.a - p.a), p.b + t * (q.b - p.b)};
}

static lab sequential(double t) {
  static const lab stops[] = {{15, 24, -32}, {34, 6, -34}, {53, -26, -8}, {72, -40, 34}, {91, -8, 68}};
  const double at = 4 * t;
  const int i = at >= 4 ? 3 : (int)at;
  return between(stops[i], stops[i + 1], at - i);
}

static lab diverging(double t) {
  static const lab blue = {38, 6, -50}, white = {97, 0, 0}, red = {38, 52, 36};
  return t < 0.5 ? between(blue, white, 2 * t) : between(white, red, 2 * t - 1);
}

void sp_palette_make(sp_colour_map map, sp_palette *out) {
  for (int i = 0; i < 256; i++) {
    const double t = i / 255.0;
    const lab gray = {100 - 100 * t, 0, 0};
    to_rgb(map == SP_MAP_GRAY ? gray : map == SP_MAP_DIVERGING ? diverging(t) : sequential(t), out->rgb[i]);
  }
}

uint32_t sp_hue(size_t i) {
  static const uint32_t hues[SP_N_HUES] = {0x000000, 0xd55e00, 0x0072b2, 0x009e73, 0xcc79a7, 0xe69f00, 0x56b4e9};
  return hues[i % SP_N_HUES];
}

uint8_t sp_colour_index(double value, double least, double most) {
  if (isnan(value) || !(most != least)) return 128;
  const double t = (value - least) / (most - least);
  return (uint8_t)(t <= 0 ? 0 : t >= 1 ? 255 : floor(255 * t + 0.5));
}

uint32_t sp_palette_colour(const sp_palette *p, uint8_t i) {
  return (uint32_t)p->rgb[i][0] << 16 | (uint32_t)p->rgb[i][1] << 8 | p->rgb[i][2];
}
