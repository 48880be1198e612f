/* SPDX-License-Identifier: BSD-3-Clause */
/* A zero-phase filter of traces: each is multiplied by a real response in the frequency domain.
 *
 * A trace of n samples is extended at both ends by its mirror image (half-sample symmetric: x[-1 - i] = x[i]) over
 * L = min(n, round(extension / dt)) samples, faded to zero by a cosine: the i-th sample beyond the end has weight
 * cos^2(pi (i + 1/2) / (2 L)). Zeros follow up to the transform's length N, the least even 2^a 3^b 5^c 7^d that is not
 * less than n + 2 L, and the result is cropped to n samples. The response is that of frequencies j / (N dt).
 */
#ifndef SEISPROC_KERNELS_COMMON_SPECTRAL_FILTER_H
#define SEISPROC_KERNELS_COMMON_SPECTRAL_FILTER_H

#include <stddef.h>
#include <stdint.h>

#include "seisproc/processor.h"

/* The factor of a frequency in Hz, 0 or more. */
typedef double (*sp_response)(const void *params, double f);

/* Half a cosine from 0 at x = 0 to 1 at x = 1, and no further. */
double sp_cosine_flank(double x);

/* A processor that is nothing but such a filter: its plan (as sp_cpu_ops.plan, with the ops it belongs to), apply and
 * destroy. */
sp_status sp_filter_step_plan(const sp_cpu_ops *ops, const sp_geometry *geometry, double extension_s,
                              sp_response response, const void *params, sp_plan **out);
sp_reason sp_filter_step_apply(const sp_plan *plan, int thread, const sp_block *block);
void sp_filter_step_destroy(sp_plan *plan);

#endif
