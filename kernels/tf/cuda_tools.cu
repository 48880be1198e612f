/* SPDX-License-Identifier: BSD-3-Clause */
/* What both transforms of tf need on the GPU: a look at each trace, and cuFFT's plans. */
#include <math.h>

#include "kernels/tf/cuda.cuh"

static const unsigned THREADS = 128;

/* --- rows ------------------------------------------------------------------------------------------------------- */

/* In each thread the sum over the block, always added up in the same order. */
__device__ static double sum_block(double x, double *part) {
  part[threadIdx.x] = x;
  __syncthreads();
  for (unsigned width = THREADS / 2; width > 0; width /= 2) {
    if (threadIdx.x < width) part[threadIdx.x] += part[threadIdx.x + width];
    __syncthreads();
  }
  const double sum = part[0];
  __syncthreads();
  return sum;
}

__global__ static void __launch_bounds__(THREADS) survey_row(const float *in, uint32_t n_samples, tf_row *rows) {
  __shared__ double part[THREADS];
  __shared__ unsigned largest;
  const float *x = in + (size_t)blockIdx.x * n_samples;
  double sum = 0, power = 0;
  float peak = 0;
  if (threadIdx.x == 0) largest = 0;
  for (uint32_t t = threadIdx.x; t < n_samples; t += THREADS) {
    sum += x[t];
    power += (double)x[t] * x[t];
    peak = fmaxf(peak, fabsf(x[t]));
  }
  sum = sum_block(sum, part);
  power = sum_block(power, part);
  atomicMax(&largest, __float_as_uint(peak)); /* ordered as the numbers are */
  __syncthreads();
  if (threadIdx.x != 0) return;
  const float mean = (float)(sum / n_samples);
  tf_row *row = &rows[blockIdx.x];
  row->constant = mean * sum > 0.9 * power ? mean : 0;
  row->energy = (float)power;
  row->peak = __uint_as_float(largest) * __uint_as_float(largest);
  row->resynthesise = false;
  int exponent = 0;
  if (isfinite(__uint_as_float(largest))) frexpf(__uint_as_float(largest), &exponent);
  exponent = min(max(exponent, -120), 120);
  row->scale = ldexpf(1, -exponent);
  row->unscale = ldexpf(1, exponent);
}

/* The rule of sp_tf_is_resynthesised. */
__global__ static void mark_resynthesised(const tf_chunk chunk, const tf_gathers gathers, uint32_t n_samples,
                                          tf_row *rows) {
  const uint32_t trace = chunk.first + blockIdx.x * THREADS + threadIdx.x;
  if (trace >= chunk.end) return;
  const tf_aperture near = tf_aperture_of(gathers, trace);
  tf_row *own = &rows[trace - chunk.base];
  bool stationary = sp_tf_has_no_peak(own->energy, own->peak, n_samples);
  for (uint32_t other = near.lo; other < near.hi; other++) {
    stationary = stationary && sp_tf_is_no_outlier(own->energy, rows[other - chunk.base].energy);
  }
  own->resynthesise = !stationary;
}

sp_status tf_survey_rows(const tf_call *call, const tf_chunk *chunk, uint32_t n_samples, bool may_resynthesise,
                         tf_row *rows) {
  const float *in = call->batch->in + (size_t)chunk->base * n_samples;
  survey_row<<<chunk->reach - chunk->base, THREADS, 0, call->stream>>>(in, n_samples, rows);
  SP_TRY(SP_CUDA_LAUNCHED("survey_row"));
  if (!may_resynthesise) return SP_SUCCESS;
  const uint32_t blocks = (chunk->end - chunk->first + THREADS - 1) / THREADS;
  mark_resynthesised<<<blocks, THREADS, 0, call->stream>>>(*chunk, call->gathers, n_samples, rows);
  return SP_CUDA_LAUNCHED("mark_resynthesised");
}

sp_status tf_allow_shared(const void *kernel) {
  int device, most;
  cudaFuncAttributes has;
  SP_TRY(SP_CUDA(cudaGetDevice(&device)));
  SP_TRY(SP_CUDA(cudaDeviceGetAttribute(&most, cudaDevAttrMaxSharedMemoryPerBlockOptin, device)));
  SP_TRY(SP_CUDA(cudaFuncGetAttributes(&has, kernel)));
  return SP_CUDA(
      cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, most - (int)has.sharedSizeBytes));
}

/* --- cuFFT ------------------------------------------------------------------------------------------------------ */

uint32_t tf_resident_blocks(const void *kernel, unsigned threads, size_t shared) {
  int device, processors, blocks;
  const bool known =
      cudaGetDevice(&device) == cudaSuccess &&
      cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device) == cudaSuccess &&
      cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, kernel, (int)threads, shared) == cudaSuccess;
  return known && blocks > 0 ? (uint32_t)(processors * blocks) : 1;
}

sp_status tf_cufft_check(cufftResult code, const char *call, const char *file, int line) {
  if (code == CUFFT_SUCCESS) return SP_SUCCESS;
  if (code == CUFFT_ALLOC_FAILED) return SP_ERR_MEMORY;
  return sp_raise(SP_ERR_DEVICE, file, line, "%s: cuFFT error %d", call, (int)code);
}

sp_status tf_fft_make(uint32_t n, cufftType type, uint32_t batch, tf_fft *fft) {
  int length = (int)n;
  sp_status status;
  SP_TRY(TF_CUFFT(cufftCreate(&fft->handle)));
  SP_TRY_GOTO(fail, TF_CUFFT(cufftSetAutoAllocation(fft->handle, 0)));
  SP_TRY_GOTO(fail, TF_CUFFT(cufftMakePlanMany(fft->handle, 1, &length, NULL, 1, length, NULL, 1, length, type,
                                               (int)batch, &fft->work_bytes)));
  fft->made = true;
  return SP_SUCCESS;
fail:
  cufftDestroy(fft->handle);
  return status;
}

void tf_fft_destroy(tf_fft *fft) {
  if (fft->made) cufftDestroy(fft->handle);
  fft->made = false;
}

size_t tf_fft_estimate(uint32_t n, cufftType type, uint32_t batch) {
  size_t bytes = 0;
  int length = (int)n;
  return cufftEstimateMany(1, &length, NULL, 1, length, NULL, 1, length, type, (int)batch, &bytes) == CUFFT_SUCCESS
             ? bytes
             : 0;
}
