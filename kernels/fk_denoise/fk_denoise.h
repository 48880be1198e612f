/* SPDX-License-Identifier: BSD-3-Clause */
/* The processor `fk_denoise`: local f-k (2-D) or f-k-k (3-D) thresholding with an automatic noise level. What its
 * backends share.
 *
 * x[t, i, j] is a box of samples by traces; of a 2-D gather i has one value. Windows of w = (wt, wi, wj) points begin
 * every w / q points, q = overlap, on an axis that is continued beyond its ends by half-sample reflection, so that each
 * sample lies in exactly q windows of each axis. An axis of fewer than q points has windows of one.
 *
 *   F = FFT(g x), g the separable taper sin(pi (m + 1/2) / w)
 *   N[slab, f] = 0.3-quantile of |F|^2 over the wavenumbers of the live windows of a slab, divided by -ln 0.7; a slab
 * is all windows that begin at one time, a window is live when more than half of its samples are not zero T[slab, f] =
 * N, its median over seven slabs (those without a live window left out), its geometric mean over five frequencies F is
 * kept where |F|^2 > high^2 T, and where |F|^2 > low^2 T beside such a coefficient: next to it in f, ki or kj;
 * wavenumbers wrap, frequencies do not. Else it becomes 0. y = sum over windows of g FFT^-1(F) / sum of g^2 out = x -
 * rho r, r = x - y, rho = sum(x r) / sum(r r) within 0 ... 1, sums over 25 samples x 5 traces (x 5)
 *
 * For noise |F|^2 is distributed exponentially about its mean, the noise's power, and events occupy few wavenumbers:
 * hence the low quantile. The spectrum of coloured noise falls by factors from one frequency to the next, which a
 * geometric mean follows and an arithmetic one does not. A coefficient has 8 neighbours in 2-D and 26 in 3-D, and so
 * `low` is higher there: as many of noise alone are kept. A plane wave is a few coefficients of a window, so strong
 * ones lose nothing. rho falls below 1 where r is not noise but ringing ahead of a strong onset. Gulunay (2017) and
 * others filter in local windows with a threshold given by hand; the noise level, the hysteresis (after Canny 1986) and
 * the guard are this program's.
 *
 * A trace that is all zero, or has a sample that is no finite number, is dead: its output is 0. Dead traces are 0 in
 * the first pass and what that made of them in a second one. Bad samples likewise (bad.h).
 *
 * Every backend does the same operations in the same order, without fused ones: results are the same bits.
 */
#ifndef SEISPROC_KERNELS_FK_DENOISE_FK_DENOISE_H
#define SEISPROC_KERNELS_FK_DENOISE_FK_DENOISE_H

#include <math.h>
#include <stdbool.h>

#include "kernels/common/host_device.h"
#include "seisproc/processor.h"

enum {
  SP_FKD_LEAST_TRACES = 4,   /* live ones that a segment needs */
  SP_FKD_LEAST_SAMPLES = 12, /* that a trace needs */
  SP_FKD_LEAST_WINDOW = 12,
  SP_FKD_MAX_WINDOW = 256,
  SP_FKD_MAX_ACROSS = 64,
  SP_FKD_MAX_POINTS = 1 << 18, /* of a window */
  SP_FKD_MAX_EMPTY = 2,        /* a grid has at most this many nodes a trace */
  SP_FKD_MAX_GAP = 3,          /* median spacings */
  SP_FKD_SLABS = 3,            /* on either side that the noise level is smoothed over */
  SP_FKD_FREQUENCIES = 2,      /* the same */
  SP_FKD_GUARD_SAMPLES = 25,
  SP_FKD_GUARD_TRACES = 5
};

#define SP_FKD_QUANTILE         0.3
#define SP_FKD_QUANTILE_OF_UNIT 0.35667494393873237892 /* -ln 0.7: the quantile of exponential noise of mean 1 */
/* Of `high`, where `low` is auto: in 2-D, and in 3-D sqrt(2.2^2 + ln(26 / 8)). */
#define SP_FKD_LOW    (2.2 / 3.1)
#define SP_FKD_LOW_3D (2.45 / 3.1)

typedef struct sp_fkd_params {
  double window; /* ms */
  int traces;
  double high, low; /* low NAN: auto */
  int overlap;
  int robust;        /* passes; SP_PARAM_AUTO: as many as the bad samples that were found need */
  double fmin, fmax; /* Hz; fmax NAN: no limit */
  sp_words line;     /* none or one header */
  sp_words grid;     /* none or two headers */
} sp_fkd_params;

/* How windows lie on an axis of n points: window k begins at point k step - before. */
typedef struct sp_fkd_axis {
  uint32_t n, window, step, before, count;
} sp_fkd_axis;

/* Time: the last windows are filled up after the end. Traces: both ends alike, so that the reversed gather has the
 * reversed windows; an odd number of traces has an odd step for that. Windows have lengths of the form 2^a 3^b 5^c. */
sp_fkd_axis sp_fkd_time_axis(const sp_fkd_params *params, double sample_interval_s, uint32_t n_samples);
sp_fkd_axis sp_fkd_trace_axis(const sp_fkd_params *params, uint32_t n_traces);

/* What the noise level is multiplied by for the lower threshold: low^2, for windows of so many traces each way. */
SP_HOST_DEVICE double sp_fkd_low2(const sp_fkd_params *params, uint32_t n_i, uint32_t n_j) {
  const double share = n_i > 2 && n_j > 2 ? SP_FKD_LOW_3D : SP_FKD_LOW;
  const double low = params->low == params->low ? params->low : share * params->high;
  return low * low;
}

/* First and last frequency of a window that may be kept. */
typedef struct sp_fkd_band {
  uint32_t first, last;
} sp_fkd_band;

sp_fkd_band sp_fkd_select(const sp_fkd_params *params, double sample_interval_s, uint32_t window);

/* The point of an axis of n that half-sample reflection puts at position i. */
static inline uint32_t sp_fkd_reflect(int64_t i, uint32_t n) {
  const int64_t period = 2 * (int64_t)n;
  i %= period;
  if (i < 0) i += period;
  return (uint32_t)(i < n ? i : period - 1 - i);
}

/* What a window that comes back is multiplied by, beside its taper: spectra are twice what they should be, transforms
 * are not normalised, and the squares of a taper add up to half the overlap. */
SP_HOST_DEVICE double sp_fkd_norm(const sp_fkd_axis *t, const sp_fkd_axis *i, const sp_fkd_axis *j) {
  const double points = (double)t->window * i->window * j->window;
  const double of_i = i->window > 1 ? 2.0 * i->step / i->window : 1,
               of_j = j->window > 1 ? 2.0 * j->step / j->window : 1;
  return 0.5 / points * (2.0 * t->step / t->window * of_i * of_j);
}

/* The median of noise[n_slabs][n_f] over the slabs around one, those without a live window (NAN) left out; 0 where none
 * has one. */
SP_HOST_DEVICE double sp_fkd_median_of_slabs(const double *noise, uint32_t n_slabs, uint32_t n_f, uint32_t slab,
                                             uint32_t f) {
  double values[2 * SP_FKD_SLABS + 1];
  uint32_t n = 0;
  for (uint32_t s = slab < SP_FKD_SLABS ? 0 : slab - SP_FKD_SLABS; s <= slab + SP_FKD_SLABS && s < n_slabs; s++) {
    const double value = noise[(size_t)s * n_f + f];
    if (value != value) continue;
    uint32_t place = n++;
    for (; place > 0 && values[place - 1] > value; place--) values[place] = values[place - 1];
    values[place] = value;
  }
  if (n == 0) return 0;
  return n % 2 ? values[n / 2] : 0.5 * (values[n / 2 - 1] + values[n / 2]);
}

/* What a pass left beyond this is an outlier: four standard deviations, by the median of the residuals' magnitudes. */
SP_HOST_DEVICE double sp_fkd_outlier(double median) {
  return 4 * 1.4826 * median;
}

/* The n-th root of x, by Newton's method from above: the same bits wherever it is computed, which pow() has not. */
SP_HOST_DEVICE double sp_fkd_root(double x, int n) {
  int exponent;
  if (!(x > 0)) return 0;
  frexp(x, &exponent);
  double root = ldexp(1.0, exponent > 0 ? (exponent + n - 1) / n : exponent / n); /* less than twice the root */
  for (int i = 0; i < 9; i++) {
    double power = 1;
    for (int k = 1; k < n; k++) power *= root;
    root = ((n - 1) * root + x / power) / n;
  }
  return root;
}

/* The noise level of a frequency: the geometric mean of these medians over those around it, as many on either side; of
 * the first and the last frequency, which have none on one, of two times their own and the next. */
SP_HOST_DEVICE double sp_fkd_level(const double *medians, uint32_t n_f, uint32_t f) {
  const uint32_t below = f < SP_FKD_FREQUENCIES ? f : SP_FKD_FREQUENCIES, above = n_f - 1 - f;
  const uint32_t reach = below < above ? below : above;
  if (reach == 0) return sp_fkd_root(medians[f] * medians[f] * medians[f ? f - 1 : 1], 3);
  double product = 1;
  for (uint32_t g = f - reach; g <= f + reach; g++) product *= medians[g];
  return sp_fkd_root(product, (int)(2 * reach + 1));
}

extern const sp_cpu_ops sp_fk_denoise_cpu;
extern const sp_processor sp_processor_fk_denoise;

#endif
