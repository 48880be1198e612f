#include "kernels/dwt/sure.h"

#include <math.h>

enum { MOST_TRACES = 512, ENOUGH_COEFFICIENTS = 1 << 16, CANDIDATES = 16 };

/* Lower edge of bin 1 ... SP_SURE_BINS - 1. */
static double edge(int bin) {
  const int step = bin - 1;
  return ldexp(1 + (double)(step % SP_SURE_OCTAVE) / SP_SURE_OCTAVE, SP_SURE_LOWEST + step / SP_SURE_OCTAVE);
}

static double risk(const uint32_t counts[SP_SURE_BINS], int threshold, double k) {
  double sum = 0;
  for (int bin = 0; bin < SP_SURE_BINS; bin++) {
    const double a = bin ? edge(bin) : 0, b = bin + 1 < SP_SURE_BINS ? edge(bin + 1) : INFINITY;
    if (a < k) {
      sum += counts[bin] * ((a * a + a * b + b * b) / 3 - 2);
    } else if (threshold == SP_DWT_SOFT) {
      sum += counts[bin] * k * k;
    } else {
      sum += counts[bin] * (k * k * (k * k + 2) / (a * b));
    }
  }
  return sum;
}

double sp_sure_choose(const uint32_t counts[SP_SURE_BINS], int threshold) {
  double best = 0.25, least = INFINITY;
  for (int i = 1; i <= CANDIDATES; i++) {
    const double found = risk(counts, threshold, 0.25 * i);
    if (found < least) {
      best = 0.25 * i;
      least = found;
    }
  }
  return best;
}

uint32_t sp_sure_most_traces(void) {
  return MOST_TRACES;
}

uint32_t sp_sure_trace_step(uint32_t n_traces) {
  return n_traces ? 1 + (n_traces - 1) / MOST_TRACES : 1;
}

uint32_t sp_sure_place_step(const sp_dwt_params *params, int level, uint64_t n_coefficients) {
  if (params->transform != SP_DWT_SWT || n_coefficients <= ENOUGH_COEFFICIENTS) return 1;
  return 1u << (level - 1 < 16 ? level - 1 : 16);
}
