/* SPDX-License-Identifier: BSD-3-Clause */
/* One source for every instruction set: ROW_OPS names the table. */
#ifndef SEISPROC_SYNTH_ROWS_BODY_H
#define SEISPROC_SYNTH_ROWS_BODY_H

#include "src/synth/philox.h"
#include "src/synth/rows.h"
#include "src/synth/wave_math.h"

enum { LANES = 16, CHUNK = 4 * LANES };

/* 64 independent normal numbers, by the transform of Box and Muller (1958) of 64 random words. */
static inline void normal_chunk(uint64_t key, uint32_t chunk, uint64_t trace, float out[CHUNK]) {
  for (int lane = 0; lane < LANES; lane++) {
    uint32_t x[4] = {chunk * LANES + (uint32_t)lane, SP_STREAM_NOISE, (uint32_t)trace, (uint32_t)(trace >> 32)};
    philox(x, key);
    /* radius from (0, 1], at most 6.5 standard deviations; angle from [-1/2, 1/2) turns */
    const float u = (float)(int32_t)(x[0] >> 1 | 1) * 0x1p-31f, v = (float)(int32_t)(x[2] >> 1 | 1) * 0x1p-31f;
    const float r = sqrtf(-2 * log_positive(u)), q = sqrtf(-2 * log_positive(v));
    float sine, cosine;
    sin_cos_turns((float)(int32_t)x[1] * 0x1p-32f, &sine, &cosine);
    out[lane] = r * cosine;
    out[lane + LANES] = r * sine;
    sin_cos_turns((float)(int32_t)x[3] * 0x1p-32f, &sine, &cosine);
    out[lane + 2 * LANES] = q * cosine;
    out[lane + 3 * LANES] = q * sine;
  }
}

static void add_noise(uint64_t key, uint64_t trace, float deviation, float *row, uint32_t n) {
  float normal[CHUNK];
  uint32_t chunk = 0;
  for (; n >= CHUNK; n -= CHUNK, row += CHUNK) {
    normal_chunk(key, chunk++, trace, normal);
    for (int i = 0; i < CHUNK; i++) row[i] += deviation * normal[i];
  }
  if (n == 0) return;
  normal_chunk(key, chunk, trace, normal);
  for (uint32_t i = 0; i < n; i++) row[i] += deviation * normal[i];
}

static void add_train(const sp_wave_train *train, float u_0, float interval_s, float *row, uint32_t n) {
  const float amplitude = 0.5f * train->amplitude, per_duration = 1 / train->duration;
  const float frequency = train->frequency, rate = train->rate;
  for (uint32_t i = 0; i < n; i++) {
    const float u = u_0 + (float)(int32_t)i * interval_s;
    row[i] += amplitude * (1 - cos_turns(u * per_duration)) * cos_turns(u * (frequency + u * rate));
  }
}

static void add_wavelet(float amplitude, const float *wavelet, float *row, uint32_t n) {
  for (uint32_t i = 0; i < n; i++) row[i] += amplitude * wavelet[i];
}

const sp_synth_ops ROW_OPS = {add_noise, add_train, add_wavelet};

#endif
