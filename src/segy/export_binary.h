/* SPDX-License-Identifier: BSD-3-Clause */
/* Private to src/segy. */
#ifndef SEISPROC_SRC_SEGY_EXPORT_BINARY_H
#define SEISPROC_SRC_SEGY_EXPORT_BINARY_H

#include <math.h>
#include <stdbool.h>

/* Whether a field of whole numbers up to `most` can say v. */
static inline bool sp_export_is_whole(double v, double most) {
  return v == rint(v) && v >= 0 && v <= most;
}

#endif
