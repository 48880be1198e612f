/* SPDX-License-Identifier: BSD-3-Clause */
/* The automatic threshold of `dwt`: the k of the least risk, by Stein's unbiased estimate (Donoho and Johnstone 1995).
 *
 * With z the coefficients of a level over all traces in standard deviations of the noise, of k = 0.25, 0.5 ... 4 the
 * one of the least R(k), the smaller one of equals:
 *
 *   garrote   sum over |z| > k of (k^4 + 2 k^2) / z^2  +  sum over |z| <= k of (z^2 - 2)
 *   soft      sum over |z| > k of k^2                  +  sum over |z| <= k of (z^2 - 2)
 *
 * |z| is counted in 64 bins an octave, from 2^-4 to 2^8 and all above; the k are edges of bins. A bin stands for the
 * means of z^2 and 1 / z^2 over its width. Counts do not depend on an order: the choice is the same for any threads.
 */
#ifndef SEISPROC_KERNELS_DWT_SURE_H
#define SEISPROC_KERNELS_DWT_SURE_H

#include <stdint.h>
#include <string.h>

#include "kernels/common/host_device.h"
#include "kernels/dwt/dwt.h"

enum { SP_SURE_SHIFT = 17, SP_SURE_OCTAVE = 64, SP_SURE_OCTAVES = 12, SP_SURE_LOWEST = -4 };
enum { SP_SURE_BINS = SP_SURE_OCTAVE * SP_SURE_OCTAVES + 2 }; /* all below, and all above */

/* The bin of |z|: 64 an octave are the first 6 bits of the mantissa. */
SP_HOST_DEVICE uint32_t sp_sure_bin(float z) {
  const int32_t lowest = (127 + SP_SURE_LOWEST) * SP_SURE_OCTAVE;
  int32_t bits;
  memcpy(&bits, &z, sizeof bits);
  const int32_t bin = ((bits & 0x7fffffff) >> SP_SURE_SHIFT) - lowest + 1;
  return bin < 0 ? 0 : bin < SP_SURE_BINS ? (uint32_t)bin : SP_SURE_BINS - 1;
}

/* The k that are tried: SP_SURE_STEP times 1 ... SP_SURE_CANDIDATES. */
enum { SP_SURE_CANDIDATES = 16 };
#define SP_SURE_STEP 0.25

/* What one coefficient in this bin adds to the risk of k. The risk is added up in groups of SP_SURE_OCTAVE bins, from
 * the first to the last, and then from group to group. */
double sp_sure_risk(int bin, int threshold, double k);

/* The k for these counts; threshold is soft or garrote. Without any count 0.25. */
double sp_sure_choose(const uint32_t counts[SP_SURE_BINS], int threshold);

/* Coefficients that are counted: of a gather of more traces every 1 + (n - 1) / 512-th; and where these have more than
 * 2^16 coefficients in a level, of level l of swt, which has them 2^l times, every 2^(l-1)-th,
 * from the first that the filters give. */
enum { SP_SURE_MOST_TRACES = 512, SP_SURE_ENOUGH = 1 << 16 };

SP_HOST_DEVICE uint32_t sp_sure_trace_step(uint32_t n_traces) {
  return n_traces ? 1 + (n_traces - 1) / SP_SURE_MOST_TRACES : 1;
}

SP_HOST_DEVICE uint32_t sp_sure_place_step(int transform, int level, uint64_t n_coefficients) {
  if (transform != SP_DWT_SWT || n_coefficients <= SP_SURE_ENOUGH) return 1;
  return 1u << (level - 1 < 16 ? level - 1 : 16);
}

#endif
