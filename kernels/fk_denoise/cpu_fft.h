/* SPDX-License-Identifier: BSD-3-Clause */
/* Plans of transforms of any length 2^a 3^b 5^c. */
#ifndef SEISPROC_KERNELS_FK_DENOISE_CPU_FFT_H
#define SEISPROC_KERNELS_FK_DENOISE_CPU_FFT_H

#include "kernels/fk_denoise/cpu.h"

/* The caller owns *twiddles, which the plan points into (sp_free). */
sp_status sp_fkd_fft_plan(uint32_t n, sp_fkd_fft *fft, float **twiddles);

#endif
