/* SPDX-License-Identifier: BSD-3-Clause */
/* The processor `bandpass`: a zero-phase filter with a trapezoid in frequency.
 *
 * The response is 0 below low[0], rises to 1 at low[1], falls from high[0] to 0 at high[1], each by half a cosine:
 * (1 - cos(pi x)) / 2 for x from 0 to 1. Without `low` there is no lower flank (a high cut), without `high` no upper
 * one (a low cut). How traces are extended at their ends: kernels/common/spectral_filter.h, over 1 / (width of the
 * narrower flank).
 */
#ifndef SEISPROC_KERNELS_BANDPASS_BANDPASS_H
#define SEISPROC_KERNELS_BANDPASS_BANDPASS_H

#include "seisproc/processor.h"

typedef struct sp_bandpass_params {
  sp_numbers low, high; /* Hz; none or two */
} sp_bandpass_params;

extern const sp_cpu_ops sp_bandpass_cpu;

#endif
