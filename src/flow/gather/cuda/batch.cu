/* SPDX-License-Identifier: BSD-3-Clause */
/* Rows of a batch: arrival, marks, arrangement, results. A warp a trace: all here is bound by bytes. Invariant: row r
 * of an arranged batch is trace place[r]; where all traces are live, place[r] is r and no row is moved. */
#include "src/flow/gather/batch.h"

#include "kernels/common/cuda_check.h"
#include "kernels/cuda_processor.h"
#include "src/flow/gather/cuda/crc.h"
#include "src/flow/gather/cuda/measure.h"
extern "C" {
#include "seisproc/memory.h"
#include "src/base/fault.h"
}

enum { LANES = 32, WARPS = 8, ARRANGE_THREADS = 1024 };

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

__device__ static float finite_or_zero(float x) {
  return (__float_as_uint(x) & MAGNITUDE) >= NOT_FINITE ? 0.0f : x;
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

template <typename T> __device__ static const T *row(const float *rows, uint32_t trace, uint32_t n) {
  return (const T *)rows + (size_t)trace * n;
}

/* What a warp's trace holds; the same for all lanes. */
template <typename T> __device__ static seen scan(const T *x, uint32_t n) {
  seen s = {false, false};
  for (uint32_t i = threadIdx.x % LANES; i < n; i += LANES) look(&s, x[i]);
  s.alive = __any_sync(~0u, s.alive);
  s.not_finite = __any_sync(~0u, s.not_finite);
  return s;
}

template <typename T> __global__ static void order_rows(const sp_batch_view v, uint32_t n_traces, uint32_t n) {
  const uint32_t t = own_trace();
  if (t >= n_traces) return;
  const T *from = row<T>(v.out, v.first_trace[v.gather[t]] + v.order[t], n);
  T *to = row<T>(v.in, t, n);
  for (uint32_t i = threadIdx.x % LANES; i < n; i += LANES) to[i] = from[i];
}

/* --- marks ------------------------------------------------------------------------------------------------------- */

__device__ static void repair(float *x, uint32_t n) {
  for (uint32_t i = threadIdx.x % LANES; i < n; i += LANES) x[i] = finite_or_zero(x[i]);
  __syncwarp();
}

__global__ static void mark_skipped_traces(const sp_batch_view v, uint32_t n_traces) {
  const uint32_t t = blockIdx.x * blockDim.x + threadIdx.x;
  if (t < n_traces) v.mark[t] = v.skip[t] ? SP_MARK_SKIPPED : SP_MARK_LIVE;
}

/* Whether a step that edits has refused the gather. */
__device__ static bool is_refused(const sp_batch_view &v, uint32_t g) {
  uint32_t worst = 0;
  for (uint32_t step = 0; step < v.n_edits; step++) worst |= v.reasons[step * (v.max_gathers + 1) + g];
  return worst != 0;
}

template <typename T>
__global__ static void mark_traces(const sp_batch_view v, float *edited, uint32_t n_traces, uint32_t n) {
  const uint32_t t = own_trace();
  if (t >= n_traces) return;
  const uint32_t g = v.gather[t];
  const bool skip = v.skip && v.skip[t];
  if (is_refused(v, g)) edited = v.in;
  seen before = scan(row<T>(v.in, t, n), n);
  seen after = edited == v.in ? before : scan(row<T>(edited, t, n), n);
  const bool bad = after.not_finite && !skip;
  if (bad && v.nan == SP_NAN_ZERO && !v.set_aside[g]) {
    repair(row<float>(v.in, t, v.n_samples), v.n_samples);
    if (edited != v.in) repair(row<float>(edited, t, v.n_samples), v.n_samples);
    before = scan(row<T>(v.in, t, n), n);
    after = scan(row<T>(edited, t, n), n);
  }
  if (threadIdx.x % LANES != 0) return;
  const sp_mark m = sp_mark_of(skip, before.alive, !before.not_finite, after.alive, !after.not_finite);
  v.mark[t] = m;
  if (sp_mark_is_live(m)) atomicAdd(&v.n_live[g], 1u);
  if (m == SP_MARK_DEAD) atomicAdd(&v.n_dead[g], 1u);
  if (bad) atomicAdd(&v.n_bad[g], 1u);
}

/* --- arrangement ------------------------------------------------------------------------------------------------- */

/* The sum of `value` over the threads before this one; *total gets that over all. One block. */
__device__ static uint32_t sum_before(uint32_t value, uint32_t *total) {
  __shared__ uint32_t sums[ARRANGE_THREADS / LANES];
  const uint32_t lane = threadIdx.x % LANES, warp = threadIdx.x / LANES;
  uint32_t sum = value;
  for (int step = 1; step < LANES; step *= 2) {
    const uint32_t other = __shfl_up_sync(~0u, sum, step);
    if (lane >= step) sum += other;
  }
  if (lane == LANES - 1) sums[warp] = sum;
  __syncthreads();
  if (warp == 0) {
    uint32_t all = sums[lane];
    for (int step = 1; step < LANES; step *= 2) {
      const uint32_t other = __shfl_up_sync(~0u, all, step);
      if (lane >= step) all += other;
    }
    sums[lane] = all;
  }
  __syncthreads();
  const uint32_t before = (warp ? sums[warp - 1] : 0) + sum - value;
  *total = sums[ARRANGE_THREADS / LANES - 1];
  __syncthreads(); /* until it is written again */
  return before;
}

/* Where each trace goes, by one block: counts, then places. */
__global__ static void arrange_rows(const sp_batch_view v, uint32_t n_traces, uint32_t n_gathers) {
  uint32_t n_live = 0;
  for (uint32_t start = 0; start < n_traces; start += ARRANGE_THREADS) {
    const uint32_t t = start + threadIdx.x;
    uint32_t total;
    const uint32_t before = sum_before(t < n_traces && sp_mark_is_live(v.mark[t]), &total);
    if (t < n_traces) v.before[t] = n_live + before;
    n_live += total;
  }
  __syncthreads();
  for (uint32_t t = threadIdx.x; t < n_traces; t += ARRANGE_THREADS) {
    const bool live = sp_mark_is_live(v.mark[t]);
    const uint32_t r = live ? v.before[t] : n_live + t - v.before[t];
    v.place[r] = t;
    v.live_row[t] = live ? r : SP_CUDA_NO_ROW;
    v.row_gather[r] = live ? v.gather[t] : n_gathers;
    for (uint32_t k = 0; k < v.n_headers; k++) {
      v.row_columns[(size_t)k * v.max_traces + r] = v.columns[(size_t)k * v.max_traces + t];
    }
  }
  for (uint32_t g = threadIdx.x; g <= n_gathers; g += ARRANGE_THREADS) {
    const uint32_t t = v.first_trace[g];
    v.first_row[g] = t < n_traces ? v.before[t] : n_live;
  }
  if (threadIdx.x != 0) return;
  v.first_row[n_gathers + 1] = n_traces;
  *v.n_aside = n_traces - n_live;
}

/* Rows in the order of `place`, or back into that of traces. Where no trace is set aside that is a copy, which only
 * what must move asks for. */
template <typename T>
__global__ static void move_rows(const sp_batch_view v, const float *from, float *to, bool back, bool always,
                                 uint32_t n_traces, uint32_t n) {
  const uint32_t r = own_trace();
  if (r >= n_traces || (*v.n_aside == 0 && !always)) return;
  const uint32_t t = v.place[r];
  const T *x = row<T>(from, back ? r : t, n);
  T *y = row<T>(to, back ? t : r, n);
  for (uint32_t i = threadIdx.x % LANES; i < n; i += LANES) y[i] = x[i];
}

template <typename T>
__global__ static void copy_rows(const sp_batch_view v, const float *from, float *to, uint32_t n_traces, uint32_t n) {
  const uint32_t r = own_trace();
  if (r >= n_traces || *v.n_aside == 0) return;
  for (uint32_t i = threadIdx.x % LANES; i < n; i += LANES) row<T>(to, r, n)[i] = row<T>(from, r, n)[i];
}

/* --- results ----------------------------------------------------------------------------------------------------- */

/* A trace that stays as it is, or whose result is that it is empty. */
template <typename T> __device__ static void give_aside(const sp_batch_view &v, uint32_t r, sp_mark m, uint32_t n) {
  const bool gone = m == SP_MARK_EMPTIED, zeroed = m == SP_MARK_BAD && v.on_error == SP_ON_ERROR_ZERO;
  const bool keep = v.mode == SP_MODE_NOISE ? gone : !gone && !zeroed;
  const T *in = row<T>(v.in, r, n);
  for (uint32_t i = threadIdx.x % LANES; i < n; i += LANES) {
    row<T>(v.out, r, n)[i] = keep ? in[i] : zero<T>();
    if (v.noise) row<T>(v.noise, r, n)[i] = gone ? in[i] : zero<T>();
  }
}

/* In the order of rows. Where the input is finite, a result that is not shows in the difference. */
template <typename T> __global__ static void give(const sp_batch_view v, uint32_t n_traces, uint32_t n) {
  const uint32_t r = own_trace(), lane = threadIdx.x % LANES;
  if (r >= n_traces) return;
  const uint32_t t = v.place[r];
  const sp_mark m = (sp_mark)v.mark[t];
  if (!sp_mark_is_live(m)) {
    give_aside<T>(v, r, m, n);
    return;
  }
  const T *in = row<T>(v.in, r, n);
  T *out = row<T>(v.out, r, n), *noise = v.noise ? row<T>(v.noise, r, n) : NULL;
  seen of_result = {false, false}, of_difference = {false, false};
  for (uint32_t i = lane; i < n; i += LANES) {
    const T result = out[i], difference = minus(in[i], result);
    look(&of_result, result);
    look(&of_difference, difference);
    if (noise) noise[i] = difference;
    if (v.mode == SP_MODE_NOISE) out[i] = difference;
  }
  const bool by_result = m == SP_MARK_CURED || v.mode == SP_MODE_PROCESSED;
  const bool bad = by_result ? of_result.not_finite : of_difference.not_finite;
  if (__any_sync(~0u, bad) && lane == 0) v.failed[v.gather[t]] = 1;
}

__device__ static sp_failure failure_of(const sp_batch_view &v, uint32_t g, sp_trace_counts n) {
  if (n.traces == 0) return 0;
  sp_failure failure =
      sp_failure_worst(sp_failure_set_aside(v.n_steps, v.set_aside[g]), sp_failure_of_input(v.n_steps, v.nan, n));
  for (uint32_t step = 0; step < v.n_steps; step++) {
    const uint32_t reason = v.reasons[step * (v.max_gathers + 1) + g];
    failure = sp_failure_worst(failure, sp_failure_of_step(v.n_steps, step, reason));
  }
  return v.failed[g] ? sp_failure_worst(failure, sp_failure_of_result()) : failure;
}

__global__ static void resolve(const sp_batch_view v, uint32_t n_gathers, const sp_cuda_crc crc) {
  const uint32_t g = blockIdx.x * blockDim.x + threadIdx.x;
  if (g >= n_gathers) return;
  const uint32_t n_traces = v.first_trace[g + 1] - v.first_trace[g], start = sp_cuda_crc_start(crc, n_traces);
  const sp_trace_counts n = {n_traces, v.n_live[g], v.n_dead[g], v.n_bad[g]};
  const sp_failure failure = failure_of(v, g, n);
  v.failed[g] = failure != 0;
  v.results[g] = sp_gather_reason(failure, n);
  v.results[v.max_gathers + g] = start;
  v.results[2 * v.max_gathers + g] = v.noise ? start : 0;
}

/* Gathers that failed, as on_error says; others return at once. Rows of the input go to the places of their traces. */
template <typename T> __global__ static void write_failed(const sp_batch_view v, uint32_t n_traces, uint32_t n) {
  const uint32_t r = own_trace();
  if (r >= n_traces) return;
  const uint32_t t = v.place[r];
  if (!v.failed[v.gather[t]]) return;
  const bool clear = v.on_error == SP_ON_ERROR_ZERO || v.mode == SP_MODE_NOISE;
  for (uint32_t i = threadIdx.x % LANES; i < n; i += LANES) {
    row<T>(v.out, t, n)[i] = clear ? zero<T>() : row<T>(v.in, r, n)[i];
    if (v.noise) row<T>(v.noise, t, n)[i] = zero<T>();
  }
}

/* --- launches ---------------------------------------------------------------------------------------------------- */

/* Launches kernel<float4> where a trace is a whole number of them, else kernel<float>; a warp a trace. */
#define LAUNCH_ROWS(kernel, v, n_traces, stream, ...)                                                                  \
  do {                                                                                                                 \
    const unsigned blocks_ = ((n_traces) + WARPS - 1) / WARPS;                                                         \
    if (blocks_ > 0 && (v)->n_samples % 4 == 0) {                                                                      \
      kernel<float4><<<blocks_, WARPS * LANES, 0, stream>>>(*(v), ##__VA_ARGS__, n_traces, (v)->n_samples / 4);        \
    } else if (blocks_ > 0) {                                                                                          \
      kernel<float><<<blocks_, WARPS * LANES, 0, stream>>>(*(v), ##__VA_ARGS__, n_traces, (v)->n_samples);             \
    }                                                                                                                  \
  } while (0)

static cudaStream_t stream_of(sp_stream stream) {
  return (cudaStream_t)stream;
}

static sp_status receive(const sp_batch_view *v, const sp_cuda_batch *batch, sp_stream stream) {
  if (!v->order) return SP_SUCCESS;
  LAUNCH_ROWS(order_rows, v, batch->n_traces, stream_of(stream));
  return SP_CUDA_LAUNCHED("the order of traces");
}

static sp_status mark_skipped(const sp_batch_view *v, const sp_cuda_batch *batch, sp_stream stream) {
  enum { THREADS = 256 };
  if (!v->skip || batch->n_traces == 0) return SP_SUCCESS;
  const unsigned blocks = (batch->n_traces + THREADS - 1) / THREADS;
  mark_skipped_traces<<<blocks, THREADS, 0, stream_of(stream)>>>(*v, batch->n_traces);
  return SP_CUDA_LAUNCHED("the marks of traces");
}

static sp_status mark(const sp_batch_view *v, const sp_cuda_batch *batch, float *edited, sp_stream stream) {
  LAUNCH_ROWS(mark_traces, v, batch->n_traces, stream_of(stream), edited);
  return SP_CUDA_LAUNCHED("the marks of traces");
}

static sp_status arrange(const sp_batch_view *v, const sp_cuda_batch *batch, sp_stream stream) {
  arrange_rows<<<1, ARRANGE_THREADS, 0, stream_of(stream)>>>(*v, batch->n_traces, batch->n_gathers);
  return SP_CUDA_LAUNCHED("the places of traces");
}

static sp_status move(const sp_batch_view *v, uint32_t n_traces, const float *from, float *to, bool back,
                      sp_stream stream) {
  const bool apart = from != to;
  LAUNCH_ROWS(move_rows, v, n_traces, stream_of(stream), from, apart ? to : v->spare, back, apart);
  if (!apart) LAUNCH_ROWS(copy_rows, v, n_traces, stream_of(stream), v->spare, to);
  return SP_CUDA_LAUNCHED("the arrangement of rows");
}

#ifdef SP_FAULTS
__global__ static void write_nowhere(int *at) {
  *at = 1;
}

/* A kernel that does what no kernel may: the device is lost to this process. */
static void break_device(cudaStream_t stream) {
  write_nowhere<<<1, 1, 0, stream>>>((int *)16);
}
#else
static void break_device(cudaStream_t) {}
#endif

static sp_status add_checksums(const sp_batch_view *v, const sp_cuda_batch *came, const sp_cuda_crc *crc,
                               cudaStream_t stream) {
  sp_cuda_batch batch = *came;
  batch.first_trace = v->first_trace;
  batch.gather = v->gather;
  uint32_t *const crcs = v->results + v->max_gathers;
  SP_TRY(sp_cuda_crc_add(crc, v->out, v->n_samples, &batch, crcs, stream));
  return v->noise ? sp_cuda_crc_add(crc, v->noise, v->n_samples, &batch, crcs + v->max_gathers, stream) : SP_SUCCESS;
}

static sp_status measure_step(const sp_batch_view *v, const sp_cuda_batch *batch, size_t step, const float *from,
                              const float *to, sp_stream stream) {
  return sp_batch_measure_step(v, batch->n_traces, batch->n_gathers, step, from, to, stream_of(stream));
}

static sp_status finish(const sp_batch_view *v, const sp_cuda_batch *batch, const void *tables, sp_stream to) {
  enum { THREADS = 128 };
  const sp_cuda_crc *crc = (const sp_cuda_crc *)tables;
  const cudaStream_t stream = stream_of(to);
  const uint32_t n_traces = batch->n_traces, n_gathers = batch->n_gathers;
  if (SP_FAULT_IS_DUE("gpu_address")) break_device(stream);
  if (n_traces > 0) {
    if (v->sums) SP_TRY(sp_batch_measure(v, n_traces, stream));
    LAUNCH_ROWS(give, v, n_traces, stream);
    SP_TRY(SP_CUDA_LAUNCHED("the check of results"));
    SP_TRY(move(v, n_traces, v->out, v->out, true, to));
    if (v->noise) SP_TRY(move(v, n_traces, v->noise, v->noise, true, to));
  }
  if (n_gathers > 0) resolve<<<(n_gathers + THREADS - 1) / THREADS, THREADS, 0, stream>>>(*v, n_gathers, *crc);
  SP_TRY(SP_CUDA_LAUNCHED("the reasons of gathers"));
  LAUNCH_ROWS(write_failed, v, n_traces, stream);
  SP_TRY(SP_CUDA_LAUNCHED("failed gathers"));
  return add_checksums(v, batch, crc, stream);
}

/* --- steps and tables -------------------------------------------------------------------------------------------- */

static const sp_cuda_ops *ops_of(const sp_chain_step *step) {
  return sp_cuda_processor_at(sp_processor_position(step->processor));
}

static size_t step_bytes(const sp_chain_step *step, const sp_cuda_geometry *geometry) {
  const sp_cuda_ops *ops = ops_of(step);
  return ops ? ops->device_bytes(step->params, geometry) : 0;
}

static sp_status step_plan(sp_device *, const sp_chain_step *step, size_t, const sp_cuda_geometry *geometry,
                           sp_cuda_plan **out) {
  const sp_cuda_ops *ops = ops_of(step);
  return ops ? ops->plan(step->params, geometry, out) : SP_ERR_USAGE;
}

static sp_status step_apply(sp_cuda_plan *plan, const sp_cuda_batch *batch, sp_stream stream) {
  return plan->ops->apply(plan, batch, stream_of(stream));
}

static void step_destroy(sp_cuda_plan *plan) {
  if (plan) plan->ops->destroy(plan);
}

static sp_status create_tables(uint32_t n_samples, uint32_t max_gather, void **out) {
  void *block = NULL;
  SP_TRY(sp_calloc(1, sizeof(sp_cuda_crc), "tables of checksums", &block));
  const sp_status status = sp_cuda_crc_create(n_samples, max_gather, (sp_cuda_crc *)block);
  if (status == SP_SUCCESS) {
    *out = block;
  } else {
    sp_free(block);
  }
  return status;
}

static void destroy_tables(void *tables) {
  if (tables) sp_cuda_crc_destroy((sp_cuda_crc *)tables);
  sp_free(tables);
}

extern "C" const sp_device_ops sp_cuda_device;
extern "C" const sp_batch_ops sp_batch_cuda;
extern "C" const sp_batch_ops sp_batch_cuda = {
    &sp_cuda_device, step_bytes,   step_plan, step_apply, step_destroy, create_tables, destroy_tables,
    receive,         mark_skipped, mark,      arrange,    move,         measure_step,  finish};
