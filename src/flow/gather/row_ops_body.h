/* SPDX-License-Identifier: BSD-3-Clause */
/* Rows of samples, with the widest vectors that the file which includes this is compiled for. Defines ROW_OPS. */
#ifndef SEISPROC_SRC_FLOW_GATHER_ROW_OPS_BODY_H
#define SEISPROC_SRC_FLOW_GATHER_ROW_OPS_BODY_H

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "src/flow/gather/row_ops.h"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
enum { WIDTH = 16 };
#define STREAM(to, from) _mm512_stream_si512((void *)(to), (__m512i)(from))
#elif defined(__AVX2__)
enum { WIDTH = 8 };
#define STREAM(to, from) _mm256_stream_si256((void *)(to), (__m256i)(from))
#elif defined(__SSE2__)
enum { WIDTH = 4 };
#define STREAM(to, from) _mm_stream_si128((void *)(to), (__m128i)(from))
#else
enum { WIDTH = 4 };
#define STREAM(to, from) memcpy((to), &(from), sizeof(from))
#endif

typedef uint32_t bits_vector __attribute__((vector_size(WIDTH * 4)));
typedef float real_vector __attribute__((vector_size(WIDTH * 4)));

static const uint32_t MAGNITUDE = 0x7fffffffu;
/* Added to a magnitude it reaches the sign bit if and only if the exponent is that of NaN and Inf. */
static const uint32_t TO_SIGN = 0x00800000u;

static bits_vector load_bits(const float *x) {
  bits_vector v;
  memcpy(&v, x, sizeof v);
  return v;
}

static real_vector load(const float *x) {
  real_vector v;
  memcpy(&v, x, sizeof v);
  return v;
}

static uint32_t bits_of(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

typedef struct seen {
  bits_vector any, top;
  uint32_t tail_any, tail_top;
} seen;

static inline void look(seen *s, bits_vector v) {
  const bits_vector magnitude = v & MAGNITUDE;
  s->any |= magnitude;
  s->top |= magnitude + TO_SIGN;
}

static inline void look_at_one(seen *s, float x) {
  const uint32_t magnitude = bits_of(x) & MAGNITUDE;
  s->tail_any |= magnitude;
  s->tail_top |= magnitude + TO_SIGN;
}

static unsigned sum_up(const seen *s) {
  uint32_t any = s->tail_any, top = s->tail_top;
  for (int i = 0; i < WIDTH; i++) {
    any |= s->any[i];
    top |= s->top[i];
  }
  return (any ? SP_ROW_ALIVE : 0) | (top >> 31 ? SP_ROW_NOT_FINITE : 0);
}

static unsigned scan(const float *x, size_t n) {
  seen s = {0};
  size_t i = 0;
  for (; i + WIDTH <= n; i += WIDTH) look(&s, load_bits(x + i));
  for (; i < n; i++) look_at_one(&s, x[i]);
  return sum_up(&s);
}

static unsigned subtract(float *difference, const float *a, const float *b, size_t n) {
  seen s = {0};
  size_t i = 0;
  for (; i + WIDTH <= n; i += WIDTH) {
    const real_vector d = load(a + i) - load(b + i);
    memcpy(difference + i, &d, sizeof d);
    look(&s, (bits_vector)d);
  }
  for (; i < n; i++) {
    difference[i] = a[i] - b[i];
    look_at_one(&s, difference[i]);
  }
  return sum_up(&s);
}

static void stream(float *out, const float *x, size_t n) {
  const size_t vector = sizeof(bits_vector), past = (uintptr_t)out % vector;
  const size_t head = past ? (vector - past) / sizeof(float) : 0;
  size_t i = 0;
  for (; i < n && i < head; i++) out[i] = x[i];
  for (; i + WIDTH <= n; i += WIDTH) {
    const bits_vector v = load_bits(x + i);
    STREAM(out + i, v);
  }
  for (; i < n; i++) out[i] = x[i];
}

/* Sums go in 16 lanes whatever the vectors, so that they have the same bits on every processor: in float32 over
 * MEASURE_BLOCK samples, then in double; a block whose squares leave the range of float32 is summed in double at once.
 */
enum { LANES = 16, VECTORS = LANES / WIDTH, MEASURE_BLOCK = 1024, N_SUMS = 4 };

static const float LEAST_SUM = 1e-20f; /* of the input: below it squares that count may be denormal */

#if defined(__AVX512F__)
#define LARGER(a, b) ((bits_vector)_mm512_max_epu32((__m512i)(a), (__m512i)(b)))
#elif defined(__AVX2__)
#define LARGER(a, b) ((bits_vector)_mm256_max_epu32((__m256i)(a), (__m256i)(b)))
#else
static inline bits_vector larger(bits_vector a, bits_vector b) {
  const bits_vector is = (bits_vector)(a > b);
  return (a & is) | (b & ~is);
}
#define LARGER(a, b) larger(a, b)
#endif

typedef struct lane_sums {
  double lane[N_SUMS][LANES];
  bits_vector peak;
} lane_sums;

static void add_exactly(const float *in, const float *out, size_t n, lane_sums *s) {
  for (size_t i = 0; i < n; i++) {
    const double a = in[i], b = out[i], noise = (double)(in[i] - out[i]);
    s->lane[0][i % LANES] += a * a;
    s->lane[1][i % LANES] += b * b;
    s->lane[2][i % LANES] += noise * noise;
    s->lane[3][i % LANES] += noise * b;
  }
}

static bool add_block(const float *in, const float *out, size_t n, lane_sums *s) {
  real_vector sum[N_SUMS][VECTORS];
  float lane[N_SUMS][LANES], total[N_SUMS] = {0};
  memset(sum, 0, sizeof sum);
  for (size_t i = 0; i < n; i += LANES) {
    for (int v = 0; v < VECTORS; v++) {
      const real_vector a = load(in + i + v * WIDTH), b = load(out + i + v * WIDTH), noise = a - b;
      sum[0][v] += a * a;
      sum[1][v] += b * b;
      sum[2][v] += noise * noise;
      sum[3][v] += noise * b;
      s->peak = LARGER(s->peak, (bits_vector)a & MAGNITUDE);
    }
  }
  memcpy(lane, sum, sizeof lane);
  for (int k = 0; k < N_SUMS; k++) {
    for (int i = 0; i < LANES; i++) total[k] += lane[k][i];
  }
  const bool fits = total[0] >= LEAST_SUM && total[0] < INFINITY && total[1] < INFINITY && total[2] < INFINITY;
  if (!fits) return false;
  for (int k = 0; k < N_SUMS; k++) {
    for (int i = 0; i < LANES; i++) s->lane[k][i] += (double)lane[k][i];
  }
  return true;
}

static void measure(const float *in, const float *out, size_t n, sp_row_sums *sums) {
  lane_sums s = {0};
  double total[N_SUMS] = {0};
  size_t i = 0;
  uint32_t peak = 0;
  while (n - i >= LANES) {
    const size_t block = n - i < MEASURE_BLOCK ? (n - i) / LANES * LANES : MEASURE_BLOCK;
    if (!add_block(in + i, out + i, block, &s)) add_exactly(in + i, out + i, block, &s);
    i += block;
  }
  add_exactly(in + i, out + i, n - i, &s);
  for (; i < n; i++) peak = (bits_of(in[i]) & MAGNITUDE) > peak ? bits_of(in[i]) & MAGNITUDE : peak;
  for (int k = 0; k < WIDTH; k++) peak = s.peak[k] > peak ? s.peak[k] : peak;
  for (int k = 0; k < N_SUMS; k++) {
    for (int lane = 0; lane < LANES; lane++) total[k] += s.lane[k][lane];
  }
  *sums = (sp_row_sums){0};
  if (!(total[0] < INFINITY && total[1] < INFINITY && total[2] < INFINITY)) return;
  *sums = (sp_row_sums){.in = total[0], .out = total[1], .noise = total[2], .cross = total[3], .measured = 1};
  memcpy(&sums->peak, &peak, sizeof peak);
}

static void drain(void) {
#if defined(__SSE2__)
  _mm_sfence();
#endif
}

extern const sp_row_ops ROW_OPS;
const sp_row_ops ROW_OPS = {scan, subtract, measure, stream, drain};

#endif
