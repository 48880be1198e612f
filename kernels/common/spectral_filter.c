/* SPDX-License-Identifier: BSD-3-Clause */
/* Zero-phase filters by FFTW, a trace a call. Plans are estimated, never measured: the bits must not depend on a
 * clock. */
#include "kernels/common/spectral_filter.h"

#include <complex.h>
#include <fftw3.h>
#include <math.h>
#include <string.h>

#include "kernels/common/good_length.h"
#include "seisproc/memory.h"

typedef struct filter {
  size_t n, length; /* samples of a trace, of the transform */
  size_t extension; /* samples */
  size_t n_bins;    /* length / 2 + 1 */
  float *factors;   /* [n_bins], with 1 / length in them */
  float *fade;      /* [extension] */
  fftwf_plan forward, backward;
  float *work;        /* a thread: samples, then bins */
  size_t work_floats; /* of a thread */
  size_t bins_at;
} filter;

double sp_cosine_flank(double x) {
  return x <= 0 ? 0 : x >= 1 ? 1 : 0.5 - 0.5 * cos(M_PI * x);
}

static sp_status make_tables(filter *f, double interval_s, sp_response response, const void *params) {
  void *block;
  SP_TRY(sp_alloc(f->n_bins * sizeof(float), "the response of a filter", &block));
  f->factors = block;
  SP_TRY(sp_alloc(f->extension * sizeof(float), "the fade of a filter", &block));
  f->fade = block;
  const double step = 1 / ((double)f->length * interval_s);
  for (size_t j = 0; j < f->n_bins; j++) {
    f->factors[j] = (float)(response(params, (double)j * step) / (double)f->length);
  }
  for (size_t i = 0; i < f->extension; i++) {
    const double c = cos(M_PI * ((double)i + 0.5) / (2 * (double)f->extension));
    f->fade[i] = (float)(c * c);
  }
  return SP_SUCCESS;
}

static sp_status plan_transforms(filter *f, int n_threads) {
  const size_t unit = SP_ALIGNMENT / sizeof(float);
  void *block;
  f->bins_at = (f->length + unit - 1) / unit * unit;
  f->work_floats = f->bins_at + (2 * f->n_bins + unit - 1) / unit * unit;
  SP_TRY(sp_calloc(f->work_floats * (size_t)n_threads, sizeof(float), "work of a filter", &block));
  f->work = block;
  fftwf_complex *bins = (fftwf_complex *)(f->work + f->bins_at);
  f->forward = fftwf_plan_dft_r2c_1d((int)f->length, f->work, bins, FFTW_ESTIMATE);
  f->backward = fftwf_plan_dft_c2r_1d((int)f->length, bins, f->work, FFTW_ESTIMATE);
  if (f->forward && f->backward) return SP_SUCCESS;
  return SP_RAISE(SP_ERR_INTERNAL, "no plan for transforms of %zu samples", f->length);
}

static void destroy_filter(filter *f) {
  if (!f) return;
  if (f->forward) fftwf_destroy_plan(f->forward);
  if (f->backward) fftwf_destroy_plan(f->backward);
  sp_free(f->work);
  sp_free(f->fade);
  sp_free(f->factors);
  sp_free(f);
}

/* For traces of n_samples at `interval_s`, filtered by n_threads threads; `params` is borrowed during the call. */
static sp_status make_filter(uint32_t n_samples, double interval_s, double extension_s, sp_response response,
                             const void *params, int n_threads, filter **out) {
  sp_status status;
  void *block;
  SP_TRY(sp_calloc(1, sizeof(filter), "a filter", &block));
  filter *f = block;
  const double extension = round(extension_s / interval_s);
  f->n = n_samples;
  f->extension = extension < n_samples ? (size_t)extension : n_samples;
  f->length = sp_good_length((uint32_t)(f->n + 2 * f->extension), true);
  f->n_bins = f->length / 2 + 1;
  SP_TRY_GOTO(fail, make_tables(f, interval_s, response, params));
  SP_TRY_GOTO(fail, plan_transforms(f, n_threads));
  *out = f;
  return SP_SUCCESS;
fail:
  destroy_filter(f);
  return status;
}

/* Filters one trace. `in` and `out` may be the same. */
static void filter_trace(const filter *f, int thread, const float *in, float *out) {
  float *samples = f->work + (size_t)thread * f->work_floats, *bins = samples + f->bins_at;
  const size_t n = f->n, end = f->length - 1;
  memcpy(samples, in, n * sizeof(float));
  memset(samples + n, 0, (f->length - n) * sizeof(float));
  for (size_t i = 0; i < f->extension; i++) {
    samples[n + i] = in[n - 1 - i] * f->fade[i];
    samples[end - i] = in[i] * f->fade[i];
  }
  fftwf_execute_dft_r2c(f->forward, samples, (fftwf_complex *)bins);
  for (size_t j = 0; j < f->n_bins; j++) {
    bins[2 * j] *= f->factors[j];
    bins[2 * j + 1] *= f->factors[j];
  }
  fftwf_execute_dft_c2r(f->backward, (fftwf_complex *)bins, samples);
  memcpy(out, samples, n * sizeof(float));
}

/* --- a processor that is a filter ------------------------------------------------------------------------------ */

typedef struct filter_step {
  sp_plan base;
  size_t n_samples;
  filter *filter;
} filter_step;

sp_status sp_filter_step_plan(const sp_cpu_ops *ops, const sp_geometry *geometry, double extension_s,
                              sp_response response, const void *params, sp_plan **out) {
  void *block;
  SP_TRY(sp_calloc(1, sizeof(filter_step), "the plan of a filter", &block));
  filter_step *p = block;
  p->base = (sp_plan){.ops = ops, .locality = SP_LOCAL_TRACE, .block_traces = 4};
  p->n_samples = geometry->n_samples;
  const sp_status status = make_filter(geometry->n_samples, geometry->sample_interval_s, extension_s, response, params,
                                       geometry->n_threads, &p->filter);
  if (status == SP_SUCCESS) {
    *out = &p->base;
  } else {
    sp_filter_step_destroy(&p->base);
  }
  return status;
}

sp_reason sp_filter_step_apply(const sp_plan *base, int thread, const sp_block *block) {
  const filter_step *p = (const filter_step *)base;
  for (uint32_t i = block->first; i < block->first + block->count; i++) {
    const size_t start = (size_t)i * p->n_samples;
    filter_trace(p->filter, thread, block->in + start, block->out + start);
  }
  return SP_REASON_OK;
}

void sp_filter_step_destroy(sp_plan *base) {
  filter_step *p = (filter_step *)base;
  if (!p) return;
  destroy_filter(p->filter);
  sp_free(p);
}
