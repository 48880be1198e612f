/* SPDX-License-Identifier: BSD-3-Clause */
/* fkk across traces on the GPU, in three passes over a plane, with transforms in shared memory (cuda_fft.cuh):
 *
 *   rows     cells of the rows of x that there are, from items; edges along y; transformed along y
 *   columns  edges along x; transformed along x, the mask (cuda_mask.cuh), and back, for a few neighbouring wave
 *            numbers of y
 *   rows     back along y, and to items
 *
 * Shared memory bounds all three, so what can be left out of it is: the first pass of a transform takes its points from
 * where they are, edges included, the last one back takes them where they go, and between the last one along x and the
 * first one back the points stay in registers for the mask. Rows that only pad x are never stored: their content
 * follows from the edge's rows, since a transform along y is linear. Along y points stay in the order of the transform,
 * reversed digits, which the columns look up. */
#include "kernels/common/cuda_check.h"
#include "kernels/fkk/cuda_mask.cuh"

enum { MOST_BYTES = 224 << 10, LONGEST = MOST_BYTES / sizeof(fft_complex), TILE = 32, TILE_ROWS = 8 };
enum { RADIX = SP_FKK_LINE_RADIX };

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

/* --- lines -------------------------------------------------------------------------------------------------------- */

/* Point j of a line behind its n points: the decaying edges, from both sides. */
__device__ static fft_complex padding(const sp_fk_axis &a, uint32_t j, fft_complex first, fft_complex last) {
  fft_complex x = {0, 0};
  if (a.n == 1) return x;
  const uint32_t after = j - a.n, before = a.padded - 1 - j;
  if (after < a.reach) x = fft_complex{last.re * a.weight[after], last.im * a.weight[after]};
  if (before < a.reach) {
    x.re += first.re * a.weight[before];
    x.im += first.im * a.weight[before];
  }
  return x;
}

/* Where the bin of an item lies: among this member's own, or among what the others have sent. */
__device__ static fft_complex *place_of(const sp_fkk_plane &p, const sp_fkk_bins &b, uint32_t item, uint32_t bin) {
  if (p.block >= p.n_items) return (fft_complex *)(b.own + (size_t)(b.first + bin) * p.n_items + item);
  const uint32_t member = item / p.block, first = member * p.block, count = min(p.block, p.n_items - first);
  sp_fk_complex *from = member == p.rank ? b.own : b.others + (size_t)b.own_bins * first;
  return (fft_complex *)(from + (size_t)(b.first + bin) * count + (item - first));
}

__device__ static fft_complex cell_of(const sp_fkk_plane &p, const sp_fkk_bins &b, uint32_t item, uint32_t bin) {
  return item == SP_FKK_NO_ITEM ? fft_complex{0, 0} : *place_of(p, b, item, bin);
}

/* --- rows --------------------------------------------------------------------------------------------------------- */

/* Points j, j + each, ... of the row whose cells have `items`, with its edges. */
template <int R>
__device__ static inline void gather_row(const sp_fkk_plane &p, const sp_fkk_bins &b, const uint32_t *items, uint32_t j,
                                         uint32_t each, fft_complex *z) {
  const uint32_t ny = p.y.n, bin = blockIdx.y;
  uint32_t item[R];
#pragma unroll
  for (int i = 0; i < R; i++) item[i] = j + i * each < ny ? items[j + i * each] : SP_FKK_NO_ITEM;
#pragma unroll
  for (int i = 0; i < R; i++) z[i] = cell_of(p, b, item[i], bin);
  if (p.y.reach == 0 || j + (R - 1) * each < ny) return;
  const fft_complex first = cell_of(p, b, items[0], bin), last = cell_of(p, b, items[ny - 1], bin);
#pragma unroll
  for (int i = 0; i < R; i++) {
    if (j + i * each >= ny) z[i] = padding(p.y, j + i * each, first, last);
  }
}

template <int ROWS, int THREADS, int BLOCKS>
__global__ static void __launch_bounds__(THREADS, BLOCKS)
    rows_forward(const __grid_constant__ sp_fkk_plane p, const sp_fkk_bins bins, fft_complex *planes) {
  extern __shared__ fft_complex x[];
  const cuda_fft &f = p.fft_y;
  const uint32_t first = blockIdx.x * ROWS, rows = min(ROWS, p.x.n - first), room = fft_room(f);
  const uint32_t *items = p.item + (size_t)first * p.y.n;
  if (f.n_passes == 0) {
    if (threadIdx.x < rows) x[threadIdx.x] = cell_of(p, bins, items[threadIdx.x], blockIdx.y);
  } else {
    fft_by_radix<RADIX>(f.radix[0], [&](auto r) {
      constexpr int R = decltype(r)::value;
      const uint32_t each = f.n / R;
      for (uint32_t u = threadIdx.x; u < each * rows; u += THREADS) {
        const uint32_t t = fft_quotient(u, each, f.per_line[0]), j = u - t * each;
        fft_complex z[R], *at = x + t * room + fft_place(f, j);
        gather_row<R>(p, bins, items + (size_t)t * p.y.n, j, each, z);
        fft_turned<R, false>(f, 1, each, j, z);
#pragma unroll
        for (int i = 0; i < R; i++) at[i * f.step[0]] = z[i];
      }
    });
  }
  __syncthreads();
  fft_forward_passes<RADIX>(f, 1, f.n_passes, rows, room, x);
  fft_complex *to = planes + ((size_t)blockIdx.y * p.x.n + first) * p.stride;
  for (uint32_t b = 0; b < rows; b++, to += p.stride) {
    for (uint32_t j = threadIdx.x; j < f.n; j += THREADS) to[j] = x[b * room + fft_place(f, j)];
  }
}

/* What comes in has real and imaginary part changed over, what goes out not. */
__device__ static void put_cell(const sp_fkk_plane &p, const sp_fkk_bins &b, uint32_t item, fft_complex z) {
  if (item != SP_FKK_NO_ITEM) *place_of(p, b, item, blockIdx.y) = fft_complex{z.im, z.re};
}

template <int ROWS, int THREADS, int BLOCKS>
__global__ static void __launch_bounds__(THREADS, BLOCKS)
    rows_back(const __grid_constant__ sp_fkk_plane p, const sp_fkk_bins bins, fft_complex *planes) {
  extern __shared__ fft_complex x[];
  const cuda_fft &f = p.fft_y;
  const uint32_t ny = p.y.n, first = blockIdx.x * ROWS, rows = min(ROWS, p.x.n - first), room = fft_room(f);
  const uint32_t *items = p.item + (size_t)first * ny;
  const fft_complex *from = planes + ((size_t)blockIdx.y * p.x.n + first) * p.stride;
  for (uint32_t b = 0; b < rows; b++, from += p.stride) {
    for (uint32_t j = threadIdx.x; j < f.n; j += THREADS) x[b * room + fft_place(f, j)] = from[j];
  }
  __syncthreads();
  if (f.n_passes == 0) {
    if (threadIdx.x < rows) put_cell(p, bins, items[threadIdx.x], x[threadIdx.x]);
    return;
  }
  fft_inverse_passes<RADIX>(f, 1, f.n_passes, 1, rows, room, x);
  fft_by_radix<RADIX>(f.radix[0], [&](auto r) {
    constexpr int R = decltype(r)::value;
    const uint32_t each = f.n / R;
    for (uint32_t u = threadIdx.x; u < each * rows; u += THREADS) {
      const uint32_t t = fft_quotient(u, each, f.per_line[0]), j = u - t * each;
      fft_complex z[R];
      const fft_complex *at = x + t * room + fft_place(f, j);
#pragma unroll
      for (int i = 0; i < R; i++) z[i] = at[i * f.step[0]];
      fft_turned<R, true>(f, 1, each, j, z);
#pragma unroll
      for (int i = 0; i < R; i++) {
        if (j + i * each < ny) put_cell(p, bins, items[(size_t)t * ny + j + i * each], z[i]);
      }
    }
  });
}

/* --- columns ------------------------------------------------------------------------------------------------------ */

/* Numbers from column to column: so that threads of neighbouring columns and points meet different banks. */
__host__ __device__ static inline uint32_t column_room(uint32_t room, uint32_t columns) {
  const uint32_t apart = 16 / columns;
  return columns == 1 ? room : room + (3 * apart - room % (2 * apart)) % (2 * apart);
}

/* A column of a plane: neighbouring threads have neighbouring columns, the same one all along. */
struct column {
  fft_complex *plane, *x; /* its first point, there and in shared memory */
  uint32_t begin, apart;  /* points of this thread */
  fft_complex first, last;
};

__device__ static inline fft_complex column_point(const sp_fkk_plane &p, const column &c, uint32_t j) {
  return j < p.x.n ? c.plane[(size_t)j * p.stride] : padding(p.x, j, c.first, c.last);
}

/* From the plane through the first pass, or as they are where there is one pass at most. */
__device__ static inline void load_column(const sp_fkk_plane &p, const column &c) {
  const cuda_fft &f = p.fft_x;
  if (f.n_passes < 2) {
    for (uint32_t j = c.begin; j < f.n; j += c.apart) c.x[fft_place(f, j)] = column_point(p, c, j);
    return;
  }
  fft_by_radix<RADIX>(f.radix[0], [&](auto r) {
    constexpr int R = decltype(r)::value;
    const uint32_t each = f.n / R;
    for (uint32_t j = c.begin; j < each; j += c.apart) {
      fft_complex z[R], *at = c.x + fft_place(f, j);
#pragma unroll
      for (int i = 0; i < R; i++) z[i] = column_point(p, c, j + i * each);
      fft_turned<R, false>(f, 1, each, j, z);
#pragma unroll
      for (int i = 0; i < R; i++) at[i * f.step[0]] = z[i];
    }
  });
}

__device__ static inline void store_column(const sp_fkk_plane &p, const column &c) {
  const cuda_fft &f = p.fft_x;
  if (f.n_passes < 2) {
    for (uint32_t j = c.begin; j < p.x.n; j += c.apart) c.plane[(size_t)j * p.stride] = c.x[fft_place(f, j)];
    return;
  }
  fft_by_radix<RADIX>(f.radix[0], [&](auto r) {
    constexpr int R = decltype(r)::value;
    const uint32_t each = f.n / R;
    for (uint32_t j = c.begin; j < each; j += c.apart) {
      fft_complex z[R];
      const fft_complex *at = c.x + fft_place(f, j);
#pragma unroll
      for (int i = 0; i < R; i++) z[i] = at[i * f.step[0]];
      fft_turned<R, true>(f, 1, each, j, z);
#pragma unroll
      for (int i = 0; i < R; i++) {
        if (j + i * each < p.x.n) c.plane[(size_t)(j + i * each) * p.stride] = z[i];
      }
    }
  });
}

/* Changed over for the way back. */
__device__ static inline fft_complex masked(fft_complex x, float mask) {
  return fft_complex{x.im * mask, x.re * mask};
}

/* The mask of points that are all the way through, for `count` columns from `first` on. */
__device__ static inline void mask_in_double(const sp_fkk_plane &p, const plane_mask &m, uint32_t first, uint32_t count,
                                             uint32_t room, fft_complex *x) {
  const uint32_t mx = p.x.padded;
  for (uint32_t u = threadIdx.x; u < mx * count; u += blockDim.x) {
    const uint32_t c = u / mx, j = u - c * mx;
    fft_complex *at = x + c * room + fft_place(p.fft_x, p.fft_x.position[j]);
    *at = masked(*at, m.scale * removed_in_double(p, m, j, p.wave_y[first + c]));
  }
  __syncthreads();
}

/* The last pass along x, the mask and the first pass back, for `count` columns from `first` on. */
__device__ static inline void mask_between_passes(const sp_fkk_plane &p, const plane_mask &m, uint32_t first,
                                                  uint32_t count, uint32_t room, fft_complex *x) {
  const cuda_fft &f = p.fft_x;
  const uint32_t pass = f.n_passes - 1;
  fft_by_radix<RADIX>(f.radix[pass], [&](auto r) {
    constexpr int R = decltype(r)::value;
    const uint32_t each = f.n / R;
    for (uint32_t u = threadIdx.x; u < each * count; u += blockDim.x) {
      const uint32_t c = fft_quotient(u, each, f.per_line[pass]), place = (u - c * each) * R;
      const uint32_t jx = p.wave_x[place];
      const float ky2 = square_of_column(p, m, first + c);
      fft_complex z[R], *at = x + c * room + fft_place(f, place);
#pragma unroll
      for (int i = 0; i < R; i++) z[i] = at[i];
      fft_small(z, R);
#pragma unroll
      for (int i = 0; i < R; i++) z[i] = masked(z[i], mask_at(p, m, first + c, ky2, place + i, jx + i * each));
      fft_small(z, R);
#pragma unroll
      for (int i = 0; i < R; i++) at[i] = z[i];
    }
  });
  __syncthreads();
}

/* From the passes of load_column to those of store_column. */
__device__ static inline void filter_lines(const sp_fkk_plane &p, const plane_mask &m, uint32_t first, uint32_t count,
                                           uint32_t room, fft_complex *x) {
  const cuda_fft &f = p.fft_x;
  const bool between = f.n_passes > 0 && !m.in_double;
  const uint32_t begin = f.n_passes < 2 ? 0 : 1, end = f.n_passes - between;
  fft_forward_passes<RADIX>(f, begin, end, count, room, x);
  if (between) {
    mask_between_passes(p, m, first, count, room, x);
  } else {
    mask_in_double(p, m, first, count, room, x);
  }
  fft_inverse_passes<RADIX>(f, begin, end, between ? f.radix[end] : 1, count, room, x);
}

template <int COLUMNS, int THREADS, int BLOCKS>
__global__ static void __launch_bounds__(THREADS, BLOCKS)
    filter_columns(const __grid_constant__ sp_fkk_plane p, uint32_t first_bin, fft_complex *planes) {
  extern __shared__ fft_complex x[];
  __shared__ plane_mask mask;
  const uint32_t first = blockIdx.x * COLUMNS, count = min(COLUMNS, p.y.padded - first);
  const uint32_t mine = threadIdx.x % COLUMNS, room = column_room(fft_room(p.fft_x), COLUMNS);
  column c = {planes + (size_t)blockIdx.y * p.x.n * p.stride + first + mine, x + mine * room, threadIdx.x / COLUMNS,
              THREADS / COLUMNS};
  if (threadIdx.x == 0) set_mask(p, first_bin + blockIdx.y, &mask);
  if (mine < count) {
    if (p.x.reach > 0) {
      c.first = c.plane[0];
      c.last = c.plane[(size_t)(p.x.n - 1) * p.stride];
    }
    load_column(p, c);
  }
  __syncthreads();
  filter_lines(p, mask, first, count, room, x);
  if (mine < count) store_column(p, c);
}

__global__ static void fill_sector(const __grid_constant__ sp_fkk_plane p, float *sector) {
  const uint32_t place = blockIdx.x * blockDim.x + threadIdx.x, column = blockIdx.y;
  if (place < p.grid.mx) sector[(size_t)column * p.grid.mx + place] = sector_at(p, place, column);
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

static size_t shared_bytes(const line_shape *shape, const cuda_fft *f) {
  return shape->lines * column_room(fft_room(*f), shape->lines) * sizeof(fft_complex);
}

static sp_status let(const void *kernel, const line_shape *shape, const cuda_fft *f) {
  return SP_CUDA(
      cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)shared_bytes(shape, f)));
}

bool sp_fkk_has_kernel(uint32_t mx, uint32_t my) {
  return mx <= LONGEST && my <= LONGEST;
}

sp_status sp_fkk_prepare_planes(const sp_fkk_plane *p) {
  const line_shape *rows = shape_for(p->y.padded), *columns = shape_for(p->x.padded);
  SP_TRY(let((const void *)rows->forward, rows, &p->fft_y));
  SP_TRY(let((const void *)rows->back, rows, &p->fft_y));
  return let((const void *)columns->columns, columns, &p->fft_x);
}

sp_status sp_fkk_launch_sector(const sp_fkk_plane *p, float *sector, cudaStream_t stream) {
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
  rows->forward<<<row_grid, rows->threads, shared_bytes(rows, &p->fft_y), stream>>>(*p, *bins, at);
  SP_TRY(SP_CUDA_LAUNCHED("fkk rows"));
  columns->columns<<<column_grid, columns->threads, shared_bytes(columns, &p->fft_x), stream>>>(*p, first_bin, at);
  SP_TRY(SP_CUDA_LAUNCHED("fkk columns"));
  rows->back<<<row_grid, rows->threads, shared_bytes(rows, &p->fft_y), stream>>>(*p, *bins, at);
  return SP_CUDA_LAUNCHED("fkk rows back");
}
