/* SPDX-License-Identifier: BSD-3-Clause */
/* The traces of a batch made ready on the GPU, as cpu_filter.c does it: derivative and finer grid by cuFFT, then the
 * triangles by direct sums from shared memory, which need no running sums and so lose no digits. */
#include <math.h>

#include "kernels/pstm/cuda.cuh"

enum { CHUNK = 256, MAX_HALF = 64 * 8 }; /* fine samples of a block; the longest triangle's half */

__constant__ static const int half_lengths[SP_PSTM_LEVELS] = SP_PSTM_HALF_LENGTHS;

static uint32_t padded_length(uint32_t n_samples) {
  uint32_t length = 1;
  while (length < 2 * n_samples) length *= 2;
  return length;
}

size_t pstm_cuda_filter_bytes(const sp_pstm_config *config) {
  const size_t length = padded_length(config->n_samples), wide = length * config->oversample;
  /* cuFFT's own work space is about as much as a transform's data */
  return SP_PSTM_BATCH *
         (2 * wide * sizeof(float) + 2 * (wide / 2 + 1) * sizeof(float2) + (length / 2 + 1) * sizeof(float2));
}

static sp_status check_cufft(cufftResult code, const char *call) {
  if (code == CUFFT_SUCCESS) return SP_SUCCESS;
  if (code == CUFFT_ALLOC_FAILED) return SP_ERR_MEMORY;
  return SP_RAISE(SP_ERR_DEVICE, "%s: cuFFT error %d", call, (int)code);
}

#define CUFFT(call) check_cufft((call), #call)

/* D of each frequency, and the scale of both transforms; 0 at the Nyquist frequency. */
__global__ static void set_response(float2 *response, uint32_t length, double interval_s, bool derivative, bool line) {
  const uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i > length / 2) return;
  const double w = 2 * 3.14159265358979323846 * i / (length * interval_s), scale = i == length / 2 ? 0 : 1.0 / length;
  double real = 1, imaginary = 0;
  if (derivative && line) {
    real = sqrt(0.5 * w);
    imaginary = -real;
  } else if (derivative) {
    real = 0;
    imaginary = -w;
  }
  response[i] = make_float2((float)(real * scale), (float)(imaginary * scale));
}

__global__ static void widen(const float2 *narrow, const float2 *response, float2 *wide, uint32_t half,
                             uint32_t wide_half) {
  const uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i > wide_half) return;
  float2 out = make_float2(0, 0);
  if (i <= half) {
    const float2 a = narrow[(size_t)blockIdx.y * (half + 1) + i], b = response[i];
    out = make_float2(a.x * b.x - a.y * b.y, a.x * b.y + a.y * b.x);
  }
  wide[(size_t)blockIdx.y * (wide_half + 1) + i] = out;
}

/* A block: CHUNK fine samples of a trace, all levels. */
__global__ static void fill_bank(const float *time, size_t time_stride, uint32_t fine, uint32_t oversample, size_t row,
                                 float *bank) {
  __shared__ float x[CHUNK + 2 * MAX_HALF];
  const float *trace = time + blockIdx.y * time_stride;
  const int longest = half_lengths[SP_PSTM_LEVELS - 1] * (int)oversample, start = (int)(blockIdx.x * CHUNK) - longest;
  for (int i = (int)threadIdx.x; i < CHUNK + 2 * longest; i += CHUNK) {
    x[i] = start + i >= 0 && start + i < (int)fine ? trace[start + i] : 0.0f;
  }
  __syncthreads();
  const uint32_t at = blockIdx.x * CHUNK + threadIdx.x;
  if (at >= fine) return;
  const float *centre = x + longest + threadIdx.x;
  float2 *out = (float2 *)(bank + (size_t)blockIdx.y * (SP_PSTM_LEVELS - 1) * row) + at;
  float low = centre[0];
  for (int level = 1; level < SP_PSTM_LEVELS; level++) {
    const int k = half_lengths[level] * (int)oversample;
    float high = (float)(k + 1) * centre[0];
    for (int j = 1; j <= k; j++) high = fmaf((float)(k + 1 - j), centre[j] + centre[-j], high);
    high /= (float)(k + 1) * (float)(k + 1);
    out[(level - 1) * (row / 2)] = make_float2(low, high);
    low = high;
  }
}

__global__ static void fill_row(const float *time, size_t time_stride, uint32_t fine, size_t row, float *bank) {
  const uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < fine) bank[blockIdx.y * row + i] = time[blockIdx.y * time_stride + i];
}

sp_status pstm_cuda_filter_create(const sp_pstm_config *config, cudaStream_t stream, pstm_cuda_filter *f) {
  f->n_samples = config->n_samples;
  f->fine = sp_pstm_fine(config);
  f->length = padded_length(config->n_samples);
  f->oversample = config->oversample;
  f->antialias = config->antialias;
  f->row = sp_pstm_bank_row(config);
  const size_t half = f->length / 2 + 1, wide = (size_t)f->length * f->oversample;
  SP_TRY(SP_CUDA(cudaMalloc((void **)&f->time, SP_PSTM_BATCH * wide * sizeof(float))));
  SP_TRY(SP_CUDA(cudaMalloc((void **)&f->narrow, SP_PSTM_BATCH * half * sizeof(float2))));
  SP_TRY(SP_CUDA(cudaMalloc((void **)&f->wide, SP_PSTM_BATCH * (wide / 2 + 1) * sizeof(float2))));
  SP_TRY(SP_CUDA(cudaMalloc((void **)&f->response, half * sizeof(float2))));
  SP_TRY(CUFFT(cufftPlan1d(&f->forward, (int)f->length, CUFFT_R2C, SP_PSTM_BATCH)));
  SP_TRY(CUFFT(cufftPlan1d(&f->inverse, (int)wide, CUFFT_C2R, SP_PSTM_BATCH)));
  SP_TRY(CUFFT(cufftSetStream(f->forward, stream)));
  SP_TRY(CUFFT(cufftSetStream(f->inverse, stream)));
  set_response<<<(unsigned)(half + CHUNK - 1) / CHUNK, CHUNK, 0, stream>>>(f->response, f->length, config->interval_s,
                                                                           config->derivative, config->line);
  return SP_CUDA_LAUNCHED("the response of pstm");
}

void pstm_cuda_filter_destroy(pstm_cuda_filter *f) {
  if (f->forward) cufftDestroy(f->forward);
  if (f->inverse) cufftDestroy(f->inverse);
  cudaFree(f->time);
  cudaFree(f->narrow);
  cudaFree(f->wide);
  cudaFree(f->response);
}

sp_status pstm_cuda_filter_apply(const pstm_cuda_filter *f, const float *samples, uint32_t n, float *bank,
                                 cudaStream_t stream) {
  const size_t sample_bytes = f->n_samples * sizeof(float), wide = (size_t)f->length * f->oversample;
  const uint32_t wide_half = (uint32_t)(wide / 2);
  SP_TRY(SP_CUDA(cudaMemsetAsync(f->time, 0, SP_PSTM_BATCH * (size_t)f->length * sizeof(float), stream)));
  SP_TRY(SP_CUDA(cudaMemcpy2DAsync(f->time, f->length * sizeof(float), samples, sample_bytes, sample_bytes, n,
                                   cudaMemcpyDeviceToDevice, stream)));
  SP_TRY(CUFFT(cufftExecR2C(f->forward, f->time, (cufftComplex *)f->narrow)));
  widen<<<dim3(wide_half / CHUNK + 1, SP_PSTM_BATCH), CHUNK, 0, stream>>>(f->narrow, f->response, f->wide,
                                                                          f->length / 2, wide_half);
  SP_TRY(SP_CUDA_LAUNCHED("the derivative of pstm"));
  SP_TRY(CUFFT(cufftExecC2R(f->inverse, (cufftComplex *)f->wide, f->time)));
  const dim3 grid((f->fine + CHUNK - 1) / CHUNK, n);
  if (f->antialias) {
    fill_bank<<<grid, CHUNK, 0, stream>>>(f->time, wide, f->fine, f->oversample, f->row, bank);
  } else {
    fill_row<<<grid, CHUNK, 0, stream>>>(f->time, wide, f->fine, f->row, bank);
  }
  return SP_CUDA_LAUNCHED("the bank of pstm");
}
