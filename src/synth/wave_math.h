/* SPDX-License-Identifier: BSD-3-Clause */
/* Elementary functions in single precision without branches and without library calls, so that loops over them become
 * vector code, and with the same bits on every machine (no fused multiply-add: the build forbids contraction). */
#ifndef SEISPROC_SYNTH_WAVE_MATH_H
#define SEISPROC_SYNTH_WAVE_MATH_H

#include <math.h>
#include <stdint.h>
#include <string.h>

/* sin and cos of 2 pi v for |v| <= 1/2, v in turns; errors under 1e-6. The half angle's series are doubled. */
static inline void sin_cos_turns(float v, float *sine, float *cosine) {
  const float x = v * v;
  const float s =
      v * (3.14159265f +
           x * (-5.16771278f + x * (2.55016404f + x * (-0.599264529f + x * 0.0821458866f + x * x * -0.00737043095f))));
  const float c =
      1.0f +
      x * (-4.93480220f +
           x * (4.05871213f + x * (-1.33526277f + x * (0.235330630f + x * -0.0258068913f + x * x * 0.00192957430f))));
  *sine = 2 * s * c;
  *cosine = 1.0f - 2 * s * s;
}

/* cos of 2 pi v for |v| < 2^22. */
static inline float cos_turns(float v) {
  const float nearest = (v + 12582912.0f) - 12582912.0f; /* 1.5 * 2^23: the sum has no bits after the point */
  float sine, cosine;
  sin_cos_turns(v - nearest, &sine, &cosine);
  return cosine;
}

/* Natural logarithm of a positive normal number. */
static inline float log_positive(float v) {
  int32_t bits;
  memcpy(&bits, &v, sizeof bits);
  const int32_t exponent = (bits - 0x3f3504f3) >> 23; /* mantissa from sqrt(1/2) to sqrt(2) */
  const int32_t mantissa = bits - (int32_t)((uint32_t)exponent << 23);
  float m;
  memcpy(&m, &mantissa, sizeof m);
  const float s = (m - 1) / (m + 1), x = s * s;
  const float series = 2 * s * (1 + x * (0.333333333f + x * (0.2f + x * (0.142857143f + x * 0.111111111f))));
  return series + (float)exponent * 0.693147181f;
}

#endif
