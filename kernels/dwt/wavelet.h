/* SPDX-License-Identifier: BSD-3-Clause */
/* Wavelets: filters and the lengths that go with them. Conventions are those of PyWavelets.
 *
 * One level of analysis is a[k] = sum_j dec_lo[j] x[2k + 1 - j], d the same with dec_hi; one of synthesis is
 * x[m] = sum_k a[k] rec_lo[m + taps - 2 - 2k] + d[k] rec_hi[m + taps - 2 - 2k].
 */
#ifndef SEISPROC_KERNELS_DWT_WAVELET_H
#define SEISPROC_KERNELS_DWT_WAVELET_H

#include <stdbool.h>
#include <stddef.h>

enum { SP_WAVELET_COUNT = 59, SP_WAVELET_MAX_TAPS = 40 };

/* As a parameter table wants them, in the order of the table. */
#define SP_WAVELET_CHOICES                                                                                             \
  "db1|db2|db3|db4|db5|db6|db7|db8|db9|db10|db11|db12|db13|db14|db15|db16|db17|db18|db19|db20|sym2|"                   \
  "sym3|sym4|sym5|sym6|sym7|sym8|sym9|sym10|sym11|sym12|sym13|sym14|sym15|sym16|sym17|sym18|sym19|"                    \
  "sym20|coif1|coif2|coif3|coif4|coif5|bior1.1|bior1.3|bior1.5|bior2.2|bior2.4|bior2.6|bior2.8|"                       \
  "bior3.1|bior3.3|bior3.5|bior3.7|bior3.9|bior4.4|bior5.5|bior6.8"

typedef struct sp_wavelet {
  const char *name;
  int taps; /* even; the same for all four filters, zero-padded where they differ */
  bool orthogonal;
  double dec_lo[SP_WAVELET_MAX_TAPS], dec_hi[SP_WAVELET_MAX_TAPS];
  double rec_lo[SP_WAVELET_MAX_TAPS], rec_hi[SP_WAVELET_MAX_TAPS];
} sp_wavelet;

/* Wavelet number `index`, a position in SP_WAVELET_CHOICES. */
void sp_wavelet_get(int index, sp_wavelet *out);

/* Most levels that make sense for n samples: floor(log2(n / (taps - 1))), 0 where n is less than twice that. */
int sp_wavelet_max_level(size_t n, int taps);

/* Coefficients of one band after one level of analysis of n samples. */
static inline size_t sp_wavelet_band_length(size_t n, int taps) {
  return (n + (size_t)taps - 1) / 2;
}

/* A row of kernels/dwt/wavelet_tables.c. `dec` is NULL where it is `rec` reversed. */
typedef struct sp_wavelet_row {
  const char *name;
  int taps;
  bool orthogonal;
  const double *dec, *rec;
} sp_wavelet_row;

extern const sp_wavelet_row sp_wavelet_table[SP_WAVELET_COUNT];

/* An orthogonal filter bank as taps / 2 rotations (Vaidyanathan and Hoang 1988), by their tangents t; NULL where it
 * is not orthogonal. With u = x[2k], v = x[2k + 1]: u, v <- u + t[0] v, v - t[0] u; then for each further t: u is
 * delayed by one k, and u, v <- u + t v, v - t u. Now u = a[k] and v = d[k], up to their signs, times the product
 * of all sqrt(1 + t^2). The transpose, run backwards, inverts it. Half the arithmetic of the filters. */
extern const double *const sp_wavelet_lattice[SP_WAVELET_COUNT];

#endif
