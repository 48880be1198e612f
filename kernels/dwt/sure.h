/* SPDX-License-Identifier: BSD-3-Clause */
/* The automatic threshold of `dwt`: the k of the least risk, by Stein's unbiased estimate (Donoho and Johnstone 1995).
 *
 * With z the n coefficients of a level over all traces in standard deviations of the noise, of k = 0.25, 0.375
 * ... 4.125 the largest one with R(k) <= min R + 0.25 sqrt(2 n):
 *
 *   garrote   sum over |z| > k of (k^4 + 2 k^2) / z^2  +  sum over |z| <= k of (z^2 - 2)
 *   soft      sum over |z| > k of k^2                  +  sum over |z| <= k of (z^2 - 2)
 *
 * sqrt(2 n) is the standard error of R for noise. R is flat about its minimum, where the data do not tell the ks apart,
 * and least risk then often falls on a k too small: of what is as good the largest removes most noise.
 *
 * |z| is counted in 64 bins an octave, from 2^-4 to 2^8 and all above; the k are edges of bins. A bin stands for the
 * means of z^2 and 1 / z^2 over its width. Counts do not depend on an order: the choice is the same for any threads.
 */
#ifndef SEISPROC_KERNELS_DWT_SURE_H
#define SEISPROC_KERNELS_DWT_SURE_H

#include <math.h>
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

/* The k that are tried, i from 0 on. */
enum { SP_SURE_CANDIDATES = 32 };

SP_HOST_DEVICE double sp_sure_k(int i) {
  return 0.25 + 0.125 * i;
}

/* Of which every so-manieth is tried. `by_level`: the noise of each detail is the floor of the f-k spectrum, which is
 * rather too high than too low; then every second one, and only the least risk will do. */
SP_HOST_DEVICE int sp_sure_step(bool by_level) {
  return by_level ? 2 : 1;
}

/* The risk up to which a k is as good as that of the least risk, among n coefficients. The factor is a power of two: it
 * does not matter whether product and sum are rounded once or twice. */
SP_HOST_DEVICE double sp_sure_limit(double least, uint64_t n, bool by_level) {
  return by_level ? least : least + 0.25 * sqrt(2 * (double)n);
}

/* What one coefficient in this bin adds to the risk of k. The risk is added up in groups of SP_SURE_OCTAVE bins, from
 * the first to the last, and then from group to group. */
double sp_sure_risk(int bin, int threshold, double k);

/* The k for these counts; threshold is soft or garrote. Without any count 0.25. */
double sp_sure_choose(const uint32_t counts[SP_SURE_BINS], int threshold, bool by_level);

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
