/* Judging single cells on the GPU in double precision, from the samples. Float magnitudes do where the outcome is
 * continuous in them; cells near a jump come here, a few in a million. A block takes one cell after another: its
 * threads make the weights of a tile of samples, its warps apply them to the traces of the aperture.
 */
#include <math.h>

#include "kernels/tf/cuda.cuh"

enum { TILE = 128, WARPS = TILE / 32, BLOCKS = 528 };

typedef struct weights {
  int64_t first, end;         /* samples, which go round for stockwell */
  double sigma, time, turned; /* stockwell: the window's width and middle, and the turns of the voice there */
  int64_t start, turns;       /* of the frame; the bin or voice */
} weights;

/* One cell: of the aperture's traces the sums, then the verdict. */
typedef struct cell {
  double re[SP_TF_MAX_APERTURE], im[SP_TF_MAX_APERTURE];
  double cosine[TILE], sine[TILE];
  uint32_t sample[TILE];
} cell;

/* --- what a sample counts --------------------------------------------------------------------------------------- */

/* A voice is the trace under a Gaussian of standard deviation N / n, times exp(-2 pi i n / N (t - middle)): its
 * spectrum is the window. */
__device__ static weights weights_of_voice(const tf_exact &e, uint32_t voice, uint32_t at) {
  weights w = {0, (int64_t)e.n_samples, 0, 0, 0, 0, voice};
  if (voice == 0) return w;
  w.sigma = (double)e.n_samples / voice;
  w.time = (double)at * e.n_samples / e.times;
  w.turned = (double)((uint64_t)at * voice % e.times) / e.times;
  w.first = (int64_t)ceil(w.time - 6.6 * w.sigma);
  w.end = (int64_t)floor(w.time + 6.6 * w.sigma) + 1;
  return w;
}

__device__ static weights weights_of_frame(const tf_exact &e, uint32_t at) {
  const int64_t start = (int64_t)(at % e.frames) * e.hop - e.window / 2, end = start + e.window;
  weights w = {0, 0, 0, 0, 0, start, e.first_bin + at / e.frames};
  w.first = start > 0 ? start : 0;
  w.end = end < e.n_samples ? end : (int64_t)e.n_samples;
  return w;
}

__device__ static void set_weight(const tf_exact &e, const weights &w, int64_t i, cell *c) {
  const int64_t n = e.n_samples, t = (i % n + n) % n;
  double weight = 1.0 / n, sine, cosine;
  if (!e.stockwell) {
    const int64_t place = i - w.start; /* in the window */
    weight = (0.5 - 0.5 * cospi(2.0 * place / e.window)) / (0.5 * e.window);
    sincospi(2.0 * (place * w.turns % e.window) / e.window, &sine, &cosine);
  } else {
    if (w.sigma > 0) {
      const double x = ((double)i - w.time) / w.sigma;
      weight = exp(-0.5 * x * x) / (w.sigma * 2.50662827463100050242);
    }
    sincospi(2 * ((double)(t * w.turns % n) / n - w.turned), &sine, &cosine);
  }
  c->sample[threadIdx.x] = (uint32_t)t;
  c->cosine[threadIdx.x] = weight * cosine;
  c->sine[threadIdx.x] = weight * -sine;
}

__device__ static double sum_warp(double x) {
  for (int width = 16; width > 0; width /= 2) x += __shfl_xor_sync(0xffffffffu, x, width);
  return x;
}

/* Sums over the samples, for each trace of the aperture. */
__device__ static void set_sums(const tf_exact &e, const weights &w, uint32_t first_row, uint32_t n, cell *c) {
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

/* --- the verdict ------------------------------------------------------------------------------------------------ */

__device__ static double median_of(double *values, uint32_t n) {
  for (uint32_t i = 1; i < n; i++) {
    const double x = values[i];
    uint32_t j = i;
    for (; j > 0 && values[j - 1] > x; j--) values[j] = values[j - 1];
    values[j] = x;
  }
  return n % 2 ? values[n / 2] : 0.5 * (values[n / 2 - 1] + values[n / 2]);
}

__device__ static double share_of(int mode, double r) {
  switch (mode) {
  case SP_TF_HARD:
    return r > 1 ? 0 : 1;
  case SP_TF_SCALED:
    return r > 1 ? 1 / (1 + (r - 1) * (r - 1)) : 1;
  case SP_TF_SOFT:
    return r > 1 ? 1 - 1 / r : 0;
  case SP_TF_GARROTE:
    return r > 1 ? 1 - 1 / (r * r) : 0;
  default:
    return r > 2 ? 0 : r > 1 ? 2 - r : 1;
  }
}

typedef struct verdict {
  double share, median, magnitude, re, im; /* the latter of the phasor */
  bool weak;
} verdict;

__device__ static verdict judge(const tf_judging &j, const cell &c, uint32_t n, uint32_t own) {
  double values[SP_TF_MAX_APERTURE];
  for (uint32_t i = 0; i < n; i++) values[i] = hypot(c.re[i], c.im[i]);
  verdict v;
  v.magnitude = values[own];
  v.median = median_of(values, n);
  for (uint32_t i = 0; i < n; i++) values[i] = fabs(values[i] - v.median);
  const double mad = median_of(values, n);
  const double scale = fmax(mad, fmax(SP_TF_LEAST_RELATIVE * v.median, SP_TF_LEAST_ABSOLUTE));
  const double limit = fmax(j.exact.limit * scale, SP_TF_LEAST_LIMIT);
  v.share = share_of(j.rule.mode, fabs(v.magnitude - v.median) / limit);
  v.weak = v.magnitude < j.exact.low_amp * v.median;
  v.re = v.magnitude > 0 ? c.re[own] / v.magnitude : 0;
  v.im = v.magnitude > 0 ? c.im[own] / v.magnitude : 0;
  return v;
}

__device__ static double change_of(bool rebuild, const verdict &v) {
  const double changed = v.weak ? v.magnitude : v.median + v.share * (v.magnitude - v.median);
  return rebuild ? changed : changed - v.magnitude;
}

/* --- the kernel ------------------------------------------------------------------------------------------------- */

enum { TO_CELLS, TO_SHARES, TO_SUMS };

template <int TO>
__global__ static void __launch_bounds__(TILE) settle(const tf_judging j, float2 *cells, long long *late) {
  __shared__ cell c;
  const uint32_t count = min(*j.open.count, j.open.capacity);
  for (uint32_t i = blockIdx.x; i < count; i += BLOCKS) {
    const uint32_t row = j.open.list[i].x & 0xffff, voice = j.open.list[i].x >> 16, at = j.open.list[i].y;
    const tf_aperture near = tf_aperture_of(j.gathers, j.chunk.base + row);
    const uint32_t first_row = near.lo - j.chunk.base;
    const weights w = j.exact.stockwell ? weights_of_voice(j.exact, voice, at) : weights_of_frame(j.exact, at);
    set_sums(j.exact, w, first_row, near.hi - near.lo, &c);
    if (threadIdx.x == 0) {
      const verdict v = judge(j, c, near.hi - near.lo, row - first_row);
      const double factor = change_of(j.rows[row].rebuild, v);
      float2 *to = cells + ((size_t)(voice - j.exact.voice) * j.n_rows + row) * j.n_cells + at;
      if (TO == TO_SHARES) *to = make_float2((float)v.share, (float)(v.weak ? -v.median : v.median));
      if (TO == TO_CELLS) *to = make_float2((float)(factor * v.re), (float)(factor * v.im));
      if (TO == TO_SUMS) {
        const double twice = voice == 0 || 2 * voice == j.exact.n_samples ? 1 : 2;
        const double units = ldexp(twice * factor * v.re * j.rows[row].scale, TF_LATE_BITS);
        atomicAdd((unsigned long long *)late + (size_t)row * j.n_cells + at, (unsigned long long)llrint(units));
      }
    }
    __syncthreads();
  }
}

sp_status tf_forget_open(const tf_judging *j, cudaStream_t stream) {
  return SP_CUDA(cudaMemsetAsync(j->open.count, 0, sizeof *j->open.count, stream));
}

sp_status tf_settle_cells(const tf_judging *j, float2 *changed, cudaStream_t stream) {
  settle<TO_CELLS><<<BLOCKS, TILE, 0, stream>>>(*j, changed, NULL);
  return SP_CUDA_LAUNCHED("settle");
}

sp_status tf_settle_shares(const tf_judging *j, float2 *shares, cudaStream_t stream) {
  settle<TO_SHARES><<<BLOCKS, TILE, 0, stream>>>(*j, shares, NULL);
  return SP_CUDA_LAUNCHED("settle");
}

sp_status tf_settle_sums(const tf_judging *j, long long *late, cudaStream_t stream) {
  settle<TO_SUMS><<<BLOCKS, TILE, 0, stream>>>(*j, NULL, late);
  return SP_CUDA_LAUNCHED("settle");
}
