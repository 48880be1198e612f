/* SPDX-License-Identifier: BSD-3-Clause */
/* As the CPU measures (unit.c, row_ops_body.h), a warp a trace: sums in double, whose order is the warp's. */
#include "src/flow/gather/cuda/measure.h"

#include "kernels/common/cuda_check.h"

enum { LANES = 32, WARPS = 8 };

static const uint32_t MAGNITUDE = 0x7fffffffu;

__device__ static double add_up(double x) {
  for (int distance = LANES / 2; distance > 0; distance /= 2) x += __shfl_down_sync(~0u, x, distance);
  return x;
}

/* Sums of a trace that became `out` (NULL: zeros); a warp. */
__device__ static sp_row_sums sums_of(const float *in, const float *out, uint32_t n) {
  double sum[4] = {0, 0, 0, 0};
  uint32_t peak = 0;
  for (uint32_t i = threadIdx.x % LANES; i < n; i += LANES) {
    const float x = in[i], y = out ? out[i] : 0, noise = x - y;
    sum[0] += (double)x * x;
    sum[1] += (double)y * y;
    sum[2] += (double)noise * noise;
    sum[3] += (double)noise * y;
    peak = max(peak, __float_as_uint(x) & MAGNITUDE);
  }
  for (double &s : sum) s = add_up(s);
  peak = __reduce_max_sync(~0u, peak);
  if (!(sum[0] < INFINITY && sum[1] < INFINITY && sum[2] < INFINITY)) return sp_row_sums{};
  return sp_row_sums{sum[0], sum[1], sum[2], sum[3], __uint_as_float(peak), 1};
}

/* What is measured of the rows before they become what the mode asks for, as the CPU does (unit.c). */
__global__ static void measure_rows(const sp_batch_view v, uint32_t n_traces) {
  const uint32_t r = blockIdx.x * WARPS + threadIdx.x / LANES, n = v.n_samples;
  if (r >= n_traces) return;
  const uint32_t t = v.place[r];
  const sp_mark m = (sp_mark)v.mark[t];
  const float *in = v.in + (size_t)r * n;
  const float *out = m == SP_MARK_LIVE ? v.out + (size_t)r * n : m == SP_MARK_EMPTIED ? NULL : in;
  sp_row_sums sums = {};
  if (m != SP_MARK_BAD && m != SP_MARK_CURED) sums = sums_of(in, out, n);
  if (threadIdx.x % LANES == 0) v.sums[t] = sums;
}

sp_status sp_batch_measure(const sp_batch_view *view, uint32_t n_traces, cudaStream_t stream) {
  measure_rows<<<(n_traces + WARPS - 1) / WARPS, WARPS * LANES, 0, stream>>>(*view, n_traces);
  return SP_CUDA_LAUNCHED("the sums of traces");
}

/* Rows beyond the last gather's are those that nobody looks at. */
__global__ static void measure_rows_of_step(const sp_batch_view v, uint32_t n_gathers, sp_step_sums *steps,
                                            const float *from, const float *to) {
  const uint32_t r = blockIdx.x * WARPS + threadIdx.x / LANES, n = v.n_samples;
  if (r >= v.first_row[n_gathers]) return;
  const sp_row_sums sums = sums_of(from + (size_t)r * n, to + (size_t)r * n, n);
  if (threadIdx.x % LANES == 0) steps[v.place[r]] = sp_step_sums{sums.in, sums.noise};
}

sp_status sp_batch_measure_step(const sp_batch_view *view, uint32_t n_traces, uint32_t n_gathers, size_t step,
                                const float *from, const float *to, cudaStream_t stream) {
  measure_rows_of_step<<<(n_traces + WARPS - 1) / WARPS, WARPS * LANES, 0, stream>>>(
      *view, n_gathers, view->steps + step * view->max_traces, from, to);
  return SP_CUDA_LAUNCHED("the sums of a step");
}
