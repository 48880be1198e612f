/* SPDX-License-Identifier: BSD-3-Clause */
/* Forward and backward linear prediction by the covariance method: normal equations in double precision, solved by
 * Cholesky's decomposition of a Hermitian matrix. */
#include "kernels/fx_decon/predict.h"

#include <math.h>

#include "kernels/fx_decon/fx_decon.h"

typedef struct complex_number {
  double re, im;
} number;

typedef struct normal_equations {
  number matrix[SP_FX_MAX_LENGTH][SP_FX_MAX_LENGTH]; /* the lower triangle */
  number right[SP_FX_MAX_LENGTH];
} normal_equations;

/* a += conj(b) c */
static inline void add_conj(number *a, number b, number c) {
  a->re += b.re * c.re + b.im * c.im;
  a->im += b.re * c.im - b.im * c.re;
}

/* a -= b conj(c) */
static inline void subtract_conj(number *a, number b, number c) {
  a->re -= b.re * c.re + b.im * c.im;
  a->im -= b.im * c.re - b.re * c.im;
}

/* a += b c */
static inline void add_product(number *a, number b, number c) {
  a->re += b.re * c.re - b.im * c.im;
  a->im += b.re * c.im + b.im * c.re;
}

static inline number conjugate(number a) {
  return (number){a.re, -a.im};
}

/* Rows of the equations: x[i] from x[i-1] ... x[i-p], and conj(x[i]) from conj(x[i+1]) ... conj(x[i+p]). */
static void set_up(const number *x, size_t n, size_t p, double prewhitening, normal_equations *e) {
  *e = (normal_equations){0};
  for (size_t i = p; i < n; i++) {
    for (size_t k = 0; k < p; k++) {
      add_conj(&e->right[k], x[i - 1 - k], x[i]);
      for (size_t j = 0; j <= k; j++) add_conj(&e->matrix[k][j], x[i - 1 - k], x[i - 1 - j]);
    }
  }
  for (size_t i = 0; i + p < n; i++) {
    for (size_t k = 0; k < p; k++) {
      const number row = conjugate(x[i + 1 + k]);
      add_conj(&e->right[k], row, conjugate(x[i]));
      for (size_t j = 0; j <= k; j++) add_conj(&e->matrix[k][j], row, conjugate(x[i + 1 + j]));
    }
  }
  double trace = 0;
  for (size_t k = 0; k < p; k++) trace += e->matrix[k][k].re;
  for (size_t k = 0; k < p; k++) e->matrix[k][k].re += prewhitening * trace / (double)p;
}

/* L L^H = matrix, in place. A pivot that rounding has made no larger than what it came from by 1e-12 ends it: the rows
 * from there on depend on those before, and their coefficients are 0. */
static size_t decompose(normal_equations *e, size_t p) {
  for (size_t k = 0; k < p; k++) {
    number *row = e->matrix[k];
    const double diagonal = row[k].re;
    for (size_t j = 0; j < k; j++) {
      for (size_t m = 0; m < j; m++) subtract_conj(&row[j], row[m], e->matrix[j][m]);
      const double pivot = e->matrix[j][j].re;
      row[j] = (number){row[j].re / pivot, row[j].im / pivot};
      row[k].re -= row[j].re * row[j].re + row[j].im * row[j].im;
    }
    if (!(row[k].re > 1e-12 * diagonal)) return k;
    row[k] = (number){sqrt(row[k].re), 0};
  }
  return p;
}

static void solve(normal_equations *e, size_t p, number *a) {
  const size_t rank = decompose(e, p);
  for (size_t k = 0; k < rank; k++) {
    number sum = e->right[k];
    for (size_t j = 0; j < k; j++) {
      const number l = e->matrix[k][j], y = a[j];
      sum.re -= l.re * y.re - l.im * y.im;
      sum.im -= l.re * y.im + l.im * y.re;
    }
    a[k] = (number){sum.re / e->matrix[k][k].re, sum.im / e->matrix[k][k].re};
  }
  for (size_t k = rank; k-- > 0;) {
    number sum = a[k];
    for (size_t j = k + 1; j < rank; j++) {
      const number l = conjugate(e->matrix[j][k]), y = a[j];
      sum.re -= l.re * y.re - l.im * y.im;
      sum.im -= l.re * y.im + l.im * y.re;
    }
    a[k] = (number){sum.re / e->matrix[k][k].re, sum.im / e->matrix[k][k].re};
  }
  for (size_t k = rank; k < p; k++) a[k] = (number){0, 0};
}

static number predict(const number *x, size_t n, size_t p, const number *a, size_t i) {
  number sum = {0, 0};
  const int forward = i >= p, backward = i + p < n;
  for (size_t k = 0; forward && k < p; k++) add_product(&sum, a[k], x[i - 1 - k]);
  for (size_t k = 0; backward && k < p; k++) add_product(&sum, conjugate(a[k]), x[i + 1 + k]);
  const double share = forward && backward ? 0.5 : 1;
  return (number){share * sum.re, share * sum.im};
}

void sp_fx_predict(float *x, size_t stride, size_t n, size_t p, double prewhitening, double *work) {
  number *in = (number *)work, a[SP_FX_MAX_LENGTH];
  normal_equations e;
  for (size_t i = 0; i < n; i++) in[i] = (number){x[i * stride], x[i * stride + 1]};
  set_up(in, n, p, prewhitening, &e);
  solve(&e, p, a);
  for (size_t i = 0; i < n; i++) {
    const number y = predict(in, n, p, a, i);
    x[i * stride] = (float)y.re;
    x[i * stride + 1] = (float)y.im;
  }
}
