/* SPDX-License-Identifier: BSD-3-Clause */
/* The processor `notch`: removes one frequency, such as that of a power line, and its harmonics.
 *
 * At a distance d from a frequency m f, m = 1 ... 1 + harmonics, the response is 0 up to d = width / 2 and rises by
 * half a cosine over `taper`: (1 - cos(pi (d - width / 2) / taper)) / 2. Zero-phase. How traces are extended at their
 * ends: kernels/common/spectral_filter.h, over 1 / taper.
 */
#ifndef SEISPROC_KERNELS_NOTCH_NOTCH_H
#define SEISPROC_KERNELS_NOTCH_NOTCH_H

#include "seisproc/processor.h"

typedef struct sp_notch_params {
  double f, width, taper; /* Hz */
  int harmonics;
} sp_notch_params;

extern const sp_cpu_ops sp_notch_cpu;

#endif
