/* SPDX-License-Identifier: BSD-3-Clause */
/* Fourier transforms of any length 2^a 3^b 5^c 7^d in shared memory, by a block of threads, in place.
 *
 * X[k] = sum over j of x[j] exp(-2 pi i j k / n). Passes of radix r_1, r_2, ... divide the frequencies (decimation in
 * frequency, Gentleman and Sande 1966): what begins in order ends in the order of reversed digits, k of it at
 * position[k]. The inverse goes the same way back, from there to order: it is the forward arithmetic with real and
 * imaginary part changed over, which the caller does where it writes what is to be transformed and where it reads the
 * result. So neither needs a second place or a permutation. The radices are so chosen that neighbouring threads meet
 * different banks in most passes: an odd one comes last.
 */
#ifndef SEISPROC_KERNELS_CUDA_FFT_CUH
#define SEISPROC_KERNELS_CUDA_FFT_CUH

#include <stdint.h>

/* Products and sums may be fused. */
#define FFT_INLINE __device__ static __forceinline__
typedef float fft_value;
typedef struct __align__(8) fft_complex {
  float re, im;
}
fft_complex;
#include "kernels/common/fft_small.h"

enum { CUDA_FFT_MAX_PASSES = 12 };

typedef struct cuda_fft {
  uint32_t n, n_passes, radix[CUDA_FFT_MAX_PASSES];
  uint32_t per_block[CUDA_FFT_MAX_PASSES], per_line[CUDA_FFT_MAX_PASSES]; /* cuda_fft_inverse of a pass's threads */
  const fft_complex *twiddles; /* [n] exp(-2 pi i j / n); device memory, as below */
  const uint16_t *position;    /* [n] */
} cuda_fft;

/* A number by which to divide others that are below 2^15 and not below it, as the upper half of a product. */
__host__ __device__ static inline uint32_t cuda_fft_inverse(uint32_t x) {
  return x > 1 ? UINT32_MAX / x + 1 : 0;
}

__device__ static inline uint32_t fft_quotient(uint32_t u, uint32_t x, uint32_t inverse) {
  return x > 1 ? __umulhi(u, inverse) : u;
}

__device__ static inline fft_complex fft_times(fft_complex a, fft_complex b) {
  return fft_complex{a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}

/* Pass `pass` over `batch` transforms, `stride` apart, in blocks of `length` points. */
template <int R, bool INVERSE>
__device__ static inline void fft_pass(const cuda_fft &f, uint32_t pass, uint32_t length, uint32_t batch,
                                       uint32_t stride, fft_complex *x) {
  const uint32_t m = length / R, each = f.n / R, apart = f.n / length;
  for (uint32_t u = threadIdx.x; u < each * batch; u += blockDim.x) {
    const uint32_t t = batch > 1 ? fft_quotient(u, each, f.per_line[pass]) : 0, v = u - t * each;
    const uint32_t block = fft_quotient(v, m, f.per_block[pass]), j = v - block * m;
    fft_complex *at = x + (size_t)t * stride + block * length + j;
    fft_complex z[R];
#pragma unroll
    for (int i = 0; i < R; i++) z[i] = at[i * m];
    if (!INVERSE) fft_small(z, R);
    if (m > 1) {
      const fft_complex turn = f.twiddles[apart * j];
      fft_complex power = turn;
#pragma unroll
      for (int q = 1; q < R; q++) {
        z[q] = fft_times(z[q], power);
        /* two chains of products are more exact than one */
        if (q + 1 < R) power = (q + 1) % 4 == 0 ? f.twiddles[apart * j * (q + 1)] : fft_times(power, turn);
      }
    }
    if (INVERSE) fft_small(z, R);
#pragma unroll
    for (int i = 0; i < R; i++) at[i * m] = z[i];
  }
  __syncthreads();
}

template <int MOST, bool INVERSE>
__device__ static inline void fft_any_pass(const cuda_fft &f, uint32_t pass, uint32_t length, uint32_t batch,
                                           uint32_t stride, fft_complex *x) {
  switch (f.radix[pass]) {
  case 2:
    return fft_pass<2, INVERSE>(f, pass, length, batch, stride, x);
  case 3:
    return fft_pass<3, INVERSE>(f, pass, length, batch, stride, x);
  case 4:
    return fft_pass<4, INVERSE>(f, pass, length, batch, stride, x);
  case 5:
    return fft_pass<5, INVERSE>(f, pass, length, batch, stride, x);
  case 6:
    return fft_pass<6, INVERSE>(f, pass, length, batch, stride, x);
  case 7:
    return fft_pass<7, INVERSE>(f, pass, length, batch, stride, x);
  case 8:
    return fft_pass<8, INVERSE>(f, pass, length, batch, stride, x);
  case 9:
    return fft_pass<9, INVERSE>(f, pass, length, batch, stride, x);
  case 10:
    return fft_pass<10, INVERSE>(f, pass, length, batch, stride, x);
  case 12:
    if (MOST >= 12) fft_pass<12, INVERSE>(f, pass, length, batch, stride, x);
    return;
  default:
    if (MOST >= 15) fft_pass<15, INVERSE>(f, pass, length, batch, stride, x);
  }
}

/* Order to reversed digits. MOST: the largest radix of the plan, 10 or 15; the smaller one needs half the registers.
 * All threads of the block take part; x is visible to all before and after. */
template <int MOST>
__device__ static inline void fft_forward(const cuda_fft &f, uint32_t batch, uint32_t stride, fft_complex *x) {
  uint32_t length = f.n;
  for (uint32_t i = 0; i < f.n_passes; i++) {
    fft_any_pass<MOST, false>(f, i, length, batch, stride, x);
    length /= f.radix[i];
  }
}

/* Reversed digits to order, real and imaginary part changed over; not normalised. */
template <int MOST>
__device__ static inline void fft_inverse(const cuda_fft &f, uint32_t batch, uint32_t stride, fft_complex *x) {
  uint32_t length = 1;
  for (uint32_t i = f.n_passes; i-- > 0;) {
    length *= f.radix[i];
    fft_any_pass<MOST, true>(f, i, length, batch, stride, x);
  }
}

#endif
