/* SPDX-License-Identifier: BSD-3-Clause */
/* The sum of a batch over a tile: pull. A thread owns SAMPLES samples of COLUMNS adjacent columns, keeps their sums and
 * constants in registers and walks the traces of the batch in order; a block owns a run of samples. What a trace is
 * seen as from a column is computed once a block, in shared memory. All columns of a thread read the same stretch of a
 * trace's bank, through the first-level cache. At the end sums are rounded to integers and added: no two threads share
 * a sample, so there are no atomics.
 */
#include "kernels/pstm/cuda.cuh"

#include "kernels/common/number.h"

SP_FORMULA float fast_inverse_root(float x) {
  float y;
  asm("rsqrt.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
SP_FORMULA void root_pair(num a, num b, num r[4]) {
  r[2] = fast_inverse_root(a);
  r[3] = fast_inverse_root(b);
  r[0] = a * r[2];
  r[1] = b * r[3];
}
SP_FORMULA num inverse_root(num a) {
  return fast_inverse_root(a);
}
SP_FORMULA num_mask num_within(num x, num end) {
  return x >= 0.0f && x < end;
}
/* Of the warp: all its lanes come here together. */
SP_FORMULA bool any_lane(num_mask m) {
  return __any_sync(~0u, m);
}

#include "kernels/pstm/formula.h"

enum { THREADS = 512, SAMPLES = 3, HIT_BITS = 10 };
enum {
  RAYS_AND_AA = SP_PSTM_ETA | SP_PSTM_AA,
  COMMON = SP_PSTM_DIP | SP_PSTM_WEIGHTS | SP_PSTM_TIMES_T, /* what most jobs ask for has kernels of its own */
};

typedef struct __align__(16) packed_ray {
  float4 a, b;
  float distance, unused[3];
}
packed_ray;

__device__ static packed_ray pack(const sp_pstm_ray &r) {
  return {make_float4(r.source_2, r.receiver_2, r.source[0], r.source[1]),
          make_float4(r.receiver[0], r.receiver[1], r.start, r.weight),
          r.distance,
          {0, 0, 0}};
}

__device__ static sp_pstm_ray unpack(const packed_ray &p, bool distance) {
  const float4 a = p.a, b = p.b;
  return {a.x, a.y, {a.z, a.w}, {b.x, b.y}, b.z, b.w, distance ? p.distance : 0.0f};
}

/* The trace at `index` >= 0 under the triangle of this level. Rounding down by a large number is cheaper than a
 * conversion; the first 23 bits of the sum are the whole part. */
template <bool AA> __device__ static float read(const float *bank, uint32_t row, float index, float level) {
  const float large = 8388608.0f, sum = __fadd_rd(index, large), fine = index - (sum - large);
  const uint32_t whole = (uint32_t)__float_as_int(sum) - 0x4b000000u;
  if (!AA) {
    const float now = __ldg(bank + whole), next = __ldg(bank + whole + 1);
    return fmaf(fine, next - now, now);
  }
  const uint32_t bits = (uint32_t)__float_as_int(level) - (uint32_t)SP_PSTM_LEVEL_ZERO;
  const float between = __int_as_float((int)((bits << 1 & 0x7fffffu) | 0x3f800000u)) - 1.0f;
  const float2 *pair = (const float2 *)bank + ((bits >> SP_PSTM_LEVEL_SHIFT) * row + whole);
  const float2 a = __ldg(pair), b = __ldg(pair + 1);
  const float now = fmaf(between, a.y - a.x, a.x), next = fmaf(between, b.y - b.x, b.x);
  return fmaf(fine, next - now, now);
}

/* Columns of a block: COLUMNS along x. */
template <int COLUMNS>
__device__ static void set_rays(const pstm_cuda_sum &s, uint32_t x, uint32_t y, packed_ray *rays) {
  for (uint32_t i = threadIdx.x; i < s.n_traces * COLUMNS; i += blockDim.x) {
    const uint32_t column = x + i % COLUMNS;
    sp_pstm_ray ray = {};
    if (column < s.n[0] && s.positions[i / COLUMNS].area > 0) {
      const double position[2] = {(s.first[0] + column) * s.step[0], (s.first[1] + y) * s.step[1]};
      ray = sp_pstm_ray_to(&s.terms, &s.positions[i / COLUMNS], position);
    }
    rays[i] = pack(ray);
  }
  __syncthreads();
}

template <unsigned FLAGS>
__device__ static void set_point(const pstm_cuda_sum &s, size_t row, uint32_t i, sp_pstm_point *p) {
  p->slowness_2 = s.points.slowness_2[row + i];
  if (FLAGS & SP_PSTM_ETA) {
    p->fourth = s.points.fourth[row + i];
    p->far = s.points.far[row + i];
    p->depth_2 = s.points.depth_2[row + i];
  }
}

/* Rounds and adds what a thread has summed for a sample. */
__device__ static void add_rounded(const pstm_cuda_sum &s, size_t row, size_t column, uint32_t i, float sum,
                                   uint32_t hits) {
  if (hits == 0) return;
  const double value = (double)(sum * s.points.factor[row + i]);
  const size_t at = column * s.n_tau + i;
  s.hits[at] += hits;
  if (fabs(value) <= s.limit) {
    s.sum[at] += __double2ll_rn(value * s.unit);
  } else {
    atomicAdd(s.overflows, 1ull);
  }
}

/* FIXED: the flags; GENERAL: but for those of rays and anti-alias they are looked up. */
template <unsigned FIXED, bool GENERAL, int COLUMNS>
__global__ static void __launch_bounds__(THREADS, 2) sum_batch(const __grid_constant__ pstm_cuda_sum s) {
  __shared__ packed_ray rays[SP_PSTM_BATCH * COLUMNS];
  const unsigned flags = GENERAL ? FIXED | (s.terms.flags & ~(unsigned)RAYS_AND_AA) : FIXED;
  const uint32_t groups = (s.n[0] + COLUMNS - 1) / COLUMNS;
  const uint32_t x = blockIdx.x % groups * COLUMNS, y = blockIdx.x / groups;
  const uint32_t first = blockIdx.y * (blockDim.x * SAMPLES) + threadIdx.x;
  sp_pstm_point points[COLUMNS][SAMPLES];
  float sum[COLUMNS][SAMPLES] = {};
  uint32_t hits[COLUMNS] = {};
  set_rays<COLUMNS>(s, x, y, rays);
#pragma unroll
  for (int k = 0; k < SAMPLES; k++) {
    const uint32_t i = min(first + k * blockDim.x, s.n_tau - 1);
    const float quarter = s.points.quarter[i], aperture = s.points.aperture ? s.points.aperture[i] : 0.0f;
#pragma unroll
    for (int c = 0; c < COLUMNS; c++) {
      const size_t column = (size_t)y * s.n[0] + min(x + c, s.n[0] - 1);
      set_point<FIXED>(s, s.points.rows > 1 ? column * s.points.padded : 0, i, &points[c][k]);
      points[c][k].quarter = quarter;
      points[c][k].aperture = aperture;
    }
  }
  const float *bank = s.bank;
  const uint32_t row = (uint32_t)(s.bank_row / 2);
  for (uint32_t trace = 0; trace < s.n_traces; trace++, bank += s.bank_floats) {
#pragma unroll
    for (int c = 0; c < COLUMNS; c++) {
      const sp_pstm_ray ray = unpack(rays[trace * COLUMNS + c], flags & SP_PSTM_APERTURE);
      if (!(ray.weight > 0)) continue; /* the same for the whole block */
#pragma unroll
      for (int k = 0; k < SAMPLES; k++) {
        float r[4], index, level = 2.0f, weight;
        sp_pstm_legs(flags, &ray, &points[c][k], r);
        const bool inside =
            sp_pstm_evaluate(flags, &s.terms, &ray, &points[c][k], r[0] + r[1], r[2], r[3], &index, &level, &weight);
        if (inside) {
          sum[c][k] = fmaf(weight, read<(FIXED & SP_PSTM_AA) != 0>(bank, row, index, level), sum[c][k]);
          hits[c] += 1u << (HIT_BITS * k);
        }
      }
    }
  }
#pragma unroll
  for (int c = 0; c < COLUMNS; c++) {
    if (x + c >= s.n[0]) continue;
    const size_t column = (size_t)y * s.n[0] + x + c, row_at = s.points.rows > 1 ? column * s.points.padded : 0;
#pragma unroll
    for (int k = 0; k < SAMPLES; k++) {
      const uint32_t i = first + k * blockDim.x;
      if (i < s.n_tau) add_rounded(s, row_at, column, i, sum[c][k], hits[c] >> (HIT_BITS * k) & ((1u << HIT_BITS) - 1));
    }
  }
}

/* Blocks of as many threads as share the samples evenly. */
template <unsigned FIXED, bool GENERAL> static sp_status launch(const pstm_cuda_sum *s, cudaStream_t stream) {
  const int columns = FIXED & SP_PSTM_ETA ? 2 : 4;
  const uint32_t chunks = (s->n_tau + THREADS * SAMPLES - 1) / (THREADS * SAMPLES);
  const uint32_t each = (s->n_tau + chunks * SAMPLES - 1) / (chunks * SAMPLES), threads = (each + 31) / 32 * 32;
  const dim3 grid((s->n[0] + columns - 1) / columns * s->n[1], chunks);
  sum_batch<FIXED, GENERAL, columns><<<grid, threads, 0, stream>>>(*s);
  return SP_CUDA_LAUNCHED("pstm");
}

template <unsigned SHAPE, bool GENERAL> static sp_status launch_rays(const pstm_cuda_sum *s, cudaStream_t stream) {
  switch (s->terms.flags & RAYS_AND_AA) {
  case 0:
    return launch<SHAPE, GENERAL>(s, stream);
  case SP_PSTM_ETA:
    return launch<SHAPE | SP_PSTM_ETA, GENERAL>(s, stream);
  case SP_PSTM_AA:
    return launch<SHAPE | SP_PSTM_AA, GENERAL>(s, stream);
  default:
    return launch<SHAPE | SP_PSTM_ETA | SP_PSTM_AA, GENERAL>(s, stream);
  }
}

sp_status pstm_cuda_sum_launch(const pstm_cuda_sum *s, cudaStream_t stream) {
  if (s->n_traces == 0) return SP_SUCCESS;
  switch (s->terms.flags & ~(unsigned)RAYS_AND_AA) {
  case COMMON:
    return launch_rays<COMMON, false>(s, stream);
  case COMMON | SP_PSTM_LINE:
    return launch_rays<COMMON | SP_PSTM_LINE, false>(s, stream);
  default:
    return launch_rays<0, true>(s, stream);
  }
}
