/* SPDX-License-Identifier: BSD-3-Clause */
#include "kernels/dwt/response.h"

#include <math.h>
#include <string.h>

enum { POINTS = 3072 }; /* of the half circle; a multiple of 12 */

/* |sum of h[i] exp(-i phase i)|^2 */
static double gain_of(const double *h, int taps, double phase) {
  double re = 0, im = 0;
  for (int i = 0; i < taps; i++) {
    re += h[i] * cos(phase * i);
    im += h[i] * sin(phase * i);
  }
  return re * re + im * im;
}

void sp_dwt_responses(int wavelet, int n_levels, double (*weights)[SP_FLOOR_BINS]) {
  sp_wavelet w;
  sp_wavelet_get(wavelet, &w);
  memset(weights, 0, (size_t)n_levels * sizeof *weights);
  for (int i = 0; i < POINTS; i++) { /* middles of equal parts of the half circle */
    const double place = (i + 0.5) / POINTS, at = place * (SP_FLOOR_BINS - 1);
    const int j = (int)at;
    double passed = 1; /* by the low-pass filters of the levels before */
    for (int l = 0; l < n_levels; l++) {
      const double phase = ldexp(M_PI * place, l), response = passed * (gain_of(w.dec_hi, w.taps, phase) / POINTS);
      weights[l][j] += response * (j + 1 - at);
      weights[l][j + 1] += response * (at - j);
      if (l + 1 < n_levels) passed *= gain_of(w.dec_lo, w.taps, phase);
    }
  }
}
