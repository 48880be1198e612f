/* Thresholding coefficients on the GPU: median and MAD over the aperture, then the gain of each coefficient.
 *
 * A thread follows one coefficient, of up to four voices, along a strip of traces. The magnitudes of the aperture are
 * kept sorted in registers, in the order of traces in shared memory; one leaves, one enters, without a branch. The MAD
 * comes from the sorted magnitudes too: the q-th smallest distance from m is the least radius around m that holds q of
 * them, and those are q consecutive ones. Apertures that the ends of the gather clip are sorted afresh, in local
 * memory, and so are those wider than the widest that has code of its own.
 */
#include "kernels/tf/cuda.cuh"

static const unsigned THREADS = 128;

/* --- the aperture sorted --------------------------------------------------------------------------------------- */

/* z sorted; x joins, the largest goes. */
template <int W> __device__ __forceinline__ void insert(float (&z)[W], float x) {
#pragma unroll
  for (int i = 0; i < W; i++) {
    const float here = z[i];
    z[i] = fminf(here, x);
    x = fmaxf(here, x);
  }
}

/* x, one of them, goes; infinity joins. */
template <int W> __device__ __forceinline__ void remove_one(float (&z)[W], float x) {
#pragma unroll
  for (int i = 0; i + 1 < W; i++) z[i] = z[i] < x ? z[i] : z[i + 1];
  z[W - 1] = INFINITY;
}

typedef struct statistics {
  float median, mad;
} statistics;

__device__ __forceinline__ statistics statistics_of(const float *z, int n) {
  const float m = sp_tf_median(z, n);
  return {m, sp_tf_mad(z, n, m)};
}

template <class Coefficient>
__device__ __forceinline__ float2 coefficient_of(const tf_threshold_task &j, uint32_t voice, uint32_t trace,
                                                 uint32_t at) {
  const uint32_t row = trace - j.chunk.base;
  const Coefficient *coefficients =
      (const Coefficient *)j.coefficients + ((size_t)voice * j.n_rows + row) * j.n_coefficients + at;
  return tf_load(coefficients, sizeof(Coefficient) == sizeof(float2) ? 1.0f : j.rows[row].unscale);
}

template <class Coefficient>
__device__ __noinline__ statistics statistics_afresh(const tf_threshold_task &j, tf_aperture near, uint32_t voice,
                                                     uint32_t at) {
  float z[SP_TF_MAX_APERTURE];
  int n = 0;
  for (uint32_t trace = near.lo; trace < near.hi; trace++, n++) {
    const float x = tf_make_polar(coefficient_of<Coefficient>(j, voice, trace, at)).mag;
    int i = n;
    for (; i > 0 && z[i - 1] > x; i--) z[i] = z[i - 1];
    z[i] = x;
  }
  return statistics_of(z, n);
}

/* --- what becomes of a coefficient
 * ------------------------------------------------------------------------------------- */

typedef struct sink {
  float2 *coefficients; /* changed coefficients or gains */
  double *sums;
  float counts[TF_MAX_VOICES];
} sink;

enum { TO_COEFFICIENTS, TO_GAINS, TO_SUMS };

/* Whether it is left to double precision. Where d is nothing either outcome is the same. */
__device__ __forceinline__ bool is_open(const sp_tf_rule &rule, float m, float a, float d, float t) {
  if (d <= 1e-6f * (a + m)) return false;
  return sp_tf_open_weak(&rule, m, a) || (rule.mode == SP_TF_HARD && sp_tf_open_hard(&rule, m, a, d, t));
}

/* Whether the coefficient is to be thresholded again; then it has been noted. */
__device__ __noinline__ bool note_open(const tf_threshold_task &j, uint32_t voice, uint32_t trace, uint32_t at) {
  const uint32_t i = atomicAdd(j.open.count, 1);
  if (i >= j.open.capacity) return false;
  j.open.list[i] = make_uint2((j.exact.voice + voice) << 16 | (trace - j.chunk.base), at);
  return true;
}

template <int TO>
__device__ __forceinline__ void store_result(const tf_threshold_task &j, const sink &to, uint32_t voice, uint32_t trace,
                                             uint32_t at, bool resynthesise, statistics s, tf_polar x, float &sum) {
  const float m = s.median, a = x.mag, d = fabsf(a - m), t = sp_tf_limit(&j.rule, m, s.mad);
  const float gain = sp_tf_gain(j.rule.mode, d, t);
  const bool weak = sp_tf_is_weak(&j.rule, m, a);
  const bool noted = is_open(j.rule, m, a, d, t) && note_open(j, voice, trace, at);
  float2 *coefficient = to.coefficients + ((size_t)voice * j.n_rows + (trace - j.chunk.base)) * j.n_coefficients + at;
  if (TO == TO_GAINS) {
    *coefficient = make_float2(gain, weak ? -m : m);
    return;
  }
  const float factor = sp_tf_factor(resynthesise, gain, weak, m, a);
  if (TO == TO_COEFFICIENTS) *coefficient = make_float2(factor * x.re, factor * x.im);
  if (TO == TO_SUMS && !noted) sum = fmaf(to.counts[voice], factor * x.re, sum);
}

/* --- following a coefficient
 * ------------------------------------------------------------------------------------------- */

/* Apertures of any width. Sums of voices are added in their order. */
template <int V, int TO, class Coefficient>
__device__ __forceinline__ void threshold_afresh(const tf_threshold_task &j, const sink &to, tf_aperture near,
                                                 uint32_t first_voice, uint32_t trace, uint32_t at) {
  const bool resynthesise = j.rows[trace - j.chunk.base].resynthesise;
  float sum = 0;
#pragma unroll 1
  for (uint32_t v = first_voice; v < first_voice + V; v++) {
    const statistics s = statistics_afresh<Coefficient>(j, near, v, at);
    store_result<TO>(j, to, v, trace, at, resynthesise, s, tf_make_polar(coefficient_of<Coefficient>(j, v, trace, at)),
                     sum);
  }
  if (TO == TO_SUMS) to.sums[(size_t)(trace - j.chunk.base) * j.n_coefficients + at] += sum;
}

template <int V, int TO, class Coefficient>
__global__ static void __launch_bounds__(THREADS)
    threshold_any(const tf_threshold_task j, const sink to, uint32_t strip) {
  const uint32_t at = blockIdx.x * THREADS + threadIdx.x, first = j.chunk.first + blockIdx.y * strip;
  const uint32_t end = min(first + strip, j.chunk.end);
  if (at >= j.n_coefficients) return;
  for (uint32_t trace = first; trace < end; trace++) {
    const tf_aperture near = tf_aperture_of(j.gathers, trace);
    if (near.hi - near.lo > 1)
      threshold_afresh<V, TO, Coefficient>(j, to, near, TO == TO_SUMS ? 0 : blockIdx.z * V, trace, at);
  }
}

/* What a thread knows of its coefficient: W magnitudes of each of V voices. */
template <int W, int V> struct window {
  float z[V][W];
  bool whole;
};

template <int W, int V, int TO, class Coefficient>
__global__ static void __launch_bounds__(THREADS)
    threshold_whole(const tf_threshold_task j, const sink to, uint32_t strip) {
  /* the last W traces, each at its number modulo W */
  __shared__ float mag[W][V][THREADS], re[W][V][THREADS], im[TO == TO_COEFFICIENTS ? W : 1][V][THREADS];
  const uint32_t tid = threadIdx.x, at = blockIdx.x * THREADS + tid, first = j.chunk.first + blockIdx.y * strip;
  const uint32_t end = min(first + strip, j.chunk.end), first_voice = TO == TO_SUMS ? 0 : blockIdx.z * V;
  if (at >= j.n_coefficients) return; /* threads share nothing */
  window<W, V> w;
  w.whole = false;
  float2 ahead[V];
  const auto fetch = [&](uint32_t trace) {
    if (trace >= j.chunk.reach) return;
#pragma unroll
    for (int v = 0; v < V; v++) ahead[v] = coefficient_of<Coefficient>(j, first_voice + v, trace, at);
  };
  const auto enter = [&](uint32_t trace, bool replace) {
    const uint32_t slot = trace % W;
#pragma unroll
    for (int v = 0; v < V; v++) {
      const tf_polar x = tf_make_polar(ahead[v]);
      if (replace) remove_one(w.z[v], mag[slot][v][tid]);
      insert(w.z[v], x.mag);
      mag[slot][v][tid] = x.mag;
      re[slot][v][tid] = x.re;
      if (TO == TO_COEFFICIENTS) im[slot][v][tid] = x.im;
    }
  };
  for (uint32_t trace = first; trace < end; trace++) {
    const tf_aperture near = tf_aperture_of(j.gathers, trace);
    if (near.hi - near.lo != W) {
      w.whole = false;
      if (near.hi - near.lo > 1)
        threshold_afresh<V, TO, Coefficient>(j, to, near, TO == TO_SUMS ? 0 : blockIdx.z * V, trace, at);
      continue;
    }
    if (!w.whole) {
#pragma unroll
      for (int v = 0; v < V; v++) {
#pragma unroll
        for (int i = 0; i < W; i++) w.z[v][i] = INFINITY;
      }
      for (uint32_t other = near.lo; other + 1 < near.hi; other++) {
        fetch(other);
        enter(other, false);
      }
      fetch(near.hi - 1);
    }
    double *sums = to.sums + (size_t)(trace - j.chunk.base) * j.n_coefficients + at, before = 0;
    float sum = 0;
    if (TO == TO_SUMS) before = *sums;
    enter(near.hi - 1, w.whole);
    w.whole = true;
    fetch(near.hi);
    const uint32_t slot = trace % W;
    const bool resynthesise = j.rows[trace - j.chunk.base].resynthesise;
#pragma unroll
    for (int v = 0; v < V; v++) {
      const statistics s = statistics_of(w.z[v], W);
      const tf_polar x = {mag[slot][v][tid], re[slot][v][tid], TO == TO_COEFFICIENTS ? im[slot][v][tid] : 0.0f};
      store_result<TO>(j, to, first_voice + v, trace, at, resynthesise, s, x, sum);
    }
    if (TO == TO_SUMS) *sums = before + sum;
  }
}

/* --- launches --------------------------------------------------------------------------------------------------- */

typedef void threshold_kernel(const tf_threshold_task j, const sink to, uint32_t strip);

/* Blocks that the device runs at a time; 1 where it does not tell. */
static uint32_t resident_blocks(threshold_kernel *kernel) {
  int device, processors, blocks;
  const bool known = cudaGetDevice(&device) == cudaSuccess &&
                     cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device) == cudaSuccess &&
                     cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, kernel, THREADS, 0) == cudaSuccess;
  return known ? (uint32_t)(processors * blocks) : 1;
}

/* Strips so long that the device runs all of them at a time: what a strip loads beside what it thresholds is least. */
static uint32_t strip_length(const tf_threshold_task *j, threshold_kernel *kernel, uint32_t columns) {
  const uint32_t traces = j->chunk.end - j->chunk.first, strips = resident_blocks(kernel) / columns;
  const uint32_t length = strips ? (traces + strips - 1) / strips : traces;
  return length < 16 ? 16 : length > 256 ? 256 : length;
}

template <int V, int TO, class Coefficient> static threshold_kernel *choose_kernel(uint32_t aperture) {
  switch (aperture) {
  case 3:
    return threshold_whole<3, V, TO, Coefficient>;
  case 5:
    return threshold_whole<5, V, TO, Coefficient>;
  case 7:
    return threshold_whole<7, V, TO, Coefficient>;
  case 9:
    return threshold_whole<9, V, TO, Coefficient>;
  case 11:
    return threshold_whole<11, V, TO, Coefficient>;
  default:
    return threshold_any<V, TO, Coefficient>;
  }
}

/* `times` V voices. */
template <int V, int TO, class Coefficient>
static sp_status launch_typed(const tf_threshold_task *j, const sink *to, uint32_t times, cudaStream_t stream) {
  const uint32_t columns = (j->n_coefficients + THREADS - 1) / THREADS, traces = j->chunk.end - j->chunk.first;
  threshold_kernel *kernel = choose_kernel<V, TO, Coefficient>(j->gathers.aperture);
  const uint32_t strip = strip_length(j, kernel, columns * times);
  const dim3 grid(columns, (traces + strip - 1) / strip, times);
  kernel<<<grid, THREADS, 0, stream>>>(*j, *to, strip);
  return SP_CUDA_LAUNCHED("threshold");
}

template <int V, int TO>
static sp_status launch(const tf_threshold_task *j, const sink *to, uint32_t times, cudaStream_t stream) {
  return j->half ? launch_typed<V, TO, __half2>(j, to, times, stream)
                 : launch_typed<V, TO, float2>(j, to, times, stream);
}

/* The same with voices v, v + 1, ... as the first ones. */
static tf_threshold_task from_voice(const tf_threshold_task *j, uint32_t v) {
  tf_threshold_task rest = *j;
  rest.coefficients = (const char *)j->coefficients + (size_t)v * j->n_rows * j->n_coefficients * (j->half ? 4 : 8);
  rest.exact.voice = j->exact.voice + v;
  return rest;
}

sp_status tf_threshold_coefficients(const tf_threshold_task *j, uint32_t n_voices, float2 *changed,
                                    cudaStream_t stream) {
  const sink to = {changed};
  SP_TRY(tf_clear_open(j, stream));
  SP_TRY((launch<1, TO_COEFFICIENTS>(j, &to, n_voices, stream)));
  return tf_resolve_coefficients(j, changed, stream);
}

sp_status tf_threshold_gains(const tf_threshold_task *j, uint32_t n_voices, float2 *gains, cudaStream_t stream) {
  const sink to = {gains};
  SP_TRY(tf_clear_open(j, stream));
  SP_TRY((launch<1, TO_GAINS>(j, &to, n_voices, stream)));
  return tf_resolve_gains(j, gains, stream);
}

sp_status tf_threshold_sums(const tf_threshold_task *j, uint32_t n_voices, const float *counts, double *sums,
                            cudaStream_t stream) {
  sink to = {NULL, sums};
  if (n_voices == TF_MAX_VOICES) {
    for (uint32_t v = 0; v < n_voices; v++) to.counts[v] = counts[v];
    return launch<TF_MAX_VOICES, TO_SUMS>(j, &to, 1, stream);
  }
  for (uint32_t v = 0; v < n_voices; v++) {
    const tf_threshold_task rest = from_voice(j, v);
    to.counts[0] = counts[v];
    SP_TRY((launch<1, TO_SUMS>(&rest, &to, 1, stream)));
  }
  return SP_SUCCESS;
}

/* --- smoothing -------------------------------------------------------------------------------------------------- */

/* Sums of the first 0, 1, ... n gains of a run, in double precision: what an average loses there cannot be seen. */
__device__ static void sum_up(const float2 *gains, uint32_t n, double *total) {
  __shared__ double part[THREADS];
  const uint32_t each = (n + THREADS - 1) / THREADS, from = min(threadIdx.x * each, n), to = min(from + each, n);
  double sum = 0;
  for (uint32_t i = from; i < to; i++) sum += gains[i].x;
  part[threadIdx.x] = sum;
  __syncthreads();
  sum = 0;
  for (uint32_t i = 0; i < threadIdx.x; i++) sum += part[i];
  for (uint32_t i = from; i < to; i++) {
    total[i] = sum;
    sum += gains[i].x;
  }
  if (to == n && (from < to || n == 0)) total[n] = sum;
  __syncthreads();
}

/* A block takes a run of a row. */
template <int TO, class Coefficient>
__global__ static void __launch_bounds__(THREADS)
    smooth(const tf_threshold_task j, tf_smoothing how, const float2 *all_gains, const sink to) {
  extern __shared__ double total[]; /* [run + 1] */
  const uint32_t trace = j.chunk.first + blockIdx.y;
  const tf_aperture near = tf_aperture_of(j.gathers, trace);
  if (near.hi - near.lo == 1) return;
  const size_t row = (size_t)(trace - j.chunk.base) * j.n_coefficients, start = (size_t)blockIdx.x * how.run;
  const float2 *gains = all_gains + row + start;
  const bool resynthesise = j.rows[trace - j.chunk.base].resynthesise;
  sum_up(gains, how.run, total);
  for (uint32_t i = threadIdx.x; i < how.run; i += THREADS) {
    const uint32_t low = i > how.half ? i - how.half : 0, high = min(i + how.half + 1, how.run);
    const float gain = (float)((total[high] - total[low]) / (high - low)), m = fabsf(gains[i].y);
    const tf_polar x = tf_make_polar(coefficient_of<Coefficient>(j, 0, trace, (uint32_t)start + i));
    const float factor = sp_tf_factor(resynthesise, gain, gains[i].y < 0, m, x.mag);
    if (TO == TO_COEFFICIENTS) to.coefficients[row + start + i] = make_float2(factor * x.re, factor * x.im);
    if (TO == TO_SUMS) to.sums[row + start + i] += to.counts[0] * factor * x.re;
  }
}

template <int TO, class Coefficient>
static sp_status launch_smooth(const tf_threshold_task *j, tf_smoothing how, const float2 *gains, const sink *to,
                               cudaStream_t stream) {
  const dim3 grid(j->n_coefficients / how.run, j->chunk.end - j->chunk.first);
  const size_t shared = (how.run + 1) * sizeof(double);
  if (shared > 32768) SP_TRY(tf_allow_shared((const void *)smooth<TO, Coefficient>));
  smooth<TO, Coefficient><<<grid, THREADS, shared, stream>>>(*j, how, gains, *to);
  return SP_CUDA_LAUNCHED("smooth");
}

sp_status tf_smooth_coefficients(const tf_threshold_task *j, tf_smoothing smoothing, const float2 *gains,
                                 float2 *changed, cudaStream_t stream) {
  const sink to = {changed};
  return j->half ? launch_smooth<TO_COEFFICIENTS, __half2>(j, smoothing, gains, &to, stream)
                 : launch_smooth<TO_COEFFICIENTS, float2>(j, smoothing, gains, &to, stream);
}

sp_status tf_smooth_sums(const tf_threshold_task *j, tf_smoothing smoothing, const float2 *gains, float count,
                         double *sums, cudaStream_t stream) {
  const sink to = {NULL, sums, {count}};
  return j->half ? launch_smooth<TO_SUMS, __half2>(j, smoothing, gains, &to, stream)
                 : launch_smooth<TO_SUMS, float2>(j, smoothing, gains, &to, stream);
}
