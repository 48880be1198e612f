/* Transform stockwell on the GPU: voices of the rows of a chunk, judged group by group, and their sum taken back.
 *
 * cuFFT takes traces to spectra, always the same number of them at a time, and voices of lengths that have no transform
 * of our own: so its choice of an algorithm depends on the length alone. */
#include <math.h>
#include <string.h>

#include "kernels/cuda/tf_stockwell.cuh"
extern "C" {
#include "seisproc/memory.h"
}

static const unsigned THREADS = 256;

enum { TRACE_BATCH = 256, OWN_CHUNK = 8192, MAX_CHUNK = 1024, LEAST_CHUNK = 8, REDUCED_STEP = 16 };

/* Bytes of a chunk; and what is too much for the least one. */
static const size_t CHUNK_BYTES = (size_t)1 << 30, TOO_MANY_BYTES = (size_t)1 << 34;

/* --- groups of voices ------------------------------------------------------------------------------------------- */

/* The least 2^a 3^b 5^c, a >= 2, from `least` up. */
static uint32_t smooth_length(uint32_t least) {
  for (uint32_t n = (least + 3) / 4 * 4;; n += 4) {
    uint32_t rest = n;
    for (uint32_t prime : {2, 3, 5}) {
      while (rest % prime == 0) rest /= prime;
    }
    if (rest == 1) return n;
  }
}

static uint32_t times_of(const tf_stockwell *p, uint32_t n) {
  const uint32_t top = (n + REDUCED_STEP - 1) / REDUCED_STEP * REDUCED_STEP;
  return p->reduced ? smooth_length(2 * (top ? top : REDUCED_STEP)) : p->n_samples;
}

static sp_status set_groups(tf_stockwell *p) {
  void *block;
  SP_TRY(sp_calloc(p->band.count, sizeof *p->groups, "groups of tf", &block));
  p->groups = (tf_voice_group *)block;
  SP_TRY(sp_calloc(p->band.count, sizeof *p->lengths, "lengths of tf", &block));
  p->lengths = (uint32_t *)block;
  tf_voice_group *group = NULL;
  for (uint32_t n = p->band.first; n < p->band.first + p->band.count; n++) {
    const uint32_t times = times_of(p, n);
    if (p->n_transforms == 0 || p->lengths[p->n_transforms - 1] != times) p->lengths[p->n_transforms++] = times;
    if (!group || group->count == TF_MAX_VOICES || group->times != times) {
      group = &p->groups[p->n_groups++];
      group->first = n;
      group->times = times;
      group->transform = p->n_transforms - 1;
    }
    group->count++;
    if (times > p->longest) p->longest = times;
  }
  return SP_SUCCESS;
}

/* --- tables ----------------------------------------------------------------------------------------------------- */

static double window_of(uint32_t n, double k) {
  const double m = (k - n) / n;
  return exp(-2 * M_PI * M_PI * m * m);
}

/* The inverse of the sum of the windows of all voices, those of negative frequencies too. */
static sp_status fill_inverse(const tf_stockwell *p) {
  void *block;
  const uint32_t n_samples = p->n_samples;
  SP_TRY(sp_alloc(p->n_bins * sizeof(float), "tables of tf", &block));
  float *inverse = (float *)block;
  const double factor = p->reduced ? 1 : 1.0 / n_samples;
  for (uint32_t k = 0; k < p->n_bins; k++) {
    double sum = k == 0;
    for (uint32_t n = 1; n < p->n_bins; n++) {
      sum += window_of(n, k);
      const uint32_t far = k + n, distance = far < n_samples - far ? far : n_samples - far;
      if (2 * n < n_samples) sum += window_of(n, (double)n + distance);
    }
    inverse[k] = (float)(factor / sum);
  }
  const sp_status status =
      SP_CUDA(cudaMemcpy(p->arena.memory + p->inverse_at, inverse, p->n_bins * sizeof(float), cudaMemcpyHostToDevice));
  sp_free(block);
  return status;
}

/* --- plan ------------------------------------------------------------------------------------------------------- */

/* Bytes a row of what there is one of for each voice of a group. */
static size_t voice_bytes(const tf_stockwell *p) {
  const size_t staged = !p->own || p->reduced ? sizeof(float2) : 0;
  const size_t stored = p->half ? sizeof(__half2) : staged ? 0 : sizeof(float2);
  const size_t judged = p->reduced ? sizeof(float2) : 0, shares = p->smoothing_s > 0 ? sizeof(float2) : 0;
  return p->longest * (staged + stored + judged + shares) * TF_MAX_VOICES;
}

static sp_status set_chunk(tf_stockwell *p, uint32_t max_traces) {
  const uint32_t around = p->aperture - 1, limit = p->own ? OWN_CHUNK : MAX_CHUNK;
  const size_t rows = CHUNK_BYTES / voice_bytes(p);
  p->chunk_traces = rows < LEAST_CHUNK + around ? LEAST_CHUNK : (uint32_t)(rows - around);
  if (p->chunk_traces > limit) p->chunk_traces = limit;
  if (p->own && p->chunk_traces > max_traces) p->chunk_traces = max_traces;
  p->n_rows = (p->chunk_traces + around + TRACE_BATCH - 1) / TRACE_BATCH * TRACE_BATCH;
  return p->n_rows * voice_bytes(p) > TOO_MANY_BYTES ? SP_ERR_USAGE : SP_SUCCESS;
}

static void lay_out(tf_stockwell *p, size_t work_bytes) {
  const size_t rows = p->n_rows, cells = rows * p->longest * TF_MAX_VOICES;
  const bool staged = !p->own, shares = p->smoothing_s > 0;
  tf_arena *a = &p->arena;
  a->bytes = 0;
  p->open_capacity = tf_open_capacity(cells);
  p->open_count_at = tf_reserve(a, sizeof(uint32_t));
  p->open_at = tf_reserve(a, p->open_capacity * sizeof(uint2));
  p->late_at = tf_reserve(a, p->reduced ? 0 : rows * p->n_samples * sizeof(long long));
  p->rows_at = tf_reserve(a, rows * sizeof(tf_row));
  p->spectra_at = tf_reserve(a, rows * p->n_samples * sizeof(float2));
  p->sums_at = tf_reserve(a, rows * p->longest * (p->reduced ? sizeof(float2) : sizeof(float)));
  /* voices: what cuFFT makes, and with reduced sampling the changed cells; cells: what is judged */
  p->voices_at = tf_reserve(a, staged ? cells * sizeof(float2) : 0);
  p->cells_at = p->half || p->reduced || !staged ? tf_reserve(a, cells * (p->half ? sizeof(__half2) : sizeof(float2)))
                                                 : p->voices_at;
  p->shares_at = tf_reserve(a, shares ? cells * sizeof(float2) : 0);
  p->inverse_at = tf_reserve(a, p->n_bins * sizeof(float));
  p->work_at = tf_reserve(a, work_bytes);
}

static size_t larger(size_t a, size_t b) {
  return a > b ? a : b;
}

static sp_status make_transforms(tf_stockwell *p, size_t *work_bytes) {
  void *block;
  SP_TRY(tf_fft_make(p->n_samples, CUFFT_C2C, TRACE_BATCH, &p->of_traces));
  *work_bytes = p->of_traces.work_bytes;
  if (p->own) return SP_SUCCESS;
  SP_TRY(sp_calloc(p->n_transforms, sizeof *p->transforms, "transforms of tf", &block));
  p->transforms = (tf_fft *)block;
  for (uint32_t i = 0; i < p->n_transforms; i++) {
    SP_TRY(tf_fft_make(p->lengths[i], CUFFT_C2C, TF_MAX_VOICES * p->n_rows, &p->transforms[i]));
    *work_bytes = larger(*work_bytes, p->transforms[i].work_bytes);
  }
  return SP_SUCCESS;
}

static size_t estimate_work(const tf_stockwell *p) {
  size_t bytes = tf_fft_estimate(p->n_samples, CUFFT_C2C, TRACE_BATCH);
  for (uint32_t i = 0; !p->own && i < p->n_transforms; i++) {
    bytes = larger(bytes, tf_fft_estimate(p->lengths[i], CUFFT_C2C, TF_MAX_VOICES * p->n_rows));
  }
  return bytes;
}

static sp_status take_memory(tf_stockwell *p) {
  size_t work_bytes;
  SP_TRY(make_transforms(p, &work_bytes));
  lay_out(p, work_bytes);
  SP_TRY(SP_CUDA(cudaMalloc((void **)&p->arena.memory, p->arena.bytes)));
  /* what no one has written is transformed too */
  SP_TRY(SP_CUDA(cudaMemset(p->arena.memory, 0, p->arena.bytes)));
  void *work = p->arena.memory + p->work_at;
  SP_TRY(TF_CUFFT(cufftSetWorkArea(p->of_traces.handle, work)));
  for (uint32_t i = 0; !p->own && i < p->n_transforms; i++) {
    SP_TRY(TF_CUFFT(cufftSetWorkArea(p->transforms[i].handle, work)));
  }
  return fill_inverse(p);
}

static void describe(const sp_tf_params *params, const sp_cuda_geometry *geometry, tf_stockwell *p) {
  p->n_samples = geometry->n_samples;
  p->interval_s = geometry->sample_interval_s;
  p->aperture = (uint32_t)params->aperture;
  p->n_bins = p->n_samples / 2 + 1;
  p->reduced = params->sampling == SP_TF_REDUCED;
  p->own = !p->reduced && tf_voices_has(p->n_samples);
  p->half = geometry->precision == SP_PRECISION_MIXED;
  p->band = sp_tf_select(params, 1 / (p->n_samples * p->interval_s), p->n_bins);
  p->rule = tf_make_rule(params, p->band.count == p->n_bins);
  p->exact = tf_make_exact(params, p->n_samples);
  p->smoothing_s = params->time_smoothing * 1e-3;
}

sp_status tf_stockwell_plan(const sp_tf_params *params, const sp_cuda_geometry *geometry, bool dry, size_t *bytes,
                            tf_stockwell **out) {
  void *block;
  SP_TRY(sp_calloc(1, sizeof(tf_stockwell), "the plan of tf", &block));
  tf_stockwell *p = (tf_stockwell *)block;
  sp_status status;
  describe(params, geometry, p);
  SP_TRY_GOTO(done, set_groups(p));
  SP_TRY_GOTO(done, set_chunk(p, geometry->max_traces));
  if (dry) {
    lay_out(p, estimate_work(p));
    *bytes = p->arena.bytes;
  } else {
    SP_TRY_GOTO(done, take_memory(p));
    *bytes = p->arena.bytes;
    *out = p;
    p = NULL;
  }
done:
  tf_stockwell_destroy(p);
  return status;
}

void tf_stockwell_destroy(tf_stockwell *p) {
  if (!p) return;
  for (uint32_t i = 0; p->transforms && i < p->n_transforms; i++) tf_fft_destroy(&p->transforms[i]);
  tf_fft_destroy(&p->of_traces);
  cudaFree(p->arena.memory);
  sp_free(p->transforms);
  sp_free(p->lengths);
  sp_free(p->groups);
  sp_free(p);
}

/* --- traces to spectra and back --------------------------------------------------------------------------------- */

static dim3 grid_of(size_t elements, uint32_t rows, uint32_t voices) {
  return dim3((unsigned)((elements + THREADS - 1) / THREADS), rows, voices);
}

/* As complex numbers: of two real traces at a time, the bits of one would depend on its place. */
__global__ static void take_constants_off(const float *in, uint32_t n, const tf_row *rows, float2 *traces) {
  const uint32_t t = blockIdx.x * THREADS + threadIdx.x;
  const size_t at = (size_t)blockIdx.y * n + t;
  if (t < n) traces[at] = make_float2(in[at] - (rows ? rows[blockIdx.y].constant : 0.0f), 0);
}

/* Transforms so many rows in place, in equal parts. */
static sp_status transform_rows(const tf_stockwell *p, uint32_t n_rows, int direction, cudaStream_t stream) {
  float2 *spectra = tf_at<float2>(p, p->spectra_at);
  SP_TRY(TF_CUFFT(cufftSetStream(p->of_traces.handle, stream)));
  for (size_t row = 0; row < n_rows; row += TRACE_BATCH) {
    float2 *part = spectra + row * p->n_samples;
    SP_TRY(TF_CUFFT(cufftExecC2C(p->of_traces.handle, part, part, direction)));
  }
  return SP_SUCCESS;
}

/* The spectra of real rows; `rows` may be NULL where no constants are to be taken off. */
static sp_status make_spectra(const tf_stockwell *p, const float *in, const tf_row *rows, uint32_t n_rows,
                              cudaStream_t stream) {
  take_constants_off<<<grid_of(p->n_samples, n_rows, 1), THREADS, 0, stream>>>(in, p->n_samples, rows,
                                                                               tf_at<float2>(p, p->spectra_at));
  SP_TRY(SP_CUDA_LAUNCHED("take_constants_off"));
  return transform_rows(p, n_rows, CUFFT_FORWARD, stream);
}

/* --- voices ----------------------------------------------------------------------------------------------------- */

__global__ static void fill_voices(const tf_voice_source s, const tf_voice_group group, float2 *voices) {
  const uint32_t k = blockIdx.x * THREADS + threadIdx.x, row = blockIdx.y, n = group.first + blockIdx.z;
  if (k >= group.times) return;
  voices[((size_t)blockIdx.z * s.n_rows + row) * group.times + k] =
      tf_voice_bin(s.spectra + (size_t)row * s.n_samples, s.rows[row].constant, s.n_samples, n, 1.0f / n, k);
}

template <class Cell>
__global__ static void store_cells(const float2 *voices, const tf_row *rows, uint32_t n_rows, uint32_t times,
                                   Cell *cells) {
  const uint32_t t = blockIdx.x * THREADS + threadIdx.x, row = blockIdx.y;
  const size_t at = ((size_t)blockIdx.z * n_rows + row) * times + t;
  if (t < times) tf_store(cells + at, voices[at], rows[row].scale);
}

static sp_status transform_voices(const tf_stockwell *p, const tf_voice_group *group, int direction,
                                  cudaStream_t stream) {
  float2 *voices = tf_at<float2>(p, p->voices_at);
  const cufftHandle handle = p->transforms[group->transform].handle;
  SP_TRY(TF_CUFFT(cufftSetStream(handle, stream)));
  return TF_CUFFT(cufftExecC2C(handle, voices, voices, direction));
}

/* The cells of a group, to be judged. */
static sp_status make_cells(const tf_stockwell *p, const tf_voice_group *group, uint32_t n_rows, cudaStream_t stream) {
  const tf_row *rows = tf_at<tf_row>(p, p->rows_at);
  const tf_voice_source source = {tf_at<float2>(p, p->spectra_at), rows, p->n_samples, p->n_rows};
  float2 *voices = tf_at<float2>(p, p->voices_at);
  void *cells = p->arena.memory + p->cells_at;
  if (p->own) return tf_voices_make(&source, group, n_rows, p->half, cells, stream);
  const dim3 grid = grid_of(group->times, n_rows, group->count);
  fill_voices<<<grid, THREADS, 0, stream>>>(source, *group, voices);
  SP_TRY(SP_CUDA_LAUNCHED("fill_voices"));
  SP_TRY(transform_voices(p, group, CUFFT_INVERSE, stream));
  if (cells == voices) return SP_SUCCESS;
  if (p->half) {
    store_cells<<<grid, THREADS, 0, stream>>>(voices, rows, p->n_rows, group->times, (__half2 *)cells);
  } else {
    store_cells<<<grid, THREADS, 0, stream>>>(voices, rows, p->n_rows, group->times, (float2 *)cells);
  }
  return SP_CUDA_LAUNCHED("store_cells");
}

/* Voices stand for their conjugates too, but for the first one and one at the Nyquist frequency. */
static float count_of(const tf_stockwell *p, uint32_t n) {
  return n == 0 || 2 * n == p->n_samples ? 1.0f : 2.0f;
}

/* --- judging a group -------------------------------------------------------------------------------------------- */

static tf_judging judging_of(const tf_stockwell *p, const tf_call *call, const tf_chunk *chunk,
                             const tf_voice_group *group) {
  tf_judging j;
  j.cells = p->arena.memory + p->cells_at;
  j.n_cells = group->times;
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

static tf_judging at_voice(const tf_stockwell *p, const tf_judging *j, uint32_t v) {
  tf_judging voice = *j;
  voice.cells = (const char *)j->cells + (size_t)v * j->n_rows * j->n_cells * (p->half ? 4 : 8);
  voice.exact.voice = j->exact.voice + v;
  return voice;
}

/* Full sampling: real parts are summed at each time. */
static sp_status judge_full(const tf_stockwell *p, const tf_call *call, const tf_judging *j,
                            const tf_voice_group *group) {
  float *sums = tf_at<float>(p, p->sums_at), counts[TF_MAX_VOICES];
  float2 *shares = tf_at<float2>(p, p->shares_at);
  for (uint32_t v = 0; v < group->count; v++) counts[v] = count_of(p, group->first + v);
  const tf_smoothing smoothing = {tf_smoothing_half(p->smoothing_s / p->interval_s, group->times), group->times};
  if (smoothing.half == 0) return tf_judge_sums(j, group->count, counts, sums, call->stream);
  SP_TRY(tf_judge_shares(j, group->count, shares, call->stream));
  for (uint32_t v = 0; v < group->count; v++) {
    const tf_judging voice = at_voice(p, j, v);
    const float2 *of_voice = shares + (size_t)v * j->n_rows * j->n_cells;
    SP_TRY(tf_smooth_sums(&voice, smoothing, of_voice, counts[v], sums, call->stream));
  }
  return SP_SUCCESS;
}

__global__ static void add_late(uint32_t n, const tf_row *rows, const long long *late, float *sums) {
  const uint32_t t = blockIdx.x * THREADS + threadIdx.x;
  const size_t at = (size_t)blockIdx.y * n + t;
  if (t < n && late[at] != 0) {
    sums[at] += (float)((double)late[at] / ((long long)1 << TF_LATE_BITS) * rows[blockIdx.y].unscale);
  }
}

/* What was left open while sums were made; nothing where shares were smoothed. */
static sp_status settle_late(const tf_stockwell *p, const tf_judging *j, uint32_t n_rows, cudaStream_t stream) {
  long long *late = tf_at<long long>(p, p->late_at);
  if (tf_smoothing_half(p->smoothing_s / p->interval_s, p->n_samples)) return SP_SUCCESS;
  SP_TRY(SP_CUDA(cudaMemsetAsync(late, 0, (size_t)n_rows * p->n_samples * sizeof *late, stream)));
  SP_TRY(tf_settle_sums(j, late, stream));
  add_late<<<grid_of(p->n_samples, n_rows, 1), THREADS, 0, stream>>>(p->n_samples, j->rows, late,
                                                                     tf_at<float>(p, p->sums_at));
  return SP_CUDA_LAUNCHED("add_late");
}

__global__ static void add_spectra(const float2 *voices, uint32_t n_rows, uint32_t first_row, tf_voice_group group,
                                   uint32_t n_samples, uint32_t longest, float2 *sums) {
  const uint32_t k = blockIdx.x * THREADS + threadIdx.x, row = first_row + blockIdx.y;
  if (k >= group.times) return;
  float2 sum = sums[(size_t)row * longest + k];
  for (uint32_t v = 0; v < group.count; v++) {
    const uint32_t n = group.first + v;
    const float factor = (n == 0 || 2 * n == n_samples ? 1.0f : 2.0f) / group.times;
    const float2 x = voices[((size_t)v * n_rows + row) * group.times + k];
    sum = make_float2(fmaf(factor, x.x, sum.x), fmaf(factor, x.y, sum.y));
  }
  sums[(size_t)row * longest + k] = sum;
}

/* Reduced sampling: spectra of the changed voices are summed. */
static sp_status judge_reduced(const tf_stockwell *p, const tf_call *call, const tf_judging *j,
                               const tf_voice_group *group) {
  float2 *voices = tf_at<float2>(p, p->voices_at), *shares = tf_at<float2>(p, p->shares_at);
  const double rate = group->times / (p->n_samples * p->interval_s);
  const tf_smoothing smoothing = {tf_smoothing_half(p->smoothing_s * rate, group->times), group->times};
  for (uint32_t v = 0; v < group->count; v++) {
    const tf_judging voice = at_voice(p, j, v);
    float2 *changed = voices + (size_t)v * j->n_rows * j->n_cells;
    if (smoothing.half) {
      SP_TRY(tf_judge_shares(&voice, 1, shares, call->stream));
      SP_TRY(tf_smooth_cells(&voice, smoothing, shares, changed, call->stream));
    } else {
      SP_TRY(tf_judge_cells(&voice, changed, call->stream));
    }
  }
  SP_TRY(transform_voices(p, group, CUFFT_FORWARD, call->stream));
  const uint32_t traces = j->chunk.end - j->chunk.first, first_row = j->chunk.first - j->chunk.base;
  add_spectra<<<grid_of(group->times, traces, 1), THREADS, 0, call->stream>>>(
      voices, p->n_rows, first_row, *group, p->n_samples, p->longest, tf_at<float2>(p, p->sums_at));
  return SP_CUDA_LAUNCHED("add_spectra");
}

/* --- the sum taken back ----------------------------------------------------------------------------------------- */

__global__ static void divide_spectra(uint32_t n, const float *inverse, float2 *spectra) {
  const uint32_t k = blockIdx.x * THREADS + threadIdx.x;
  if (k >= n) return;
  float2 *x = spectra + (size_t)blockIdx.y * n + k;
  const float factor = inverse[min(k, n - k)];
  *x = make_float2(factor * x->x, factor * x->y);
}

/* The spectrum of the real part, from bins 0 ... longest - 1 of the sum. */
__global__ static void fold_spectra(uint32_t n, uint32_t longest, const float *inverse, const float2 *sums,
                                    float2 *spectra) {
  const uint32_t k = blockIdx.x * THREADS + threadIdx.x;
  if (k >= n) return;
  const float2 *sum = sums + (size_t)blockIdx.y * longest;
  const float factor = 0.5f * inverse[min(k, n - k)];
  float re = 0, im = 0;
  for (uint32_t at = k; at < longest; at += n) {
    re += sum[at].x;
    im += sum[at].y;
  }
  for (uint32_t at = (n - k) % n; at < longest; at += n) {
    re += sum[at].x;
    im -= sum[at].y;
  }
  spectra[(size_t)blockIdx.y * n + k] = make_float2(factor * re, factor * im);
}

__global__ static void finish_traces(uint32_t n, tf_chunk chunk, tf_gathers gathers, bool whole, const float2 *traces,
                                     const float *in, float *out) {
  const uint32_t t = blockIdx.x * THREADS + threadIdx.x, trace = chunk.first + blockIdx.y;
  if (t >= n) return;
  const tf_aperture near = tf_aperture_of(gathers, trace);
  const size_t at = (size_t)trace * n + t;
  const float x = traces[(size_t)(trace - chunk.base) * n + t].x;
  out[at] = near.hi - near.lo == 1 ? in[at] : whole ? x : in[at] + x;
}

static sp_status take_back(const tf_stockwell *p, const tf_call *call, const tf_chunk *chunk, uint32_t n_rows) {
  float2 *spectra = tf_at<float2>(p, p->spectra_at);
  const float *inverse = tf_at<float>(p, p->inverse_at);
  const dim3 grid = grid_of(p->n_samples, n_rows, 1);
  if (p->reduced) {
    fold_spectra<<<grid, THREADS, 0, call->stream>>>(p->n_samples, p->longest, inverse, tf_at<float2>(p, p->sums_at),
                                                     spectra);
  } else {
    SP_TRY(make_spectra(p, tf_at<float>(p, p->sums_at), NULL, n_rows, call->stream));
    divide_spectra<<<grid, THREADS, 0, call->stream>>>(p->n_samples, inverse, spectra);
  }
  SP_TRY(SP_CUDA_LAUNCHED("fold_spectra or divide_spectra"));
  SP_TRY(transform_rows(p, n_rows, CUFFT_INVERSE, call->stream));
  finish_traces<<<grid_of(p->n_samples, chunk->end - chunk->first, 1), THREADS, 0, call->stream>>>(
      p->n_samples, *chunk, call->gathers, p->rule.whole, spectra, call->batch->in, call->batch->out);
  return SP_CUDA_LAUNCHED("finish_traces");
}

/* --- apply ------------------------------------------------------------------------------------------------------ */

static sp_status apply_chunk(const tf_stockwell *p, const tf_call *call, const tf_chunk *chunk) {
  const uint32_t n_rows = chunk->reach - chunk->base;
  const size_t sum_bytes = (size_t)p->n_rows * p->longest * (p->reduced ? sizeof(float2) : sizeof(float));
  const float *in = call->batch->in + (size_t)chunk->base * p->n_samples;
  tf_row *rows = tf_at<tf_row>(p, p->rows_at);
  SP_TRY(tf_survey_rows(in, p->n_samples, n_rows, true, rows, call->stream));
  SP_TRY(make_spectra(p, in, rows, n_rows, call->stream));
  SP_TRY(SP_CUDA(cudaMemsetAsync(p->arena.memory + p->sums_at, 0, sum_bytes, call->stream)));
  const tf_judging any = judging_of(p, call, chunk, &p->groups[0]);
  SP_TRY(tf_forget_open(&any, call->stream));
  for (uint32_t g = 0; g < p->n_groups; g++) {
    const tf_judging j = judging_of(p, call, chunk, &p->groups[g]);
    SP_TRY(make_cells(p, &p->groups[g], n_rows, call->stream));
    SP_TRY(p->reduced ? judge_reduced(p, call, &j, &p->groups[g]) : judge_full(p, call, &j, &p->groups[g]));
  }
  if (!p->reduced) SP_TRY(settle_late(p, &any, n_rows, call->stream));
  return take_back(p, call, chunk, n_rows);
}

sp_status tf_stockwell_apply(const tf_stockwell *p, const tf_call *call) {
  const uint32_t n_traces = call->batch->n_traces, chunks = (n_traces + p->chunk_traces - 1) / p->chunk_traces;
  for (uint32_t i = 0; i < chunks; i++) {
    const tf_chunk chunk = tf_chunk_at(i, p->chunk_traces, n_traces, p->aperture / 2);
    SP_TRY(apply_chunk(p, call, &chunk));
  }
  return SP_SUCCESS;
}
