/* SPDX-License-Identifier: BSD-3-Clause */
/* What noise of a spectrum is in the details of a wavelet transform. */
#ifndef SEISPROC_KERNELS_DWT_RESPONSE_H
#define SEISPROC_KERNELS_DWT_RESPONSE_H

#include <math.h>

#include "kernels/common/host_device.h"
#include "kernels/common/noise_floor.h"
#include "kernels/dwt/dwt.h"

/* Noise of power p[j] at frequencies j / 24 of the sampling rate, linear in between, has in detail `level` the variance
 * sum over j of weights[level - 1][j] p[j]: the mean over frequencies of p |H|^2, H the response of the filters of that
 * detail. */
void sp_dwt_responses(int wavelet, int n_levels, double (*weights)[SP_FLOOR_BINS]);

/* sqrt of that sum. */
SP_HOST_DEVICE double sp_dwt_sigma_of(const double weights[SP_FLOOR_BINS], const double power[SP_FLOOR_BINS]) {
  double sum = 0;
  for (int j = 0; j < SP_FLOOR_BINS; j++) sum += weights[j] * power[j];
  return sqrt(sum);
}

/* How much of the noise that the traces of a gather show by themselves is noise: 1 where the floor of the f-k spectrum
 * says as much for their finest detail, else less, for then that detail is signal. `typical` is the median over traces
 * of what they show. The floor misses noise by some percent, which changes nothing. */
SP_HOST_DEVICE double sp_dwt_noise_ratio(double floor_sigma, double typical) {
  const double slack = 1.1;
  return typical > 0 && slack * floor_sigma < typical ? slack * floor_sigma / typical : 1;
}

#endif
