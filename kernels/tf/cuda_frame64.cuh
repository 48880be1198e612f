/* SPDX-License-Identifier: BSD-3-Clause */
/* Real transforms of 64 samples, each in the registers of one thread: as 32 complex points and a step to or from the
 * 33 bins. Loops unroll, so that every index and factor is a constant.
 */
#ifndef SEISPROC_KERNELS_CUDA_TF_FRAME64_CUH
#define SEISPROC_KERNELS_CUDA_TF_FRAME64_CUH

enum { TF_FRAME = 64, TF_FRAME_POINTS = 32 };

/* cos(2 pi i / 64), i = 0 ... 16; in reach of any i by symmetry. */
__device__ __forceinline__ float tf_cosine64(int i) {
  constexpr float quarter[17] = {1.0f,
                                 0.99518472667f,
                                 0.98078528040f,
                                 0.95694033573f,
                                 0.92387953251f,
                                 0.88192126435f,
                                 0.83146961230f,
                                 0.77301045336f,
                                 0.70710678119f,
                                 0.63439328416f,
                                 0.55557023302f,
                                 0.47139673683f,
                                 0.38268343236f,
                                 0.29028467725f,
                                 0.19509032202f,
                                 0.09801714033f,
                                 0.0f};
  const int j = (i % 64 + 64) % 64;
  return j <= 16 ? quarter[j] : j <= 32 ? -quarter[32 - j] : j <= 48 ? -quarter[j - 32] : quarter[64 - j];
}

__device__ __forceinline__ float tf_sine64(int i) {
  return tf_cosine64(i - 16);
}

__device__ __forceinline__ constexpr int tf_reversed32(int i) {
  return (i & 1) << 4 | (i & 2) << 2 | (i & 4) | (i & 8) >> 2 | (i & 16) >> 4;
}

/* x[reversed(k)] = sum of x[j] exp(SIGN 2 pi i j k / 32). */
template <int SIGN> __device__ __forceinline__ void tf_transform32(float2 (&x)[TF_FRAME_POINTS]) {
#pragma unroll
  for (int half = 16; half >= 1; half /= 2) {
#pragma unroll
    for (int i = 0; i < 32; i++) {
      if (i & half) continue;
      const int turn = (i & (half - 1)) * (32 / half); /* of 64 */
      const float c = tf_cosine64(turn), s = SIGN * tf_sine64(turn);
      const float2 a = x[i], b = x[i + half], d = make_float2(a.x - b.x, a.y - b.y);
      x[i] = make_float2(a.x + b.x, a.y + b.y);
      if (turn == 0) {
        x[i + half] = d;
      } else if (turn == 16) {
        x[i + half] = make_float2(-SIGN * d.y, SIGN * d.x);
      } else {
        x[i + half] = make_float2(fmaf(c, d.x, -s * d.y), fmaf(c, d.y, s * d.x));
      }
    }
  }
}

/* z[j]: samples 2 j and 2 j + 1. Gives bin k to give(k, X), k = 0 ... 32. */
template <class Give> __device__ __forceinline__ void tf_samples_to_bins(float2 (&z)[TF_FRAME_POINTS], Give give) {
  tf_transform32<-1>(z);
#pragma unroll
  for (int k = 0; k <= 16; k++) {
    const float2 a = z[tf_reversed32(k)], b = z[tf_reversed32((32 - k) % 32)];
    const float2 even = make_float2(0.5f * (a.x + b.x), 0.5f * (a.y - b.y));
    const float2 odd = make_float2(0.5f * (a.y + b.y), 0.5f * (b.x - a.x));
    const float c = tf_cosine64(k), s = -tf_sine64(k);
    const float2 turned = make_float2(fmaf(c, odd.x, -s * odd.y), fmaf(c, odd.y, s * odd.x));
    give(k, make_float2(even.x + turned.x, even.y + turned.y));
    if (k < 16) give(32 - k, make_float2(even.x - turned.x, turned.y - even.y));
  }
}

/* The inverse times 64, of bins bin(k), in reversed order: samples 2 j and 2 j + 1 are z[reversed(j)]. */
template <class Bin> __device__ __forceinline__ void tf_bins_to_samples(Bin bin, float2 (&z)[TF_FRAME_POINTS]) {
#pragma unroll
  for (int k = 0; k <= 16; k++) {
    float2 a = bin(k), b = bin(32 - k);
    if (k == 0) a.y = b.y = 0; /* of a real trace */
    const float2 even = make_float2(a.x + b.x, a.y - b.y), odd = make_float2(a.x - b.x, a.y + b.y);
    const float c = tf_cosine64(k), s = tf_sine64(k);
    /* i times odd, turned */
    const float2 turned = make_float2(-fmaf(c, odd.y, s * odd.x), fmaf(c, odd.x, -s * odd.y));
    z[k] = make_float2(even.x + turned.x, even.y + turned.y);
    if (k > 0 && k < 16) z[32 - k] = make_float2(even.x - turned.x, turned.y - even.y);
  }
  tf_transform32<1>(z);
}

#endif
