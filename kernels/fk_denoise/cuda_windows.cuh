/* SPDX-License-Identifier: BSD-3-Clause */
/* Windows on the GPU: to their spectra in shared memory and back (cpu_body_windows.h, cpu_body_filter.h). A thread
 * transforms a line. Two windows beside each other are real and imaginary part of one transform; what belongs to the
 * first (A) and the second (B) is told apart where it is needed. */
#ifndef SEISPROC_KERNELS_FK_DENOISE_CUDA_WINDOWS_CUH
#define SEISPROC_KERNELS_FK_DENOISE_CUDA_WINDOWS_CUH

#include "kernels/common/cuda_check.h"
#include "kernels/fk_denoise/cuda.cuh"

#define FFT_INLINE   __device__ static __forceinline__
#define FFT_FUNCTION __device__ static __noinline__
typedef float fft_value;
typedef struct __align__(8) fft_complex {
  float re, im;
}
fft_complex;
#include "kernels/fk_denoise/window_fft.h"

enum { WINDOW_THREADS = 288 };

/* --- tiles ------------------------------------------------------------------------------------------------------- */

/* Where numbers lie in shared memory: so that neighbouring threads meet different banks. */
struct pair_layout {
  uint32_t line, row, pair; /* from i to i, from frequency to frequency, from pair to pair */
};

__host__ __device__ static inline pair_layout lay_out_pair(uint32_t n_t, uint32_t n_i, uint32_t n_j) {
  const uint32_t line = n_j | 1, row = n_i > 1 ? n_i * line | 1 : line;
  return pair_layout{line, row, n_t * row + (n_j - n_t * row % 16 + 32) % 16};
}

/* Pairs of windows in shared memory. */
struct tile_memory {
  fft_complex *z;
  uint32_t *live; /* [pair][2], samples that are not zero */
  uint32_t *kept; /* [pair], bits of the frequencies of which something is kept */
  uint8_t *bits;  /* [pair][n_f][points], of coefficients */
};

/* A tile of windows of NT x NI x NJ points; a length that is 0 is known when it comes. A thread has a point of some of
 * the pairs. */
template <int NT, int NI, int NJ> struct window_tile {
  const fkd_task &k;
  const fkd_box &box;
  const tile_memory &m;
  uint32_t slab, i_window, first_pair, n_pairs;

  __device__ uint32_t n_t() const {
    return NT ? NT : k.t.window;
  }
  __device__ uint32_t n_i() const {
    return NI ? NI : box.i.window;
  }
  __device__ uint32_t n_j() const {
    return NJ ? NJ : box.j.window;
  }
  __device__ uint32_t n_f() const {
    return n_t() / 2 + 1;
  }
  __device__ uint32_t points() const {
    return n_i() * n_j();
  }
  __device__ pair_layout at() const {
    return lay_out_pair(n_t(), n_i(), n_j());
  }
  /* The number of a point at frequency 0; and the one of the opposite wavenumber. */
  __device__ fft_complex *place(uint32_t pair, uint32_t i, uint32_t j) const {
    return m.z + pair * at().pair + i * at().line + j;
  }
  __device__ fft_complex *opposite(uint32_t pair, uint32_t i, uint32_t j) const {
    return place(pair, i ? n_i() - i : 0, j ? n_j() - j : 0);
  }
  __device__ uint32_t opposite_frequency(uint32_t f) const {
    return f ? n_t() - f : 0;
  }
  /* Whether a window of a pair, 0 or 1, is one of the box. */
  __device__ bool has(uint32_t pair, uint32_t window) const {
    return 2 * (first_pair + pair) + window < box.j.count;
  }
};

__device__ static tile_memory share_memory(const fkd_task &k, char *shared) {
  fft_complex *z = (fft_complex *)shared;
  uint32_t *live = (uint32_t *)(z + k.tile_complex), *kept = live + 2 * k.pairs_a_tile;
  return tile_memory{z, live, kept, (uint8_t *)(kept + k.pairs_a_tile)};
}

static size_t shared_bytes(const fkd_task *k) {
  const size_t points = k->tile_complex / k->t.window + 1; /* of all pairs, more than there are */
  return k->tile_complex * sizeof(fft_complex) + 3 * k->pairs_a_tile * sizeof(uint32_t) + k->n_f * points;
}

/* Calls work(tile, chunk) for each tile of a chunk, as one of the lengths that are known where it is of these. */
template <int NT, typename WORK>
__device__ static void for_each_tile(const fkd_task &k, uint32_t step, const tile_memory &m, WORK work) {
  const fkd_chunk chunk = fkd_chunk_at(k, step);
  const uint32_t n_tiles = k.totals->n_tiles;
  for (uint32_t unit = blockIdx.x; unit < n_tiles * chunk.n; unit += gridDim.x) {
    const fkd_tile tile = k.tiles[unit % n_tiles];
    const fkd_box &box = k.boxes[tile.box];
    const uint32_t slab = chunk.first + unit / n_tiles, n_pairs = min(box.pairs - tile.first_pair, k.pairs_a_tile);
    if (NT > 0 && box.j.window == 12 && box.i.window == 1) {
      work(window_tile<NT, 1, 12>{k, box, m, slab, tile.i_window, tile.first_pair, n_pairs}, chunk);
    } else if (NT == 24 && box.j.window == 12 && box.i.window == 12) {
      work(window_tile<NT, 12, 12>{k, box, m, slab, tile.i_window, tile.first_pair, n_pairs}, chunk);
    } else {
      work(window_tile<0, 0, 0>{k, box, m, slab, tile.i_window, tile.first_pair, n_pairs}, chunk);
    }
    __syncthreads();
  }
}

/* Calls work(pair, i, j, here, there) for each point of the tile's pairs, with the places of its spectrum and of the
 * opposite wavenumber's; a thread has some of the points. */
template <int NT, int NI, int NJ, typename WORK>
__device__ __forceinline__ void for_each_point(const window_tile<NT, NI, NJ> &w, WORK work) {
  const uint32_t points = w.points();
  for (uint32_t u = threadIdx.x; u < w.n_pairs * points; u += WINDOW_THREADS) {
    const uint32_t pair = u / points, point = u % points, i = point / w.n_j(), j = point % w.n_j();
    work(pair, i, j, w.place(pair, i, j), w.opposite(pair, i, j));
  }
}

/* --- lines ------------------------------------------------------------------------------------------------------- */

/* A line of N numbers, `apart` from each other, transformed in place; N 0: of any number. */
template <int N> __device__ static void transform_line(const sp_fkd_fft &fft, uint32_t apart, fft_complex *x) {
  if (N > 0) {
    fft_complex z[N > 0 ? N : 1];
#pragma unroll
    for (int i = 0; i < N; i++) z[i] = x[i * apart];
    fft_small(z, N);
#pragma unroll
    for (int i = 0; i < N; i++) x[i * apart] = z[i];
  } else {
    fft_complex z[SP_FKD_MAX_WINDOW], other[SP_FKD_MAX_WINDOW];
    for (uint32_t i = 0; i < fft.n; i++) z[i] = x[i * apart];
    run_fft(&fft, z, other);
    for (uint32_t i = 0; i < fft.n; i++) x[i * apart] = z[i];
  }
}

/* The bit of a frequency among those of which something is kept; from 31 on they share one. */
__device__ static uint32_t frequency_bit(uint32_t f) {
  return 1u << min(f, 31u);
}

/* All frequencies to wavenumbers, or back; with `kept` those of which something is kept: the others are zeros. */
template <int NT, int NI, int NJ>
__device__ static void transform_rows(const window_tile<NT, NI, NJ> &w, const uint32_t *kept) {
  const uint32_t n_i = w.n_i(), n_j = w.n_j(), n_t = w.n_t();
  const pair_layout at = w.at();
  __syncthreads();
  for (uint32_t u = threadIdx.x; n_j > 1 && u < w.n_pairs * n_t * n_i; u += WINDOW_THREADS) {
    const uint32_t i = u % n_i, f = u / n_i % n_t, pair = u / (n_i * n_t);
    if (kept && !(kept[pair] & frequency_bit(min(f, n_t - f)))) continue;
    transform_line<NJ>(w.k.fft[n_j], 1, w.m.z + pair * at.pair + f * at.row + i * at.line);
  }
  __syncthreads();
  if (n_i == 1) return;
  for (uint32_t u = threadIdx.x; u < w.n_pairs * n_t * n_j; u += WINDOW_THREADS) {
    const uint32_t j = u % n_j, f = u / n_j % n_t, pair = u / (n_j * n_t);
    if (kept && !(kept[pair] & frequency_bit(min(f, n_t - f)))) continue;
    transform_line<NI>(w.k.fft[n_i], at.line, w.m.z + pair * at.pair + f * at.row + j);
  }
  __syncthreads();
}

/* The taper of a point but for its factor in time. */
template <int NT, int NI, int NJ>
__device__ static double taper_across(const window_tile<NT, NI, NJ> &w, uint32_t i, uint32_t j) {
  return w.k.taper[w.n_i() * SP_FKD_MAX_ACROSS + i] * w.k.taper[w.n_j() * SP_FKD_MAX_ACROSS + j];
}

/* The column of a plane that trace c of the continued axis j has; FKD_NONE beyond. */
__device__ static int column_of(const fkd_box &box, uint32_t line, uint32_t c) {
  const sp_fkd_axis &j = box.j;
  if (c >= (j.count - 1) * j.step + j.window) return FKD_NONE;
  return (int)(box.first + line * box.n_j + fkd_reflect((int)c - (int)j.before, (int)j.n));
}

/* Samples of a point of two windows to z, tapered, and how many of each are not zero. */
template <int NT, int NI, int NJ>
__device__ static void load_point(const window_tile<NT, NI, NJ> &w, uint32_t pair, uint32_t at_i, uint32_t at_j,
                                  fft_complex *z, uint32_t apart, uint32_t *live) {
  const sp_fkd_axis &t = w.k.t, &i = w.box.i, &j = w.box.j;
  const uint32_t c = 2 * (w.first_pair + pair) * j.step + at_j;
  const uint32_t line = fkd_reflect((int)(w.i_window * i.step + at_i) - (int)i.before, (int)i.n);
  const int even = column_of(w.box, line, c), odd = column_of(w.box, line, c + j.step);
  const int start = (int)(w.slab * t.step) - (int)t.before;
  const bool inside = start >= 0 && start + (int)w.n_t() <= (int)t.n;
  const double across = taper_across(w, at_i, at_j);
  const float *first = w.k.x + (size_t)max(start, 0) * w.k.pitch;
  live[0] = live[1] = 0;
#pragma unroll
  for (uint32_t m = 0; m < w.n_t(); m++) {
    const float *plane =
        inside ? first + (size_t)m * w.k.pitch : w.k.x + (size_t)fkd_reflect(start + (int)m, (int)t.n) * w.k.pitch;
    const float a = even >= 0 ? plane[even] : 0, b = odd >= 0 ? plane[odd] : 0;
    const float taper = (float)(across * w.k.taper_t[m]);
    live[0] += a != 0;
    live[1] += b != 0;
    z[m * apart] = fft_complex{a * taper, b * taper};
  }
}

/* Windows to their spectra; with COUNT also how many of their samples are not zero. */
template <bool COUNT, int NT, int NI, int NJ> __device__ static void analyse(const window_tile<NT, NI, NJ> &w) {
  const uint32_t row = w.at().row;
  if (COUNT) {
    for (uint32_t i = threadIdx.x; i < 2 * w.n_pairs; i += WINDOW_THREADS) w.m.live[i] = 0;
    __syncthreads();
  }
  for (uint32_t u = threadIdx.x; u < w.n_pairs * w.points(); u += WINDOW_THREADS) {
    const uint32_t pair = u / w.points(), point = u % w.points(), i = point / w.n_j(), j = point % w.n_j();
    fft_complex *column = w.place(pair, i, j);
    uint32_t live[2];
    if (NT > 0) {
      fft_complex z[NT > 0 ? NT : 1];
      load_point(w, pair, i, j, z, 1, live);
      fft_small(z, NT);
#pragma unroll
      for (int f = 0; f < NT; f++) column[f * row] = z[f];
    } else {
      load_point(w, pair, i, j, column, row, live);
      transform_line<0>(*w.k.fft_t, row, column);
    }
    if (COUNT) {
      atomicAdd(&w.m.live[2 * pair], live[0]);
      atomicAdd(&w.m.live[2 * pair + 1], live[1]);
    }
  }
  transform_rows(w, NULL);
}

/* --- coefficients ------------------------------------------------------------------------------------------------ */

/* A coefficient of the two windows. */
struct both {
  fft_complex a, b;
};

/* From the numbers at a frequency and wavenumber and at the opposite ones; twice what they are. */
__device__ static both separate(fft_complex z, fft_complex n) {
  return both{{z.re + n.re, z.im - n.im}, {z.im + n.im, n.re - z.re}};
}

__device__ static float power(fft_complex a) {
  return a.re * a.re + a.im * a.im;
}

/* --- launches ---------------------------------------------------------------------------------------------------- */

typedef void window_kernel(const fkd_task task, uint32_t step);

/* Blocks a processor that registers are to allow, by the length of windows in time. */
#define WINDOW_BLOCKS(n_t) ((n_t) == 24 ? 3 : 2)

/* Lets a kernel have its shared memory; *blocks: how many of it run at once on all of the GPU. */
static sp_status prepare_window_kernel(window_kernel *kernel, const fkd_task *k, unsigned *blocks) {
  int device, processors, each;
  SP_TRY(SP_CUDA(cudaGetDevice(&device)));
  SP_TRY(SP_CUDA(cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device)));
  SP_TRY(SP_CUDA(
      cudaFuncSetAttribute((const void *)kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)shared_bytes(k))));
  SP_TRY(SP_CUDA(
      cudaOccupancyMaxActiveBlocksPerMultiprocessor(&each, (const void *)kernel, WINDOW_THREADS, shared_bytes(k))));
  *blocks = (unsigned)(processors * (each > 0 ? each : 1));
  return SP_SUCCESS;
}

#endif
