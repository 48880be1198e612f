/* SPDX-License-Identifier: BSD-3-Clause */
/* Windows on the GPU: to their spectra in shared memory and back (cpu_body_windows.h, cpu_body_filter.h). A thread
 * transforms a line. Two windows beside each other are real and imaginary part of one transform; what belongs to the
 * first (A) and the second (B) is told apart where it is needed. */
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

enum { THREADS = 192, STRONG_A = 1, STRONG_B = 2, WEAK = 2 /* bits further */ };

/* --- tiles ------------------------------------------------------------------------------------------------------- */

/* Where numbers lie in shared memory: so that neighbouring threads meet different banks. */
struct pair_layout {
  uint32_t line, row, pair; /* from i to i, from frequency to frequency, from pair to pair */
};

__host__ __device__ static pair_layout lay_out_pair(uint32_t n_t, uint32_t n_i, uint32_t n_j) {
  const uint32_t line = n_j | 1, row = n_i > 1 ? n_i * line | 1 : line;
  return pair_layout{line, row, n_t * row + (n_j - n_t * row % 16 + 32) % 16};
}

uint32_t fkd_pair_complex(uint32_t n_t, uint32_t n_i, uint32_t n_j) {
  return lay_out_pair(n_t, n_i, n_j).pair;
}

/* Pairs of windows in shared memory. */
struct window_group {
  const fkd_task &k;
  const fkd_box &box;
  uint32_t slab, i_window, first_pair, n_pairs, points;
  pair_layout at;
  fft_complex *z;
  uint8_t *bits;  /* [pair][n_f][points], of coefficients */
  uint32_t *live; /* [pair][2], samples that are not zero */

  __device__ fft_complex *point(uint32_t pair, uint32_t f, uint32_t point) const {
    const uint32_t n_j = box.j.window;
    return z + pair * at.pair + f * at.row + point / n_j * at.line + point % n_j;
  }
  /* Whether a window of a pair, 0 or 1, is one of the box. */
  __device__ bool has(uint32_t pair, uint32_t window) const {
    return 2 * (first_pair + pair) + window < box.j.count;
  }
};

__device__ static window_group make_group(const fkd_task &k, const fkd_chunk &chunk, uint32_t unit, char *shared) {
  const uint32_t n_tiles = k.totals->n_tiles;
  const fkd_tile tile = k.tiles[unit % n_tiles];
  const fkd_box &box = k.boxes[tile.box];
  const uint32_t left = box.pairs - tile.first_pair, points = box.i.window * box.j.window;
  fft_complex *z = (fft_complex *)shared;
  uint32_t *live = (uint32_t *)(z + k.tile_complex);
  return window_group{k,
                      box,
                      chunk.first + unit / n_tiles,
                      tile.i_window,
                      tile.first_pair,
                      left < k.pairs_a_tile ? left : k.pairs_a_tile,
                      points,
                      lay_out_pair(k.t.window, box.i.window, box.j.window),
                      z,
                      (uint8_t *)(live + 2 * k.pairs_a_tile),
                      live};
}

static size_t shared_bytes(const fkd_task *k) {
  const size_t points = k->tile_complex / k->t.window + 1; /* of all pairs, more than there are */
  return k->tile_complex * sizeof(fft_complex) + 2 * k->pairs_a_tile * sizeof(uint32_t) + k->n_f * points;
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

__device__ static void transform_any_line(const sp_fkd_fft *fft, uint32_t n, uint32_t apart, fft_complex *x) {
  if (n == 12) {
    transform_line<12>(fft[n], apart, x);
  } else if (n > 1) {
    transform_line<0>(fft[n], apart, x);
  }
}

/* All frequencies to wavenumbers, or back. */
__device__ static void transform_rows(const window_group &g) {
  const uint32_t n_i = g.box.i.window, n_j = g.box.j.window, n_t = g.k.t.window;
  __syncthreads();
  for (uint32_t u = threadIdx.x; u < g.n_pairs * n_t * n_i; u += THREADS) {
    const uint32_t i = u % n_i, f = u / n_i % n_t, pair = u / n_i / n_t;
    transform_any_line(g.k.fft, n_j, 1, g.z + pair * g.at.pair + f * g.at.row + i * g.at.line);
  }
  __syncthreads();
  if (n_i == 1) return;
  for (uint32_t u = threadIdx.x; u < g.n_pairs * n_t * n_j; u += THREADS) {
    const uint32_t j = u % n_j, f = u / n_j % n_t, pair = u / n_j / n_t;
    transform_any_line(g.k.fft, n_i, g.at.line, g.z + pair * g.at.pair + f * g.at.row + j);
  }
  __syncthreads();
}

/* Half of the taper across of a point: the other factor is that of time. */
__device__ static double taper_across(const window_group &g, uint32_t i, uint32_t j) {
  const double *of_i = g.k.taper + g.box.i.window * SP_FKD_MAX_ACROSS,
               *of_j = g.k.taper + g.box.j.window * SP_FKD_MAX_ACROSS;
  return of_i[i] * of_j[j];
}

/* The column of a plane that trace c of the continued axis j has; FKD_NONE beyond. */
__device__ static int column_of(const window_group &g, uint32_t line, uint32_t c) {
  const sp_fkd_axis &j = g.box.j;
  if (c >= (j.count - 1) * j.step + j.window) return FKD_NONE;
  return (int)(g.box.first + line * g.box.n_j + fkd_reflect((int)c - (int)j.before, (int)j.n));
}

/* Samples of a point of two windows to z, tapered, and how many of each are not zero. */
__device__ static void load_point(const window_group &g, uint32_t pair, uint32_t point, fft_complex *z, uint32_t apart,
                                  uint32_t n_t, uint32_t *live) {
  const sp_fkd_axis &t = g.k.t, &i = g.box.i, &j = g.box.j;
  const uint32_t at_i = point / j.window, at_j = point % j.window, c = 2 * (g.first_pair + pair) * j.step + at_j;
  const uint32_t line = fkd_reflect((int)(g.i_window * i.step + at_i) - (int)i.before, (int)i.n);
  const int even = column_of(g, line, c), odd = column_of(g, line, c + j.step);
  const int start = (int)(g.slab * t.step) - (int)t.before;
  const double across = taper_across(g, at_i, at_j);
  live[0] = live[1] = 0;
#pragma unroll
  for (uint32_t m = 0; m < n_t; m++) {
    const float *plane = g.k.x + (size_t)fkd_reflect(start + (int)m, (int)t.n) * g.k.pitch;
    const float a = even >= 0 ? plane[even] : 0, b = odd >= 0 ? plane[odd] : 0;
    const float taper = (float)(across * g.k.taper_t[m]);
    live[0] += a != 0;
    live[1] += b != 0;
    z[m * apart] = fft_complex{a * taper, b * taper};
  }
}

/* Windows to their spectra, Z; and how many of their samples are not zero. */
template <int N> __device__ static void analyse(const window_group &g) {
  __syncthreads();
  for (uint32_t i = threadIdx.x; i < 2 * g.n_pairs; i += THREADS) g.live[i] = 0;
  __syncthreads();
  for (uint32_t u = threadIdx.x; u < g.n_pairs * g.points; u += THREADS) {
    const uint32_t pair = u / g.points, point = u % g.points;
    fft_complex *column = g.point(pair, 0, point);
    uint32_t live[2];
    if (N > 0) {
      fft_complex z[N > 0 ? N : 1];
      load_point(g, pair, point, z, 1, N, live);
      fft_small(z, N);
#pragma unroll
      for (int f = 0; f < N; f++) column[f * g.at.row] = z[f];
    } else {
      load_point(g, pair, point, column, g.at.row, g.k.t.window, live);
      transform_line<0>(*g.k.fft_t, g.at.row, column);
    }
    atomicAdd(&g.live[2 * pair], live[0]);
    atomicAdd(&g.live[2 * pair + 1], live[1]);
  }
  transform_rows(g);
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

__device__ static uint32_t opposite(const window_group &g, uint32_t point) {
  const uint32_t n_i = g.box.i.window, n_j = g.box.j.window, i = point / n_j, j = point % n_j;
  return (i ? n_i - i : 0) * n_j + (j ? n_j - j : 0);
}

__device__ static fft_complex *opposite_of(const window_group &g, uint32_t pair, uint32_t f, uint32_t point) {
  return g.point(pair, f ? g.k.t.window - f : 0, opposite(g, point));
}

__device__ static both coefficient(const window_group &g, uint32_t pair, uint32_t f, uint32_t point) {
  return separate(*g.point(pair, f, point), *opposite_of(g, pair, f, point));
}

/* --- powers ------------------------------------------------------------------------------------------------------ */

/* Bits that no power has: of a window that is not live. */
static __device__ const uint32_t LEFT_OUT = ~0u;

__device__ static bool is_live(const window_group &g, uint32_t pair, uint32_t window) {
  return g.has(pair, window) && (float)g.live[2 * pair + window] > 0.5f * (float)(g.points * g.k.t.window);
}

__device__ static void count_live(const window_group &g) {
  uint32_t *n = &g.k.n_live[g.box.number * g.k.n_slabs + g.slab];
  for (uint32_t i = threadIdx.x; i < 2 * g.n_pairs; i += THREADS) {
    if (is_live(g, i / 2, i % 2)) atomicAdd(n, 1u);
  }
}

template <int N>
__global__ static void __launch_bounds__(THREADS, N == 24 ? 4 : 2)
    powers(const __grid_constant__ fkd_task k, const fkd_chunk chunk) {
  extern __shared__ char shared[];
  const size_t values = k.totals->values;
  for (uint32_t unit = blockIdx.x; unit < k.totals->n_tiles * chunk.n; unit += gridDim.x) {
    const window_group g = make_group(k, chunk, unit, shared);
    analyse<N>(g);
    count_live(g);
    const size_t first = g.box.values + ((size_t)g.i_window * 2 * g.box.pairs + 2 * g.first_pair) * g.points;
    uint32_t *to = (uint32_t *)k.scratch + (g.slab - chunk.first) * k.n_f * values + first;
    for (uint32_t u = threadIdx.x; u < g.n_pairs * k.n_f * g.points; u += THREADS) {
      const uint32_t point = u % g.points, pair = u / g.points % g.n_pairs, f = u / g.points / g.n_pairs;
      const both c = coefficient(g, pair, f, point);
      uint32_t *place = to + f * values + 2 * pair * g.points + point;
      place[0] = is_live(g, pair, 0) ? __float_as_uint(power(c.a)) : LEFT_OUT;
      place[g.points] = is_live(g, pair, 1) ? __float_as_uint(power(c.b)) : LEFT_OUT;
    }
    __syncthreads();
  }
}

/* --- filter ------------------------------------------------------------------------------------------------------ */

__device__ static uint8_t *bits_of(const window_group &g, uint32_t pair, uint32_t f) {
  return g.bits + (pair * g.k.n_f + f) * g.points;
}

/* Bits of the coefficients that are above the thresholds. Those outside the band count as neighbours only. */
__device__ static void compare(const window_group &g) {
  const float2 *limits = g.k.limits + ((size_t)g.box.number * g.k.n_slabs + g.slab) * g.k.n_f;
  for (uint32_t u = threadIdx.x; u < g.n_pairs * g.k.n_f * g.points; u += THREADS) {
    const uint32_t point = u % g.points, f = u / g.points % g.k.n_f, pair = u / g.points / g.k.n_f;
    const both c = coefficient(g, pair, f, point);
    const float a = power(c.a), b = power(c.b);
    const float2 limit = limits[f];
    uint32_t bits = (a > limit.x ? STRONG_A : 0) | (b > limit.x ? STRONG_B : 0);
    if (f >= g.k.band.first && f <= g.k.band.last) {
      bits |= (a > limit.y ? STRONG_A << WEAK : 0) | (b > limit.y ? STRONG_B << WEAK : 0);
    }
    if (!g.has(pair, 1)) bits &= ~(STRONG_B | STRONG_B << WEAK);
    bits_of(g, pair, f)[point] = (uint8_t)bits;
  }
  __syncthreads();
}

/* x, x - 1 and x + 1 of n, the ends beside each other; x alone where there are not three. */
struct around {
  uint32_t at[3], n;
  __device__ around(uint32_t x, uint32_t count) : at{x, x ? x - 1 : count - 1, x + 1 < count ? x + 1 : 0} {
    n = count > 2 ? 3 : 1;
  }
};

/* Bits of what is kept of a coefficient: what is strong, and what is above the lower threshold beside it. */
__device__ static uint32_t kept_bits(const window_group &g, uint32_t pair, uint32_t f, uint32_t point) {
  if (f < g.k.band.first || f > g.k.band.last) return 0;
  const uint32_t own = bits_of(g, pair, f)[point], strong = own & (STRONG_A | STRONG_B), weak = own >> WEAK;
  if (weak == strong) return strong;
  const uint32_t n_j = g.box.j.window;
  const around i(point / n_j, g.box.i.window), j(point % n_j, n_j);
  uint32_t beside = 0;
  for (uint32_t h = f > 0 ? f - 1 : 0; h <= f + 1 && h < g.k.n_f; h++) {
    const uint8_t *row = bits_of(g, pair, h);
    for (uint32_t p = 0; p < i.n; p++) {
      for (uint32_t q = 0; q < j.n; q++) beside |= row[i.at[p] * n_j + j.at[q]];
    }
  }
  return strong | (weak & beside & (STRONG_A | STRONG_B));
}

__device__ static fft_complex keep(fft_complex a, uint32_t kept) {
  return kept ? a : fft_complex{0, 0};
}

/* A + i B and conj A + i conj B, real and imaginary part changed over for the way back. */
__device__ static fft_complex swapped_sum(both x) {
  return fft_complex{x.a.im + x.b.re, x.a.re - x.b.im};
}

__device__ static fft_complex swapped_opposite(both x) {
  return fft_complex{x.b.re - x.a.im, x.a.re + x.b.im};
}

__device__ static both keep_both(both c, uint32_t bits) {
  return both{keep(c.a, bits & STRONG_A), keep(c.b, bits & STRONG_B)};
}

/* Of frequency 0 and the Nyquist frequency, where the opposite wavenumber has the conjugate coefficient: the mean of
 * both decisions counts. */
__device__ static fft_complex mean_of_both(both c, uint32_t bits, uint32_t others) {
  const both x = keep_both(c, bits), y = keep_both(c, others);
  return swapped_sum(both{fft_scale(0.5f, fft_plus(x.a, y.a)), fft_scale(0.5f, fft_plus(x.b, y.b))});
}

/* What is kept in place of Z. A thread has a number and the opposite one. */
__device__ static void join(const window_group &g) {
  for (uint32_t u = threadIdx.x; u < g.n_pairs * g.k.n_f * g.points; u += THREADS) {
    const uint32_t point = u % g.points, f = u / g.points % g.k.n_f, pair = u / g.points / g.k.n_f;
    fft_complex *here = g.point(pair, f, point), *there = opposite_of(g, pair, f, point);
    const fft_complex z = *here, n = *there;
    const uint32_t bits = kept_bits(g, pair, f, point);
    if (f > 0 && 2 * f < g.k.t.window) {
      const both x = keep_both(separate(z, n), bits);
      *here = swapped_sum(x);
      *there = swapped_opposite(x);
      continue;
    }
    const uint32_t other = opposite(g, point);
    if (other < point) continue;
    const uint32_t others = kept_bits(g, pair, f, other);
    *here = mean_of_both(separate(z, n), bits, others);
    if (other > point) *there = mean_of_both(separate(n, z), others, bits);
  }
}

/* One number over the sums of the squares of the tapers and what transforms and coefficients are too large by. */
__device__ static double norm_of(const window_group &g) {
  return sp_fkd_norm(&g.k.t, &g.box.i, &g.box.j);
}

/* Back to time, tapered, to scratch memory. */
template <int N> __device__ static void synthesise(const window_group &g, float *to) {
  const uint32_t n_t = g.k.t.window, n_j = g.box.j.window, width = 2 * g.box.pairs * n_j;
  const double norm = norm_of(g);
  for (uint32_t u = threadIdx.x; u < g.n_pairs * g.points; u += THREADS) {
    const uint32_t pair = u / g.points, point = u % g.points, i = point / n_j, j = point % n_j;
    const double across = norm * taper_across(g, i, j);
    fft_complex *column = g.point(pair, 0, point);
    float *even = to + i * width + 2 * (g.first_pair + pair) * n_j + j;
    fft_complex z[N > 0 ? N : 1];
    if (N > 0) {
#pragma unroll
      for (int f = 0; f < N; f++) z[f] = column[f * g.at.row];
      fft_small(z, N);
    } else {
      transform_line<0>(*g.k.fft_t, g.at.row, column);
    }
#pragma unroll
    for (uint32_t t = 0; t < (N > 0 ? N : n_t); t++) {
      const float taper = (float)(across * g.k.taper_t[t]);
      const fft_complex x = N > 0 ? z[N > 0 ? t : 0] : column[t * g.at.row];
      float *place = even + (size_t)t * g.box.i.window * width;
      place[0] = x.im * taper;
      place[n_j] = x.re * taper;
    }
  }
}

template <int N>
__global__ static void __launch_bounds__(THREADS, N == 24 ? 4 : 2)
    filter(const __grid_constant__ fkd_task k, const fkd_chunk chunk) {
  extern __shared__ char shared[];
  const size_t values = k.totals->values;
  for (uint32_t unit = blockIdx.x; unit < k.totals->n_tiles * chunk.n; unit += gridDim.x) {
    const window_group g = make_group(k, chunk, unit, shared);
    const size_t before = g.box.values + (size_t)g.i_window * 2 * g.box.pairs * g.points;
    analyse<N>(g);
    compare(g);
    join(g);
    transform_rows(g);
    synthesise<N>(g, k.scratch + ((g.slab - chunk.first) * values + before) * k.t.window);
    __syncthreads();
  }
}

/* --- launches ---------------------------------------------------------------------------------------------------- */

typedef void window_kernel(const fkd_task task, const fkd_chunk chunk);

struct window_kernels {
  window_kernel *powers, *filter;
};

static window_kernels kernels_for(uint32_t window) {
  if (window == 24) return window_kernels{powers<24>, filter<24>};
  if (window == 48) return window_kernels{powers<48>, filter<48>};
  return window_kernels{powers<0>, filter<0>};
}

sp_status fkd_prepare_windows(const fkd_task *k, unsigned *most_blocks) {
  const window_kernels kernels = kernels_for(k->t.window);
  window_kernel *const both[] = {kernels.powers, kernels.filter};
  int device, processors, most = 0;
  SP_TRY(SP_CUDA(cudaGetDevice(&device)));
  SP_TRY(SP_CUDA(cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device)));
  for (window_kernel *kernel : both) {
    int blocks;
    SP_TRY(SP_CUDA(
        cudaFuncSetAttribute((const void *)kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)shared_bytes(k))));
    SP_TRY(SP_CUDA(
        cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, (const void *)kernel, THREADS, shared_bytes(k))));
    most = blocks > most ? blocks : most;
  }
  *most_blocks = (unsigned)(processors * (most > 0 ? most : 1));
  return SP_SUCCESS;
}

sp_status fkd_launch_powers(const fkd_task *k, fkd_chunk chunk, unsigned n_blocks, cudaStream_t stream) {
  kernels_for(k->t.window).powers<<<n_blocks, THREADS, shared_bytes(k), stream>>>(*k, chunk);
  return SP_CUDA_LAUNCHED("powers of fk_denoise");
}

sp_status fkd_launch_filter(const fkd_task *k, fkd_chunk chunk, unsigned n_blocks, cudaStream_t stream) {
  kernels_for(k->t.window).filter<<<n_blocks, THREADS, shared_bytes(k), stream>>>(*k, chunk);
  return SP_CUDA_LAUNCHED("windows of fk_denoise");
}
