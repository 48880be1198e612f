/* SPDX-License-Identifier: BSD-3-Clause */
/* Mute on the GPU. One warp a trace; bound by bytes. Rounds as its CPU twin does, so that results are the same bits. */
#include <math.h>

#include "kernels/common/cuda_check.h"
#include "kernels/cuda_processor.h"
extern "C" {
#include "kernels/mute/mute.h"
#include "seisproc/memory.h"
}

static const unsigned WARPS = 8, LANES = 32;

typedef struct mute_plan {
  sp_cuda_plan base;
  sp_mute_rule rule; /* its picks on the device */
  uint32_t n_samples, n_values;
} mute_plan;

static size_t device_bytes(const void *params, const sp_cuda_geometry *geometry) {
  return ((const sp_mute_params *)params)->shape == SP_MUTE_PICKS ? SP_MUTE_MAX_PICKS * sizeof(sp_mute_pick) : 0;
}

extern "C" const sp_cuda_ops sp_mute_cuda;

static void destroy(sp_cuda_plan *base) {
  mute_plan *p = (mute_plan *)base;
  if (p && p->rule.picks) cudaFree(p->rule.picks);
  sp_free(p);
}

/* Moves the picks to the device. */
static sp_status upload_picks(sp_mute_rule *rule) {
  const size_t bytes = rule->n_picks * sizeof *rule->picks;
  sp_mute_pick *host = rule->picks, *device = NULL;
  rule->picks = NULL;
  if (!host) return SP_SUCCESS;
  sp_status status = cudaMalloc((void **)&device, bytes) == cudaSuccess ? SP_SUCCESS : SP_ERR_MEMORY;
  rule->picks = device;
  if (status == SP_SUCCESS) status = SP_CUDA(cudaMemcpy(device, host, bytes, cudaMemcpyHostToDevice));
  sp_free(host);
  return status;
}

static sp_status plan(const void *values, const sp_cuda_geometry *geometry, sp_cuda_plan **out) {
  const sp_mute_params *params = (const sp_mute_params *)values;
  char why[SP_WHY_SIZE];
  void *block;
  SP_TRY(sp_calloc(1, sizeof(mute_plan), "the plan of mute", &block));
  mute_plan *p = (mute_plan *)block;
  p->base.ops = &sp_mute_cuda;
  p->base.in_place = true;
  p->base.edits = true;
  p->n_samples = geometry->n_samples;
  p->n_values = sp_mute_n_values(params);
  sp_status status = sp_mute_make_rule(params, geometry->sample_interval_s, &p->rule, why, sizeof why);
  if (status == SP_ERR_INPUT) (void)SP_RAISE(status, "mute: %s", why);
  if (status == SP_SUCCESS) status = upload_picks(&p->rule);
  if (status != SP_SUCCESS) {
    destroy(&p->base);
    return status;
  }
  *out = &p->base;
  return SP_SUCCESS;
}

/* How far sample i is from what is muted; below 0: in it. */
__device__ static double distance_to(const sp_mute_span *spans, uint32_t n, double i) {
  double nearest = INFINITY;
  for (uint32_t k = 0; k < n; k++) nearest = fmin(nearest, fmax(spans[k].from - i, i - spans[k].to));
  return nearest;
}

__device__ static float muted(float x, double distance, double taper) {
  if (distance < 0) return 0;
  return distance >= taper ? x : x * sp_mute_weight(distance, taper);
}

/* In a trace that is all zero there is nothing to mute, so it needs no header. By a warp. */
__device__ static bool is_alive(const float *x, uint32_t n, uint32_t lane) {
  bool alive = false;
  for (uint32_t i = lane; i < n; i += LANES) alive = alive || x[i] != 0;
  return __any_sync(~0u, alive);
}

__global__ static void mute_traces(const mute_plan p, const sp_cuda_batch batch) {
  const uint32_t trace = blockIdx.x * WARPS + threadIdx.x / LANES, lane = threadIdx.x % LANES;
  if (trace >= batch.n_traces) return;
  const double value = batch.headers[0][trace], other = batch.headers[p.n_values - 1][trace];
  const double delay = batch.headers[p.n_values][trace];
  /* else it stays as it is: what comes next looks at it */
  const bool usable = isfinite(value) && isfinite(other) && !isinf(delay);
  sp_mute_span spans[SP_MUTE_MAX_SPANS];
  const uint32_t n = usable ? sp_mute_spans(&p.rule, value, other, delay, spans) : 0;
  const float *in = batch.in + (size_t)trace * p.n_samples;
  if (!usable && is_alive(in, p.n_samples, lane) && lane == 0) {
    atomicMax(&batch.reason[batch.gather[trace]], (uint32_t)SP_REASON_GEOMETRY);
  }
  float *out = batch.out + (size_t)trace * p.n_samples;
  for (uint32_t i = lane; i < p.n_samples; i += LANES) out[i] = muted(in[i], distance_to(spans, n, i), p.rule.taper);
}

static sp_status apply(sp_cuda_plan *base, const sp_cuda_batch *batch, cudaStream_t stream) {
  const mute_plan *p = (const mute_plan *)base;
  if (batch->n_traces == 0) return SP_SUCCESS;
  mute_traces<<<(batch->n_traces + WARPS - 1) / WARPS, WARPS * LANES, 0, stream>>>(*p, *batch);
  return SP_CUDA_LAUNCHED("mute");
}

extern "C" const sp_cuda_ops sp_mute_cuda = {device_bytes, plan, apply, destroy};
