/* SPDX-License-Identifier: BSD-3-Clause */
/* Thresholds: the noise of a band, shrinking, and the robust threshold over neighbouring traces. */
#ifndef SEISPROC_KERNELS_DWT_CPU_SHRINK_H
#define SEISPROC_KERNELS_DWT_CPU_SHRINK_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/common/isa.h"

/* The robust threshold: max(spread * MAD, 0.01 |median|, smallest). What is shrunk is multiplied by `factor`. */
typedef struct sp_window {
  int threshold; /* sp_dwt_threshold */
  float spread, smallest, factor;
} sp_window;

/* Coefficients of neighbouring traces at equal places: rows in the order of the traces, as ordered integers. Where
 * `sorted` is not NULL it is given the sorted window of each place, for a sp_slide_function: SP_LANES times n_rows
 * values for SP_LANES places. */
typedef void sp_window_function(const sp_window *window, const int32_t *const *rows, int n_rows, int centre,
                                int32_t *sorted, float *out, size_t n);

/* The same for the next window of as many rows, from the sorted ones of the last: `gone` leaves, `fresh` joins. */
typedef void sp_slide_function(const sp_window *window, const int32_t *gone, const int32_t *fresh,
                               const int32_t *centre, int32_t *sorted, float *out, size_t n);

/* Two centres at once, n_rows / 2 - 1 and the next, of an even number of rows: each sees n_rows - 1 of them. */
typedef void sp_pair_function(const sp_window *window, const int32_t *const *rows, float *out, float *out_next,
                              size_t n);

/* Vectors may be read and written up to the next multiple of 16 beyond n in all of these but the first. */
typedef struct sp_shrink_functions {
  /* Median of |x|, exact; of an even number the mean of the middle two. n >= 1; `work` holds 2 * n + 64 values.
   * A good *guess, like the last median of such data, makes it quicker; it becomes the median. */
  double (*median_magnitude)(const float *x, size_t n, int32_t *work, float *guess);
  /* Shrinks by `limit` and multiplies by `factor`. */
  void (*shrink)(int threshold, float limit, float factor, float *x, size_t n);
  void (*multiply)(float factor, float *x, size_t n);
  /* Floats to integers of the same order, in place (vi_ordered). */
  void (*order)(float *x, size_t n);
  /* Row `centre` of a window of any 1 ... 31 rows. */
  sp_window_function *window;
  /* By the number of rows; NULL where there is none for it. Odd apertures up to 9 go in pairs, larger ones slide. */
  sp_pair_function *pair[33];
  sp_slide_function *slide[33];
  /* Sum of p ln p, p = (scale x)^2. */
  double (*entropy)(float scale, const float *x, size_t n);
} sp_shrink_functions;

const sp_shrink_functions *sp_shrink_select(sp_isa isa);

extern const sp_shrink_functions sp_shrink_portable, sp_shrink_avx2, sp_shrink_avx512;

#endif
