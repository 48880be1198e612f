#include "kernels/common/gain.h"

#include <math.h>

/* From sums of squares up to each sample. What cancels in their differences is far below the floor. */
void sp_agc_gain(const float *x, uint32_t n, uint32_t half, double *sums, float *gain) {
  sums[0] = 0;
  for (uint32_t i = 0; i < n; i++) sums[i + 1] = sums[i] + (double)x[i] * x[i];
  const double floor = 1e-4 * sums[n] / n;
  for (uint32_t i = 0; i < n; i++) {
    const uint32_t first = i > half ? i - half : 0, end = n - i > half + 1 ? i + half + 1 : n;
    const double mean = (sums[end] - sums[first]) / (end - first);
    gain[i] = sums[n] > 0 ? (float)(1 / sqrt((mean > 0 ? mean : 0) + floor)) : 1;
  }
}
