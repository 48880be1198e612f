/* SPDX-License-Identifier: BSD-3-Clause */
/* Gathers into boxes on the GPU, a block a gather: the twin of cpu_boxes.c. Then the traces of the boxes: which are
 * dead, how large the others are. The order of boxes is that in which blocks come to it, and changes no result. */
#include "kernels/common/cuda_check.h"
#include "kernels/common/cuda_select.cuh"
#include "kernels/fk_denoise/cuda.cuh"

enum { THREADS = 1024 };

static __device__ const uint64_t LEFT_OUT = ~(uint64_t)0;

/* Of all threads of a block, in their order: how many before this one have `flag`; *all: how many there are. */
__device__ static uint32_t count_before(bool flag, uint32_t *all) {
  __shared__ uint32_t warps[THREADS / 32];
  const uint32_t votes = __ballot_sync(~0u, flag), lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  __syncthreads();
  if (lane == 0) warps[warp] = (uint32_t)__popc(votes);
  __syncthreads();
  uint32_t before = (uint32_t)__popc(votes & ((1u << lane) - 1)), sum = 0;
  for (uint32_t w = 0; w < THREADS / 32; w++) {
    if (w < warp) before += warps[w];
    sum += warps[w];
  }
  *all = sum;
  return before;
}

/* A place for n boxes; the same for all threads. */
__device__ static uint32_t reserve_boxes(const fkd_task &k, uint32_t n) {
  __shared__ uint32_t first;
  __syncthreads();
  if (threadIdx.x == 0) first = atomicAdd(&k.totals->n_boxes, n);
  __syncthreads();
  return first;
}

__device__ static void refuse(const fkd_task &k, uint32_t gather) {
  if (threadIdx.x == 0) atomicMax(&k.reason[gather], (uint32_t)SP_REASON_GEOMETRY);
}

/* Whether a gather has too few live traces; then it is one box that is left as it is. */
__device__ static bool is_too_short(const fkd_task &k) {
  const uint32_t begin = k.first_trace[blockIdx.x], end = k.first_trace[blockIdx.x + 1];
  uint32_t live = 0;
  for (uint32_t start = begin; start < end; start += THREADS) {
    const uint32_t i = start + threadIdx.x;
    live += (uint32_t)__syncthreads_count(i < end && k.largest[i] > 0);
  }
  if (threadIdx.x == 0) k.gather_live[blockIdx.x] = live;
  if (live >= SP_FKD_LEAST_TRACES || begin == end) return begin == end;
  const uint32_t box = reserve_boxes(k, 1), first = fkd_first_node(k, blockIdx.x);
  for (uint32_t i = begin + threadIdx.x; i < end; i += THREADS) {
    k.node_trace[first + i - begin] = (int32_t)i;
    k.node_box[first + i - begin] = (int32_t)box;
  }
  if (threadIdx.x == 0) {
    k.boxes[box].first = first;
    k.boxes[box].n_i = 1;
    k.boxes[box].n_j = end - begin;
    k.boxes[box].gather = blockIdx.x;
    if (live > 0) atomicMax(&k.reason[blockIdx.x], (uint32_t)SP_REASON_TOO_SHORT);
  }
  return true;
}

/* --- lines ------------------------------------------------------------------------------------------------------- */

__device__ static double distance_at(const fkd_task &k, uint32_t trace) {
  double sum = 0;
  for (int c = 0; c < 4; c++) {
    const double step = k.headers[c][trace] - k.headers[c][trace - 1];
    sum += step * step;
  }
  return sqrt(sum);
}

/* The lower median of the keys that are not left out, of n; NAN where all are. */
template <typename KEY_AT> __device__ static double lower_median(const KEY_AT &key_at, uint32_t n, select_work *work) {
  uint32_t known = 0;
  for (uint32_t start = 0; start < n; start += THREADS) {
    const uint32_t i = start + threadIdx.x;
    known += (uint32_t)__syncthreads_count(i < n && key_at(i) != LEFT_OUT);
  }
  if (known == 0) return NAN;
  /* of regular ones the one in the middle is it */
  const uint32_t rank = (known - 1) / 2;
  const uint64_t guess = key_at(n / 2);
  uint32_t below = 0, equal = 0;
  for (uint32_t start = 0; start < n; start += THREADS) {
    const uint64_t key = start + threadIdx.x < n ? key_at(start + threadIdx.x) : LEFT_OUT;
    below += (uint32_t)__syncthreads_count(key < guess);
    equal += (uint32_t)__syncthreads_count(key == guess && key != LEFT_OUT);
  }
  if (below <= rank && rank < below + equal) return select_double(guess);
  uint64_t next;
  return select_double(block_select<uint64_t>(key_at, n, LEFT_OUT - 1, rank, &next, work));
}

__device__ static bool begins_box(const fkd_task &k, uint32_t trace, double widest) {
  if (isfinite(widest) && distance_at(k, trace) > widest) return true;
  return k.has_line && k.headers[4][trace] != k.headers[4][trace - 1];
}

__global__ static void cut_lines(const __grid_constant__ fkd_task k) {
  __shared__ select_work work;
  const uint32_t begin = k.first_trace[blockIdx.x], end = k.first_trace[blockIdx.x + 1];
  if (is_too_short(k)) return;
  bool unknown = false;
  for (uint32_t i = begin + threadIdx.x; k.has_line && i < end; i += THREADS) unknown |= !isfinite(k.headers[4][i]);
  if (__syncthreads_or(unknown)) return refuse(k, blockIdx.x);
  const auto key_at = [&](uint32_t i) {
    const double d = distance_at(k, begin + 1 + i);
    return isfinite(d) ? select_key(d) : LEFT_OUT;
  };
  const double middle = lower_median(key_at, end - begin - 1, &work);
  const double widest = middle > 0 ? SP_FKD_MAX_GAP * middle : INFINITY;
  uint32_t n = 0, all;
  for (uint32_t start = begin; start < end; start += THREADS) {
    const uint32_t i = start + threadIdx.x;
    n += (uint32_t)__syncthreads_count(i < end && (i == begin || begins_box(k, i, widest)));
  }
  const uint32_t first = reserve_boxes(k, n);
  uint32_t number = first - 1;
  for (uint32_t start = begin; start < end; start += THREADS, number += all) {
    const uint32_t i = start + threadIdx.x;
    const bool begins = i < end && (i == begin || begins_box(k, i, widest));
    const uint32_t box = number + count_before(begins, &all) + begins;
    if (i >= end) continue;
    k.node_trace[i] = (int32_t)i;
    k.node_box[i] = (int32_t)box;
    if (begins) k.boxes[box].first = i;
  }
  __syncthreads();
  for (uint32_t b = threadIdx.x; b < n; b += THREADS) {
    fkd_box *box = &k.boxes[first + b];
    box->n_i = 1;
    box->n_j = (b + 1 < n ? box[1].first : end) - box->first;
    box->gather = blockIdx.x;
  }
}

/* --- grids ------------------------------------------------------------------------------------------------------- */

/* Sorts n values by a block: bitonic, so written that all go up, as though infinite ones followed. */
__device__ static void sort(double *x, uint32_t n) {
  for (uint32_t size = 2; size / 2 < n; size *= 2) {
    for (uint32_t apart = size / 2; apart > 0; apart /= 2) {
      for (uint32_t i = threadIdx.x; i < n; i += THREADS) {
        const uint32_t other = apart == size / 2 ? i ^ (size - 1) : i ^ apart;
        if (other <= i || other >= n) continue;
        const double a = x[i], b = x[other];
        if (b < a) x[i] = b, x[other] = a;
      }
      __syncthreads();
    }
  }
}

/* Keeps one of equal neighbours among n sorted values; returns how many stay. */
__device__ static uint32_t keep_distinct(double *x, uint32_t n) {
  uint32_t kept = 0, all;
  for (uint32_t start = 0; start < n; start += THREADS) {
    const uint32_t i = start + threadIdx.x;
    const double value = i < n ? x[i] : 0;
    const bool stays = i < n && (i == 0 || value != x[i - 1]);
    const uint32_t place = kept + count_before(stays, &all); /* when this is back all have read */
    if (stays) x[place] = value;
    __syncthreads();
    kept += all;
  }
  return kept;
}

__global__ static void sort_axes(const __grid_constant__ fkd_task k) {
  __shared__ select_work work;
  const uint32_t g = blockIdx.x, axis = blockIdx.y, begin = k.first_trace[g], n = k.first_trace[g + 1] - begin;
  double *x = k.sorted + (size_t)axis * k.room + begin;
  uint32_t *ends = k.ends + (size_t)axis * k.room + begin, cuts = 0, all;
  bool unknown = false;
  for (uint32_t i = threadIdx.x; i < n; i += THREADS) {
    x[i] = k.headers[axis][begin + i];
    unknown |= !isfinite(x[i]);
  }
  fkd_grid_axis *result = &k.grid_axes[(size_t)g * 2 + axis];
  if (__syncthreads_or(unknown) || n == 0) {
    if (threadIdx.x == 0) *result = fkd_grid_axis{0, 0};
    return;
  }
  sort(x, n);
  const uint32_t distinct = keep_distinct(x, n);
  const auto key_at = [&](uint32_t i) { return select_key(x[i + 1] - x[i]); };
  const double widest = distinct > 1 ? SP_FKD_MAX_GAP * lower_median(key_at, distinct - 1, &work) : INFINITY;
  for (uint32_t start = 1; start < distinct; start += THREADS, cuts += all) {
    const uint32_t i = start + threadIdx.x;
    const bool cut = i < distinct && x[i] - x[i - 1] > widest;
    const uint32_t place = cuts + count_before(cut, &all);
    if (cut) ends[place] = i;
  }
  if (threadIdx.x == 0) {
    ends[cuts] = distinct;
    *result = fkd_grid_axis{distinct, cuts + 1};
  }
}

/* An axis as boxes are laid out by it. */
struct axis_view {
  uint32_t n, parts;
  const double *values, *sorted;
  const uint32_t *ends;
};

__device__ static axis_view view_axis(const fkd_task &k, uint32_t gather, uint32_t axis) {
  const size_t begin = k.first_trace[gather], at = (size_t)axis * k.room + begin;
  const fkd_grid_axis a = k.grid_axes[(size_t)gather * 2 + axis];
  return axis_view{a.n, a.parts, k.headers[axis] + begin, k.sorted + at, k.ends + at};
}

__device__ static uint32_t part_start(const axis_view &a, uint32_t part) {
  return part ? a.ends[part - 1] : 0;
}

/* The rank of a trace's value, and the part that it is in. */
__device__ static uint32_t rank_of(const axis_view &a, uint32_t trace, uint32_t *part) {
  const double value = a.values[trace];
  uint32_t low = 0;
  for (uint32_t high = a.n; high - low > 1;) {
    const uint32_t middle = low + (high - low) / 2;
    if (a.sorted[middle] <= value) {
      low = middle;
    } else {
      high = middle;
    }
  }
  *part = 0;
  while (a.ends[*part] <= low) ++*part;
  return low;
}

/* Box b of a gather, whose nodes begin at `base`. */
__device__ static void lay_out(const fkd_task &k, const axis_view &i, const axis_view &j, uint32_t b, uint32_t base,
                               uint32_t first) {
  const uint32_t part_i = b / j.parts, part_j = b % j.parts, start_i = part_start(i, part_i),
                 start_j = part_start(j, part_j);
  fkd_box *box = &k.boxes[first + b];
  box->n_i = i.ends[part_i] - start_i;
  box->n_j = j.ends[part_j] - start_j;
  box->first = base + start_i * j.n + box->n_i * start_j;
  box->gather = blockIdx.x;
  for (uint32_t node = 0; node < box->n_i * box->n_j; node++) k.node_box[box->first + node] = (int32_t)(first + b);
}

__global__ static void cut_grid(const __grid_constant__ fkd_task k) {
  const uint32_t begin = k.first_trace[blockIdx.x], n = k.first_trace[blockIdx.x + 1] - begin;
  if (is_too_short(k)) return;
  axis_view i = view_axis(k, blockIdx.x, 0), j = view_axis(k, blockIdx.x, 1);
  if (i.n == 0 || j.n == 0 || (uint64_t)i.n * j.n > (uint64_t)SP_FKD_MAX_EMPTY * n) return refuse(k, blockIdx.x);
  if (i.n > j.n) {
    const axis_view swap = i;
    i = j;
    j = swap;
  }
  const uint32_t parts = i.parts * j.parts, first = reserve_boxes(k, parts), base = fkd_first_node(k, blockIdx.x);
  for (uint32_t b = threadIdx.x; b < parts; b += THREADS) lay_out(k, i, j, b, base, first);
  __syncthreads();
  bool twice = false;
  for (uint32_t trace = threadIdx.x; trace < n; trace += THREADS) {
    uint32_t part_i, part_j;
    const uint32_t rank_i = rank_of(i, trace, &part_i), rank_j = rank_of(j, trace, &part_j);
    const fkd_box *box = &k.boxes[first + part_i * j.parts + part_j];
    const uint32_t at = (rank_i - part_start(i, part_i)) * box->n_j + rank_j - part_start(j, part_j);
    twice |= atomicExch(&k.node_trace[box->first + at], (int32_t)(begin + trace)) != FKD_NONE;
  }
  if (__syncthreads_or(twice)) refuse(k, blockIdx.x);
}

/* --- traces ------------------------------------------------------------------------------------------------------ */

__device__ static uint32_t row_of(const fkd_task &k, uint32_t trace) {
  return k.row ? k.row[trace] : trace;
}

/* The largest magnitude of each trace, 0 of a dead one; a warp a trace. */
__global__ static void find_largest(const __grid_constant__ fkd_task k) {
  const uint32_t trace = (blockIdx.x * blockDim.x + threadIdx.x) / 32, lane = threadIdx.x % 32;
  if (trace >= k.n_traces) return;
  const uint32_t row = row_of(k, trace);
  uint32_t most = 0;
  for (uint32_t t = lane; row != SP_CUDA_NO_ROW && t < k.n_samples; t += 32) {
    const uint32_t bits = __float_as_uint(k.in[(size_t)row * k.n_samples + t]) & 0x7fffffffu;
    most = bits > most ? bits : most;
  }
  most = __reduce_max_sync(~0u, most);
  if (lane == 0) k.largest[trace] = most < 0x7f800000u ? most : 0;
}

__global__ static void set_nodes(const __grid_constant__ fkd_task k) {
  const uint32_t node = blockIdx.x * blockDim.x + threadIdx.x;
  if (node >= k.n_nodes || k.node_box[node] == FKD_NONE) return;
  const int32_t trace = k.node_trace[node];
  const uint32_t row = trace == FKD_NONE ? SP_CUDA_NO_ROW : row_of(k, (uint32_t)trace);
  const uint32_t largest = trace == FKD_NONE ? 0 : k.largest[trace];
  k.out_row[node] = row;
  k.rows[node] = largest ? k.in + (size_t)row * k.n_samples : NULL;
  if (!largest) return;
  fkd_box *box = &k.boxes[k.node_box[node]];
  atomicMax(&box->largest, largest);
  atomicAdd(&box->live, 1u);
}

__global__ static void finish_boxes(const __grid_constant__ fkd_task k) {
  const uint32_t b = blockIdx.x * blockDim.x + threadIdx.x;
  if (b >= k.totals->n_boxes) return;
  fkd_box *box = &k.boxes[b];
  int exponent;
  frexpf(__uint_as_float(box->largest), &exponent);
  box->scale = ldexpf(1, exponent > -126 ? -exponent : 126);
  box->i = k.axes[box->n_i];
  box->j = k.axes[box->n_j];
  box->pairs = (box->j.count + 1) / 2;
}

sp_status fkd_launch_boxes(const fkd_task *k, cudaStream_t stream) {
  const size_t nodes = k->n_nodes;
  SP_TRY(SP_CUDA(cudaMemsetAsync(k->node_trace, 0xff, nodes * sizeof(int32_t), stream)));
  SP_TRY(SP_CUDA(cudaMemsetAsync(k->node_box, 0xff, nodes * sizeof(int32_t), stream)));
  SP_TRY(SP_CUDA(cudaMemsetAsync(k->boxes, 0, nodes * sizeof(fkd_box), stream)));
  SP_TRY(SP_CUDA(cudaMemsetAsync(k->totals, 0, sizeof(fkd_totals), stream)));
  find_largest<<<(k->n_traces + 7) / 8, 256, 0, stream>>>(*k);
  SP_TRY(SP_CUDA_LAUNCHED("traces of fk_denoise"));
  if (k->has_grid) {
    sort_axes<<<dim3(k->n_gathers, 2), THREADS, 0, stream>>>(*k);
    SP_TRY(SP_CUDA_LAUNCHED("axes of fk_denoise"));
    cut_grid<<<k->n_gathers, THREADS, 0, stream>>>(*k);
  } else {
    cut_lines<<<k->n_gathers, THREADS, 0, stream>>>(*k);
  }
  SP_TRY(SP_CUDA_LAUNCHED("boxes of fk_denoise"));
  const unsigned grid = (k->n_nodes + 255) / 256;
  set_nodes<<<grid, 256, 0, stream>>>(*k);
  SP_TRY(SP_CUDA_LAUNCHED("nodes of fk_denoise"));
  finish_boxes<<<grid, 256, 0, stream>>>(*k);
  return SP_CUDA_LAUNCHED("sizes of boxes of fk_denoise");
}
