/* SPDX-License-Identifier: BSD-3-Clause */
#include "kernels/common/gain.h"

#include <math.h>

static inline float gain_of(const double *sums, uint32_t first, uint32_t end, double floor) {
  const double mean = (sums[end] - sums[first]) / (end - first);
  return (float)(1 / sqrt((mean > 0 ? mean : 0) + floor));
}

/* From sums of squares up to each sample. What cancels in their differences is far below the floor. Where the window is
 * whole the loop has nothing to decide, so that compilers make vectors of it. */
void sp_agc_gain(const float *x, uint32_t n, uint32_t half, double *sums, float *gain) {
  sums[0] = 0;
  for (uint32_t i = 0; i < n; i++) sums[i + 1] = sums[i] + (double)x[i] * x[i];
  const double floor = 1e-4 * sums[n] / n;
  if (!(sums[n] > 0)) {
    for (uint32_t i = 0; i < n; i++) gain[i] = 1;
    return;
  }
  if (half > n) half = n;
  const uint32_t left = half < n ? half : n, right = n > left + half ? n - half : left;
  for (uint32_t i = 0; i < left; i++) gain[i] = gain_of(sums, 0, i + half + 1 < n ? i + half + 1 : n, floor);
  const uint32_t width = 2 * half + 1;
  for (uint32_t i = left; i < right; i++) {
    const double mean = (sums[i - half + width] - sums[i - half]) / width;
    gain[i] = (float)(1 / sqrt((mean > 0 ? mean : 0) + floor));
  }
  for (uint32_t i = right; i < n; i++) gain[i] = gain_of(sums, i - half, n, floor);
}
