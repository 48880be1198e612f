/* SPDX-License-Identifier: BSD-3-Clause */
/* Bad samples on the GPU (bad.h): levels and medians as planes, then a warp a block of half a window. In a plane of
 * levels and one of medians, node and sample are as in x. */
#include "kernels/common/cuda_check.h"
#include "kernels/common/window_stats.h"
#include "kernels/fk_denoise/cuda.cuh"

#include "kernels/fk_denoise/bad.h"

enum { NODES = 32, ROWS = 8, STRIP = 64, EACH = STRIP / ROWS, WARPS = 2, ALONG = 13, ACROSS = 5 };

/* Where levels and medians are: y is free until the first pass, and so is scratch memory. */
__device__ static float *levels_of(const fkd_task &k) {
  return k.scratch;
}

__device__ static float *medians_of(const fkd_task &k) {
  return k.y;
}

/* --- levels ------------------------------------------------------------------------------------------------------ */

/* x[i] += x[i + apart] for n rows of 32, to `to`. */
__device__ static void add_rows(const float *x, uint32_t n, uint32_t apart, float *to) {
  for (uint32_t r = threadIdx.y; r < n; r += ROWS) {
    to[r * NODES + threadIdx.x] = x[r * NODES + threadIdx.x] + x[(r + apart) * NODES + threadIdx.x];
  }
  __syncthreads();
}

/* Means of magnitudes of a window around each sample, the ends repeated, by sums of 1, 2, 4 ... samples: of 32 nodes by
 * a strip of samples. With `clip` of nodes that stand out only, clipped at so many medians. */
__global__ static void find_levels(const __grid_constant__ fkd_task k, bool clip) {
  extern __shared__ float shared[];
  const uint32_t window = k.t.window, rows = STRIP + window, node = blockIdx.x * NODES + threadIdx.x;
  const uint32_t t0 = blockIdx.y * STRIP;
  const bool there = node < k.n_nodes, wanted = there && (!clip || k.stands_out[node]);
  const int last = (int)k.n_samples - 1;
  float *x = shared, *other = shared + rows * NODES, sums[EACH] = {0};
  if (!__syncthreads_or(wanted)) return;
  for (uint32_t r = threadIdx.y; r < rows; r += ROWS) {
    const size_t at = (size_t)min(max((int)(t0 + r) - (int)(window / 2), 0), last) * k.pitch + node;
    float a = there ? fabsf(k.x[at]) : 0;
    if (clip && there && a > FKD_SAMPLE_TIMES * medians_of(k)[at]) a = FKD_SAMPLE_TIMES * medians_of(k)[at];
    x[r * NODES + threadIdx.x] = a;
  }
  __syncthreads();
  for (uint32_t length = 1, left = rows, offset = 0; length <= window; length *= 2) {
    for (uint32_t m = 0; (window & length) && m < EACH; m++) {
      sums[m] += x[(threadIdx.y + m * ROWS + offset) * NODES + threadIdx.x];
    }
    if (window & length) offset += length;
    left = left > length ? left - length : 0;
    add_rows(x, left, length, other);
    float *swap = x;
    x = other;
    other = swap;
  }
  const float share = 1 / (float)window;
  for (uint32_t m = 0; m < EACH; m++) {
    const uint32_t t = t0 + threadIdx.y + m * ROWS;
    if (wanted && t < k.n_samples) levels_of(k)[(size_t)t * k.pitch + node] = sums[m] * share;
  }
}

static size_t level_bytes(const fkd_task *k) {
  return 2 * (STRIP + k->t.window) * NODES * sizeof(float);
}

__device__ static uint32_t node_at(int j, uint32_t n, bool reflected) {
  if (reflected) return fkd_reflect(j, (int)n);
  return j < 0 ? 0 : j >= (int)n ? n - 1 : (uint32_t)j;
}

/* Medians of levels over 13 nodes of a line, or 5 x 5 of a grid; and which traces stand out of them. */
__global__ static void find_medians(const __grid_constant__ fkd_task k, bool reflected) {
  const uint32_t node = blockIdx.x * blockDim.x + threadIdx.x, t = blockIdx.y;
  if (node >= k.n_nodes || k.node_box[node] == FKD_NONE) return;
  const fkd_box &box = k.boxes[k.node_box[node]];
  if (!fkd_is_filtered(box)) return;
  const int i = (int)((node - box.first) / box.n_j), j = (int)((node - box.first) % box.n_j);
  const float *level = levels_of(k) + (size_t)t * k.pitch;
  num_key sorted[ACROSS * ACROSS];
  float median;
  if (box.n_i >= ACROSS && box.n_j >= ACROSS) {
#pragma unroll
    for (int m = 0; m < ACROSS * ACROSS; m++) {
      const uint32_t line = node_at(i + m % ACROSS - ACROSS / 2, box.n_i, reflected);
      const uint32_t at = box.first + line * box.n_j + node_at(j + m / ACROSS - ACROSS / 2, box.n_j, reflected);
      window_insert(sorted, sorted, m, __float_as_int(level[at]));
    }
    median = __int_as_float(sorted[ACROSS * ACROSS / 2]);
  } else {
#pragma unroll
    for (int m = 0; m < ALONG; m++) {
      const uint32_t at = box.first + (uint32_t)i * box.n_j + node_at(j + m - ALONG / 2, box.n_j, reflected);
      window_insert(sorted, sorted, m, __float_as_int(level[at]));
    }
    median = __int_as_float(sorted[ALONG / 2]);
  }
  const size_t at = (size_t)t * k.pitch + node;
  medians_of(k)[at] = median;
  const bool out = fabsf(k.x[at]) > FKD_SAMPLE_TIMES * median || level[node] > FKD_LEVEL_TIMES * median;
  if (out && k.rows[node] && !k.stands_out[node] && !atomicExch(&k.stands_out[node], 1u)) {
    k.nodes_out[atomicAdd(&k.totals->n_out, 1u)] = (int32_t)node;
  }
}

/* --- sweeps ------------------------------------------------------------------------------------------------------ */

/* How many neighbours a warp compares at once, as far as there is shared memory; and how many doubles that takes. */
__host__ __device__ static uint32_t neighbours_at_once(uint32_t window) {
  return window <= 24 ? 8 : window <= 48 ? 4 : window <= 96 ? 2 : 1;
}

__host__ __device__ static size_t search_doubles(uint32_t window) {
  return fkd_span(window) + neighbours_at_once(window) * (fkd_span(window) + fkd_lags(window));
}

/* The search of the trace of a node; a warp has work[search_doubles]. */
__device__ static fkd_search make_search(const fkd_task &k, uint32_t node, bool second, double *work) {
  const fkd_box &box = k.boxes[k.node_box[node]];
  const size_t span = fkd_span(k.t.window), first = box.first;
  fkd_search s;
  s.rows = k.rows + first;
  s.levels = levels_of(k) + first;
  s.medians = medians_of(k) + first;
  s.node_stride = 1;
  s.time_stride = k.pitch;
  s.bad = k.bad + first * k.n_samples;
  s.likeness = k.likeness + first * k.n_blocks;
  s.n_i = box.n_i;
  s.n_j = box.n_j;
  s.n = k.n_samples;
  s.window = k.t.window;
  s.node = node - box.first;
  s.scale = box.scale;
  s.second = second;
  s.at_once = neighbours_at_once(k.t.window);
  s.own = work;
  s.other = work ? work + span : NULL;
  s.energies = work ? s.other + s.at_once * span : NULL;
  return s;
}

__device__ static uint32_t warp_number() {
  return (blockIdx.x * blockDim.x + threadIdx.x) / 32;
}

__device__ static uint32_t n_warps() {
  return gridDim.x * blockDim.x / 32;
}

/* Lists the blocks of traces that stand out which are to be looked at. */
__global__ static void list_blocks(const __grid_constant__ fkd_task k) {
  const uint32_t n = k.totals->n_out * k.n_blocks;
  for (uint32_t u = warp_number(); u < n; u += n_warps()) {
    const fkd_block b = {(uint32_t)k.nodes_out[u / k.n_blocks], u % k.n_blocks};
    const fkd_search s = make_search(k, b.node, false, NULL);
    if (!fkd_block_has(&s, b.block * (k.t.window / 2), FKD_GO_ON_TIMES, true)) continue;
    if (FKD_LANE == 0) k.blocks[atomicAdd(&k.totals->n_tasks, 1u)] = b;
  }
}

/* Compares blocks with the traces beside them, and marks their samples. */
__global__ static void mark_samples(const __grid_constant__ fkd_task k, bool second) {
  extern __shared__ double work[];
  for (uint32_t u = warp_number(); u < k.totals->n_tasks; u += n_warps()) {
    const fkd_block b = k.blocks[u];
    const fkd_search s = make_search(k, b.node, second, work + threadIdx.x / 32 * search_doubles(k.t.window));
    const uint32_t start = b.block * (k.t.window / 2);
    const bool stands_out = fkd_block_has(&s, start, FKD_LEVEL_TIMES, true);
    fkd_neighbour list[FKD_NEIGHBOURS];
    double likeness;
    if (second && !stands_out) continue;
    const uint32_t n = fkd_compare_block(&s, start, list, &likeness);
    if (!second && FKD_LANE == 0) k.likeness[(size_t)b.node * k.n_blocks + b.block] = likeness;
    if (stands_out) fkd_mark_samples(&s, start, list, n, likeness);
  }
}

__global__ static void mark_runs(const __grid_constant__ fkd_task k) {
  for (uint32_t u = warp_number(); u < k.totals->n_tasks; u += n_warps()) {
    const fkd_search s = make_search(k, k.blocks[u].node, false, NULL);
    fkd_mark_run(&s, k.blocks[u].block * (k.t.window / 2));
  }
}

__global__ static void extend_runs(const __grid_constant__ fkd_task k) {
  for (uint32_t u = warp_number(); u < k.totals->n_out; u += n_warps()) {
    const uint32_t node = (uint32_t)k.nodes_out[u];
    const fkd_search s = make_search(k, node, false, NULL);
    fkd_extend_runs(&s);
  }
}

/* With `all` marks what stands out, coherent or not. Then what is bad becomes 0 in x; and how much it is. */
__global__ static void zero_bad(const __grid_constant__ fkd_task k, bool all) {
  for (uint32_t u = warp_number(); u < k.totals->n_out; u += n_warps()) {
    const uint32_t node = (uint32_t)k.nodes_out[u];
    const fkd_search s = make_search(k, node, false, NULL);
    uint8_t *bad = k.bad + (size_t)node * k.n_samples;
    uint32_t n = 0;
    for (uint32_t t = FKD_LANE; t < k.n_samples; t += 32) {
      if (all) bad[t] = fkd_mark_of(&s, t);
      if (bad[t] == FKD_GOOD) continue;
      k.x[(size_t)t * k.pitch + node] = 0;
      n++;
    }
    n = __reduce_add_sync(~0u, n);
    if (FKD_LANE == 0 && n > 0) atomicAdd(&k.boxes[k.node_box[node]].bad, n);
  }
}

/* --- launches ---------------------------------------------------------------------------------------------------- */

static size_t search_bytes(const fkd_task *k) {
  return WARPS * search_doubles(k->t.window) * sizeof(double);
}

sp_status fkd_prepare_bad(const fkd_task *k) {
  SP_TRY(SP_CUDA(cudaFuncSetAttribute((const void *)find_levels, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                      (int)level_bytes(k))));
  return SP_CUDA(cudaFuncSetAttribute((const void *)mark_samples, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                      (int)search_bytes(k)));
}

static sp_status launch_levels(const fkd_task *k, bool clip, cudaStream_t stream) {
  const dim3 grid((k->n_nodes + NODES - 1) / NODES, (k->n_samples + STRIP - 1) / STRIP);
  find_levels<<<grid, dim3(NODES, ROWS), level_bytes(k), stream>>>(*k, clip);
  return SP_CUDA_LAUNCHED("levels of fk_denoise");
}

static sp_status launch_sweeps(const fkd_task *k, unsigned n_blocks, cudaStream_t stream) {
  const unsigned threads = 32 * WARPS;
  SP_TRY(launch_levels(k, true, stream));
  list_blocks<<<n_blocks, threads, 0, stream>>>(*k);
  SP_TRY(SP_CUDA_LAUNCHED("blocks of fk_denoise"));
  mark_samples<<<n_blocks, threads, search_bytes(k), stream>>>(*k, false);
  SP_TRY(SP_CUDA_LAUNCHED("bad samples of fk_denoise"));
  mark_runs<<<n_blocks, threads, 0, stream>>>(*k);
  SP_TRY(SP_CUDA_LAUNCHED("bad blocks of fk_denoise"));
  extend_runs<<<n_blocks, threads, 0, stream>>>(*k);
  SP_TRY(SP_CUDA_LAUNCHED("bad traces of fk_denoise"));
  mark_samples<<<n_blocks, threads, search_bytes(k), stream>>>(*k, true);
  return SP_CUDA_LAUNCHED("bad samples of fk_denoise");
}

sp_status fkd_launch_bad(const fkd_task *k, unsigned n_blocks, cudaStream_t stream) {
  const bool by_itself = k->robust == SP_PARAM_AUTO;
  if (k->robust == 0) return SP_SUCCESS;
  SP_TRY(SP_CUDA(cudaMemsetAsync(k->bad, FKD_GOOD, (size_t)k->n_nodes * k->n_samples, stream)));
  SP_TRY(SP_CUDA(cudaMemsetAsync(k->stands_out, 0, k->n_nodes * sizeof(uint32_t), stream)));
  SP_TRY(launch_levels(k, false, stream));
  find_medians<<<dim3((k->n_nodes + 127) / 128, k->n_samples), 128, 0, stream>>>(*k, by_itself);
  SP_TRY(SP_CUDA_LAUNCHED("medians of fk_denoise"));
  if (by_itself) SP_TRY(launch_sweeps(k, n_blocks, stream));
  zero_bad<<<n_blocks, 128, 0, stream>>>(*k, !by_itself);
  return SP_CUDA_LAUNCHED("marks of fk_denoise");
}
