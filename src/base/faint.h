/* SPDX-License-Identifier: BSD-3-Clause */
/* Traces that rounding reaches, beside others that are far stronger.
 *
 * A Fourier transform across traces in float32 spreads the rounding of all of them evenly: what comes back has an error
 * of up to 1.0e-7 of the RMS over all samples of all traces in each trace (fk against double precision, 40 to 400
 * traces, one in ten or one of them 1e5 to 1e7 times as strong: 0.3 to 1.0e-7 on average over the others, and more only
 * where these hold what the filter itself makes of the strong ones). A trace whose own RMS is below 1e-5 of that of all
 * is faint: more than 1 % of it may be rounding.
 *
 * Energies are counted by their binary exponents, so the result depends neither on their order nor on who added them.
 * The limit is kept to a factor of 1.5 in amplitude. */
#ifndef SEISPROC_SRC_BASE_FAINT_H
#define SEISPROC_SRC_BASE_FAINT_H

#include <stddef.h>
#include <stdint.h>

enum { SP_FAINT_BINS = 640 };

/* All zero: no trace. Counts of several may be added up. */
typedef struct sp_faint_count {
  uint32_t n[SP_FAINT_BINS];
} sp_faint_count;

/* Sum of squares. NaN or infinite where a sample is. */
double sp_row_energy(const float *row, size_t n);

/* A trace of that energy; none that is zero or not finite. Threads may add to one count. */
void sp_faint_add(sp_faint_count *count, double energy);

/* How many are faint. Traces have the same number of samples. */
uint32_t sp_faint_traces(const sp_faint_count *count);

#endif
