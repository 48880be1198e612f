/* SPDX-License-Identifier: BSD-3-Clause */
/* Automatic gain: the factor of each sample that brings a trace to a level of one in a sliding window. */
#ifndef SEISPROC_KERNELS_COMMON_GAIN_H
#define SEISPROC_KERNELS_COMMON_GAIN_H

#include <stdint.h>

/* gain[i] = 1 / sqrt(mean square of x[i - half] ... x[i + half], clipped at the ends, + (0.01 rms)^2), rms that of the
 * whole trace; 1 for a trace that is all zero. `sums` holds n + 1 numbers of work. */
void sp_agc_gain(const float *x, uint32_t n, uint32_t half, double *sums, float *gain);

#endif
