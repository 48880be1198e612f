/* SPDX-License-Identifier: BSD-3-Clause */
/* Traces to rows of coefficients and back, and all of aperture 1 in between: one block a trace. */
#ifndef SEISPROC_KERNELS_DWT_CUDA_TRACES_CUH
#define SEISPROC_KERNELS_DWT_CUDA_TRACES_CUH

#include "kernels/dwt/cuda_lattice.cuh"
#include "kernels/dwt/cuda_shrink.cuh"
#include "kernels/dwt/cuda_traces.h"
#include "kernels/common/cuda_median.cuh"
extern "C" {
#include "kernels/dwt/sure.h"
}

/* Memory of a block. */
typedef struct trace_work {
  float *row, *buffer[2];
  median_work *median;
} trace_work;

/* Where the signal of a level lies. swt: in the first buffer and the approximation's place in turns, so that the last
 * level ends in the latter. */
template <bool SWT> __device__ static float *signal_of(const dwt_shape &s, const trace_work &w, int level) {
  if (SWT) return (s.levels - level) & 1 ? w.buffer[0] : w.row + s.start[s.n_bands];
  return w.buffer[level & 1] + s.front;
}

/* Loads a trace into work, extended; the same for all threads: whether all its samples are equal. */
template <bool SWT> __device__ static bool load_trace(const dwt_shape &s, const trace_work &w, const float *in) {
  const uint32_t n = s.n_samples;
  const float first = in[0];
  float *x = signal_of<SWT>(s, w, 0);
  bool differs = false;
  for (uint32_t i = threadIdx.x; i < n; i += blockDim.x) {
    const float value = in[i];
    differs |= value != first;
    store_extended(x, i, n, SWT ? 0 : (uint32_t)s.bank.taps, value);
    if (SWT && 2 * n - 2 - i < s.length[0] && i + 1 < n) x[2 * n - 2 - i] = value;
  }
  return !__syncthreads_or(differs);
}

/* The two halves of the signals of `level`. */
template <bool SWT> __device__ static node_output halves_of(const dwt_shape &s, const trace_work &w, int level) {
  const bool last = level + 1 == s.levels, packets = s.transform == SP_DWT_WPT;
  const uint32_t taps = last ? 0 : (uint32_t)s.bank.taps;
  if (packets && last) return node_output{w.row, w.row + s.start[2], 2 * s.start[2], 0, 0};
  float *lo = last ? w.row + s.start[s.approximation] : signal_of<SWT>(s, w, level + 1);
  if (!packets) return node_output{lo, w.row + s.start[level + 1], 0, taps, 0};
  return node_output{lo, lo + s.node[level + 1], 2 * s.node[level + 1], taps, taps};
}

template <bool SWT, int STAGES> __device__ static void forward(const dwt_shape &s, const trace_work &w, int levels) {
  for (int level = 0; level < levels; level++) {
    const node_output out = halves_of<SWT>(s, w, level);
    const float *x = signal_of<SWT>(s, w, level);
    if (SWT) {
      analyse_undecimated<STAGES>(s, 1u << level, x, out.lo, out.hi);
    } else {
      analyse_level<STAGES>(s, level, s.transform == SP_DWT_WPT ? 1u << level : 1, x, s.node[level], out);
    }
    __syncthreads();
  }
}

/* The trace is then the signal of level 0. */
template <bool SWT, int STAGES> __device__ static void inverse(const dwt_shape &s, const trace_work &w) {
  for (int level = s.levels - 1; level >= 0; level--) {
    const node_output halves = halves_of<SWT>(s, w, level);
    float *x = signal_of<SWT>(s, w, level);
    if (SWT) {
      synthesise_undecimated<STAGES>(s, 1u << level, halves.lo, halves.hi, x);
    } else {
      synthesise_level<STAGES>(s, level, s.transform == SP_DWT_WPT ? 1u << level : 1, halves, x, s.node[level]);
    }
    __syncthreads();
  }
}

/* A constant trace has details that are zero, exactly, which rounding would not give. */
__device__ static void fill_constant(const dwt_shape &s, const trace_work &w, float value) {
  const uint32_t first = s.start[s.approximation], end = first + s.length[s.levels];
  const float approximation = (float)(value * s.constant);
  for (uint32_t i = threadIdx.x; i < s.row; i += blockDim.x) w.row[i] = i >= first && i < end ? approximation : 0.0f;
  __syncthreads();
}

/* The first `levels` details of a trace; the approximation where these are all. */
template <bool SWT, int STAGES>
__device__ static void trace_to_row(const dwt_shape &s, const trace_work &w, const float *in, int levels) {
  if (load_trace<SWT>(s, w, in)) {
    fill_constant(s, w, in[0]);
  } else {
    forward<SWT, STAGES>(s, w, levels);
  }
}

template <bool SWT, int STAGES>
__device__ static void row_to_trace(const dwt_shape &s, const trace_work &w, float *out) {
  inverse<SWT, STAGES>(s, w);
  const float *x = signal_of<SWT>(s, w, 0);
  for (uint32_t i = threadIdx.x; i < s.n_samples; i += blockDim.x) out[i] = x[i];
}

/* Leaves the true standard deviation of the noise of a trace in the median's work. One thread divides: doubles are
 * dear. */
__device__ static void block_noise(const dwt_shape &s, const trace_work &w) {
  const bool packets = s.transform == SP_DWT_WPT;
  const int band = s.noise_level == SP_DWT_COARSEST ? s.levels : 1;
  const uint32_t n = packets ? s.row : s.length[band];
  block_median(packets ? w.row : w.row + s.start[band], n, w.median);
  if (threadIdx.x == 0) {
    const float low = __uint_as_float(w.median->low), high = __uint_as_float(w.median->high);
    const double median = n & 1 ? (double)high : __dmul_rn(0.5, __dadd_rn((double)high, (double)low));
    w.median->noise = median / (double)s.gain[packets ? 1 : band] / SP_DWT_MEDIAN_TO_SIGMA;
  }
  __syncthreads();
}

/* The level of the noise of a trace by what was chosen for its gather, or NULL; 0 where each band has its own. */
__device__ static double own_level(const dwt_shape &s, const trace_work &w, const dwt_choice *choice) {
  if (choice && choice->by_level) return 0;
  block_noise(s, w);
  return choice ? choice->ratio * w.median->noise : w.median->noise;
}

__device__ static double limit_of(const dwt_shape &s, const dwt_choice *choice, double own, int band) {
  if (!choice) return s.k * own;
  return choice->k[band] * (choice->by_level ? choice->sigma[band] : own);
}

__device__ static void shrink_row(const dwt_shape &s, const trace_work &w, const dwt_choice *choice) {
  const double level = own_level(s, w, choice);
  int band = 0;
  float own = 0;
  for (uint32_t i = threadIdx.x; i < s.row; i += blockDim.x) {
    const int here = band_of(s, i, band > 0 ? band : 1);
    if (here != band && here != s.approximation) own = (float)(limit_of(s, choice, level, here) * (double)s.gain[here]);
    band = here;
    const float c = w.row[i];
    w.row[i] = (band == s.approximation ? c : sp_dwt_shrunk(s.threshold, c, own)) * s.factor[band];
  }
  __syncthreads();
}

/* Adds what is looked at of a row to the counts of its gather, band by band: first in the buffers, which are free. */
__device__ static __noinline__ void count_row(const dwt_shape &s, const trace_work &w, const dwt_choice *choice,
                                              const double *level, uint32_t n_traces, uint32_t *counts) {
  const double own = level ? choice->ratio * *level : own_level(s, w, choice);
  uint32_t *here = (uint32_t *)w.buffer[0];
  const uint32_t step_t = sp_sure_trace_step(n_traces), n_looked_at = (n_traces + step_t - 1) / step_t;
  for (int band = 1; band <= s.n_bands; band++) {
    if (band == s.approximation) continue;
    const double sigma = choice->by_level ? choice->sigma[band] : own;
    const uint32_t start = s.start[band], end = band < s.n_bands ? s.start[band + 1] : s.row;
    if (sigma > 0) {
      const float scale = (float)(1 / (sigma * (double)s.gain[band]));
      const uint32_t step = sp_sure_place_step(s.transform, band, (uint64_t)n_looked_at * (end - start));
      for (uint32_t i = threadIdx.x; i < SP_SURE_BINS; i += blockDim.x) here[i] = 0;
      __syncthreads();
      for (uint32_t i = start + threadIdx.x * step; i < end; i += blockDim.x * step) {
        atomicAdd(&here[sp_sure_bin(scale * w.row[i])], 1u);
      }
      __syncthreads();
      for (uint32_t i = threadIdx.x; i < SP_SURE_BINS; i += blockDim.x) {
        if (here[i]) atomicAdd(&counts[i], here[i]);
      }
      __syncthreads();
    }
    counts += SP_SURE_BINS;
  }
}

/* Gathers of so few traces have an aperture of 1, whatever was asked for. */
enum { DWT_SMALL_GATHER = 3 };

template <bool SWT, int STAGES>
__device__ static void treat_trace(const dwt_shape &s, const trace_work &w, const dwt_traces &a, uint32_t trace) {
  const float *in = a.in + (size_t)trace * s.n_samples;
  float *out = a.out + (size_t)trace * s.n_samples, *row = a.rows + (size_t)trace * s.row_stride;
  const uint32_t g = a.gather[trace], n_traces = a.first_trace[g + 1] - a.first_trace[g];
  const dwt_choice *choice = a.choices ? &a.choices[g] : NULL;
  const bool aperture = a.task == DWT_FORWARD || a.task == DWT_INVERSE, small = n_traces < DWT_SMALL_GATHER;
  if (a.task == DWT_INVERSE) {
    if (small) return;
    for (uint32_t i = threadIdx.x; i < s.row; i += blockDim.x) w.row[i] = row[i];
    __syncthreads();
  } else {
    /* the finest detail is all that the level of the noise is taken from */
    trace_to_row<SWT, STAGES>(s, w, in, a.task == DWT_LOOK ? 1 : s.levels);
  }
  if (a.task == DWT_LOOK) {
    block_noise(s, w);
    if (threadIdx.x == 0) a.levels[trace] = w.median->noise;
    return;
  }
  if (a.task == DWT_COUNT) {
    const double *level = a.levels ? a.levels + trace : NULL;
    count_row(s, w, choice, level, n_traces, a.counts + (size_t)g * (s.n_bands - 1) * SP_SURE_BINS);
    return;
  }
  if (a.task == DWT_FORWARD && !small) {
    for (uint32_t i = threadIdx.x; i < s.row; i += blockDim.x) row[i] = w.row[i];
    return;
  }
  if (!aperture || (a.task == DWT_FORWARD && small)) shrink_row(s, w, choice);
  row_to_trace<SWT, STAGES>(s, w, out);
}

/* Whether the task is about this trace: what a gather's thresholds are chosen by are some of its traces. */
__device__ static bool is_asked_for(const dwt_traces &a, uint32_t trace) {
  if (a.task != DWT_LOOK && a.task != DWT_COUNT) return true;
  const uint32_t first = a.first_trace[a.gather[trace]], end = a.first_trace[a.gather[trace] + 1];
  return (trace - first) % sp_sure_trace_step(end - first) == 0;
}

/* WIDE: work in device memory, for traces that shared memory does not hold. */
template <bool SWT, int STAGES, bool WIDE>
__global__ static void treat_traces(const __grid_constant__ dwt_shape s, const dwt_traces a) {
  extern __shared__ float2 shared[];
  __shared__ median_work median;
  float *own = WIDE ? a.workspace + blockIdx.x * s.work_floats : (float *)shared;
  trace_work w;
  w.row = own;
  w.buffer[0] = own + ((s.row + 1) & ~1u);
  w.buffer[1] = w.buffer[0] + s.buffer[0];
  w.median = &median;
  uint32_t trace = blockIdx.x, step = gridDim.x;
  if (a.by_slot) { /* block (i, g) has the i-th trace of gather g that is looked at */
    const uint32_t first = a.first_trace[blockIdx.y], n_traces = a.first_trace[blockIdx.y + 1] - first;
    const uint32_t at = blockIdx.x * sp_sure_trace_step(n_traces);
    trace = at < n_traces ? first + at : a.n_traces;
    step = a.n_traces;
  }
  for (; trace < a.n_traces; trace += step) {
    if (!is_asked_for(a, trace)) continue;
    treat_trace<SWT, STAGES>(s, w, a, trace);
    __syncthreads();
  }
}

#endif
