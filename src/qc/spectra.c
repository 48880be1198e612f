/* SPDX-License-Identifier: BSD-3-Clause */
/* Spectra and similarity of panels. FFTW plans are made by estimate, so that they are the same each time. */
#include <fftw3.h>
#include <math.h>
#include <string.h>

#include "seisproc/memory.h"
#include "src/qc/panels.h"

static size_t power_of_two(size_t n) {
  size_t p = 1;
  while (p < n) p *= 2;
  return p;
}

sp_status sp_mean_spectrum(const float *rows, size_t n_traces, size_t n_samples, double **spectrum, size_t *n_bins) {
  const size_t n = power_of_two(n_samples), bins = n / 2 + 1;
  double *sum = NULL;
  float *in = NULL;
  fftwf_complex *out = NULL;
  sp_status status;
  SP_TRY_GOTO(out, sp_calloc(bins, sizeof *sum, "a spectrum", &sum));
  SP_TRY_GOTO(out, sp_calloc(n, sizeof *in, "a spectrum", &in));
  SP_TRY_GOTO(out, sp_calloc(bins, sizeof *out, "a spectrum", &out));
  fftwf_plan plan = fftwf_plan_dft_r2c_1d((int)n, in, out, FFTW_ESTIMATE);
  for (size_t t = 0; t < n_traces; t++) {
    memset(in, 0, n * sizeof *in);
    memcpy(in, rows + t * n_samples, n_samples * sizeof *in);
    fftwf_execute(plan);
    for (size_t k = 0; k < bins; k++) sum[k] += hypot((double)out[k][0], (double)out[k][1]);
  }
  fftwf_destroy_plan(plan);
  for (size_t k = 0; k < bins && n_traces > 0; k++) sum[k] /= (double)n_traces;
  *spectrum = sum;
  *n_bins = bins;
  sum = NULL;
out:
  sp_free(out);
  sp_free(in);
  sp_free(sum);
  return status;
}

/* From FFTW's order to k ascending; its exponent is -2 pi i (f t + q x), so that k is -q. */
static void arrange(const fftwf_complex *out, size_t n_x, size_t n_f, float *amplitude) {
  for (size_t row = 0; row < n_x; row++) {
    const size_t q = (n_x - row + n_x / 2) % n_x; /* k = row - n_x / 2 */
    for (size_t f = 0; f < n_f; f++) {
      const fftwf_complex *z = &out[q * n_f + f];
      amplitude[row * n_f + f] = (float)hypot((double)(*z)[0], (double)(*z)[1]);
    }
  }
}

static double sum_of_all_bins(const float *amplitude, size_t n_x, size_t n_f, size_t n_t) {
  double sum = 0;
  for (size_t i = 0; i < n_x * n_f; i++) {
    const size_t f = i % n_f;
    const double twice = f == 0 || 2 * f == n_t ? 1 : 2;
    sum += twice * (double)amplitude[i] * (double)amplitude[i];
  }
  return sum;
}

sp_status sp_fk_transform(const float *rows, size_t n_traces, size_t n_samples, sp_fk_panel *panel) {
  const size_t n_t = power_of_two(n_samples), n_x = power_of_two(n_traces), n_f = n_t / 2 + 1;
  float *in = NULL;
  fftwf_complex *out = NULL;
  double energy = 0;
  sp_status status;
  *panel = (sp_fk_panel){.n_k = n_x, .n_f = n_f};
  SP_TRY_GOTO(out, sp_calloc(n_x * n_t, sizeof *in, "an f-k panel", &in));
  SP_TRY_GOTO(out, sp_alloc(n_x * n_f * sizeof *out, "an f-k panel", &out));
  SP_TRY_GOTO(out, sp_alloc(n_x * n_f * sizeof(float), "an f-k panel", &panel->amplitude));
  fftwf_plan plan = fftwf_plan_dft_r2c_2d((int)n_x, (int)n_t, in, out, FFTW_ESTIMATE);
  for (size_t t = 0; t < n_traces; t++) {
    for (size_t i = 0; i < n_samples; i++) {
      const double hann = 0.5 - 0.5 * cos(2 * M_PI * ((double)i + 0.5) / (double)n_samples);
      const double value = hann * (double)rows[t * n_samples + i];
      in[t * n_t + i] = (float)value;
      energy += value * value;
    }
  }
  fftwf_execute(plan);
  fftwf_destroy_plan(plan);
  arrange(out, n_x, n_f, panel->amplitude);
  const double all = sum_of_all_bins(panel->amplitude, n_x, n_f, n_t) / (double)(n_x * n_t);
  panel->parseval = energy > 0 ? all / energy : 1;
out:
  sp_free(out);
  sp_free(in);
  return status;
}

/* Running means over 2 half + 1 values, fewer at the ends, `stride` apart; in place, by way of spare[n]. */
static void smooth(double *x, size_t n, size_t stride, size_t half, double *spare) {
  double sum = 0;
  size_t first = 0, end = 0;
  for (size_t i = 0; i < n; i++) spare[i] = x[i * stride];
  for (size_t i = 0; i < n; i++) {
    for (; end < n && end <= i + half; end++) sum += spare[end];
    for (; first + half < i; first++) sum -= spare[first];
    x[i * stride] = sum;
  }
}

static sp_status smoothed(const float *a, const float *b, size_t n_traces, size_t n_samples, size_t half_traces,
                          size_t half_samples, double *out) {
  double *spare = NULL;
  const size_t longest = n_traces > n_samples ? n_traces : n_samples;
  SP_TRY(sp_alloc(longest * sizeof *spare, "a panel", &spare));
  for (size_t i = 0; i < n_traces * n_samples; i++) out[i] = (double)a[i] * (double)b[i];
  for (size_t t = 0; t < n_traces; t++) smooth(out + t * n_samples, n_samples, 1, half_samples, spare);
  for (size_t i = 0; i < n_samples; i++) smooth(out + i, n_traces, n_samples, half_traces, spare);
  sp_free(spare);
  return SP_SUCCESS;
}

sp_status sp_similarity(const float *a, const float *b, size_t n_traces, size_t n_samples, size_t half_traces,
                        size_t half_samples, float *out) {
  const size_t n = n_traces * n_samples;
  const float *const pairs[3][2] = {{a, b}, {a, a}, {b, b}};
  double *sums = NULL, largest[3] = {0};
  SP_TRY(sp_alloc(3 * n * sizeof *sums, "a panel", &sums));
  for (int k = 0; k < 3; k++) {
    const sp_status status =
        smoothed(pairs[k][0], pairs[k][1], n_traces, n_samples, half_traces, half_samples, sums + k * n);
    if (status != SP_SUCCESS) {
      sp_free(sums);
      return status;
    }
    for (size_t i = 0; i < n; i++) largest[k] = fmax(largest[k], fabs(sums[k * n + i]));
  }
  for (size_t i = 0; i < n; i++) {
    /* running sums leave rounding errors where all is zero */
    const double aa = sums[n + i], bb = sums[2 * n + i];
    const bool nothing = aa <= 1e-12 * largest[1] || bb <= 1e-12 * largest[2];
    out[i] = (float)(nothing ? 0 : fmin(1, fabs(sums[i]) / sqrt(aa) / sqrt(bb)));
  }
  sp_free(sums);
  return SP_SUCCESS;
}
