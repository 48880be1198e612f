/* SPDX-License-Identifier: BSD-3-Clause */
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
      store_polar(a[i], mag + at, re + at, im + at);
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

/* The forward transform is the inverse one with real and imaginary parts exchanged, on both sides. */
SP_INLINE void first_of_coefficients(const sp_tf_fft *fft, int radix, const float *re, const float *im, size_t step,
                                     complex_vf *y) {
  const sp_tf_fft_pass *pass = &fft->pass[0];
  const float *twiddle = pass->twiddles;
  for (size_t p = 0; p < pass->groups; p++) {
    complex_vf a[MAX_RADIX];
#pragma GCC unroll 8
    for (int i = 0; i < radix; i++) {
      const size_t at = (p + (size_t)i * pass->groups) * step;
      a[i] = (complex_vf){vf_load(im + at), vf_load(re + at)};
    }
    transform_small(a, radix);
    store_turned(a, radix, twiddle, 1, y + p * (size_t)radix);
    twiddle += 2 * (radix - 1);
  }
}

static void run_first_pass(const sp_tf_fft *fft, const float *re, const float *im, size_t step, complex_vf *y) {
  switch (fft->pass[0].radix) {
  case 2:
    first_of_coefficients(fft, 2, re, im, step, y);
    break;
  case 3:
    first_of_coefficients(fft, 3, re, im, step, y);
    break;
  case 4:
    first_of_coefficients(fft, 4, re, im, step, y);
    break;
  case 5:
    first_of_coefficients(fft, 5, re, im, step, y);
    break;
  case 8:
    first_of_coefficients(fft, 8, re, im, step, y);
    break;
  }
}

/* The bins of each voice as a row, followed by its first bins again: real parts, then imaginary parts. */
static size_t bins_to_rows(size_t n, const complex_vf *bins, float *rows) {
  const size_t row = sp_tf_padded(n + SP_LANES);
  for (size_t k = 0; k < n; k += SP_LANES) {
    vf re[SP_LANES], im[SP_LANES];
    for (size_t l = 0; l < SP_LANES; l++) {
      const complex_vf x = bins[k + l < n ? k + l : k];
      re[l] = x.im;
      im[l] = x.re;
    }
    transpose(re);
    transpose(im);
    for (size_t l = 0; l < SP_LANES; l++) {
      vf_store(rows + l * row + k, re[l]);
      vf_store(rows + (SP_LANES + l) * row + k, im[l]);
    }
  }
  for (size_t l = 0; l < 2 * SP_LANES; l++) memcpy(rows + l * row + n, rows + l * row, SP_LANES * sizeof *rows);
  return row;
}

/* Adds bins k ... of all voices under their windows, turned by exp(-i phase), to the spectrum. All rows are padded. */
SP_INLINE void add_voices(const sp_tf_voices *v, const float *rows, size_t row, size_t k, const float *cosine,
                          const float *sine, float *sum_re, float *sum_im) {
  const float *bins = rows + k % v->fft->n, *window = v->synthesis + k;
  vf re = vf_set(0), im = vf_set(0);
  SP_UNROLL
  for (size_t l = 0; l < SP_LANES; l++) {
    const vf weight = vf_load(window + l * v->synthesis_row);
    re = num_fused(weight, vf_load(bins + l * row), re);
    im = num_fused(weight, vf_load(bins + (SP_LANES + l) * row), im);
  }
  const vf c = vf_load(cosine + k), s = vf_load(sine + k);
  vf_store(sum_re + k, vf_load(sum_re + k) + num_fused(im, s, re * c));
  vf_store(sum_im + k, vf_load(sum_im + k) + multiply_from(re, s, im * c));
}

static void voices_synthesise(const sp_tf_voices *v, float *buffers, const float *re, const float *im, size_t step,
                              const float *cosine, const float *sine, float *sum_re, float *sum_im) {
  const sp_tf_fft *fft = v->fft;
  complex_vf *a = (complex_vf *)buffers, *b = a + fft->n;
  run_first_pass(fft, re, im, step, a);
  complex_vf *x = run_middle_passes(fft, a, b), *y = x == a ? b : a;
  run_middle_pass(&fft->pass[fft->n_passes - 1], x, y);
  float *rows = (float *)(b + fft->n);
  const size_t row = bins_to_rows(fft->n, y, rows);
  for (size_t k = 0; k < v->n_bins; k += SP_LANES) add_voices(v, rows, row, k, cosine, sine, sum_re, sum_im);
}

#endif
