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
  sp_mute_params params;
  uint32_t n_samples;
  double interval_s, taper; /* taper: samples */
} mute_plan;

static size_t device_bytes(const void *params, const sp_cuda_geometry *geometry) {
  return 0;
}

extern "C" const sp_cuda_ops sp_mute_cuda;

static sp_status plan(const void *params, const sp_cuda_geometry *geometry, sp_cuda_plan **out) {
  void *block;
  SP_TRY(sp_calloc(1, sizeof(mute_plan), "the plan of mute", &block));
  mute_plan *p = (mute_plan *)block;
  p->base.ops = &sp_mute_cuda;
  p->base.in_place = true;
  p->base.edits = true;
  p->params = *(const sp_mute_params *)params;
  p->n_samples = geometry->n_samples;
  p->interval_s = geometry->sample_interval_s;
  p->taper = p->params.taper * 1e-3 / geometry->sample_interval_s;
  *out = &p->base;
  return SP_SUCCESS;
}

/* sp_mute_time, without fused multiply-adds. */
__device__ static double mute_time(const mute_plan &p, double offset, double delay) {
  const double moveout = fabs(offset) / p.params.velocity, t0 = __dmul_rn(p.params.t0, 1e-3);
  const double start = isnan(delay) ? 0 : __dmul_rn(delay, 1e-3);
  const double t = p.params.shape == SP_MUTE_LINEAR ? __dadd_rn(t0, moveout)
                                                    : sqrt(__dadd_rn(__dmul_rn(t0, t0), __dmul_rn(moveout, moveout)));
  return __dsub_rn(t, start) / p.interval_s;
}

/* Of a sample `distance` samples into the side that is kept. */
__device__ static float weight(double distance, double taper) {
  return distance >= taper ? 1.0f : (float)__dsub_rn(0.5, __dmul_rn(0.5, cos(__dmul_rn(M_PI, distance) / taper)));
}

__device__ static float muted(float x, double distance, double taper) {
  if (distance < 0) return 0;
  return distance >= taper ? x : x * weight(distance, taper);
}

__global__ static void mute_traces(const mute_plan p, const sp_cuda_batch batch) {
  const uint32_t trace = blockIdx.x * WARPS + threadIdx.x / LANES, lane = threadIdx.x % LANES;
  if (trace >= batch.n_traces) return;
  const double offset = batch.headers[0][trace], time = mute_time(p, offset, batch.headers[1][trace]);
  const bool usable = isfinite(offset); /* else it stays as it is: what comes next looks at it */
  if (!usable && lane == 0) atomicMax(&batch.reason[batch.gather[trace]], (uint32_t)SP_REASON_GEOMETRY);
  const float *in = batch.in + (size_t)trace * p.n_samples;
  float *out = batch.out + (size_t)trace * p.n_samples;
  for (uint32_t i = lane; i < p.n_samples; i += LANES) {
    const double distance = p.params.where == SP_MUTE_TOP ? i - time : time - i;
    out[i] = usable ? muted(in[i], distance, p.taper) : in[i];
  }
}

static sp_status apply(sp_cuda_plan *base, const sp_cuda_batch *batch, cudaStream_t stream) {
  const mute_plan *p = (const mute_plan *)base;
  if (batch->n_traces == 0) return SP_SUCCESS;
  mute_traces<<<(batch->n_traces + WARPS - 1) / WARPS, WARPS * LANES, 0, stream>>>(*p, *batch);
  return SP_CUDA_LAUNCHED("mute");
}

static void destroy(sp_cuda_plan *plan) {
  sp_free(plan);
}

extern "C" const sp_cuda_ops sp_mute_cuda = {device_bytes, plan, apply, destroy};
