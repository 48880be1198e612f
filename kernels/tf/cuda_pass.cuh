/* SPDX-License-Identifier: BSD-3-Clause */
/* Voices with full sampling and an aperture of seven, made, thresholded and taken back to spectra by one kernel: no
 * coefficient leaves the processor. A block follows one voice along a strip of traces, two at a time. Each turn
 *
 *   makes the coefficients of two more traces, in the three steps of cuda_radix.cuh, where they lie in shared memory;
 *   thresholds those of the two traces whose aperture is now complete: a thread takes the same times of both, whose
 *   apertures have all but one trace in common; magnitudes of the traces before are in shared memory, too;
 *   decides in double precision what single precision left open;
 *   takes the two back by the same steps in reverse order, and stores the bins that the voice has.
 *
 * Times stay in the order in which the third step leaves them, number k3 + R3 k2 + R2 R3 k1 being time
 * k1 + R1 (k2 + R2 k3). Another kernel adds the voices up under their windows.
 */
#ifndef SEISPROC_KERNELS_CUDA_TF_PASS_CUH
#define SEISPROC_KERNELS_CUDA_TF_PASS_CUH

#include "kernels/tf/cuda_exact.cuh"
#include "kernels/tf/cuda_radix.cuh"

enum { WIDTH = TF_PASS_APERTURE, ROWS = 2, THREADS_PER_SM = 640 };

/* Rows of coefficients at a time: the new ones, and those that wait for the second half of their aperture; and rows of
 * which magnitudes are kept. */
enum { HELD = ROWS + WIDTH / 2, BEFORE = WIDTH - 1 };

/* Rows that are so pitched that threads of the third steps, k2 by k2, meet different banks. */
template <int R1, int R2, int R3> struct pass_lines : shape<R1, R2, R3> {
  static constexpr int pitch3 = shape<R1, R2, R3>::pitch3, pitch2 = R2 * pitch3, size = R1 * pitch2;
  static constexpr int words = (R1 * R2 * R3 + 31) / 32; /* of a bit each */
};

template <class S> struct pass_memory {
  float2 rows[HELD][S::size];
  float magnitudes[BEFORE][S::n];
  float2 turns[S::r2][S::r3];    /* between the second and third steps */
  uint32_t open[ROWS][S::words]; /* a bit a coefficient */
  uint32_t n_open;
  tf_exact_work exact;
};

/* --- to times and back ------------------------------------------------------------------------------------------ */

/* Of R numbers only the first USED are not zero, or only these are asked for: R, one factor of R, or 1. */
template <int R, int USED> __device__ __forceinline__ void transform_few(float2 (&x)[R]) {
  constexpr int A = factors<R>::a, B = factors<R>::b;
  if constexpr (USED == R) {
    transform<R>(x);
  } else if constexpr (USED == 1) {
#pragma unroll
    for (int i = 1; i < R; i++) x[i] = x[0];
  } else {
    static_assert(USED == B, "the first of each of the inner transforms");
    constexpr roots<R> root;
    float2 first[B];
#pragma unroll
    for (int b = 0; b < B; b++) first[b] = x[b];
#pragma unroll
    for (int a = 0; a < A; a++) {
      float2 z[B];
      z[0] = first[0];
#pragma unroll
      for (int b = 1; b < B; b++) {
        z[b] = a > 0 ? times(first[b], make_float2(root.re[a * b % R], root.im[a * b % R])) : first[b];
      }
      transform<B>(z);
#pragma unroll
      for (int b = 0; b < B; b++) x[a + A * b] = z[b];
    }
  }
}

/* The steps of the `threads` threads of a row. */
template <class S, int R1, int R2, int R3> struct row_steps {
  float2 turn1[R1];
  const float2 *turn2; /* [R2][R3], from this thread's */
  int p;               /* number in the first two steps */

  __device__ __forceinline__ row_steps(int thread, float2 *turns) : turn2(turns + thread % R3), p(thread) {
    set_turns<R1>(turn1, p, S::n);
    for (int i = threadIdx.x; i < S::step; i += blockDim.x) {
      sincospif(2.0f * (float)(i / R3 * (i % R3)) / S::step, &turns[i].y, &turns[i].x);
    }
  }

  __device__ __forceinline__ float2 *of_first(float2 *row) const {
    return row + p / R3 * S::pitch3 + p % R3;
  }
  __device__ __forceinline__ float2 *of_second(float2 *row) const {
    return row + p / R3 * S::pitch2 + p % R3;
  }

  template <int USED, class Input> __device__ __forceinline__ void first(float2 *row, Input input) const {
    if (p >= S::n / R1) return;
    float2 x[R1], *to = of_first(row);
#pragma unroll
    for (int i = 0; i < USED; i++) x[i] = input(i);
    transform_few<R1, USED>(x);
    to[0] = x[0];
#pragma unroll
    for (int i = 1; i < R1; i++) to[i * S::pitch2] = times(x[i], turn1[i]);
  }

  __device__ __forceinline__ void second(float2 *row) const {
    if (p >= S::n / R2) return;
    float2 x[R2], *at = of_second(row);
#pragma unroll
    for (int i = 0; i < R2; i++) x[i] = at[i * S::pitch3];
    transform<R2>(x);
    at[0] = x[0];
#pragma unroll
    for (int i = 1; i < R2; i++) at[i * S::pitch3] = times(x[i], turn2[i * R3]);
  }

  __device__ __forceinline__ void second_back(float2 *row) const {
    if (p >= S::n / R2) return;
    float2 x[R2], *at = of_second(row);
    x[0] = at[0];
#pragma unroll
    for (int i = 1; i < R2; i++) x[i] = times(at[i * S::pitch3], turn2[i * R3]);
    transform<R2>(x);
#pragma unroll
    for (int i = 0; i < R2; i++) at[i * S::pitch3] = x[i];
  }

  template <int USED, class Output> __device__ __forceinline__ void first_back(float2 *row, Output output) const {
    if (p >= S::n / R1) return;
    float2 x[R1];
    const float2 *at = of_first(row);
    x[0] = at[0];
#pragma unroll
    for (int i = 1; i < R1; i++) x[i] = times(at[i * S::pitch2], turn1[i]);
    transform<R1>(x);
#pragma unroll
    for (int i = 0; i < USED; i++) output(i, x[i]);
  }

  /* The bins of voice n, and the first step: of bins that the voice does not have nothing is computed. */
  __device__ __forceinline__ void make(float2 *row, const float2 *spectrum, int n, float inverse_n) const {
    constexpr int some = factors<R1>::b;
    const int used = (int)tf_voice_used(n);
    const auto bin = [&](int i) { return tf_voice_bin(spectrum, n, inverse_n, p + S::step * i); };
    if (used <= S::step) {
      first<1>(row, bin);
    } else if (used <= some * S::step) {
      first<some>(row, bin);
    } else {
      first<R1>(row, bin);
    }
  }

  /* The last step back, to the bins of voice n. */
  __device__ __forceinline__ void make_spectrum(float2 *row, float2 *spectrum, int n) const {
    constexpr int some = factors<R1>::b;
    const int used = (int)tf_voice_used(n);
    const auto store = [&](int i, float2 x) {
      const int k = p + S::step * i;
      if (k < used) spectrum[k] = make_float2(x.y, x.x);
    };
    if (used <= S::step) {
      first_back<1>(row, store);
    } else if (used <= some * S::step) {
      first_back<some>(row, store);
    } else {
      first_back<R1>(row, store);
    }
  }
};

/* The third step, there and back, of two rows by all threads of the block. */
template <class S, int R2, int R3>
__device__ __forceinline__ void third_steps(float2 *rows, int place, int other_place) {
  constexpr int each = S::n / R3;
  const int number = threadIdx.x < each ? threadIdx.x : threadIdx.x - each;
  if (threadIdx.x >= ROWS * each) return;
  float2 x[R3], *at = rows + (threadIdx.x < each ? place : other_place);
  at += number / R2 * S::pitch2 + number % R2 * S::pitch3;
#pragma unroll
  for (int i = 0; i < R3; i++) x[i] = at[i];
  transform<R3>(x);
#pragma unroll
  for (int i = 0; i < R3; i++) at[i] = x[i];
}

/* --- thresholding a pair of rows -------------------------------------------------------------------------------- */

/* One of the two rows of a turn. */
typedef struct pass_row {
  bool taken; /* thresholded here */
  int lo, hi; /* its aperture, as places among the WIDTH + 1 rows of the turn */
  bool resynthesise;
} pass_row;

__device__ __forceinline__ pass_row row_of(const tf_threshold_task &j, int trace, int first, int end, int base) {
  pass_row r = {trace >= first && trace < end, 0, 0, false};
  if (!r.taken) return r;
  const tf_aperture near = tf_aperture_of(j.gathers, (uint32_t)trace);
  r.lo = (int)near.lo - base;
  r.hi = (int)near.hi - base;
  r.taken = near.hi - near.lo > 1;
  r.resynthesise = j.rows[trace - (int)j.chunk.base].resynthesise;
  return r;
}

__device__ __forceinline__ bool is_whole(const pass_row &r) {
  return r.taken && r.hi - r.lo == WIDTH;
}

template <int I, int J, int N> __device__ __forceinline__ void order(float (&z)[N]) {
  const float low = fminf(z[I], z[J]);
  z[J] = fmaxf(z[I], z[J]);
  z[I] = low;
}

__device__ __forceinline__ void sort(float (&z)[6]) {
  order<0, 5>(z), order<1, 3>(z), order<2, 4>(z);
  order<1, 2>(z), order<3, 4>(z);
  order<0, 3>(z), order<2, 5>(z);
  order<0, 1>(z), order<2, 3>(z), order<4, 5>(z);
  order<1, 2>(z), order<3, 4>(z);
}

typedef struct pass_statistics {
  float median, mad;
} pass_statistics;

/* Of six sorted magnitudes and another one. */
__device__ __forceinline__ pass_statistics statistics_of_seven(const float (&six)[6], float x) {
  float z[WIDTH];
#pragma unroll
  for (int i = 0; i < 6; i++) {
    z[i] = fminf(six[i], x);
    x = fmaxf(six[i], x);
  }
  z[6] = x;
  const float m = z[3], outer = fminf(m - z[0], z[6] - m);
  return {m, fminf(outer, fminf(fmaxf(m - z[1], z[4] - m), fmaxf(m - z[2], z[5] - m)))};
}

/* Of the aperture of one row, which may be clipped. */
__device__ __noinline__ static pass_statistics statistics_of_clipped(const float *a, int lo, int hi) {
  float z[WIDTH];
  int n = 0;
  for (int other = lo; other < hi; other++, n++) {
    int i = n;
    for (; i > 0 && z[i - 1] > a[other]; i--) z[i] = z[i - 1];
    z[i] = a[other];
  }
  const float m = sp_tf_median(z, n);
  return {m, sp_tf_mad(z, n, m)};
}

__device__ __forceinline__ float quotient(float a, float b) {
  float inverse;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(inverse) : "f"(b));
  return a * inverse;
}

/* The changed coefficient. */
__device__ __forceinline__ float2 change(const sp_tf_rule &rule, bool resynthesise, pass_statistics s, float a,
                                         float2 x) {
  const float m = s.median, above = a - m, t = sp_tf_limit(&rule, m, s.mad);
  const float gain = __saturatef(2 - quotient(fabsf(above), t));
  const bool weak = sp_tf_is_weak(&rule, m, a);
  float factor = sp_tf_factor(false, gain, weak, m, a);
  if (resynthesise) factor = sp_tf_factor(true, gain, weak, m, a);
  const tf_polar polar = tf_make_polar(x);
  return make_float2(factor * polar.re, factor * polar.im);
}

/* Whether that is left to double precision. */
__device__ __forceinline__ bool is_open(const sp_tf_rule &rule, float m, float a) {
  return sp_tf_open_weak(&rule, m, a) && fabsf(a - m) > 1e-6f * (a + m);
}

/* --- the kernel ------------------------------------------------------------------------------------------------- */

/* Where rows lie in shared memory, in numbers from the first one. After a turn the places of the two rows that are done
 * come last. */
template <class S> struct places {
  int rows[HELD], magnitudes[BEFORE / ROWS]; /* the latter of pairs */

  __device__ __forceinline__ places() {
#pragma unroll
    for (int i = 0; i < HELD; i++) rows[i] = i * S::size;
#pragma unroll
    for (int i = 0; i < BEFORE / ROWS; i++) magnitudes[i] = ROWS * i * S::n;
  }

  __device__ __forceinline__ void turn(void) {
    const int oldest = magnitudes[0], done = rows[0], also_done = rows[1];
#pragma unroll
    for (int i = 0; i + 1 < BEFORE / ROWS; i++) magnitudes[i] = magnitudes[i + 1];
    magnitudes[BEFORE / ROWS - 1] = oldest;
#pragma unroll
    for (int i = 0; i + ROWS < HELD; i++) rows[i] = rows[i + ROWS];
    rows[HELD - 2] = done;
    rows[HELD - 1] = also_done;
  }
};

/* Thresholds the pair; numbers are left with real and imaginary parts exchanged. WHOLE: the apertures of both rows are;
 * PLAIN: no row is resynthesised. Every coefficient of the thread has the same place in each row. */
template <class S, int R1, int R3, bool WHOLE, bool PLAIN>
__device__ __forceinline__ void threshold_pair(const tf_threshold_task &j, const pass_row *rows, const places<S> &at,
                                               int sub, int p, pass_memory<S> *s) {
  if (p >= S::step) return;
  for (int k1 = sub; k1 < R1; k1 += ROWS) {
    const int place = k1 * S::pitch2 + p / R3 * S::pitch3 + p % R3, number = k1 * S::step + p;
    float a[WIDTH + 1], *magnitudes = s->magnitudes[0] + number;
    float2 *numbers = s->rows[0] + place;
#pragma unroll
    for (int i = 0; i < BEFORE; i++) a[i] = magnitudes[at.magnitudes[i / ROWS] + i % ROWS * S::n];
#pragma unroll
    for (int o = 0; o < ROWS; o++) {
      a[BEFORE + o] = tf_make_polar(numbers[at.rows[HELD - ROWS + o]]).mag;
      magnitudes[at.magnitudes[0] + o * S::n] = a[BEFORE + o];
    }
    pass_statistics of[ROWS];
    if (WHOLE) {
      float six[] = {a[1], a[2], a[3], a[4], a[5], a[6]};
      sort(six);
      of[0] = statistics_of_seven(six, a[0]);
      of[1] = statistics_of_seven(six, a[7]);
    }
    bool any_open = false;
#pragma unroll
    for (int o = 0; o < ROWS; o++) {
      if (!WHOLE && !rows[o].taken) continue;
      if (!WHOLE) of[o] = statistics_of_clipped(a, rows[o].lo, rows[o].hi);
      float2 *at_own = &numbers[at.rows[o]];
      const float2 x = change(j.rule, !PLAIN && rows[o].resynthesise, of[o], a[WIDTH / 2 + o], *at_own);
      any_open = any_open || sp_tf_open_weak(&j.rule, of[o].median, a[WIDTH / 2 + o]);
      *at_own = make_float2(x.y, x.x);
    }
    if (!any_open) continue;
    for (int o = 0; o < ROWS; o++) {
      if ((!WHOLE && !rows[o].taken) || !is_open(j.rule, of[o].median, a[WIDTH / 2 + o])) continue;
      atomicOr(&s->open[o][number / 32], 1u << number % 32);
      s->n_open = 1;
    }
  }
}

/* Decides again what is open, of the rows at `trace` and the one after it. */
template <class S, int R1, int R2, int R3>
__device__ __noinline__ void resolve_pair(const tf_threshold_task &j, int trace, uint32_t voice, int row, int next_row,
                                          pass_memory<S> *s) {
  for (int o = 0; o < ROWS; o++) {
    for (int word = 0; word < S::words; word++) {
      for (uint32_t bits = s->open[o][word]; bits; bits &= bits - 1) {
        const int number = word * 32 + __ffs(bits) - 1, k1 = number / S::step, rest = number % S::step;
        const int k2 = rest / R3, k3 = rest % R3;
        const uint32_t own = (uint32_t)(trace + o) - j.chunk.base;
        const tf_decision v = tf_decide_exactly(j, voice, own, (uint32_t)(k1 + R1 * (k2 + R2 * k3)), &s->exact);
        if (threadIdx.x == 0) {
          const float2 x = tf_changed_exactly(j, own, v);
          s->rows[0][(o ? next_row : row) + k1 * S::pitch2 + k2 * S::pitch3 + k3] = make_float2(x.y, x.x);
        }
        __syncthreads();
      }
    }
  }
  for (unsigned i = threadIdx.x; i < ROWS * S::words; i += blockDim.x) (&s->open[0][0])[i] = 0;
  if (threadIdx.x == 0) s->n_open = 0;
  __syncthreads();
}

/* Voices of `group`, from `source`, to `out`: see tf_pass_voices. A block has `strip` traces. */
template <class S, int R1, int R2, int R3>
__global__ static void __launch_bounds__(ROWS *S::threads, THREADS_PER_SM / (ROWS * S::threads) > 1 ? 2 : 1)
    pass_voices(const tf_voice_source source, const tf_voice_group group, const __grid_constant__ tf_threshold_task j,
                int strip, float2 *out) {
  constexpr int half = WIDTH / 2;
  extern __shared__ char block[];
  pass_memory<S> *s = (pass_memory<S> *)block;
  const int sub = threadIdx.x / S::threads, n = group.first + blockIdx.x;
  const row_steps<S, R1, R2, R3> steps(threadIdx.x % S::threads, &s->turns[0][0]);
  const float inverse_n = 1.0f / n;
  const int first = (int)j.chunk.first + (int)blockIdx.y * strip, end = min(first + strip, (int)j.chunk.end);
  const int low = max((int)j.chunk.base, first - half), high = min((int)j.chunk.reach, end + half);
  float2 *to = out + (size_t)(j.chunk.end - j.chunk.first) * tf_voice_place(group.first, n);
  for (unsigned i = threadIdx.x; i < ROWS * S::words; i += blockDim.x) (&s->open[0][0])[i] = 0;
  if (threadIdx.x == 0) s->n_open = 0;
  places<S> at;
  for (int made = low; made - half < end; made += ROWS, at.turn()) {
    float2 *row = s->rows[0] + (sub ? at.rows[HELD - 1] : at.rows[HELD - 2]);
    __syncthreads();
    if (made + sub < high) {
      steps.make(row, source.spectra + (size_t)(made + sub - (int)j.chunk.base) * S::n, n, inverse_n);
    }
    __syncthreads();
    steps.second(row);
    __syncthreads();
    third_steps<S, R2, R3>(s->rows[0], at.rows[HELD - 2], at.rows[HELD - 1]);
    const pass_row rows[ROWS] = {row_of(j, made - half, first, end, made - BEFORE),
                                 row_of(j, made - half + 1, first, end, made - BEFORE)};
    __syncthreads();
    if (!is_whole(rows[0]) || !is_whole(rows[1])) {
      threshold_pair<S, R1, R3, false, false>(j, rows, at, sub, steps.p, s);
    } else if (rows[0].resynthesise || rows[1].resynthesise) {
      threshold_pair<S, R1, R3, true, false>(j, rows, at, sub, steps.p, s);
    } else {
      threshold_pair<S, R1, R3, true, true>(j, rows, at, sub, steps.p, s);
    }
    __syncthreads();
    if (s->n_open) resolve_pair<S, R1, R2, R3>(j, made - half, (uint32_t)n, at.rows[0], at.rows[1], s);
    if (made - half + ROWS <= first) continue;
    third_steps<S, R2, R3>(s->rows[0], at.rows[0], at.rows[1]);
    row = s->rows[0] + (sub ? at.rows[1] : at.rows[0]);
    __syncthreads();
    steps.second_back(row);
    __syncthreads();
    const int trace = made - half + sub;
    if (trace < first || trace >= end) continue;
    steps.make_spectrum(row, to + (size_t)(trace - (int)j.chunk.first) * tf_voice_bins(n), n);
  }
}

/* Of lengths that are a product of these radices. */
template <int R1, int R2, int R3> static tf_pass_shape pass_shape_of(void) {
  typedef pass_lines<R1, R2, R3> S;
  return {pass_voices<S, R1, R2, R3>, ROWS * S::threads, sizeof(pass_memory<S>)};
}

#endif
