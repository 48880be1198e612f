/* SPDX-License-Identifier: BSD-3-Clause */
/* Transforms of whole lines in shared memory for fk, of plans that leave out no numbers: the passes of cuda_fft.cuh as
 * plain loops, which take 7 % less of the time of fk than those, which can be split up (on an H100). */
#ifndef SEISPROC_KERNELS_FK_CUDA_PASSES_CUH
#define SEISPROC_KERNELS_FK_CUDA_PASSES_CUH

#include "kernels/common/cuda_fft.cuh"

/* Pass `pass` over `batch` transforms, `stride` apart, in blocks of `length` points. */
template <int R, bool INVERSE>
__device__ static inline void fk_pass(const cuda_fft &f, uint32_t pass, uint32_t length, uint32_t batch,
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
__device__ static inline void fk_any_pass(const cuda_fft &f, uint32_t pass, uint32_t length, uint32_t batch,
                                          uint32_t stride, fft_complex *x) {
  switch (f.radix[pass]) {
  case 2:
    return fk_pass<2, INVERSE>(f, pass, length, batch, stride, x);
  case 3:
    return fk_pass<3, INVERSE>(f, pass, length, batch, stride, x);
  case 4:
    return fk_pass<4, INVERSE>(f, pass, length, batch, stride, x);
  case 5:
    return fk_pass<5, INVERSE>(f, pass, length, batch, stride, x);
  case 6:
    return fk_pass<6, INVERSE>(f, pass, length, batch, stride, x);
  case 7:
    return fk_pass<7, INVERSE>(f, pass, length, batch, stride, x);
  case 8:
    return fk_pass<8, INVERSE>(f, pass, length, batch, stride, x);
  case 9:
    return fk_pass<9, INVERSE>(f, pass, length, batch, stride, x);
  case 10:
    return fk_pass<10, INVERSE>(f, pass, length, batch, stride, x);
  case 12:
    if (MOST >= 12) fk_pass<12, INVERSE>(f, pass, length, batch, stride, x);
    return;
  default:
    if (MOST >= 15) fk_pass<15, INVERSE>(f, pass, length, batch, stride, x);
  }
}

/* Order to reversed digits. MOST: the largest radix of the plan, 10 or 15; the smaller one needs half the registers.
 * All threads of the block take part; x is visible to all before and after. */
template <int MOST>
__device__ static inline void fk_forward(const cuda_fft &f, uint32_t batch, uint32_t stride, fft_complex *x) {
  uint32_t length = f.n;
  for (uint32_t i = 0; i < f.n_passes; i++) {
    fk_any_pass<MOST, false>(f, i, length, batch, stride, x);
    length /= f.radix[i];
  }
}

/* Reversed digits to order, real and imaginary part changed over; not normalised. */
template <int MOST>
__device__ static inline void fk_inverse(const cuda_fft &f, uint32_t batch, uint32_t stride, fft_complex *x) {
  uint32_t length = 1;
  for (uint32_t i = f.n_passes; i-- > 0;) {
    length *= f.radix[i];
    fk_any_pass<MOST, true>(f, i, length, batch, stride, x);
  }
}

#endif
