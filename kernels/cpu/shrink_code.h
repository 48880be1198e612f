/* shrink.h in the vectors of the file that includes this. */
#include "kernels/cpu/exact_median.h"
#include "kernels/cpu/shrink.h"
#include "kernels/cpu/simd.h"
#include "kernels/cpu/window_stats.h"
#include "kernels/dwt.h"

/* --- shrinking ---------------------------------------------------------------------------------------------- */

SP_INLINE vf shrunk(const int threshold, vf c, vf limit) {
  if (threshold == SP_DWT_SOFT) return c - vf_max(vf_min(c, limit), -limit);
  const vf size = vf_abs(c);
  if (threshold == SP_DWT_HARD) return vf_select(vf_less(size, limit), vf_set(0), c);
  return vf_select(vf_less(limit, size), c - limit * (limit / c), vf_set(0));
}

SP_INLINE void shrink_all(const int threshold, float limit, float factor, float *x, size_t n) {
  const vf t = vf_set(limit), f = vf_set(factor);
  for (size_t i = 0; i < n; i += SP_LANES) vf_store(x + i, shrunk(threshold, vf_load(x + i), t) * f);
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

/* What is left of a coefficient, from the sorted window around it. */
SP_INLINE vf robustly_shrunk(const int threshold, const sp_window *w, const vi *sorted, const int n, vi centre) {
  const vf median = window_median(sorted, n);
  const vf spread = vf_set(w->spread) * window_mad(sorted, n, median);
  const vf floor = vf_max(vf_set(0.01f) * vf_abs(median), vf_set(w->smallest));
  return shrunk(threshold, vf_from_ordered(centre), vf_max(spread, floor)) * vf_set(w->factor);
}

SP_INLINE void window_all(const int threshold, const sp_window *w, const int32_t *const *rows, int n_rows, int centre,
                          float *out, size_t n) {
  vi s[SP_WINDOW_MAX];
  for (size_t i = 0; i < n; i += SP_LANES) {
    s[0] = vi_load(rows[0] + i);
    for (int r = 1; r < n_rows; r++) window_insert(s, s, r, vi_load(rows[r] + i));
    vf_store(out + i, robustly_shrunk(threshold, w, s, n_rows, vi_load(rows[centre] + i)));
  }
}

static void window(const sp_window *w, const int32_t *const *rows, int n_rows, int centre, float *out, size_t n) {
  switch (w->threshold) {
  case SP_DWT_SOFT:
    window_all(SP_DWT_SOFT, w, rows, n_rows, centre, out, n);
    break;
  case SP_DWT_HARD:
    window_all(SP_DWT_HARD, w, rows, n_rows, centre, out, n);
    break;
  default:
    window_all(SP_DWT_GARROTE, w, rows, n_rows, centre, out, n);
    break;
  }
}

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

typedef double vd __attribute__((vector_size(SP_LANES * 8)));

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

static double entropy(float scale, const float *x, size_t n) {
  vd sums = {0};
  for (size_t i = 0; i < n; i += SP_LANES) {
    float part[SP_LANES] = {0};
    const size_t left = n - i < SP_LANES ? n - i : SP_LANES;
    memcpy(part, x + i, left * sizeof *part);
    const vf c = vf_load(part) * scale, p = c * c;
    sums += __builtin_convertvector(p * logarithm(p), vd);
  }
  double sum = 0;
  for (int i = 0; i < SP_LANES; i++) sum += sums[i];
  return sum;
}

const sp_shrink_functions SP_ISA_SYMBOL(sp_shrink) = {
    .median_magnitude = median_magnitude,
    .shrink = shrink,
    .multiply = multiply,
    .order = order,
    .window = window,
    .window_pair = {[4] = pair_4, [6] = pair_6, [8] = pair_8, [10] = pair_10},
    .entropy = entropy,
};
