/* SPDX-License-Identifier: BSD-3-Clause */
/* Fourier transforms of SP_LANES sequences at once, one a lane: x[j] = sum over k of X[k] exp(2 pi i j k / n), in
 * passes of small radices that sort as they go (Stockham). The first pass is handed its input in registers, so that it
 * need not be stored; the last one hands its output over likewise. Part of each file tf_kernels_<isa>.c.
 */
#ifndef SEISPROC_KERNELS_TF_CPU_BODY_FFT_H
#define SEISPROC_KERNELS_TF_CPU_BODY_FFT_H

enum { MAX_RADIX = 8 };

SP_INLINE complex_vf plus(complex_vf a, complex_vf b) {
  return (complex_vf){a.re + b.re, a.im + b.im};
}

SP_INLINE complex_vf minus(complex_vf a, complex_vf b) {
  return (complex_vf){a.re - b.re, a.im - b.im};
}

/* a + s i b, s = 1 or -1 */
SP_INLINE complex_vf plus_i(complex_vf a, complex_vf b, int s) {
  return s > 0 ? (complex_vf){a.re - b.im, a.im + b.re} : (complex_vf){a.re + b.im, a.im - b.re};
}

/* a times exp(i phase) = re + i im */
SP_INLINE complex_vf turn(complex_vf a, float re, float im) {
  return (complex_vf){multiply_from(vf_set(im), a.im, vf_set(re) * a.re),
                      num_fused(vf_set(im), a.re, vf_set(re) * a.im)};
}

/* a + c b */
SP_INLINE complex_vf plus_times(complex_vf a, float c, complex_vf b) {
  return (complex_vf){num_fused(vf_set(c), b.re, a.re), num_fused(vf_set(c), b.im, a.im)};
}

SP_INLINE complex_vf times(float c, complex_vf a) {
  return (complex_vf){vf_set(c) * a.re, vf_set(c) * a.im};
}

#define ROOT_HALF 0.70710678118654752f

/* Transforms of small length in place, exponent s = 1 or -1. */

SP_INLINE void transform2(complex_vf x[2]) {
  const complex_vf a = x[0];
  x[0] = plus(a, x[1]);
  x[1] = minus(a, x[1]);
}

SP_INLINE void transform3(complex_vf x[3], int s) {
  const complex_vf sum = plus(x[1], x[2]), middle = plus_times(x[0], -0.5f, sum);
  const complex_vf across = times(0.86602540378443865f, minus(x[1], x[2]));
  x[0] = plus(x[0], sum);
  x[1] = plus_i(middle, across, s);
  x[2] = plus_i(middle, across, -s);
}

SP_INLINE void transform4(complex_vf x[4], int s) {
  const complex_vf s02 = plus(x[0], x[2]), d02 = minus(x[0], x[2]), s13 = plus(x[1], x[3]), d13 = minus(x[1], x[3]);
  x[0] = plus(s02, s13);
  x[1] = plus_i(d02, d13, s);
  x[2] = minus(s02, s13);
  x[3] = plus_i(d02, d13, -s);
}

SP_INLINE void transform5(complex_vf x[5], int s) {
  const float c1 = 0.30901699437494742f, c2 = -0.80901699437494742f;
  const float s1 = 0.95105651629515357f, s2 = 0.58778525229247313f;
  const complex_vf s14 = plus(x[1], x[4]), d14 = minus(x[1], x[4]), s23 = plus(x[2], x[3]), d23 = minus(x[2], x[3]);
  const complex_vf u1 = plus_times(plus_times(x[0], c1, s14), c2, s23);
  const complex_vf u2 = plus_times(plus_times(x[0], c2, s14), c1, s23);
  const complex_vf v1 = plus_times(times(s1, d14), s2, d23), v2 = plus_times(times(s2, d14), -s1, d23);
  x[0] = plus(x[0], plus(s14, s23));
  x[1] = plus_i(u1, v1, s);
  x[4] = plus_i(u1, v1, -s);
  x[2] = plus_i(u2, v2, s);
  x[3] = plus_i(u2, v2, -s);
}

SP_INLINE void transform8(complex_vf x[8], int s) {
  const complex_vf s04 = plus(x[0], x[4]), d04 = minus(x[0], x[4]), s26 = plus(x[2], x[6]), d26 = minus(x[2], x[6]);
  const complex_vf s15 = plus(x[1], x[5]), d15 = minus(x[1], x[5]), s37 = plus(x[3], x[7]), d37 = minus(x[3], x[7]);
  const complex_vf e0 = plus(s04, s26), e2 = minus(s04, s26), e1 = plus_i(d04, d26, s), e3 = plus_i(d04, d26, -s);
  const complex_vf o0 = plus(s15, s37), o2 = minus(s15, s37), o1 = plus_i(d15, d37, s), o3 = plus_i(d15, d37, -s);
  x[0] = plus(e0, o0);
  x[4] = minus(e0, o0);
  x[2] = plus_i(e2, o2, s);
  x[6] = plus_i(e2, o2, -s);
  /* o1 (1 + s i) / sqrt 2 and o3 (-1 + s i) / sqrt 2 */
  const complex_vf t1 = plus_i(o1, o1, s), t3 = plus_i(o3, o3, -s);
  x[1] = plus_times(e1, ROOT_HALF, t1);
  x[5] = plus_times(e1, -ROOT_HALF, t1);
  x[3] = plus_times(e3, -ROOT_HALF, t3);
  x[7] = plus_times(e3, ROOT_HALF, t3);
}

SP_INLINE void transform_small(complex_vf *x, int radix) {
  switch (radix) {
  case 2:
    transform2(x);
    break;
  case 3:
    transform3(x, 1);
    break;
  case 4:
    transform4(x, 1);
    break;
  case 5:
    transform5(x, 1);
    break;
  case 8:
    transform8(x, 1);
    break;
  }
}

/* --- passes -------------------------------------------------------------------------------------------------- */

/* Writes the radix numbers at x, times their twiddle factors, to every `stride`-th place from y on. */
SP_INLINE void store_turned(const complex_vf *x, int radix, const float *twiddle, size_t stride, complex_vf *y) {
  y[0] = x[0];
#pragma GCC unroll 8
  for (int j = 1; j < radix; j++) y[(size_t)j * stride] = turn(x[j], twiddle[2 * j - 2], twiddle[2 * j - 1]);
}

/* A pass that is neither the first nor the last. */
SP_INLINE void middle_pass(const sp_tf_fft_pass *pass, int radix, const complex_vf *x, complex_vf *y) {
  const float *twiddle = pass->twiddles;
  const size_t stride = pass->stride, apart = stride * pass->groups;
  for (size_t p = 0; p < pass->groups; p++) {
    for (size_t q = 0; q < stride; q++) {
      complex_vf a[MAX_RADIX];
#pragma GCC unroll 8
      for (int i = 0; i < radix; i++) a[i] = x[q + p * stride + (size_t)i * apart];
      transform_small(a, radix);
      store_turned(a, radix, twiddle, stride, y + q + p * stride * (size_t)radix);
    }
    twiddle += 2 * (radix - 1);
  }
}

static void run_middle_pass(const sp_tf_fft_pass *pass, const complex_vf *x, complex_vf *y) {
  switch (pass->radix) {
  case 2:
    middle_pass(pass, 2, x, y);
    break;
  case 3:
    middle_pass(pass, 3, x, y);
    break;
  case 4:
    middle_pass(pass, 4, x, y);
    break;
  case 5:
    middle_pass(pass, 5, x, y);
    break;
  case 8:
    middle_pass(pass, 8, x, y);
    break;
  }
}

/* All passes between the first, whose output is in a, and the last. Where the input of that is: a or b. */
static complex_vf *run_middle_passes(const sp_tf_fft *fft, complex_vf *a, complex_vf *b) {
  for (uint32_t i = 1; i + 1 < fft->n_passes; i++) {
    run_middle_pass(&fft->pass[i], a, b);
    complex_vf *swap = a;
    a = b;
    b = swap;
  }
  return a;
}

#endif
