/* SPDX-License-Identifier: BSD-3-Clause */
/* Voices that are passed through the processor (cuda_pass.cuh): launches, and their sum. */
#include "kernels/tf/cuda_stockwell.cuh"

static const unsigned SUM_THREADS = 128;

/* Adds the spectra of a group under their windows to sums, the last voice first. */
__global__ static void __launch_bounds__(SUM_THREADS)
    add_voices(const tf_voice_group group, uint32_t length, const float2 *spectra, float2 *sums) {
  const uint32_t k = blockIdx.x * SUM_THREADS + threadIdx.x, row = blockIdx.y, last = group.first + group.count - 1;
  const size_t rows = gridDim.y;
  if (k >= tf_voice_used(last)) return;
  float2 sum = sums[row * (size_t)length + k];
#pragma unroll 4
  for (uint32_t n = last; n + 1 > group.first && k < tf_voice_used(n); n--) {
    const float weight = tf_synthesis_weight(n, length, length, k);
    const float2 x = spectra[rows * tf_voice_place(group.first, n) + row * (size_t)tf_voice_bins(n) + k];
    sum = make_float2(fmaf(weight, x.x, sum.x), fmaf(weight, x.y, sum.y));
  }
  sums[row * (size_t)length + k] = sum;
}

/* --- launches --------------------------------------------------------------------------------------------------- */

static tf_pass_shape shape_for(uint32_t length) {
  const tf_pass_shape shape = tf_pass_shape_short(length);
  return shape.kernel ? shape : tf_pass_shape_long(length);
}

bool tf_pass_has(uint32_t length, uint32_t aperture, int mode) {
  const tf_pass_shape has = shape_for(length);
  int device, most;
  return aperture == TF_PASS_APERTURE && mode == SP_TF_ADAPTIVE && has.kernel &&
         cudaGetDevice(&device) == cudaSuccess &&
         cudaDeviceGetAttribute(&most, cudaDevAttrMaxSharedMemoryPerBlockOptin, device) == cudaSuccess &&
         has.shared <= (size_t)most;
}

sp_status tf_pass_prepare(uint32_t length) {
  const tf_pass_shape has = shape_for(length);
  return SP_CUDA(
      cudaFuncSetAttribute((const void *)has.kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)has.shared));
}

/* Traces a block, so that the last blocks leave the device idle for as short as can be. */
static int strip_of(const tf_pass_shape *has, uint32_t voices, uint32_t traces) {
  const uint32_t at_once = tf_resident_blocks((const void *)has->kernel, has->threads, has->shared);
  uint32_t best = traces;
  double least = INFINITY;
  for (uint32_t strips = 1; strips <= 1 + traces / 32; strips++) {
    const uint32_t strip = (traces + strips - 1) / strips, blocks = voices * ((traces + strip - 1) / strip);
    const double turns = (double)((blocks + at_once - 1) / at_once) * (strip + TF_PASS_APERTURE);
    if (turns < least) {
      least = turns;
      best = strip;
    }
  }
  return (int)best;
}

sp_status tf_pass_voices(const tf_voice_source *source, const tf_voice_group *group, const tf_threshold_task *j,
                         float2 *spectra, float2 *sums, cudaStream_t stream) {
  const tf_pass_shape has = shape_for(source->length);
  const uint32_t traces = j->chunk.end - j->chunk.first, last = group->first + group->count - 1;
  const int strip = strip_of(&has, group->count, traces);
  const dim3 grid(group->count, (traces + strip - 1) / strip);
  has.kernel<<<grid, has.threads, has.shared, stream>>>(*source, *group, *j, strip, spectra);
  SP_TRY(SP_CUDA_LAUNCHED("pass_voices"));
  const dim3 of_sums((tf_voice_used(last) + SUM_THREADS - 1) / SUM_THREADS, traces);
  add_voices<<<of_sums, SUM_THREADS, 0, stream>>>(*group, source->length, spectra, sums);
  return SP_CUDA_LAUNCHED("add_voices");
}
