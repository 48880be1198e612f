/* SPDX-License-Identifier: BSD-3-Clause */
/* Time-frequency thresholding on the GPU: plans, and the choice of a transform. */
#include <math.h>

#include "kernels/tf/cuda.cuh"
extern "C" {
#include "seisproc/log.h"
#include "seisproc/memory.h"
}

typedef struct tf_plan {
  sp_cuda_plan base;
  uint32_t n_samples, aperture;
  tf_stft *stft; /* one of the two, or neither where there is nothing to do or traces are too short */
  tf_stockwell *stockwell;
} tf_plan;

static bool idle(const sp_tf_params *params, const sp_cuda_geometry *geometry) {
  return params->aperture == 1 || !sp_tf_is_long_enough(params, geometry->n_samples);
}

static bool band_is_empty(const sp_tf_params *params, const sp_cuda_geometry *geometry) {
  const uint32_t length = sp_tf_axis_length(params, geometry->n_samples);
  return sp_tf_select(params, 1 / (length * geometry->sample_interval_s), length / 2 + 1).count == 0;
}

static sp_status plan_transform(const sp_tf_params *params, const sp_cuda_geometry *geometry, bool dry, size_t *bytes,
                                tf_plan *p) {
  *bytes = 0;
  if (idle(params, geometry)) return SP_SUCCESS;
  if (band_is_empty(params, geometry)) return SP_ERR_USAGE;
  if (params->transform == SP_TF_STFT) return tf_stft_plan(params, geometry, dry, bytes, dry ? NULL : &p->stft);
  return tf_stockwell_plan(params, geometry, dry, bytes, dry ? NULL : &p->stockwell);
}

static size_t device_bytes(const void *params, const sp_cuda_geometry *geometry) {
  size_t bytes;
  return plan_transform((const sp_tf_params *)params, geometry, true, &bytes, NULL) == SP_SUCCESS ? bytes : 0;
}

static void destroy(sp_cuda_plan *base) {
  tf_plan *p = (tf_plan *)base;
  if (!p) return;
  tf_stft_destroy(p->stft);
  tf_stockwell_destroy(p->stockwell);
  sp_free(p);
}

extern "C" const sp_cuda_ops sp_tf_cuda;

static sp_status plan(const void *values, const sp_cuda_geometry *geometry, sp_cuda_plan **out) {
  const sp_tf_params *params = (const sp_tf_params *)values;
  void *block;
  size_t bytes;
  SP_TRY(sp_calloc(1, sizeof(tf_plan), "the plan of tf", &block));
  tf_plan *p = (tf_plan *)block;
  p->base.ops = &sp_tf_cuda;
  p->base.in_place = params->aperture == 1;
  p->n_samples = geometry->n_samples;
  p->aperture = (uint32_t)params->aperture;
  const sp_status status = plan_transform(params, geometry, false, &bytes, p);
  if (status != SP_SUCCESS) {
    destroy(&p->base);
    return status;
  }
  if (p->aperture == 1) sp_warn("tf: aperture 1: no trace has neighbours to be thresholded by, so nothing is changed");
  *out = &p->base;
  return SP_SUCCESS;
}

/* --- apply ------------------------------------------------------------------------------------------------------ */

/* Gathers of one or two traces are what they were: there is no one to threshold them by. */
__global__ static void mark_too_short(const uint32_t *first_trace, uint32_t n_gathers, uint32_t *reason) {
  const uint32_t g = blockIdx.x * blockDim.x + threadIdx.x;
  if (g < n_gathers && first_trace[g + 1] - first_trace[g] > 2) atomicMax(&reason[g], (uint32_t)SP_REASON_TOO_SHORT);
}

static sp_status pass_on(const tf_plan *p, const sp_cuda_batch *batch, cudaStream_t stream) {
  const size_t bytes = (size_t)batch->n_traces * p->n_samples * sizeof(float);
  if (batch->out != batch->in) {
    SP_TRY(SP_CUDA(cudaMemcpyAsync(batch->out, batch->in, bytes, cudaMemcpyDeviceToDevice, stream)));
  }
  if (p->aperture == 1 || batch->n_gathers == 0) return SP_SUCCESS;
  mark_too_short<<<(batch->n_gathers + 127) / 128, 128, 0, stream>>>(batch->first_trace, batch->n_gathers,
                                                                     batch->reason);
  return SP_CUDA_LAUNCHED("mark_too_short");
}

static sp_status apply(sp_cuda_plan *base, const sp_cuda_batch *batch, cudaStream_t stream) {
  const tf_plan *p = (const tf_plan *)base;
  if (batch->n_traces == 0) return SP_SUCCESS;
  if (!p->stft && !p->stockwell) return pass_on(p, batch, stream);
  const tf_call call = {batch, {batch->first_trace, batch->gather, p->aperture}, stream};
  return p->stft ? tf_stft_apply(p->stft, &call) : tf_stockwell_apply(p->stockwell, &call);
}

extern "C" const sp_cuda_ops sp_tf_cuda = {device_bytes, plan, apply, destroy};
