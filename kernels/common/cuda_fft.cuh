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

enum { CUDA_FFT_MAX_PASSES = 12 };

typedef struct cuda_fft {
  uint32_t n, n_passes, radix[CUDA_FFT_MAX_PASSES];
  const float2 *twiddles;   /* [n] exp(-2 pi i j / n); device memory, as below */
  const uint16_t *position; /* [n] */
} cuda_fft;

__device__ static inline float2 fft_plus(float2 a, float2 b) {
  return make_float2(a.x + b.x, a.y + b.y);
}

__device__ static inline float2 fft_minus(float2 a, float2 b) {
  return make_float2(a.x - b.x, a.y - b.y);
}

/* a - i b, a + i b */
__device__ static inline float2 fft_minus_i(float2 a, float2 b) {
  return make_float2(a.x + b.y, a.y - b.x);
}

__device__ static inline float2 fft_plus_i(float2 a, float2 b) {
  return make_float2(a.x - b.y, a.y + b.x);
}

__device__ static inline float2 fft_times(float2 a, float2 b) {
  return make_float2(a.x * b.x - a.y * b.y, a.x * b.y + a.y * b.x);
}

__device__ static inline float2 fft_scaled(float s, float2 a) {
  return make_float2(s * a.x, s * a.y);
}

/* R numbers to their transform, in order, in registers. */
template <int R> __device__ static inline void fft_small(float2 *x);

template <> __device__ inline void fft_small<2>(float2 *x) {
  const float2 a = x[0];
  x[0] = fft_plus(a, x[1]);
  x[1] = fft_minus(a, x[1]);
}

template <> __device__ inline void fft_small<3>(float2 *x) {
  const float2 sum = fft_plus(x[1], x[2]), middle = fft_minus(x[0], fft_scaled(0.5f, sum));
  const float2 across = fft_scaled(0.86602540378443865f, fft_minus(x[1], x[2]));
  x[0] = fft_plus(x[0], sum);
  x[1] = fft_minus_i(middle, across);
  x[2] = fft_plus_i(middle, across);
}

template <> __device__ inline void fft_small<4>(float2 *x) {
  const float2 s02 = fft_plus(x[0], x[2]), d02 = fft_minus(x[0], x[2]);
  const float2 s13 = fft_plus(x[1], x[3]), d13 = fft_minus(x[1], x[3]);
  x[0] = fft_plus(s02, s13);
  x[1] = fft_minus_i(d02, d13);
  x[2] = fft_minus(s02, s13);
  x[3] = fft_plus_i(d02, d13);
}

template <> __device__ inline void fft_small<5>(float2 *x) {
  const float c1 = 0.30901699437494742f, c2 = -0.80901699437494742f;
  const float s1 = 0.95105651629515357f, s2 = 0.58778525229247313f;
  const float2 s14 = fft_plus(x[1], x[4]), d14 = fft_minus(x[1], x[4]);
  const float2 s23 = fft_plus(x[2], x[3]), d23 = fft_minus(x[2], x[3]);
  const float2 u1 = make_float2(x[0].x + c1 * s14.x + c2 * s23.x, x[0].y + c1 * s14.y + c2 * s23.y);
  const float2 u2 = make_float2(x[0].x + c2 * s14.x + c1 * s23.x, x[0].y + c2 * s14.y + c1 * s23.y);
  const float2 v1 = make_float2(s1 * d14.x + s2 * d23.x, s1 * d14.y + s2 * d23.y);
  const float2 v2 = make_float2(s2 * d14.x - s1 * d23.x, s2 * d14.y - s1 * d23.y);
  x[0] = fft_plus(x[0], fft_plus(s14, s23));
  x[1] = fft_minus_i(u1, v1);
  x[2] = fft_minus_i(u2, v2);
  x[3] = fft_plus_i(u2, v2);
  x[4] = fft_plus_i(u1, v1);
}

template <> __device__ inline void fft_small<7>(float2 *x) {
  const float c[3] = {0.62348980185873353f, -0.22252093395631440f, -0.90096886790241913f};
  const float s[3] = {0.78183148246802981f, 0.97492791218182361f, 0.43388373911755812f};
  float2 sum[3], difference[3], even[3], odd[3];
#pragma unroll
  for (int j = 0; j < 3; j++) sum[j] = fft_plus(x[j + 1], x[6 - j]), difference[j] = fft_minus(x[j + 1], x[6 - j]);
#pragma unroll
  for (int k = 0; k < 3; k++) {
    even[k] = x[0];
    odd[k] = make_float2(0, 0);
#pragma unroll
    for (int j = 0; j < 3; j++) {
      const int m = (k + 1) * (j + 1) % 7, at = m < 4 ? m - 1 : 6 - m; /* cos and sin of 2 pi m / 7 */
      const float sine = m < 4 ? s[at] : -s[at];
      even[k] = make_float2(even[k].x + c[at] * sum[j].x, even[k].y + c[at] * sum[j].y);
      odd[k] = make_float2(odd[k].x + sine * difference[j].x, odd[k].y + sine * difference[j].y);
    }
  }
  x[0] = fft_plus(x[0], fft_plus(sum[0], fft_plus(sum[1], sum[2])));
#pragma unroll
  for (int k = 0; k < 3; k++) x[k + 1] = fft_minus_i(even[k], odd[k]), x[6 - k] = fft_plus_i(even[k], odd[k]);
}

template <> __device__ inline void fft_small<8>(float2 *x) {
  const float h = 0.70710678118654752f;
  float2 e[4] = {x[0], x[2], x[4], x[6]}, o[4] = {x[1], x[3], x[5], x[7]};
  fft_small<4>(e);
  fft_small<4>(o);
  const float2 t1 = fft_scaled(h, fft_minus_i(o[1], o[1])), t3 = fft_scaled(h, fft_plus_i(o[3], o[3]));
  x[0] = fft_plus(e[0], o[0]);
  x[4] = fft_minus(e[0], o[0]);
  x[1] = fft_plus(e[1], t1);
  x[5] = fft_minus(e[1], t1);
  x[2] = fft_minus_i(e[2], o[2]);
  x[6] = fft_plus_i(e[2], o[2]);
  x[3] = fft_minus(e[3], t3);
  x[7] = fft_plus(e[3], t3);
}

/* n = A B without common divisor (Good 1958): point (B i + A j) mod n is (i, j) of a transform of A x B, coefficient k
 * is (k mod A, k mod B). */
template <int A, int B> __device__ static inline void fft_product(float2 *x) {
  float2 y[A * B];
#pragma unroll
  for (int j = 0; j < B; j++) {
    float2 z[A];
#pragma unroll
    for (int i = 0; i < A; i++) z[i] = x[(B * i + A * j) % (A * B)];
    fft_small<A>(z);
#pragma unroll
    for (int i = 0; i < A; i++) y[i * B + j] = z[i];
  }
#pragma unroll
  for (int i = 0; i < A; i++) fft_small<B>(y + i * B);
#pragma unroll
  for (int k = 0; k < A * B; k++) x[k] = y[k % A * B + k % B];
}

template <> __device__ inline void fft_small<6>(float2 *x) {
  fft_product<3, 2>(x);
}

template <> __device__ inline void fft_small<10>(float2 *x) {
  fft_product<5, 2>(x);
}

template <> __device__ inline void fft_small<15>(float2 *x) {
  fft_product<3, 5>(x);
}

/* One pass over `batch` transforms, `stride` apart, in blocks of `length` points. */
template <int R, bool INVERSE>
__device__ static inline void fft_pass(const cuda_fft &f, uint32_t length, uint32_t batch, uint32_t stride, float2 *x) {
  const uint32_t m = length / R, each = f.n / R, apart = f.n / length;
  for (uint32_t u = threadIdx.x; u < each * batch; u += blockDim.x) {
    const uint32_t t = batch > 1 ? u / each : 0, v = u - t * each, block = v / m, j = v - block * m;
    float2 *at = x + (size_t)t * stride + block * length + j;
    float2 z[R];
#pragma unroll
    for (int i = 0; i < R; i++) z[i] = at[i * m];
    if (!INVERSE) fft_small<R>(z);
    if (m > 1) {
      const float2 turn = f.twiddles[apart * j];
      float2 power = turn;
#pragma unroll
      for (int q = 1; q < R; q++) {
        z[q] = fft_times(z[q], power);
        /* two chains of products are more exact than one */
        if (q + 1 < R) power = (q + 1) % 4 == 0 ? f.twiddles[apart * j * (q + 1)] : fft_times(power, turn);
      }
    }
    if (INVERSE) fft_small<R>(z);
#pragma unroll
    for (int i = 0; i < R; i++) at[i * m] = z[i];
  }
  __syncthreads();
}

template <int MOST, bool INVERSE>
__device__ static inline void fft_any_pass(const cuda_fft &f, uint32_t radix, uint32_t length, uint32_t batch,
                                           uint32_t stride, float2 *x) {
  switch (radix) {
  case 2:
    return fft_pass<2, INVERSE>(f, length, batch, stride, x);
  case 3:
    return fft_pass<3, INVERSE>(f, length, batch, stride, x);
  case 4:
    return fft_pass<4, INVERSE>(f, length, batch, stride, x);
  case 5:
    return fft_pass<5, INVERSE>(f, length, batch, stride, x);
  case 6:
    return fft_pass<6, INVERSE>(f, length, batch, stride, x);
  case 7:
    return fft_pass<7, INVERSE>(f, length, batch, stride, x);
  case 8:
    return fft_pass<8, INVERSE>(f, length, batch, stride, x);
  case 10:
    return fft_pass<10, INVERSE>(f, length, batch, stride, x);
  default:
    if (MOST >= 15) fft_pass<15, INVERSE>(f, length, batch, stride, x);
  }
}

/* Order to reversed digits. MOST: the largest radix of the plan, 10 or 15; the smaller one needs half the registers.
 * All threads of the block take part; x is visible to all before and after. */
template <int MOST>
__device__ static inline void fft_forward(const cuda_fft &f, uint32_t batch, uint32_t stride, float2 *x) {
  uint32_t length = f.n;
  for (uint32_t i = 0; i < f.n_passes; i++) {
    fft_any_pass<MOST, false>(f, f.radix[i], length, batch, stride, x);
    length /= f.radix[i];
  }
}

/* Reversed digits to order, real and imaginary part changed over; not normalised. */
template <int MOST>
__device__ static inline void fft_inverse(const cuda_fft &f, uint32_t batch, uint32_t stride, float2 *x) {
  uint32_t length = 1;
  for (uint32_t i = f.n_passes; i-- > 0;) {
    length *= f.radix[i];
    fft_any_pass<MOST, true>(f, f.radix[i], length, batch, stride, x);
  }
}

#endif
