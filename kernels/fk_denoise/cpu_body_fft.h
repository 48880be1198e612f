/* SPDX-License-Identifier: BSD-3-Clause */
/* Fourier transforms of SP_LANES sequences at once, one a lane. Lengths of fft_small.h are unrolled, others take passes
 * of small radices that sort as they go (Stockham). Part of each file cpu_kernels_<isa>.c.
 */
#ifndef SEISPROC_KERNELS_FK_DENOISE_CPU_BODY_FFT_H
#define SEISPROC_KERNELS_FK_DENOISE_CPU_BODY_FFT_H

typedef vf fkd_value;
typedef struct fkd_complex {
  vf re, im;
} fkd_complex;
#define FKD_INLINE SP_INLINE
#include "kernels/fk_denoise/fft_small.h"

#define SMALL(n)                                                                                                       \
  static void fft_##n(fkd_complex *x) {                                                                                \
    fkd_fft_small(x, n);                                                                                               \
  }
SMALL(4)
SMALL(8)
SMALL(12)
SMALL(16)
SMALL(20)
SMALL(24)
SMALL(40)
SMALL(48)

/* Writes the radix numbers at z, times their twiddle factors, to every stride-th place from y on. */
SP_INLINE void put_turned(const fkd_complex *z, const int radix, const float *twiddle, size_t stride, fkd_complex *y) {
  y[0] = z[0];
#pragma GCC unroll 8
  for (int j = 1; j < radix; j++) y[(size_t)j * stride] = fkd_turn(z[j], twiddle[2 * j - 2], twiddle[2 * j - 1]);
}

SP_INLINE void fft_pass(const sp_fkd_fft_pass *pass, const int radix, const fkd_complex *x, fkd_complex *y) {
  const float *twiddle = pass->twiddles;
  const size_t stride = pass->stride, apart = stride * pass->groups;
  for (size_t p = 0; p < pass->groups; p++) {
    for (size_t q = 0; q < stride; q++) {
      fkd_complex z[8];
#pragma GCC unroll 8
      for (int i = 0; i < radix; i++) z[i] = x[q + p * stride + (size_t)i * apart];
      fkd_fft_prime_power(z, radix);
      put_turned(z, radix, twiddle, stride, y + q + p * stride * (size_t)radix);
    }
    twiddle += 2 * (radix - 1);
  }
}

static void fft_passes(const sp_fkd_fft *fft, fkd_complex *x, fkd_complex *other) {
  fkd_complex *from = x, *to = other;
  for (uint32_t i = 0; i < fft->n_passes; i++) {
    const sp_fkd_fft_pass *pass = &fft->pass[i];
    switch (pass->radix) {
    case 2:
      fft_pass(pass, 2, from, to);
      break;
    case 3:
      fft_pass(pass, 3, from, to);
      break;
    case 4:
      fft_pass(pass, 4, from, to);
      break;
    case 5:
      fft_pass(pass, 5, from, to);
      break;
    case 8:
      fft_pass(pass, 8, from, to);
      break;
    }
    fkd_complex *swap = from;
    from = to;
    to = swap;
  }
  if (from != x) memcpy(x, from, fft->n * sizeof *x);
}

/* In place; `other` has room for as much. */
static void run_fft(const sp_fkd_fft *fft, fkd_complex *x, fkd_complex *other) {
  switch (fft->n) {
  case 1:
    break;
  case 4:
    fft_4(x);
    break;
  case 8:
    fft_8(x);
    break;
  case 12:
    fft_12(x);
    break;
  case 16:
    fft_16(x);
    break;
  case 20:
    fft_20(x);
    break;
  case 24:
    fft_24(x);
    break;
  case 40:
    fft_40(x);
    break;
  case 48:
    fft_48(x);
    break;
  default:
    fft_passes(fft, x, other);
  }
}

#endif
