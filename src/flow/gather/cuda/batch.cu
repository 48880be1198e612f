#include "src/flow/gather/cuda/batch.h"

#include "kernels/common/cuda_check.h"

/* A warp a trace: all here is bound by bytes. */
enum { LANES = 32, WARPS = 8 };

/* Samples are handled as words where only their bits matter. */
static const uint32_t MAGNITUDE = 0x7fffffffu, NOT_FINITE = 0x7f800000u;

typedef struct seen {
  bool alive, not_finite;
} seen;

__device__ static uint32_t own_trace() {
  return blockIdx.x * WARPS + threadIdx.x / LANES;
}

__device__ static void look(seen *s, float x) {
  const uint32_t magnitude = __float_as_uint(x) & MAGNITUDE;
  s->alive |= magnitude != 0;
  s->not_finite |= magnitude >= NOT_FINITE;
}

__device__ static void look(seen *s, float4 x) {
  look(s, x.x), look(s, x.y), look(s, x.z), look(s, x.w);
}

__device__ static float minus(float a, float b) {
  return a - b;
}

__device__ static float4 minus(float4 a, float4 b) {
  return make_float4(a.x - b.x, a.y - b.y, a.z - b.z, a.w - b.w);
}

template <typename T> __device__ static T zero();
template <> __device__ float zero<float>() {
  return 0;
}
template <> __device__ float4 zero<float4>() {
  return make_float4(0, 0, 0, 0);
}

/* T: the widest type of which a trace holds a whole number; n: of them in a trace. */
template <typename T> __device__ static T *row(float *rows, uint32_t trace, uint32_t n) {
  return (T *)rows + (size_t)trace * n;
}

template <typename T> __global__ static void receive(const sp_batch_view v, uint32_t n_traces, uint32_t n) {
  const uint32_t t = own_trace(), lane = threadIdx.x % LANES;
  if (t >= n_traces) return;
  const uint32_t g = v.gather[t];
  const T *from = row<T>(v.order ? v.out : v.in, v.order ? v.first_trace[g] + v.order[t] : t, n);
  T *to = row<T>(v.in, t, n);
  seen s = {false, false};
  for (uint32_t i = lane; i < n; i += LANES) {
    const T x = from[i];
    look(&s, x);
    if (v.order) to[i] = x;
  }
  const bool alive = __any_sync(~0u, s.alive), not_finite = __any_sync(~0u, s.not_finite);
  if (lane != 0) return;
  v.dead[t] = !alive;
  if (!alive) atomicAdd(&v.n_dead[g], 1u);
  if (not_finite) v.bad_input[g] = 1;
}

template <typename T>
__global__ static void keep_dead(const sp_batch_view v, float *rows, uint32_t n_traces, uint32_t n) {
  const uint32_t t = own_trace();
  if (t >= n_traces || !v.dead[t]) return;
  for (uint32_t i = threadIdx.x % LANES; i < n; i += LANES) row<T>(rows, t, n)[i] = row<T>(v.in, t, n)[i];
}

/* A dead trace is its own result. The input is finite, so a result that is not shows in the difference. */
template <typename T> __global__ static void give(const sp_batch_view v, uint32_t n_traces, uint32_t n) {
  const uint32_t t = own_trace(), lane = threadIdx.x % LANES;
  if (t >= n_traces) return;
  const bool dead = v.dead[t];
  const T *in = row<T>(v.in, t, n);
  T *out = row<T>(v.out, t, n), *noise = v.noise ? row<T>(v.noise, t, n) : NULL;
  seen s = {false, false};
  for (uint32_t i = lane; i < n; i += LANES) {
    const T result = dead ? in[i] : out[i];
    const T given = v.mode == SP_MODE_PROCESSED ? result : minus(in[i], result);
    look(&s, given);
    if (noise) noise[i] = given;
    if (v.mode == SP_MODE_NOISE) {
      out[i] = given;
    } else if (dead) {
      out[i] = result;
    }
  }
  if (__any_sync(~0u, s.not_finite) && lane == 0) v.bad_output[v.gather[t]] = 1;
}

/* Of several reasons the one found first along the way. */
__device__ static uint32_t reason_of(const sp_batch_view &v, uint32_t g, uint32_t n_traces) {
  if (n_traces == 0) return SP_REASON_OK;
  if (v.set_aside[g]) return v.set_aside[g];
  if (v.bad_input[g]) return SP_REASON_NOT_FINITE;
  if (v.n_dead[g] == n_traces) return SP_REASON_DEAD;
  for (uint32_t step = 0; step < v.n_steps; step++) {
    const uint32_t reason = v.reasons[step * v.max_gathers + g];
    if (reason) return reason;
  }
  if (v.bad_output[g]) return SP_REASON_NOT_FINITE;
  return v.n_dead[g] ? SP_REASON_DEAD_TRACES : SP_REASON_OK;
}

__global__ static void settle(const sp_batch_view v, uint32_t n_gathers, const sp_cuda_crc crc) {
  const uint32_t g = blockIdx.x * blockDim.x + threadIdx.x;
  if (g >= n_gathers) return;
  const uint32_t n_traces = v.first_trace[g + 1] - v.first_trace[g], start = sp_cuda_crc_start(crc, n_traces);
  v.results[g] = reason_of(v, g, n_traces);
  v.results[v.max_gathers + g] = start;
  v.results[2 * v.max_gathers + g] = v.noise ? start : 0;
}

/* Gathers that failed, as on_error says; others return at once. */
template <typename T> __global__ static void redo(const sp_batch_view v, uint32_t n_traces, uint32_t n) {
  const uint32_t t = own_trace();
  if (t >= n_traces || v.results[v.gather[t]] <= SP_REASON_DEAD_TRACES) return;
  const bool clear = v.on_error == SP_ON_ERROR_ZERO || v.mode == SP_MODE_NOISE;
  for (uint32_t i = threadIdx.x % LANES; i < n; i += LANES) {
    row<T>(v.out, t, n)[i] = clear ? zero<T>() : row<T>(v.in, t, n)[i];
    if (v.noise) row<T>(v.noise, t, n)[i] = zero<T>();
  }
}

static unsigned trace_blocks(uint32_t n_traces) {
  return (n_traces + WARPS - 1) / WARPS;
}

sp_status sp_batch_receive(const sp_batch_view *v, const sp_cuda_batch *batch, cudaStream_t stream) {
  const unsigned blocks = trace_blocks(batch->n_traces);
  if (blocks == 0) return SP_SUCCESS;
  if (v->n_samples % 4 == 0) {
    receive<float4><<<blocks, WARPS * LANES, 0, stream>>>(*v, batch->n_traces, v->n_samples / 4);
  } else {
    receive<float><<<blocks, WARPS * LANES, 0, stream>>>(*v, batch->n_traces, v->n_samples);
  }
  return SP_CUDA_LAUNCHED("the check of input");
}

sp_status sp_batch_keep_dead(const sp_batch_view *v, const sp_cuda_batch *batch, float *rows, cudaStream_t stream) {
  const unsigned blocks = trace_blocks(batch->n_traces);
  if (blocks == 0) return SP_SUCCESS;
  keep_dead<float><<<blocks, WARPS * LANES, 0, stream>>>(*v, rows, batch->n_traces, v->n_samples);
  return SP_CUDA_LAUNCHED("dead traces");
}

sp_status sp_batch_finish(const sp_batch_view *v, const sp_cuda_batch *batch, const sp_cuda_crc *crc,
                          cudaStream_t stream) {
  enum { THREADS = 128 };
  const unsigned blocks = trace_blocks(batch->n_traces), gather_blocks = (batch->n_gathers + THREADS - 1) / THREADS;
  const bool wide = v->n_samples % 4 == 0;
  if (blocks > 0 && wide) give<float4><<<blocks, WARPS * LANES, 0, stream>>>(*v, batch->n_traces, v->n_samples / 4);
  if (blocks > 0 && !wide) give<float><<<blocks, WARPS * LANES, 0, stream>>>(*v, batch->n_traces, v->n_samples);
  SP_TRY(SP_CUDA_LAUNCHED("the check of results"));
  settle<<<gather_blocks, THREADS, 0, stream>>>(*v, batch->n_gathers, *crc);
  SP_TRY(SP_CUDA_LAUNCHED("the reasons of gathers"));
  if (blocks > 0 && wide) redo<float4><<<blocks, WARPS * LANES, 0, stream>>>(*v, batch->n_traces, v->n_samples / 4);
  if (blocks > 0 && !wide) redo<float><<<blocks, WARPS * LANES, 0, stream>>>(*v, batch->n_traces, v->n_samples);
  SP_TRY(SP_CUDA_LAUNCHED("failed gathers"));
  uint32_t *const crcs = v->results + v->max_gathers;
  SP_TRY(sp_cuda_crc_add(crc, v->out, v->n_samples, batch, crcs, stream));
  return v->noise ? sp_cuda_crc_add(crc, v->noise, v->n_samples, batch, crcs + v->max_gathers, stream) : SP_SUCCESS;
}
