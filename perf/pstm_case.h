/* SPDX-License-Identifier: BSD-3-Clause */
/* The migration that the benches time, on a CPU and on a GPU, and a plain loop in double precision to compare with.
 *
 * A contribution is one input trace times one image sample inside the aperture: every sample of a column that is no
 * farther than that from the trace's midpoint, whether or not the limit on dip then drops it. True amplitudes in 3-D,
 * anti-alias, aperture 2000 m and dip 60 degrees with tapers, velocity that grows with time, random midpoints and
 * azimuths, 1600 samples at 2 ms made 4 x finer, 1500 image samples.
 */
#ifndef SEISPROC_PERF_PSTM_CASE_H
#define SEISPROC_PERF_PSTM_CASE_H

#include <math.h>
#include <stdlib.h>

enum { CASE_SAMPLES = 1600, CASE_TAU = 1500 };
static const double CASE_INTERVAL = 0.002, CASE_APERTURE = 2000;

typedef struct pstm_case {
  sp_pstm_config config;
  sp_pstm_tile tile;
  float velocity[CASE_TAU];
  sp_pstm_trace traces[SP_PSTM_BATCH];
  float *samples; /* [SP_PSTM_BATCH][CASE_SAMPLES] */
} pstm_case;

static inline double case_random(uint64_t *state) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return (double)(*state >> 11) * 0x1p-53;
}

/* Within the aperture of a trace? */
static inline int case_reaches(const pstm_case *b, const sp_pstm_trace *t, double x, double y) {
  return hypot(x - 0.5 * (t->source[0] + t->receiver[0]), y - 0.5 * (t->source[1] + t->receiver[1])) <= CASE_APERTURE;
}

static inline uint64_t case_contributions(const pstm_case *b) {
  uint64_t n = 0;
  for (int i = 0; i < SP_PSTM_BATCH; i++) {
    for (uint32_t c = 0; c < b->tile.n[0] * b->tile.n[1]; c++) {
      n += case_reaches(b, &b->traces[i], 25.0 * (c % b->tile.n[0]), 25.0 * (c / b->tile.n[0])) ? CASE_TAU : 0;
    }
  }
  return n;
}

/* `samples` is allocated with malloc. The midpoints spread a little beyond an image of nx x ny columns. */
static inline void case_set_up(pstm_case *b, uint32_t nx, uint32_t ny) {
  uint64_t state = 7;
  sp_pstm_config *c = &b->config;
  *b = (pstm_case){0};
  c->grid.azimuth = 90;
  c->grid.step[0] = c->grid.step[1] = c->spacing[0] = c->spacing[1] = 25;
  c->grid.n[0] = b->tile.n[0] = nx;
  c->grid.n[1] = b->tile.n[1] = ny;
  c->grid.tau_0 = c->grid.d_tau = c->interval_s = CASE_INTERVAL;
  c->grid.n_tau = CASE_TAU;
  c->n_samples = CASE_SAMPLES;
  c->oversample = 4;
  c->derivative = c->antialias = true;
  c->weights = SP_PSTM_TRUE;
  c->aperture = CASE_APERTURE;
  c->aperture_taper = 0.2;
  c->max_dip = 60;
  c->dip_taper = 10;
  for (int i = 0; i < CASE_TAU; i++) b->velocity[i] = (float)(1800 + 0.7 * i);
  for (int i = 0; i < SP_PSTM_BATCH; i++) {
    const double angle = 2 * M_PI * case_random(&state), half = 1000 * case_random(&state);
    const double x = (25.0 * nx + 600) * case_random(&state) - 300;
    const double y = 12.5 * ny + (25.0 * ny + 2000) * (case_random(&state) - 0.5);
    sp_pstm_trace *t = &b->traces[i];
    t->source[0] = x - half * cos(angle);
    t->source[1] = y - half * sin(angle);
    t->receiver[0] = x + half * cos(angle);
    t->receiver[1] = y + half * sin(angle);
    t->area = 625;
  }
  b->samples = (float *)malloc(sizeof(float) * SP_PSTM_BATCH * CASE_SAMPLES);
  for (int i = 0; i < SP_PSTM_BATCH * CASE_SAMPLES; i++) {
    b->samples[i] = (float)(case_random(&state) - 0.5) + (i % CASE_SAMPLES ? 0.8f * b->samples[i - 1] : 0);
  }
}

/* --- the plain loop ----------------------------------------------------------------------------------------------- */

static inline double case_taper(double x) {
  return 0.5 + 0.5 * cos(M_PI * fmin(fmax(x, 0), 1));
}

static inline double case_read(const float *bank, size_t row, double index, double k) {
  static const double half[SP_PSTM_LEVELS] = SP_PSTM_HALF_LENGTHS;
  int l = 0;
  while (l < SP_PSTM_LEVELS - 2 && k >= half[l + 1]) l++;
  const double f = (k - half[l]) / (half[l + 1] - half[l]), g = index - floor(index);
  const float *x = bank + (size_t)l * row + 2 * (size_t)index;
  return (1 - g) * ((1 - f) * (double)x[0] + f * (double)x[1]) + g * ((1 - f) * (double)x[2] + f * (double)x[3]);
}

/* Adds one trace to the column at (x, y): the formulas of kernels/pstm/formula.h with no common terms. */
static inline void case_plain(const pstm_case *b, const sp_pstm_trace *trace, double x, double y, const float *bank,
                              size_t row, double *sum) {
  const double sx = x - trace->source[0], sy = y - trace->source[1];
  const double rx = x - trace->receiver[0], ry = y - trace->receiver[1];
  const double distance = hypot(0.5 * (sx + rx), 0.5 * (sy + ry));
  if (distance > CASE_APERTURE) return;
  for (int i = 0; i < CASE_TAU; i++) {
    const double tau = (i + 1) * CASE_INTERVAL, v = (double)b->velocity[i];
    const double ts = sqrt(tau * tau / 4 + (sx * sx + sy * sy) / (v * v));
    const double tr = sqrt(tau * tau / 4 + (rx * rx + ry * ry) / (v * v));
    const double px = (sx / ts + rx / tr) / (v * v), py = (sy / ts + ry / tr) / (v * v);
    const double dip = atan2(v * hypot(px, py), tau / 2 * (1 / ts + 1 / tr)) * 180 / M_PI;
    const double index = (ts + tr) / CASE_INTERVAL * 4;
    if (dip >= 60 || index >= 4 * (CASE_SAMPLES - 1)) continue;
    const double k = fmin(fmax(fabs(px), fabs(py)) * 25 / CASE_INTERVAL, 64);
    const double w = tau / v * (ts + tr) * (1 / (ts * ts) + 1 / (tr * tr)) * case_taper((dip - 50) / 10);
    sum[i] += trace->area * w * case_taper((distance - 0.8 * CASE_APERTURE) / (0.2 * CASE_APERTURE)) *
              case_read(bank, row, index, k);
  }
}

#endif
