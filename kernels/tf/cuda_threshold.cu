/* SPDX-License-Identifier: BSD-3-Clause */
/* Thresholding coefficients on the GPU: median and MAD over the aperture, then the gain of each coefficient.
 *
 * A thread follows one coefficient along a strip of traces. The magnitudes of the aperture are
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

/* --- what becomes of a coefficient ------------------------------------------------------------------------------- */

/* What is written: the changed coefficient, or its gain and median. */
enum { TO_COEFFICIENTS, TO_GAINS };

/* Whether it is left to double precision. Where d is nothing either outcome is the same. */
__device__ __forceinline__ bool is_open(const sp_tf_rule &rule, float m, float a, float d, float t) {
  if (d <= 1e-6f * (a + m)) return false;
  return sp_tf_open_weak(&rule, m, a) || (rule.mode == SP_TF_HARD && sp_tf_open_hard(&rule, m, a, d, t));
}

/* Notes a coefficient that is to be thresholded again. */
__device__ __noinline__ void note_open(const tf_threshold_task &j, uint32_t voice, uint32_t trace, uint32_t at) {
  const uint32_t i = atomicAdd(j.open.count, 1);
  if (i < j.open.capacity) j.open.list[i] = make_uint2((j.exact.voice + voice) << 16 | (trace - j.chunk.base), at);
}

template <int TO>
__device__ __forceinline__ void store_result(const tf_threshold_task &j, float2 *result, uint32_t voice, uint32_t trace,
                                             uint32_t at, bool resynthesise, statistics s, tf_polar x) {
  const float m = s.median, a = x.mag, d = fabsf(a - m), t = sp_tf_limit(&j.rule, m, s.mad);
  const float gain = sp_tf_gain(j.rule.mode, d, t);
  const bool weak = sp_tf_is_weak(&j.rule, m, a);
  if (is_open(j.rule, m, a, d, t)) note_open(j, voice, trace, at);
  if (TO == TO_GAINS) {
    *result = make_float2(gain, weak ? -m : m);
  } else {
    const float factor = sp_tf_factor(resynthesise, gain, weak, m, a);
    *result = make_float2(factor * x.re, factor * x.im);
  }
}

__device__ __forceinline__ size_t place_of(const tf_threshold_task &j, uint32_t voice, uint32_t trace, uint32_t at) {
  return ((size_t)voice * j.n_rows + (trace - j.chunk.base)) * j.n_coefficients + at;
}

/* --- following a coefficient ------------------------------------------------------------------------------------ */

/* Apertures of any width. */
template <int TO, class Coefficient>
__device__ __forceinline__ void threshold_afresh(const tf_threshold_task &j, float2 *to, tf_aperture near,
                                                 uint32_t voice, uint32_t trace, uint32_t at) {
  const bool resynthesise = j.rows[trace - j.chunk.base].resynthesise;
  const statistics s = statistics_afresh<Coefficient>(j, near, voice, at);
  const tf_polar x = tf_make_polar(coefficient_of<Coefficient>(j, voice, trace, at));
  store_result<TO>(j, to + place_of(j, voice, trace, at), voice, trace, at, resynthesise, s, x);
}

template <int TO, class Coefficient>
__global__ static void __launch_bounds__(THREADS) threshold_any(const tf_threshold_task j, float2 *to, uint32_t strip) {
  const uint32_t at = blockIdx.x * THREADS + threadIdx.x, first = j.chunk.first + blockIdx.y * strip;
  const uint32_t end = min(first + strip, j.chunk.end);
  if (at >= j.n_coefficients) return;
  for (uint32_t trace = first; trace < end; trace++) {
    const tf_aperture near = tf_aperture_of(j.gathers, trace);
    if (near.hi - near.lo > 1) threshold_afresh<TO, Coefficient>(j, to, near, blockIdx.z, trace, at);
  }
}

/* A thread keeps the magnitudes of the aperture sorted: of apertures that have too many traces for its registers. */
template <int W, int TO, class Coefficient>
__global__ static void __launch_bounds__(THREADS)
    threshold_whole(const tf_threshold_task j, float2 *to, uint32_t strip) {
  /* the last W traces, each at its number modulo W */
  __shared__ float mag[W][THREADS], re[W][THREADS], im[W][THREADS];
  const uint32_t tid = threadIdx.x, at = blockIdx.x * THREADS + tid, first = j.chunk.first + blockIdx.y * strip;
  const uint32_t end = min(first + strip, j.chunk.end), voice = blockIdx.z;
  if (at >= j.n_coefficients) return; /* threads share nothing */
  float z[W];
  bool whole = false;
  float2 ahead = make_float2(0, 0);
  const auto fetch = [&](uint32_t trace) {
    if (trace < j.chunk.reach) ahead = coefficient_of<Coefficient>(j, voice, trace, at);
  };
  const auto enter = [&](uint32_t trace, bool replace) {
    const uint32_t slot = trace % W;
    const tf_polar x = tf_make_polar(ahead);
    if (replace) remove_one(z, mag[slot][tid]);
    insert(z, x.mag);
    mag[slot][tid] = x.mag;
    re[slot][tid] = x.re;
    im[slot][tid] = x.im;
  };
  for (uint32_t trace = first; trace < end; trace++) {
    const tf_aperture near = tf_aperture_of(j.gathers, trace);
    if (near.hi - near.lo != W) {
      whole = false;
      if (near.hi - near.lo > 1) threshold_afresh<TO, Coefficient>(j, to, near, voice, trace, at);
      continue;
    }
    if (!whole) {
#pragma unroll
      for (int i = 0; i < W; i++) z[i] = INFINITY;
      for (uint32_t other = near.lo; other + 1 < near.hi; other++) {
        fetch(other);
        enter(other, false);
      }
      fetch(near.hi - 1);
    }
    enter(near.hi - 1, whole);
    whole = true;
    fetch(near.hi);
    const uint32_t slot = trace % W;
    const tf_polar x = {mag[slot][tid], re[slot][tid], im[slot][tid]};
    store_result<TO>(j, to + place_of(j, voice, trace, at), voice, trace, at, j.rows[trace - j.chunk.base].resynthesise,
                     statistics_of(z, W), x);
  }
}

/* Traces `trace` ... end - 1, whose apertures are whole, of one gather. The last W traces stay in registers, each at a
 * number that is known when this is compiled. */
template <int W, int TO, class Coefficient>
__device__ __forceinline__ void threshold_run(const tf_threshold_task &j, float2 *to, uint32_t voice, uint32_t trace,
                                              uint32_t end, uint32_t at) {
  const size_t step = j.n_coefficients;
  const bool halved = sizeof(Coefficient) != sizeof(float2);
  const Coefficient *next = (const Coefficient *)j.coefficients + place_of(j, voice, trace - W / 2, at);
  const tf_row *row = j.rows + (trace - j.chunk.base), *next_row = row - W / 2;
  float2 *result = to + place_of(j, voice, trace, at);
  tf_polar ring[W];
  float z[W];
  const auto fetch = [&]() {
    const float2 x = tf_load(next, halved ? next_row->unscale : 1.0f);
    next += step;
    next_row++;
    return x;
  };
#pragma unroll
  for (int i = 0; i < W; i++) z[i] = INFINITY;
#pragma unroll
  for (int i = 0; i + 1 < W; i++) {
    ring[i] = tf_make_polar(fetch());
    insert(z, ring[i].mag);
  }
  ring[W - 1] = {INFINITY, 0, 0};
  float2 ahead = fetch();
  for (;;) {
#pragma unroll
    for (int i = 0; i < W; i++) {
      tf_polar &newest = ring[(W - 1 + i) % W];
      const tf_polar x = tf_make_polar(ahead);
      if (trace + 1 < end) ahead = fetch();
      remove_one(z, newest.mag);
      insert(z, x.mag);
      newest = x;
      store_result<TO>(j, result, voice, trace, at, row->resynthesise, statistics_of(z, W), ring[(W / 2 + i) % W]);
      if (++trace == end) return;
      result += step;
      row++;
    }
  }
}

template <int W, int TO, class Coefficient>
__global__ static void __launch_bounds__(THREADS)
    threshold_runs(const tf_threshold_task j, float2 *to, uint32_t strip) {
  const uint32_t at = blockIdx.x * THREADS + threadIdx.x, first = j.chunk.first + blockIdx.y * strip;
  const uint32_t end = min(first + strip, j.chunk.end), voice = blockIdx.z;
  if (at >= j.n_coefficients) return;
  for (uint32_t trace = first; trace < end;) {
    const tf_aperture near = tf_aperture_of(j.gathers, trace);
    if (near.hi - near.lo == W) {
      const uint32_t stop = min(end, j.gathers.first_trace[j.gathers.gather[trace] + 1] - W / 2);
      threshold_run<W, TO, Coefficient>(j, to, voice, trace, stop, at);
      trace = stop;
    } else {
      if (near.hi - near.lo > 1) threshold_afresh<TO, Coefficient>(j, to, near, voice, trace, at);
      trace++;
    }
  }
}

/* --- launches --------------------------------------------------------------------------------------------------- */

typedef void threshold_kernel(const tf_threshold_task j, float2 *to, uint32_t strip);

/* Strips so long that the device runs all of them at a time: what a strip loads beside what it thresholds is least.
 * Longer ones drift apart, and memory is then read and written in more places at a time. */
static uint32_t strip_length(const tf_threshold_task *j, threshold_kernel *kernel, uint32_t columns) {
  const uint32_t traces = j->chunk.end - j->chunk.first;
  const uint32_t strips = tf_resident_blocks((const void *)kernel, THREADS, 0) / columns;
  const uint32_t length = strips ? (traces + strips - 1) / strips : traces;
  return length < 16 ? 16 : length > 256 ? 256 : length;
}

template <int TO, class Coefficient> static threshold_kernel *choose_kernel(uint32_t aperture) {
  switch (aperture) {
  case 3:
    return threshold_runs<3, TO, Coefficient>;
  case 5:
    return threshold_runs<5, TO, Coefficient>;
  case 7:
    return threshold_runs<7, TO, Coefficient>;
  case 9:
    return threshold_whole<9, TO, Coefficient>;
  case 11:
    return threshold_whole<11, TO, Coefficient>;
  default:
    return threshold_any<TO, Coefficient>;
  }
}

template <int TO, class Coefficient>
static sp_status launch_typed(const tf_threshold_task *j, float2 *to, uint32_t n_voices, cudaStream_t stream) {
  const uint32_t columns = (j->n_coefficients + THREADS - 1) / THREADS, traces = j->chunk.end - j->chunk.first;
  threshold_kernel *kernel = choose_kernel<TO, Coefficient>(j->gathers.aperture);
  const uint32_t strip = strip_length(j, kernel, columns * n_voices);
  const dim3 grid(columns, (traces + strip - 1) / strip, n_voices);
  kernel<<<grid, THREADS, 0, stream>>>(*j, to, strip);
  return SP_CUDA_LAUNCHED("threshold");
}

template <int TO>
static sp_status launch(const tf_threshold_task *j, float2 *to, uint32_t n_voices, cudaStream_t stream) {
  return j->half ? launch_typed<TO, __half2>(j, to, n_voices, stream)
                 : launch_typed<TO, float2>(j, to, n_voices, stream);
}

sp_status tf_threshold_coefficients(const tf_threshold_task *j, uint32_t n_voices, float2 *changed,
                                    cudaStream_t stream) {
  SP_TRY(tf_clear_open(j, stream));
  SP_TRY(launch<TO_COEFFICIENTS>(j, changed, n_voices, stream));
  return tf_resolve_coefficients(j, changed, stream);
}

sp_status tf_threshold_gains(const tf_threshold_task *j, uint32_t n_voices, float2 *gains, cudaStream_t stream) {
  SP_TRY(tf_clear_open(j, stream));
  SP_TRY(launch<TO_GAINS>(j, gains, n_voices, stream));
  return tf_resolve_gains(j, gains, stream);
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
template <class Coefficient>
__global__ static void __launch_bounds__(THREADS)
    smooth(const tf_threshold_task j, tf_smoothing how, const float2 *all_gains, float2 *changed) {
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
    changed[row + start + i] = make_float2(factor * x.re, factor * x.im);
  }
}

template <class Coefficient>
static sp_status launch_smooth(const tf_threshold_task *j, tf_smoothing how, const float2 *gains, float2 *changed,
                               cudaStream_t stream) {
  const dim3 grid(j->n_coefficients / how.run, j->chunk.end - j->chunk.first);
  const size_t shared = (how.run + 1) * sizeof(double);
  if (shared > 32768) SP_TRY(tf_allow_shared((const void *)smooth<Coefficient>));
  smooth<Coefficient><<<grid, THREADS, shared, stream>>>(*j, how, gains, changed);
  return SP_CUDA_LAUNCHED("smooth");
}

sp_status tf_smooth_coefficients(const tf_threshold_task *j, tf_smoothing smoothing, const float2 *gains,
                                 float2 *changed, cudaStream_t stream) {
  return j->half ? launch_smooth<__half2>(j, smoothing, gains, changed, stream)
                 : launch_smooth<float2>(j, smoothing, gains, changed, stream);
}
