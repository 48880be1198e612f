/* Transform stockwell on the GPU: voices of the rows of a chunk, thresholded group by group, and their sum taken back.
 *
 * cuFFT takes traces to spectra, always the same number of them at a time, and voices of lengths that have no transform
 * of our own: so its choice of an algorithm depends on the length alone. Traces and their spectra are transformed in
 * double precision: weak bins beside strong ones are to keep their digits, for what is strong may be what goes. Voices
 * are summed in double precision, too: of high frequencies there are many more than of low ones, so that dividing by
 * the sum of the windows would blow up the errors at low ones. */
#include <math.h>
#include <string.h>

#include "kernels/tf/cuda_stockwell.cuh"

static const unsigned THREADS = 256;

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

template <class Complex, class Coefficient>
__global__ static void store_coefficients(const Complex *voices, const tf_row *rows, uint32_t n_rows, uint32_t times,
                                          Coefficient *coefficients) {
  const uint32_t t = blockIdx.x * THREADS + threadIdx.x, row = blockIdx.y;
  const size_t at = ((size_t)blockIdx.z * n_rows + row) * times + t;
  if (t < times) tf_store(coefficients + at, make_float2((float)voices[at].x, (float)voices[at].y), rows[row].scale);
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
static sp_status make_coefficients_any(const tf_stockwell *p, const tf_voice_source *source,
                                       const tf_voice_group *group, uint32_t n_rows, cudaStream_t stream) {
  const dim3 grid = grid_of(group->times, n_rows, group->count);
  Complex *voices = tf_at<Complex>(p, p->voices_at);
  fill_voices<<<grid, THREADS, 0, stream>>>(*source, *group, voices);
  SP_TRY(SP_CUDA_LAUNCHED("fill_voices"));
  SP_TRY(transform_voices(p, group, p->voices_at, CUFFT_INVERSE, stream));
  if (p->coefficients_at == p->voices_at) return SP_SUCCESS;
  if (p->half) {
    store_coefficients<<<grid, THREADS, 0, stream>>>(voices, source->rows, p->n_rows, group->times,
                                                     tf_at<__half2>(p, p->coefficients_at));
  } else {
    store_coefficients<<<grid, THREADS, 0, stream>>>(voices, source->rows, p->n_rows, group->times,
                                                     tf_at<float2>(p, p->coefficients_at));
  }
  return SP_CUDA_LAUNCHED("store_coefficients");
}

/* The coefficients of a group, to be thresholded. */
static sp_status make_coefficients(const tf_stockwell *p, const tf_voice_group *group, uint32_t n_rows,
                                   cudaStream_t stream) {
  const tf_row *rows = tf_at<tf_row>(p, p->rows_at);
  const tf_voice_source source = {tf_at<float2>(p, p->spectra_at), rows, p->n_samples, p->n_rows};
  if (p->own) return tf_voices_make(&source, group, n_rows, p->half, p->arena.memory + p->coefficients_at, stream);
  return p->precise ? make_coefficients_any<double2>(p, &source, group, n_rows, stream)
                    : make_coefficients_any<float2>(p, &source, group, n_rows, stream);
}

/* Voices stand for their conjugates too, but for the first one and one at the Nyquist frequency. */
static float count_of(const tf_stockwell *p, uint32_t n) {
  return n == 0 || 2 * n == p->n_samples ? 1.0f : 2.0f;
}

/* --- thresholding a group --------------------------------------------------------------------------------------------
 */

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

/* Full sampling: real parts are summed at each time. */
static sp_status threshold_full(const tf_stockwell *p, const tf_call *call, const tf_threshold_task *j,
                                const tf_voice_group *group) {
  double *sums = tf_at<double>(p, p->sums_at);
  float counts[TF_MAX_VOICES];
  float2 *gains = tf_at<float2>(p, p->gains_at);
  for (uint32_t v = 0; v < group->count; v++) counts[v] = count_of(p, group->first + v);
  const tf_smoothing smoothing = {tf_smoothing_half(p->smoothing_s / p->interval_s, group->times), group->times};
  if (smoothing.half == 0) return tf_threshold_sums(j, group->count, counts, sums, call->stream);
  SP_TRY(tf_threshold_gains(j, group->count, gains, call->stream));
  for (uint32_t v = 0; v < group->count; v++) {
    const tf_threshold_task voice = at_voice(p, j, v);
    const float2 *of_voice = gains + (size_t)v * j->n_rows * j->n_coefficients;
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

/* What was left open while sums were made; nothing where gains were smoothed. */
static sp_status resolve_late(const tf_stockwell *p, const tf_threshold_task *j, uint32_t n_rows, cudaStream_t stream) {
  long long *late = tf_at<long long>(p, p->late_at);
  if (tf_smoothing_half(p->smoothing_s / p->interval_s, p->n_samples)) return SP_SUCCESS;
  SP_TRY(SP_CUDA(cudaMemsetAsync(late, 0, (size_t)n_rows * p->n_samples * sizeof *late, stream)));
  SP_TRY(tf_resolve_sums(j, late, stream));
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
static sp_status threshold_reduced(const tf_stockwell *p, const tf_call *call, const tf_threshold_task *j,
                                   const tf_voice_group *group) {
  float2 *changed = tf_at<float2>(p, p->changed_at), *gains = tf_at<float2>(p, p->gains_at);
  const double rate = group->times / (p->n_samples * p->interval_s);
  const tf_smoothing smoothing = {tf_smoothing_half(p->smoothing_s * rate, group->times), group->times};
  if (smoothing.half == 0) {
    SP_TRY(tf_threshold_coefficients(j, group->count, changed, call->stream));
  } else {
    SP_TRY(tf_threshold_gains(j, group->count, gains, call->stream));
    for (uint32_t v = 0; v < group->count; v++) {
      const tf_threshold_task voice = at_voice(p, j, v);
      const size_t place = (size_t)v * j->n_rows * j->n_coefficients;
      SP_TRY(tf_smooth_coefficients(&voice, smoothing, gains + place, changed + place, call->stream));
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
  const double outside = rows[blockIdx.y].resynthesise ? rest[bin] : 0;
  traces[at] = make_double2(inverse[bin] * traces[at].x + outside * spectra[at].x,
                            inverse[bin] * traces[at].y + outside * spectra[at].y);
}

/* `traces` begins with trace `first`. */
__global__ static void finish_traces(uint32_t n, uint32_t first, tf_chunk chunk, tf_gathers gathers, const tf_row *rows,
                                     const double2 *traces, const float *in, float *out) {
  const uint32_t t = blockIdx.x * THREADS + threadIdx.x, trace = first + blockIdx.y;
  if (t >= n) return;
  const tf_aperture near = tf_aperture_of(gathers, trace);
  const size_t at = (size_t)trace * n + t;
  const float x = (float)traces[(size_t)blockIdx.y * n + t].x;
  out[at] = near.hi - near.lo == 1 ? in[at] : rows[trace - chunk.base].resynthesise ? x : in[at] + x;
}

/* Traces first ... first + count - 1. */
static sp_status synthesise_part(const tf_stockwell *p, const tf_call *call, const tf_chunk *chunk, uint32_t first,
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
  const size_t sum_bytes = (size_t)p->n_rows * p->longest * sizeof(double);
  const float *in = call->batch->in + (size_t)chunk->base * p->n_samples;
  SP_TRY(tf_survey_rows(call, chunk, p->n_samples, true, tf_at<tf_row>(p, p->rows_at)));
  SP_TRY(make_spectra(p, in, n_rows, call->stream));
  SP_TRY(SP_CUDA(cudaMemsetAsync(p->arena.memory + p->sums_at, 0, sum_bytes, call->stream)));
  const tf_threshold_task any = task_of(p, call, chunk, &p->groups[0]);
  SP_TRY(tf_clear_open(&any, call->stream));
  /* the low voices last: beside the mean of a trace the many small ones would be lost one by one */
  for (uint32_t g = p->n_groups; g-- > 0;) {
    const tf_threshold_task j = task_of(p, call, chunk, &p->groups[g]);
    SP_TRY(make_coefficients(p, &p->groups[g], n_rows, call->stream));
    SP_TRY(p->reduced ? threshold_reduced(p, call, &j, &p->groups[g]) : threshold_full(p, call, &j, &p->groups[g]));
  }
  if (!p->reduced) SP_TRY(resolve_late(p, &any, n_rows, call->stream));
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
