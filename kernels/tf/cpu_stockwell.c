/* SPDX-License-Identifier: BSD-3-Clause */
/* Transform stockwell: voices of the traces of a block, thresholded group by group, and their sum taken back. */
#include <math.h>
#include <string.h>

#include "kernels/tf/cpu_stockwell.h"
#include "kernels/tf/windows.h"

typedef struct call {
  const sp_tf_stockwell *stockwell;
  const sp_block *block;
  float *work;
  uint32_t base;                             /* trace of the first spectrum */
  const voice_group *group;                  /* of the pass under way */
  uint32_t phase, n_phases;                  /* its times */
  bool resynthesised[SP_TF_STOCKWELL_BLOCK]; /* [trace - block->first] */
} call;

static float *spectrum_of(const call *c, uint32_t trace) {
  return c->work + c->stockwell->spectra_at + (size_t)(trace - c->base) * 2 * c->stockwell->n_bins;
}

/* Of the spectrum: real parts, then imaginary parts. */
static float *sums_of(const call *c, uint32_t trace) {
  const sp_tf_stockwell *p = c->stockwell;
  return c->work + p->sums_at + (trace - c->block->first) * 2 * (size_t)p->n_bins;
}

static sp_tf_level *level_of(const call *c, uint32_t trace) {
  return (sp_tf_level *)(c->work + c->stockwell->levels_at) + (trace - c->base);
}

/* The spectrum of a trace, N times too large, bins 0 ... N / 2. In double precision: weak bins beside strong ones are
 * to keep their digits, for what is strong may be what goes. */
static void transform_trace(const call *c, uint32_t trace, const double **re, const double **im) {
  const sp_tf_stockwell *p = c->stockwell;
  const float *in = c->block->in + (size_t)trace * p->n_samples;
  double *time = (double *)(c->work + p->exact_at), *to_re = time + p->exact_row, *to_im = to_re + p->exact_row;
  for (uint32_t t = 0; t < p->n_samples; t++) time[t] = in[t];
  for (uint32_t t = p->n_samples; t < p->length; t++) time[t] = 0;
  fftw_execute_split_dft_r2c(p->exact_forward, time, to_re, to_im);
  *re = to_re;
  *im = to_im;
}

/* Bins 0 ... n_bins - 1, and the level. */
static void set_spectrum(const call *c, uint32_t trace) {
  const sp_tf_stockwell *p = c->stockwell;
  const uint32_t n = p->length;
  float *to_re = spectrum_of(c, trace), *to_im = to_re + p->n_bins;
  const double *re, *im;
  transform_trace(c, trace, &re, &im);
  for (uint32_t k = 0; k < p->n_bins && k < n; k++) {
    const bool mirrored = k > n / 2;
    to_re[k] = (float)(re[mirrored ? n - k : k] / n);
    to_im[k] = (float)(im[mirrored ? n - k : k] / (mirrored ? -(double)n : n));
  }
  const float *in = c->block->in + (size_t)trace * p->n_samples;
  sp_tf_level level = {0, 0};
  for (uint32_t t = 0; t < p->n_samples; t++) {
    const float square = in[t] * in[t];
    level.energy += square;
    level.peak = square > level.peak ? square : level.peak;
  }
  *level_of(c, trace) = level;
}

/* Voice n > 0 at one time as a sum over samples: a Gaussian of standard deviation N / n, by the Poisson summation
 * formula, times exp(-2 pi i n t / N); its modulus. */
static void exact_voice(const call *c, uint32_t n, double time, uint32_t first, uint32_t count, double *magnitudes) {
  const double length = c->stockwell->length, sigma = length / n, reach = SP_TF_GAUSSIAN_REACH * sigma;
  const int64_t n_samples = c->stockwell->n_samples, whole = c->stockwell->length, end = (int64_t)floor(time + reach);
  double re[SP_TF_MAX_APERTURE] = {0}, im[SP_TF_MAX_APERTURE] = {0};
  for (int64_t i = (int64_t)ceil(time - reach); i <= end; i++) {
    const double x = ((double)i - time) / sigma;
    const int64_t t = (i % whole + whole) % whole;
    if (t >= n_samples) continue;
    const double weight = sp_tf_gaussian(x, sigma);
    const double phase = 2 * M_PI * (double)(t * n % whole) / length;
    const double c_t = weight * cos(phase), s_t = weight * sin(phase);
    const float *in = c->block->in + (int64_t)first * n_samples + t;
    for (uint32_t j = 0; j < count; j++) {
      re[j] += c_t * in[(int64_t)j * n_samples];
      im[j] += s_t * in[(int64_t)j * n_samples];
    }
  }
  for (uint32_t j = 0; j < count; j++) magnitudes[j] = hypot(re[j], im[j]);
}

static void exact(const void *context, size_t coefficient, uint32_t first, uint32_t count, double *magnitudes) {
  const call *c = context;
  const sp_tf_stockwell *p = c->stockwell;
  const size_t lanes = p->kernels->lanes, lane = coefficient % lanes, i = coefficient / lanes;
  const uint32_t n = lane < c->group->count ? c->group->first + (uint32_t)lane : 0;
  const double time = p->reduced ? (double)i * p->length / c->group->voices.fft->n
                                 : (double)(c->phase + i * (p->n_phases / c->n_phases));
  if (n > 0) {
    exact_voice(c, n, time, first, count, magnitudes);
    return;
  }
  for (uint32_t j = 0; j < count; j++) {
    const float *in = c->block->in + (size_t)(first + j) * p->n_samples;
    double sum = 0;
    for (uint32_t t = 0; t < p->n_samples; t++) sum += in[t];
    magnitudes[j] = fabs(sum) / p->length;
  }
}

/* --- voices in the lanes ------------------------------------------------------------------------------------- */

static sp_tf_level analyse_lanes(void *context, uint32_t trace, float *mag, float *re, float *im) {
  const call *c = context;
  const sp_tf_stockwell *p = c->stockwell;
  const sp_tf_voices *voices = &c->group->voices;
  const float *spectrum = spectrum_of(c, trace);
  float *modulated = c->work + p->modulated_at, *buffers = c->work + p->buffers_at;
  const size_t lanes = p->kernels->lanes, step = c->n_phases * lanes;
  for (uint32_t i = 0; i < c->n_phases; i++) {
    const uint32_t v = c->phase + i;
    const float *from = spectrum;
    if (v > 0) {
      const size_t row = (size_t)v * p->n_bins;
      p->kernels->modulate(voices->n_bins, spectrum, spectrum + p->n_bins, p->cosine + row, p->sine + row, modulated,
                           modulated + p->n_bins);
      from = modulated;
    }
    const size_t at = i * lanes;
    p->kernels->voices_analyse(voices, buffers, from, from + p->n_bins, step, mag + at, re + at, im + at);
  }
  return *level_of(c, trace);
}

static void synthesise_lanes(void *context, uint32_t trace, bool resynthesise, float *re, float *im) {
  call *c = context;
  c->resynthesised[trace - c->block->first] = resynthesise;
  const sp_tf_stockwell *p = c->stockwell;
  float *sums = sums_of(c, trace);
  const size_t lanes = p->kernels->lanes, step = c->n_phases * lanes;
  for (uint32_t i = 0; i < c->n_phases; i++) {
    const size_t row = (size_t)(c->phase + i) * p->n_bins, at = i * lanes;
    p->kernels->voices_synthesise(&c->group->voices, c->work + p->buffers_at, re + at, im + at, step, p->cosine + row,
                                  p->sine + row, sums, sums + p->n_bins);
  }
}

/* The low voices last: beside the mean of a trace the many small ones would be lost one by one. */
static void run_groups(call *c, uint32_t half_aperture) {
  const sp_tf_stockwell *p = c->stockwell;
  c->n_phases = p->layout.smoothing_line ? p->n_phases : 1;
  for (uint32_t g = p->n_groups; g-- > 0;) {
    c->group = &p->groups[g];
    const sp_tf_pass pass = {.kernels = p->kernels,
                             .rule = &p->rule,
                             .smoothing = &c->group->smoothing,
                             .coefficients = (size_t)c->group->voices.fft->n * c->n_phases * p->kernels->lanes,
                             .n_samples = p->n_samples,
                             .may_resynthesise = true,
                             .analyse = analyse_lanes,
                             .synthesise = synthesise_lanes,
                             .exact = exact,
                             .context = c};
    for (c->phase = 0; c->phase < p->n_phases; c->phase += c->n_phases) {
      sp_tf_stream(&p->layout, &pass, c->block, half_aperture, c->work + p->stream_at);
    }
  }
}

/* --- back to traces ------------------------------------------------------------------------------------------ */

/* The spectrum of the real part of a sum of voices that is known by its spectrum. */
static void spectrum_of_bins(const call *c, uint32_t trace) {
  const sp_tf_stockwell *p = c->stockwell;
  const uint32_t n = p->length;
  const float *sum_re = sums_of(c, trace), *sum_im = sum_re + p->n_bins;
  float *re = c->work + p->re_at, *im = c->work + p->im_at;
  memset(re, 0, (n / 2 + 1) * sizeof *re);
  memset(im, 0, (n / 2 + 1) * sizeof *im);
  for (uint32_t k = 0; k < p->n_bins; k++) {
    const uint32_t at = k % n, mirror = (n - at) % n;
    if (at <= n / 2) {
      re[at] += 0.5f * sum_re[k];
      im[at] += 0.5f * sum_im[k];
    }
    if (mirror <= n / 2) {
      re[mirror] += 0.5f * sum_re[k];
      im[mirror] -= 0.5f * sum_im[k];
    }
  }
}

/* Adds what belongs to frequencies and voices outside the band. */
static void add_rest(const call *c, uint32_t trace, float *re, float *im) {
  const sp_tf_stockwell *p = c->stockwell;
  const double *trace_re, *trace_im;
  transform_trace(c, trace, &trace_re, &trace_im);
  for (uint32_t k = 0; k <= p->length / 2; k++) {
    re[k] += (float)(p->rest[k] * trace_re[k]);
    im[k] += (float)(p->rest[k] * trace_im[k]);
  }
}

static void finish_trace(const call *c, uint32_t trace) {
  const sp_tf_stockwell *p = c->stockwell;
  const uint32_t n = p->n_samples;
  const float *in = c->block->in + (size_t)trace * n;
  float *out = c->block->out + (size_t)trace * n;
  float *time = c->work + p->time_at, *re = c->work + p->re_at, *im = c->work + p->im_at;
  const bool resynthesise = c->resynthesised[trace - c->block->first];
  spectrum_of_bins(c, trace);
  for (uint32_t k = 0; k <= p->length / 2; k++) {
    re[k] *= p->inverse[k];
    im[k] *= p->inverse[k];
  }
  if (resynthesise) add_rest(c, trace, re, im);
  fftwf_execute_split_dft_c2r(p->backward, re, im, time);
  for (uint32_t t = 0; t < n; t++) out[t] = resynthesise ? time[t] : in[t] + time[t];
}

static void apply_block(const sp_tf_stockwell *p, float *work, const sp_block *block, uint32_t half_aperture) {
  const uint32_t reach = block->first + block->count + half_aperture;
  const uint32_t end = reach < block->n_traces ? reach : block->n_traces;
  call c = {.stockwell = p, .block = block, .work = work, .n_phases = 1};
  c.base = block->first > half_aperture ? block->first - half_aperture : 0;
  for (uint32_t trace = c.base; trace < end; trace++) set_spectrum(&c, trace);
  memset(sums_of(&c, block->first), 0, 2 * (size_t)p->n_bins * block->count * sizeof(float));
  run_groups(&c, half_aperture);
  for (uint32_t trace = block->first; trace < block->first + block->count; trace++) finish_trace(&c, trace);
}

void sp_tf_stockwell_apply(const sp_tf_stockwell *p, float *work, const sp_block *block, uint32_t half_aperture) {
  const uint32_t end = block->first + block->count;
  sp_block part = *block;
  for (; part.first < end; part.first += SP_TF_STOCKWELL_BLOCK) {
    part.count = end - part.first < SP_TF_STOCKWELL_BLOCK ? end - part.first : SP_TF_STOCKWELL_BLOCK;
    apply_block(p, work, &part, half_aperture);
  }
}
