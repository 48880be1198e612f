/* SPDX-License-Identifier: BSD-3-Clause */
/* A thread has one coefficient and a run of traces: it keeps the window around its trace sorted, in registers, and
 * from trace to trace replaces the one that leaves by the one that enters. */
#include "kernels/dwt/cuda_aperture.h"

#include "kernels/common/cuda_check.h"
#include "kernels/common/window_stats.h"
#include "kernels/dwt/cuda_shrink.cuh"

enum { THREADS = 128, RUN = 64 };

typedef struct window_task {
  float spread; /* k, and what turns a MAD into a standard deviation */
  uint32_t n_traces;
  const uint32_t *first_trace, *gather;
  const float *rows;
  float *result;
} window_task;

/* What a thread knows of its coefficient. */
typedef struct column {
  const float *rows; /* of trace 0 */
  size_t stride;
  float smallest, factor, spread;
  int threshold;
} column;

__device__ static int value_at(const column &c, uint32_t trace) {
  return key_of(c.rows[trace * c.stride]);
}

/* From the sorted window around trace t. */
__device__ static inline float robustly_shrunk(const column &c, const int *sorted, const int n, uint32_t t) {
  const float median = window_median(sorted, n);
  const float limit = sp_dwt_robust_limit(c.spread, c.smallest, median, window_mad(sorted, n, median));
  return sp_dwt_shrunk(c.threshold, c.rows[t * c.stride], limit) * c.factor;
}

/* At the edges of a gather, and in one of fewer traces than the aperture. */
__device__ static __noinline__ float shrunk_at_edge(const column &c, int aperture, uint32_t first, uint32_t end,
                                                    uint32_t t) {
  const int n = (int)(end - first), own = n < aperture ? n - (n + 1) % 2 : aperture, half = own / 2;
  const uint32_t from = t < first + half ? first : t - half, to = t + half + 1 < end ? t + half + 1 : end;
  int sorted[SP_WINDOW_MAX + 1];
  for (uint32_t i = from; i < to; i++) window_insert(sorted, sorted, (int)(i - from), value_at(c, i));
  return robustly_shrunk(c, sorted, (int)(to - from), t);
}

template <int N> __device__ static void sort_window(const column &c, uint32_t from, int *sorted) {
#pragma unroll
  for (int i = 0; i < N; i++) window_insert(sorted, sorted, i, value_at(c, from + i));
}

__device__ static column make_column(const dwt_shape &s, const window_task &a, uint32_t i, int band) {
  column c;
  c.rows = a.rows + i;
  c.stride = s.row_stride;
  c.smallest = 1e-10f * s.gain[band];
  c.factor = s.factor[band];
  c.spread = a.spread;
  c.threshold = s.threshold;
  return c;
}

template <int N> __global__ static void shrink_columns(const __grid_constant__ dwt_shape s, const window_task a) {
  const uint32_t i = blockIdx.x * THREADS + threadIdx.x, begin = blockIdx.y * RUN;
  if (i >= s.row) return;
  const int band = band_of(s, i, 1);
  const column c = make_column(s, a, i, band);
  float *result = a.result + i;
  const uint32_t half = N / 2, stop = min(begin + RUN, a.n_traces);
  int sorted[N + 1];
  bool sliding = false;
  for (uint32_t t = begin; t < stop; t++) {
    const uint32_t g = a.gather[t], first = a.first_trace[g], end = a.first_trace[g + 1];
    if (end - first < 3) {
      sliding = false;
    } else if (band == s.approximation) {
      result[t * c.stride] = c.rows[t * c.stride] * c.factor;
    } else if (t >= first + half && t + half < end) {
      if (sliding) {
        window_replace(sorted, sorted, N, value_at(c, t - half - 1), value_at(c, t + half));
      } else {
        sort_window<N>(c, t - half, sorted);
      }
      sliding = true;
      result[t * c.stride] = robustly_shrunk(c, sorted, N, t);
    } else {
      sliding = false;
      result[t * c.stride] = shrunk_at_edge(c, N, first, end, t);
    }
  }
}

typedef void window_kernel(const dwt_shape shape, const window_task task);

static window_kernel *kernel_for(int aperture) {
  static window_kernel *const kernels[] = {
      shrink_columns<3>,  shrink_columns<5>,  shrink_columns<7>,  shrink_columns<9>,  shrink_columns<11>,
      shrink_columns<13>, shrink_columns<15>, shrink_columns<17>, shrink_columns<19>, shrink_columns<21>,
      shrink_columns<23>, shrink_columns<25>, shrink_columns<27>, shrink_columns<29>, shrink_columns<31>};
  return kernels[(aperture - 3) / 2];
}

sp_status dwt_shrink_over_aperture(const dwt_shape *shape, int aperture, const sp_cuda_batch *batch, const float *rows,
                                   float *result, cudaStream_t stream) {
  window_task task = {};
  task.spread = (float)(shape->k * SP_DWT_MAD_TO_SIGMA);
  task.n_traces = batch->n_traces;
  task.first_trace = batch->first_trace;
  task.gather = batch->gather;
  task.rows = rows;
  task.result = result;
  const dim3 grid((shape->row + THREADS - 1) / THREADS, (batch->n_traces + RUN - 1) / RUN);
  window_kernel *kernel = kernel_for(aperture);
  kernel<<<grid, THREADS, 0, stream>>>(*shape, task);
  return SP_CUDA_LAUNCHED("thresholds over the aperture");
}
