/* SPDX-License-Identifier: BSD-3-Clause */
/* Thresholding single coefficients on the GPU in double precision, from the samples. Float magnitudes do where the
 * outcome is continuous in them; coefficients near a jump come here, a few in a million. A block takes one coefficient
 * after another: its threads make the weights of a tile of samples, its warps apply them to the traces of the aperture.
 */
#include <math.h>

#include "kernels/tf/cuda.cuh"

enum { TILE = 128, WARPS = TILE / 32, BLOCKS = 528 };

typedef struct weights {
  int64_t first, end;         /* samples, which go round for stockwell */
  double sigma, time, turned; /* stockwell: the window's width and middle, and the turns of the voice there */
  int64_t start, turns;       /* of the frame; the bin or voice */
} weights;

/* One coefficient: of the aperture's traces the sums, then the decision. */
typedef struct coefficient {
  double re[SP_TF_MAX_APERTURE], im[SP_TF_MAX_APERTURE];
  double cosine[TILE], sine[TILE];
  uint32_t sample[TILE];
} coefficient;

/* --- what a sample counts --------------------------------------------------------------------------------------- */

/* A voice is the trace under a Gaussian of standard deviation N / n, times exp(-2 pi i n / N (t - middle)): its
 * spectrum is the window. */
__device__ static weights weights_of_voice(const tf_exact &e, uint32_t voice, uint32_t at) {
  weights w = {0, (int64_t)e.length, 0, 0, 0, 0, voice};
  if (voice == 0) return w;
  w.sigma = (double)e.length / voice;
  w.time = (double)at * e.length / e.times;
  w.turned = (double)((uint64_t)at * voice % e.times) / e.times;
  w.first = (int64_t)ceil(w.time - SP_TF_GAUSSIAN_REACH * w.sigma);
  w.end = (int64_t)floor(w.time + SP_TF_GAUSSIAN_REACH * w.sigma) + 1;
  return w;
}

__device__ static weights weights_of_frame(const tf_exact &e, uint32_t at) {
  const int64_t start = (int64_t)(at % e.frames) * e.hop - e.window / 2, end = start + e.window;
  weights w = {0, 0, 0, 0, 0, start, e.first_bin + at / e.frames};
  w.first = start > 0 ? start : 0;
  w.end = end < e.n_samples ? end : (int64_t)e.n_samples;
  return w;
}

__device__ static void set_weight(const tf_exact &e, const weights &w, int64_t i, coefficient *c) {
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

__device__ static double sum_warp(double x) {
  for (int width = 16; width > 0; width /= 2) x += __shfl_xor_sync(0xffffffffu, x, width);
  return x;
}

/* Sums over the samples, for each trace of the aperture. */
__device__ static void set_sums(const tf_exact &e, const weights &w, uint32_t first_row, uint32_t n, coefficient *c) {
  const uint32_t warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  if (threadIdx.x < n) c->re[threadIdx.x] = c->im[threadIdx.x] = 0;
  for (int64_t start = w.first; start < w.end; start += TILE) {
    __syncthreads();
    const int64_t i = start + threadIdx.x;
    if (i < w.end) set_weight(e, w, i, c);
    __syncthreads();
    const uint32_t count = w.end - start < TILE ? (uint32_t)(w.end - start) : TILE;
    for (uint32_t j = warp; j < n; j += WARPS) {
      const float *x = e.in + (size_t)(first_row + j) * e.n_samples;
      double re = 0, im = 0;
      for (uint32_t s = lane; s < count; s += 32) {
        re += c->cosine[s] * x[c->sample[s]];
        im += c->sine[s] * x[c->sample[s]];
      }
      re = sum_warp(re);
      im = sum_warp(im);
      if (lane == 0) c->re[j] += re, c->im[j] += im;
    }
  }
  __syncthreads();
}

/* --- the decision ------------------------------------------------------------------------------------------------ */

__device__ static double median_of(double *values, uint32_t n) {
  for (uint32_t i = 1; i < n; i++) {
    const double x = values[i];
    uint32_t j = i;
    for (; j > 0 && values[j - 1] > x; j--) values[j] = values[j - 1];
    values[j] = x;
  }
  return n % 2 ? values[n / 2] : 0.5 * (values[n / 2 - 1] + values[n / 2]);
}

typedef struct decision {
  double gain, median, magnitude, re, im; /* the latter of the phasor */
  bool weak;
} decision;

__device__ static decision threshold(const tf_threshold_task &j, const coefficient &c, uint32_t n, uint32_t own) {
  double values[SP_TF_MAX_APERTURE];
  for (uint32_t i = 0; i < n; i++) values[i] = hypot(c.re[i], c.im[i]);
  decision v;
  v.magnitude = values[own];
  v.median = median_of(values, n);
  for (uint32_t i = 0; i < n; i++) values[i] = fabs(values[i] - v.median);
  const double mad = median_of(values, n);
  const double r = fabs(v.magnitude - v.median) / sp_tf_exact_limit(&j.rule, v.median, mad);
  v.gain = sp_tf_exact_gain(j.rule.mode, r);
  v.weak = sp_tf_exact_is_weak(&j.rule, v.median, v.magnitude);
  v.re = v.magnitude > 0 ? c.re[own] / v.magnitude : 0;
  v.im = v.magnitude > 0 ? c.im[own] / v.magnitude : 0;
  return v;
}

__device__ static double change_of(bool resynthesise, const decision &v) {
  const double changed = v.weak ? v.magnitude : v.median + v.gain * (v.magnitude - v.median);
  return resynthesise ? changed : changed - v.magnitude;
}

/* --- the kernel ------------------------------------------------------------------------------------------------- */

enum { TO_COEFFICIENTS, TO_GAINS };

template <int TO>
__global__ static void __launch_bounds__(TILE) resolve(const tf_threshold_task j, float2 *coefficients) {
  __shared__ coefficient c;
  const uint32_t count = min(*j.open.count, j.open.capacity);
  for (uint32_t i = blockIdx.x; i < count; i += BLOCKS) {
    const uint32_t row = j.open.list[i].x & 0xffff, voice = j.open.list[i].x >> 16, at = j.open.list[i].y;
    const tf_aperture near = tf_aperture_of(j.gathers, j.chunk.base + row);
    const uint32_t first_row = near.lo - j.chunk.base;
    const weights w = j.exact.stockwell ? weights_of_voice(j.exact, voice, at) : weights_of_frame(j.exact, at);
    set_sums(j.exact, w, first_row, near.hi - near.lo, &c);
    if (threadIdx.x == 0) {
      const decision v = threshold(j, c, near.hi - near.lo, row - first_row);
      const double factor = change_of(j.rows[row].resynthesise, v);
      float2 *to = coefficients + ((size_t)(voice - j.exact.voice) * j.n_rows + row) * j.n_coefficients + at;
      if (TO == TO_GAINS) *to = make_float2((float)v.gain, (float)(v.weak ? -v.median : v.median));
      if (TO == TO_COEFFICIENTS) *to = make_float2((float)(factor * v.re), (float)(factor * v.im));
    }
    __syncthreads();
  }
}

sp_status tf_clear_open(const tf_threshold_task *j, cudaStream_t stream) {
  return SP_CUDA(cudaMemsetAsync(j->open.count, 0, sizeof *j->open.count, stream));
}

sp_status tf_resolve_coefficients(const tf_threshold_task *j, float2 *changed, cudaStream_t stream) {
  resolve<TO_COEFFICIENTS><<<BLOCKS, TILE, 0, stream>>>(*j, changed);
  return SP_CUDA_LAUNCHED("resolve");
}

sp_status tf_resolve_gains(const tf_threshold_task *j, float2 *gains, cudaStream_t stream) {
  resolve<TO_GAINS><<<BLOCKS, TILE, 0, stream>>>(*j, gains);
  return SP_CUDA_LAUNCHED("resolve");
}
