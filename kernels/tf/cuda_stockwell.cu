/* SPDX-License-Identifier: BSD-3-Clause */
/* Transform stockwell on the GPU: voices of the rows of a chunk, thresholded group by group, and taken back.
 *
 * cuFFT takes traces to spectra, always the same number of them at a time, and voices of lengths that have no transform
 * of our own: so its choice of an algorithm depends on the length alone. Traces and their spectra are transformed in
 * double precision: weak bins beside strong ones are to keep their digits, for what is strong may be what goes. */
#include <math.h>
#include <string.h>

#include "kernels/tf/cuda_stockwell.cuh"

static const unsigned THREADS = 256;

/* --- traces to spectra and back --------------------------------------------------------------------------------- */

static dim3 grid_of(size_t elements, uint32_t rows, uint32_t voices) {
  return dim3((unsigned)((elements + THREADS - 1) / THREADS), rows, voices);
}

/* As complex numbers, followed by zeros: of two real traces at a time, the bits of one would depend on its place. */
__global__ static void widen(const float *from, uint32_t n, uint32_t length, double2 *traces) {
  const uint32_t t = blockIdx.x * THREADS + threadIdx.x;
  if (t < length)
    traces[(size_t)blockIdx.y * length + t] = make_double2(t < n ? from[(size_t)blockIdx.y * n + t] : 0, 0);
}

static sp_status transform_traces(const tf_stockwell *p, int direction, cudaStream_t stream) {
  double2 *traces = tf_at<double2>(p, p->traces_at);
  SP_TRY(TF_CUFFT(cufftSetStream(p->of_traces.handle, stream)));
  return TF_CUFFT(cufftExecZ2Z(p->of_traces.handle, traces, traces, direction));
}

__global__ static void keep_spectra(const double2 *traces, uint32_t n, float2 *spectra) {
  const uint32_t k = blockIdx.x * THREADS + threadIdx.x;
  const size_t at = (size_t)blockIdx.y * n + k;
  if (k < n) spectra[at] = make_float2((float)(traces[at].x / n), (float)(traces[at].y / n));
}

static sp_status make_spectra(const tf_stockwell *p, const float *in, uint32_t n_rows, cudaStream_t stream) {
  float2 *spectra = tf_at<float2>(p, p->spectra_at);
  for (uint32_t row = 0; row < n_rows; row += p->trace_batch) {
    const uint32_t count = n_rows - row < p->trace_batch ? n_rows - row : p->trace_batch;
    const dim3 grid = grid_of(p->length, count, 1);
    double2 *traces = tf_at<double2>(p, p->traces_at);
    widen<<<grid, THREADS, 0, stream>>>(in + (size_t)row * p->n_samples, p->n_samples, p->length, traces);
    SP_TRY(SP_CUDA_LAUNCHED("widen"));
    SP_TRY(transform_traces(p, CUFFT_FORWARD, stream));
    keep_spectra<<<grid, THREADS, 0, stream>>>(traces, p->length, spectra + (size_t)row * p->length);
    SP_TRY(SP_CUDA_LAUNCHED("keep_spectra"));
  }
  return SP_SUCCESS;
}

/* --- voices ----------------------------------------------------------------------------------------------------- */

__global__ static void fill_voices(const tf_voice_source s, const tf_voice_group group, float2 *voices) {
  const uint32_t k = blockIdx.x * THREADS + threadIdx.x, row = blockIdx.y, n = group.first + blockIdx.z;
  if (k >= group.times) return;
  voices[((size_t)blockIdx.z * s.n_rows + row) * group.times + k] =
      tf_voice_bin(s.spectra + (size_t)row * s.length, n, 1.0f / n, k);
}

__global__ static void store_coefficients(const float2 *voices, const tf_row *rows, uint32_t n_rows, uint32_t times,
                                          __half2 *coefficients) {
  const uint32_t t = blockIdx.x * THREADS + threadIdx.x, row = blockIdx.y;
  const size_t at = ((size_t)blockIdx.z * n_rows + row) * times + t;
  if (t < times) tf_store(coefficients + at, voices[at], rows[row].scale);
}

static sp_status transform_voices(const tf_stockwell *p, const tf_voice_group *group, size_t place, int direction,
                                  cudaStream_t stream) {
  const cufftHandle handle = p->transforms[group->transform].handle;
  float2 *voices = tf_at<float2>(p, place);
  SP_TRY(TF_CUFFT(cufftSetStream(handle, stream)));
  return TF_CUFFT(cufftExecC2C(handle, voices, voices, direction));
}

static tf_voice_source source_of(const tf_stockwell *p) {
  return {tf_at<float2>(p, p->spectra_at), tf_at<tf_row>(p, p->rows_at), p->length, p->n_rows};
}

/* The coefficients of a group, to be thresholded: by our own transform, or by cuFFT. */
static sp_status make_coefficients(const tf_stockwell *p, const tf_voice_group *group, uint32_t n_rows,
                                   cudaStream_t stream) {
  const tf_voice_source source = source_of(p);
  if (p->own) return tf_voices_make(&source, group, n_rows, p->half, p->arena.memory + p->coefficients_at, stream);
  const dim3 grid = grid_of(group->times, n_rows, group->count);
  float2 *voices = tf_at<float2>(p, p->voices_at);
  fill_voices<<<grid, THREADS, 0, stream>>>(source, *group, voices);
  SP_TRY(SP_CUDA_LAUNCHED("fill_voices"));
  SP_TRY(transform_voices(p, group, p->voices_at, CUFFT_INVERSE, stream));
  if (!p->half) return SP_SUCCESS;
  store_coefficients<<<grid, THREADS, 0, stream>>>(voices, source.rows, p->n_rows, group->times,
                                                   tf_at<__half2>(p, p->coefficients_at));
  return SP_CUDA_LAUNCHED("store_coefficients");
}

/* --- thresholding a group ---------------------------------------------------------------------------------------- */

static tf_threshold_task task_of(const tf_stockwell *p, const tf_call *call, const tf_chunk *chunk,
                                 const tf_voice_group *group) {
  tf_threshold_task j;
  j.coefficients = p->arena.memory + p->coefficients_at;
  j.n_coefficients = group->times;
  j.n_rows = p->n_rows;
  j.half = p->half;
  j.rows = tf_at<tf_row>(p, p->rows_at);
  j.chunk = *chunk;
  j.gathers = call->gathers;
  j.rule = p->rule;
  j.exact = p->exact;
  j.exact.in = call->batch->in + (size_t)chunk->base * p->n_samples;
  j.exact.voice = group->first;
  j.exact.times = group->times;
  j.open = {tf_at<uint32_t>(p, p->open_count_at), tf_at<uint2>(p, p->open_at), p->open_capacity};
  return j;
}

static tf_threshold_task at_voice(const tf_stockwell *p, const tf_threshold_task *j, uint32_t v) {
  tf_threshold_task voice = *j;
  voice.coefficients = (const char *)j->coefficients + (size_t)v * j->n_rows * j->n_coefficients * (p->half ? 4 : 8);
  voice.exact.voice = j->exact.voice + v;
  return voice;
}

static sp_status threshold_group(const tf_stockwell *p, const tf_call *call, const tf_threshold_task *j,
                                 const tf_voice_group *group) {
  float2 *changed = tf_at<float2>(p, p->changed_at), *gains = tf_at<float2>(p, p->gains_at);
  const double rate = group->times / (p->length * p->interval_s);
  const tf_smoothing smoothing = {tf_smoothing_half(p->smoothing_s * rate, group->times), group->times};
  if (smoothing.half == 0) return tf_threshold_coefficients(j, group->count, changed, call->stream);
  SP_TRY(tf_threshold_gains(j, group->count, gains, call->stream));
  for (uint32_t v = 0; v < group->count; v++) {
    const tf_threshold_task voice = at_voice(p, j, v);
    const size_t place = (size_t)v * j->n_rows * j->n_coefficients;
    SP_TRY(tf_smooth_coefficients(&voice, smoothing, gains + place, changed + place, call->stream));
  }
  return SP_SUCCESS;
}

/* --- the sum of a group's spectra under their windows ----------------------------------------------------------- */

__global__ static void add_spectra(const float2 *voices, uint32_t n_rows, uint32_t first_row, tf_voice_group group,
                                   uint32_t length, float2 *sums) {
  const uint32_t k = blockIdx.x * THREADS + threadIdx.x, row = first_row + blockIdx.y;
  if (k >= min(min(group.times, length), 2 * (group.first + group.count))) return;
  float2 sum = sums[(size_t)row * length + k];
  for (uint32_t v = group.count; v-- > 0;) {
    const float factor = tf_synthesis_weight(group.first + v, length, group.times, k);
    const float2 x = voices[((size_t)v * n_rows + row) * group.times + k];
    sum = make_float2(fmaf(factor, x.x, sum.x), fmaf(factor, x.y, sum.y));
  }
  sums[(size_t)row * length + k] = sum;
}

static sp_status sum_group(const tf_stockwell *p, const tf_call *call, const tf_threshold_task *j,
                           const tf_voice_group *group) {
  float2 *changed = tf_at<float2>(p, p->changed_at), *sums = tf_at<float2>(p, p->sums_at);
  const tf_voice_source source = source_of(p);
  const uint32_t traces = j->chunk.end - j->chunk.first, first_row = j->chunk.first - j->chunk.base;
  if (p->own) return tf_voices_sum(&source, group, first_row, traces, changed, sums, call->stream);
  SP_TRY(transform_voices(p, group, p->changed_at, CUFFT_FORWARD, call->stream));
  const uint32_t bins = p->length < group->times ? p->length : group->times;
  add_spectra<<<grid_of(bins, traces, 1), THREADS, 0, call->stream>>>(changed, p->n_rows, first_row, *group, p->length,
                                                                      sums);
  return SP_CUDA_LAUNCHED("add_spectra");
}

/* --- all of a group ---------------------------------------------------------------------------------------------- */

static sp_status apply_group(const tf_stockwell *p, const tf_call *call, const tf_chunk *chunk,
                             const tf_voice_group *group) {
  const tf_threshold_task j = task_of(p, call, chunk, group);
  if (p->passed) {
    const tf_voice_source source = source_of(p);
    float2 *sums = tf_at<float2>(p, p->sums_at) + (size_t)(chunk->first - chunk->base) * p->length;
    return tf_pass_voices(&source, group, &j, tf_at<float2>(p, p->passed_at), sums, call->stream);
  }
  SP_TRY(make_coefficients(p, group, chunk->reach - chunk->base, call->stream));
  SP_TRY(threshold_group(p, call, &j, group));
  return sum_group(p, call, &j, group);
}

/* --- the sum taken back ----------------------------------------------------------------------------------------- */

/* Of the spectrum of the sum that of its real part, times the inverse; to traces that are resynthesised is added what
 * belongs to frequencies and voices outside the band. */
__global__ static void make_inverse(uint32_t n, const float *inverse, const float *rest, const tf_row *rows,
                                    const float2 *sums, const float2 *spectra, double2 *traces) {
  const uint32_t k = blockIdx.x * THREADS + threadIdx.x, bin = min(k, n - k);
  if (k >= n) return;
  const size_t row = (size_t)blockIdx.y * n;
  const float2 here = sums[row + k], mirror = sums[row + (n - k) % n], own = spectra[row + k];
  const double outside = rows[blockIdx.y].resynthesise ? rest[bin] : 0, half = 0.5 * inverse[bin];
  traces[row + k] = make_double2(half * ((double)here.x + mirror.x) + outside * own.x,
                                 half * ((double)here.y - mirror.y) + outside * own.y);
}

/* `traces` begins with trace `first`. */
__global__ static void finish_traces(uint32_t n, uint32_t length, uint32_t first, tf_chunk chunk, tf_gathers gathers,
                                     const tf_row *rows, const double2 *traces, const float *in, float *out) {
  const uint32_t t = blockIdx.x * THREADS + threadIdx.x, trace = first + blockIdx.y;
  if (t >= n) return;
  const tf_aperture near = tf_aperture_of(gathers, trace);
  const size_t at = (size_t)trace * n + t;
  const float x = (float)traces[(size_t)blockIdx.y * length + t].x;
  out[at] = near.hi - near.lo == 1 ? in[at] : rows[trace - chunk.base].resynthesise ? x : in[at] + x;
}

/* Traces first ... first + count - 1. */
static sp_status synthesise_part(const tf_stockwell *p, const tf_call *call, const tf_chunk *chunk, uint32_t first,
                                 uint32_t count) {
  const uint32_t row = first - chunk->base;
  const tf_row *rows = tf_at<tf_row>(p, p->rows_at);
  const float2 *sums = tf_at<float2>(p, p->sums_at), *spectra = tf_at<float2>(p, p->spectra_at);
  double2 *traces = tf_at<double2>(p, p->traces_at);
  const size_t at = (size_t)row * p->length;
  make_inverse<<<grid_of(p->length, count, 1), THREADS, 0, call->stream>>>(p->length, tf_at<float>(p, p->inverse_at),
                                                                           tf_at<float>(p, p->rest_at), rows + row,
                                                                           sums + at, spectra + at, traces);
  SP_TRY(SP_CUDA_LAUNCHED("make_inverse"));
  SP_TRY(transform_traces(p, CUFFT_INVERSE, call->stream));
  finish_traces<<<grid_of(p->n_samples, count, 1), THREADS, 0, call->stream>>>(
      p->n_samples, p->length, first, *chunk, call->gathers, rows, traces, call->batch->in, call->batch->out);
  return SP_CUDA_LAUNCHED("finish_traces");
}

static sp_status synthesise_chunk(const tf_stockwell *p, const tf_call *call, const tf_chunk *chunk) {
  for (uint32_t first = chunk->first; first < chunk->end; first += p->trace_batch) {
    const uint32_t left = chunk->end - first;
    SP_TRY(synthesise_part(p, call, chunk, first, left < p->trace_batch ? left : p->trace_batch));
  }
  return SP_SUCCESS;
}

/* --- apply ------------------------------------------------------------------------------------------------------ */

static sp_status apply_chunk(const tf_stockwell *p, const tf_call *call, const tf_chunk *chunk) {
  const uint32_t n_rows = chunk->reach - chunk->base;
  const size_t sum_bytes = (size_t)p->n_rows * p->length * sizeof(float2);
  const float *in = call->batch->in + (size_t)chunk->base * p->n_samples;
  SP_TRY(tf_survey_rows(call, chunk, p->n_samples, true, tf_at<tf_row>(p, p->rows_at)));
  SP_TRY(make_spectra(p, in, n_rows, call->stream));
  SP_TRY(SP_CUDA(cudaMemsetAsync(p->arena.memory + p->sums_at, 0, sum_bytes, call->stream)));
  /* the low voices last: beside the mean of a trace the many small ones would be lost one by one */
  for (uint32_t g = p->n_groups; g-- > 0;) SP_TRY(apply_group(p, call, chunk, &p->groups[g]));
  return synthesise_chunk(p, call, chunk);
}

sp_status tf_stockwell_apply(const tf_stockwell *p, const tf_call *call) {
  const uint32_t n_traces = call->batch->n_traces, chunks = (n_traces + p->chunk_traces - 1) / p->chunk_traces;
  for (uint32_t i = 0; i < chunks; i++) {
    const tf_chunk chunk = tf_chunk_at(i, p->chunk_traces, n_traces, p->aperture / 2);
    SP_TRY(apply_chunk(p, call, &chunk));
  }
  return SP_SUCCESS;
}
