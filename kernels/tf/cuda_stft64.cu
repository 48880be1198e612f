/* SPDX-License-Identifier: BSD-3-Clause */
/* Transform stft with windows of 64 samples every 32: one thread a frame, several traces a block. A trace lies in
 * shared memory as segments of 32 samples, each in a row of 33, so that the threads of a warp, which read or write the
 * same place of neighbouring segments, meet different banks. */
#include <math.h>

#include "kernels/tf/cuda_frame64.cuh"
#include "kernels/tf/cuda_stft.cuh"

static const unsigned THREADS = 160, HALF = 32, PITCH = 33;

/* Of the window, as constants of the kernel. */
typedef struct window64 {
  float w[TF_FRAME];
} window64;

static window64 make_window(double factor) {
  window64 window;
  for (int i = 0; i < TF_FRAME; i++) window.w[i] = (float)(factor * sp_tf_hann((uint32_t)i, TF_FRAME));
  return window;
}

typedef struct shape {
  uint32_t n_samples, frames, first_bin, n_bins, traces; /* of a block */
} shape;

/* Traces of a block that give `per_trace` threads of work each. */
static shape make_shape(const tf_stft *p, uint32_t per_trace) {
  const uint32_t traces = THREADS / per_trace;
  return {p->n_samples, p->frames, p->band.first, p->band.count, traces ? traces : 1};
}

static size_t shared_bytes(const shape &s) {
  return (size_t)s.traces * (s.frames + 1) * PITCH * sizeof(float);
}

/* Where sample t of a trace lies. */
__device__ __forceinline__ uint32_t place(uint32_t t) {
  return (t / HALF + 1) * PITCH + t % HALF;
}

/* --- analysis --------------------------------------------------------------------------------------------------- */

__device__ static void load_traces(const shape &s, const float *in, uint32_t first, uint32_t n, float *segments) {
  const uint32_t samples = (s.frames + 1) * HALF, pitch = (s.frames + 1) * PITCH;
  for (uint32_t r = 0; r < n; r++) {
    const float *x = in + (size_t)(first + r) * s.n_samples;
#pragma unroll 4
    for (uint32_t i = threadIdx.x; i < samples; i += THREADS) {
      const uint32_t t = i - HALF; /* wraps where it is before the trace */
      segments[r * pitch + i / HALF * PITCH + i % HALF] = t < s.n_samples ? x[t] : 0;
    }
  }
}

/* A warp a trace. */
__device__ static void subtract_constant(const shape &s, const tf_row *rows, uint32_t first, uint32_t n,
                                         float *segments) {
  for (uint32_t r = threadIdx.x / 32; r < n; r += THREADS / 32) {
    const float constant = rows[first + r].constant;
    if (constant == 0) continue;
    float *x = segments + r * (s.frames + 1) * PITCH;
    for (uint32_t t = threadIdx.x % 32; t < s.n_samples; t += 32) x[place(t)] -= constant;
  }
}

template <class Coefficient>
__global__ static void __launch_bounds__(THREADS, 4)
    analyse64(const shape s, const window64 window, const float *in, uint32_t n_rows, const tf_row *rows,
              const float2 *ones, Coefficient *coefficients) {
  extern __shared__ float segments[];
  const uint32_t first = blockIdx.x * s.traces, n = min(s.traces, n_rows - first);
  load_traces(s, in, first, n, segments);
  __syncthreads();
  subtract_constant(s, rows, first, n, segments);
  __syncthreads();
  for (uint32_t task = threadIdx.x; task < n * s.frames; task += THREADS) {
    const uint32_t r = task / s.frames, f = task % s.frames;
    const float *x = segments + (r * (s.frames + 1) + f) * PITCH;
    const tf_row row = rows[first + r];
    float2 z[TF_FRAME_POINTS];
#pragma unroll
    for (int j = 0; j < TF_FRAME_POINTS; j++) {
      const int i = 2 * j, gap = i / HALF; /* after each segment */
      z[j] = make_float2(window.w[i] * x[i + gap], window.w[i + 1] * x[i + 1 + gap]);
    }
    Coefficient *to = coefficients + (size_t)(first + r) * s.n_bins * s.frames + f;
    tf_samples_to_bins(z, [&](int k, float2 bin) {
      const uint32_t b = (uint32_t)k - s.first_bin;
      if (b >= s.n_bins) return;
      if (row.constant != 0) {
        const float2 one = ones[b * s.frames + f];
        bin.x = fmaf(row.constant, one.x, bin.x);
        bin.y = fmaf(row.constant, one.y, bin.y);
      }
      tf_store(to + b * s.frames, bin, row.scale);
    });
  }
}

sp_status tf_stft64_analyse(const tf_stft *p, const float *in, uint32_t n_rows, cudaStream_t stream) {
  const shape s = make_shape(p, p->frames);
  const window64 window = make_window(2.0 / TF_FRAME);
  const tf_row *rows = tf_at<tf_row>(p, p->rows_at);
  const float2 *ones = tf_at<float2>(p, p->ones_at);
  const uint32_t blocks = (n_rows + s.traces - 1) / s.traces;
  if (p->half) {
    analyse64<<<blocks, THREADS, shared_bytes(s), stream>>>(s, window, in, n_rows, rows, ones,
                                                            tf_at<__half2>(p, p->coefficients_at));
  } else {
    analyse64<<<blocks, THREADS, shared_bytes(s), stream>>>(s, window, in, n_rows, rows, ones,
                                                            tf_at<float2>(p, p->coefficients_at));
  }
  return SP_CUDA_LAUNCHED("analyse64");
}

/* --- synthesis -------------------------------------------------------------------------------------------------- */

/* Even frames fill all segments, but for the last one where the last frame is odd; odd ones are added to them. */
__device__ static void add_frames(const shape &s, const window64 &window, const float2 *coefficients, uint32_t n,
                                  uint32_t odd, float *segments) {
  const uint32_t frames = (s.frames + 1 - odd) / 2;
  for (uint32_t task = threadIdx.x; task < n * frames; task += THREADS) {
    const uint32_t r = task / frames, f = 2 * (task % frames) + odd;
    const float2 *from = coefficients + (size_t)r * s.n_bins * s.frames + f;
    float *x = segments + (r * (s.frames + 1) + f) * PITCH;
    const bool add_first = odd, add_second = odd && f + 1 < s.frames;
    float2 z[TF_FRAME_POINTS];
    tf_bins_to_samples(
        [&](int k) {
          const uint32_t b = (uint32_t)k - s.first_bin;
          return b < s.n_bins ? from[b * s.frames] : make_float2(0, 0);
        },
        z);
#pragma unroll
    for (int j = 0; j < TF_FRAME_POINTS; j++) {
      const int i = 2 * j, gap = i / HALF;
      const float2 y = z[tf_reversed32(j)];
      const bool add = gap ? add_second : add_first;
      const float left = add ? x[i + gap] : 0, right = add ? x[i + 1 + gap] : 0;
      x[i + gap] = fmaf(window.w[i], y.x, left);
      x[i + 1 + gap] = fmaf(window.w[i + 1], y.y, right);
    }
  }
}

__global__ static void __launch_bounds__(THREADS, 3)
    synthesise64(const shape s, const window64 window, const float2 *changed, const float *norm, tf_gathers gathers,
                 tf_chunk chunk, const tf_row *rows, const float *in, float *out) {
  extern __shared__ float segments[];
  const uint32_t first = chunk.first + blockIdx.x * s.traces, n = min(s.traces, chunk.end - first);
  const float2 *coefficients = changed + (size_t)(first - chunk.base) * s.n_bins * s.frames;
  add_frames(s, window, coefficients, n, 0, segments);
  __syncthreads();
  add_frames(s, window, coefficients, n, 1, segments);
  __syncthreads();
  for (uint32_t r = 0; r < n; r++) {
    const size_t row = (size_t)(first + r) * s.n_samples;
    const tf_aperture near = tf_aperture_of(gathers, first + r);
    const bool alone = near.hi - near.lo == 1, resynthesise = rows[first + r - chunk.base].resynthesise;
    const float *sums = segments + r * (s.frames + 1) * PITCH;
#pragma unroll 4
    for (uint32_t t = threadIdx.x; t < s.n_samples; t += THREADS) {
      const float x = alone || !resynthesise ? in[row + t] : 0;
      out[row + t] = alone ? x : fmaf(norm[t], sums[place(t)], x);
    }
  }
}

sp_status tf_stft64_synthesise(const tf_stft *p, const tf_call *call, const tf_chunk *chunk) {
  const shape s = make_shape(p, (p->frames + 1) / 2);
  /* the sum of the window is 32, and the inverse comes times 64 */
  const window64 window = make_window(0.5);
  const uint32_t blocks = (chunk->end - chunk->first + s.traces - 1) / s.traces;
  synthesise64<<<blocks, THREADS, shared_bytes(s), call->stream>>>(
      s, window, tf_at<float2>(p, p->changed_at), tf_at<float>(p, p->norm_at), call->gathers, *chunk,
      tf_at<tf_row>(p, p->rows_at), call->batch->in, call->batch->out);
  return SP_CUDA_LAUNCHED("synthesise64");
}

sp_status tf_stft64_prepare(void) {
  SP_TRY(tf_allow_shared((const void *)analyse64<float2>));
  SP_TRY(tf_allow_shared((const void *)analyse64<__half2>));
  return tf_allow_shared((const void *)synthesise64);
}
