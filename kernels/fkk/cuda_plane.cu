/* SPDX-License-Identifier: BSD-3-Clause */
/* fkk across traces on the GPU, in three passes over a plane, with transforms in shared memory (cuda_fft.cuh):
 *
 *   rows     cells of the rows of x that there are, from items; edges along y; transformed along y
 *   columns  edges along x; transformed along x, the mask, and back, for a few neighbouring wave numbers of y
 *   rows     back along y, and to items
 *
 * Rows that only pad x are never stored: their content follows from the edge's rows, since a transform along y is
 * linear. Along y points stay in the order of the transform, reversed digits, which the columns look up. The mask is
 * computed in double where it is multiplied, but for the share of a sector, which is the same in all planes. */
#include "kernels/common/cuda_check.h"
#include "kernels/fkk/cuda_kernels.cuh"

enum { MOST_BYTES = 224 << 10, LONGEST = MOST_BYTES / sizeof(fft_complex), RADIX = 15, TILE = 32, TILE_ROWS = 8 };

/* --- items and bins ----------------------------------------------------------------------------------------------- */

/* out[column][row] = in[row][column], for a matrix of rows x columns whose rows are in_stride and out_stride apart. */
__global__ static void transpose(const sp_fk_complex *in, uint32_t rows, uint32_t columns, size_t in_stride,
                                 sp_fk_complex *out, size_t out_stride) {
  __shared__ sp_fk_complex tile[TILE][TILE + 1];
  const uint32_t first_column = blockIdx.x * TILE, first_row = blockIdx.y * TILE;
  for (unsigned i = threadIdx.y; i < TILE; i += TILE_ROWS) {
    const uint32_t row = first_row + i, column = first_column + threadIdx.x;
    if (row < rows && column < columns) tile[i][threadIdx.x] = in[row * in_stride + column];
  }
  __syncthreads();
  for (unsigned i = threadIdx.y; i < TILE; i += TILE_ROWS) {
    const uint32_t column = first_column + i, row = first_row + threadIdx.x;
    if (row < rows && column < columns) out[column * out_stride + row] = tile[threadIdx.x][i];
  }
}

static dim3 tiles(uint32_t rows, uint32_t columns) {
  return dim3((columns + TILE - 1) / TILE, (rows + TILE - 1) / TILE);
}

sp_status sp_fkk_launch_select(const sp_fk_time_axis *axis, const sp_fkk_slab *slab, sp_fk_complex *bins, size_t items,
                               cudaStream_t stream) {
  const sp_fk_complex *spectra = (const sp_fk_complex *)slab->padded + axis->first_bin;
  transpose<<<tiles(slab->count, axis->n_bins), dim3(TILE, TILE_ROWS), 0, stream>>>(spectra, slab->count, axis->n_bins,
                                                                                    slab->stride / 2, bins, items);
  return SP_CUDA_LAUNCHED("fkk select");
}

sp_status sp_fkk_launch_place(const sp_fk_time_axis *axis, const sp_fkk_slab *slab, const sp_fk_complex *bins,
                              size_t items, cudaStream_t stream) {
  sp_fk_complex *spectra = (sp_fk_complex *)slab->padded;
  SP_TRY(SP_CUDA(cudaMemsetAsync(slab->padded, 0, (size_t)slab->count * slab->stride * sizeof *slab->padded, stream)));
  if (axis->n_bins == 0) return SP_SUCCESS;
  transpose<<<tiles(axis->n_bins, slab->count), dim3(TILE, TILE_ROWS), 0, stream>>>(
      bins, axis->n_bins, slab->count, items, spectra + axis->first_bin, slab->stride / 2);
  return SP_CUDA_LAUNCHED("fkk place");
}

/* --- rows --------------------------------------------------------------------------------------------------------- */

/* Where the bin of an item lies: among this member's own, or among what the others have sent. */
__device__ static fft_complex *place_of(const sp_fkk_plane &p, const sp_fkk_bins &b, uint32_t item, uint32_t bin) {
  const uint32_t member = item / p.block, first = member * p.block, count = min(p.block, p.n_items - first);
  sp_fk_complex *from = member == p.rank ? b.own : b.others + (size_t)b.own_bins * first;
  return (fft_complex *)(from + (size_t)(b.first + bin) * count + (item - first));
}

__device__ static void add_scaled(fft_complex *to, fft_complex from, float weight) {
  to->re += from.re * weight;
  to->im += from.im * weight;
}

/* The decaying edges of `batch` lines. A thread has both ends of its step: where the pad is one point they meet there.
 */
__device__ static void extend(const sp_fk_axis &a, uint32_t batch, fft_complex *x) {
  if (a.n == 1) return;
  for (uint32_t u = threadIdx.x; u < a.reach * batch; u += blockDim.x) {
    const uint32_t b = u / a.reach, j = u - b * a.reach;
    fft_complex *line = x + (size_t)b * a.padded;
    add_scaled(&line[a.n + j], line[a.n - 1], a.weight[j]);
    add_scaled(&line[a.padded - 1 - j], line[0], a.weight[j]);
  }
}

template <int ROWS, int THREADS, int BLOCKS>
__global__ static void __launch_bounds__(THREADS, BLOCKS)
    rows_forward(const __grid_constant__ sp_fkk_plane p, const sp_fkk_bins bins, fft_complex *planes) {
  extern __shared__ fft_complex x[];
  const uint32_t nx = p.x.n, ny = p.y.n, my = p.y.padded, first = blockIdx.x * ROWS, rows = min(ROWS, nx - first);
  for (uint32_t b = 0; b < rows; b++) {
    const uint32_t *items = p.item + (size_t)(first + b) * ny;
    for (uint32_t j = threadIdx.x; j < my; j += THREADS) {
      const uint32_t item = j < ny ? items[j] : SP_FKK_NO_ITEM;
      x[b * my + j] = item == SP_FKK_NO_ITEM ? fft_complex{0, 0} : *place_of(p, bins, item, blockIdx.y);
    }
  }
  __syncthreads();
  extend(p.y, rows, x);
  __syncthreads();
  fft_forward<RADIX>(p.fft_y, rows, my, x);
  fft_complex *plane = planes + (size_t)blockIdx.y * nx * my + (size_t)first * my;
  for (uint32_t i = threadIdx.x; i < rows * my; i += THREADS) plane[i] = x[i];
}

/* What comes in has real and imaginary part changed over, what goes out not. */
template <int ROWS, int THREADS, int BLOCKS>
__global__ static void __launch_bounds__(THREADS, BLOCKS)
    rows_back(const __grid_constant__ sp_fkk_plane p, const sp_fkk_bins bins, fft_complex *planes) {
  extern __shared__ fft_complex x[];
  const uint32_t nx = p.x.n, ny = p.y.n, my = p.y.padded, first = blockIdx.x * ROWS, rows = min(ROWS, nx - first);
  const fft_complex *plane = planes + (size_t)blockIdx.y * nx * my + (size_t)first * my;
  for (uint32_t i = threadIdx.x; i < rows * my; i += THREADS) x[i] = plane[i];
  __syncthreads();
  fft_inverse<RADIX>(p.fft_y, rows, my, x);
  for (uint32_t b = 0; b < rows; b++) {
    const uint32_t *items = p.item + (size_t)(first + b) * ny;
    for (uint32_t j = threadIdx.x; j < ny; j += THREADS) {
      const uint32_t item = items[j];
      const fft_complex z = x[b * my + j];
      if (item != SP_FKK_NO_ITEM) *place_of(p, bins, item, blockIdx.y) = fft_complex{z.im, z.re};
    }
  }
}

/* --- columns ------------------------------------------------------------------------------------------------------ */

__device__ static fft_complex masked(fft_complex x, float mask) {
  return fft_complex{x.im * mask, x.re * mask}; /* changed over for the way back */
}

/* Where the sign of kx, ky or f means nothing, a sector that does not count both ways is a mean (zone.h). */
__device__ static bool has_sign(const sp_fkk_plane &p, const sp_fk_slice &s, uint32_t jx, uint32_t jy) {
  return p.zone.two_sided || !(s.both_signs || 2 * jx == p.grid.mx || 2 * jy == p.grid.my);
}

/* What a share of the velocity, which is the same on both sides of kx = 0, comes to at a point. */
__device__ static double share_at(const sp_fkk_plane &p, const sp_fk_slice &s, double share, uint32_t jx, uint32_t jy) {
  if (p.sector && !has_sign(p, s, jx, jy)) return sp_fk_removed_share(&p.zone, &p.grid, &s, jx, jy);
  if (p.sector && share > 0) share *= p.sector[(size_t)jy * p.grid.mx + jx];
  return s.share * (p.zone.pass ? 1 - share : share);
}

__global__ static void fill_sector(const __grid_constant__ sp_fkk_plane p, double *sector) {
  const uint32_t jx = blockIdx.x * blockDim.x + threadIdx.x, jy = blockIdx.y;
  const sp_fk_slice s = sp_fk_slice_at(&p.zone, &p.grid, 1);
  const double kx = sp_fk_wave_number(jx, p.grid.mx, s.step_x), ky = sp_fk_wave_number(jy, p.grid.my, s.step_y);
  if (jx < p.grid.mx) sector[(size_t)jy * p.grid.mx + jx] = sp_fk_sector_share(&p.zone, kx, ky, kx * kx + ky * ky);
}

/* `count` columns from `first` on; the threads of a column's points are neighbours. With images each point is by
 * itself, else a thread takes those on both sides of kx = 0. */
__device__ static void multiply(const sp_fkk_plane &p, const sp_fk_slice &s, uint32_t first, uint32_t count,
                                fft_complex *x) {
  const uint32_t mx = p.x.padded, points = p.zone.aliases ? mx : mx / 2 + 1;
  const double scale = 1.0 / ((double)mx * p.y.padded);
  for (uint32_t u = threadIdx.x; u < points * count; u += blockDim.x) {
    const uint32_t c = u / points, j = u - c * points, jy = p.wave_y[first + c];
    fft_complex *column = x + (size_t)c * mx, *at = column + p.fft_x.position[j];
    if (p.zone.aliases) {
      *at = masked(*at, (float)(sp_fk_removed_share(&p.zone, &p.grid, &s, j, jy) * scale));
      continue;
    }
    const double kx = sp_fk_wave_number(j, mx, s.step_x), ky = sp_fk_wave_number(jy, p.y.padded, s.step_y);
    const double share = sp_fk_velocity_share_of_square(&p.zone, &s, kx * kx + ky * ky);
    *at = masked(*at, (float)(share_at(p, s, share, j, jy) * scale));
    if (j == 0 || 2 * j == mx) continue;
    at = column + p.fft_x.position[mx - j];
    *at = masked(*at, (float)(share_at(p, s, share, mx - j, jy) * scale));
  }
}

template <int COLUMNS, int THREADS, int BLOCKS>
__global__ static void __launch_bounds__(THREADS, BLOCKS)
    filter_columns(const __grid_constant__ sp_fkk_plane p, uint32_t first_bin, fft_complex *planes) {
  extern __shared__ fft_complex x[];
  __shared__ sp_fk_slice slice;
  const uint32_t nx = p.x.n, mx = p.x.padded, my = p.y.padded, first = blockIdx.x * COLUMNS;
  const uint32_t c = threadIdx.x % COLUMNS, step = THREADS / COLUMNS;
  fft_complex *plane = planes + (size_t)blockIdx.y * nx * my + first + c, *column = x + (size_t)c * mx;
  const bool there = first + c < my;
  if (threadIdx.x == 0) slice = sp_fk_slice_at(&p.zone, &p.grid, first_bin + blockIdx.y);
#pragma unroll 4
  for (uint32_t j = threadIdx.x / COLUMNS; j < mx; j += step) {
    column[j] = there && j < nx ? plane[(size_t)j * my] : fft_complex{0, 0};
  }
  __syncthreads();
  extend(p.x, COLUMNS, x);
  __syncthreads();
  fft_forward<RADIX>(p.fft_x, COLUMNS, mx, x);
  multiply(p, slice, first, min(COLUMNS, my - first), x);
  __syncthreads();
  fft_inverse<RADIX>(p.fft_x, COLUMNS, mx, x);
#pragma unroll 4
  for (uint32_t j = threadIdx.x / COLUMNS; j < nx; j += step) {
    if (there) plane[(size_t)j * my] = column[j];
  }
}

/* --- launches ----------------------------------------------------------------------------------------------------- */

typedef void row_kernel(const sp_fkk_plane plane, const sp_fkk_bins bins, fft_complex *planes);
typedef void column_kernel(const sp_fkk_plane plane, uint32_t first_bin, fft_complex *planes);

/* For lines up to `longest`: lines a block, and threads. */
typedef struct line_shape {
  row_kernel *forward, *back;
  column_kernel *columns;
  uint32_t longest, lines;
  unsigned threads;
} line_shape;

#define SHAPE(longest, lines, threads, blocks)                                                                         \
  {                                                                                                                    \
    rows_forward<lines, threads, blocks>, rows_back<lines, threads, blocks>, filter_columns<lines, threads, blocks>,   \
        longest, lines, threads                                                                                        \
  }

static const line_shape *shape_for(uint32_t length) {
  static const line_shape shapes[] = {SHAPE(512, 8, 128, 6),  SHAPE(1024, 8, 256, 3), SHAPE(2048, 4, 256, 3),
                                      SHAPE(4608, 2, 256, 3), SHAPE(7168, 2, 512, 1), SHAPE(LONGEST, 1, 512, 1)};
  int i = 0;
  while (shapes[i].longest < length) i++;
  return &shapes[i];
}

static size_t shared_bytes(const line_shape *shape, uint32_t length) {
  return shape->lines * length * sizeof(fft_complex);
}

static sp_status let(const void *kernel, const line_shape *shape, uint32_t length) {
  return SP_CUDA(
      cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)shared_bytes(shape, length)));
}

bool sp_fkk_has_kernel(uint32_t mx, uint32_t my) {
  return mx <= LONGEST && my <= LONGEST;
}

sp_status sp_fkk_prepare_planes(const sp_fkk_plane *p) {
  const line_shape *rows = shape_for(p->y.padded), *columns = shape_for(p->x.padded);
  SP_TRY(let((const void *)rows->forward, rows, p->y.padded));
  SP_TRY(let((const void *)rows->back, rows, p->y.padded));
  return let((const void *)columns->columns, columns, p->x.padded);
}

sp_status sp_fkk_launch_sector(const sp_fkk_plane *p, double *sector, cudaStream_t stream) {
  enum { THREADS = 128 };
  fill_sector<<<dim3((p->grid.mx + THREADS - 1) / THREADS, p->grid.my), THREADS, 0, stream>>>(*p, sector);
  return SP_CUDA_LAUNCHED("fkk sector");
}

sp_status sp_fkk_launch_planes(const sp_fkk_plane *p, const sp_fkk_bins *bins, uint32_t first_bin, uint32_t count,
                               sp_fk_complex *planes, cudaStream_t stream) {
  const uint32_t nx = p->x.n, mx = p->x.padded, my = p->y.padded;
  const line_shape *rows = shape_for(my), *columns = shape_for(mx);
  const dim3 row_grid((nx + rows->lines - 1) / rows->lines, count);
  const dim3 column_grid((my + columns->lines - 1) / columns->lines, count);
  fft_complex *at = (fft_complex *)planes;
  rows->forward<<<row_grid, rows->threads, shared_bytes(rows, my), stream>>>(*p, *bins, at);
  SP_TRY(SP_CUDA_LAUNCHED("fkk rows"));
  columns->columns<<<column_grid, columns->threads, shared_bytes(columns, mx), stream>>>(*p, first_bin, at);
  SP_TRY(SP_CUDA_LAUNCHED("fkk columns"));
  rows->back<<<row_grid, rows->threads, shared_bytes(rows, my), stream>>>(*p, *bins, at);
  return SP_CUDA_LAUNCHED("fkk rows back");
}
