/* SPDX-License-Identifier: BSD-3-Clause */
/* fkk across traces on the GPU: from items to bins and back by tiles in shared memory, cells to planes and back, edges,
 * and the mask, which is computed in double where it is multiplied. */
#include "kernels/common/cuda_check.h"
#include "kernels/fkk/cuda_kernels.cuh"

static const unsigned TILE = 32, TILE_ROWS = 8, THREADS = 256;

/* out[column][row] = in[row][column], for a matrix of rows x columns whose rows are in_stride and out_stride apart. */
__global__ static void transpose(const sp_fk_complex *in, uint32_t rows, uint32_t columns, uint32_t in_stride,
                                 sp_fk_complex *out, uint32_t out_stride) {
  __shared__ sp_fk_complex tile[TILE][TILE + 1];
  const uint32_t first_column = blockIdx.x * TILE, first_row = blockIdx.y * TILE;
  for (unsigned i = threadIdx.y; i < TILE; i += TILE_ROWS) {
    const uint32_t row = first_row + i, column = first_column + threadIdx.x;
    if (row < rows && column < columns) tile[i][threadIdx.x] = in[(size_t)row * in_stride + column];
  }
  __syncthreads();
  for (unsigned i = threadIdx.y; i < TILE; i += TILE_ROWS) {
    const uint32_t column = first_column + i, row = first_row + threadIdx.x;
    if (row < rows && column < columns) out[(size_t)column * out_stride + row] = tile[threadIdx.x][i];
  }
}

/* The grid's y is short: rows go in pieces. */
static void launch_transpose(const sp_fk_complex *in, uint32_t rows, uint32_t columns, uint32_t in_stride,
                             sp_fk_complex *out, uint32_t out_stride, cudaStream_t stream) {
  const uint32_t most = 32768 * TILE;
  for (uint32_t first = 0; first < rows; first += most) {
    const uint32_t count = rows - first < most ? rows - first : most;
    const dim3 blocks((columns + TILE - 1) / TILE, (count + TILE - 1) / TILE), threads(TILE, TILE_ROWS);
    transpose<<<blocks, threads, 0, stream>>>(in + (size_t)first * in_stride, count, columns, in_stride, out + first,
                                              out_stride);
  }
}

sp_status sp_fkk_launch_by_bin(const sp_fk_complex *rows, uint32_t count, uint32_t stride, uint32_t first_bin,
                               uint32_t n_bins, sp_fk_complex *bins, cudaStream_t stream) {
  if (count == 0 || n_bins == 0) return SP_SUCCESS;
  launch_transpose(rows + first_bin, count, n_bins, stride, bins, count, stream);
  return SP_CUDA_LAUNCHED("fkk by bin");
}

/* Bins are few and items many: pieces of the other axis. */
__global__ static void transpose_back(const sp_fk_complex *bins, uint32_t count, uint32_t n_bins, sp_fk_complex *rows,
                                      uint32_t stride) {
  __shared__ sp_fk_complex tile[TILE][TILE + 1];
  const uint32_t first_item = blockIdx.x * TILE, first_bin = blockIdx.y * TILE;
  for (unsigned i = threadIdx.y; i < TILE; i += TILE_ROWS) {
    const uint32_t bin = first_bin + i, item = first_item + threadIdx.x;
    if (bin < n_bins && item < count) tile[i][threadIdx.x] = bins[(size_t)bin * count + item];
  }
  __syncthreads();
  for (unsigned i = threadIdx.y; i < TILE; i += TILE_ROWS) {
    const uint32_t item = first_item + i, bin = first_bin + threadIdx.x;
    if (bin < n_bins && item < count) rows[(size_t)item * stride + bin] = tile[threadIdx.x][i];
  }
}

sp_status sp_fkk_launch_by_item(const sp_fk_complex *bins, uint32_t count, uint32_t stride, uint32_t first_bin,
                                uint32_t n_bins, sp_fk_complex *rows, cudaStream_t stream) {
  if (count == 0 || n_bins == 0) return SP_SUCCESS;
  const dim3 blocks((count + TILE - 1) / TILE, (n_bins + TILE - 1) / TILE), threads(TILE, TILE_ROWS);
  transpose_back<<<blocks, threads, 0, stream>>>(bins, count, n_bins, rows + first_bin, stride);
  return SP_CUDA_LAUNCHED("fkk by item");
}

/* --- cells and planes --------------------------------------------------------------------------------------------- */

__device__ static size_t place_of(const sp_fkk_plane &p, uint32_t item) {
  const uint32_t cell = p.cell[item], ny = p.y.n;
  return (size_t)(cell / ny) * p.y.padded + cell % ny;
}

__device__ static size_t plane_points(const sp_fkk_plane &p) {
  return (size_t)p.x.padded * p.y.padded;
}

__global__ static void load(const sp_fkk_plane p, const sp_fk_complex *bins, uint32_t first, uint32_t count,
                            sp_fk_complex *planes) {
  const uint32_t i = blockIdx.x * THREADS + threadIdx.x;
  if (i >= count) return;
  planes[blockIdx.y * plane_points(p) + place_of(p, first + i)] = bins[(size_t)blockIdx.y * count + i];
}

sp_status sp_fkk_launch_load(const sp_fkk_plane *plane, const sp_fk_complex *bins, uint32_t first, uint32_t count,
                             uint32_t n_planes, sp_fk_complex *planes, cudaStream_t stream) {
  if (count == 0 || n_planes == 0) return SP_SUCCESS;
  load<<<dim3((count + THREADS - 1) / THREADS, n_planes), THREADS, 0, stream>>>(*plane, bins, first, count, planes);
  return SP_CUDA_LAUNCHED("fkk load");
}

__global__ static void store(const sp_fkk_plane p, const sp_fk_complex *planes, uint32_t first, uint32_t count,
                             sp_fk_complex *bins) {
  const uint32_t i = blockIdx.x * THREADS + threadIdx.x;
  if (i >= count) return;
  bins[(size_t)blockIdx.y * count + i] = planes[blockIdx.y * plane_points(p) + place_of(p, first + i)];
}

sp_status sp_fkk_launch_store(const sp_fkk_plane *plane, const sp_fk_complex *planes, uint32_t first, uint32_t count,
                              uint32_t n_planes, sp_fk_complex *bins, cudaStream_t stream) {
  if (count == 0 || n_planes == 0) return SP_SUCCESS;
  store<<<dim3((count + THREADS - 1) / THREADS, n_planes), THREADS, 0, stream>>>(*plane, planes, first, count, bins);
  return SP_CUDA_LAUNCHED("fkk store");
}

/* --- edges -------------------------------------------------------------------------------------------------------- */

/* A point of an axis as up to two weighted points of its data. */
struct mix {
  uint32_t at[2];
  float weight[2];
};

__device__ static mix mix_of(const sp_fk_axis &a, uint32_t i) {
  mix m = {{i, 0}, {1, 0}};
  if (i < a.n) return m;
  const uint32_t from_end = i - a.n, from_start = a.padded - 1 - i;
  m.at[0] = a.n - 1;
  m.weight[0] = a.n > 1 && from_end < a.reach ? a.weight[from_end] : 0;
  m.weight[1] = a.n > 1 && from_start < a.reach ? a.weight[from_start] : 0;
  return m;
}

__device__ static sp_fk_complex blend(const sp_fk_complex &a, float wa, const sp_fk_complex &b, float wb) {
  return sp_fk_complex{a.re * wa + b.re * wb, a.im * wa + b.im * wb};
}

/* Along x first, then y, from data alone: no point of the pad reads another. */
__global__ static void extend(const sp_fkk_plane p, sp_fk_complex *planes) {
  const uint32_t i = blockIdx.x * THREADS + threadIdx.x, my = p.y.padded;
  if (i >= p.x.padded * my) return;
  const uint32_t jx = i / my, jy = i % my;
  if (jx < p.x.n && jy < p.y.n) return;
  sp_fk_complex *plane = planes + blockIdx.y * plane_points(p);
  const mix x = mix_of(p.x, jx), y = mix_of(p.y, jy);
  sp_fk_complex along[2];
  for (int k = 0; k < 2; k++) {
    along[k] =
        blend(plane[(size_t)x.at[0] * my + y.at[k]], x.weight[0], plane[(size_t)x.at[1] * my + y.at[k]], x.weight[1]);
  }
  plane[i] = blend(along[0], y.weight[0], along[1], y.weight[1]);
}

sp_status sp_fkk_launch_extend(const sp_fkk_plane *plane, uint32_t n_planes, sp_fk_complex *planes,
                               cudaStream_t stream) {
  const uint32_t points = plane->x.padded * plane->y.padded;
  extend<<<dim3((points + THREADS - 1) / THREADS, n_planes), THREADS, 0, stream>>>(*plane, planes);
  return SP_CUDA_LAUNCHED("fkk extend");
}

/* --- the mask ----------------------------------------------------------------------------------------------------- */

__global__ static void multiply(const sp_fkk_plane p, const sp_fk_zone zone, uint32_t first_bin, double scale,
                                sp_fk_complex *planes) {
  const uint32_t i = blockIdx.x * THREADS + threadIdx.x, my = p.y.padded;
  if (i >= p.x.padded * my) return;
  const sp_fk_slice slice = sp_fk_slice_at(&zone, &p.grid, first_bin + blockIdx.y);
  const float mask = (float)(sp_fk_removed_share(&zone, &p.grid, &slice, i / my, i % my) * scale);
  sp_fk_complex *at = &planes[blockIdx.y * plane_points(p) + i];
  at->re *= mask;
  at->im *= mask;
}

sp_status sp_fkk_launch_mask(const sp_fkk_plane *plane, const sp_fk_zone *zone, uint32_t first_bin, uint32_t n_planes,
                             sp_fk_complex *planes, cudaStream_t stream) {
  const uint32_t points = plane->x.padded * plane->y.padded;
  const double scale = 1.0 / ((double)plane->x.padded * plane->y.padded);
  multiply<<<dim3((points + THREADS - 1) / THREADS, n_planes), THREADS, 0, stream>>>(*plane, *zone, first_bin, scale,
                                                                                     planes);
  return SP_CUDA_LAUNCHED("fkk mask");
}
