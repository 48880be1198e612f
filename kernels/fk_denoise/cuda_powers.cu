/* SPDX-License-Identifier: BSD-3-Clause */
/* Powers of the coefficients of windows, for the noise level. */
#include "kernels/fk_denoise/cuda_windows.cuh"

/* Bits that no power has: of a window that is not live. */
static __device__ const uint32_t LEFT_OUT = ~0u;

template <int NT, int NI, int NJ>
__device__ static bool is_live(const window_tile<NT, NI, NJ> &w, uint32_t pair, uint32_t window) {
  return w.has(pair, window) && (float)w.m.live[2 * pair + window] > 0.5f * (float)(w.points() * w.n_t());
}

/* To scratch memory, frequency by frequency and window by window. */
template <int NT, int NI, int NJ>
__device__ static void store_powers(const window_tile<NT, NI, NJ> &w, const fkd_chunk &chunk, size_t values) {
  const uint32_t points = w.points(), row = w.at().row;
  uint32_t *n_live = &w.k.n_live[w.box.number * w.k.n_slabs + w.slab];
  uint32_t *to = (uint32_t *)w.k.scratch + (w.slab - chunk.first) * w.k.n_f * values + w.box.values +
                 ((size_t)w.i_window * 2 * w.box.pairs + 2 * w.first_pair) * points;
  for_each_point(w, [&](uint32_t pair, uint32_t i, uint32_t j, const fft_complex *here, const fft_complex *there) {
    const uint32_t point = i * w.n_j() + j;
    const bool live_a = is_live(w, pair, 0), live_b = is_live(w, pair, 1);
    uint32_t *place = to + 2 * pair * points + point;
    if (point == 0 && live_a + live_b) atomicAdd(n_live, (uint32_t)live_a + live_b);
#pragma unroll 4
    for (uint32_t f = 0; f < w.n_f(); f++, place += values) {
      const both c = separate(here[f * row], there[w.opposite_frequency(f) * row]);
      place[0] = live_a ? __float_as_uint(power(c.a)) : LEFT_OUT;
      place[points] = live_b ? __float_as_uint(power(c.b)) : LEFT_OUT;
    }
  });
}

template <int NT>
__global__ static void __launch_bounds__(WINDOW_THREADS, WINDOW_BLOCKS(NT))
    powers(const __grid_constant__ fkd_task k, uint32_t step) {
  extern __shared__ char shared[];
  const tile_memory m = share_memory(k, shared);
  const size_t values = k.totals->values;
  for_each_tile<NT>(k, step, m, [&](const auto &tile, const fkd_chunk &chunk) {
    analyse<true>(tile);
    store_powers(tile, chunk, values);
  });
}

static window_kernel *kernel_for(uint32_t window) {
  return window == 24 ? powers<24> : window == 48 ? powers<48> : powers<0>;
}

sp_status fkd_prepare_powers(const fkd_task *k, unsigned *blocks) {
  return prepare_window_kernel(kernel_for(k->t.window), k, blocks);
}

sp_status fkd_launch_powers(const fkd_task *k, uint32_t step, unsigned n_blocks, cudaStream_t stream) {
  kernel_for(k->t.window)<<<n_blocks, WINDOW_THREADS, shared_bytes(k), stream>>>(*k, step);
  return SP_CUDA_LAUNCHED("powers of fk_denoise");
}
