/* SPDX-License-Identifier: BSD-3-Clause */
/* Prediction along one row of complex numbers; see fx_decon.h for the formula. */
#ifndef SEISPROC_KERNELS_FX_DECON_PREDICT_H
#define SEISPROC_KERNELS_FX_DECON_PREDICT_H

#include <stddef.h>

/* Replaces x[n] = re + i im, `stride` apart, by its prediction of length p from both sides; n > p. `prewhitening` is a
 * share of the mean diagonal. All zero stays so. `work` holds 4 n doubles. */
void sp_fx_predict(float *x, size_t stride, size_t n, size_t p, double prewhitening, double *work);

#endif
