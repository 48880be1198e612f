/* SPDX-License-Identifier: BSD-3-Clause */
/* A block a window: its 24 x 12 points are transformed by their definition, an output a thread. Then a block a
 * frequency finds the quantile. */
#include "kernels/common/cuda_noise_floor.h"

#include <math.h>

#include "kernels/common/cuda_check.h"
#include "kernels/common/cuda_select.cuh"

enum { SAMPLES = SP_FLOOR_SAMPLES, TRACES = SP_FLOOR_TRACES, WINDOWS = SP_FLOOR_WINDOWS, BINS = SP_FLOOR_BINS };
enum { WINDOW_THREADS = 160, SELECT_THREADS = 1024, MOST = WINDOWS * TRACES };

static const uint32_t LEFT_OUT = ~0u; /* the power of a window that is not live */

/* How the windows of a gather lie. */
struct placing {
  uint32_t traces, step, along, count; /* of a window; from window to window; in time; windows that are looked at */
  uint64_t places;
};

__device__ static placing placing_of(uint32_t n_samples, uint32_t n_traces) {
  placing p = {};
  if (n_traces < SP_FLOOR_LEAST_TRACES) return p;
  p.traces = min(n_traces, (uint32_t)TRACES);
  p.step = p.traces / 2;
  p.along = (n_samples - SAMPLES) / (SAMPLES / 2) + 1;
  p.places = (uint64_t)p.along * ((n_traces - p.traces) / p.step + 1);
  p.count = p.places < WINDOWS ? (uint32_t)p.places : WINDOWS;
  return p;
}

/* place_of of noise_floor.c */
__device__ static uint64_t place_of(uint32_t i, const placing &p) {
  const uint64_t first = i * p.places / p.count, end = (i + 1) * p.places / p.count;
  return first + ((i * 40503ull & 0xffff) * (end - first) >> 16);
}

struct window_work {
  double x[TRACES][SAMPLES], re[TRACES][BINS], im[TRACES][BINS];
  double cos_t[SAMPLES], sin_t[SAMPLES], cos_k[TRACES], sin_k[TRACES];
};

/* Whether the window is live; then it is in the work, tapered, and the tables are. */
__device__ static bool load_window(const float *corner, uint32_t n_samples, uint32_t traces, window_work &w) {
  uint32_t live = 0;
  for (uint32_t i = threadIdx.x; i < traces * SAMPLES; i += WINDOW_THREADS) {
    const uint32_t trace = i / SAMPLES, t = i % SAMPLES;
    const float x = corner[(size_t)trace * n_samples + t];
    live += x != 0;
    w.x[trace][t] = sinpi((trace + 0.5) / traces) * sinpi((t + 0.5) / SAMPLES) * x;
  }
  if (threadIdx.x < SAMPLES) sincospi(2.0 * threadIdx.x / SAMPLES, &w.sin_t[threadIdx.x], &w.cos_t[threadIdx.x]);
  if (threadIdx.x < traces) sincospi(2.0 * threadIdx.x / traces, &w.sin_k[threadIdx.x], &w.cos_k[threadIdx.x]);
  __shared__ uint32_t all;
  if (threadIdx.x == 0) all = 0;
  __syncthreads();
  live = __reduce_add_sync(~0u, live);
  if (threadIdx.x % 32 == 0) atomicAdd(&all, live);
  __syncthreads();
  return 2 * all > traces * SAMPLES;
}

/* power[gather][BINS][MOST]; n_live[gather] counts the powers of a frequency. */
__global__ static void transform_windows(const sp_cuda_batch batch, uint32_t n_samples, uint32_t first, uint32_t *power,
                                         uint32_t *n_live) {
  __shared__ window_work w;
  const uint32_t g = blockIdx.y, i = blockIdx.x, start = batch.first_trace[first + g];
  const placing p = placing_of(n_samples, batch.first_trace[first + g + 1] - start);
  if (i >= p.count) return;
  const uint64_t place = place_of(i, p);
  const float *corner = batch.in + (start + place / p.along * p.step) * n_samples + place % p.along * (SAMPLES / 2);
  const bool live = load_window(corner, n_samples, p.traces, w);
  const uint32_t row = threadIdx.x / BINS, f = threadIdx.x % BINS;
  const bool own = row < p.traces;
  if (live && own) {
    double re = 0, im = 0;
    for (uint32_t t = 0, at = 0; t < SAMPLES; t++, at = (at + f) % SAMPLES) {
      re += w.x[row][t] * w.cos_t[at];
      im -= w.x[row][t] * w.sin_t[at];
    }
    w.re[row][f] = re;
    w.im[row][f] = im;
  }
  __syncthreads();
  if (live && threadIdx.x == 0) atomicAdd(&n_live[g], p.traces);
  if (!own) return;
  uint32_t key = LEFT_OUT;
  if (live) {
    double re = 0, im = 0;
    for (uint32_t k = 0, at = 0; k < p.traces; k++, at = (at + row) % p.traces) {
      re += w.re[k][f] * w.cos_k[at] + w.im[k][f] * w.sin_k[at];
      im += w.im[k][f] * w.cos_k[at] - w.re[k][f] * w.sin_k[at];
    }
    key = __float_as_uint((float)(re * re + im * im));
  }
  power[((size_t)g * BINS + f) * MOST + i * p.traces + row] = key;
}

/* level[gather][BINS]: the quantile, of its logarithm; 0 where no window is live. */
__global__ static void find_quantiles(const sp_cuda_batch batch, uint32_t n_samples, uint32_t first,
                                      const uint32_t *power, const uint32_t *n_live, double scale, double *level) {
  __shared__ select_work work;
  const uint32_t g = blockIdx.y, f = blockIdx.x, start = batch.first_trace[first + g];
  const placing p = placing_of(n_samples, batch.first_trace[first + g + 1] - start);
  const uint32_t n = p.count * p.traces, live = n_live[g];
  double value = 0;
  if (live > 0) {
    const uint32_t *own = power + ((size_t)g * BINS + f) * MOST;
    const double place = 0.3 * (double)(live - 1);
    const uint32_t rank = (uint32_t)place;
    uint32_t next;
    const auto key_at = [=](uint32_t i) { return own[i]; };
    const uint32_t low = block_select<uint32_t>(key_at, n, LEFT_OUT - 1, rank, &next, &work);
    const double a = __uint_as_float(low), b = __uint_as_float(next);
    value = __dadd_rn(a, __dmul_rn(place - rank, b - a)) / scale;
  }
  if (threadIdx.x == 0) level[g * BINS + f] = value;
}

/* The mean over f-2 ... f+2, of a sample. */
__global__ static void smooth(const sp_cuda_batch batch, uint32_t first, const double *level, double *power) {
  const uint32_t g = blockIdx.x, f = threadIdx.x;
  const uint32_t n_traces = batch.first_trace[first + g + 1] - batch.first_trace[first + g];
  const double squares = SAMPLES / 2.0 * min(n_traces, (uint32_t)TRACES) / 2.0;
  const uint32_t from = f > 2 ? f - 2 : 0, end = f + 3 < BINS ? f + 3 : BINS;
  double sum = 0;
  for (uint32_t j = from; j < end && n_traces >= SP_FLOOR_LEAST_TRACES; j++) {
    sum += level[g * BINS + j] / (end - from) / squares;
  }
  power[g * BINS + f] = sum;
}

static size_t aligned(size_t bytes) {
  return (bytes + 15) / 16 * 16;
}

static size_t power_bytes(uint32_t n) {
  return aligned((size_t)n * BINS * MOST * sizeof(uint32_t));
}

static size_t level_bytes(uint32_t n) {
  return aligned((size_t)n * BINS * sizeof(double));
}

size_t sp_cuda_floor_work_bytes(uint32_t n) {
  return power_bytes(n) + level_bytes(n) + aligned(n * sizeof(uint32_t));
}

sp_status sp_cuda_floor_of_gathers(const sp_cuda_batch *batch, uint32_t n_samples, uint32_t first, uint32_t n,
                                   void *work, double *power, cudaStream_t stream) {
  uint32_t *powers = (uint32_t *)work;
  double *level = (double *)((char *)work + power_bytes(n));
  uint32_t *n_live = (uint32_t *)((char *)level + level_bytes(n));
  SP_TRY(SP_CUDA(cudaMemsetAsync(n_live, 0, n * sizeof *n_live, stream)));
  transform_windows<<<dim3(WINDOWS, n), WINDOW_THREADS, 0, stream>>>(*batch, n_samples, first, powers, n_live);
  SP_TRY(SP_CUDA_LAUNCHED("windows of a noise floor"));
  find_quantiles<<<dim3(BINS, n), SELECT_THREADS, 0, stream>>>(*batch, n_samples, first, powers, n_live, -log(0.7),
                                                               level);
  SP_TRY(SP_CUDA_LAUNCHED("quantiles of a noise floor"));
  smooth<<<n, BINS, 0, stream>>>(*batch, first, level, power);
  return SP_CUDA_LAUNCHED("a noise floor");
}
