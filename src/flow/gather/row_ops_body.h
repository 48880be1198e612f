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

static const uint32_t MAGNITUDE = 0x7fffffffu, INFINITE = 0x7f800000u; /* bits of floats; of a NaN more than infinite */

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

static uint32_t magnitude(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits & MAGNITUDE;
}

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

/* The largest of the vector and of the last samples of a row. */
static uint32_t largest(bits_vector v, const float *rest, size_t n) {
  uint32_t peak = 0;
  for (int i = 0; i < WIDTH; i++) peak = v[i] > peak ? v[i] : peak;
  for (size_t i = 0; i < n; i++) peak = magnitude(rest[i]) > peak ? magnitude(rest[i]) : peak;
  return peak;
}

static unsigned held_by(uint32_t peak) {
  return (peak ? SP_ROW_ALIVE : 0) | (peak >= INFINITE ? SP_ROW_NOT_FINITE : 0);
}

static unsigned scan(const float *x, size_t n) {
  bits_vector peak = {0};
  size_t i = 0;
  for (; i + WIDTH <= n; i += WIDTH) peak = LARGER(peak, load_bits(x + i) & MAGNITUDE);
  return held_by(largest(peak, x + i, n - i));
}

static unsigned subtract(float *difference, const float *a, const float *b, size_t n) {
  bits_vector peak = {0};
  size_t i = 0;
  for (; i + WIDTH <= n; i += WIDTH) {
    const real_vector d = load(a + i) - load(b + i);
    memcpy(difference + i, &d, sizeof d);
    peak = LARGER(peak, (bits_vector)d & MAGNITUDE);
  }
  const size_t end = i;
  for (; i < n; i++) difference[i] = a[i] - b[i];
  return held_by(largest(peak, difference + end, n - end));
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
 * MEASURE_BLOCK samples, then in double, four by four; a block whose squares leave the range of float32 is summed in
 * double at once. */
enum { LANES = 16, VECTORS = LANES / WIDTH, MEASURE_BLOCK = 2048, QUARTER = 4, N_SUMS = 4 };

static const float LEAST_SUM = 1e-20f; /* of the input: below it squares that count may be denormal */

typedef float quarter __attribute__((vector_size(QUARTER * sizeof(float))));
typedef double wide_quarter __attribute__((vector_size(QUARTER * sizeof(double))));

typedef struct row_totals {
  wide_quarter sum[N_SUMS];
  bits_vector peak;
} row_totals;

static void add_exactly(const float *in, const float *out, size_t n, row_totals *s) {
  for (size_t i = 0; i < n; i++) {
    const double a = in[i], b = out[i], noise = (double)(in[i] - out[i]);
    s->sum[0][i % QUARTER] += a * a;
    s->sum[1][i % QUARTER] += b * b;
    s->sum[2][i % QUARTER] += noise * noise;
    s->sum[3][i % QUARTER] += noise * b;
  }
}

static double total_of(const wide_quarter *v) {
  return ((*v)[0] + (*v)[1]) + ((*v)[2] + (*v)[3]);
}

/* n is a multiple of LANES. The cross term is finite where the squares are. */
static bool add_block(const float *in, const float *out, size_t n, row_totals *s) {
  real_vector sum[N_SUMS][VECTORS] = {0};
  bits_vector peak = s->peak;
  quarter lane[N_SUMS][LANES / QUARTER];
  wide_quarter block[N_SUMS];
  for (size_t i = 0; i < n; i += LANES) {
    for (int v = 0; v < VECTORS; v++) {
      const real_vector a = load(in + i + v * WIDTH), b = load(out + i + v * WIDTH), noise = a - b;
      sum[0][v] += a * a;
      sum[1][v] += b * b;
      sum[2][v] += noise * noise;
      sum[3][v] += noise * b;
      peak = LARGER(peak, (bits_vector)a & MAGNITUDE);
    }
  }
  memcpy(lane, sum, sizeof lane);
  s->peak = peak;
  for (int k = 0; k < N_SUMS; k++) {
    block[k] = __builtin_convertvector(lane[k][0], wide_quarter);
    for (int q = 1; q < LANES / QUARTER; q++) block[k] += __builtin_convertvector(lane[k][q], wide_quarter);
  }
  const wide_quarter all = block[0] + block[1] + block[2];
  if (!(total_of(&block[0]) >= (double)LEAST_SUM && total_of(&all) < (double)INFINITY)) return false;
  for (int k = 0; k < N_SUMS; k++) s->sum[k] += block[k];
  return true;
}

static unsigned measure(const float *in, const float *out, size_t n, sp_row_sums *sums) {
  row_totals s = {0};
  const size_t in_blocks = n / LANES * LANES;
  for (size_t i = 0; i < in_blocks; i += MEASURE_BLOCK) {
    const size_t block = in_blocks - i < MEASURE_BLOCK ? in_blocks - i : MEASURE_BLOCK;
    if (!add_block(in + i, out + i, block, &s)) add_exactly(in + i, out + i, block, &s);
  }
  add_exactly(in + in_blocks, out + in_blocks, n - in_blocks, &s);
  const uint32_t peak = largest(s.peak, in + in_blocks, n - in_blocks);
  const sp_row_sums found = {.in = total_of(&s.sum[0]),
                             .out = total_of(&s.sum[1]),
                             .noise = total_of(&s.sum[2]),
                             .cross = total_of(&s.sum[3]),
                             .measured = 1};
  *sums = (sp_row_sums){0};
  if (found.in < (double)INFINITY && found.out < (double)INFINITY && found.noise < (double)INFINITY) {
    *sums = found;
    memcpy(&sums->peak, &peak, sizeof peak);
  }
  return held_by(peak);
}

static void drain(void) {
#if defined(__SSE2__)
  _mm_sfence();
#endif
}

extern const sp_row_ops ROW_OPS;
const sp_row_ops ROW_OPS = {scan, subtract, measure, stream, drain};

#endif
