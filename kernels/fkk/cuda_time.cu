/* SPDX-License-Identifier: BSD-3-Clause */
/* fkk along time on the GPU: a block a trace; bound by bytes. */
#include "kernels/common/cuda_check.h"
#include "kernels/common/cuda_gain.cuh"
#include "kernels/fkk/cuda_kernels.cuh"

static const unsigned THREADS = 256;
static const uint8_t LIVE = 0, DEAD = 1, NOT_FINITE = 2;

/* The same for all threads of the block. */
__device__ static uint8_t look_at(const float *x, uint32_t n) {
  bool finite = true, zero = true;
  for (uint32_t i = threadIdx.x; i < n; i += THREADS) {
    finite = finite && isfinite(x[i]);
    zero = zero && x[i] == 0;
  }
  finite = __syncthreads_and(finite);
  zero = __syncthreads_and(zero);
  return !finite ? NOT_FINITE : zero ? DEAD : LIVE;
}

/* The value of a sample of the pad: the decaying ends. */
__device__ static float pad_at(const sp_fk_time_axis &a, const float *weights, float first, float last, uint32_t i) {
  const uint32_t from_end = i - a.n_samples, from_start = a.padded - 1 - i;
  float value = 0;
  if (from_end < a.reach) value += last * weights[from_end];
  if (from_start < a.reach) value += first * weights[from_start];
  return value;
}

__global__ static void pad(const sp_fk_time_axis a, const float *weights, const sp_fkk_slab s, bool keep_state) {
  __shared__ double pieces[THREADS];
  const uint32_t trace = blockIdx.x, n = a.n_samples;
  const float *x = s.traces + (size_t)trace * n;
  float *out = s.padded + (size_t)trace * s.stride;
  const uint8_t state = keep_state ? s.state[trace] : look_at(x, n);
  if (!keep_state && threadIdx.x == 0) s.state[trace] = state;
  if (state != LIVE) {
    for (uint32_t i = threadIdx.x; i < a.padded; i += THREADS) out[i] = 0;
    return;
  }
  double *sums = s.sums + (size_t)trace * (n + 1);
  float *gain = s.gain + (size_t)trace * n;
  if (a.gain) {
    gain_sums(x, n, sums, pieces);
    for (uint32_t i = threadIdx.x; i < n; i += THREADS) gain[i] = gain_at(sums, n, a.gain_half, i);
    __syncthreads();
  }
  const float first = a.gain ? x[0] * gain[0] : x[0], last = a.gain ? x[n - 1] * gain[n - 1] : x[n - 1];
  for (uint32_t i = threadIdx.x; i < a.padded; i += THREADS) {
    out[i] = i >= n ? pad_at(a, weights, first, last, i) : a.gain ? x[i] * gain[i] : x[i];
  }
}

sp_status sp_fkk_launch_pad(const sp_fk_time_axis *axis, const float *weights, const sp_fkk_slab *slab, bool keep_state,
                            cudaStream_t stream) {
  pad<<<slab->count, THREADS, 0, stream>>>(*axis, weights, *slab, keep_state);
  return SP_CUDA_LAUNCHED("fkk pad");
}

/* The gain anew, from the traces: nothing of it is kept from the forward transform. */
__global__ static void unpad(const sp_fk_time_axis a, const sp_fkk_slab s, float *removed) {
  __shared__ double pieces[THREADS];
  const uint32_t trace = blockIdx.x, n = a.n_samples;
  const float *samples = s.padded + (size_t)trace * s.stride;
  const float scale = (float)(1.0 / a.padded);
  float *out = removed + (size_t)trace * n;
  if (s.state[trace] != LIVE) {
    for (uint32_t i = threadIdx.x; i < n; i += THREADS) out[i] = 0;
    return;
  }
  double *sums = s.sums + (size_t)trace * (n + 1);
  if (a.gain) gain_sums(s.traces + (size_t)trace * n, n, sums, pieces);
  for (uint32_t i = threadIdx.x; i < n; i += THREADS) {
    out[i] = a.gain ? samples[i] * scale / gain_at(sums, n, a.gain_half, i) : samples[i] * scale;
  }
}

sp_status sp_fkk_launch_unpad(const sp_fk_time_axis *axis, const sp_fkk_slab *slab, float *removed,
                              cudaStream_t stream) {
  unpad<<<slab->count, THREADS, 0, stream>>>(*axis, *slab, removed);
  return SP_CUDA_LAUNCHED("fkk unpad");
}
