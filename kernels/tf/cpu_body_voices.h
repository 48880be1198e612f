/* Voices of the S-transform, one a lane. With few bins of the spectrum to many times, or the other way round, the
 * spectrum is folded to the length of the transform as it is read. Part of each file tf_kernels_<isa>.c.
 */
#ifndef SEISPROC_KERNELS_TF_CPU_BODY_VOICES_H
#define SEISPROC_KERNELS_TF_CPU_BODY_VOICES_H

static void modulate(size_t n, const float *re, const float *im, const float *cosine, const float *sine, float *out_re,
                     float *out_im) {
  for (size_t k = 0; k < n; k += SP_LANES) {
    const vf a = vf_load(re + k), b = vf_load(im + k), c = vf_load(cosine + k), s = vf_load(sine + k);
    vf_store(out_re + k, multiply_from(b, s, a * c));
    vf_store(out_im + k, num_fused(b, c, a * s));
  }
}

/* --- analysis ------------------------------------------------------------------------------------------------ */

typedef struct spectrum {
  const float *re, *im;
} spectrum;

/* Sum of the bins k, k + n, ... of each voice. */
SP_INLINE complex_vf folded(const sp_tf_voices *v, spectrum s, size_t k) {
  complex_vf sum = {vf_set(0), vf_set(0)};
  for (; k < v->n_bins; k += v->fft->n) {
    const vf window = vf_load(v->windows + k * SP_LANES);
    sum.re = num_fused(vf_set(s.re[k]), window, sum.re);
    sum.im = num_fused(vf_set(s.im[k]), window, sum.im);
  }
  return sum;
}

SP_INLINE void first_of_spectrum(const sp_tf_voices *v, int radix, spectrum s, complex_vf *y) {
  const sp_tf_fft_pass *pass = &v->fft->pass[0];
  const float *twiddle = pass->twiddles;
  for (size_t p = 0; p < pass->groups; p++) {
    complex_vf a[MAX_RADIX];
#pragma GCC unroll 8
    for (int i = 0; i < radix; i++) a[i] = folded(v, s, p + (size_t)i * pass->groups);
    transform_small(a, radix);
    store_turned(a, radix, twiddle, 1, y + p * (size_t)radix);
    twiddle += 2 * (radix - 1);
  }
}

SP_INLINE void store_coefficient(complex_vf x, float *mag, float *re, float *im) {
  if (im) {
    store_polar(x, mag, re, im);
  } else {
    vf magnitude;
    vf_store(re, x.re * inverse_magnitude(x, &magnitude));
    vf_store(mag, magnitude);
  }
}

SP_INLINE void last_to_coefficients(const sp_tf_fft *fft, int radix, const complex_vf *x, size_t step, float *mag,
                                    float *re, float *im) {
  const size_t stride = fft->pass[fft->n_passes - 1].stride;
  for (size_t q = 0; q < stride; q++) {
    complex_vf a[MAX_RADIX];
#pragma GCC unroll 8
    for (int i = 0; i < radix; i++) a[i] = x[q + (size_t)i * stride];
    transform_small(a, radix);
#pragma GCC unroll 8
    for (int i = 0; i < radix; i++) {
      const size_t at = (q + (size_t)i * stride) * step;
      store_coefficient(a[i], mag + at, re + at, im ? im + at : NULL);
    }
  }
}

static void voices_analyse(const sp_tf_voices *v, float *buffers, const float *spectrum_re, const float *spectrum_im,
                           size_t step, float *mag, float *re, float *im) {
  const sp_tf_fft *fft = v->fft;
  const spectrum s = {spectrum_re, spectrum_im};
  complex_vf *a = (complex_vf *)buffers, *b = a + fft->n;
  switch (fft->pass[0].radix) {
  case 2:
    first_of_spectrum(v, 2, s, a);
    break;
  case 3:
    first_of_spectrum(v, 3, s, a);
    break;
  case 4:
    first_of_spectrum(v, 4, s, a);
    break;
  case 5:
    first_of_spectrum(v, 5, s, a);
    break;
  case 8:
    first_of_spectrum(v, 8, s, a);
    break;
  }
  a = run_middle_passes(fft, a, b);
  switch (fft->pass[fft->n_passes - 1].radix) {
  case 2:
    last_to_coefficients(fft, 2, a, step, mag, re, im);
    break;
  case 3:
    last_to_coefficients(fft, 3, a, step, mag, re, im);
    break;
  case 4:
    last_to_coefficients(fft, 4, a, step, mag, re, im);
    break;
  case 5:
    last_to_coefficients(fft, 5, a, step, mag, re, im);
    break;
  case 8:
    last_to_coefficients(fft, 8, a, step, mag, re, im);
    break;
  }
}

/* --- synthesis ----------------------------------------------------------------------------------------------- */

/* Lane i of the result is the sum over the lanes of r[i]. */
SP_INLINE vf sum_lanes(vf r[SP_LANES]) {
  transpose(r);
#pragma GCC unroll 4
  for (int width = SP_LANES / 2; width > 0; width /= 2) {
#pragma GCC unroll 16
    for (int i = 0; i < width; i++) r[i] += r[i + width];
  }
  return r[0];
}

/* Of SP_LANES rows, `step` floats apart, of which there are n, times counts. */
SP_INLINE vf sum_rows(size_t n, const float *rows, size_t step, vf counts) {
  vf r[SP_LANES];
  for (size_t l = 0; l < SP_LANES; l++) r[l] = l < n ? counts * vf_load(rows + l * step) : vf_set(0);
  return sum_lanes(r);
}

/* Adds to sum[0 ... n-1] what n rows sum to. */
SP_INLINE void add_rows(size_t n, const float *rows, size_t step, vf counts, float *sum) {
  size_t i = 0;
  for (; i + SP_LANES <= n; i += SP_LANES) {
    vf_store(sum + i, vf_load(sum + i) + sum_rows(SP_LANES, rows + i * step, step, counts));
  }
  if (i == n) return;
  const vf rest = sum_rows(n - i, rows + i * step, step, counts);
  for (size_t l = 0; i + l < n; l++) sum[i + l] += rest[l];
}

static void voices_sum(const sp_tf_voices *v, size_t n, const float *re, double *sum) {
  const vf counts = vf_load(v->counts);
  float part[SP_LANES];
  size_t i = 0;
  for (; i + SP_LANES <= n; i += SP_LANES) {
    vf_store(part, sum_rows(SP_LANES, re + i * SP_LANES, SP_LANES, counts));
    for (size_t l = 0; l < SP_LANES; l++) sum[i + l] += part[l];
  }
  if (i == n) return;
  vf_store(part, sum_rows(n - i, re + i * SP_LANES, SP_LANES, counts));
  for (size_t l = 0; i + l < n; l++) sum[i + l] += part[l];
}

/* The forward transform is the inverse one with real and imaginary parts exchanged, on both sides. */
SP_INLINE void first_of_coefficients(const sp_tf_fft *fft, int radix, const float *re, const float *im, complex_vf *y) {
  const sp_tf_fft_pass *pass = &fft->pass[0];
  const float *twiddle = pass->twiddles;
  for (size_t p = 0; p < pass->groups; p++) {
    complex_vf a[MAX_RADIX];
#pragma GCC unroll 8
    for (int i = 0; i < radix; i++) {
      const size_t at = (p + (size_t)i * pass->groups) * SP_LANES;
      a[i] = (complex_vf){vf_load(im + at), vf_load(re + at)};
    }
    transform_small(a, radix);
    store_turned(a, radix, twiddle, 1, y + p * (size_t)radix);
    twiddle += 2 * (radix - 1);
  }
}

static void voices_synthesise(const sp_tf_voices *v, float *buffers, const float *re, const float *im, float *sum_re,
                              float *sum_im) {
  const sp_tf_fft *fft = v->fft;
  complex_vf *a = (complex_vf *)buffers, *b = a + fft->n;
  switch (fft->pass[0].radix) {
  case 2:
    first_of_coefficients(fft, 2, re, im, a);
    break;
  case 3:
    first_of_coefficients(fft, 3, re, im, a);
    break;
  case 4:
    first_of_coefficients(fft, 4, re, im, a);
    break;
  case 5:
    first_of_coefficients(fft, 5, re, im, a);
    break;
  case 8:
    first_of_coefficients(fft, 8, re, im, a);
    break;
  }
  complex_vf *x = run_middle_passes(fft, a, b), *y = x == a ? b : a;
  run_middle_pass(&fft->pass[fft->n_passes - 1], x, y);
  const vf counts = vf_load(v->counts) / (float)fft->n;
  add_rows(fft->n, (const float *)&y->im, 2 * SP_LANES, counts, sum_re);
  add_rows(fft->n, (const float *)&y->re, 2 * SP_LANES, counts, sum_im);
}

#endif
