/* SPDX-License-Identifier: BSD-3-Clause */
/* One transform a trace, from work memory that is aligned alike for every trace and thread, so that its bits depend on
 * the trace alone. */
#include "kernels/fk/trace_stage.h"
#include "kernels/common/good_length.h"

#include <fftw3.h>
#include <string.h>

#include "kernels/common/gain.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"

struct sp_fk_trace_stage {
  sp_fk_time_axis axis;
  fftwf_plan forward, back;
  float *weights; /* [reach] */
  size_t spectrum_at, sums_at, gain_at, work_bytes;
};

sp_fk_time_axis sp_fk_filter_time_axis(const sp_fk_filter *f) {
  const bool decays = f->edge == SP_FK_EDGE_DECAY && f->n_samples > 1;
  const uint32_t pad = f->padded - f->n_samples;
  return (sp_fk_time_axis){.n_samples = f->n_samples,
                           .padded = f->padded,
                           .first_bin = f->first_bin,
                           .n_bins = f->n_bins,
                           .reach = decays ? sp_fk_half_pad(pad) : 0,
                           .gain = f->gain,
                           .gain_half = f->gain_half};
}

sp_fk_time_axis sp_fk_fill_time_axis(uint32_t n_samples) {
  const uint32_t padded = sp_good_length((uint32_t)(1.25 * n_samples), false);
  return (sp_fk_time_axis){.n_samples = n_samples, .padded = padded, .n_bins = padded / 2 + 1};
}

void sp_fk_trace_stage_destroy(sp_fk_trace_stage *s) {
  if (!s) return;
  if (s->forward) fftwf_destroy_plan(s->forward);
  if (s->back) fftwf_destroy_plan(s->back);
  sp_free(s->weights);
  sp_free(s);
}

static sp_status make_plans(sp_fk_trace_stage *s) {
  void *block = NULL;
  SP_TRY(sp_calloc(s->axis.padded + 2, sizeof(float), "transforms over time", &block));
  float *samples = block;
  sp_status status;
  SP_TRY_GOTO(done, sp_calloc(s->axis.padded / 2 + 1, sizeof(sp_fk_complex), "transforms over time", &block));
  fftwf_complex *spectrum = block;
  const int n = (int)s->axis.padded;
  s->forward = fftwf_plan_dft_r2c_1d(n, samples, spectrum, FFTW_ESTIMATE);
  s->back = fftwf_plan_dft_c2r_1d(n, spectrum, samples, FFTW_ESTIMATE);
  sp_free(spectrum);
  if (!s->forward || !s->back) status = SP_RAISE(SP_ERR_MEMORY, "FFTW has no plan for %d samples", n);
done:
  sp_free(samples);
  return status;
}

sp_status sp_fk_trace_stage_create(const sp_fk_time_axis *axis, sp_fk_trace_stage **out) {
  void *block;
  sp_status status;
  SP_TRY(sp_calloc(1, sizeof(sp_fk_trace_stage), "transforms over time", &block));
  sp_fk_trace_stage *s = block;
  s->axis = *axis;
  SP_TRY_GOTO(fail, sp_alloc(axis->reach * sizeof(float), "transforms over time", &block));
  s->weights = block;
  for (uint32_t j = 0; j < axis->reach; j++) s->weights[j] = sp_fk_edge_weight(j, axis->reach);
  SP_TRY_GOTO(fail, make_plans(s));
  s->spectrum_at = sp_aligned(axis->padded * sizeof(float));
  s->sums_at = s->spectrum_at + sp_aligned((axis->padded / 2 + 1) * sizeof(sp_fk_complex));
  s->gain_at = s->sums_at + (axis->gain ? sp_aligned((axis->n_samples + 1) * sizeof(double)) : 0);
  s->work_bytes = s->gain_at + (axis->gain ? sp_aligned(axis->n_samples * sizeof(float)) : 0);
  *out = s;
  return SP_SUCCESS;
fail:
  sp_fk_trace_stage_destroy(s);
  return status;
}

size_t sp_fk_trace_stage_work(const sp_fk_trace_stage *s) {
  return s->work_bytes;
}

static const float *compute_gain(const sp_fk_trace_stage *s, char *work, const float *trace) {
  float *gain = (float *)(work + s->gain_at);
  sp_agc_gain(trace, s->axis.n_samples, s->axis.gain_half, (double *)(work + s->sums_at), gain);
  return gain;
}

static void fill_pad(const sp_fk_trace_stage *s, float *samples) {
  const uint32_t n = s->axis.n_samples, padded = s->axis.padded, reach = s->axis.reach;
  const float first = samples[0], last = samples[n - 1];
  memset(samples + n, 0, (padded - n) * sizeof(float));
  for (uint32_t j = 0; j < reach; j++) {
    samples[n + j] += last * s->weights[j];
    samples[padded - 1 - j] += first * s->weights[j];
  }
}

void sp_fk_trace_forward(const sp_fk_trace_stage *s, void *work, const float *trace, sp_fk_complex *bins) {
  float *samples = work;
  sp_fk_complex *spectrum = (sp_fk_complex *)((char *)work + s->spectrum_at);
  if (s->axis.gain) {
    const float *gain = compute_gain(s, work, trace);
    for (uint32_t i = 0; i < s->axis.n_samples; i++) samples[i] = trace[i] * gain[i];
  } else {
    memcpy(samples, trace, s->axis.n_samples * sizeof(float));
  }
  fill_pad(s, samples);
  fftwf_execute_dft_r2c(s->forward, samples, (fftwf_complex *)spectrum);
  memcpy(bins, spectrum + s->axis.first_bin, s->axis.n_bins * sizeof *bins);
}

void sp_fk_trace_back(const sp_fk_trace_stage *s, void *work, const float *trace, const sp_fk_complex *bins,
                      float *out) {
  float *samples = work;
  sp_fk_complex *spectrum = (sp_fk_complex *)((char *)work + s->spectrum_at);
  const float *gain = s->axis.gain ? compute_gain(s, work, trace) : NULL;
  const uint32_t n = s->axis.n_samples;
  const float scale = (float)(1.0 / s->axis.padded);
  memset(spectrum, 0, (s->axis.padded / 2 + 1) * sizeof *spectrum);
  memcpy(spectrum + s->axis.first_bin, bins, s->axis.n_bins * sizeof *bins);
  fftwf_execute_dft_c2r(s->back, (fftwf_complex *)spectrum, samples);
  for (uint32_t i = 0; i < n; i++) out[i] = gain ? samples[i] * scale / gain[i] : samples[i] * scale;
}
