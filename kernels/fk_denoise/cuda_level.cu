/* SPDX-License-Identifier: BSD-3-Clause */
/* The noise level on the GPU: quantiles of the powers of a slab and frequency, and thresholds from them (cpu_pass.c).
 * And what a pass goes over. */
#include "kernels/common/cuda_check.h"
#include "kernels/common/cuda_select.cuh"
#include "kernels/fk_denoise/cuda.cuh"

/* Of MANY values a sample of SAMPLES would leave more than ROOM in the bracket; FEW are not worth a sample. */
enum { THREADS = 512, MOST_SAMPLES = 2048, SAMPLES = 512, MANY = 32768, ROOM = 8192, FEW = 2048 };

/* --- quantiles --------------------------------------------------------------------------------------------------- */

struct quantile_work {
  uint32_t sample[MOST_SAMPLES], values[ROOM], few[THREADS], n, below, sampled, n_few, value, next;
  select_work select;
};

/* Sorts the sample. */
__device__ static void sort_sample(uint32_t *x, uint32_t n) {
  for (uint32_t size = 2; size <= n; size *= 2) {
    for (uint32_t apart = size / 2; apart > 0; apart /= 2) {
      for (uint32_t u = threadIdx.x; u < n / 2; u += THREADS) {
        const uint32_t low = u & (apart - 1), i = 2 * (u - low) + low; /* `apart` is a power of two */
        const uint32_t other = apart == size / 2 ? i ^ (size - 1) : i + apart;
        const uint32_t a = x[i], b = x[other];
        if (b < a) x[i] = b, x[other] = a;
      }
      __syncthreads();
    }
  }
}

/* A bracket that the value of a quantile among n keys is likely to be in, from a sample of them. */
__device__ static void find_bracket(const uint32_t *keys, uint32_t n, quantile_work *w, uint32_t *low, uint32_t *high) {
  const uint32_t samples = n > MANY ? MOST_SAMPLES : SAMPLES;
  if (threadIdx.x == 0) w->sampled = 0;
  for (uint32_t i = threadIdx.x; i < samples; i += THREADS) w->sample[i] = keys[(uint64_t)i * n / samples];
  __syncthreads();
  for (uint32_t i = threadIdx.x; i < samples; i += THREADS) {
    const uint32_t live = __ballot_sync(~0u, w->sample[i] != ~0u);
    if (threadIdx.x % 32 == 0) atomicAdd(&w->sampled, (uint32_t)__popc(live));
  }
  sort_sample(w->sample, samples);
  const int m = (int)w->sampled, reach = (int)(2 + 3.5f * sqrtf(0.21f * (float)m)), at = (int)(0.3f * (float)m);
  *low = at - reach > 0 ? w->sample[at - reach] : 0;
  *high = at + reach < m ? w->sample[at + reach] : ~0u - 1;
}

/* Keys within the bracket to w->values, and how many are below it; whether there is room for them. */
__device__ static bool collect(const uint32_t *keys, uint32_t n, uint32_t low, uint32_t high, quantile_work *w) {
  enum { EACH = 4 };
  const uint32_t lane = threadIdx.x % 32, before = (1u << lane) - 1;
  uint32_t below = 0;
  if (threadIdx.x == 0) w->n = w->below = 0;
  __syncthreads();
  for (uint32_t start = threadIdx.x - lane; start < n; start += EACH * THREADS) {
    uint32_t key[EACH], votes[EACH], all = 0, place = 0;
#pragma unroll
    for (int m = 0; m < EACH; m++) {
      const uint32_t i = start + m * THREADS + lane;
      key[m] = i < n ? keys[i] : ~0u;
    }
#pragma unroll
    for (int m = 0; m < EACH; m++) {
      below += key[m] < low;
      votes[m] = __ballot_sync(~0u, key[m] >= low && key[m] <= high);
      all += (uint32_t)__popc(votes[m]);
    }
    if (lane == 0) place = atomicAdd(&w->n, all);
    place = __shfl_sync(~0u, place, 0);
#pragma unroll
    for (int m = 0; m < EACH; m++) {
      const uint32_t at = place + (uint32_t)__popc(votes[m] & before);
      if (votes[m] >> lane & 1 && at < ROOM) w->values[at] = key[m];
      place += (uint32_t)__popc(votes[m]);
    }
  }
  below = __reduce_add_sync(~0u, below);
  if (lane == 0) atomicAdd(&w->below, below);
  __syncthreads();
  return w->n <= ROOM;
}

/* Those of w->values that are in one of 256 equal parts of the bracket to w->few; *above: the least one beyond it. */
__device__ static void collect_few(uint32_t low, int shift, uint32_t part, quantile_work *w, uint32_t *above) {
  uint32_t least = ~0u;
  if (threadIdx.x == 0) w->n_few = 0, w->next = ~0u;
  __syncthreads();
  for (uint32_t i = threadIdx.x; i < w->n; i += THREADS) {
    const uint32_t value = w->values[i], its = (value - low) >> shift;
    if (its > part) least = min(least, value);
    if (its != part) continue;
    const uint32_t place = atomicAdd(&w->n_few, 1u);
    if (place < THREADS) w->few[place] = value;
  }
  least = __reduce_min_sync(~0u, least);
  if (threadIdx.x % 32 == 0) atomicMin(&w->next, least);
  __syncthreads();
  *above = w->next;
  __syncthreads();
}

/* The value of that rank among w->values, and the next of them. */
__device__ static uint32_t select_within(uint32_t low, uint32_t high, uint32_t rank, uint32_t *next, quantile_work *w) {
  const int width = 32 - __clz((int)(high - low)), shift = width > 8 ? width - 8 : 0;
  uint32_t above;
  for (uint32_t i = threadIdx.x; i < SELECT_DIGITS; i += THREADS) w->select.counts[i] = 0;
  __syncthreads();
  for (uint32_t i = threadIdx.x; i < w->n; i += THREADS)
    atomicAdd(&w->select.counts[(w->values[i] - low) >> shift], 1u);
  __syncthreads();
  if (threadIdx.x < 32) select_digit(rank, &w->select);
  __syncthreads();
  const uint32_t rest = w->select.rank, n = w->select.counts[w->select.digit];
  collect_few(low, shift, w->select.digit, w, &above);
  if (n > THREADS) {
    const auto key_at = [=](uint32_t i) { return w->values[i]; };
    return block_select<uint32_t>(key_at, w->n, ~0u - 1, rank, next, &w->select);
  }
  if (threadIdx.x < n) {
    const uint32_t own = w->few[threadIdx.x];
    uint32_t before = 0;
    for (uint32_t i = 0; i < n; i++) before += w->few[i] < own || (w->few[i] == own && i < threadIdx.x);
    if (before == rest) w->value = own;
    if (before == rest + 1) w->next = own;
  }
  __syncthreads();
  *next = rest + 1 < n ? w->next : above;
  return w->value;
}

/* The key of that rank among the n keys that are not left out, and the next. */
__device__ static uint32_t select_rank(const uint32_t *keys, uint32_t n, uint32_t rank, uint32_t *next,
                                       quantile_work *w) {
  if (n > FEW) {
    uint32_t low, high;
    find_bracket(keys, n, w, &low, &high);
    if (collect(keys, n, low, high, w) && rank >= w->below && rank + 1 < w->below + w->n) {
      return select_within(low, high, rank - w->below, next, w);
    }
    __syncthreads();
  }
  const auto key_at = [=](uint32_t i) { return keys[i]; };
  return block_select<uint32_t>(key_at, n, ~0u - 1, rank, next, &w->select);
}

/* A block a box, slab and frequency. */
__global__ static void __launch_bounds__(THREADS) quantiles(const __grid_constant__ fkd_task k, uint32_t step) {
  const fkd_chunk chunk = fkd_chunk_at(k, step);
  extern __shared__ quantile_work work[];
  const size_t values = k.totals->values;
  for (uint32_t unit = blockIdx.x; unit < k.totals->n_active * chunk.n * k.n_f; unit += gridDim.x) {
    const uint32_t f = unit % k.n_f, slab = unit / k.n_f % chunk.n, number = unit / k.n_f / chunk.n;
    const fkd_box &box = k.boxes[k.active[number]];
    const uint32_t points = box.i.window * box.j.window, n = box.i.count * 2 * box.pairs * points;
    const uint32_t n_live = k.n_live[number * k.n_slabs + chunk.first + slab] * points;
    double noise = NAN;
    if (n_live > 0) {
      const double at = SP_FKD_QUANTILE * (double)(n_live - 1);
      const uint32_t rank = (uint32_t)at;
      const uint32_t *keys = (const uint32_t *)k.scratch + ((size_t)slab * k.n_f + f) * values + box.values;
      uint32_t next;
      const uint32_t key = select_rank(keys, n, rank, &next, work);
      const double a = __uint_as_float(key), b = __uint_as_float(next);
      noise = (a + (at - (double)rank) * (b - a)) / SP_FKD_QUANTILE_OF_UNIT;
    }
    if (threadIdx.x == 0) k.noise[((size_t)number * k.n_slabs + chunk.first + slab) * k.n_f + f] = noise;
    __syncthreads();
  }
}

/* --- thresholds -------------------------------------------------------------------------------------------------- */

/* A block a slab of a box. */
__global__ static void find_limits(const __grid_constant__ fkd_task k) {
  __shared__ double medians[SP_FKD_MAX_WINDOW / 2 + 1];
  for (uint32_t unit = blockIdx.x; unit < k.totals->n_active * k.n_slabs; unit += gridDim.x) {
    const double *noise = k.noise + (size_t)(unit / k.n_slabs) * k.n_slabs * k.n_f;
    float2 *limits = k.limits + (size_t)unit * k.n_f;
    const fkd_box &box = k.boxes[k.active[unit / k.n_slabs]];
    const double low2 = box.i.window > 2 && box.j.window > 2 ? k.low2_3d : k.low2;
    for (uint32_t f = threadIdx.x; f < k.n_f; f += blockDim.x) {
      medians[f] = sp_fkd_median_of_slabs(noise, k.n_slabs, k.n_f, unit % k.n_slabs, f);
    }
    __syncthreads();
    for (uint32_t f = threadIdx.x; f < k.n_f; f += blockDim.x) {
      const double level = sp_fkd_level(medians, k.n_f, f);
      limits[f] = make_float2((float)(k.high2 * level), (float)(low2 * level));
    }
    __syncthreads();
  }
}

/* --- passes ------------------------------------------------------------------------------------------------------ */

__device__ static bool goes_again(const fkd_task &k, const fkd_box &box) {
  const bool dead = box.live < box.n_i * box.n_j;
  return k.robust > 0 || dead || (k.robust == SP_PARAM_AUTO && box.bad > 0);
}

/* By one block, a warp a box. */
__global__ static void list_tiles(const __grid_constant__ fkd_task k, bool again) {
  const uint32_t lane = threadIdx.x % 32;
  fkd_totals *totals = k.totals;
  if (threadIdx.x == 0) totals->n_active = totals->n_tiles = 0, totals->values = 0;
  __syncthreads();
  for (uint32_t b = threadIdx.x / 32; b < totals->n_boxes; b += blockDim.x / 32) {
    fkd_box *box = &k.boxes[b];
    const bool taken = fkd_is_filtered(*box) && (!again || goes_again(k, *box));
    if (!taken) {
      if (lane == 0) box->number = (uint32_t)FKD_NONE;
      continue;
    }
    const uint32_t across = (box->pairs + k.pairs_a_tile - 1) / k.pairs_a_tile, n = box->i.count * across;
    const size_t values = (size_t)box->i.count * 2 * box->pairs * box->i.window * box->j.window;
    uint32_t first = 0;
    if (lane == 0) {
      first = atomicAdd(&totals->n_tiles, n);
      box->number = atomicAdd(&totals->n_active, 1u);
      box->values = atomicAdd(&totals->values, (unsigned long long)values);
      k.active[box->number] = (int32_t)b;
    }
    first = __shfl_sync(~0u, first, 0);
    for (uint32_t i = lane; i < n; i += 32) {
      k.tiles[first + i] = fkd_tile{b, i / across, i % across * k.pairs_a_tile};
    }
  }
}

sp_status fkd_prepare_quantiles(void) {
  return SP_CUDA(cudaFuncSetAttribute((const void *)quantiles, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                      (int)sizeof(quantile_work)));
}

sp_status fkd_launch_tiles(const fkd_task *k, bool again, cudaStream_t stream) {
  const size_t slabs = (size_t)(k->n_nodes / SP_FKD_LEAST_TRACES) * k->n_slabs;
  SP_TRY(SP_CUDA(cudaMemsetAsync(k->n_live, 0, slabs * sizeof(uint32_t), stream)));
  list_tiles<<<1, 1024, 0, stream>>>(*k, again);
  return SP_CUDA_LAUNCHED("tiles of fk_denoise");
}

sp_status fkd_launch_quantiles(const fkd_task *k, uint32_t step, unsigned n_blocks, cudaStream_t stream) {
  quantiles<<<n_blocks, THREADS, sizeof(quantile_work), stream>>>(*k, step);
  return SP_CUDA_LAUNCHED("quantiles of fk_denoise");
}

sp_status fkd_launch_limits(const fkd_task *k, unsigned n_blocks, cudaStream_t stream) {
  find_limits<<<n_blocks, 32, 0, stream>>>(*k);
  return SP_CUDA_LAUNCHED("thresholds of fk_denoise");
}
