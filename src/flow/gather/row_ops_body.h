/* Rows of samples, with the widest vectors that the file which includes this is compiled for. Defines ROW_OPS. */
#ifndef SEISPROC_SRC_FLOW_GATHER_ROW_OPS_BODY_H
#define SEISPROC_SRC_FLOW_GATHER_ROW_OPS_BODY_H

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

static void drain(void) {
#if defined(__SSE2__)
  _mm_sfence();
#endif
}

extern const sp_row_ops ROW_OPS;
const sp_row_ops ROW_OPS = {scan, subtract, stream, drain};

#endif
