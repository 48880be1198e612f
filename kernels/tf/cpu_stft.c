/* SPDX-License-Identifier: BSD-3-Clause */
/* Transform stft: the periodic Hann window, frames from -window / 2 on, zeros beyond both ends of the trace, the
 * weighted overlap-add of Griffin and Lim (1984) as in scipy.signal.istft. Frames of 64 samples have a transform of
 * their own; others are FFTW's. Plans of FFTW are estimated, never measured: the bits must not depend on a clock.
 */
#include <fftw3.h>
#include <math.h>
#include <string.h>

#include "kernels/tf/cpu.h"
#include "kernels/tf/windows.h"
#include "seisproc/memory.h"

/* --- plan ---------------------------------------------------------------------------------------------------- */

void sp_tf_stft_destroy(sp_tf_stft *p) {
  if (!p) return;
  if (p->forward) fftwf_destroy_plan(p->forward);
  if (p->backward) fftwf_destroy_plan(p->backward);
  sp_free(p->tables);
  sp_free(p->place);
  sp_free(p);
}

static void set_windows(sp_tf_stft *p) {
  const uint32_t n = p->window;
  /* the sum of a periodic Hann window is n / 2; own frames leave a factor of n / 2 to divide by, FFTW's one of n */
  const double sum = 0.5 * n, back = p->own ? 0.5 * n : n;
  for (uint32_t i = 0; i < n; i++) {
    p->analysis[i] = (float)(sp_tf_hann(i, n) / sum);
    p->synthesis[i] = (float)(sp_tf_hann(i, n) * sum / back);
  }
  sp_tf_stft_norm(n, p->hop, p->frames, p->n_samples, p->norm);
}

/* The coefficients of a trace of ones. */
static void set_ones(sp_tf_stft *p) {
  for (uint32_t f = 0; f < p->frames; f++) {
    for (uint32_t b = 0; b < p->band.count; b++) {
      double re, im;
      sp_tf_stft_of_ones(p->window, p->hop, p->n_samples, f, p->band.first + b, &re, &im);
      p->ones_re[(size_t)b * p->frames + f] = (float)re;
      p->ones_im[(size_t)b * p->frames + f] = (float)im;
    }
  }
}

static sp_status set_tables(sp_tf_stft *p, double smoothing_coefficients) {
  void *block;
  const size_t window = sp_tf_padded(p->window), norm = sp_tf_padded(p->n_samples), run = sp_tf_padded(p->frames);
  const size_t coefficients = sp_tf_padded(p->coefficients);
  SP_TRY(sp_calloc(2 * window + norm + run + 2 * coefficients, sizeof(float), "tables of tf", &block));
  p->tables = block;
  p->analysis = p->tables;
  p->synthesis = p->analysis + window;
  p->norm = p->synthesis + window;
  p->smoothing_inverse = p->norm + norm;
  p->ones_re = p->smoothing_inverse + run;
  p->ones_im = p->ones_re + coefficients;
  set_windows(p);
  set_ones(p);
  sp_tf_set_smoothing(&p->smoothing, smoothing_coefficients, p->frames, 1, p->smoothing_inverse);
  if (p->smoothing.half) p->layout.smoothing_line = p->smoothing.run + 2 * p->smoothing.half;
  return SP_SUCCESS;
}

/* Where the own transform keeps its things in the work of a thread. */
static sp_status set_own_work(sp_tf_stft *p, size_t *end) {
  const size_t segments = p->frames + p->window / p->hop - 1, before = sp_tf_padded(p->window / p->hop - 1);
  p->n_rows = sp_tf_padded(segments);
  p->column_stride = p->n_rows + before + SP_TF_PAD;
  p->frame_stride = before + p->n_rows;
  p->trace_at = sp_tf_reserve(end, p->n_rows * p->hop);
  p->columns_at = sp_tf_reserve(end, p->hop * p->column_stride);
  p->frames_at = sp_tf_reserve(end, p->window * p->frame_stride) + before;
  p->sums_at = sp_tf_reserve(end, p->n_rows * p->hop);
  void *block;
  SP_TRY(sp_calloc(p->window, sizeof *p->place, "tables of tf", &block));
  p->place = block;
  for (uint32_t i = 0; i < p->window; i++) p->place[i] = i % p->hop * p->column_stride + i / p->hop;
  return SP_SUCCESS;
}

static sp_status plan_transforms(sp_tf_stft *p, size_t *end) {
  const size_t bins = p->window / 2 + 1, padded = (p->frames - 1) * p->hop + p->window;
  p->trace_at = sp_tf_reserve(end, padded);
  p->sums_at = sp_tf_reserve(end, padded);
  p->frames_at = sp_tf_reserve(end, (size_t)p->frames * p->window);
  p->bins_at = sp_tf_reserve(end, bins * p->frames);
  p->imaginary_at = sp_tf_reserve(end, bins * p->frames);
  void *block;
  SP_TRY(sp_calloc(*end, sizeof(float), "planning tf", &block));
  float *work = block, *frames = work + p->frames_at, *re = work + p->bins_at, *im = work + p->imaginary_at;
  const int n = (int)p->window, many = (int)p->frames;
  const fftwf_iodim forward = {n, 1, many}, backward = {n, many, 1};
  const fftwf_iodim frame = {many, n, 1}, column = {many, 1, n};
  p->forward = fftwf_plan_guru_split_dft_r2c(1, &forward, 1, &frame, frames, re, im, FFTW_ESTIMATE);
  p->backward = fftwf_plan_guru_split_dft_c2r(1, &backward, 1, &column, re, im, frames, FFTW_ESTIMATE);
  sp_free(block);
  if (p->forward && p->backward) return SP_SUCCESS;
  return SP_RAISE(SP_ERR_INTERNAL,
                  "tf: the FFT library has no plan for windows of %d samples: one in place of FFTW may lack real "
                  "transforms with split parts, which window: %d does without",
                  n, SP_TF_OWN_WINDOW);
}

sp_status sp_tf_stft_plan(const sp_tf_params *params, const sp_geometry *geometry, const sp_tf_kernels *kernels,
                          sp_tf_stft **out) {
  void *block;
  SP_TRY(sp_calloc(1, sizeof(sp_tf_stft), "the plan of tf", &block));
  sp_tf_stft *p = block;
  const double dt = geometry->sample_interval_s;
  p->kernels = kernels;
  p->n_samples = geometry->n_samples;
  p->window = (uint32_t)params->window;
  p->hop = (uint32_t)sp_tf_hop(params);
  p->frames = (p->n_samples + p->hop - 1) / p->hop + 1;
  p->own = p->window == SP_TF_OWN_WINDOW;
  p->band = sp_tf_select(params, 1 / (p->window * dt), p->window / 2 + 1);
  p->rule = sp_tf_make_rule(params);
  p->coefficients = (size_t)p->band.count * p->frames;
  p->layout.coefficients = p->coefficients;
  p->layout.half_aperture = (uint32_t)params->aperture / 2;
  p->layout.strip = SP_TF_MAX_STRIP;
  size_t end = 0;
  sp_status status;
  SP_TRY_GOTO(fail, set_tables(p, params->time_smoothing * 1e-3 / (p->hop * dt)));
  SP_TRY_GOTO(fail, p->own ? set_own_work(p, &end) : plan_transforms(p, &end));
  p->stream_at = sp_tf_reserve(&end, sp_tf_stream_floats(&p->layout));
  p->work_floats = end;
  *out = p;
  return SP_SUCCESS;
fail:
  sp_tf_stft_destroy(p);
  return status;
}

/* --- windows of any length ----------------------------------------------------------------------------------- */

static void analyse_any(const sp_tf_stft *p, float *work, float *mag, float *re, float *im) {
  float *padded = work + p->trace_at, *frames = work + p->frames_at;
  for (uint32_t f = 0; f < p->frames; f++) {
    for (uint32_t i = 0; i < p->window; i++) {
      frames[(size_t)f * p->window + i] = p->analysis[i] * padded[(size_t)f * p->hop + i];
    }
  }
  fftwf_execute_split_dft_r2c(p->forward, frames, work + p->bins_at, work + p->imaginary_at);
  const size_t from = (size_t)p->band.first * p->frames;
  memcpy(re, work + p->bins_at + from, p->coefficients * sizeof *re);
  memcpy(im, work + p->imaginary_at + from, p->coefficients * sizeof *im);
  p->kernels->polar(p->coefficients, mag, re, im);
}

static void place_band(const sp_tf_stft *p, const float *band, float *bins) {
  const size_t from = (size_t)p->band.first * p->frames, all = (p->window / 2 + 1) * (size_t)p->frames;
  memset(bins, 0, from * sizeof *bins);
  memcpy(bins + from, band, p->coefficients * sizeof *bins);
  memset(bins + from + p->coefficients, 0, (all - from - p->coefficients) * sizeof *bins);
}

static void synthesise_any(const sp_tf_stft *p, float *work, const float *re, const float *im) {
  float *frames = work + p->frames_at, *sums = work + p->sums_at;
  place_band(p, re, work + p->bins_at);
  place_band(p, im, work + p->imaginary_at);
  fftwf_execute_split_dft_c2r(p->backward, work + p->bins_at, work + p->imaginary_at, frames);
  memset(sums, 0, ((size_t)(p->frames - 1) * p->hop + p->window) * sizeof *sums);
  for (uint32_t f = 0; f < p->frames; f++) {
    for (uint32_t i = 0; i < p->window; i++) {
      sums[(size_t)f * p->hop + i] += p->synthesis[i] * frames[(size_t)f * p->window + i];
    }
  }
}

/* --- apply --------------------------------------------------------------------------------------------------- */

typedef struct call {
  const sp_tf_stft *stft;
  const sp_block *block;
  float *work;
} call;

/* Adds the coefficients of a trace of `constant`. */
static void add_constant(const sp_tf_stft *p, float constant, float *mag, float *re, float *im) {
  for (size_t i = 0; i < p->coefficients; i++) {
    re[i] = mag[i] * re[i] + constant * p->ones_re[i];
    im[i] = mag[i] * im[i] + constant * p->ones_im[i];
  }
  p->kernels->polar(p->coefficients, mag, re, im);
}

/* The trace after this one where the gather has it, else this one. */
static uint32_t following(const call *c, uint32_t trace) {
  return trace + 1 < c->block->n_traces ? trace + 1 : trace;
}

static sp_tf_level analyse(void *context, uint32_t trace, float *mag, float *re, float *im) {
  const call *c = context;
  const sp_tf_stft *p = c->stft;
  const float *in = c->block->in + (size_t)trace * p->n_samples;
  float *padded = c->work + p->trace_at + p->window / 2;
  float constant;
  const sp_tf_level level = p->kernels->copy(padded, in, p->n_samples, &constant);
  if (constant != 0) {
    for (uint32_t t = 0; t < p->n_samples; t++) padded[t] -= constant;
  }
  if (p->own) {
    const float *next = c->block->in + (size_t)following(c, trace) * p->n_samples;
    p->kernels->stft64_analyse(p, c->work, next, mag, re, im);
  } else {
    analyse_any(p, c->work, mag, re, im);
  }
  if (constant != 0) add_constant(p, constant, mag, re, im);
  return level;
}

static void synthesise(void *context, uint32_t trace, bool resynthesise, float *re, float *im) {
  const call *c = context;
  const sp_tf_stft *p = c->stft;
  const float *in = c->block->in + (size_t)trace * p->n_samples, *sums = c->work + p->sums_at + p->window / 2;
  float *out = c->block->out + (size_t)trace * p->n_samples;
  if (p->own) {
    float *next = c->block->out + (size_t)following(c, trace) * p->n_samples;
    p->kernels->stft64_synthesise(p, c->work, next, re, im);
  } else {
    synthesise_any(p, c->work, re, im);
  }
  p->kernels->normalise(p->n_samples, p->norm, sums, resynthesise ? NULL : in, out);
}

/* The sum over the samples of a frame, as it stands in the definition. */
static void exact(const void *context, size_t coefficient, uint32_t first, uint32_t count, double *magnitudes) {
  const call *c = context;
  const sp_tf_stft *p = c->stft;
  const uint32_t n = p->window, bin = p->band.first + (uint32_t)(coefficient / p->frames);
  const int64_t start = (int64_t)(coefficient % p->frames) * p->hop - n / 2;
  const uint32_t from = start < 0 ? (uint32_t)-start : 0;
  const uint32_t to = start + n > p->n_samples ? (uint32_t)(p->n_samples - start) : n;
  double re[SP_TF_MAX_APERTURE] = {0}, im[SP_TF_MAX_APERTURE] = {0};
  for (uint32_t i = from; i < to; i++) {
    const double w = sp_tf_hann(i, n) / (0.5 * n), phase = 2 * M_PI * (double)((uint64_t)i * bin % n) / n;
    const double c_i = w * cos(phase), s_i = w * sin(phase);
    const float *in = c->block->in + (size_t)first * p->n_samples + (start + i);
    for (uint32_t j = 0; j < count; j++) {
      re[j] += c_i * in[(size_t)j * p->n_samples];
      im[j] += s_i * in[(size_t)j * p->n_samples];
    }
  }
  for (uint32_t j = 0; j < count; j++) magnitudes[j] = hypot(re[j], im[j]);
}

void sp_tf_stft_apply(const sp_tf_stft *p, float *work, const sp_block *block, uint32_t half_aperture) {
  call c = {p, block, work};
  const sp_tf_pass pass = {.kernels = p->kernels,
                           .rule = &p->rule,
                           .smoothing = &p->smoothing,
                           .coefficients = p->coefficients,
                           .n_samples = p->n_samples,
                           .may_resynthesise = p->band.count == p->window / 2 + 1,
                           .analyse = analyse,
                           .synthesise = synthesise,
                           .exact = exact,
                           .context = &c};
  sp_tf_stream(&p->layout, &pass, block, half_aperture, work + p->stream_at);
}
