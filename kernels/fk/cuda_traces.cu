/* SPDX-License-Identifier: BSD-3-Clause */
/* Traces to spectra and back, by a block a trace in shared memory: gain, pad and transform at once. A transform of real
 * numbers is one of half as many complex ones: with Z its coefficients and w = exp(-2 pi i / n), E[k] = (Z[k] + conj
 * Z[n/2 - k]) / 2 and O[k] = (Z[k] - conj Z[n/2 - k]) / 2i, X[k] = E[k] + w^k O[k]. */
#include "kernels/common/cuda_check.h"
#include "kernels/common/cuda_gain.cuh"
#include "kernels/fk/cuda.cuh"
#include "kernels/fk/cuda_passes.cuh"

enum { MOST_BYTES = 224 << 10, MOST_THREADS = 512, BLOCKS = 2 }; /* BLOCKS: so that registers do for many threads */

/* A trace as it goes through: gain or none. */
__device__ static float gained(const fk_task &k, const float *x, const float *gain, uint32_t i) {
  return gain ? x[i] * gain[i] : x[i];
}

__device__ static float pad_at(const fk_task &k, float first, float last, uint32_t i) {
  const uint32_t from_end = i - k.time.n_samples, from_start = k.time.padded - 1 - i;
  float value = 0;
  if (from_end < k.time.reach) value += last * k.weights[from_end];
  if (from_start < k.time.reach) value += first * k.weights[from_start];
  return value;
}

__global__ static void find_gains(const __grid_constant__ fk_task k) {
  extern __shared__ double sums[];
  __shared__ double pieces[GAIN_MAX_THREADS];
  const uint32_t n = k.time.n_samples;
  const float *x = k.in + (size_t)blockIdx.x * n;
  gain_sums(x, n, sums, pieces);
  for (uint32_t i = threadIdx.x; i < n; i += blockDim.x) {
    k.gain[(size_t)blockIdx.x * n + i] = gain_at(sums, n, k.time.gain_half, i);
  }
}

__device__ static fft_complex conjugate(fft_complex a) {
  return fft_complex{a.re, -a.im};
}

__global__ static void __launch_bounds__(MOST_THREADS, BLOCKS) forward(const __grid_constant__ fk_task k) {
  extern __shared__ fft_complex z[];
  const uint32_t row = blockIdx.x, trace = fk_trace_of(k, row), n = k.time.n_samples, half = k.time.padded / 2;
  if (trace == SP_CUDA_NO_ROW || k.part_of[trace] == 0) return;
  const float *x = k.in + (size_t)row * n, *gain = k.time.gain ? k.gain + (size_t)row * n : NULL;
  const float first = gained(k, x, gain, 0), last = gained(k, x, gain, n - 1);
  float *samples = (float *)z;
  fft_complex *spectrum = k.spectra + (size_t)row * k.stride;
  bool live = false;
#pragma unroll 4
  for (uint32_t i = threadIdx.x; i < k.time.padded; i += blockDim.x) {
    if (i < n) live |= x[i] != 0;
    samples[i] = i < n ? gained(k, x, gain, i) : pad_at(k, first, last, i);
  }
  live = __syncthreads_or(live);
  if (threadIdx.x == 0) k.dead[row] = !live;
  if (!live) {
    for (uint32_t b = threadIdx.x; b < k.time.n_bins; b += blockDim.x) spectrum[b] = fft_complex{0, 0};
    return;
  }
  const cuda_fft fft = *k.half;
  fk_forward<FK_TIME_RADIX>(fft, 1, 0, z);
  const fft_complex *turn = k.whole->twiddles;
#pragma unroll 4
  for (uint32_t b = threadIdx.x; b < k.time.n_bins; b += blockDim.x) {
    const uint32_t bin = k.time.first_bin + b;
    const fft_complex a = z[fft.position[bin == half ? 0 : bin]];
    const fft_complex c = conjugate(z[fft.position[bin == 0 ? 0 : half - bin]]);
    const fft_complex even = fft_scale(0.5f, fft_plus(a, c)), d = fft_scale(0.5f, fft_minus(a, c));
    spectrum[b] = fft_plus(even, fft_times(fft_complex{d.im, -d.re}, turn[bin]));
  }
}

/* A bin of the band, or 0; the first and the last have no imaginary part. */
__device__ static fft_complex bin_at(const fk_task &k, const fft_complex *spectrum, uint32_t bin) {
  const uint32_t b = bin - k.time.first_bin; /* beyond the band where the bin is before it */
  if (b >= k.time.n_bins) return fft_complex{0, 0};
  const fft_complex x = spectrum[b];
  return bin == 0 || 2 * bin == k.time.padded ? fft_complex{x.re, 0} : x;
}

__global__ static void __launch_bounds__(MOST_THREADS, BLOCKS) back(const __grid_constant__ fk_task k) {
  extern __shared__ fft_complex z[];
  const uint32_t row = blockIdx.x, trace = fk_trace_of(k, row), n = k.time.n_samples, half = k.time.padded / 2;
  if (trace == SP_CUDA_NO_ROW) return;
  const float *x = k.in + (size_t)row * n, *gain = k.time.gain ? k.gain + (size_t)row * n : NULL;
  float *out = k.out + (size_t)row * n;
  const bool filtered = k.part_of[trace] != 0;
  if (!filtered || k.dead[row]) {
    for (uint32_t i = threadIdx.x; i < n; i += blockDim.x) out[i] = filtered ? 0 : x[i];
    return;
  }
  const fft_complex *spectrum = k.spectra + (size_t)row * k.stride, *turn = k.whole->twiddles;
  const cuda_fft fft = *k.half;
#pragma unroll 4
  for (uint32_t bin = threadIdx.x; bin < half; bin += blockDim.x) {
    const fft_complex a = bin_at(k, spectrum, bin), c = conjugate(bin_at(k, spectrum, half - bin));
    const fft_complex even = fft_plus(a, c), odd = fft_times(fft_minus(a, c), conjugate(turn[bin]));
    const fft_complex both = fft_plus_i(even, odd);
    z[fft.position[bin]] = fft_complex{both.im, both.re};
  }
  __syncthreads();
  fk_inverse<FK_TIME_RADIX>(fft, 1, 0, z);
  const float *samples = (const float *)z, scale = (float)(1.0 / k.time.padded);
#pragma unroll 4
  for (uint32_t i = threadIdx.x; i < n; i += blockDim.x) {
    const float removed = __fmul_rn(samples[i ^ 1], scale); /* real and imaginary part are changed over */
    out[i] = __fsub_rn(x[i], gain ? removed / gain[i] : removed);
  }
}

/* --- launches ---------------------------------------------------------------------------------------------------- */

uint32_t fk_most_samples(void) {
  return MOST_BYTES / sizeof(float);
}

static size_t shared_bytes(const fk_task *k) {
  return k->time.padded * sizeof(float);
}

static size_t sum_bytes(const fk_task *k) {
  return (k->time.n_samples + 1) * sizeof(double);
}

sp_status fk_prepare_traces(const fk_task *k) {
  const cudaFuncAttribute most = cudaFuncAttributeMaxDynamicSharedMemorySize;
  if (k->time.gain && sum_bytes(k) > MOST_BYTES) return SP_ERR_USAGE;
  if (k->time.gain) SP_TRY(SP_CUDA(cudaFuncSetAttribute(find_gains, most, (int)sum_bytes(k))));
  SP_TRY(SP_CUDA(cudaFuncSetAttribute(forward, most, (int)shared_bytes(k))));
  return SP_CUDA(cudaFuncSetAttribute(back, most, (int)shared_bytes(k)));
}

/* A thread has some ten points: those of a butterfly of the largest radix. */
static unsigned threads_for(const fk_task *k) {
  const uint32_t n = (k->time.padded / 2 / FK_TIME_RADIX + 31) / 32 * 32;
  return n < 64 ? 64 : n > MOST_THREADS ? MOST_THREADS : n;
}

sp_status fk_launch_forward(const fk_task *k, cudaStream_t stream) {
  if (k->time.gain) {
    find_gains<<<k->n_rows, GAIN_MAX_THREADS, sum_bytes(k), stream>>>(*k);
    SP_TRY(SP_CUDA_LAUNCHED("gains of fk"));
  }
  forward<<<k->n_rows, threads_for(k), shared_bytes(k), stream>>>(*k);
  return SP_CUDA_LAUNCHED("spectra of fk");
}

sp_status fk_launch_back(const fk_task *k, cudaStream_t stream) {
  back<<<k->n_rows, threads_for(k), shared_bytes(k), stream>>>(*k);
  return SP_CUDA_LAUNCHED("traces of fk");
}
