/* SPDX-License-Identifier: BSD-3-Clause */
/* Thresholding again what single precision left open (cuda_exact.cuh): a block takes one coefficient after another. */
#include "kernels/tf/cuda_exact.cuh"

enum { BLOCKS = 528 };
enum { TO_COEFFICIENTS, TO_GAINS };

template <int TO>
__global__ static void __launch_bounds__(TF_EXACT_TILE) resolve(const tf_threshold_task j, float2 *coefficients) {
  __shared__ tf_exact_work work;
  const uint32_t count = min(*j.open.count, j.open.capacity);
  for (uint32_t i = blockIdx.x; i < count; i += BLOCKS) {
    const uint32_t row = j.open.list[i].x & 0xffff, voice = j.open.list[i].x >> 16, at = j.open.list[i].y;
    const tf_decision v = tf_decide_exactly(j, voice, row, at, &work);
    if (threadIdx.x == 0) {
      float2 *to = coefficients + ((size_t)(voice - j.exact.voice) * j.n_rows + row) * j.n_coefficients + at;
      if (TO == TO_GAINS) *to = make_float2((float)v.gain, (float)(v.weak ? -v.median : v.median));
      if (TO == TO_COEFFICIENTS) *to = tf_changed_exactly(j, row, v);
    }
    __syncthreads();
  }
}

sp_status tf_clear_open(const tf_threshold_task *j, cudaStream_t stream) {
  return SP_CUDA(cudaMemsetAsync(j->open.count, 0, sizeof *j->open.count, stream));
}

sp_status tf_resolve_coefficients(const tf_threshold_task *j, float2 *changed, cudaStream_t stream) {
  resolve<TO_COEFFICIENTS><<<BLOCKS, TF_EXACT_TILE, 0, stream>>>(*j, changed);
  return SP_CUDA_LAUNCHED("resolve");
}

sp_status tf_resolve_gains(const tf_threshold_task *j, float2 *gains, cudaStream_t stream) {
  resolve<TO_GAINS><<<BLOCKS, TF_EXACT_TILE, 0, stream>>>(*j, gains);
  return SP_CUDA_LAUNCHED("resolve");
}
