/* SPDX-License-Identifier: BSD-3-Clause */
/* The threshold rules of `dwt`, for CPU and GPU: what is left of a coefficient c under a threshold T >= 0.
 *
 * soft sign(c) max(|c| - T, 0); hard c where |c| >= T, else 0; garrote c - T^2 / c where |c| > T, else 0 (Donoho and
 * Johnstone 1994; Gao 1998). Over an aperture T = max(spread MAD, 0.01 |m|, smallest), m the median.
 */
#ifndef SEISPROC_KERNELS_DWT_THRESHOLD_H
#define SEISPROC_KERNELS_DWT_THRESHOLD_H

#include "kernels/common/number.h"
#include "kernels/dwt/dwt.h"

SP_FORMULA num sp_dwt_shrunk(const int threshold, num c, num limit) {
  if (threshold == SP_DWT_SOFT) return num_sub(c, num_max(num_min(c, limit), -limit));
  const num size = num_abs(c);
  if (threshold == SP_DWT_HARD) return num_select(num_less(size, limit), num_set(0), c);
  return num_select(num_less(limit, size), num_sub(c, num_mul(limit, num_div(limit, c))), num_set(0));
}

SP_FORMULA num sp_dwt_robust_limit(float spread, float smallest, num median, num mad) {
  const num floor = num_max(num_mul(num_set(0.01f), num_abs(median)), num_set(smallest));
  return num_max(num_mul(num_set(spread), mad), floor);
}

#endif
