/* SPDX-License-Identifier: BSD-3-Clause */
/* Fourier transforms of small lengths, X[k] = sum over j of x[j] exp(-2 pi i j k / n), in place and unrolled: those of
 * windows and the passes of long ones. Written once for the vectors of the CPU and for single numbers on the GPU; who
 * includes this has
 *
 *   FFT_INLINE          before a function
 *   fft_value           with +, - and * between two of them, and float * fft_value
 *   fft_complex         {fft_value re, im}
 *
 * Lengths whose factors have no common divisor need no twiddle factors (Good 1958). The inverse transform is the same
 * with re and im changed over.
 */
#ifndef SEISPROC_KERNELS_COMMON_FFT_SMALL_H
#define SEISPROC_KERNELS_COMMON_FFT_SMALL_H

#ifdef __CUDACC__
#define FFT_UNROLL _Pragma("unroll")
#else
#define FFT_UNROLL _Pragma("GCC unroll 48")
#endif

enum { FFT_MAX_SMALL = 48 };

FFT_INLINE fft_complex fft_plus(fft_complex a, fft_complex b) {
  const fft_complex c = {a.re + b.re, a.im + b.im};
  return c;
}

FFT_INLINE fft_complex fft_minus(fft_complex a, fft_complex b) {
  const fft_complex c = {a.re - b.re, a.im - b.im};
  return c;
}

/* a - i b, a + i b */
FFT_INLINE fft_complex fft_minus_i(fft_complex a, fft_complex b) {
  const fft_complex c = {a.re + b.im, a.im - b.re};
  return c;
}

FFT_INLINE fft_complex fft_plus_i(fft_complex a, fft_complex b) {
  const fft_complex c = {a.re - b.im, a.im + b.re};
  return c;
}

FFT_INLINE fft_complex fft_scale(float s, fft_complex a) {
  const fft_complex c = {s * a.re, s * a.im};
  return c;
}

/* a exp(-i phase), cosine and sine of the phase */
FFT_INLINE fft_complex fft_turn(fft_complex a, float cosine, float sine) {
  const fft_complex c = {cosine * a.re + sine * a.im, cosine * a.im - sine * a.re};
  return c;
}

FFT_INLINE void fft2(fft_complex *x) {
  const fft_complex a = x[0];
  x[0] = fft_plus(a, x[1]);
  x[1] = fft_minus(a, x[1]);
}

FFT_INLINE void fft3(fft_complex *x) {
  const fft_complex sum = fft_plus(x[1], x[2]), middle = fft_minus(x[0], fft_scale(0.5f, sum));
  const fft_complex across = fft_scale(0.86602540378443865f, fft_minus(x[1], x[2]));
  x[0] = fft_plus(x[0], sum);
  x[1] = fft_minus_i(middle, across);
  x[2] = fft_plus_i(middle, across);
}

FFT_INLINE void fft4(fft_complex *x) {
  const fft_complex s02 = fft_plus(x[0], x[2]), d02 = fft_minus(x[0], x[2]);
  const fft_complex s13 = fft_plus(x[1], x[3]), d13 = fft_minus(x[1], x[3]);
  x[0] = fft_plus(s02, s13);
  x[1] = fft_minus_i(d02, d13);
  x[2] = fft_minus(s02, s13);
  x[3] = fft_plus_i(d02, d13);
}

FFT_INLINE void fft5(fft_complex *x) {
  const float c1 = 0.30901699437494742f, c2 = -0.80901699437494742f;
  const float s1 = 0.95105651629515357f, s2 = 0.58778525229247313f;
  const fft_complex s14 = fft_plus(x[1], x[4]), d14 = fft_minus(x[1], x[4]);
  const fft_complex s23 = fft_plus(x[2], x[3]), d23 = fft_minus(x[2], x[3]);
  const fft_complex u1 = fft_plus(fft_plus(x[0], fft_scale(c1, s14)), fft_scale(c2, s23));
  const fft_complex u2 = fft_plus(fft_plus(x[0], fft_scale(c2, s14)), fft_scale(c1, s23));
  const fft_complex v1 = fft_plus(fft_scale(s1, d14), fft_scale(s2, d23));
  const fft_complex v2 = fft_minus(fft_scale(s2, d14), fft_scale(s1, d23));
  x[0] = fft_plus(x[0], fft_plus(s14, s23));
  x[1] = fft_minus_i(u1, v1);
  x[2] = fft_minus_i(u2, v2);
  x[3] = fft_plus_i(u2, v2);
  x[4] = fft_plus_i(u1, v1);
}

FFT_INLINE void fft7(fft_complex *x) {
  const float c[3] = {0.62348980185873353f, -0.22252093395631440f, -0.90096886790241913f};
  const float s[3] = {0.78183148246802981f, 0.97492791218182361f, 0.43388373911755812f};
  const fft_complex first = x[0], sum[3] = {fft_plus(x[1], x[6]), fft_plus(x[2], x[5]), fft_plus(x[3], x[4])};
  const fft_complex apart[3] = {fft_minus(x[1], x[6]), fft_minus(x[2], x[5]), fft_minus(x[3], x[4])};
  x[0] = fft_plus(first, fft_plus(sum[0], fft_plus(sum[1], sum[2])));
  FFT_UNROLL
  for (int k = 0; k < 3; k++) {
    fft_complex even = first, odd = fft_scale(s[k], apart[0]);
    FFT_UNROLL
    for (int j = 0; j < 3; j++) {
      const int m = (k + 1) * (j + 1) % 7, at = m < 4 ? m - 1 : 6 - m; /* cos and sin of 2 pi m / 7 */
      even = fft_plus(even, fft_scale(c[at], sum[j]));
      if (j > 0) odd = fft_plus(odd, fft_scale(m < 4 ? s[at] : -s[at], apart[j]));
    }
    x[k + 1] = fft_minus_i(even, odd);
    x[6 - k] = fft_plus_i(even, odd);
  }
}

FFT_INLINE void fft8(fft_complex *x) {
  const float h = 0.70710678118654752f;
  fft_complex e[4] = {x[0], x[2], x[4], x[6]}, o[4] = {x[1], x[3], x[5], x[7]};
  fft4(e);
  fft4(o);
  const fft_complex t1 = fft_scale(h, fft_minus_i(o[1], o[1])), t3 = fft_scale(h, fft_plus_i(o[3], o[3]));
  x[0] = fft_plus(e[0], o[0]);
  x[4] = fft_minus(e[0], o[0]);
  x[1] = fft_plus(e[1], t1);
  x[5] = fft_minus(e[1], t1);
  x[2] = fft_minus_i(e[2], o[2]);
  x[6] = fft_plus_i(e[2], o[2]);
  x[3] = fft_minus(e[3], t3);
  x[7] = fft_plus(e[3], t3);
}

FFT_INLINE void fft9(fft_complex *x) {
  const float c[] = {0.76604444311897804f, 0.17364817766693035f, -0.93969262078590838f}; /* of 1, 2 and 4 ninths */
  const float s[] = {0.64278760968653933f, 0.98480775301220806f, 0.34202014332566873f};
  fft_complex y[3][3]; /* [j mod 3][k mod 3] */
  FFT_UNROLL
  for (int j = 0; j < 3; j++) {
    FFT_UNROLL
    for (int i = 0; i < 3; i++) y[j][i] = x[3 * i + j];
    fft3(y[j]);
  }
  y[1][1] = fft_turn(y[1][1], c[0], s[0]);
  y[1][2] = fft_turn(y[1][2], c[1], s[1]);
  y[2][1] = fft_turn(y[2][1], c[1], s[1]);
  y[2][2] = fft_turn(y[2][2], c[2], s[2]);
  FFT_UNROLL
  for (int k = 0; k < 3; k++) {
    fft_complex z[3] = {y[0][k], y[1][k], y[2][k]};
    fft3(z);
    FFT_UNROLL
    for (int i = 0; i < 3; i++) x[3 * i + k] = z[i];
  }
}

FFT_INLINE void fft16(fft_complex *x) {
  const float c = 0.92387953251128674f, s = 0.38268343236508977f, h = 0.70710678118654752f;
  fft_complex y[4][4]; /* [j mod 4][k mod 4] */
  FFT_UNROLL
  for (int j = 0; j < 4; j++) {
    FFT_UNROLL
    for (int i = 0; i < 4; i++) y[j][i] = x[4 * i + j];
    fft4(y[j]);
  }
  y[1][1] = fft_turn(y[1][1], c, s);
  y[1][2] = fft_turn(y[1][2], h, h);
  y[1][3] = fft_turn(y[1][3], s, c);
  y[2][1] = fft_turn(y[2][1], h, h);
  y[2][2] = fft_turn(y[2][2], 0, 1);
  y[2][3] = fft_turn(y[2][3], -h, h);
  y[3][1] = fft_turn(y[3][1], s, c);
  y[3][2] = fft_turn(y[3][2], -h, h);
  y[3][3] = fft_turn(y[3][3], -c, -s);
  FFT_UNROLL
  for (int k = 0; k < 4; k++) {
    fft_complex z[4] = {y[0][k], y[1][k], y[2][k], y[3][k]};
    fft4(z);
    FFT_UNROLL
    for (int i = 0; i < 4; i++) x[4 * i + k] = z[i];
  }
}

FFT_INLINE void fft_prime_power(fft_complex *x, const int n) {
  if (n == 2) fft2(x);
  if (n == 3) fft3(x);
  if (n == 4) fft4(x);
  if (n == 5) fft5(x);
  if (n == 7) fft7(x);
  if (n == 8) fft8(x);
  if (n == 9) fft9(x);
  if (n == 16) fft16(x);
}

/* n = a b without common divisor: point (b i + a j) mod n is (i, j) of a transform of a x b, coefficient k is
 * (k mod a, k mod b). */
FFT_INLINE void fft_product(fft_complex *x, const int a, const int b) {
  const int n = a * b;
  fft_complex y[FFT_MAX_SMALL];
  FFT_UNROLL
  for (int j = 0; j < b; j++) {
    fft_complex z[5];
    FFT_UNROLL
    for (int i = 0; i < a; i++) z[i] = x[(b * i + a * j) % n];
    fft_prime_power(z, a);
    FFT_UNROLL
    for (int i = 0; i < a; i++) y[i * b + j] = z[i];
  }
  FFT_UNROLL
  for (int i = 0; i < a; i++) fft_prime_power(y + i * b, b);
  FFT_UNROLL
  for (int k = 0; k < n; k++) x[k] = y[k % a * b + k % b];
}

FFT_INLINE void fft_small(fft_complex *x, const int n) {
  if (n == 6) {
    fft_product(x, 3, 2);
  } else if (n == 10) {
    fft_product(x, 5, 2);
  } else if (n == 12) {
    fft_product(x, 3, 4);
  } else if (n == 15) {
    fft_product(x, 3, 5);
  } else if (n == 20) {
    fft_product(x, 5, 4);
  } else if (n == 24) {
    fft_product(x, 3, 8);
  } else if (n == 40) {
    fft_product(x, 5, 8);
  } else if (n == 48) {
    fft_product(x, 3, 16);
  } else {
    fft_prime_power(x, n);
  }
}

#endif
