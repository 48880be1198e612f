/* SPDX-License-Identifier: BSD-3-Clause */
/* Voices with full sampling, for lengths that are products of three small radices: windows, transform and storing in
 * one kernel. A block takes one voice of one trace after another. The spectrum is read with bins p, p + S, ... (S = N /
 * R1) in a thread; the first two steps leave their results where they found them, the third stores times t, t + R1 R2,
 * ... Rows of shared memory are padded so that the threads of a warp meet different banks in each step. */
#include "kernels/tf/cuda_radix.cuh"

enum {
  MOST_ROWS = 64,
  THREADS_PER_SM = 640,
  SUM_THREADS_PER_SM = 480
}; /* MOST_ROWS: that a block takes one after another */

/* --- the kernel ------------------------------------------------------------------------------------------------- */

/* The three steps of a transform x[k] = sum of x[j] exp(2 pi i j k / n) by the threads of a block: input(i) is number
 * p + step i of thread p < n / R1; output(i, x) is given number tid + R1 R2 i by thread tid < n / R3. */
template <class S, int R1, int R2, int R3> struct steps {
  float2 turn1[R1], turn2[R2];

  __device__ __forceinline__ steps() {
    set_turns<R1>(turn1, threadIdx.x, S::n);
    set_turns<R2>(turn2, threadIdx.x % R3, S::step);
  }

  template <class Input, class Output, class Between>
  __device__ __forceinline__ void run(float2 *shared, Input input, Output output, Between between) const {
    /* first step: number p; second: (j, q); third: (k1, k2), so that neighbours store neighbouring numbers */
    const int p = threadIdx.x, j = p / R3, q = p % R3, k1 = p % R1, k2 = p / R1;
    if (p < S::n / R1) {
      float2 x[R1];
#pragma unroll
      for (int i = 0; i < R1; i++) x[i] = input(i);
      transform<R1>(x);
      float2 *to = shared + p / R3 * S::pitch3 + p % R3;
      to[0] = x[0];
#pragma unroll
      for (int i = 1; i < R1; i++) to[i * S::pitch2] = times(x[i], turn1[i]);
    }
    between();
    __syncthreads();
    if (p < S::n / R2) {
      float2 x[R2], *at = shared + j * S::pitch2 + q;
#pragma unroll
      for (int i = 0; i < R2; i++) x[i] = at[i * S::pitch3];
      transform<R2>(x);
      at[0] = x[0];
#pragma unroll
      for (int i = 1; i < R2; i++) at[i * S::pitch3] = times(x[i], turn2[i]);
    }
    __syncthreads();
    if (p < S::n / R3) {
      float2 x[R3];
      const float2 *at = shared + k1 * S::pitch2 + k2 * S::pitch3;
#pragma unroll
      for (int i = 0; i < R3; i++) x[i] = at[i];
      transform<R3>(x);
#pragma unroll
      for (int i = 0; i < R3; i++) output(i, x[i]);
    }
    __syncthreads();
  }
};

template <class S, int R1, int R2, int R3, class Coefficient>
__global__ static void __launch_bounds__(S::threads, THREADS_PER_SM / S::threads)
    make_voices(const tf_voice_source source, const tf_voice_group group, uint32_t rows, uint32_t rows_per_block,
                Coefficient *coefficients) {
  __shared__ float2 shared[R1 * S::pitch2];
  const int voice = blockIdx.x, n = group.first + voice;
  const float inverse_n = 1.0f / n;
  const steps<S, R1, R2, R3> all;
  const uint32_t first = blockIdx.y * rows_per_block, end = min(first + rows_per_block, rows);
  for (uint32_t row = first; row < end; row++) {
    const float2 *spectrum = source.spectra + (size_t)row * S::n;
    Coefficient *to = coefficients + ((size_t)voice * source.n_rows + row) * S::n + threadIdx.x;
    const float scale = source.rows[row].scale;
    const auto bin = [&](int i) {
      return i * S::step <= 2 * n ? tf_voice_bin(spectrum, n, inverse_n, threadIdx.x + S::step * i) : make_float2(0, 0);
    };
    all.run(
        shared, bin, [&](int i, float2 x) { tf_store(to + i * R1 * R2, x, scale); }, [] {});
  }
}

/* Back to spectra: the transform of numbers whose real and imaginary parts are exchanged, on both sides, is the forward
 * one. A block sums the voices of a row, the last one first. */
template <class S, int R1, int R2, int R3>
__global__ static void __launch_bounds__(S::threads, SUM_THREADS_PER_SM / S::threads)
    sum_voices(const tf_voice_source source, const tf_voice_group group, uint32_t first_row, uint32_t rows,
               uint32_t rows_per_block, const float2 *changed, float2 *sums) {
  __shared__ float2 shared[R1 * S::pitch2];
  const steps<S, R1, R2, R3> all;
  const uint32_t first = blockIdx.x * rows_per_block, end = min(first + rows_per_block, rows);
  float2 loaded[R1]; /* of the voice that comes next, while one is transformed */
  const auto load = [&](uint32_t r, uint32_t v) {
    const float2 *from = changed + ((size_t)v * source.n_rows + first_row + r) * S::n + threadIdx.x;
    if (r >= end || threadIdx.x >= S::n / R1) return;
#pragma unroll
    for (int i = 0; i < R1; i++) loaded[i] = from[S::step * i];
  };
  load(first, group.count - 1);
  for (uint32_t r = first; r < end; r++) {
    const uint32_t row = first_row + r;
    float2 sum[R3];
#pragma unroll
    for (int i = 0; i < R3; i++) sum[i] = make_float2(0, 0);
    for (uint32_t v = group.count; v-- > 0;) {
      const auto time = [&](int i) { return make_float2(loaded[i].y, loaded[i].x); };
      const uint32_t n = group.first + v;
      const auto bin = [&](int i, float2 x) {
        if (i * R1 * R2 > 0 && i * R1 * R2 >= 2 * n) return; /* a voice ends below 2 n */
        const float weight = tf_synthesis_weight(n, S::n, S::n, threadIdx.x + i * R1 * R2);
        sum[i] = make_float2(fmaf(weight, x.y, sum[i].x), fmaf(weight, x.x, sum[i].y));
      };
      all.run(shared, time, bin, [&] { v > 0 ? load(r, v - 1) : load(r + 1, group.count - 1); });
    }
    if (threadIdx.x < S::n / R3) {
      float2 *to = sums + (size_t)row * S::n + threadIdx.x;
#pragma unroll
      for (int i = 0; i < R3; i++) {
        if (i * R1 * R2 > 0 && i * R1 * R2 >= 2 * (group.first + group.count - 1)) break;
        const float2 before = to[i * R1 * R2];
        to[i * R1 * R2] = make_float2(before.x + sum[i].x, before.y + sum[i].y);
      }
    }
  }
}

/* --- launches --------------------------------------------------------------------------------------------------- */

bool tf_voices_has(uint32_t n) {
#define DO(R1, R2, R3)                                                                                                 \
  if (n == R1 * R2 * R3) return true;
  LENGTHS(DO)
#undef DO
  return false;
}

/* Rows a block so that all blocks run at a time, or as many times as MOST_ROWS needs: else the last turn would leave
 * most of the device idle. `each`: blocks that share the rows. */
static uint32_t rows_per_block(const void *kernel, unsigned threads, uint32_t each, uint32_t rows) {
  const uint32_t resident = tf_resident_blocks(kernel, threads, 0), at_once = resident > each ? resident / each : 1;
  const uint32_t turns = (rows + at_once * MOST_ROWS - 1) / (at_once * MOST_ROWS);
  return (rows + at_once * turns - 1) / (at_once * turns);
}

template <class S, int R1, int R2, int R3, class Coefficient>
static void launch_make(const tf_voice_source *source, const tf_voice_group *group, uint32_t rows,
                        Coefficient *coefficients, cudaStream_t stream) {
  const void *kernel = (const void *)make_voices<S, R1, R2, R3, Coefficient>;
  const uint32_t own = rows_per_block(kernel, S::threads, group->count, rows);
  const dim3 grid(group->count, (rows + own - 1) / own);
  make_voices<S, R1, R2, R3, Coefficient><<<grid, S::threads, 0, stream>>>(*source, *group, rows, own, coefficients);
}

template <int R1, int R2, int R3>
static void launch(const tf_voice_source *source, const tf_voice_group *group, uint32_t rows, bool half,
                   void *coefficients, cudaStream_t stream) {
  typedef shape<R1, R2, R3> S;
  if (half) {
    launch_make<S, R1, R2, R3>(source, group, rows, (__half2 *)coefficients, stream);
  } else {
    launch_make<S, R1, R2, R3>(source, group, rows, (float2 *)coefficients, stream);
  }
}

template <int R1, int R2, int R3>
static void launch_sum(const tf_voice_source *source, const tf_voice_group *group, uint32_t first_row, uint32_t rows,
                       const float2 *changed, float2 *sums, cudaStream_t stream) {
  typedef shape<R1, R2, R3> S;
  const uint32_t own = rows_per_block((const void *)sum_voices<S, R1, R2, R3>, S::threads, 1, rows);
  sum_voices<S, R1, R2, R3>
      <<<(rows + own - 1) / own, S::threads, 0, stream>>>(*source, *group, first_row, rows, own, changed, sums);
}

sp_status tf_voices_make(const tf_voice_source *source, const tf_voice_group *group, uint32_t rows, bool half,
                         void *coefficients, cudaStream_t stream) {
#define DO(R1, R2, R3)                                                                                                 \
  if (source->length == R1 * R2 * R3) launch<R1, R2, R3>(source, group, rows, half, coefficients, stream);
  LENGTHS(DO)
#undef DO
  return SP_CUDA_LAUNCHED("make_voices");
}

sp_status tf_voices_sum(const tf_voice_source *source, const tf_voice_group *group, uint32_t first_row, uint32_t rows,
                        const float2 *changed, float2 *sums, cudaStream_t stream) {
#define DO(R1, R2, R3)                                                                                                 \
  if (source->length == R1 * R2 * R3) launch_sum<R1, R2, R3>(source, group, first_row, rows, changed, sums, stream);
  LENGTHS(DO)
#undef DO
  return SP_CUDA_LAUNCHED("sum_voices");
}
