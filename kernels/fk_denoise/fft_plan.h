/* SPDX-License-Identifier: BSD-3-Clause */
/* Plans of transforms of any length 2^a 3^b 5^c, as window_fft.h takes them. */
#ifndef SEISPROC_KERNELS_FK_DENOISE_FFT_PLAN_H
#define SEISPROC_KERNELS_FK_DENOISE_FFT_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "seisproc/status.h"

enum { SP_FKD_MAX_PASSES = 8 };

/* A transform of n points in passes of small radices, where window_fft.h has it not unrolled. */
typedef struct sp_fkd_fft_pass {
  uint32_t radix, groups, stride;
  const float *twiddles; /* [groups][radix - 1] of cosine and sine */
} sp_fkd_fft_pass;

typedef struct sp_fkd_fft {
  uint32_t n, n_passes;
  sp_fkd_fft_pass pass[SP_FKD_MAX_PASSES];
} sp_fkd_fft;

/* The caller owns *twiddles, which the plan points into (sp_free). *n_twiddles, if not NULL: how many floats they are.
 */
sp_status sp_fkd_fft_plan(uint32_t n, sp_fkd_fft *fft, float **twiddles, size_t *n_twiddles);

#endif
