/* SPDX-License-Identifier: BSD-3-Clause */
/* Fourier transforms of small lengths, X[k] = sum over j of x[j] exp(-2 pi i j k / n), in place and unrolled: those of
 * windows. Written once for the vectors of the CPU and for single numbers on the GPU; who includes this has
 *
 *   FKD_INLINE          before a function
 *   fkd_value           with +, - and * between two of them, and float * fkd_value; none of them fused
 *   fkd_complex         {fkd_value re, im}
 *
 * Lengths whose factors have no common divisor need no twiddle factors (Good 1958). The inverse transform is the same
 * with re and im changed over.
 */
#ifndef SEISPROC_KERNELS_FK_DENOISE_FFT_SMALL_H
#define SEISPROC_KERNELS_FK_DENOISE_FFT_SMALL_H

enum { FKD_MAX_SMALL = 48 };

/* Lengths that fkd_fft_small has. */
static inline int fkd_fft_is_small(int n) {
  return n == 1 || n == 2 || n == 3 || n == 4 || n == 5 || n == 6 || n == 8 || n == 10 || n == 12 || n == 15 ||
         n == 16 || n == 20 || n == 24 || n == 40 || n == 48;
}

FKD_INLINE fkd_complex fkd_plus(fkd_complex a, fkd_complex b) {
  const fkd_complex c = {a.re + b.re, a.im + b.im};
  return c;
}

FKD_INLINE fkd_complex fkd_minus(fkd_complex a, fkd_complex b) {
  const fkd_complex c = {a.re - b.re, a.im - b.im};
  return c;
}

/* a - i b, a + i b */
FKD_INLINE fkd_complex fkd_minus_i(fkd_complex a, fkd_complex b) {
  const fkd_complex c = {a.re + b.im, a.im - b.re};
  return c;
}

FKD_INLINE fkd_complex fkd_plus_i(fkd_complex a, fkd_complex b) {
  const fkd_complex c = {a.re - b.im, a.im + b.re};
  return c;
}

FKD_INLINE fkd_complex fkd_scale(float s, fkd_complex a) {
  const fkd_complex c = {s * a.re, s * a.im};
  return c;
}

/* a exp(-i phase), cosine and sine of the phase */
FKD_INLINE fkd_complex fkd_turn(fkd_complex a, float cosine, float sine) {
  const fkd_complex c = {cosine * a.re + sine * a.im, cosine * a.im - sine * a.re};
  return c;
}

FKD_INLINE void fkd_fft2(fkd_complex *x) {
  const fkd_complex a = x[0];
  x[0] = fkd_plus(a, x[1]);
  x[1] = fkd_minus(a, x[1]);
}

FKD_INLINE void fkd_fft3(fkd_complex *x) {
  const fkd_complex sum = fkd_plus(x[1], x[2]), middle = fkd_minus(x[0], fkd_scale(0.5f, sum));
  const fkd_complex across = fkd_scale(0.86602540378443865f, fkd_minus(x[1], x[2]));
  x[0] = fkd_plus(x[0], sum);
  x[1] = fkd_minus_i(middle, across);
  x[2] = fkd_plus_i(middle, across);
}

FKD_INLINE void fkd_fft4(fkd_complex *x) {
  const fkd_complex s02 = fkd_plus(x[0], x[2]), d02 = fkd_minus(x[0], x[2]);
  const fkd_complex s13 = fkd_plus(x[1], x[3]), d13 = fkd_minus(x[1], x[3]);
  x[0] = fkd_plus(s02, s13);
  x[1] = fkd_minus_i(d02, d13);
  x[2] = fkd_minus(s02, s13);
  x[3] = fkd_plus_i(d02, d13);
}

FKD_INLINE void fkd_fft5(fkd_complex *x) {
  const float c1 = 0.30901699437494742f, c2 = -0.80901699437494742f;
  const float s1 = 0.95105651629515357f, s2 = 0.58778525229247313f;
  const fkd_complex s14 = fkd_plus(x[1], x[4]), d14 = fkd_minus(x[1], x[4]);
  const fkd_complex s23 = fkd_plus(x[2], x[3]), d23 = fkd_minus(x[2], x[3]);
  const fkd_complex u1 = fkd_plus(fkd_plus(x[0], fkd_scale(c1, s14)), fkd_scale(c2, s23));
  const fkd_complex u2 = fkd_plus(fkd_plus(x[0], fkd_scale(c2, s14)), fkd_scale(c1, s23));
  const fkd_complex v1 = fkd_plus(fkd_scale(s1, d14), fkd_scale(s2, d23));
  const fkd_complex v2 = fkd_minus(fkd_scale(s2, d14), fkd_scale(s1, d23));
  x[0] = fkd_plus(x[0], fkd_plus(s14, s23));
  x[1] = fkd_minus_i(u1, v1);
  x[2] = fkd_minus_i(u2, v2);
  x[3] = fkd_plus_i(u2, v2);
  x[4] = fkd_plus_i(u1, v1);
}

FKD_INLINE void fkd_fft8(fkd_complex *x) {
  const float h = 0.70710678118654752f;
  fkd_complex e[4] = {x[0], x[2], x[4], x[6]}, o[4] = {x[1], x[3], x[5], x[7]};
  fkd_fft4(e);
  fkd_fft4(o);
  const fkd_complex t1 = fkd_scale(h, fkd_minus_i(o[1], o[1])), t3 = fkd_scale(h, fkd_plus_i(o[3], o[3]));
  x[0] = fkd_plus(e[0], o[0]);
  x[4] = fkd_minus(e[0], o[0]);
  x[1] = fkd_plus(e[1], t1);
  x[5] = fkd_minus(e[1], t1);
  x[2] = fkd_minus_i(e[2], o[2]);
  x[6] = fkd_plus_i(e[2], o[2]);
  x[3] = fkd_minus(e[3], t3);
  x[7] = fkd_plus(e[3], t3);
}

FKD_INLINE void fkd_fft16(fkd_complex *x) {
  const float c = 0.92387953251128674f, s = 0.38268343236508977f, h = 0.70710678118654752f;
  fkd_complex y[4][4]; /* [j mod 4][k mod 4] */
#pragma GCC unroll 4
  for (int j = 0; j < 4; j++) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) y[j][i] = x[4 * i + j];
    fkd_fft4(y[j]);
  }
  y[1][1] = fkd_turn(y[1][1], c, s);
  y[1][2] = fkd_turn(y[1][2], h, h);
  y[1][3] = fkd_turn(y[1][3], s, c);
  y[2][1] = fkd_turn(y[2][1], h, h);
  y[2][2] = fkd_turn(y[2][2], 0, 1);
  y[2][3] = fkd_turn(y[2][3], -h, h);
  y[3][1] = fkd_turn(y[3][1], s, c);
  y[3][2] = fkd_turn(y[3][2], -h, h);
  y[3][3] = fkd_turn(y[3][3], -c, -s);
#pragma GCC unroll 4
  for (int k = 0; k < 4; k++) {
    fkd_complex z[4] = {y[0][k], y[1][k], y[2][k], y[3][k]};
    fkd_fft4(z);
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) x[4 * i + k] = z[i];
  }
}

FKD_INLINE void fkd_fft_prime_power(fkd_complex *x, const int n) {
  if (n == 2) fkd_fft2(x);
  if (n == 3) fkd_fft3(x);
  if (n == 4) fkd_fft4(x);
  if (n == 5) fkd_fft5(x);
  if (n == 8) fkd_fft8(x);
  if (n == 16) fkd_fft16(x);
}

/* n = a b without common divisor: point (b i + a j) mod n is (i, j) of a transform of a x b, coefficient k is
 * (k mod a, k mod b). */
FKD_INLINE void fkd_fft_product(fkd_complex *x, const int a, const int b) {
  const int n = a * b;
  fkd_complex y[FKD_MAX_SMALL];
#pragma GCC unroll 16
  for (int j = 0; j < b; j++) {
    fkd_complex z[5];
#pragma GCC unroll 5
    for (int i = 0; i < a; i++) z[i] = x[(b * i + a * j) % n];
    fkd_fft_prime_power(z, a);
#pragma GCC unroll 5
    for (int i = 0; i < a; i++) y[i * b + j] = z[i];
  }
#pragma GCC unroll 5
  for (int i = 0; i < a; i++) fkd_fft_prime_power(y + i * b, b);
#pragma GCC unroll 48
  for (int k = 0; k < n; k++) x[k] = y[k % a * b + k % b];
}

FKD_INLINE void fkd_fft_small(fkd_complex *x, const int n) {
  if (n == 6) {
    fkd_fft_product(x, 3, 2);
  } else if (n == 10) {
    fkd_fft_product(x, 5, 2);
  } else if (n == 12) {
    fkd_fft_product(x, 3, 4);
  } else if (n == 15) {
    fkd_fft_product(x, 3, 5);
  } else if (n == 20) {
    fkd_fft_product(x, 5, 4);
  } else if (n == 24) {
    fkd_fft_product(x, 3, 8);
  } else if (n == 40) {
    fkd_fft_product(x, 5, 8);
  } else if (n == 48) {
    fkd_fft_product(x, 3, 16);
  } else {
    fkd_fft_prime_power(x, n);
  }
}

#endif
