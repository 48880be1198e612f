/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernels of fk_denoise, compiled once an instruction set. */
#ifndef SEISPROC_KERNELS_FK_DENOISE_CPU_BODY_H
#define SEISPROC_KERNELS_FK_DENOISE_CPU_BODY_H
#include <string.h>

#include "kernels/common/exact_median.h"
#include "kernels/common/simd_transpose.h"
#include "kernels/common/window_stats.h"
#include "kernels/fk_denoise/cpu.h"

#define FFT_INLINE   SP_INLINE
#define FFT_FUNCTION static
typedef vf fft_value;
typedef struct fft_complex {
  vf re, im;
} fft_complex;
#include "kernels/fk_denoise/window_fft.h"

#include "kernels/fk_denoise/cpu_body_windows.h"

#include "kernels/fk_denoise/cpu_body_filter.h"

#include "kernels/fk_denoise/cpu_body_planes.h"

#include "kernels/fk_denoise/cpu_body_levels.h"

const sp_fkd_kernels SP_ISA_SYMBOL(sp_fkd_kernels) = {
    .lanes = SP_LANES,
    .load = load,
    .store = store,
    .powers = powers,
    .quantile = quantile,
    .filter = filter,
    .guard = guard,
    .level = level,
    .medians = medians,
    .stands_out = stands_out,
};

#endif
