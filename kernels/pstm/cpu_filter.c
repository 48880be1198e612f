/* SPDX-License-Identifier: BSD-3-Clause */
/* A trace made ready: the derivative D, the finer grid, and the bank of triangles against operator aliasing.
 *
 *   D         -i w in 3-D, sqrt(-i w) on a line, on the trace padded with zeros to a power of two of at least twice its
 *             length; 0 at the Nyquist frequency. Forward transforms have exp(-i w t).
 *   finer     the spectrum padded with zeros to `oversample` times the length
 *   triangle  (1 - |j| / (k + 1)) / (k + 1) for |j| <= k: two running means of k + 1 samples, one each way, of the
 * trace with zeros around it; k is a half length of the bank times `oversample`. Prefix sums are double.
 */
#include <fftw3.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "kernels/pstm/cpu.h"
#include "seisproc/memory.h"

static const uint32_t half_lengths[SP_PSTM_LEVELS] = SP_PSTM_HALF_LENGTHS;

typedef struct workspace {
  float *time;            /* [length * oversample] */
  fftwf_complex *freq;    /* [length * oversample / 2 + 1] */
  double *first, *second; /* [fine + longest + 1] prefix sums */
  float *level[2];        /* [fine] */
} workspace;

struct sp_pstm_filter {
  uint32_t n_samples, fine, length, oversample, longest; /* longest: fine samples */
  bool antialias;
  float largest;
  size_t bank_row;
  fftwf_plan forward, inverse;
  float *response; /* [length / 2 + 1][2] D and the transform's scale */
  int n_threads;
  workspace *work; /* [n_threads] */
};

static uint32_t padded_length(uint32_t n_samples) {
  uint32_t length = 1;
  while (length < 2 * n_samples) length *= 2;
  return length;
}

static size_t prefix_length(const sp_pstm_config *config) {
  return (size_t)sp_pstm_fine(config) + half_lengths[SP_PSTM_LEVELS - 1] * config->oversample + 1;
}

size_t sp_pstm_filter_bytes(const sp_pstm_config *config, int n_threads) {
  const size_t length = (size_t)padded_length(config->n_samples) * config->oversample;
  const size_t each = length * sizeof(float) + (length / 2 + 1) * sizeof(fftwf_complex) +
                      2 * prefix_length(config) * sizeof(double) + 2 * sp_pstm_fine(config) * sizeof(float);
  return (size_t)n_threads * each + length / config->oversample * sizeof(float);
}

float sp_pstm_largest_sample(const sp_pstm_config *config) {
  return (float)(FLT_MAX / (4.0 * config->n_samples * fmax(1, M_PI / config->interval_s)));
}

static sp_status allocate(const sp_pstm_config *config, workspace *w) {
  const size_t length = (size_t)padded_length(config->n_samples) * config->oversample, fine = sp_pstm_fine(config);
  SP_TRY(sp_alloc(length * sizeof(float), "a trace of pstm", &w->time));
  SP_TRY(sp_alloc((length / 2 + 1) * sizeof(fftwf_complex), "a spectrum of pstm", &w->freq));
  SP_TRY(sp_alloc(prefix_length(config) * sizeof(double), "sums of pstm", &w->first));
  SP_TRY(sp_alloc(prefix_length(config) * sizeof(double), "sums of pstm", &w->second));
  SP_TRY(sp_alloc(fine * sizeof(float), "a level of pstm", &w->level[0]));
  return sp_alloc(fine * sizeof(float), "a level of pstm", &w->level[1]);
}

/* D of the frequency, and 1 / length for the two transforms. */
static void set_response(const sp_pstm_config *config, sp_pstm_filter *f) {
  for (uint32_t i = 0; i <= f->length / 2; i++) {
    const double w = 2 * M_PI * i / (f->length * config->interval_s);
    double real = 1, imaginary = 0;
    if (config->derivative && config->line) {
      real = sqrt(0.5 * w);
      imaginary = -real;
    } else if (config->derivative) {
      real = 0;
      imaginary = -w;
    }
    const double scale = i == f->length / 2 ? 0 : 1.0 / f->length;
    f->response[2 * i] = (float)(real * scale);
    f->response[2 * i + 1] = (float)(imaginary * scale);
  }
}

sp_status sp_pstm_filter_create(const sp_pstm_config *config, int n_threads, sp_pstm_filter **out) {
  sp_pstm_filter *f = NULL;
  sp_status status = sp_calloc(1, sizeof *f, "the filter of pstm", &f);
  if (status != SP_SUCCESS) return status;
  f->n_samples = config->n_samples;
  f->fine = sp_pstm_fine(config);
  f->length = padded_length(config->n_samples);
  f->oversample = config->oversample;
  f->longest = half_lengths[SP_PSTM_LEVELS - 1] * config->oversample;
  f->antialias = config->antialias;
  f->largest = sp_pstm_largest_sample(config);
  f->bank_row = sp_pstm_bank_row(config);
  f->n_threads = n_threads;
  SP_TRY_GOTO(fail, sp_calloc((size_t)n_threads, sizeof *f->work, "the filter of pstm", &f->work));
  for (int i = 0; i < n_threads; i++) SP_TRY_GOTO(fail, allocate(config, &f->work[i]));
  SP_TRY_GOTO(fail, sp_alloc((f->length + 2) * sizeof(float), "the response of pstm", &f->response));
  set_response(config, f);
  workspace *w = f->work;
  f->forward = fftwf_plan_dft_r2c_1d((int)f->length, w->time, w->freq, FFTW_ESTIMATE);
  f->inverse = fftwf_plan_dft_c2r_1d((int)(f->length * f->oversample), w->freq, w->time, FFTW_ESTIMATE);
  if (!f->forward || !f->inverse) {
    status = SP_RAISE(SP_ERR_INTERNAL, "pstm: no transform of %u samples", f->length);
    goto fail;
  }
  *out = f;
  return SP_SUCCESS;
fail:
  sp_pstm_filter_destroy(f);
  return status;
}

void sp_pstm_filter_destroy(sp_pstm_filter *f) {
  if (!f) return;
  if (f->forward) fftwf_destroy_plan(f->forward);
  if (f->inverse) fftwf_destroy_plan(f->inverse);
  for (int i = 0; f->work && i < f->n_threads; i++) {
    sp_free(f->work[i].time);
    sp_free(f->work[i].freq);
    sp_free(f->work[i].first);
    sp_free(f->work[i].second);
    sp_free(f->work[i].level[0]);
    sp_free(f->work[i].level[1]);
  }
  sp_free(f->work);
  sp_free(f->response);
  sp_free(f);
}

double sp_pstm_filter_trace(sp_pstm_filter *f, int thread, const float *samples) {
  workspace *w = &f->work[thread];
  for (uint32_t i = 0; i < f->n_samples; i++) {
    if (!(fabsf(samples[i]) <= f->largest)) return NAN; /* or no number */
  }
  memcpy(w->time, samples, f->n_samples * sizeof(float));
  memset(w->time + f->n_samples, 0, (f->length - f->n_samples) * sizeof(float));
  fftwf_execute_dft_r2c(f->forward, w->time, w->freq);
  const uint32_t half = f->length / 2, fine_half = half * f->oversample;
  for (uint32_t i = 0; i <= half; i++) {
    const float a = w->freq[i][0], b = w->freq[i][1], c = f->response[2 * i], d = f->response[2 * i + 1];
    w->freq[i][0] = a * c - b * d;
    w->freq[i][1] = a * d + b * c;
  }
  memset(w->freq + half + 1, 0, (fine_half - half) * sizeof(fftwf_complex));
  fftwf_execute_dft_c2r(f->inverse, w->freq, w->time);
  float peak = 0; /* gcc 12 for aarch64 cannot compile a loop that takes the largest as double */
  for (uint32_t i = 0; i < f->fine; i++) peak = fmaxf(peak, fabsf(w->time[i]));
  return (double)peak;
}

/* out[fine] = the trace under the triangle of half length k, fine samples. */
static void make_level(const sp_pstm_filter *f, const workspace *w, uint32_t k, float *out) {
  if (k == 0) {
    memcpy(out, w->time, f->fine * sizeof(float));
    return;
  }
  const double share = 1.0 / (k + 1);
  const double *first = w->first;
  double *second = w->second, sum = 0;
  const uint32_t end = f->fine + k;
  for (uint32_t i = 0; i <= k; i++) second[i] = sum += first[i] * share;
  for (uint32_t i = k + 1; i < end; i++) second[i] = sum += (first[i] - first[i - k - 1]) * share;
  out[0] = (float)(second[k] * share);
  for (uint32_t i = 1; i < f->fine; i++) out[i] = (float)((second[i + k] - second[i - 1]) * share);
}

void sp_pstm_filter_bank(sp_pstm_filter *f, int thread, float *bank) {
  workspace *w = &f->work[thread];
  if (!f->antialias) {
    memcpy(bank, w->time, f->fine * sizeof(float));
    memset(bank + f->fine, 0, (f->bank_row - f->fine) * sizeof(float));
    return;
  }
  double sum = 0;
  for (uint32_t i = 0; i < f->fine; i++) w->first[i] = sum += (double)w->time[i];
  for (uint32_t i = f->fine; i < f->fine + f->longest + 1; i++) w->first[i] = sum;
  make_level(f, w, 0, w->level[0]);
  for (int level = 0; level + 1 < SP_PSTM_LEVELS; level++) {
    const float *low = w->level[level % 2];
    float *high = w->level[(level + 1) % 2], *row = bank + (size_t)level * f->bank_row;
    make_level(f, w, half_lengths[level + 1] * f->oversample, high);
    for (uint32_t i = 0; i < f->fine; i++) {
      row[2 * i] = low[i];
      row[2 * i + 1] = high[i];
    }
    memset(row + 2 * (size_t)f->fine, 0, (f->bank_row - 2 * (size_t)f->fine) * sizeof(float));
  }
}
