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

double sp_sure_choose(const uint32_t counts[SP_SURE_BINS], int threshold) {
  double best = SP_SURE_STEP, least = INFINITY;
  for (int i = 1; i <= SP_SURE_CANDIDATES; i++) {
    const double found = risk(counts, threshold, SP_SURE_STEP * i);
    if (found < least) {
      best = SP_SURE_STEP * i;
      least = found;
    }
  }
  return best;
}
