/* SPDX-License-Identifier: BSD-3-Clause */
/* Thresholding of windows: what stays of them goes to scratch memory. */
#include "kernels/fk_denoise/cuda_windows.cuh"

enum { STRONG_A = 1, STRONG_B = 2, WEAK = 2 /* bits further */ };

/* Bits of the coefficients that are above the thresholds. Those outside the band count as neighbours only. */
template <int NT, int NI, int NJ> __device__ static void compare(const window_tile<NT, NI, NJ> &w) {
  const float2 *limits = w.k.limits + ((size_t)w.box.number * w.k.n_slabs + w.slab) * w.k.n_f;
  const uint32_t points = w.points(), row = w.at().row;
  for_each_point(w, [&](uint32_t pair, uint32_t i, uint32_t j, const fft_complex *here, const fft_complex *there) {
    const uint32_t allowed = w.has(pair, 1) ? ~0u : ~(uint32_t)(STRONG_B | STRONG_B << WEAK);
    uint8_t *bits = w.m.bits + pair * w.n_f() * points + i * w.n_j() + j;
#pragma unroll 4
    for (uint32_t f = 0; f < w.n_f(); f++) {
      const both c = separate(here[f * row], there[w.opposite_frequency(f) * row]);
      const float a = power(c.a), b = power(c.b);
      const float2 limit = limits[f];
      const bool band = f >= w.k.band.first && f <= w.k.band.last;
      const uint32_t strong = (a > limit.x ? STRONG_A : 0) | (b > limit.x ? STRONG_B : 0);
      const uint32_t weak = (a > limit.y ? STRONG_A : 0) | (b > limit.y ? STRONG_B : 0);
      bits[f * points] = (uint8_t)((strong | (band ? weak << WEAK : 0)) & allowed);
    }
  });
  for (uint32_t i = threadIdx.x; i < w.n_pairs; i += WINDOW_THREADS) w.m.kept[i] = 0;
  __syncthreads();
}

/* x, x - 1 and x + 1 of n, the ends beside each other; x alone where there are not three. */
struct around {
  uint32_t at[3], n;
  __device__ around(uint32_t x, uint32_t count) : at{x, x ? x - 1 : count - 1, x + 1 < count ? x + 1 : 0} {
    n = count > 2 ? 3 : 1;
  }
};

/* Bits of what is kept of a coefficient: what is strong, and what is above the lower threshold beside it. `rows`: the
 * bits of the pair. */
template <int NT, int NI, int NJ>
__device__ static uint32_t kept_bits(const window_tile<NT, NI, NJ> &w, const uint8_t *rows, uint32_t f, uint32_t at_i,
                                     uint32_t at_j) {
  const uint32_t points = w.points(), own = rows[f * points + at_i * w.n_j() + at_j];
  const uint32_t strong = own & (STRONG_A | STRONG_B), weak = own >> WEAK;
  if (f < w.k.band.first || f > w.k.band.last) return 0;
  if (weak == strong) return strong;
  const around i(at_i, w.n_i()), j(at_j, w.n_j());
  uint32_t beside = 0;
  for (uint32_t h = f > 0 ? f - 1 : 0; h <= f + 1 && h < w.n_f(); h++) {
    for (uint32_t p = 0; p < i.n; p++) {
      const uint8_t *line = rows + h * points + i.at[p] * w.n_j();
      for (uint32_t q = 0; q < j.n; q++) beside |= line[j.at[q]];
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

/* The same of a point and the opposite one; the thread of the first of them does both. Returns what is kept. */
template <int NT, int NI, int NJ>
__device__ static uint32_t join_real(const window_tile<NT, NI, NJ> &w, const uint8_t *rows, uint32_t f, uint32_t i,
                                     uint32_t j, fft_complex *here, fft_complex *there) {
  if (there < here) return 0;
  const uint32_t bits = kept_bits(w, rows, f, i, j);
  const uint32_t others = kept_bits(w, rows, f, i ? w.n_i() - i : 0, j ? w.n_j() - j : 0);
  const fft_complex z = *here, n = *there;
  *here = mean_of_both(separate(z, n), bits, others);
  if (there > here) *there = mean_of_both(separate(n, z), others, bits);
  return bits | others;
}

/* What is kept in place of the spectra. A thread has a number and the opposite one. */
template <int NT, int NI, int NJ> __device__ static void join(const window_tile<NT, NI, NJ> &w) {
  const uint32_t row = w.at().row;
  for_each_point(w, [&](uint32_t pair, uint32_t i, uint32_t j, fft_complex *here, fft_complex *there) {
    const uint8_t *rows = w.m.bits + pair * w.n_f() * w.points();
    uint32_t kept = 0;
    for (uint32_t f = 0; f < w.n_f(); f++) {
      if (f == 0 || 2 * f == w.n_t()) {
        if (join_real(w, rows, f, i, j, here + f * row, there + f * row)) kept |= frequency_bit(f);
        continue;
      }
      fft_complex *z = here + f * row, *n = there + (w.n_t() - f) * row;
      const uint32_t bits = kept_bits(w, rows, f, i, j);
      const both x = keep_both(separate(*z, *n), bits);
      *z = swapped_sum(x);
      *n = swapped_opposite(x);
      if (bits) kept |= frequency_bit(f);
    }
    if (kept) atomicOr(&w.m.kept[pair], kept);
  });
}

/* Back to time, tapered, to scratch memory. */
template <int NT, int NI, int NJ> __device__ static void synthesise(const window_tile<NT, NI, NJ> &w, float *to) {
  const uint32_t n_j = w.n_j(), width = 2 * w.box.pairs * n_j, row = w.at().row;
  const size_t plane = (size_t)w.n_i() * width;
  const double norm = sp_fkd_norm(&w.k.t, &w.box.i, &w.box.j);
  for (uint32_t u = threadIdx.x; u < w.n_pairs * w.points(); u += WINDOW_THREADS) {
    const uint32_t pair = u / w.points(), point = u % w.points(), i = point / n_j, j = point % n_j;
    const double across = norm * taper_across(w, i, j);
    fft_complex *column = w.place(pair, i, j);
    float *even = to + i * width + 2 * (w.first_pair + pair) * n_j + j;
    fft_complex z[NT > 0 ? NT : 1];
    if (NT > 0) {
#pragma unroll
      for (int f = 0; f < NT; f++) z[f] = column[f * row];
      if (w.m.kept[pair]) fft_small(z, NT);
    } else {
      transform_line<0>(*w.k.fft_t, row, column);
    }
#pragma unroll
    for (uint32_t t = 0; t < w.n_t(); t++) {
      const float taper = (float)(across * w.k.taper_t[t]);
      const fft_complex x = NT > 0 ? z[NT > 0 ? t : 0] : column[t * row];
      float *place = even + t * plane;
      place[0] = x.im * taper;
      place[n_j] = x.re * taper;
    }
  }
}

template <int NT>
__global__ static void __launch_bounds__(WINDOW_THREADS, WINDOW_BLOCKS(NT))
    filter(const __grid_constant__ fkd_task k, uint32_t step) {
  extern __shared__ char shared[];
  const tile_memory m = share_memory(k, shared);
  const size_t values = k.totals->values;
  for_each_tile<NT>(k, step, m, [&](const auto &tile, const fkd_chunk &chunk) {
    const fkd_box &box = tile.box;
    const size_t before = box.values + (size_t)tile.i_window * 2 * box.pairs * tile.points();
    analyse<false>(tile);
    compare(tile);
    join(tile);
    transform_rows(tile, m.kept);
    synthesise(tile, k.scratch + ((tile.slab - chunk.first) * values + before) * k.t.window);
  });
}

static window_kernel *kernel_for(uint32_t window) {
  return window == 24 ? filter<24> : window == 48 ? filter<48> : filter<0>;
}

sp_status fkd_prepare_filter(const fkd_task *k, unsigned *blocks) {
  return prepare_window_kernel(kernel_for(k->t.window), k, blocks);
}

uint32_t fkd_pair_complex(uint32_t n_t, uint32_t n_i, uint32_t n_j) {
  return lay_out_pair(n_t, n_i, n_j).pair;
}

sp_status fkd_launch_filter(const fkd_task *k, uint32_t step, unsigned n_blocks, cudaStream_t stream) {
  kernel_for(k->t.window)<<<n_blocks, WINDOW_THREADS, shared_bytes(k), stream>>>(*k, step);
  return SP_CUDA_LAUNCHED("windows of fk_denoise");
}
