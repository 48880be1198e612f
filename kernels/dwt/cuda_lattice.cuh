/* SPDX-License-Identifier: BSD-3-Clause */
/* Lattices and filters of a block of threads, on signals in shared (or, for long traces, device) memory.
 *
 * A thread takes a strip of consecutive coefficients and feeds the lattice what comes before the strip first: a
 * lattice of `stages` stages looks back stages - 1 steps, so values are those of one long run. Strips have an odd
 * number of steps, so that the threads of a warp touch different banks.
 *
 * STAGES: of the lattice where it is at most 4; else the most that this code is for; 0: plain filters.
 */
#ifndef SEISPROC_KERNELS_CUDA_DWT_LATTICE_CUH
#define SEISPROC_KERNELS_CUDA_DWT_LATTICE_CUH

#include "kernels/dwt/cuda_shape.h"

template <int STAGES> struct lattice {
  float last[STAGES > 0 ? STAGES : 1]; /* of the branch that a stage delays; [0] is not used */

  __device__ lattice() {
#pragma unroll
    for (int i = 0; i < STAGES; i++) last[i] = 0;
  }

  __device__ void analyse(const sp_bank &bank, int stages, float u, float v, float *lo, float *hi) {
    float sum = __fmaf_rn(bank.tangent[0], v, u);
    v = __fmaf_rn(-bank.tangent[0], u, v);
#pragma unroll
    for (int i = 1; i < STAGES; i++) {
      if (i < stages) {
        u = last[i];
        last[i] = sum;
        sum = __fmaf_rn(bank.tangent[i], v, u);
        v = __fmaf_rn(-bank.tangent[i], u, v);
      }
    }
    *lo = sum;
    *hi = v;
  }

  __device__ void synthesise(const sp_bank &bank, int stages, float u, float v, float *even, float *odd) {
#pragma unroll
    for (int i = STAGES - 1; i > 0; i--) {
      if (i < stages) {
        const float sum = __fmaf_rn(bank.tangent[i], u, v);
        u = __fmaf_rn(-bank.tangent[i], v, u);
        v = last[i];
        last[i] = sum;
      }
    }
    *even = __fmaf_rn(-bank.tangent[0], v, u);
    *odd = __fmaf_rn(bank.tangent[0], u, v);
  }
};

template <int STAGES> __device__ static inline int stages_of(const sp_bank &bank) {
  return STAGES > 0 && STAGES <= SP_BANK_MAX_FOLDED ? STAGES : bank.stages;
}

/* Steps a thread takes so that one round of the block does n. */
__device__ static inline uint32_t strip_of(uint32_t n) {
  return (n + blockDim.x - 1) / blockDim.x | 1;
}

/* Stores the image of coefficient k of n behind either end, half-sample symmetric. */
__device__ static inline void store_image(float *x, uint32_t k, uint32_t n, uint32_t taps, float value) {
  if (k + 2 < taps) x[-1 - (int)k] = value;
  if (k + taps > n) x[2 * n - 1 - k] = value;
}

/* The same with the coefficient itself; without images where `taps` is 0. */
__device__ static inline void store_extended(float *x, uint32_t k, uint32_t n, uint32_t taps, float value) {
  x[k] = value;
  if (taps > 0) store_image(x, k, n, taps, value);
}

/* Where the two halves of a node go. */
typedef struct node_output {
  float *lo, *hi;
  uint32_t step;             /* from node to node */
  uint32_t lo_taps, hi_taps; /* of the extension; 0: none */
} node_output;

/* One level of analysis of `nodes` signals of length[level], `step` apart. */
template <int STAGES>
__device__ static void analyse_level(const dwt_shape &s, int level, uint32_t nodes, const float *x, uint32_t step,
                                     const node_output &out) {
  const uint32_t n = s.length[level + 1], strip = STAGES ? strip_of(nodes * n) : 1, strips = (n + strip - 1) / strip;
  const int stages = stages_of<STAGES>(s.bank);
  for (uint32_t i = threadIdx.x; i < nodes * strips; i += blockDim.x) {
    const uint32_t node = nodes > 1 ? i / strips : 0, first = (i - node * strips) * strip, end = min(first + strip, n);
    const float *from = x + (size_t)node * step;
    float *lo = out.lo + (size_t)node * out.step, *hi = out.hi + (size_t)node * out.step;
    float a, d;
    if (STAGES == 0) {
      a = d = 0;
      for (int j = s.bank.dec_lo_first; j < s.bank.dec_lo_end; j++)
        a = __fmaf_rn(s.bank.dec_lo[j], from[2 * (int)first + 1 - j], a);
      for (int j = s.bank.dec_hi_first; j < s.bank.dec_hi_end; j++)
        d = __fmaf_rn(s.bank.dec_hi[j], from[2 * (int)first + 1 - j], d);
      store_extended(lo, first, n, out.lo_taps, a);
      store_extended(hi, first, n, out.hi_taps, d);
      continue;
    }
    /* most strips lie away from both ends, and store no images */
    const bool edge = first + 2 < (uint32_t)s.bank.taps || end + s.bank.taps > n + 1;
    const uint32_t lo_taps = edge ? out.lo_taps : 0, hi_taps = edge ? out.hi_taps : 0;
    const float2 *pairs = (const float2 *)from;
    lattice<STAGES> l;
#pragma unroll
    for (int k = 1; k < STAGES; k++) {
      if (k >= stages) break;
      const float2 pair = pairs[(int)first - stages + k];
      l.analyse(s.bank, stages, pair.x, pair.y, &a, &d);
    }
    for (uint32_t k = first; k < end; k++) {
      const float2 pair = pairs[k];
      l.analyse(s.bank, stages, pair.x, pair.y, &a, &d);
      if (!s.bank.folded) a *= s.bank.analysis_scale, d *= s.bank.analysis_scale;
      lo[k] = a;
      hi[k] = d;
      if (lo_taps) store_image(lo, k, n, lo_taps, a);
      if (hi_taps) store_image(hi, k, n, hi_taps, d);
    }
  }
}

/* One level of synthesis: `nodes` signals of length[level], `step` apart, from halves that are out.step apart. */
template <int STAGES>
__device__ static void synthesise_level(const dwt_shape &s, int level, uint32_t nodes, const node_output &halves,
                                        float *x, uint32_t step) {
  const uint32_t n = (s.length[level] + 1) / 2, strip = STAGES ? strip_of(nodes * n) : 1;
  const uint32_t strips = (n + strip - 1) / strip;
  const int stages = stages_of<STAGES>(s.bank);
  for (uint32_t i = threadIdx.x; i < nodes * strips; i += blockDim.x) {
    const uint32_t node = nodes > 1 ? i / strips : 0, first = (i - node * strips) * strip, end = min(first + strip, n);
    const float *lo = halves.lo + (size_t)node * halves.step, *hi = halves.hi + (size_t)node * halves.step;
    float2 *to = (float2 *)(x + (size_t)node * step);
    float2 pair = make_float2(0, 0);
    if (STAGES == 0) {
      const float *c = lo + first + stages - 1, *d = hi + first + stages - 1;
      for (int j = s.bank.rec_lo_first; j < s.bank.rec_lo_end; j++) {
        float *sum = j & 1 ? &pair.y : &pair.x;
        *sum = __fmaf_rn(s.bank.rec_lo[j], c[-(j / 2)], *sum);
      }
      for (int j = s.bank.rec_hi_first; j < s.bank.rec_hi_end; j++) {
        float *sum = j & 1 ? &pair.y : &pair.x;
        *sum = __fmaf_rn(s.bank.rec_hi[j], d[-(j / 2)], *sum);
      }
      to[first] = pair;
      continue;
    }
    lattice<STAGES> l;
#pragma unroll
    for (int k = 1; k < STAGES; k++) {
      if (k >= stages) break;
      l.synthesise(s.bank, stages, lo[first + k - 1], hi[first + k - 1], &pair.x, &pair.y);
    }
    lo += stages - 1;
    hi += stages - 1;
    for (uint32_t k = first; k < end; k++) {
      l.synthesise(s.bank, stages, lo[k], hi[k], &pair.x, &pair.y);
      if (!s.bank.folded) pair.x *= s.bank.synthesis_scale, pair.y *= s.bank.synthesis_scale;
      to[k] = pair;
    }
  }
}

/* m in a signal of period n; m >= -n, < 2 n. */
__device__ static inline uint32_t wrapped(int m, int n) {
  return (uint32_t)(m < 0 ? m + n : m >= n ? m - n : m);
}

/* One undecimated level: taps are `step` samples apart, so a lattice runs over every 2 * step-th sample. */
template <int STAGES>
__device__ static void analyse_undecimated(const dwt_shape &s, uint32_t step, const float *x, float *lo, float *hi) {
  const int n = (int)s.length[0], stages = stages_of<STAGES>(s.bank);
  float a, d;
  if (STAGES == 0) {
    for (int k = (int)threadIdx.x; k < n; k += (int)blockDim.x) {
      a = d = 0;
      for (int j = s.bank.dec_lo_first; j < s.bank.dec_lo_end; j++)
        a = __fmaf_rn(s.bank.dec_lo[j], x[wrapped(k - j * (int)step, n)], a);
      for (int j = s.bank.dec_hi_first; j < s.bank.dec_hi_end; j++)
        d = __fmaf_rn(s.bank.dec_hi[j], x[wrapped(k - j * (int)step, n)], d);
      lo[k] = a;
      hi[k] = d;
    }
    return;
  }
  const uint32_t chains = 2 * step, chain = (uint32_t)n / chains, strip = strip_of((uint32_t)n);
  const uint32_t strips = (chain + strip - 1) / strip;
  for (uint32_t i = threadIdx.x; i < chains * strips; i += blockDim.x) {
    const uint32_t first = i / chains * strip, end = min(first + strip, chain);
    const int offset = (int)(i % chains);
    lattice<STAGES> l;
    for (int q = (int)first - stages + 1; q < (int)end; q++) {
      const int m = offset + (int)chains * q;
      l.analyse(s.bank, stages, x[wrapped(m - (int)step, n)], x[wrapped(m, n)], &a, &d);
      if (q < (int)first) continue;
      lo[m] = s.bank.folded ? a : a * s.bank.analysis_scale;
      hi[m] = s.bank.folded ? d : d * s.bank.analysis_scale;
    }
  }
}

/* The lattice ends with a delay by one step: x[m] is the one branch at m plus the other at m - step, which belongs to
 * the interleaved signal. So two lattices take turns. */
template <int STAGES>
__device__ static void synthesise_undecimated(const dwt_shape &s, uint32_t step, const float *lo, const float *hi,
                                              float *x) {
  const int n = (int)s.length[0], stages = stages_of<STAGES>(s.bank);
  if (STAGES == 0) {
    const int ahead = (s.bank.taps - 1) * (int)step;
    for (int k = (int)threadIdx.x; k < n; k += (int)blockDim.x) {
      float sum = 0;
      for (int j = s.bank.rec_lo_first; j < s.bank.rec_lo_end; j++)
        sum = __fmaf_rn(s.bank.rec_lo[j], lo[wrapped(k + ahead - j * (int)step, n)], sum);
      for (int j = s.bank.rec_hi_first; j < s.bank.rec_hi_end; j++)
        sum = __fmaf_rn(s.bank.rec_hi[j], hi[wrapped(k + ahead - j * (int)step, n)], sum);
      x[k] = sum;
    }
    return;
  }
  const uint32_t chain = (uint32_t)n / step, strip = strip_of((uint32_t)n), strips = (chain + strip - 1) / strip;
  const int ahead = (2 * stages - 1) * (int)step;
  for (uint32_t i = threadIdx.x; i < step * strips; i += blockDim.x) {
    const int first = (int)(i / step * strip), end = min(first + (int)strip, (int)chain), offset = (int)(i % step);
    lattice<STAGES> even, odd;
    float u, v, before = 0; /* of the other lattice, one step ago */
    for (int q = first - 2 * stages + 1; q < end; q += 2) {
      int m = offset + (int)step * q;
      uint32_t at = wrapped(m + ahead, n);
      even.synthesise(s.bank, stages, lo[at], hi[at], &u, &v);
      if (q >= first) x[m] = s.bank.folded ? u + before : (u + before) * s.bank.swt_scale;
      before = v;
      if (q + 1 >= end) break;
      m += (int)step;
      at = wrapped(m + ahead, n);
      odd.synthesise(s.bank, stages, lo[at], hi[at], &u, &v);
      if (q + 1 >= first) x[m] = s.bank.folded ? u + before : (u + before) * s.bank.swt_scale;
      before = v;
    }
  }
}

#endif
