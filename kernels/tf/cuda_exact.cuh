/* SPDX-License-Identifier: BSD-3-Clause */
/* Single coefficients thresholded on the GPU in double precision, from the samples. Float magnitudes do where the
 * outcome is continuous in them; coefficients near a jump come here, a few in a million. The threads of a block make
 * the weights of a tile of samples, its warps apply them to the traces of the aperture.
 */
#ifndef SEISPROC_KERNELS_CUDA_TF_EXACT_CUH
#define SEISPROC_KERNELS_CUDA_TF_EXACT_CUH

#include <math.h>

#include "kernels/tf/cuda.cuh"

enum { TF_EXACT_TILE = 128 };

typedef struct tf_weights {
  int64_t first, end;         /* samples, which go round for stockwell */
  double sigma, time, turned; /* stockwell: the window's width and middle, and the turns of the voice there */
  int64_t start, turns;       /* of the frame; the bin or voice */
} tf_weights;

/* One coefficient: of the aperture's traces the sums, then the decision. */
typedef struct tf_exact_work {
  double re[SP_TF_MAX_APERTURE], im[SP_TF_MAX_APERTURE];
  double cosine[TF_EXACT_TILE], sine[TF_EXACT_TILE];
  uint32_t sample[TF_EXACT_TILE];
} tf_exact_work;

/* --- what a sample counts --------------------------------------------------------------------------------------- */

/* A voice is the trace under a Gaussian of standard deviation N / n, times exp(-2 pi i n / N (t - middle)): its
 * spectrum is the window. */
__device__ static tf_weights tf_weights_of_voice(const tf_exact &e, uint32_t voice, uint32_t at) {
  tf_weights w = {0, (int64_t)e.length, 0, 0, 0, 0, voice};
  if (voice == 0) return w;
  w.sigma = (double)e.length / voice;
  w.time = (double)at * e.length / e.times;
  w.turned = (double)((uint64_t)at * voice % e.times) / e.times;
  w.first = (int64_t)ceil(w.time - SP_TF_GAUSSIAN_REACH * w.sigma);
  w.end = (int64_t)floor(w.time + SP_TF_GAUSSIAN_REACH * w.sigma) + 1;
  return w;
}

__device__ static tf_weights tf_weights_of_frame(const tf_exact &e, uint32_t at) {
  const int64_t start = (int64_t)(at % e.frames) * e.hop - e.window / 2, end = start + e.window;
  tf_weights w = {0, 0, 0, 0, 0, start, e.first_bin + at / e.frames};
  w.first = start > 0 ? start : 0;
  w.end = end < e.n_samples ? end : (int64_t)e.n_samples;
  return w;
}

__device__ static void tf_set_weight(const tf_exact &e, const tf_weights &w, int64_t i, tf_exact_work *c) {
  const int64_t n = e.length, t = (i % n + n) % n;
  double weight = 1.0 / n, sine, cosine;
  if (!e.stockwell) {
    const int64_t place = i - w.start; /* in the window */
    weight = sp_tf_hann((uint32_t)place, e.window) / (0.5 * e.window);
    sincospi(2.0 * (place * w.turns % e.window) / e.window, &sine, &cosine);
  } else {
    if (w.sigma > 0) {
      weight = sp_tf_gaussian(((double)i - w.time) / w.sigma, w.sigma);
    }
    sincospi(2 * ((double)(t * w.turns % n) / n - w.turned), &sine, &cosine);
  }
  if (t >= e.n_samples) weight = 0; /* the zeros that follow a trace */
  c->sample[threadIdx.x] = t < e.n_samples ? (uint32_t)t : 0;
  c->cosine[threadIdx.x] = weight * cosine;
  c->sine[threadIdx.x] = weight * -sine;
}

__device__ static double tf_sum_warp(double x) {
  for (int width = 16; width > 0; width /= 2) x += __shfl_xor_sync(0xffffffffu, x, width);
  return x;
}

/* Sums over the samples, for each trace of the aperture; by all threads of a block, at least TF_EXACT_TILE. */
__device__ static void tf_set_sums(const tf_exact &e, const tf_weights &w, uint32_t first_row, uint32_t n,
                                   tf_exact_work *c) {
  const uint32_t warp = threadIdx.x / 32, lane = threadIdx.x % 32, warps = blockDim.x / 32;
  if (threadIdx.x < n) c->re[threadIdx.x] = c->im[threadIdx.x] = 0;
  for (int64_t start = w.first; start < w.end; start += TF_EXACT_TILE) {
    __syncthreads();
    const int64_t i = start + threadIdx.x;
    if (threadIdx.x < TF_EXACT_TILE && i < w.end) tf_set_weight(e, w, i, c);
    __syncthreads();
    const uint32_t count = w.end - start < TF_EXACT_TILE ? (uint32_t)(w.end - start) : TF_EXACT_TILE;
    for (uint32_t j = warp; j < n; j += warps) {
      const float *x = e.in + (size_t)(first_row + j) * e.n_samples;
      double re = 0, im = 0;
      for (uint32_t s = lane; s < count; s += 32) {
        re += c->cosine[s] * x[c->sample[s]];
        im += c->sine[s] * x[c->sample[s]];
      }
      re = tf_sum_warp(re);
      im = tf_sum_warp(im);
      if (lane == 0) c->re[j] += re, c->im[j] += im;
    }
  }
  __syncthreads();
}

/* --- the decision ------------------------------------------------------------------------------------------------ */

__device__ static double tf_median_of(double *values, uint32_t n) {
  for (uint32_t i = 1; i < n; i++) {
    const double x = values[i];
    uint32_t j = i;
    for (; j > 0 && values[j - 1] > x; j--) values[j] = values[j - 1];
    values[j] = x;
  }
  return n % 2 ? values[n / 2] : 0.5 * (values[n / 2 - 1] + values[n / 2]);
}

typedef struct tf_decision {
  double gain, median, magnitude, re, im; /* the latter of the phasor */
  bool weak;
} tf_decision;

__device__ static tf_decision tf_decide(const tf_threshold_task &j, const tf_exact_work &c, uint32_t n, uint32_t own) {
  double values[SP_TF_MAX_APERTURE];
  for (uint32_t i = 0; i < n; i++) values[i] = hypot(c.re[i], c.im[i]);
  tf_decision v;
  v.magnitude = values[own];
  v.median = tf_median_of(values, n);
  for (uint32_t i = 0; i < n; i++) values[i] = fabs(values[i] - v.median);
  const double mad = tf_median_of(values, n);
  const double r = fabs(v.magnitude - v.median) / sp_tf_exact_limit(&j.rule, v.median, mad);
  v.gain = sp_tf_exact_gain(j.rule.mode, r);
  v.weak = sp_tf_exact_is_weak(&j.rule, v.median, v.magnitude);
  v.re = v.magnitude > 0 ? c.re[own] / v.magnitude : 0;
  v.im = v.magnitude > 0 ? c.im[own] / v.magnitude : 0;
  return v;
}

__device__ static double tf_change_of(bool resynthesise, const tf_decision &v) {
  const double changed = v.weak ? v.magnitude : v.median + v.gain * (v.magnitude - v.median);
  return resynthesise ? changed : changed - v.magnitude;
}

/* What the coefficient `at` of a voice or bin and a row becomes, by all threads of a block; told to the first one. */
__device__ __noinline__ static tf_decision tf_decide_exactly(const tf_threshold_task &j, uint32_t voice, uint32_t row,
                                                             uint32_t at, tf_exact_work *c) {
  const tf_aperture near = tf_aperture_of(j.gathers, j.chunk.base + row);
  const uint32_t first_row = near.lo - j.chunk.base;
  const tf_weights w = j.exact.stockwell ? tf_weights_of_voice(j.exact, voice, at) : tf_weights_of_frame(j.exact, at);
  tf_decision v = {};
  tf_set_sums(j.exact, w, first_row, near.hi - near.lo, c);
  if (threadIdx.x == 0) v = tf_decide(j, *c, near.hi - near.lo, row - first_row);
  return v;
}

__device__ static inline float2 tf_changed_exactly(const tf_threshold_task &j, uint32_t row, const tf_decision &v) {
  const double factor = tf_change_of(j.rows[row].resynthesise, v);
  return make_float2((float)(factor * v.re), (float)(factor * v.im));
}

#endif
