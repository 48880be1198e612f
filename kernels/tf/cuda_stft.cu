/* SPDX-License-Identifier: BSD-3-Clause */
/* Transform stft on the GPU: the periodic Hann window, frames from -window / 2 on, zeros beyond both ends of the trace,
 * the weighted overlap-add of Griffin and Lim (1984) as in scipy.signal.istft. What is made for windows of any length
 * is here; cuFFT transforms all frames of a chunk at a time, and chunks are of one size whatever the batch, so that its
 * choice of an algorithm does not depend on the batch. */
#include <math.h>
#include <string.h>

#include "kernels/tf/cuda_stft.cuh"
extern "C" {
#include "seisproc/memory.h"
}

static const unsigned THREADS = 256;

enum { OWN_WINDOW = 64, OWN_LONGEST = 24000, OWN_CHUNK = 4096, MAX_CHUNK = 1024, LEAST_CHUNK = 8 };

/* Bytes of a chunk of any windows; and what is too much for the least one. */
static const size_t CHUNK_BYTES = (size_t)1 << 29, TOO_MANY_BYTES = (size_t)1 << 33;

/* --- tables ----------------------------------------------------------------------------------------------------- */

static void set_ones(const tf_stft *p, float2 *ones) {
  for (uint32_t f = 0; f < p->frames; f++) {
    for (uint32_t b = 0; b < p->band.count; b++) {
      double re, im;
      sp_tf_stft_of_ones(p->window, p->hop, p->n_samples, f, p->band.first + b, &re, &im);
      ones[(size_t)b * p->frames + f] = make_float2((float)re, (float)im);
    }
  }
}

static sp_status fill_tables(const tf_stft *p) {
  void *block;
  const size_t end = p->ones_at + p->n_coefficients * sizeof(float2), bytes = end - p->analysis_at;
  SP_TRY(sp_alloc(bytes, "tables of tf", &block));
  char *tables = (char *)block - p->analysis_at;
  for (uint32_t i = 0; i < p->window; i++) {
    /* the sum of the window is window / 2; cuFFT leaves a factor of `window` */
    ((float *)(tables + p->analysis_at))[i] = (float)(sp_tf_hann(i, p->window) / (0.5 * p->window));
    ((float *)(tables + p->synthesis_at))[i] = (float)(0.5 * sp_tf_hann(i, p->window));
  }
  sp_tf_stft_norm(p->window, p->hop, p->frames, p->n_samples, (float *)(tables + p->norm_at));
  set_ones(p, (float2 *)(tables + p->ones_at));
  const sp_status status = SP_CUDA(cudaMemcpy(p->arena.memory + p->analysis_at, block, bytes, cudaMemcpyHostToDevice));
  sp_free(block);
  return status;
}

/* --- plan ------------------------------------------------------------------------------------------------------- */

static size_t row_bytes(const tf_stft *p) {
  const size_t coefficients =
      (size_t)p->n_coefficients *
      (sizeof(float2) + (p->half ? sizeof(__half2) : sizeof(float2)) + (p->smoothing.half ? sizeof(float2) : 0));
  if (p->own) return coefficients;
  return coefficients + (size_t)p->frames * (p->window * sizeof(float) + (p->window / 2 + 1) * sizeof(float2));
}

/* Of a size that does not depend on the batch, but for own kernels, whose bits do not depend on it. */
static sp_status set_chunk(tf_stft *p, uint32_t max_traces) {
  const uint32_t around = p->aperture - 1;
  if (p->own) {
    p->chunk_traces = max_traces < OWN_CHUNK ? max_traces : OWN_CHUNK;
  } else {
    const size_t rows = CHUNK_BYTES / row_bytes(p);
    p->chunk_traces = rows < LEAST_CHUNK + around ? LEAST_CHUNK : (uint32_t)(rows - around);
    if (p->chunk_traces > MAX_CHUNK) p->chunk_traces = MAX_CHUNK;
  }
  p->n_rows = p->chunk_traces + around;
  return p->n_rows * row_bytes(p) > TOO_MANY_BYTES ? SP_ERR_USAGE : SP_SUCCESS;
}

static void lay_out(tf_stft *p, size_t work_bytes) {
  const size_t rows = p->n_rows, coefficients = rows * p->n_coefficients;
  p->arena.bytes = 0;
  p->open_capacity = tf_open_capacity(coefficients);
  p->open_count_at = tf_reserve(&p->arena, sizeof(uint32_t));
  p->open_at = tf_reserve(&p->arena, p->open_capacity * sizeof(uint2));
  p->rows_at = tf_reserve(&p->arena, rows * sizeof(tf_row));
  p->coefficients_at = tf_reserve(&p->arena, coefficients * (p->half ? sizeof(__half2) : sizeof(float2)));
  p->changed_at = tf_reserve(&p->arena, coefficients * sizeof(float2));
  p->gains_at = tf_reserve(&p->arena, p->smoothing.half ? coefficients * sizeof(float2) : 0);
  if (!p->own) {
    p->frames_at = tf_reserve(&p->arena, rows * p->frames * p->window * sizeof(float));
    p->bins_at = tf_reserve(&p->arena, rows * p->frames * (p->window / 2 + 1) * sizeof(float2));
    p->work_at = tf_reserve(&p->arena, work_bytes);
  }
  p->analysis_at = tf_reserve(&p->arena, p->window * sizeof(float));
  p->synthesis_at = tf_reserve(&p->arena, p->window * sizeof(float));
  p->norm_at = tf_reserve(&p->arena, p->n_samples * sizeof(float));
  p->ones_at = tf_reserve(&p->arena, p->n_coefficients * sizeof(float2));
}

static sp_status make_transforms(tf_stft *p) {
  const uint32_t batch = p->n_rows * p->frames;
  SP_TRY(tf_fft_make(p->window, CUFFT_R2C, batch, &p->forward));
  return tf_fft_make(p->window, CUFFT_C2R, batch, &p->backward);
}

static size_t larger(size_t a, size_t b) {
  return a > b ? a : b;
}

static sp_status allocate(tf_stft *p) {
  if (!p->own) SP_TRY(make_transforms(p));
  lay_out(p, larger(p->forward.work_bytes, p->backward.work_bytes));
  SP_TRY(SP_CUDA(cudaMalloc((void **)&p->arena.memory, p->arena.bytes)));
  if (!p->own) {
    SP_TRY(TF_CUFFT(cufftSetWorkArea(p->forward.handle, p->arena.memory + p->work_at)));
    SP_TRY(TF_CUFFT(cufftSetWorkArea(p->backward.handle, p->arena.memory + p->work_at)));
  } else {
    SP_TRY(tf_stft64_prepare());
  }
  return fill_tables(p);
}

static void describe(const sp_tf_params *params, const sp_cuda_geometry *geometry, tf_stft *p) {
  const double dt = geometry->sample_interval_s;
  p->n_samples = geometry->n_samples;
  p->aperture = (uint32_t)params->aperture;
  p->window = (uint32_t)params->window;
  p->hop = (uint32_t)sp_tf_hop(params);
  p->frames = (p->n_samples + p->hop - 1) / p->hop + 1;
  p->own = p->window == OWN_WINDOW && p->hop == OWN_WINDOW / 2 && p->n_samples <= OWN_LONGEST;
  p->half = geometry->precision == SP_PRECISION_MIXED;
  p->band = sp_tf_select(params, 1 / (p->window * dt), p->window / 2 + 1);
  p->n_coefficients = p->band.count * p->frames;
  p->rule = sp_tf_make_rule(params);
  p->may_resynthesise = p->band.count == p->window / 2 + 1;
  p->exact.n_samples = p->exact.length = p->n_samples;
  p->exact.window = p->window;
  p->exact.hop = p->hop;
  p->exact.frames = p->frames;
  p->exact.first_bin = p->band.first;
  p->smoothing.run = p->frames;
  p->smoothing.half = tf_smoothing_half(params->time_smoothing * 1e-3 / (p->hop * dt), p->frames);
}

sp_status tf_stft_plan(const sp_tf_params *params, const sp_cuda_geometry *geometry, bool dry, size_t *bytes,
                       tf_stft **out) {
  void *block;
  SP_TRY(sp_calloc(1, sizeof(tf_stft), "the plan of tf", &block));
  tf_stft *p = (tf_stft *)block;
  sp_status status;
  describe(params, geometry, p);
  SP_TRY_GOTO(done, set_chunk(p, geometry->max_traces));
  if (dry) {
    const uint32_t batch = p->n_rows * p->frames;
    const size_t forward = p->own ? 0 : tf_fft_estimate(p->window, CUFFT_R2C, batch);
    const size_t backward = p->own ? 0 : tf_fft_estimate(p->window, CUFFT_C2R, batch);
    lay_out(p, larger(forward, backward));
  } else {
    SP_TRY_GOTO(done, allocate(p));
    *out = p;
    p = NULL;
  }
  *bytes = p ? p->arena.bytes : (*out)->arena.bytes;
done:
  tf_stft_destroy(p);
  return status;
}

void tf_stft_destroy(tf_stft *p) {
  if (!p) return;
  tf_fft_destroy(&p->backward);
  tf_fft_destroy(&p->forward);
  cudaFree(p->arena.memory);
  sp_free(p);
}

/* --- windows of any length -------------------------------------------------------------------------------------- */

/* Each kernel has a grid of (parts of a row, rows) and gets a copy of the plan. */

__global__ static void cut_frames(const tf_stft p, const float *in, const tf_row *rows, const float *analysis,
                                  float *frames) {
  const uint32_t i = blockIdx.x * THREADS + threadIdx.x, row = blockIdx.y;
  if (i >= p.frames * p.window) return;
  const uint32_t f = i / p.window, k = i % p.window, t = f * p.hop + k - p.window / 2; /* wraps before the trace */
  const float x = t < p.n_samples ? in[(size_t)row * p.n_samples + t] - rows[row].constant : 0;
  frames[(size_t)row * p.frames * p.window + i] = analysis[k] * x;
}

template <class Coefficient>
__global__ static void bins_to_coefficients(const tf_stft p, const float2 *bins, const tf_row *rows, const float2 *ones,
                                            Coefficient *coefficients) {
  const uint32_t i = blockIdx.x * THREADS + threadIdx.x, row = blockIdx.y;
  if (i >= p.n_coefficients) return;
  const uint32_t b = i / p.frames, f = i % p.frames;
  const float2 x = bins[((size_t)row * p.frames + f) * (p.window / 2 + 1) + p.band.first + b];
  const float constant = rows[row].constant;
  const float2 coefficient = make_float2(fmaf(constant, ones[i].x, x.x), fmaf(constant, ones[i].y, x.y));
  tf_store(coefficients + (size_t)row * p.n_coefficients + i, coefficient, rows[row].scale);
}

__global__ static void coefficients_to_bins(const tf_stft p, uint32_t first_row, const float2 *coefficients,
                                            float2 *bins) {
  const uint32_t i = blockIdx.x * THREADS + threadIdx.x, row = first_row + blockIdx.y, n_bins = p.window / 2 + 1;
  if (i >= p.frames * n_bins) return;
  const uint32_t f = i / n_bins, k = i % n_bins, b = k - p.band.first;
  float2 x = make_float2(0, 0);
  if (b < p.band.count) x = coefficients[(size_t)row * p.n_coefficients + b * p.frames + f];
  if (k == 0 || k == n_bins - 1) x.y = 0; /* of a real trace */
  bins[(size_t)row * p.frames * n_bins + i] = x;
}

__global__ static void overlap_frames(const tf_stft p, tf_chunk chunk, tf_gathers gathers, const tf_row *rows,
                                      const float *frames, const float *synthesis, const float *norm, const float *in,
                                      float *out) {
  const uint32_t t = blockIdx.x * THREADS + threadIdx.x, trace = chunk.first + blockIdx.y;
  if (t >= p.n_samples) return;
  const size_t at = (size_t)trace * p.n_samples + t;
  const tf_aperture near = tf_aperture_of(gathers, trace);
  if (near.hi - near.lo == 1) {
    out[at] = in[at];
    return;
  }
  const float *row = frames + (size_t)(trace - chunk.base) * p.frames * p.window;
  const uint32_t place = t + p.window / 2, last = min(place / p.hop, p.frames - 1);
  float sum = 0;
  for (uint32_t f = place < p.window ? 0 : (place - p.window) / p.hop + 1; f <= last; f++) {
    const uint32_t i = place - f * p.hop;
    sum = fmaf(synthesis[i], row[(size_t)f * p.window + i], sum);
  }
  out[at] = fmaf(norm[t], sum, rows[trace - chunk.base].resynthesise ? 0.0f : in[at]);
}

static dim3 grid_of(size_t elements, uint32_t rows) {
  return dim3((unsigned)((elements + THREADS - 1) / THREADS), rows);
}

static sp_status analyse_any(const tf_stft *p, const float *in, uint32_t n_rows, cudaStream_t stream) {
  float *frames = tf_at<float>(p, p->frames_at);
  float2 *bins = tf_at<float2>(p, p->bins_at);
  const tf_row *rows = tf_at<tf_row>(p, p->rows_at);
  const float2 *ones = tf_at<float2>(p, p->ones_at);
  cut_frames<<<grid_of((size_t)p->frames * p->window, n_rows), THREADS, 0, stream>>>(
      *p, in, rows, tf_at<float>(p, p->analysis_at), frames);
  SP_TRY(SP_CUDA_LAUNCHED("cut_frames"));
  SP_TRY(TF_CUFFT(cufftSetStream(p->forward.handle, stream)));
  SP_TRY(TF_CUFFT(cufftExecR2C(p->forward.handle, frames, bins)));
  const dim3 grid = grid_of(p->n_coefficients, n_rows);
  if (p->half) {
    bins_to_coefficients<<<grid, THREADS, 0, stream>>>(*p, bins, rows, ones, tf_at<__half2>(p, p->coefficients_at));
  } else {
    bins_to_coefficients<<<grid, THREADS, 0, stream>>>(*p, bins, rows, ones, tf_at<float2>(p, p->coefficients_at));
  }
  return SP_CUDA_LAUNCHED("bins_to_coefficients");
}

static sp_status synthesise_any(const tf_stft *p, const tf_call *call, const tf_chunk *chunk) {
  float *frames = tf_at<float>(p, p->frames_at);
  float2 *bins = tf_at<float2>(p, p->bins_at);
  const uint32_t traces = chunk->end - chunk->first;
  coefficients_to_bins<<<grid_of((size_t)p->frames * (p->window / 2 + 1), traces), THREADS, 0, call->stream>>>(
      *p, chunk->first - chunk->base, tf_at<float2>(p, p->changed_at), bins);
  SP_TRY(SP_CUDA_LAUNCHED("coefficients_to_bins"));
  SP_TRY(TF_CUFFT(cufftSetStream(p->backward.handle, call->stream)));
  SP_TRY(TF_CUFFT(cufftExecC2R(p->backward.handle, bins, frames)));
  overlap_frames<<<grid_of(p->n_samples, traces), THREADS, 0, call->stream>>>(
      *p, *chunk, call->gathers, tf_at<tf_row>(p, p->rows_at), frames, tf_at<float>(p, p->synthesis_at),
      tf_at<float>(p, p->norm_at), call->batch->in, call->batch->out);
  return SP_CUDA_LAUNCHED("overlap_frames");
}

/* --- apply ------------------------------------------------------------------------------------------------------ */

static sp_status apply_chunk(const tf_stft *p, const tf_call *call, const tf_chunk *chunk) {
  const uint32_t n_rows = chunk->reach - chunk->base;
  const float *in = call->batch->in + (size_t)chunk->base * p->n_samples;
  tf_row *rows = tf_at<tf_row>(p, p->rows_at);
  float2 *changed = tf_at<float2>(p, p->changed_at), *gains = tf_at<float2>(p, p->gains_at);
  const tf_open open = {tf_at<uint32_t>(p, p->open_count_at), tf_at<uint2>(p, p->open_at), p->open_capacity};
  tf_threshold_task thresholding = {
      p->arena.memory + p->coefficients_at, p->n_coefficients, p->n_rows, p->half, rows, *chunk, call->gathers};
  thresholding.rule = p->rule;
  thresholding.exact = p->exact;
  thresholding.exact.in = in;
  thresholding.open = open;
  SP_TRY(tf_survey_rows(call, chunk, p->n_samples, p->may_resynthesise, rows));
  SP_TRY(p->own ? tf_stft64_analyse(p, in, n_rows, call->stream) : analyse_any(p, in, n_rows, call->stream));
  if (p->smoothing.half) {
    SP_TRY(tf_threshold_gains(&thresholding, 1, gains, call->stream));
    SP_TRY(tf_smooth_coefficients(&thresholding, p->smoothing, gains, changed, call->stream));
  } else {
    SP_TRY(tf_threshold_coefficients(&thresholding, 1, changed, call->stream));
  }
  return p->own ? tf_stft64_synthesise(p, call, chunk) : synthesise_any(p, call, chunk);
}

sp_status tf_stft_apply(const tf_stft *p, const tf_call *call) {
  const uint32_t n_traces = call->batch->n_traces, chunks = (n_traces + p->chunk_traces - 1) / p->chunk_traces;
  for (uint32_t i = 0; i < chunks; i++) {
    const tf_chunk chunk = tf_chunk_at(i, p->chunk_traces, n_traces, p->aperture / 2);
    SP_TRY(apply_chunk(p, call, &chunk));
  }
  return SP_SUCCESS;
}
