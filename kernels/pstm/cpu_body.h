/* SPDX-License-Identifier: BSD-3-Clause */
/* The sum over a column for the instruction set of the file that includes this, once each: without a guard. */
#include "kernels/common/number.h"
#include "kernels/pstm/cpu.h"

/* 1 / sqrt(a) to 1e-7 of it, a > 0. Halving the exponent in the bits gives y with |1 - a y^2| < 0.0682; the rest is the
 * series of (1 - d)^-1/2 in d = 1 - a y^2, fitted there to 2.4e-8. Products and sums alone, so that processors of
 * different makers agree, and no waiting for the divider, which they have one of. */
SP_INLINE num inverse_root(num a) {
  const num y = (num)(vi_set(0x5f374800) - ((vi)a >> 1)), d = vf_fnma(a * y, y, vf_set(1.0f));
  num sum = vf_fma(vf_set(0x1.19bf5p-2f), d, vf_set(0x1.4175dap-2f));
  sum = vf_fma(sum, d, vf_set(0x1.7fff3p-2f));
  sum = vf_fma(sum, d, vf_set(0x1.ffff92p-2f));
  return vf_fma(y * d, sum, y);
}
SP_INLINE void root_pair(num a, num b, num r[4]) {
  r[2] = inverse_root(a);
  r[3] = inverse_root(b);
  r[0] = a * r[2];
  r[1] = b * r[3];
}
#if SP_LANES == 16
SP_INLINE num_mask num_within(num x, num end) {
  return _mm512_mask_cmp_ps_mask(_mm512_cmp_ps_mask((__m512)x, (__m512)vf_set(0), _CMP_GE_OQ), (__m512)x, (__m512)end,
                                 _CMP_LT_OQ);
}
SP_INLINE bool any_lane(num_mask m) {
  return m != 0;
}
SP_INLINE vi vi_where(vm m, vi a) {
  return (vi)_mm512_maskz_mov_epi32(m, (__m512i)a);
}
SP_INLINE vi vi_count(vi a, vm m) {
  return vi_add_where(a, m, vi_set(1));
}
#else
SP_INLINE num_mask num_within(num x, num end) {
  return (x >= 0) & (x < end);
}
SP_INLINE bool any_lane(num_mask m) {
#if SP_LANES == 8
  return vm_bits(m) != 0;
#else
  return (m[0] | m[1] | m[2] | m[3]) != 0;
#endif
}
SP_INLINE vi vi_where(vm m, vi a) {
  return a & m;
}
SP_INLINE vi vi_count(vi a, vm m) {
  return a - m;
}
#endif
/* a * b of numbers below 2^15 */
SP_INLINE vi vi_multiply(vi a, vi b) {
#if SP_LANES == 16
  return (vi)_mm512_madd_epi16((__m512i)a, (__m512i)b);
#elif SP_LANES == 8
  return (vi)_mm256_madd_epi16((__m256i)a, (__m256i)b);
#else
  return a * b;
#endif
}

#include "kernels/pstm/formula.h"

/* --- reading ------------------------------------------------------------------------------------------------------ */

/* Of each lane the four floats from bank + position on: element i of all lanes to out[i]. */
SP_INLINE void read_four(const float *bank, const int32_t position[SP_LANES], vf out[4]) {
#if SP_LANES == 4
  for (int i = 0; i < 4; i++) {
    out[i] = (vf){bank[position[0] + i], bank[position[1] + i], bank[position[2] + i], bank[position[3] + i]};
  }
#else
  vf row[4]; /* row i: lanes i, 4 + i, ... , four floats each */
  for (int i = 0; i < 4; i++) {
#if SP_LANES == 8
    row[i] = (vf)_mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(bank + position[i])),
                                      _mm_loadu_ps(bank + position[4 + i]), 1);
#else
    __m512 r = _mm512_castps128_ps512(_mm_loadu_ps(bank + position[i]));
    r = _mm512_insertf32x4(r, _mm_loadu_ps(bank + position[4 + i]), 1);
    r = _mm512_insertf32x4(r, _mm_loadu_ps(bank + position[8 + i]), 2);
    row[i] = (vf)_mm512_insertf32x4(r, _mm_loadu_ps(bank + position[12 + i]), 3);
#endif
  }
#if SP_LANES == 8
#define LOW(a, b)   (vf) _mm256_unpacklo_ps((__m256)(a), (__m256)(b))
#define HIGH(a, b)  (vf) _mm256_unpackhi_ps((__m256)(a), (__m256)(b))
#define LOW2(a, b)  (vf) _mm256_unpacklo_pd((__m256d)(a), (__m256d)(b))
#define HIGH2(a, b) (vf) _mm256_unpackhi_pd((__m256d)(a), (__m256d)(b))
#else
#define LOW(a, b)   (vf) _mm512_unpacklo_ps((__m512)(a), (__m512)(b))
#define HIGH(a, b)  (vf) _mm512_unpackhi_ps((__m512)(a), (__m512)(b))
#define LOW2(a, b)  (vf) _mm512_unpacklo_pd((__m512d)(a), (__m512d)(b))
#define HIGH2(a, b) (vf) _mm512_unpackhi_pd((__m512d)(a), (__m512d)(b))
#endif
  const vf a = LOW(row[0], row[1]), b = LOW(row[2], row[3]), c = HIGH(row[0], row[1]), d = HIGH(row[2], row[3]);
  out[0] = LOW2(a, b);
  out[1] = HIGH2(a, b);
  out[2] = LOW2(c, d);
  out[3] = HIGH2(c, d);
#undef LOW
#undef HIGH
#undef LOW2
#undef HIGH2
#endif
}

/* The two floats from row + position on. */
SP_INLINE void read_two(const float *row, const int32_t position[SP_LANES], vf out[2]) {
#if SP_LANES == 16
  const __m512i low = _mm512_i32gather_epi64(_mm256_loadu_si256((const __m256i *)position), row, 4);
  const __m512i high = _mm512_i32gather_epi64(_mm256_loadu_si256((const __m256i *)(position + 8)), row, 4);
  out[0] = vf_even((vf)low, (vf)high);
  out[1] = vf_odd((vf)low, (vf)high);
#elif SP_LANES == 8
  vf pair[2]; /* pair 0: lanes 0 1 4 5, pair 1: lanes 2 3 6 7 */
  for (int i = 0; i < 2; i++) {
    const int32_t *from = position + 2 * i;
    const __m128 zero = _mm_setzero_ps();
    const __m128 low = _mm_loadh_pi(_mm_loadl_pi(zero, (const __m64 *)(const void *)(row + from[0])),
                                    (const __m64 *)(const void *)(row + from[1]));
    const __m128 high = _mm_loadh_pi(_mm_loadl_pi(zero, (const __m64 *)(const void *)(row + from[4])),
                                     (const __m64 *)(const void *)(row + from[5]));
    pair[i] = (vf)_mm256_insertf128_ps(_mm256_castps128_ps256(low), high, 1);
  }
  out[0] = (vf)_mm256_shuffle_ps((__m256)pair[0], (__m256)pair[1], 0x88);
  out[1] = (vf)_mm256_shuffle_ps((__m256)pair[0], (__m256)pair[1], 0xdd);
#else
  for (int i = 0; i < 2; i++) {
    out[i] = (vf){row[position[0] + i], row[position[1] + i], row[position[2] + i], row[position[3] + i]};
  }
#endif
}

/* --- a column ----------------------------------------------------------------------------------------------------- */

/* A column is worked through in pieces and a piece in three passes: a processor then has several vectors under way in
 * each, where one pass would be a chain of roots, quotients and loads longer than it can look ahead. */
enum { PIECE = 16 * SP_LANES };

typedef struct piece {
  float t[PIECE], inverse_s[PIECE], inverse_r[PIECE];
  float fine[PIECE], between[PIECE], weight[PIECE]; /* fractions to the next sample and the next level */
  int32_t position[PIECE];
} piece;

SP_INLINE sp_pstm_point point_at(const unsigned flags, const sp_pstm_points *points, size_t row, size_t i) {
  sp_pstm_point p = {.quarter = vf_load(points->quarter + i), .slowness_2 = vf_load(points->slowness_2 + row + i)};
  if (flags & SP_PSTM_ETA) {
    p.fourth = vf_load(points->fourth + row + i);
    p.far = vf_load(points->far + row + i);
    p.depth_2 = vf_load(points->depth_2 + row + i);
  }
  if (flags & SP_PSTM_APERTURE) p.aperture = vf_load(points->aperture + i);
  return p;
}

SP_INLINE void make_legs(const unsigned flags, const sp_pstm_column *column, const sp_pstm_ray *ray, size_t first,
                         size_t n, piece *out) {
  for (size_t i = 0; i < n; i += SP_LANES) {
    const sp_pstm_point p = point_at(flags, column->points, column->row, first + i);
    vf r[4];
    sp_pstm_legs(flags, ray, &p, r);
    vf_store(out->t + i, r[0] + r[1]);
    vf_store(out->inverse_s + i, r[2]);
    vf_store(out->inverse_r + i, r[3]);
  }
}

/* Positions and weights of a piece, and its hits. Returns the end of the last vector that has a hit, 0 where none has;
 * sets *start to the first such vector. */
SP_INLINE size_t make_positions(const unsigned flags, const sp_pstm_terms *terms, const sp_pstm_column *column,
                                const sp_pstm_ray *ray, size_t bank_row, size_t first, size_t n, piece *x,
                                size_t *start) {
  const vi units = vi_set((int32_t)(bank_row / SP_PSTM_ROW_UNIT)), below = vi_set((1 << SP_PSTM_LEVEL_SHIFT) - 1);
  size_t end = 0;
  for (size_t i = 0; i < n; i += SP_LANES) {
    const sp_pstm_point p = point_at(flags, column->points, column->row, first + i);
    vf index, level_of = {0}, weight;
    const vm inside = sp_pstm_evaluate(flags, terms, ray, &p, vf_load(x->t + i), vf_load(x->inverse_s + i),
                                       vf_load(x->inverse_r + i), &index, &level_of, &weight);
    if (!any_lane(inside)) {
      vi_store(x->position + i, vi_set(0));
      vf_store(x->weight + i, vf_set(0));
      vf_store(x->fine + i, vf_set(0));
      vf_store(x->between + i, vf_set(0));
      continue;
    }
    if (!end) *start = i;
    end = i + SP_LANES;
    const vi whole = __builtin_convertvector(index, vi);
    vi position = whole;
    if (flags & SP_PSTM_AA) {
      const vi level = (vi)level_of - SP_PSTM_LEVEL_ZERO;
      position = vi_multiply(level >> SP_PSTM_LEVEL_SHIFT, units) * SP_PSTM_ROW_UNIT + whole + whole;
      vf_store(x->between + i, (vf)(((level & below) << 1) | vi_set(0x3f800000)) - 1.0f);
    }
    vf_store(x->fine + i, index - __builtin_convertvector(whole, vf));
    vi_store(x->position + i, vi_where(inside, position));
    vf_store(x->weight + i, (vf)vi_where(inside, (vi)weight));
    vi_store(column->hits + first + i, vi_count(vi_load(column->hits + first + i), inside));
  }
  return end;
}

SP_INLINE void add_piece(const unsigned flags, const float *bank, const piece *x, size_t i, size_t end, float *sum) {
  for (; i < end; i += SP_LANES) {
    const vf fine = vf_load(x->fine + i);
    vf value[4];
    if (flags & SP_PSTM_AA) {
      const vf between = vf_load(x->between + i);
      read_four(bank, x->position + i, value);
      value[0] = vf_fma(between, value[1] - value[0], value[0]);
      value[1] = vf_fma(between, value[3] - value[2], value[2]);
    } else {
      read_two(bank, x->position + i, value);
    }
    const vf sample = vf_fma(fine, value[1] - value[0], value[0]);
    vf_store(sum + i, vf_fma(vf_load(x->weight + i), sample, vf_load(sum + i)));
  }
}

SP_INLINE void add_column(const unsigned fixed, const sp_pstm_column *column, const sp_pstm_ray *ray, const float *bank,
                          size_t bank_row) {
  const sp_pstm_terms terms = *column->terms;
  const unsigned flags = fixed | (terms.flags & (SP_PSTM_STRETCH | SP_PSTM_APERTURE | SP_PSTM_TIMES_T));
  _Alignas(64) piece x;
  for (size_t first = column->first; first < column->end; first += PIECE) {
    const size_t left = column->end - first, n = left < PIECE ? left : PIECE;
    size_t start = 0;
    make_legs(flags, column, ray, first, n, &x);
    const size_t end = make_positions(flags, &terms, column, ray, bank_row, first, n, &x, &start);
    add_piece(flags, bank, &x, start, end, column->sum + first);
  }
}

/* --- one function for each kind of job ---------------------------------------------------------------------------- */

enum { SHAPE = SP_PSTM_ETA | SP_PSTM_AA | SP_PSTM_DIP | SP_PSTM_WEIGHTS | SP_PSTM_LINE };

#define CASE(flags)                                                                                                    \
  case (flags):                                                                                                        \
    add_column((flags), column, ray, bank, bank_row);                                                                  \
    return;
#define CASES(flags)                                                                                                   \
  CASE(flags)                                                                                                          \
  CASE((flags) | SP_PSTM_ETA)                                                                                          \
  CASE((flags) | SP_PSTM_AA)                                                                                           \
  CASE((flags) | SP_PSTM_DIP)                                                                                          \
  CASE((flags) | SP_PSTM_ETA | SP_PSTM_AA)                                                                             \
  CASE((flags) | SP_PSTM_ETA | SP_PSTM_DIP)                                                                            \
  CASE((flags) | SP_PSTM_AA | SP_PSTM_DIP)                                                                             \
  CASE((flags) | SP_PSTM_ETA | SP_PSTM_AA | SP_PSTM_DIP)

static void add(const sp_pstm_column *column, const sp_pstm_ray *ray, const float *bank, size_t bank_row) {
  switch (column->terms->flags & SHAPE) {
    CASES(0)
    CASES(SP_PSTM_WEIGHTS)
    CASES(SP_PSTM_WEIGHTS | SP_PSTM_LINE)
  }
}

const sp_pstm_ops SP_ISA_SYMBOL(sp_pstm_ops) = {add};
