/* SPDX-License-Identifier: BSD-3-Clause */
/* Loops over a trace are without branches, so that compilers make vector code of them. */
#include "src/base/scaled.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_INT16 = 32767, MOST_HALF = 65504, NOT_FINITE = -32768, LEAST_EXPONENT = -149, LEAST_OF_HALF = -125 };

/* Adding it and taking it away again rounds a number below 2^22 to a whole one, half to even. */
static const float rounder = 12582912.f;

static uint32_t bits_of(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

static float float_of(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

static bool is_finite(float x) {
  return (bits_of(x) & 0x7f800000) != 0x7f800000;
}

float sp_scaled_factor(bool half, const float *row, size_t n) {
  uint32_t largest = 0; /* bits of positive numbers are in their order */
  int exponent;
  for (size_t i = 0; i < n; i++) {
    const uint32_t bits = bits_of(row[i]) & 0x7fffffff, finite = bits < 0x7f800000 ? bits : 0;
    largest = finite > largest ? finite : largest;
  }
  if (largest == 0) return 1;
  const float most = float_of(largest);
  frexpf(most, &exponent);
  exponent -= half ? 16 : 15;
  if (ldexp(most, -exponent) > (half ? MOST_HALF : MOST_INT16)) exponent++;
  const int least = half ? LEAST_OF_HALF : LEAST_EXPONENT;
  return ldexpf(1, exponent > least ? exponent : least);
}

/* Two powers of two whose product may be out of a float's range. */
typedef struct scale {
  float a, b;
} scale;

static scale scale_of(float factor, bool inverse) {
  int exponent;
  frexpf(factor, &exponent);
  const int e = inverse ? 1 - exponent : exponent - 1, first = e / 2;
  return (scale){ldexpf(1, first), ldexpf(1, e - first)};
}

/* The largest code, of one that is not to become Inf: of float's largest numbers, too, the nearest that there is. */
static float limit_of(bool half, float factor) {
  if (half) return factor >= 0x1p113f ? MOST_HALF / 2 : MOST_HALF;
  return factor >= 0x1p114f ? MOST_INT16 / 2 : MOST_INT16;
}

static float within(float x, float limit) {
  return x > limit ? limit : x < -limit ? -limit : x;
}

/* --- int16 ------------------------------------------------------------------------------------------------------- */

static void encode_int16(scale s, float limit, const float *row, size_t n, uint16_t *codes) {
  for (size_t i = 0; i < n; i++) {
    const float x = is_finite(row[i]) ? within(row[i] * s.a * s.b, limit) : (float)NOT_FINITE;
    codes[i] = (uint16_t)(int)(x + rounder - rounder);
  }
}

static void decode_int16(scale s, const uint16_t *codes, size_t n, float *row) {
  for (size_t i = 0; i < n; i++) {
    const int code = (int16_t)codes[i];
    const float x = (float)code * s.a * s.b;
    row[i] = code == NOT_FINITE ? (float)NAN : x;
  }
}

/* --- half precision ---------------------------------------------------------------------------------------------- */

/* The largest that rounds to a half is below 2^16 here. Below 2^-14 halves are multiples of 2^-24: adding 0.5 has a
 * float round to these. */
static uint16_t half_of(float x) {
  const uint32_t bits = bits_of(x), sign = bits >> 16 & 0x8000, size = bits & 0x7fffffff;
  const uint32_t special = size > 0x7f800000 ? 0x7e00 : 0x7c00;
  const uint32_t small = bits_of(float_of(size) + 0.5f) - 0x3f000000;
  const uint32_t usual = (size + 0xc8000fffu + (size >> 13 & 1)) >> 13;
  const uint32_t value = size >= 0x7f800000 ? special : size < 0x38800000 ? small : usual;
  return (uint16_t)(sign | value);
}

static float float_of_half(uint16_t code) {
  const uint32_t sign = (uint32_t)(code & 0x8000) << 16, size = code & 0x7fff;
  const uint32_t usual = (size << 13) + 0x38000000, special = (size << 13) | 0x7f800000;
  const float small = (float)(int)size * 0x1p-24f;
  const uint32_t value = size >= 0x7c00 ? special : size < 0x400 ? bits_of(small) : usual;
  return float_of(sign | value);
}

static void encode_half(scale s, float limit, const float *row, size_t n, uint16_t *codes) {
  for (size_t i = 0; i < n; i++) {
    const float x = row[i] * s.a * s.b;
    codes[i] = half_of(is_finite(row[i]) ? within(x, limit) : x);
  }
}

static void decode_half(scale s, const uint16_t *codes, size_t n, float *row) {
  for (size_t i = 0; i < n; i++) row[i] = float_of_half(codes[i]) * s.a * s.b;
}

/* --- either ------------------------------------------------------------------------------------------------------ */

void sp_scaled_encode(bool half, float factor, const float *row, size_t n, uint16_t *codes) {
  const scale s = scale_of(factor, true);
  (half ? encode_half : encode_int16)(s, limit_of(half, factor), row, n, codes);
}

void sp_scaled_decode(bool half, float factor, const uint16_t *codes, size_t n, float *row) {
  (half ? decode_half : decode_int16)(scale_of(factor, false), codes, n, row);
}

/* Steps of a code: those of a half are the smallest that halves have. */
static int steps_of(bool half, uint16_t code) {
  return half ? code & 0x7fff : abs((int16_t)code);
}

sp_rounding sp_scaled_round(bool half, float *row, size_t n, uint16_t *codes) {
  const float factor = sp_scaled_factor(half, row, n);
  const scale s = scale_of(factor, false);
  float largest = 0;
  size_t n_samples = 0, n_coarse = 0;
  sp_scaled_encode(half, factor, row, n, codes);
  for (size_t i = 0; i < n; i++) {
    const float was = row[i];
    const float x = half ? float_of_half(codes[i]) : (float)(int16_t)codes[i];
    const float error = fabsf(was - x * s.a * s.b);
    largest = is_finite(was) && error > largest ? error : largest;
    n_samples += was != 0;
    n_coarse += was != 0 && steps_of(half, codes[i]) < SP_FEW_STEPS;
  }
  sp_scaled_decode(half, factor, codes, n, row);
  return (sp_rounding){largest, 2 * n_coarse > n_samples};
}
