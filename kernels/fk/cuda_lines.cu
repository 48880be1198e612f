/* SPDX-License-Identifier: BSD-3-Clause */
/* Spectra across the traces of a part, in place: a block takes some neighbouring bins from all its traces to shared
 * memory, transforms, multiplies and transforms back. How many bins that are, and how many threads, follows from the
 * longest line that a plan is made for. */
#include "kernels/common/cuda_check.h"
#include "kernels/fk/cuda.cuh"
#include "kernels/fk/cuda_passes.cuh"

enum { MOST_THREADS = 512, MOST_BYTES = 224 << 10, LONGEST = MOST_BYTES / sizeof(fft_complex) };

__device__ static const cuda_fft *find_fft(const fk_task &k, uint32_t n) {
  const uint32_t wanted = n + (uint32_t)ceil(k.filter.pad * n);
  uint32_t low = 0, high = k.n_lines - 1;
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    if (k.lines[middle].n < wanted) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return &k.lines[low];
}

__device__ static uint32_t reach_of(const sp_fk_filter &f, uint32_t pad) {
  const uint32_t half = pad > 1 ? pad / 2 : pad;
  return f.edge == SP_FK_EDGE_ZERO ? 0 : min(half, f.edge_traces);
}

/* The bins of a block: BINS, of which those from `count` on are beyond the band and computed to no end. */
struct line_group {
  const fk_task &k;
  const fk_part &part;
  uint32_t first, count, m; /* bins from first_bin on; padded length */
  fft_complex *x;           /* [BINS][m] */
};

/* Neighbouring threads have neighbouring bins. */
template <int BINS> __device__ static void load_line(const line_group &g) {
  const uint32_t b = threadIdx.x % BINS, step = blockDim.x / BINS;
  fft_complex *line = g.x + b * g.m;
  const fft_complex *spectra = g.k.spectra + g.first + b;
#pragma unroll 8
  for (uint32_t t = threadIdx.x / BINS; t < g.m; t += step) {
    const uint32_t row = t < g.part.n ? fk_row_of(g.k, g.part.first + t) : SP_CUDA_NO_ROW;
    const bool there = row != SP_CUDA_NO_ROW && b < g.count;
    line[t] = there ? spectra[(size_t)row * g.k.stride] : fft_complex{0, 0};
  }
}

template <int BINS> __device__ static void store_line(const line_group &g) {
  const uint32_t b = threadIdx.x % BINS, step = blockDim.x / BINS;
  const fft_complex *line = g.x + b * g.m;
  fft_complex *spectra = g.k.spectra + g.first + b;
  if (b >= g.count) return;
#pragma unroll 4
  for (uint32_t t = threadIdx.x / BINS; t < g.part.n; t += step) {
    const uint32_t row = fk_row_of(g.k, g.part.first + t);
    const fft_complex z = line[t];
    if (row != SP_CUDA_NO_ROW) spectra[(size_t)row * g.k.stride] = fft_complex{z.im, z.re};
  }
}

__device__ static void add_scaled(fft_complex *to, fft_complex from, float weight) {
  to->re += from.re * weight;
  to->im += from.im * weight;
}

/* The decaying edges. A thread has both ends of its step: where the pad is one point they meet there. */
template <int BINS> __device__ static void extend(const line_group &g) {
  const uint32_t n = g.part.n, reach = reach_of(g.k.filter, g.m - n);
  for (uint32_t j = threadIdx.x; j < reach; j += blockDim.x) {
    const float weight = (float)(0.5 * (1 + cos(SP_FK_PI * (j + 1) / (reach + 1))));
    for (uint32_t b = 0; b < BINS; b++) {
      fft_complex *line = g.x + b * g.m;
      add_scaled(&line[n + j], line[n - 1], weight);
      add_scaled(&line[g.m - 1 - j], line[0], weight);
    }
  }
}

__device__ static fft_complex masked(fft_complex x, double share, double scale) {
  const float mask = (float)(share * scale);
  return fft_complex{x.im * mask, x.re * mask}; /* changed over for the way back */
}

/* What is removed of point j of a line, which has no sector and no images: it depends on |k| alone. */
__device__ static double removed_share(const sp_fk_zone &z, const sp_fk_slice &s, uint32_t j) {
  const double share = sp_fk_velocity_share(&z, &s, j * s.step_x);
  return s.share * (z.pass ? 1 - share : share);
}

template <int BINS> __device__ static void multiply(const line_group &g, const uint16_t *position) {
  __shared__ sp_fk_slice slices[BINS];
  const sp_fk_zone &zone = g.k.filter.zone;
  const sp_fk_grid grid = {g.k.filter.padded, g.m, 1, g.k.filter.dt, g.part.spacing, 1};
  const double scale = 1.0 / g.m;
  if (threadIdx.x < BINS)
    slices[threadIdx.x] = sp_fk_slice_at(&zone, &grid, g.k.time.first_bin + g.first + threadIdx.x);
  __syncthreads();
  const bool even = !zone.sector && zone.aliases == 0;
  for (uint32_t j = threadIdx.x; j < (even ? g.m / 2 + 1 : g.m); j += blockDim.x) {
    const bool mirrored = even && j > 0 && 2 * j != g.m;
    fft_complex *here = g.x + position[j], *mirror = g.x + position[mirrored ? g.m - j : j];
#pragma unroll
    for (int b = 0; b < BINS; b++, here += g.m, mirror += g.m) {
      const sp_fk_slice &s = slices[b];
      const double share = even ? removed_share(zone, s, j) : sp_fk_removed_share(&zone, &grid, &s, j, 0);
      *here = masked(*here, share, scale);
      if (mirrored) *mirror = masked(*mirror, share, scale);
    }
  }
  __syncthreads();
}

template <int BINS, int THREADS, int BLOCKS>
__global__ static void __launch_bounds__(THREADS, BLOCKS) filter_lines(const __grid_constant__ fk_task k) {
  extern __shared__ fft_complex x[];
  const uint32_t n_parts = *k.n_parts, first = blockIdx.x * BINS;
  for (uint32_t p = blockIdx.y; p < n_parts; p += gridDim.y) {
    const fk_part part = k.parts[p];
    const cuda_fft fft = *find_fft(k, part.n);
    const line_group g = {k, part, first, min((uint32_t)BINS, k.time.n_bins - first), fft.n, x};
    load_line<BINS>(g);
    __syncthreads();
    extend<BINS>(g);
    __syncthreads();
    fk_forward<FK_LINE_RADIX>(fft, BINS, g.m, x);
    multiply<BINS>(g, fft.position);
    fk_inverse<FK_LINE_RADIX>(fft, BINS, g.m, x);
    store_line<BINS>(g);
    __syncthreads();
  }
}

/* --- launches ---------------------------------------------------------------------------------------------------- */

typedef void line_kernel(const fk_task task);

/* For lines up to `longest`. */
typedef struct line_shape {
  line_kernel *kernel;
  uint32_t longest, bins;
  unsigned threads;
} line_shape;

static const line_shape *shape_for(uint32_t longest) {
  static const line_shape shapes[] = {
      {filter_lines<8, 128, 6>, 512, 8, 128},  {filter_lines<4, 128, 6>, 1024, 4, 128},
      {filter_lines<4, 256, 3>, 2048, 4, 256}, {filter_lines<2, 256, 3>, 4608, 2, 256},
      {filter_lines<2, 512, 1>, 7168, 2, 512}, {filter_lines<1, 512, 1>, LONGEST, 1, 512}};
  int i = 0;
  while (shapes[i].longest < longest) i++;
  return &shapes[i];
}

static size_t shared_bytes(const line_shape *shape, uint32_t longest) {
  return shape->bins * longest * sizeof(fft_complex);
}

uint32_t fk_most_traces(void) {
  return LONGEST;
}

sp_status fk_prepare_lines(uint32_t longest) {
  const line_shape *shape = shape_for(longest);
  return SP_CUDA(cudaFuncSetAttribute((const void *)shape->kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                      (int)shared_bytes(shape, longest)));
}

sp_status fk_launch_lines(const fk_task *k, uint32_t longest, bool split, cudaStream_t stream) {
  enum { MOST_ROWS = 4096 };
  const line_shape *shape = shape_for(longest);
  const uint32_t parts = split ? k->n_traces / SP_FK_LEAST_TRACES + 1 : k->n_gathers;
  const dim3 grid((k->time.n_bins + shape->bins - 1) / shape->bins, parts < MOST_ROWS ? parts : MOST_ROWS);
  shape->kernel<<<grid, shape->threads, shared_bytes(shape, longest), stream>>>(*k);
  return SP_CUDA_LAUNCHED("lines of fk");
}
