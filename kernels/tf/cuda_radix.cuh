/* SPDX-License-Identifier: BSD-3-Clause */
/* Transforms of the lengths that are products of three small radices: what those of cuda_voices.cu and cuda_pass.cu are
 * put together from, and the lengths there are. */
#ifndef SEISPROC_KERNELS_CUDA_TF_RADIX_CUH
#define SEISPROC_KERNELS_CUDA_TF_RADIX_CUH

#include "kernels/tf/cuda_stockwell.cuh"

/* --- small transforms, x[k] = sum of x[j] exp(2 pi i j k / R), in registers ------------------------------------- */

/* exp(2 pi i k / R), k = 0 ... R - 1, by the series of the exponential. */
template <int R> struct roots {
  float re[R], im[R];
  constexpr roots() : re(), im() {
    for (int k = 0; k < R; k++) {
      const double phase = 2 * 3.14159265358979323846 * (2 * k > R ? k - R : k) / R;
      double c = 1, s = 0, term = 1;
      for (int i = 1; i < 40; i++) {
        term *= phase / i;
        if (i % 4 == 1) s += term;
        if (i % 4 == 2) c -= term;
        if (i % 4 == 3) s -= term;
        if (i % 4 == 0) c += term;
      }
      re[k] = (float)c;
      im[k] = (float)s;
    }
  }
};

__device__ __forceinline__ float2 plus(float2 a, float2 b) {
  return make_float2(a.x + b.x, a.y + b.y);
}

__device__ __forceinline__ float2 minus(float2 a, float2 b) {
  return make_float2(a.x - b.x, a.y - b.y);
}

__device__ __forceinline__ float2 times(float2 a, float2 b) {
  return make_float2(fmaf(a.x, b.x, -a.y * b.y), fmaf(a.x, b.y, a.y * b.x));
}

__device__ __forceinline__ float2 times_i(float2 a) {
  return make_float2(-a.y, a.x);
}

template <int R> struct factors;
template <> struct factors<8> { static constexpr int a = 2, b = 4; };
template <> struct factors<9> { static constexpr int a = 3, b = 3; };
template <> struct factors<10> { static constexpr int a = 2, b = 5; };
template <> struct factors<12> { static constexpr int a = 3, b = 4; };
template <> struct factors<15> { static constexpr int a = 3, b = 5; };
template <> struct factors<16> { static constexpr int a = 4, b = 4; };
template <> struct factors<20> { static constexpr int a = 4, b = 5; };

template <int R> __device__ __forceinline__ void transform(float2 (&x)[R]);

template <> __device__ __forceinline__ void transform<2>(float2 (&x)[2]) {
  const float2 a = x[0];
  x[0] = plus(a, x[1]);
  x[1] = minus(a, x[1]);
}

template <> __device__ __forceinline__ void transform<3>(float2 (&x)[3]) {
  const float2 sum = plus(x[1], x[2]), difference = minus(x[1], x[2]);
  const float2 middle = make_float2(fmaf(-0.5f, sum.x, x[0].x), fmaf(-0.5f, sum.y, x[0].y));
  const float2 turned = make_float2(-0.86602540378f * difference.y, 0.86602540378f * difference.x);
  x[0] = plus(x[0], sum);
  x[1] = plus(middle, turned);
  x[2] = minus(middle, turned);
}

template <> __device__ __forceinline__ void transform<4>(float2 (&x)[4]) {
  const float2 a = plus(x[0], x[2]), b = minus(x[0], x[2]), c = plus(x[1], x[3]), d = times_i(minus(x[1], x[3]));
  x[0] = plus(a, c);
  x[1] = plus(b, d);
  x[2] = minus(a, c);
  x[3] = minus(b, d);
}

template <> __device__ __forceinline__ void transform<5>(float2 (&x)[5]) {
  const float c1 = 0.30901699437f, c2 = -0.80901699437f, s1 = 0.95105651630f, s2 = 0.58778525229f;
  const float2 a = plus(x[1], x[4]), b = plus(x[2], x[3]), d = minus(x[1], x[4]), e = minus(x[2], x[3]), z = x[0];
  const float2 m1 = make_float2(fmaf(c1, a.x, fmaf(c2, b.x, z.x)), fmaf(c1, a.y, fmaf(c2, b.y, z.y)));
  const float2 m2 = make_float2(fmaf(c2, a.x, fmaf(c1, b.x, z.x)), fmaf(c2, a.y, fmaf(c1, b.y, z.y)));
  const float2 n1 = times_i(make_float2(fmaf(s1, d.x, s2 * e.x), fmaf(s1, d.y, s2 * e.y)));
  const float2 n2 = times_i(make_float2(fmaf(s2, d.x, -s1 * e.x), fmaf(s2, d.y, -s1 * e.y)));
  x[0] = plus(z, plus(a, b));
  x[1] = plus(m1, n1);
  x[4] = minus(m1, n1);
  x[2] = plus(m2, n2);
  x[3] = minus(m2, n2);
}

/* R = A B: B transforms of A points, turned, A transforms of B points. */
template <int R> __device__ __forceinline__ void transform(float2 (&x)[R]) {
  constexpr int A = factors<R>::a, B = factors<R>::b;
  constexpr roots<R> root;
  float2 y[B][A];
#pragma unroll
  for (int b = 0; b < B; b++) {
#pragma unroll
    for (int a = 0; a < A; a++) y[b][a] = x[B * a + b];
    transform<A>(y[b]);
#pragma unroll
    for (int a = 1; a < A; a++) {
      if (b > 0) y[b][a] = times(y[b][a], make_float2(root.re[a * b % R], root.im[a * b % R]));
    }
  }
#pragma unroll
  for (int a = 0; a < A; a++) {
    float2 z[B];
#pragma unroll
    for (int b = 0; b < B; b++) z[b] = y[b][a];
    transform<B>(z);
#pragma unroll
    for (int b = 0; b < B; b++) x[a + A * b] = z[b];
  }
}

/* --- three of them ---------------------------------------------------------------------------------------------- */

template <int R1, int R2, int R3> struct shape {
  static constexpr int r1 = R1, r2 = R2, r3 = R3, n = R1 * R2 * R3, step = R2 * R3; /* between the bins of a thread */
  static constexpr int most = n / (R1 < R2 ? (R1 < R3 ? R1 : R3) : (R2 < R3 ? R2 : R3));
  static constexpr int threads = (most + 31) / 32 * 32;
  static constexpr int pitch3 = R3 % 2 ? R3 : R3 + 1, pitch2 = (R2 * pitch3) % 2 ? R2 * pitch3 : R2 * pitch3 + 1;
};

/* exp(2 pi i k / n) to the powers 1 ... R - 1. */
template <int R> __device__ __forceinline__ void set_turns(float2 (&turn)[R], int k, int n) {
#pragma unroll
  for (int j = 1; j < R; j++) sincospif(2.0f * (float)(k * j % n) / n, &turn[j].y, &turn[j].x);
}

/* --- the lengths there are -------------------------------------------------------------------------------------- */

#define SHORT_LENGTHS(DO) DO(10, 10, 10) DO(8, 8, 16) DO(10, 10, 15) DO(8, 12, 16)
#define LONG_LENGTHS(DO)  DO(10, 10, 16) DO(9, 12, 15) DO(10, 10, 20) DO(8, 16, 16)
#define LENGTHS(DO)       SHORT_LENGTHS(DO) LONG_LENGTHS(DO)

#endif
