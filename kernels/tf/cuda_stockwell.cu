/* Transform stockwell on the GPU: voices of the rows of a chunk, judged group by group, and their sum taken back.
 *
 * cuFFT takes traces to spectra, always the same number of them at a time, and voices of lengths that have no transform
 * of our own: so its choice of an algorithm depends on the length alone. Traces and their spectra are transformed in
 * double precision: weak bins beside strong ones are to keep their digits, for what is strong may be what goes. Voices
 * are summed in double precision, too: of high frequencies there are many more than of low ones, so that dividing by
 * the sum of the windows would blow up the errors at low ones. */
#include <math.h>
#include <string.h>

#include "kernels/tf/cuda_stockwell.cuh"
extern "C" {
#include "seisproc/memory.h"
}

static const unsigned THREADS = 256;

enum { OWN_CHUNK = 8192, MAX_CHUNK = 1024, LEAST_CHUNK = 8, REDUCED_STEP = 16, REDUCED_VOICES = 16 };

/* Samples of the traces that are transformed at a time, and traces at most. */
static const uint32_t BATCH_SAMPLES = 1 << 21, MAX_BATCH = 1024;

/* Bytes of a chunk; and what is too much for the least one. */
static const size_t CHUNK_BYTES = (size_t)1 << 30, TOO_MANY_BYTES = (size_t)1 << 34;

/* --- groups of voices ------------------------------------------------------------------------------------------- */

/* Whether n is 2^a 3^b 5^c. What cuFFT makes of other lengths has few digits in single precision. */
static bool is_smooth(uint32_t n) {
  for (uint32_t prime : {2, 3, 5}) {
    while (n % prime == 0) n /= prime;
  }
  return n == 1;
}

/* The least such length, a multiple of 4, from `least` up. */
static uint32_t smooth_length(uint32_t least) {
  uint32_t n = (least + 3) / 4 * 4;
  while (!is_smooth(n)) n += 4;
  return n;
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
    if (!group || group->count == p->most_voices || group->times != times) {
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

/* Windows of voices n and -n at bin k. */
static double both_windows(uint32_t n, uint32_t k, uint32_t n_samples) {
  if (n == 0) return k == 0;
  if (2 * n == n_samples) return window_of(n, k);
  const uint32_t far = k + n, distance = far < n_samples - far ? far : n_samples - far;
  return window_of(n, k) + window_of(n, (double)n + distance);
}

static sp_status upload(const tf_stockwell *p, size_t place, const float *table) {
  return SP_CUDA(cudaMemcpy(p->arena.memory + place, table, p->n_bins * sizeof(float), cudaMemcpyHostToDevice));
}

static sp_status fill_tables(const tf_stockwell *p) {
  void *block;
  SP_TRY(sp_alloc(2 * (size_t)p->n_bins * sizeof(float), "tables of tf", &block));
  float *inverse = (float *)block, *rest = inverse + p->n_bins;
  const double factor = p->reduced ? 1 : 1.0 / p->n_samples;
  for (uint32_t k = 0; k < p->n_bins; k++) {
    double all = 0, outside = 0;
    for (uint32_t n = 0; n < p->n_bins; n++) {
      const double windows = both_windows(n, k, p->n_samples);
      all += windows;
      if (n < p->band.first || n >= p->band.first + p->band.count) outside += windows;
    }
    inverse[k] = (float)(factor / all);
    rest[k] = (float)(outside / all);
  }
  sp_status status = upload(p, p->inverse_at, inverse);
  if (status == SP_SUCCESS) status = upload(p, p->rest_at, rest);
  sp_free(block);
  return status;
}

/* --- plan ------------------------------------------------------------------------------------------------------- */

/* Bytes of a cell where cuFFT makes it. */
static size_t staged_bytes(const tf_stockwell *p) {
  return p->own ? 0 : p->precise ? sizeof(double2) : sizeof(float2);
}

/* Bytes of a cell where it is judged; 0 where that is the same place. */
static size_t stored_bytes(const tf_stockwell *p) {
  if (p->half) return sizeof(__half2);
  return p->own || p->precise ? sizeof(float2) : 0;
}

/* Bytes of a changed cell that is to be taken back; 0 where it goes where cuFFT made it. */
static size_t changed_bytes(const tf_stockwell *p) {
  return p->reduced && !p->half ? sizeof(float2) : 0;
}

/* Bytes a row of what there is one of for each voice of a group. */
static size_t voice_bytes(const tf_stockwell *p) {
  const size_t shares = p->smoothing_s > 0 ? sizeof(float2) : 0;
  return p->longest * (staged_bytes(p) + stored_bytes(p) + changed_bytes(p) + shares) * p->most_voices;
}

static sp_status set_chunk(tf_stockwell *p, uint32_t max_traces) {
  const uint32_t around = p->aperture - 1, limit = p->own ? OWN_CHUNK : MAX_CHUNK;
  const size_t rows = CHUNK_BYTES / voice_bytes(p);
  p->chunk_traces = rows < LEAST_CHUNK + around ? LEAST_CHUNK : (uint32_t)(rows - around);
  if (p->chunk_traces > limit) p->chunk_traces = limit;
  if (p->own && p->chunk_traces > max_traces) p->chunk_traces = max_traces;
  p->n_rows = p->chunk_traces + around;
  return p->n_rows * voice_bytes(p) > TOO_MANY_BYTES ? SP_ERR_USAGE : SP_SUCCESS;
}

static void lay_out(tf_stockwell *p, size_t work_bytes) {
  const size_t rows = p->n_rows, cells = rows * p->longest * p->most_voices;
  tf_arena *a = &p->arena;
  a->bytes = 0;
  /* sums: of all groups; in mode hard some are open of each ten thousand */
  p->open_capacity = tf_open_capacity(p->reduced ? cells : rows * p->n_samples * p->band.count / 8);
  p->open_count_at = tf_reserve(a, sizeof(uint32_t));
  p->open_at = tf_reserve(a, p->open_capacity * sizeof(uint2));
  p->late_at = tf_reserve(a, p->reduced ? 0 : rows * p->n_samples * sizeof(long long));
  p->rows_at = tf_reserve(a, rows * sizeof(tf_row));
  p->spectra_at = tf_reserve(a, rows * p->n_samples * sizeof(float2));
  p->sums_at = tf_reserve(a, rows * p->longest * sizeof(double));
  p->voices_at = tf_reserve(a, cells * staged_bytes(p));
  p->cells_at = stored_bytes(p) ? tf_reserve(a, cells * stored_bytes(p)) : p->voices_at;
  p->changed_at = changed_bytes(p) ? tf_reserve(a, cells * changed_bytes(p)) : p->voices_at;
  p->shares_at = tf_reserve(a, p->smoothing_s > 0 ? cells * sizeof(float2) : 0);
  p->traces_at = tf_reserve(a, (size_t)p->trace_batch * p->n_samples * sizeof(double2));
  p->inverse_at = tf_reserve(a, p->n_bins * sizeof(float));
  p->rest_at = tf_reserve(a, p->n_bins * sizeof(float));
  p->work_at = tf_reserve(a, work_bytes);
}

static size_t larger(size_t a, size_t b) {
  return a > b ? a : b;
}

static cufftType voice_type(const tf_stockwell *p) {
  return p->precise ? CUFFT_Z2Z : CUFFT_C2C;
}

static sp_status make_transforms(tf_stockwell *p, size_t *work_bytes) {
  void *block;
  SP_TRY(tf_fft_make(p->n_samples, CUFFT_Z2Z, p->trace_batch, &p->of_traces));
  *work_bytes = p->of_traces.work_bytes;
  if (p->own) return SP_SUCCESS;
  SP_TRY(sp_calloc(p->n_transforms, sizeof *p->transforms, "transforms of tf", &block));
  p->transforms = (tf_fft *)block;
  for (uint32_t i = 0; i < p->n_transforms; i++) {
    SP_TRY(tf_fft_make(p->lengths[i], voice_type(p), p->most_voices * p->n_rows, &p->transforms[i]));
    *work_bytes = larger(*work_bytes, p->transforms[i].work_bytes);
  }
  return SP_SUCCESS;
}

static size_t estimate_work(const tf_stockwell *p) {
  size_t bytes = tf_fft_estimate(p->n_samples, CUFFT_Z2Z, p->trace_batch);
  for (uint32_t i = 0; !p->own && i < p->n_transforms; i++) {
    bytes = larger(bytes, tf_fft_estimate(p->lengths[i], voice_type(p), p->most_voices * p->n_rows));
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
  return fill_tables(p);
}

static void describe(const sp_tf_params *params, const sp_cuda_geometry *geometry, tf_stockwell *p) {
  p->n_samples = geometry->n_samples;
  p->interval_s = geometry->sample_interval_s;
  p->aperture = (uint32_t)params->aperture;
  p->n_bins = p->n_samples / 2 + 1;
  p->reduced = params->sampling == SP_TF_REDUCED;
  p->most_voices = p->reduced ? (uint32_t)REDUCED_VOICES : (uint32_t)TF_MAX_VOICES;
  p->own = !p->reduced && tf_voices_has(p->n_samples);
  p->precise = !p->reduced && !is_smooth(p->n_samples);
  p->trace_batch = BATCH_SAMPLES / p->n_samples < MAX_BATCH ? BATCH_SAMPLES / p->n_samples + 1 : MAX_BATCH;
  p->half = geometry->precision == SP_PRECISION_MIXED;
  p->band = sp_tf_select(params, 1 / (p->n_samples * p->interval_s), p->n_bins);
  p->rule = tf_make_rule(params);
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
template <class Sample> __global__ static void widen(const Sample *from, uint32_t n, double2 *traces) {
  const uint32_t t = blockIdx.x * THREADS + threadIdx.x;
  const size_t at = (size_t)blockIdx.y * n + t;
  if (t < n) traces[at] = make_double2(from[at], 0);
}

static sp_status transform_traces(const tf_stockwell *p, int direction, cudaStream_t stream) {
  double2 *traces = tf_at<double2>(p, p->traces_at);
  SP_TRY(TF_CUFFT(cufftSetStream(p->of_traces.handle, stream)));
  return TF_CUFFT(cufftExecZ2Z(p->of_traces.handle, traces, traces, direction));
}

template <class Sample>
static sp_status transform_forward(const tf_stockwell *p, const Sample *from, uint32_t n_rows, cudaStream_t stream) {
  widen<<<grid_of(p->n_samples, n_rows, 1), THREADS, 0, stream>>>(from, p->n_samples, tf_at<double2>(p, p->traces_at));
  SP_TRY(SP_CUDA_LAUNCHED("widen"));
  return transform_traces(p, CUFFT_FORWARD, stream);
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
    const size_t at = (size_t)row * p->n_samples;
    SP_TRY(transform_forward(p, in + at, count, stream));
    keep_spectra<<<grid_of(p->n_samples, count, 1), THREADS, 0, stream>>>(tf_at<double2>(p, p->traces_at), p->n_samples,
                                                                          spectra + at);
    SP_TRY(SP_CUDA_LAUNCHED("keep_spectra"));
  }
  return SP_SUCCESS;
}

/* --- voices ----------------------------------------------------------------------------------------------------- */

/* Complex: float2 or double2. */
template <class Complex>
__global__ static void fill_voices(const tf_voice_source s, const tf_voice_group group, Complex *voices) {
  const uint32_t k = blockIdx.x * THREADS + threadIdx.x, row = blockIdx.y, n = group.first + blockIdx.z;
  if (k >= group.times) return;
  const float2 x = tf_voice_bin(s.spectra + (size_t)row * s.n_samples, n, 1.0f / n, k);
  Complex *to = voices + ((size_t)blockIdx.z * s.n_rows + row) * group.times + k;
  to->x = x.x;
  to->y = x.y;
}

template <class Complex, class Cell>
__global__ static void store_cells(const Complex *voices, const tf_row *rows, uint32_t n_rows, uint32_t times,
                                   Cell *cells) {
  const uint32_t t = blockIdx.x * THREADS + threadIdx.x, row = blockIdx.y;
  const size_t at = ((size_t)blockIdx.z * n_rows + row) * times + t;
  if (t < times) tf_store(cells + at, make_float2((float)voices[at].x, (float)voices[at].y), rows[row].scale);
}

static sp_status transform_voices(const tf_stockwell *p, const tf_voice_group *group, size_t place, int direction,
                                  cudaStream_t stream) {
  const cufftHandle handle = p->transforms[group->transform].handle;
  SP_TRY(TF_CUFFT(cufftSetStream(handle, stream)));
  if (p->precise) {
    double2 *voices = tf_at<double2>(p, place);
    return TF_CUFFT(cufftExecZ2Z(handle, voices, voices, direction));
  }
  float2 *voices = tf_at<float2>(p, place);
  return TF_CUFFT(cufftExecC2C(handle, voices, voices, direction));
}

/* By cuFFT. */
template <class Complex>
static sp_status make_cells_any(const tf_stockwell *p, const tf_voice_source *source, const tf_voice_group *group,
                                uint32_t n_rows, cudaStream_t stream) {
  const dim3 grid = grid_of(group->times, n_rows, group->count);
  Complex *voices = tf_at<Complex>(p, p->voices_at);
  fill_voices<<<grid, THREADS, 0, stream>>>(*source, *group, voices);
  SP_TRY(SP_CUDA_LAUNCHED("fill_voices"));
  SP_TRY(transform_voices(p, group, p->voices_at, CUFFT_INVERSE, stream));
  if (p->cells_at == p->voices_at) return SP_SUCCESS;
  if (p->half) {
    store_cells<<<grid, THREADS, 0, stream>>>(voices, source->rows, p->n_rows, group->times,
                                              tf_at<__half2>(p, p->cells_at));
  } else {
    store_cells<<<grid, THREADS, 0, stream>>>(voices, source->rows, p->n_rows, group->times,
                                              tf_at<float2>(p, p->cells_at));
  }
  return SP_CUDA_LAUNCHED("store_cells");
}

/* The cells of a group, to be judged. */
static sp_status make_cells(const tf_stockwell *p, const tf_voice_group *group, uint32_t n_rows, cudaStream_t stream) {
  const tf_row *rows = tf_at<tf_row>(p, p->rows_at);
  const tf_voice_source source = {tf_at<float2>(p, p->spectra_at), rows, p->n_samples, p->n_rows};
  if (p->own) return tf_voices_make(&source, group, n_rows, p->half, p->arena.memory + p->cells_at, stream);
  return p->precise ? make_cells_any<double2>(p, &source, group, n_rows, stream)
                    : make_cells_any<float2>(p, &source, group, n_rows, stream);
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
  double *sums = tf_at<double>(p, p->sums_at);
  float counts[TF_MAX_VOICES];
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

__global__ static void add_late(uint32_t n, const tf_row *rows, const long long *late, double *sums) {
  const uint32_t t = blockIdx.x * THREADS + threadIdx.x;
  const size_t at = (size_t)blockIdx.y * n + t;
  if (t < n && late[at] != 0) {
    sums[at] += (double)late[at] / ((long long)1 << TF_LATE_BITS) * rows[blockIdx.y].unscale;
  }
}

/* What was left open while sums were made; nothing where shares were smoothed. */
static sp_status settle_late(const tf_stockwell *p, const tf_judging *j, uint32_t n_rows, cudaStream_t stream) {
  long long *late = tf_at<long long>(p, p->late_at);
  if (tf_smoothing_half(p->smoothing_s / p->interval_s, p->n_samples)) return SP_SUCCESS;
  SP_TRY(SP_CUDA(cudaMemsetAsync(late, 0, (size_t)n_rows * p->n_samples * sizeof *late, stream)));
  SP_TRY(tf_settle_sums(j, late, stream));
  add_late<<<grid_of(p->n_samples, n_rows, 1), THREADS, 0, stream>>>(p->n_samples, j->rows, late,
                                                                     tf_at<double>(p, p->sums_at));
  return SP_CUDA_LAUNCHED("add_late");
}

__global__ static void add_spectra(const float2 *voices, uint32_t n_rows, uint32_t first_row, tf_voice_group group,
                                   uint32_t n_samples, uint32_t longest, float2 *sums) {
  const uint32_t k = blockIdx.x * THREADS + threadIdx.x, row = first_row + blockIdx.y;
  if (k >= group.times) return;
  float2 sum = sums[(size_t)row * longest + k];
  for (uint32_t v = group.count; v-- > 0;) {
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
  float2 *changed = tf_at<float2>(p, p->changed_at), *shares = tf_at<float2>(p, p->shares_at);
  const double rate = group->times / (p->n_samples * p->interval_s);
  const tf_smoothing smoothing = {tf_smoothing_half(p->smoothing_s * rate, group->times), group->times};
  if (smoothing.half == 0) {
    SP_TRY(tf_judge_cells(j, group->count, changed, call->stream));
  } else {
    SP_TRY(tf_judge_shares(j, group->count, shares, call->stream));
    for (uint32_t v = 0; v < group->count; v++) {
      const tf_judging voice = at_voice(p, j, v);
      const size_t place = (size_t)v * j->n_rows * j->n_cells;
      SP_TRY(tf_smooth_cells(&voice, smoothing, shares + place, changed + place, call->stream));
    }
  }
  SP_TRY(transform_voices(p, group, p->changed_at, CUFFT_FORWARD, call->stream));
  const uint32_t traces = j->chunk.end - j->chunk.first, first_row = j->chunk.first - j->chunk.base;
  add_spectra<<<grid_of(group->times, traces, 1), THREADS, 0, call->stream>>>(
      changed, p->n_rows, first_row, *group, p->n_samples, p->longest, tf_at<float2>(p, p->sums_at));
  return SP_CUDA_LAUNCHED("add_spectra");
}

/* --- the sum taken back ----------------------------------------------------------------------------------------- */

/* The spectrum of the real part, from bins 0 ... longest - 1 of the sum. */
__global__ static void fold_spectra(uint32_t n, uint32_t longest, const float2 *sums, double2 *traces) {
  const uint32_t k = blockIdx.x * THREADS + threadIdx.x;
  if (k >= n) return;
  const float2 *sum = sums + (size_t)blockIdx.y * longest;
  double re = 0, im = 0;
  for (uint32_t at = k; at < longest; at += n) {
    re += sum[at].x;
    im += sum[at].y;
  }
  for (uint32_t at = (n - k) % n; at < longest; at += n) {
    re += sum[at].x;
    im -= sum[at].y;
  }
  traces[(size_t)blockIdx.y * n + k] = make_double2(0.5 * re, 0.5 * im);
}

/* Divides by the sum of the windows; to traces that are built anew is added what lies outside the band. */
__global__ static void divide_spectra(uint32_t n, const float *inverse, const float *rest, const tf_row *rows,
                                      const float2 *spectra, double2 *traces) {
  const uint32_t k = blockIdx.x * THREADS + threadIdx.x, bin = min(k, n - k);
  if (k >= n) return;
  const size_t at = (size_t)blockIdx.y * n + k;
  const double share = rows[blockIdx.y].rebuild ? rest[bin] : 0;
  traces[at] = make_double2(inverse[bin] * traces[at].x + share * spectra[at].x,
                            inverse[bin] * traces[at].y + share * spectra[at].y);
}

/* `traces` begins with trace `first`. */
__global__ static void finish_traces(uint32_t n, uint32_t first, tf_chunk chunk, tf_gathers gathers, const tf_row *rows,
                                     const double2 *traces, const float *in, float *out) {
  const uint32_t t = blockIdx.x * THREADS + threadIdx.x, trace = first + blockIdx.y;
  if (t >= n) return;
  const tf_aperture near = tf_aperture_of(gathers, trace);
  const size_t at = (size_t)trace * n + t;
  const float x = (float)traces[(size_t)blockIdx.y * n + t].x;
  out[at] = near.hi - near.lo == 1 ? in[at] : rows[trace - chunk.base].rebuild ? x : in[at] + x;
}

/* Traces first ... first + count - 1. */
static sp_status take_part_back(const tf_stockwell *p, const tf_call *call, const tf_chunk *chunk, uint32_t first,
                                uint32_t count) {
  const uint32_t row = first - chunk->base;
  const tf_row *rows = tf_at<tf_row>(p, p->rows_at);
  const float2 *spectra = tf_at<float2>(p, p->spectra_at) + (size_t)row * p->n_samples;
  double2 *traces = tf_at<double2>(p, p->traces_at);
  const dim3 grid = grid_of(p->n_samples, count, 1);
  if (p->reduced) {
    const float2 *sums = tf_at<float2>(p, p->sums_at) + (size_t)row * p->longest;
    fold_spectra<<<grid, THREADS, 0, call->stream>>>(p->n_samples, p->longest, sums, traces);
    SP_TRY(SP_CUDA_LAUNCHED("fold_spectra"));
  } else {
    SP_TRY(transform_forward(p, tf_at<double>(p, p->sums_at) + (size_t)row * p->n_samples, count, call->stream));
  }
  divide_spectra<<<grid, THREADS, 0, call->stream>>>(p->n_samples, tf_at<float>(p, p->inverse_at),
                                                     tf_at<float>(p, p->rest_at), rows + row, spectra, traces);
  SP_TRY(SP_CUDA_LAUNCHED("divide_spectra"));
  SP_TRY(transform_traces(p, CUFFT_INVERSE, call->stream));
  finish_traces<<<grid, THREADS, 0, call->stream>>>(p->n_samples, first, *chunk, call->gathers, rows, traces,
                                                    call->batch->in, call->batch->out);
  return SP_CUDA_LAUNCHED("finish_traces");
}

static sp_status take_back(const tf_stockwell *p, const tf_call *call, const tf_chunk *chunk) {
  for (uint32_t first = chunk->first; first < chunk->end; first += p->trace_batch) {
    const uint32_t left = chunk->end - first;
    SP_TRY(take_part_back(p, call, chunk, first, left < p->trace_batch ? left : p->trace_batch));
  }
  return SP_SUCCESS;
}

/* --- apply ------------------------------------------------------------------------------------------------------ */

static sp_status apply_chunk(const tf_stockwell *p, const tf_call *call, const tf_chunk *chunk) {
  const uint32_t n_rows = chunk->reach - chunk->base;
  const size_t sum_bytes = (size_t)p->n_rows * p->longest * sizeof(double);
  const float *in = call->batch->in + (size_t)chunk->base * p->n_samples;
  SP_TRY(tf_survey_rows(call, chunk, p->n_samples, true, tf_at<tf_row>(p, p->rows_at)));
  SP_TRY(make_spectra(p, in, n_rows, call->stream));
  SP_TRY(SP_CUDA(cudaMemsetAsync(p->arena.memory + p->sums_at, 0, sum_bytes, call->stream)));
  const tf_judging any = judging_of(p, call, chunk, &p->groups[0]);
  SP_TRY(tf_forget_open(&any, call->stream));
  /* the low voices last: beside the mean of a trace the many small ones would be lost one by one */
  for (uint32_t g = p->n_groups; g-- > 0;) {
    const tf_judging j = judging_of(p, call, chunk, &p->groups[g]);
    SP_TRY(make_cells(p, &p->groups[g], n_rows, call->stream));
    SP_TRY(p->reduced ? judge_reduced(p, call, &j, &p->groups[g]) : judge_full(p, call, &j, &p->groups[g]));
  }
  if (!p->reduced) SP_TRY(settle_late(p, &any, n_rows, call->stream));
  return take_back(p, call, chunk);
}

sp_status tf_stockwell_apply(const tf_stockwell *p, const tf_call *call) {
  const uint32_t n_traces = call->batch->n_traces, chunks = (n_traces + p->chunk_traces - 1) / p->chunk_traces;
  for (uint32_t i = 0; i < chunks; i++) {
    const tf_chunk chunk = tf_chunk_at(i, p->chunk_traces, n_traces, p->aperture / 2);
    SP_TRY(apply_chunk(p, call, &chunk));
  }
  return SP_SUCCESS;
}
