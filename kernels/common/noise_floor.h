/* SPDX-License-Identifier: BSD-3-Clause */
/* The floor of the f-k spectrum of a gather: what incoherent noise has there, signal or not.
 *
 * Windows of 24 samples by 12 traces (less in smaller gathers) under sin(pi (i + 1/2) / n) on both axes are taken to
 * |F(f, k)|^2. Noise that is Gaussian gives an exponential distribution of mean T(f), and events occupy few k: T is the
 * 0.3-quantile over windows and k over -ln(0.7), then the mean over f-2 ... f+2. So the power of noise in a sample,
 * at frequency f, is T(f) over the sum of the squares of the window. At most 256 windows are looked at, spread evenly.
 */
#ifndef SEISPROC_KERNELS_COMMON_NOISE_FLOOR_H
#define SEISPROC_KERNELS_COMMON_NOISE_FLOOR_H

#include <stddef.h>
#include <stdint.h>

#include "seisproc/status.h"

enum { SP_FLOOR_SAMPLES = 24, SP_FLOOR_TRACES = 12, SP_FLOOR_WINDOWS = 256, SP_FLOOR_BINS = SP_FLOOR_SAMPLES / 2 + 1 };

/* Fewer traces than this say nothing of what is coherent. */
enum { SP_FLOOR_LEAST_TRACES = 4 };

typedef struct sp_floor sp_floor;

/* Plans for traces of n_samples >= 24; the caller owns it. */
sp_status sp_floor_plan(uint32_t n_samples, sp_floor **out);
/* Takes NULL. */
void sp_floor_destroy(sp_floor *plan);

/* Bytes of the memory of a thread. */
size_t sp_floor_work_bytes(void);

/* Power of the noise of a sample at frequencies j / 24 of the sampling rate, j = 0 ... 12. `work` is 64-byte aligned. 0
 * where the gather has fewer than 4 traces or no window that is live. */
void sp_floor_of_gather(const sp_floor *plan, const float *gather, uint32_t n_traces, void *work,
                        double power[SP_FLOOR_BINS]);

#endif
