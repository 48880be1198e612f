/* SPDX-License-Identifier: BSD-3-Clause */
/* Fourier transforms of a window's lines: SP_LANES at once on the CPU, one a lane, and one a thread on the GPU. Some
 * lengths are unrolled, others take passes of small radices that sort as they go (Stockham). Who includes this has what
 * fft_small.h asks for, where no product and sum are fused, and FFT_FUNCTION before a function that is not inlined.
 */
#ifndef SEISPROC_KERNELS_FK_DENOISE_WINDOW_FFT_H
#define SEISPROC_KERNELS_FK_DENOISE_WINDOW_FFT_H

#include <string.h>

#include "kernels/common/fft_small.h"
#include "kernels/fk_denoise/fft_plan.h"

#define SMALL(n)                                                                                                       \
  FFT_FUNCTION void fft_##n(fft_complex *x) {                                                                          \
    fft_small(x, n);                                                                                                   \
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
FFT_INLINE void put_turned(const fft_complex *z, const int radix, const float *twiddle, size_t stride, fft_complex *y) {
  y[0] = z[0];
  FFT_UNROLL
  for (int j = 1; j < radix; j++) y[(size_t)j * stride] = fft_turn(z[j], twiddle[2 * j - 2], twiddle[2 * j - 1]);
}

FFT_INLINE void fft_pass(const sp_fkd_fft_pass *pass, const int radix, const fft_complex *x, fft_complex *y) {
  const float *twiddle = pass->twiddles;
  const size_t stride = pass->stride, apart = stride * pass->groups;
  for (size_t p = 0; p < pass->groups; p++) {
    for (size_t q = 0; q < stride; q++) {
      fft_complex z[8];
      FFT_UNROLL
      for (int i = 0; i < radix; i++) z[i] = x[q + p * stride + (size_t)i * apart];
      fft_prime_power(z, radix);
      put_turned(z, radix, twiddle, stride, y + q + p * stride * (size_t)radix);
    }
    twiddle += 2 * (radix - 1);
  }
}

FFT_FUNCTION void fft_passes(const sp_fkd_fft *fft, fft_complex *x, fft_complex *other) {
  fft_complex *from = x, *to = other;
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
    fft_complex *swap = from;
    from = to;
    to = swap;
  }
  if (from != x) memcpy(x, from, fft->n * sizeof *x);
}

/* In place; `other` has room for as much. */
FFT_FUNCTION void run_fft(const sp_fkd_fft *fft, fft_complex *x, fft_complex *other) {
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
