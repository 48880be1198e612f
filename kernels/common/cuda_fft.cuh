/* SPDX-License-Identifier: BSD-3-Clause */
/* Fourier transforms of any length 2^a 3^b 5^c 7^d in shared memory, by a block of threads, in place.
 *
 * X[k] = sum over j of x[j] exp(-2 pi i j k / n). Passes of radix r_1, r_2, ... divide the frequencies (decimation in
 * frequency, Gentleman and Sande 1966): what begins in order ends in the order of reversed digits, k of it at
 * position[k]. The inverse goes the same way back, from there to order: it is the forward arithmetic with real and
 * imaginary part changed over, which the caller does where it writes what is to be transformed and where it reads the
 * result. So neither needs a second place or a permutation. The radices are so chosen that neighbouring threads meet
 * different banks in most passes: an odd one comes last. Where there is none, and the plan may have 16 (which then
 * comes last for powers of two), a number is left out after as many points as the last radix, which keeps the points of
 * each pass evenly apart.
 *
 * A transform may also be done pass by pass, by who has its points from elsewhere or takes them on: pass i of n_passes
 * has blocks of m R points with m = n / (radix[0] ... radix[i]); the first one forward and the last one back have one
 * block, points j + i m; the last one forward and the first one back blocks of R neighbours, and no twiddle factors.
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
  uint32_t step[CUDA_FFT_MAX_PASSES]; /* numbers from point to point of a pass's transforms */
  uint32_t spread;                    /* cuda_fft_inverse of the points after which a number is left out; 0: none is */
  const fft_complex *twiddles;        /* [n] exp(-2 pi i j / n); device memory, as below */
  const uint16_t *position;           /* [n] */
} cuda_fft;

/* A number by which to divide others that are below 2^15 and not below it, as the upper half of a product. */
__host__ __device__ static inline uint32_t cuda_fft_inverse(uint32_t x) {
  return x > 1 ? UINT32_MAX / x + 1 : 0;
}

/* Where a point lies, and how many numbers a line takes. */
__host__ __device__ static inline uint32_t fft_place(const cuda_fft &f, uint32_t point) {
#ifdef __CUDA_ARCH__
  return point + __umulhi(point, f.spread);
#else
  return point + (uint32_t)((uint64_t)point * f.spread >> 32);
#endif
}

__host__ __device__ static inline uint32_t fft_room(const cuda_fft &f) {
  return f.n ? fft_place(f, f.n - 1) + 1 : 0;
}

__device__ static inline uint32_t fft_quotient(uint32_t u, uint32_t x, uint32_t inverse) {
  return x > 1 ? __umulhi(u, inverse) : u;
}

__device__ static inline fft_complex fft_times(fft_complex a, fft_complex b) {
  return fft_complex{a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}

/* A transform of R points that is the j-th of the m of a block of a pass, of `blocks`, with its twiddle factors. */
template <int R, bool INVERSE>
__device__ static inline void fft_turned(const cuda_fft &f, uint32_t blocks, uint32_t m, uint32_t j, fft_complex *z) {
  if (!INVERSE) fft_small(z, R);
  if (m > 1) {
    const uint32_t turned = blocks * j;
    const fft_complex turn = f.twiddles[turned];
    fft_complex power = turn;
#pragma unroll
    for (int q = 1; q < R; q++) {
      z[q] = fft_times(z[q], power);
      /* two chains of products are more exact than one */
      if (q + 1 < R) power = (q + 1) % 4 == 0 ? f.twiddles[turned * (q + 1)] : fft_times(power, turn);
    }
  }
  if (INVERSE) fft_small(z, R);
}

/* Pass `pass` over `batch` transforms, `stride` apart, in blocks of m R points. */
template <int R, bool INVERSE>
__device__ static inline void fft_pass(const cuda_fft &f, uint32_t pass, uint32_t m, uint32_t batch, uint32_t stride,
                                       fft_complex *x) {
  const uint32_t length = m * R, each = f.n / R, blocks = f.n / length, step = f.step[pass];
  for (uint32_t u = threadIdx.x; u < each * batch; u += blockDim.x) {
    const uint32_t t = batch > 1 ? fft_quotient(u, each, f.per_line[pass]) : 0, v = u - t * each;
    const uint32_t block = fft_quotient(v, m, f.per_block[pass]), j = v - block * m;
    fft_complex *at = x + (size_t)t * stride + fft_place(f, block * length + j);
    fft_complex z[R];
#pragma unroll
    for (int i = 0; i < R; i++) z[i] = at[i * step];
    fft_turned<R, INVERSE>(f, blocks, m, j, z);
#pragma unroll
    for (int i = 0; i < R; i++) at[i * step] = z[i];
  }
  __syncthreads();
}

/* A number that templates can take from an argument. */
template <int R> struct fft_radix { static constexpr int value = R; };

/* Calls `what` with the fft_radix of `radix`, which is one of those up to MOST. */
template <int MOST, typename What> __device__ static inline void fft_by_radix(uint32_t radix, const What &what) {
  switch (radix) {
  case 2:
    return what(fft_radix<2>());
  case 3:
    return what(fft_radix<3>());
  case 4:
    return what(fft_radix<4>());
  case 5:
    return what(fft_radix<5>());
  case 6:
    return what(fft_radix<6>());
  case 7:
    return what(fft_radix<7>());
  case 8:
    return what(fft_radix<8>());
  case 9:
    return what(fft_radix<9>());
  case 10:
    return what(fft_radix<10>());
  case 12:
    if constexpr (MOST >= 12) what(fft_radix<12>());
    return;
  case 16:
    if constexpr (MOST >= 16) what(fft_radix<16>());
    return;
  default:
    if constexpr (MOST >= 15) what(fft_radix<15>());
  }
}

/* Passes `from` to before `end` of a forward transform. MOST: the largest radix of the plan, 10, 15 or 16; the smallest
 * one needs half the registers. All threads of the block take part; x is visible to all before and after. */
template <int MOST>
__device__ static inline void fft_forward_passes(const cuda_fft &f, uint32_t from, uint32_t end, uint32_t batch,
                                                 uint32_t stride, fft_complex *x) {
  uint32_t m = f.n;
  for (uint32_t i = 0; i < end; i++) {
    m /= f.radix[i];
    if (i < from) continue;
    fft_by_radix<MOST>(f.radix[i], [&](auto r) { fft_pass<decltype(r)::value, false>(f, i, m, batch, stride, x); });
  }
}

/* Passes before `end` down to `from` of an inverse transform; `m`: points of a block after pass `end` - 1. */
template <int MOST>
__device__ static inline void fft_inverse_passes(const cuda_fft &f, uint32_t from, uint32_t end, uint32_t m,
                                                 uint32_t batch, uint32_t stride, fft_complex *x) {
  for (uint32_t i = end; i-- > from;) {
    fft_by_radix<MOST>(f.radix[i], [&](auto r) { fft_pass<decltype(r)::value, true>(f, i, m, batch, stride, x); });
    m *= f.radix[i];
  }
}

#endif
