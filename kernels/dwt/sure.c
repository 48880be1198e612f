/* SPDX-License-Identifier: BSD-3-Clause */
#include "kernels/dwt/sure.h"

#include <math.h>

/* Lower edge of bin 1 ... SP_SURE_BINS - 1. */
static double edge(int bin) {
  const int step = bin - 1;
  return ldexp(1 + (double)(step % SP_SURE_OCTAVE) / SP_SURE_OCTAVE, SP_SURE_LOWEST + step / SP_SURE_OCTAVE);
}

/* The k are edges of bins. */
double sp_sure_risk(int bin, int threshold, double k) {
  const double a = bin ? edge(bin) : 0, b = bin + 1 < SP_SURE_BINS ? edge(bin + 1) : INFINITY;
  if (a < k) return (a * a + a * b + b * b) / 3 - 2;
  return threshold == SP_DWT_SOFT ? k * k : k * k * (k * k + 2) / (a * b);
}

static double risk(const uint32_t counts[SP_SURE_BINS], int threshold, double k) {
  double sum = 0;
  for (int first = 0; first < SP_SURE_BINS; first += SP_SURE_OCTAVE) {
    double group = 0;
    for (int bin = first; bin < first + SP_SURE_OCTAVE && bin < SP_SURE_BINS; bin++) {
      group += counts[bin] * sp_sure_risk(bin, threshold, k);
    }
    sum += group;
  }
  return sum;
}

double sp_sure_choose(const uint32_t counts[SP_SURE_BINS], int threshold, bool by_level) {
  double risks[SP_SURE_CANDIDATES], least = INFINITY;
  uint64_t n = 0;
  for (int bin = 0; bin < SP_SURE_BINS; bin++) n += counts[bin];
  if (n == 0) return sp_sure_k(0);
  const int step = sp_sure_step(by_level);
  for (int i = 0; i < SP_SURE_CANDIDATES; i += step) {
    risks[i] = risk(counts, threshold, sp_sure_k(i));
    if (risks[i] < least) least = risks[i];
  }
  int best = SP_SURE_CANDIDATES - step;
  while (risks[best] > sp_sure_limit(least, n, by_level)) best -= step;
  return sp_sure_k(best);
}
