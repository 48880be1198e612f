/* SPDX-License-Identifier: BSD-3-Clause */
/* The parts of each gather and their spacing, by a block a gather: the twin of spacing.c. */
#include "kernels/common/cuda_check.h"
#include "kernels/common/cuda_select.cuh"
#include "kernels/fk/cuda.cuh"

enum { THREADS = 1024 };

/* What of the parameters says where parts end and what their spacing is. */
typedef struct part_rules {
  double spacing, tolerance; /* spacing NAN: from headers; tolerance as a share */
  bool along_offset, refuse;
  uint32_t n_splits, first_split; /* columns */
} part_rules;

__device__ static bool begins_part(const fk_task &k, const part_rules &r, uint32_t trace) {
  for (uint32_t i = 0; i < r.n_splits; i++) {
    const double *values = k.headers[r.first_split + i];
    const double a = values[trace], b = values[trace - 1];
    if (__double_as_longlong(a) != __double_as_longlong(b) && a != b) return true;
  }
  return false;
}

/* The first trace behind `first` that begins a part, or `end`; the same for all threads. */
__device__ static uint32_t part_end(const fk_task &k, const part_rules &r, uint32_t first, uint32_t end) {
  if (r.n_splits == 0) return end;
  __shared__ uint32_t least;
  for (uint32_t start = first + 1; start < end; start += THREADS) {
    if (threadIdx.x == 0) least = end;
    __syncthreads();
    const uint32_t trace = start + threadIdx.x;
    if (trace < end && begins_part(k, r, trace)) atomicMin(&least, trace);
    __syncthreads();
    const uint32_t found = least;
    __syncthreads();
    if (found < end) return found;
  }
  return end;
}

__device__ static double step_at(const fk_task &k, const part_rules &r, uint32_t trace) {
  const double dx = k.headers[0][trace + 1] - k.headers[0][trace];
  return r.along_offset ? dx : hypot(dx, k.headers[1][trace + 1] - k.headers[1][trace]);
}

__device__ static bool is_scaled(double scale) {
  return !isnan(scale) && scale != 0 && scale != 1;
}

/* Whether the step in the middle of the part is the median of its n: of regular ones it is. */
__device__ static bool is_median(const fk_task &k, const part_rules &r, uint32_t first, uint32_t n, double *step) {
  *step = step_at(k, r, first + n / 2);
  uint32_t below = 0, equal = 0;
  for (uint32_t start = 0; start < n; start += THREADS) {
    const uint32_t i = start + threadIdx.x;
    const double own = i < n ? step_at(k, r, first + i) : 0;
    below += __syncthreads_count(i < n && own < *step);
    equal += __syncthreads_count(i < n && own == *step);
  }
  return below <= (n - 1) / 2 && below + equal > n / 2;
}

/* Whether the step of the part may be used; then *spacing is it. The same for all threads. */
__device__ static bool find_spacing(const fk_task &k, const part_rules &r, uint32_t first, uint32_t n_traces,
                                    select_work *work, double *spacing) {
  *spacing = r.spacing;
  if (!isnan(r.spacing)) return true;
  const uint32_t n = n_traces - 1;
  bool bad = false;
  for (uint32_t i = threadIdx.x; i < n_traces; i += THREADS) {
    if (!r.along_offset) bad |= is_scaled(k.headers[2][first + i]);
    if (i < n) bad |= !isfinite(step_at(k, r, first + i));
  }
  if (__syncthreads_or(bad)) return false;
  double step;
  if (!is_median(k, r, first, n, &step)) {
    const auto key_at = [&](uint32_t i) { return select_key(step_at(k, r, first + i)); };
    uint64_t next;
    const uint64_t low = block_select<uint64_t>(key_at, n, ~(uint64_t)0, n % 2 ? n / 2 : n / 2 - 1, &next, work);
    step = n % 2 ? select_double(low) : 0.5 * (select_double(low) + select_double(next));
  }
  if (step == 0) return false;
  const double allowed = fabs(step) * r.tolerance;
  uint32_t others = 0;
  for (uint32_t start = 0; start < n; start += THREADS) {
    const uint32_t i = start + threadIdx.x;
    others += __syncthreads_count(i < n && fabs(step_at(k, r, first + i) - step) > allowed);
  }
  *spacing = fabs(step);
  return !(r.refuse && (uint64_t)others * 10 > n);
}

__device__ static void mark_part(const fk_task &k, uint32_t first, uint32_t end, uint32_t mark) {
  for (uint32_t t = first + threadIdx.x; t < end; t += THREADS) k.part_of[t] = mark;
}

__global__ static void find_parts(const __grid_constant__ fk_task k, const part_rules r) {
  __shared__ select_work work;
  __shared__ uint32_t slot;
  const uint32_t begin = k.first_trace[blockIdx.x], stop = k.first_trace[blockIdx.x + 1];
  mark_part(k, begin, stop, 0);
  if (stop - begin < SP_FK_LEAST_TRACES) {
    if (threadIdx.x == 0 && stop > begin) atomicMax(&k.reason[blockIdx.x], (uint32_t)SP_REASON_TOO_SHORT);
    return;
  }
  for (uint32_t first = begin, end; first < stop; first = end) {
    end = part_end(k, r, first, stop);
    if (end - first < SP_FK_LEAST_TRACES) continue;
    double spacing;
    if (!find_spacing(k, r, first, end - first, &work, &spacing)) {
      if (threadIdx.x == 0) atomicMax(&k.reason[blockIdx.x], (uint32_t)SP_REASON_GEOMETRY);
      return;
    }
    if (threadIdx.x == 0) {
      slot = atomicAdd(k.n_parts, 1u);
      k.parts[slot] = fk_part{first, end - first, spacing};
    }
    __syncthreads();
    mark_part(k, first, end, slot + 1);
    __syncthreads();
  }
}

sp_status fk_launch_parts(const fk_task *task, const sp_fk_params *params, cudaStream_t stream) {
  part_rules rules;
  rules.spacing = params->spacing;
  rules.tolerance = params->spacing_tolerance / 100;
  rules.along_offset = params->along == SP_FK_ALONG_OFFSET;
  rules.refuse = params->irregular == SP_FK_REFUSE;
  rules.n_splits = params->split.n;
  rules.first_split = (uint32_t)sp_fk_position_columns(params);
  SP_TRY(SP_CUDA(cudaMemsetAsync(task->n_parts, 0, sizeof(uint32_t), stream)));
  if (task->n_gathers == 0) return SP_SUCCESS;
  find_parts<<<task->n_gathers, THREADS, 0, stream>>>(*task, rules);
  return SP_CUDA_LAUNCHED("parts of fk");
}
