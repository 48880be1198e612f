/* SPDX-License-Identifier: BSD-3-Clause */
/* f-x prediction on the CPU: windows of traces one after the other, in each all windows in time. */
#include <complex.h>
#include <fftw3.h>
#include <math.h>
#include <string.h>

#include "kernels/common/good_length.h"
#include "kernels/fx_decon/fx_decon.h"
#include "kernels/fx_decon/predict.h"
#include "seisproc/memory.h"

typedef struct fx_plan {
  sp_plan base;
  sp_fx_decon_params params;
  size_t n_samples, window, hop, n_windows; /* in time; samples */
  size_t length, n_bins;                    /* of the transform */
  size_t first_bin, end_bin;                /* that are kept */
  float *taper;                             /* [window], with 1 / length in it */
  fftwf_plan forward, backward;
  char *work;
  size_t spectra_at, row_at, work_bytes; /* a thread: samples of a window, spectra, a row of numbers */
} fx_plan;

static void destroy(sp_plan *base) {
  fx_plan *p = (fx_plan *)base;
  if (!p) return;
  if (p->forward) fftwf_destroy_plan(p->forward);
  if (p->backward) fftwf_destroy_plan(p->backward);
  sp_free(p->work);
  sp_free(p->taper);
  sp_free(p);
}

static sp_status plan_transforms(fx_plan *p, int n_threads) {
  void *block;
  const size_t traces = (size_t)p->params.traces;
  p->spectra_at = sp_aligned(p->length * sizeof(float));
  p->row_at = p->spectra_at + sp_aligned(traces * p->n_windows * p->n_bins * sizeof(fftwf_complex));
  p->work_bytes = p->row_at + sp_aligned(4 * traces * sizeof(double));
  SP_TRY(sp_calloc((size_t)n_threads, p->work_bytes, "work of fx_decon", &block));
  p->work = block;
  float *samples = (float *)p->work;
  fftwf_complex *bins = (fftwf_complex *)(p->work + p->spectra_at);
  /* a spectrum may begin anywhere in the work */
  p->forward = fftwf_plan_dft_r2c_1d((int)p->length, samples, bins, FFTW_ESTIMATE | FFTW_UNALIGNED);
  p->backward = fftwf_plan_dft_c2r_1d((int)p->length, bins, samples, FFTW_ESTIMATE | FFTW_UNALIGNED);
  if (p->forward && p->backward) return SP_SUCCESS;
  return SP_RAISE(SP_ERR_INTERNAL, "fx_decon: no plan for windows of %zu samples", p->length);
}

static sp_status plan_windows(fx_plan *p, const sp_geometry *geometry) {
  void *block;
  const double dt = geometry->sample_interval_s;
  p->n_samples = geometry->n_samples;
  p->hop = (size_t)fmax(2, round(p->params.window * 1e-3 / dt / 2));
  p->window = 2 * p->hop;
  p->n_windows = (p->n_samples + p->hop - 1) / p->hop + 1;
  p->length = sp_good_length((uint32_t)(p->window + p->window / 2), true);
  p->n_bins = p->length / 2 + 1;
  const double step = 1 / ((double)p->length * dt);
  p->first_bin = (size_t)fmin(ceil(p->params.fmin / step - 1e-9), (double)p->n_bins);
  p->end_bin =
      isnan(p->params.fmax) ? p->n_bins : (size_t)fmin(floor(p->params.fmax / step + 1e-9) + 1, (double)p->n_bins);
  if (p->first_bin >= p->end_bin) {
    return SP_RAISE(SP_ERR_USAGE,
                    "fx_decon: fmin %g and fmax %g Hz: none of the frequencies 0, %g ... %g Hz lies between",
                    p->params.fmin, p->params.fmax, step, step * (double)(p->n_bins - 1));
  }
  SP_TRY(sp_alloc(p->window * sizeof(float), "the taper of fx_decon", &block));
  p->taper = block;
  for (size_t i = 0; i < p->window; i++) {
    const double s = sin(M_PI * ((double)i + 0.5) / (double)p->window);
    p->taper[i] = (float)(s * s / (double)p->length);
  }
  return SP_SUCCESS;
}

static sp_status plan(const void *values, const sp_geometry *geometry, sp_plan **out) {
  void *block;
  sp_status status;
  SP_TRY(sp_calloc(1, sizeof(fx_plan), "the plan of fx_decon", &block));
  fx_plan *p = block;
  p->params = *(const sp_fx_decon_params *)values;
  const uint32_t rows = 8 * (uint32_t)p->params.traces; /* windows at both edges of a call are computed twice */
  p->base = (sp_plan){.ops = &sp_fx_decon_cpu, .locality = SP_LOCAL_BLOCK, .block_traces = rows, .compares = true};
  SP_TRY_GOTO(fail, plan_windows(p, geometry));
  SP_TRY_GOTO(fail, plan_transforms(p, geometry->n_threads));
  *out = &p->base;
  return SP_SUCCESS;
fail:
  destroy(&p->base);
  return status;
}

/* Sample of the trace at which window k begins; may be before the first. */
static ptrdiff_t window_start(const fx_plan *p, size_t k) {
  return (ptrdiff_t)(k * p->hop) - (ptrdiff_t)p->hop;
}

static fftwf_complex *spectrum(const fx_plan *p, char *work, size_t trace, size_t window) {
  return (fftwf_complex *)(work + p->spectra_at) + (trace * p->n_windows + window) * p->n_bins;
}

static void transform(const fx_plan *p, char *work, size_t trace, const float *in) {
  float *samples = (float *)work;
  for (size_t k = 0; k < p->n_windows; k++) {
    const ptrdiff_t start = window_start(p, k);
    memset(samples, 0, p->length * sizeof(float));
    for (size_t i = 0; i < p->window; i++) {
      const ptrdiff_t at = start + (ptrdiff_t)i;
      if (at >= 0 && at < (ptrdiff_t)p->n_samples) samples[i] = in[at] * p->taper[i];
    }
    fftwf_execute_dft_r2c(p->forward, samples, spectrum(p, work, trace, k));
  }
}

/* Adds a trace's windows, with the weight of this window of traces. */
static void add_back(const fx_plan *p, char *work, size_t trace, float weight, float *out) {
  float *samples = (float *)work;
  for (size_t k = 0; k < p->n_windows; k++) {
    const ptrdiff_t start = window_start(p, k);
    fftwf_execute_dft_c2r(p->backward, spectrum(p, work, trace, k), samples);
    for (size_t i = 0; i < p->window; i++) {
      const ptrdiff_t at = start + (ptrdiff_t)i;
      if (at >= 0 && at < (ptrdiff_t)p->n_samples) out[at] += weight * samples[i];
    }
  }
}

static void predict_window(const fx_plan *p, char *work, size_t traces) {
  const size_t stride = 2 * p->n_windows * p->n_bins;
  const double prewhitening = 1e-2 * p->params.prewhitening;
  double *row = (double *)(work + p->row_at);
  for (size_t k = 0; k < p->n_windows; k++) {
    float *bins = (float *)spectrum(p, work, 0, k);
    for (size_t f = 0; f < p->n_bins; f++) {
      if (f >= p->first_bin && f < p->end_bin) {
        sp_fx_predict(bins + 2 * f, stride, traces, (size_t)p->params.length, prewhitening, row);
      } else {
        for (size_t i = 0; i < traces; i++) bins[i * stride + 2 * f] = bins[i * stride + 2 * f + 1] = 0;
      }
    }
  }
}

/* Windows of traces, evenly spread: of `width`, the first at 0 and the last at the end. */
typedef struct spread {
  size_t n_traces, width, count;
} spread;

static spread spread_windows(size_t n_traces, size_t width) {
  spread s = {n_traces, width < n_traces ? width : n_traces, 1};
  if (s.width < n_traces) s.count = (n_traces - s.width + width / 2 - 1) / (width / 2) + 1;
  return s;
}

static size_t spread_start(const spread *s, size_t j) {
  return s->count > 1 ? j * (s->n_traces - s->width) / (s->count - 1) : 0;
}

static double window_weight(const spread *s, size_t j, size_t trace) {
  const size_t start = spread_start(s, j);
  if (trace < start || trace >= start + s->width) return 0;
  const double c = sin(M_PI * ((double)(trace - start) + 0.5) / (double)s->width);
  return c * c;
}

/* The share that window j has of this trace. Windows start at least half a width less one trace apart, so no trace lies
 * in more than five of them. */
static float share_of(const spread *s, size_t j, size_t trace) {
  double sum = 0;
  for (size_t i = j > 4 ? j - 4 : 0; i < s->count && i <= j + 4; i++) sum += window_weight(s, i, trace);
  return (float)(window_weight(s, j, trace) / sum);
}

static sp_reason apply(const sp_plan *base, int thread, const sp_block *block) {
  const fx_plan *p = (const fx_plan *)base;
  char *work = p->work + (size_t)thread * p->work_bytes;
  if (block->n_traces < 2 * (uint32_t)p->params.length) return SP_REASON_TOO_SHORT;
  const size_t n = p->n_samples, first = block->first, end = first + block->count;
  const spread s = spread_windows(block->n_traces, (size_t)p->params.traces);
  memset(block->out + first * n, 0, block->count * n * sizeof(float));
  for (size_t j = 0; j < s.count; j++) {
    const size_t start = spread_start(&s, j);
    if (start + s.width <= first || start >= end) continue;
    for (size_t i = 0; i < s.width; i++) transform(p, work, i, block->in + (start + i) * n);
    predict_window(p, work, s.width);
    for (size_t i = 0; i < s.width; i++) {
      const size_t trace = start + i;
      if (trace >= first && trace < end) add_back(p, work, i, share_of(&s, j, trace), block->out + trace * n);
    }
  }
  return SP_REASON_OK;
}

const sp_cpu_ops sp_fx_decon_cpu = {plan, apply, destroy};
