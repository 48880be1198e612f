/* SPDX-License-Identifier: BSD-3-Clause */
/* The processor `balance`: scales each trace as a whole to a level.
 *
 * The level of a trace is its root mean square, its largest magnitude, or its median magnitude (of an even number the
 * mean of the middle two). Each trace is multiplied by target / level, the target a number or, `auto`, the median of
 * the levels of the gather's traces, those of level zero left out, which stay as they are. `undo: balance` later in the
 * chain divides by the same factors.
 */
#ifndef SEISPROC_KERNELS_BALANCE_BALANCE_H
#define SEISPROC_KERNELS_BALANCE_BALANCE_H

#include "seisproc/processor.h"

typedef enum sp_balance_measure { SP_BALANCE_RMS, SP_BALANCE_PEAK, SP_BALANCE_MEDIAN } sp_balance_measure;

typedef struct sp_balance_params {
  int measure;  /* sp_balance_measure */
  double level; /* NAN: that of the gather */
} sp_balance_params;

extern const sp_cpu_ops sp_balance_cpu;
sp_reason sp_balance_undo(const sp_plan *plan, int thread, const sp_block *block);

#endif
