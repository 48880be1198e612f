/* SPDX-License-Identifier: BSD-3-Clause */
/* The undecimated filter bank in the vectors of the file that includes this; see filter_bank.h.
 *
 * At step s the lattice's delays are 2 s samples: within a vector a shuffle with the vector before (2 s < SP_LANES),
 * else a whole number of vectors, and the signal falls into that many interleaved ones, done one after another so
 * that the delayed vectors stay in registers. Synthesis ends with a delay by s, so there two of them go together.
 */
#include "kernels/common/simd.h"
#include "kernels/dwt/cpu_filter_bank.h"

typedef struct lattice {
  vf t[SP_BANK_MAX_SWT_STAGES];
  vf last[SP_BANK_MAX_SWT_STAGES + 1]; /* of the branch that a stage delays; see the stages below for [0] */
} lattice;

SP_INLINE void lattice_start(lattice *l, const sp_bank *bank, const int stages) {
  SP_UNROLL
  for (int i = 0; i < stages; i++) {
    l->t[i] = vf_set(bank->tangent[i]);
    l->last[i] = vf_set(0);
  }
}

/* Delay by n lanes, a constant; by the whole vector where n is SP_LANES. */
SP_INLINE vf delay(vf before, vf now, const int n) {
  if (n == SP_LANES) return before;
  if (n == 1) return vf_delay(before, now, 1);
  if (n == 2) return vf_delay(before, now, 2);
#if SP_LANES > 4
  if (n == 4) return vf_delay(before, now, 4);
#endif
#if SP_LANES > 8
  if (n == 8) return vf_delay(before, now, 8);
#endif
  __builtin_unreachable();
}

SP_INLINE void lattice_analyse(lattice *l, const int stages, const int lanes, vf u, vf v, vf *lo, vf *hi) {
  vf sum = vf_fma(l->t[0], v, u);
  v = vf_fnma(l->t[0], u, v);
  SP_UNROLL
  for (int i = 1; i < stages; i++) {
    u = delay(l->last[i], sum, lanes);
    l->last[i] = sum;
    sum = vf_fma(l->t[i], v, u);
    v = vf_fnma(l->t[i], u, v);
  }
  *lo = sum;
  *hi = v;
}

/* Both branches before they are added: out[m] is u one step later plus v. */
SP_INLINE void lattice_synthesise(lattice *l, const int stages, const int lanes, vf *u, vf *v) {
  SP_UNROLL
  for (int i = stages - 1; i > 0; i--) {
    const vf sum = vf_fma(l->t[i], *u, *v);
    *u = vf_fnma(l->t[i], *v, *u);
    *v = delay(l->last[i], sum, lanes);
    l->last[i] = sum;
  }
  const vf even = vf_fnma(l->t[0], *v, *u);
  *v = vf_fma(l->t[0], *u, *v);
  *u = even;
}

/* Delays of `lanes` < SP_LANES, or, SP_LANES, of any whole number of vectors. */
SP_INLINE void analyse_lattice(const int stages, const int folded, const int lanes, const sp_bank *bank, size_t step,
                               const float *x, size_t n, float *lo, float *hi) {
  const size_t stride = lanes < SP_LANES ? SP_LANES : 2 * step;
  const ptrdiff_t s = (ptrdiff_t)step;
  const ptrdiff_t lead = lanes < SP_LANES ? ((stages - 1) * lanes + SP_LANES - 1) / SP_LANES : stages - 1;
  const vf scale = vf_set(bank->analysis_scale);
  lattice l;
  vf a, d;
  for (size_t phase = 0; phase < stride && phase < n; phase += SP_LANES) {
    lattice_start(&l, bank, stages);
    for (ptrdiff_t i = -lead; i < 0; i++) {
      const float *from = x + (ptrdiff_t)phase + i * (ptrdiff_t)stride;
      lattice_analyse(&l, stages, lanes, vf_load(from - s), vf_load(from), &a, &d);
    }
    for (size_t k = phase; k < n; k += stride) {
      lattice_analyse(&l, stages, lanes, vf_load(x + k - s), vf_load(x + k), &a, &d);
      vf_store(lo + k, folded ? a : a * scale);
      vf_store(hi + k, folded ? d : d * scale);
    }
  }
}

/* Delays within one vector: 2 * step = lanes <= SP_LANES. */
SP_INLINE void synthesise_near(const int stages, const int folded, const int lanes, const sp_bank *bank,
                               const float *lo, const float *hi, size_t n, float *x) {
  const ptrdiff_t lead = ((stages - 1) * lanes + lanes / 2 + SP_LANES - 1) / SP_LANES * SP_LANES;
  const ptrdiff_t ahead = (2 * stages - 1) * (lanes / 2);
  const vf scale = vf_set(bank->swt_scale);
  lattice l;
  vf before = vf_set(0);
  lattice_start(&l, bank, stages);
  for (ptrdiff_t m = -lead; m < (ptrdiff_t)n; m += SP_LANES) {
    vf u = vf_load(lo + m + ahead), v = vf_load(hi + m + ahead);
    lattice_synthesise(&l, stages, lanes, &u, &v);
    const vf sum = u + delay(before, v, lanes / 2);
    before = v;
    if (m >= 0) vf_store(x + m, folded ? sum : sum * scale);
  }
}

/* step is a multiple of SP_LANES: two interleaved signals, one step apart, at a time. */
SP_INLINE void synthesise_far(const int stages, const int folded, const sp_bank *bank, size_t step, const float *lo,
                              const float *hi, size_t n, float *x) {
  const ptrdiff_t s = (ptrdiff_t)step, ahead = (2 * stages - 1) * s;
  const vf scale = vf_set(bank->swt_scale);
  lattice a, b;
  for (ptrdiff_t phase = 0; phase < s && phase < (ptrdiff_t)n; phase += SP_LANES) {
    lattice_start(&a, bank, stages);
    lattice_start(&b, bank, stages);
    vf u_a, v_a, u_b = vf_set(0), v_b = vf_set(0);
    for (ptrdiff_t m = phase - stages * 2 * s; m < (ptrdiff_t)n; m += 2 * s) {
      u_a = vf_set(0), v_a = vf_set(0);
      if (m >= phase - (stages - 1) * 2 * s) {
        u_a = vf_load(lo + m + ahead), v_a = vf_load(hi + m + ahead);
        lattice_synthesise(&a, stages, SP_LANES, &u_a, &v_a);
      }
      const vf first = u_a + v_b;
      u_b = vf_load(lo + m + s + ahead), v_b = vf_load(hi + m + s + ahead);
      lattice_synthesise(&b, stages, SP_LANES, &u_b, &v_b);
      const vf second = u_b + v_a;
      if (m < 0) continue;
      vf_store(x + m, folded ? first : first * scale);
      if (m + s < (ptrdiff_t)n) vf_store(x + m + s, folded ? second : second * scale);
    }
  }
}

SP_INLINE void analyse(const int stages, const int folded, const sp_bank *bank, size_t step, const float *x, size_t n,
                       float *lo, float *hi) {
  if (2 * step >= SP_LANES) {
    analyse_lattice(stages, folded, SP_LANES, bank, step, x, n, lo, hi);
  } else if (step == 1) {
    analyse_lattice(stages, folded, 2, bank, step, x, n, lo, hi);
  } else if (step == 2) {
    analyse_lattice(stages, folded, 4, bank, step, x, n, lo, hi);
  } else {
    analyse_lattice(stages, folded, 8, bank, step, x, n, lo, hi);
  }
}

SP_INLINE void synthesise(const int stages, const int folded, const sp_bank *bank, size_t step, const float *lo,
                          const float *hi, size_t n, float *x) {
  if (step >= SP_LANES) {
    synthesise_far(stages, folded, bank, step, lo, hi, n, x);
  } else if (step == 1) {
    synthesise_near(stages, folded, 2, bank, lo, hi, n, x);
  } else if (step == 2) {
    synthesise_near(stages, folded, 4, bank, lo, hi, n, x);
  } else if (step == 4) {
    synthesise_near(stages, folded, SP_LANES < 8 ? SP_LANES : 8, bank, lo, hi, n, x);
  } else {
    synthesise_near(stages, folded, SP_LANES, bank, lo, hi, n, x);
  }
}

/* Vectors of outputs that one broadcast tap serves. */
enum { WIDE = 4 };

/* Adds to sum[] the sum over taps first ... end - 1 of taps[j] x[-j step]. */
SP_INLINE void filter(const int vectors, const float *taps, int first, int end, ptrdiff_t step, const float *x,
                      vf *sum) {
  for (int j = first; j < end; j++) {
    const vf tap = vf_set(taps[j]);
    SP_UNROLL
    for (int i = 0; i < vectors; i++) sum[i] = vf_fma(tap, vf_load(x - j * step + i * SP_LANES), sum[i]);
  }
}

SP_INLINE void analyse_some(const int vectors, const sp_bank *bank, ptrdiff_t step, const float *x, float *lo,
                            float *hi) {
  vf a[WIDE], d[WIDE];
  SP_UNROLL
  for (int i = 0; i < vectors; i++) a[i] = d[i] = vf_set(0);
  filter(vectors, bank->dec_lo, bank->dec_lo_first, bank->dec_lo_end, step, x, a);
  filter(vectors, bank->dec_hi, bank->dec_hi_first, bank->dec_hi_end, step, x, d);
  SP_UNROLL
  for (int i = 0; i < vectors; i++) {
    vf_store(lo + i * SP_LANES, a[i]);
    vf_store(hi + i * SP_LANES, d[i]);
  }
}

SP_INLINE void synthesise_some(const int vectors, const sp_bank *bank, ptrdiff_t step, const float *lo, const float *hi,
                               float *x) {
  vf sum[WIDE];
  SP_UNROLL
  for (int i = 0; i < vectors; i++) sum[i] = vf_set(0);
  filter(vectors, bank->rec_lo, bank->rec_lo_first, bank->rec_lo_end, step, lo, sum);
  filter(vectors, bank->rec_hi, bank->rec_hi_first, bank->rec_hi_end, step, hi, sum);
  SP_UNROLL
  for (int i = 0; i < vectors; i++) vf_store(x + i * SP_LANES, sum[i]);
}

static void analyse_plain(const sp_bank *bank, size_t step, const float *x, size_t n, float *lo, float *hi) {
  size_t k = 0;
  for (; k + WIDE * SP_LANES <= n; k += WIDE * SP_LANES) {
    analyse_some(WIDE, bank, (ptrdiff_t)step, x + k, lo + k, hi + k);
  }
  for (; k < n; k += SP_LANES) analyse_some(1, bank, (ptrdiff_t)step, x + k, lo + k, hi + k);
}

static void synthesise_plain(const sp_bank *bank, size_t step, const float *lo, const float *hi, size_t n, float *x) {
  const size_t ahead = (size_t)(bank->taps - 1) * step;
  size_t k = 0;
  for (; k + WIDE * SP_LANES <= n; k += WIDE * SP_LANES) {
    synthesise_some(WIDE, bank, (ptrdiff_t)step, lo + k + ahead, hi + k + ahead, x + k);
  }
  for (; k < n; k += SP_LANES) synthesise_some(1, bank, (ptrdiff_t)step, lo + k + ahead, hi + k + ahead, x + k);
}

#define FOLDED(X) X(1) X(2) X(3) X(4)
#define STAGES(X) FOLDED(X) X(5) X(6) X(7) X(8) X(9) X(10)

#define DEFINE(name, stages, folded)                                                                                   \
  static void analyse_##name##stages(const sp_bank *bank, size_t step, const float *x, size_t n, float *lo,            \
                                     float *hi) {                                                                      \
    analyse(stages, folded, bank, step, x, n, lo, hi);                                                                 \
  }                                                                                                                    \
  static void synthesise_##name##stages(const sp_bank *bank, size_t step, const float *lo, const float *hi, size_t n,  \
                                        float *x) {                                                                    \
    synthesise(stages, folded, bank, step, lo, hi, n, x);                                                              \
  }
#define DEFINE_SCALED(stages) DEFINE(scaled, stages, 0)
#define DEFINE_FOLDED(stages) DEFINE(folded, stages, 1)
STAGES(DEFINE_SCALED)
FOLDED(DEFINE_FOLDED)

#define ANALYSE_SCALED(stages)    [stages] = analyse_scaled##stages,
#define ANALYSE_FOLDED(stages)    [stages] = analyse_folded##stages,
#define SYNTHESISE_SCALED(stages) [stages] = synthesise_scaled##stages,
#define SYNTHESISE_FOLDED(stages) [stages] = synthesise_folded##stages,

const sp_bank_swt_functions SP_ISA_SYMBOL(sp_bank_swt) = {
    .analyse = {STAGES(ANALYSE_SCALED)},
    .analyse_folded = {FOLDED(ANALYSE_FOLDED)},
    .analyse_plain = analyse_plain,
    .synthesise = {STAGES(SYNTHESISE_SCALED)},
    .synthesise_folded = {FOLDED(SYNTHESISE_FOLDED)},
    .synthesise_plain = synthesise_plain,
};
