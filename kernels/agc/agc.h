/* SPDX-License-Identifier: BSD-3-Clause */
/* The processor `agc`: brings each trace to an even level in a sliding window.
 *
 * Each sample is multiplied by 1 / sqrt(mean square + (0.01 rms)^2), the mean square over `window` around the sample,
 * clipped at the ends, rms that of the whole trace; a dead trace stays dead. `undo: agc` later in the chain divides by
 * the same factors, so that what lies between works on even amplitudes and the output has the input's.
 */
#ifndef SEISPROC_KERNELS_AGC_AGC_H
#define SEISPROC_KERNELS_AGC_AGC_H

#include "seisproc/processor.h"

typedef struct sp_agc_params {
  double window; /* ms */
} sp_agc_params;

extern const sp_cpu_ops sp_agc_cpu;
sp_reason sp_agc_undo(const sp_plan *plan, int thread, const sp_block *block);

#endif
