/* SPDX-License-Identifier: BSD-3-Clause */
/* cpu_shrink.h in the vectors of the file that includes this. */
#include "kernels/common/exact_median.h"
#include "kernels/common/simd.h"
#include "kernels/common/window_stats.h"
#include "kernels/dwt/cpu_shrink.h"
#include "kernels/dwt/dwt.h"
#include "kernels/dwt/threshold.h"

/* --- shrinking ---------------------------------------------------------------------------------------------- */

SP_INLINE void shrink_all(const int threshold, float limit, float factor, float *x, size_t n) {
  const vf t = vf_set(limit), f = vf_set(factor);
  for (size_t i = 0; i < n; i += SP_LANES) vf_store(x + i, sp_dwt_shrunk(threshold, vf_load(x + i), t) * f);
}

static void shrink(int threshold, float limit, float factor, float *x, size_t n) {
  switch (threshold) {
  case SP_DWT_SOFT:
    shrink_all(SP_DWT_SOFT, limit, factor, x, n);
    break;
  case SP_DWT_HARD:
    shrink_all(SP_DWT_HARD, limit, factor, x, n);
    break;
  default:
    shrink_all(SP_DWT_GARROTE, limit, factor, x, n);
    break;
  }
}

static void multiply(float factor, float *x, size_t n) {
  const vf f = vf_set(factor);
  for (size_t i = 0; i < n; i += SP_LANES) vf_store(x + i, vf_load(x + i) * f);
}

/* --- over neighbouring traces ------------------------------------------------------------------------------- */

static void order(float *x, size_t n) {
  for (size_t i = 0; i < n; i += SP_LANES) vf_store(x + i, (vf)vi_ordered(vf_load(x + i)));
}

SP_INLINE vf robust_limit(const sp_window *w, const vi *sorted, const int n) {
  const vf median = window_median(sorted, n);
  return sp_dwt_robust_limit(w->spread, w->smallest, median, window_mad(sorted, n, median));
}

/* What is left of a coefficient, from the sorted window around it. */
SP_INLINE vf robustly_shrunk(const int threshold, const sp_window *w, const vi *sorted, const int n, vi centre) {
  return sp_dwt_shrunk(threshold, vf_from_ordered(centre), robust_limit(w, sorted, n)) * vf_set(w->factor);
}

SP_INLINE void window_all(const int threshold, const sp_window *w, const int32_t *const *rows, int n_rows, int centre,
                          int32_t *sorted, float *out, size_t n) {
  vi s[SP_WINDOW_MAX];
  for (size_t i = 0; i < n; i += SP_LANES) {
    s[0] = vi_load(rows[0] + i);
    for (int r = 1; r < n_rows; r++) window_insert(s, s, r, vi_load(rows[r] + i));
    vf_store(out + i, robustly_shrunk(threshold, w, s, n_rows, vi_load(rows[centre] + i)));
    if (sorted) memcpy(sorted + i * (size_t)n_rows, s, sizeof *s * (size_t)n_rows);
  }
}

static void window(const sp_window *w, const int32_t *const *rows, int n_rows, int centre, int32_t *sorted, float *out,
                   size_t n) {
  switch (w->threshold) {
  case SP_DWT_SOFT:
    window_all(SP_DWT_SOFT, w, rows, n_rows, centre, sorted, out, n);
    break;
  case SP_DWT_HARD:
    window_all(SP_DWT_HARD, w, rows, n_rows, centre, sorted, out, n);
    break;
  default:
    window_all(SP_DWT_GARROTE, w, rows, n_rows, centre, sorted, out, n);
    break;
  }
}

SP_INLINE void slide_all(const int n_rows, const sp_window *w, const int32_t *gone, const int32_t *fresh,
                         const int32_t *centre, int32_t *sorted, float *out, size_t n) {
  for (size_t i = 0; i < n; i += SP_LANES) {
    vi s[SP_WINDOW_MAX];
    vf result;
    int32_t *place = sorted + i * (size_t)n_rows;
    SP_UNROLL
    for (int r = 0; r < n_rows; r++) s[r] = vi_load(place + r * SP_LANES);
    window_replace(s, s, n_rows, vi_load(gone + i), vi_load(fresh + i));
    SP_UNROLL
    for (int r = 0; r < n_rows; r++) vi_store(place + r * SP_LANES, s[r]);
    const vf limit = robust_limit(w, s, n_rows), c = vf_from_ordered(vi_load(centre + i));
    switch (w->threshold) {
    case SP_DWT_SOFT:
      result = sp_dwt_shrunk(SP_DWT_SOFT, c, limit);
      break;
    case SP_DWT_HARD:
      result = sp_dwt_shrunk(SP_DWT_HARD, c, limit);
      break;
    default:
      result = sp_dwt_shrunk(SP_DWT_GARROTE, c, limit);
      break;
    }
    vf_store(out + i, result * vf_set(w->factor));
  }
}

#define SLIDES(X) X(11) X(13) X(15) X(17) X(19) X(21) X(23) X(25) X(27) X(29) X(31)
#define DEFINE_SLIDE(n_rows)                                                                                           \
  static void slide_##n_rows(const sp_window *w, const int32_t *gone, const int32_t *fresh, const int32_t *centre,     \
                             int32_t *sorted, float *out, size_t n) {                                                  \
    slide_all(n_rows, w, gone, fresh, centre, sorted, out, n);                                                         \
  }
SLIDES(DEFINE_SLIDE)
#define NAME_SLIDE(n_rows) [n_rows] = slide_##n_rows,

/* n_rows rows, the inner n_rows - 2 of which both windows see. */
SP_INLINE void pair_all(const int threshold, const int n_rows, const sp_window *w, const int32_t *const *rows,
                        float *out, float *out_next, size_t n) {
  for (size_t i = 0; i < n; i += SP_LANES) {
    vi shared[SP_WINDOW_MAX], sorted[SP_WINDOW_MAX];
    SP_UNROLL
    for (int r = 1; r < n_rows - 1; r++) shared[r - 1] = vi_load(rows[r] + i);
    const vi centre = shared[n_rows / 2 - 2], next = shared[n_rows / 2 - 1];
    window_sort(shared, n_rows - 2);
    window_insert(sorted, shared, n_rows - 2, vi_load(rows[0] + i));
    vf_store(out + i, robustly_shrunk(threshold, w, sorted, n_rows - 1, centre));
    window_insert(sorted, shared, n_rows - 2, vi_load(rows[n_rows - 1] + i));
    vf_store(out_next + i, robustly_shrunk(threshold, w, sorted, n_rows - 1, next));
  }
}

#define DEFINE_PAIR(n_rows)                                                                                            \
  static void pair_##n_rows(const sp_window *w, const int32_t *const *rows, float *out, float *out_next, size_t n) {   \
    switch (w->threshold) {                                                                                            \
    case SP_DWT_SOFT:                                                                                                  \
      pair_all(SP_DWT_SOFT, n_rows, w, rows, out, out_next, n);                                                        \
      break;                                                                                                           \
    case SP_DWT_HARD:                                                                                                  \
      pair_all(SP_DWT_HARD, n_rows, w, rows, out, out_next, n);                                                        \
      break;                                                                                                           \
    default:                                                                                                           \
      pair_all(SP_DWT_GARROTE, n_rows, w, rows, out, out_next, n);                                                     \
      break;                                                                                                           \
    }                                                                                                                  \
  }
DEFINE_PAIR(4)
DEFINE_PAIR(6)
DEFINE_PAIR(8)
DEFINE_PAIR(10)

/* --- entropy ------------------------------------------------------------------------------------------------ */

/* ln p for p > 0; finite for 0. m = 2^-e p in sqrt(1/2) ... sqrt(2), s = (m - 1) / (m + 1), ln m = 2 artanh s. */
SP_INLINE vf logarithm(vf p) {
  const vi e = ((vi)p - 0x3f3504f3) >> 23;
  const vf m = (vf)((vi)p - (e << 23));
  const vf s = (m - 1.0f) / (m + 1.0f), z = s * s;
  vf series = vf_fma(z, vf_set(1.0f / 9), vf_set(1.0f / 7));
  series = vf_fma(series, z, vf_set(1.0f / 5));
  series = vf_fma(series, z, vf_set(1.0f / 3));
  series = vf_fma(series, z, vf_set(1));
  return vf_fma(__builtin_convertvector(e, vf), vf_set(0.693147181f), 2.0f * s * series);
}

/* p ln p of each lane. */
SP_INLINE vf information(vf scale, vf x) {
  const vf c = x * scale, p = c * c;
  return p * logarithm(p);
}

/* Four sums in turn, so that none adds many terms in single precision. */
static double entropy(float scale, const float *x, size_t n) {
  const vf by = vf_set(scale);
  vf sums[4] = {vf_set(0), vf_set(0), vf_set(0), vf_set(0)};
  size_t i = 0;
  for (; i + 4 * SP_LANES <= n; i += 4 * SP_LANES) {
    SP_UNROLL
    for (int j = 0; j < 4; j++) sums[j] += information(by, vf_load(x + i + j * SP_LANES));
  }
  for (; i + SP_LANES <= n; i += SP_LANES) sums[0] += information(by, vf_load(x + i));
  if (i < n) {
    float rest[SP_LANES] = {0};
    memcpy(rest, x + i, (n - i) * sizeof *rest);
    sums[1] += information(by, vf_load(rest));
  }
  const vf all = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  double sum = 0;
  for (int j = 0; j < SP_LANES; j++) sum += all[j];
  return sum;
}

const sp_shrink_functions SP_ISA_SYMBOL(sp_shrink) = {
    .median_magnitude = median_magnitude,
    .shrink = shrink,
    .multiply = multiply,
    .order = order,
    .window = window,
    .pair = {[4] = pair_4, [6] = pair_6, [8] = pair_8, [10] = pair_10},
    .slide = {SLIDES(NAME_SLIDE)},
    .entropy = entropy,
};
