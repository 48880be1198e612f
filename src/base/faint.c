/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/base/faint.h"

#include <math.h>

enum { LANES = 8, OFFSET = 320 }; /* squares of float32 lie between 2^-298 and 2^256 */

static const double faint_energy = 1e-10; /* of the mean energy */

/* Sums by lane, so that compilers may compute them side by side. */
double sp_row_energy(const float *row, size_t n) {
  double sum[LANES] = {0}, all = 0;
  size_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    for (int k = 0; k < LANES; k++) sum[k] += (double)row[i + k] * row[i + k];
  }
  for (; i < n; i++) all += (double)row[i] * row[i];
  for (int k = 0; k < LANES; k++) all += sum[k];
  return all;
}

void sp_faint_add(sp_faint_count *count, double energy) {
  int exponent;
  if (!(energy > 0 && energy < INFINITY)) return;
  frexp(energy, &exponent); /* below 2^exponent, and at least half of that */
  const int bin = exponent + OFFSET;
  __atomic_fetch_add(&count->n[bin < 0 ? 0 : bin < SP_FAINT_BINS ? bin : SP_FAINT_BINS - 1], 1, __ATOMIC_RELAXED);
}

uint32_t sp_faint_traces(const sp_faint_count *count) {
  double sum = 0, n = 0;
  uint32_t faint = 0;
  for (int b = 0; b < SP_FAINT_BINS; b++) {
    if (count->n[b] == 0) continue;
    sum += count->n[b] * ldexp(1 / sqrt(2), b - OFFSET); /* as though all were at the middle of their bin */
    n += count->n[b];
  }
  for (int b = 0; b < SP_FAINT_BINS && ldexp(1, b - OFFSET) * n <= faint_energy * sum; b++) faint += count->n[b];
  return faint;
}
