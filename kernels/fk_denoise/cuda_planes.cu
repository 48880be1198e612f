/* SPDX-License-Identifier: BSD-3-Clause */
/* Between traces and planes on the GPU; sums of windows; what goes into another pass; the guard (cpu_body_planes.h,
 * cpu_replace.c). */
#include "kernels/common/cuda_check.h"
#include "kernels/common/cuda_select.cuh"
#include "kernels/fk_denoise/cuda.cuh"

enum { TILE = 32, ROWS = 8, FIVE = SP_FKD_GUARD_TRACES, REACH = SP_FKD_GUARD_SAMPLES / 2 - FIVE / 2, STRIP = 64 };

static unsigned tiles_of(uint32_t n, uint32_t tile) {
  return (n + tile - 1) / tile;
}

/* --- load -------------------------------------------------------------------------------------------------------- */

/* Traces to x, times their scale; 0 of dead ones. A block 32 nodes by 32 samples. */
__global__ static void load(const __grid_constant__ fkd_task k) {
  __shared__ float tile[TILE][TILE + 1];
  const uint32_t node0 = blockIdx.x * TILE, t0 = blockIdx.y * TILE;
  for (uint32_t r = threadIdx.y; r < TILE; r += ROWS) {
    const uint32_t node = node0 + r, t = t0 + threadIdx.x;
    const float *row = node < k.n_nodes && k.node_box[node] != FKD_NONE ? k.rows[node] : NULL;
    tile[r][threadIdx.x] = row && t < k.n_samples ? row[t] * k.boxes[k.node_box[node]].scale : 0;
  }
  __syncthreads();
  for (uint32_t r = threadIdx.y; r < TILE; r += ROWS) {
    const uint32_t node = node0 + threadIdx.x, t = t0 + r;
    if (node < k.n_nodes && t < k.n_samples) k.x[(size_t)t * k.pitch + node] = tile[threadIdx.x][r];
  }
}

sp_status fkd_launch_load(const fkd_task *k, cudaStream_t stream) {
  load<<<dim3(tiles_of(k->n_nodes, TILE), tiles_of(k->n_samples, TILE)), dim3(TILE, ROWS), 0, stream>>>(*k);
  return SP_CUDA_LAUNCHED("load of fk_denoise");
}

/* --- sums of windows --------------------------------------------------------------------------------------------- */

/* What the windows of a slab leave of a sample: sums along j, and of these along i. */
__device__ static float sum_of_slab(const fkd_task &k, const fkd_box &box, const float *windows, uint32_t at_t,
                                    uint32_t i, uint32_t j) {
  const uint32_t n_i = box.i.window, n_j = box.j.window, width = 2 * box.pairs * n_j;
  const uint32_t last_i = fkd_last_window(box.i, i), last_j = fkd_last_window(box.j, j);
  const uint32_t q_i = fkd_overlap(box.i), q_j = fkd_overlap(box.j);
  float slab = 0;
  for (uint32_t a = last_i + 1 - q_i; a <= last_i; a++) {
    const uint32_t at_i = i + box.i.before - a * box.i.step;
    const float *line = windows + (((size_t)a * k.t.window + at_t) * n_i + at_i) * width;
    float sum = 0;
    for (uint32_t b = last_j + 1 - q_j; b <= last_j; b++) sum += line[b * n_j + j + box.j.before - b * box.j.step];
    slab += sum;
  }
  return slab;
}

/* Adds the slabs of a step to y, in their order. */
__global__ static void add_windows(const __grid_constant__ fkd_task k, uint32_t step) {
  const uint32_t node = blockIdx.x * blockDim.x + threadIdx.x;
  const fkd_chunk chunk = fkd_chunk_at(k, step);
  if (k.totals->n_active == 0 || chunk.n == 0 || node >= k.n_nodes || k.node_box[node] == FKD_NONE) return;
  const fkd_box &box = k.boxes[k.node_box[node]];
  if (box.number == (uint32_t)FKD_NONE) return;
  const uint32_t at = node - box.first, i = at / box.n_j, j = at % box.n_j, q = fkd_overlap(k.t);
  const int first = (int)(chunk.first * k.t.step) - (int)k.t.before;
  const int end = (int)((chunk.first + chunk.n - 1) * k.t.step + k.t.window) - (int)k.t.before;
  const size_t slab_floats = k.totals->values * k.t.window;
  const float *scratch = k.scratch + box.values * k.t.window;
  for (int t = max(first, 0) + (int)blockIdx.y; t < min(end, (int)k.n_samples); t += gridDim.y) {
    const uint32_t last = fkd_last_window(k.t, (uint32_t)t), least = last + 1 - q;
    float *y = k.y + (size_t)t * k.pitch + node;
    float sum = least >= chunk.first ? 0 : *y;
    for (uint32_t slab = max(least, chunk.first); slab <= last && slab < chunk.first + chunk.n; slab++) {
      const float *windows = scratch + (slab - chunk.first) * slab_floats;
      sum += sum_of_slab(k, box, windows, (uint32_t)t + k.t.before - slab * k.t.step, i, j);
    }
    *y = sum;
  }
}

sp_status fkd_launch_add(const fkd_task *k, uint32_t step, cudaStream_t stream) {
  enum { TIMES = 96 };
  add_windows<<<dim3(tiles_of(k->n_nodes, 128), TIMES), 128, 0, stream>>>(*k, step);
  return SP_CUDA_LAUNCHED("sums of fk_denoise");
}

/* --- another pass ------------------------------------------------------------------------------------------------ */

/* The limit beyond which what a pass left of a box is an outlier, a block a box: 4 standard deviations by the median of
 * the residuals of its live traces. */
__global__ static void find_outliers(const __grid_constant__ fkd_task k) {
  __shared__ select_work work;
  for (uint32_t number = blockIdx.x; number < k.totals->n_active; number += gridDim.x) {
    const fkd_box &box = k.boxes[k.active[number]];
    const uint32_t nodes = box.n_i * box.n_j;
    const auto key_at = [&](uint32_t i) {
      const uint32_t node = box.first + i % nodes;
      const size_t at = (size_t)(i / nodes) * k.pitch + node;
      return k.rows[node] ? __float_as_uint(fabsf(k.x[at] - k.y[at])) : ~0u;
    };
    const uint32_t n = box.live * k.n_samples;
    uint32_t next;
    const uint32_t lower =
        block_select<uint32_t>(key_at, nodes * k.n_samples, 0x7f800000u, n % 2 ? n / 2 : n / 2 - 1, &next, &work);
    const double a = __uint_as_float(lower), b = __uint_as_float(n % 2 ? lower : next);
    if (threadIdx.x == 0) k.limits[number] = make_float2((float)sp_fkd_outlier(n % 2 ? a : 0.5 * (b + a)), 0);
    __syncthreads();
  }
}

/* x as it goes into another pass: y where it is dead or bad, or with `outliers` where y is far from the trace. */
__global__ static void replace(const __grid_constant__ fkd_task k, bool outliers) {
  __shared__ float tile[TILE][TILE + 1];
  const uint32_t node0 = blockIdx.x * TILE, t0 = blockIdx.y * TILE;
  if (k.totals->n_active == 0) return;
  for (uint32_t r = threadIdx.y; r < TILE; r += ROWS) {
    const uint32_t node = node0 + r, t = t0 + threadIdx.x;
    const float *row = node < k.n_nodes && k.node_box[node] != FKD_NONE ? k.rows[node] : NULL;
    if (t >= k.n_samples) row = NULL;
    const bool bad = row && !outliers && k.robust != 0 && k.bad[(size_t)node * k.n_samples + t] != 0;
    tile[r][threadIdx.x] = row && !bad ? row[t] * k.boxes[k.node_box[node]].scale : NAN;
  }
  __syncthreads();
  for (uint32_t r = threadIdx.y; r < TILE; r += ROWS) {
    const uint32_t node = node0 + threadIdx.x, t = t0 + r;
    if (node >= k.n_nodes || t >= k.n_samples || k.node_box[node] == FKD_NONE) continue;
    const uint32_t number = k.boxes[k.node_box[node]].number;
    if (number == (uint32_t)FKD_NONE) continue;
    const size_t at = (size_t)t * k.pitch + node;
    const float x = tile[threadIdx.x][r], y = k.y[at];
    k.x[at] = fabsf(x - y) <= (outliers ? k.limits[number].x : INFINITY) ? x : y;
  }
}

/* Traces as they are, before outliers are looked for: NAN where dead. */
sp_status fkd_launch_replace(const fkd_task *k, cudaStream_t stream) {
  const bool outliers = k->robust > 0;
  if (outliers) {
    SP_TRY(fkd_launch_load(k, stream));
    find_outliers<<<k->n_gathers, 1024, 0, stream>>>(*k);
    SP_TRY(SP_CUDA_LAUNCHED("outliers of fk_denoise"));
  }
  const dim3 grid(tiles_of(k->n_nodes, TILE), tiles_of(k->n_samples, TILE));
  replace<<<grid, dim3(TILE, ROWS), 0, stream>>>(*k, outliers);
  return SP_CUDA_LAUNCHED("another pass of fk_denoise");
}

/* --- guard ------------------------------------------------------------------------------------------------------- */

/* Sums of x r and r r over 25 samples, by five and five, of samples first ... first + n - 1: sums[n][pitch]. A block 32
 * nodes by a strip of samples. */
__global__ static void sum_times(const __grid_constant__ fkd_task k, uint32_t first, uint32_t n, float2 *sums) {
  __shared__ float2 fives[STRIP + 2 * REACH][TILE];
  const uint32_t node = blockIdx.x * TILE + threadIdx.x, t0 = first + blockIdx.y * STRIP;
  const int last = (int)k.n_samples - 1;
  for (uint32_t r = threadIdx.y; r < STRIP + 2 * REACH && node < k.n_nodes; r += ROWS) {
    float2 sum = make_float2(0, 0);
    for (int m = 0; m < FIVE; m++) {
      const int t = (int)(t0 + r) - REACH + m - FIVE / 2;
      const size_t at = (size_t)min(max(t, 0), last) * k.pitch + node;
      const float x = k.x[at], rest = x - k.y[at];
      sum.x += x * rest;
      sum.y += rest * rest;
    }
    fives[r][threadIdx.x] = sum;
  }
  __syncthreads();
  for (uint32_t r = threadIdx.y; r < STRIP && node < k.n_nodes; r += ROWS) {
    const uint32_t t = t0 + r;
    if (t >= first + n) break;
    float2 sum = fives[r][threadIdx.x];
    for (int m = 1; m < FIVE; m++) {
      sum.x += fives[r + m * FIVE][threadIdx.x].x;
      sum.y += fives[r + m * FIVE][threadIdx.x].y;
    }
    sums[(size_t)(t - first) * k.pitch + node] = sum;
  }
}

__device__ static uint32_t within(int i, uint32_t n) {
  return i < 0 ? 0 : i >= (int)n ? n - 1 : (uint32_t)i;
}

/* Sums over five lines, the ends repeated; of a box that is one line it is that line. */
__device__ static float2 sum_lines(const fkd_box &box, const float2 *plane, uint32_t i, uint32_t j) {
  const float2 *at = plane + box.first + j;
  if (box.n_i == 1) return *at;
  float2 sum = at[within((int)i - FIVE / 2, box.n_i) * box.n_j];
  for (int m = 1; m < FIVE; m++) {
    const float2 next = at[within((int)i + m - FIVE / 2, box.n_i) * box.n_j];
    sum.x += next.x;
    sum.y += next.y;
  }
  return sum;
}

/* x - rho (x - y) */
__device__ static float guarded(const fkd_task &k, const fkd_box &box, const float2 *plane, uint32_t node, uint32_t t) {
  const uint32_t i = (node - box.first) / box.n_j, j = (node - box.first) % box.n_j;
  float xr = 0, rr = 0;
  for (int m = 0; m < FIVE; m++) {
    const float2 sum = sum_lines(box, plane, i, within((int)j + m - FIVE / 2, box.n_j));
    xr += sum.x;
    rr += sum.y;
  }
  const size_t at = (size_t)t * k.pitch + node;
  float rho = rr > 0 ? xr / rr : 0;
  rho = rho < 0 ? 0 : rho > 1 ? 1 : rho;
  return k.y[at] + (1 - rho) * (k.x[at] - k.y[at]);
}

/* Samples first ... first + n - 1 to traces; those of boxes that are not filtered as they came, of dead traces 0. */
__global__ static void store(const __grid_constant__ fkd_task k, uint32_t first, uint32_t n, const float2 *sums) {
  __shared__ float tile[TILE][TILE + 1];
  const uint32_t node0 = blockIdx.x * TILE, r0 = blockIdx.y * TILE;
  for (uint32_t r = threadIdx.y; r < TILE; r += ROWS) {
    const uint32_t node = node0 + threadIdx.x;
    if (node >= k.n_nodes || r0 + r >= n || k.node_box[node] == FKD_NONE) continue;
    const fkd_box &box = k.boxes[k.node_box[node]];
    if (!fkd_is_filtered(box)) continue;
    tile[r][threadIdx.x] = guarded(k, box, sums + (size_t)(r0 + r) * k.pitch, node, first + r0 + r) * (1 / box.scale);
  }
  __syncthreads();
  for (uint32_t r = threadIdx.y; r < TILE; r += ROWS) {
    const uint32_t node = node0 + r, t = first + r0 + threadIdx.x;
    if (node >= k.n_nodes || r0 + threadIdx.x >= n || k.node_box[node] == FKD_NONE) continue;
    const uint32_t row = k.out_row[node];
    if (row == SP_CUDA_NO_ROW) continue;
    const fkd_box &box = k.boxes[k.node_box[node]];
    const size_t at = (size_t)row * k.n_samples + t;
    const bool too_short = k.gather_live[box.gather] < SP_FKD_LEAST_TRACES;
    const float as_it_was = k.rows[node] || too_short ? k.in[at] : 0;
    k.out[at] = fkd_is_filtered(box) && k.rows[node] ? tile[threadIdx.x][r] : as_it_was;
  }
}

sp_status fkd_launch_store(const fkd_task *k, cudaStream_t stream) {
  const size_t room = k->scratch_floats / 2 / k->pitch;
  const uint32_t most = room > k->n_samples ? k->n_samples : (uint32_t)room / STRIP * STRIP;
  float2 *sums = (float2 *)k->scratch;
  for (uint32_t first = 0; first < k->n_samples; first += most) {
    const uint32_t left = k->n_samples - first, n = left < most ? left : most;
    const unsigned across = tiles_of(k->n_nodes, TILE);
    sum_times<<<dim3(across, tiles_of(n, STRIP)), dim3(TILE, ROWS), 0, stream>>>(*k, first, n, sums);
    SP_TRY(SP_CUDA_LAUNCHED("sums of the guard of fk_denoise"));
    store<<<dim3(across, tiles_of(n, TILE)), dim3(TILE, ROWS), 0, stream>>>(*k, first, n, sums);
    SP_TRY(SP_CUDA_LAUNCHED("store of fk_denoise"));
  }
  return SP_SUCCESS;
}
