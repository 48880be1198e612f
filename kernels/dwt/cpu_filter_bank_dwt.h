/* SPDX-License-Identifier: BSD-3-Clause */
/* The decimated filter bank in the vectors of the file that includes this; see filter_bank.h.
 *
 * Lattices keep the last vector of each stage in a register: a delay by one coefficient is then one shuffle, and
 * neither loads nor stores are out of step. Output k needs what is not newer than x[2k + 1] in analysis, and
 * coefficients up to k + stages - 1 in synthesis, so both are fed from a little before their first output.
 */
#include "kernels/common/simd.h"
#include "kernels/dwt/cpu_filter_bank.h"

typedef struct lattice {
  vf t[SP_BANK_MAX_STAGES];
  vf last[SP_BANK_MAX_STAGES]; /* of the branch that a stage delays; [0] is not used */
} lattice;

SP_INLINE void lattice_start(lattice *l, const sp_bank *bank, const int stages) {
  SP_UNROLL
  for (int i = 0; i < stages; i++) {
    l->t[i] = vf_set(bank->tangent[i]);
    l->last[i] = vf_set(0);
  }
}

SP_INLINE void lattice_analyse(lattice *l, const int stages, vf u, vf v, vf *lo, vf *hi) {
  vf sum = vf_fma(l->t[0], v, u);
  v = vf_fnma(l->t[0], u, v);
  SP_UNROLL
  for (int i = 1; i < stages; i++) {
    u = vf_delay(l->last[i], sum, 1);
    l->last[i] = sum;
    sum = vf_fma(l->t[i], v, u);
    v = vf_fnma(l->t[i], u, v);
  }
  *lo = sum;
  *hi = v;
}

SP_INLINE void lattice_synthesise(lattice *l, const int stages, vf u, vf v, vf *even, vf *odd) {
  SP_UNROLL
  for (int i = stages - 1; i > 0; i--) {
    const vf sum = vf_fma(l->t[i], u, v);
    u = vf_fnma(l->t[i], v, u);
    v = vf_delay(l->last[i], sum, 1);
    l->last[i] = sum;
  }
  *even = vf_fnma(l->t[0], v, u);
  *odd = vf_fma(l->t[0], u, v);
}

SP_INLINE void put(float *x, vf first, vf second, bool stream) {
  if (stream) {
    vf_stream(x, first);
    vf_stream(x + SP_LANES, second);
  } else {
    vf_store(x, first);
    vf_store(x + SP_LANES, second);
  }
}

/* Two vectors, into the second-level cache. */
SP_INLINE void prefetch(const float *x) {
  __builtin_prefetch(x, 0, 2);
  if (SP_LANES > 8) __builtin_prefetch(x + SP_LANES, 0, 2);
}

/* Vectors to feed before the first that counts. */
SP_INLINE ptrdiff_t lattice_lead(const int stages) {
  return (stages - 1 + SP_LANES - 1) / SP_LANES * SP_LANES;
}

SP_INLINE void analyse_lattice(const int stages, const int folded, const sp_bank *bank, const float *head,
                               const float *x, size_t n_main, const float *tail, size_t n_out, float *lo, float *hi,
                               size_t ahead) {
  lattice l;
  vf a, d;
  const vf scale = vf_set(bank->analysis_scale);
  lattice_start(&l, bank, stages);
  for (ptrdiff_t k = -lattice_lead(stages); k < 0; k += SP_LANES) {
    const vf first = vf_load(head + 2 * k), second = vf_load(head + 2 * k + SP_LANES);
    lattice_analyse(&l, stages, vf_even(first, second), vf_odd(first, second), &a, &d);
  }
  for (size_t k = 0; k < n_out; k += SP_LANES) {
    const float *from = k < n_main ? x + 2 * k : tail + 2 * (k - n_main);
    const vf first = vf_load(from), second = vf_load(from + SP_LANES);
    if (ahead) prefetch(from + ahead);
    lattice_analyse(&l, stages, vf_even(first, second), vf_odd(first, second), &a, &d);
    vf_store(lo + k, folded ? a : a * scale);
    vf_store(hi + k, folded ? d : d * scale);
  }
}

SP_INLINE void synthesise_lattice(const int stages, const int folded, const sp_bank *bank, const float *lo,
                                  const float *hi, float *x, size_t n_main, float *tail, size_t n_pairs, bool stream) {
  lattice l;
  vf even, odd;
  const vf scale = vf_set(bank->synthesis_scale);
  lattice_start(&l, bank, stages);
  lo += stages - 1;
  hi += stages - 1;
  for (ptrdiff_t k = -lattice_lead(stages); k < 0; k += SP_LANES) {
    lattice_synthesise(&l, stages, vf_load(lo + k), vf_load(hi + k), &even, &odd);
  }
  for (size_t k = 0; k < n_pairs; k += SP_LANES) {
    float *to = k < n_main ? x + 2 * k : tail + 2 * (k - n_main);
    lattice_synthesise(&l, stages, vf_load(lo + k), vf_load(hi + k), &even, &odd);
    if (!folded) even = even * scale, odd = odd * scale;
    put(to, vf_zip_low(even, odd), vf_zip_high(even, odd), stream && k < n_main);
  }
}

/* Outputs of one batch: their even and odd samples lie side by side, so that shifted ones are plain loads. */
enum { BATCH = 128 };

/* Vectors of outputs that one broadcast tap serves. */
enum { WIDE = 4 };

/* out[k] = sum over taps first ... end - 1 of taps[j] x[2k + 1 - j], `vectors` vectors of k; odd[0] and even[0] belong
 * to k = 0. */
SP_INLINE void filter(const int vectors, const float *taps, int first, int end, const float *even, const float *odd,
                      float *out) {
  vf sum[WIDE];
  SP_UNROLL
  for (int i = 0; i < vectors; i++) sum[i] = vf_set(0);
  for (int j = first; j < end; j++) {
    const float *from = (j & 1 ? even : odd) - j / 2;
    const vf tap = vf_set(taps[j]);
    SP_UNROLL
    for (int i = 0; i < vectors; i++) sum[i] = vf_fma(tap, vf_load(from + i * SP_LANES), sum[i]);
  }
  SP_UNROLL
  for (int i = 0; i < vectors; i++) vf_store(out + i * SP_LANES, sum[i]);
}

static void split(const float *x, float *even, float *odd) {
  const vf first = vf_load(x), second = vf_load(x + SP_LANES);
  vf_store(even, vf_even(first, second));
  vf_store(odd, vf_odd(first, second));
}

static void analyse_plain(const sp_bank *bank, const float *head, const float *x, size_t n_main, const float *tail,
                          size_t n_out, float *lo, float *hi, size_t ahead) {
  enum { LEAD = (SP_BANK_MAX_STAGES + SP_LANES - 1) / SP_LANES * SP_LANES };
  float even[LEAD + BATCH], odd[LEAD + BATCH];
  for (ptrdiff_t k = -LEAD; k < 0; k += SP_LANES) {
    if (-k < bank->stages - 1 + SP_LANES) split(head + 2 * k, even + LEAD + k, odd + LEAD + k);
  }
  for (size_t start = 0; start < n_out; start += BATCH) {
    const size_t end = n_out - start < BATCH ? n_out : start + BATCH;
    for (size_t k = start; k < end; k += SP_LANES) {
      if (ahead) prefetch(x + 2 * k + ahead);
      split(k < n_main ? x + 2 * k : tail + 2 * (k - n_main), even + LEAD + (k - start), odd + LEAD + (k - start));
    }
    for (size_t k = start; k < end;) {
      const float *e = even + LEAD + (k - start), *o = odd + LEAD + (k - start);
      if (end - k > (WIDE - 1) * SP_LANES) {
        filter(WIDE, bank->dec_lo, bank->dec_lo_first, bank->dec_lo_end, e, o, lo + k);
        filter(WIDE, bank->dec_hi, bank->dec_hi_first, bank->dec_hi_end, e, o, hi + k);
        k += WIDE * SP_LANES;
      } else {
        filter(1, bank->dec_lo, bank->dec_lo_first, bank->dec_lo_end, e, o, lo + k);
        filter(1, bank->dec_hi, bank->dec_hi_first, bank->dec_hi_end, e, o, hi + k);
        k += SP_LANES;
      }
    }
    memmove(even, even + BATCH, sizeof(float) * LEAD);
    memmove(odd, odd + BATCH, sizeof(float) * LEAD);
  }
}

/* Adds taps[j] c[k + stages - 1 - j / 2] to the even (j even) or odd samples, `vectors` vectors of each. */
SP_INLINE void unfilter(const int vectors, const float *taps, int first, int end, const float *c, vf *even, vf *odd) {
  for (int j = first; j < end; j++) {
    const vf tap = vf_set(taps[j]);
    if (j & 1) {
      SP_UNROLL
      for (int i = 0; i < vectors; i++) odd[i] = vf_fma(tap, vf_load(c - j / 2 + i * SP_LANES), odd[i]);
    } else {
      SP_UNROLL
      for (int i = 0; i < vectors; i++) even[i] = vf_fma(tap, vf_load(c - j / 2 + i * SP_LANES), even[i]);
    }
  }
}

SP_INLINE void synthesise_some(const int vectors, const sp_bank *bank, const float *lo, const float *hi, float *to,
                               bool stream) {
  vf even[WIDE], odd[WIDE];
  SP_UNROLL
  for (int i = 0; i < vectors; i++) even[i] = odd[i] = vf_set(0);
  unfilter(vectors, bank->rec_lo, bank->rec_lo_first, bank->rec_lo_end, lo, even, odd);
  unfilter(vectors, bank->rec_hi, bank->rec_hi_first, bank->rec_hi_end, hi, even, odd);
  SP_UNROLL
  for (int i = 0; i < vectors; i++) {
    put(to + 2 * i * SP_LANES, vf_zip_low(even[i], odd[i]), vf_zip_high(even[i], odd[i]), stream);
  }
}

static void synthesise_plain(const sp_bank *bank, const float *lo, const float *hi, float *x, size_t n_main,
                             float *tail, size_t n_pairs, bool stream) {
  lo += bank->stages - 1;
  hi += bank->stages - 1;
  size_t k = 0;
  for (; k + WIDE * SP_LANES <= n_main && k + WIDE * SP_LANES <= n_pairs; k += WIDE * SP_LANES) {
    synthesise_some(WIDE, bank, lo + k, hi + k, x + 2 * k, stream);
  }
  for (; k < n_pairs; k += SP_LANES) {
    if (k < n_main) {
      synthesise_some(1, bank, lo + k, hi + k, x + 2 * k, stream);
    } else {
      synthesise_some(1, bank, lo + k, hi + k, tail + 2 * (k - n_main), false);
    }
  }
}

#define FOLDED(X) X(1) X(2) X(3) X(4)
#define STAGES(X) FOLDED(X) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15) X(16) X(17) X(18) X(19) X(20)

#define DEFINE(name, stages, folded)                                                                                   \
  static void analyse_##name##stages(const sp_bank *bank, const float *head, const float *x, size_t n_main,            \
                                     const float *tail, size_t n_out, float *lo, float *hi, size_t ahead) {            \
    analyse_lattice(stages, folded, bank, head, x, n_main, tail, n_out, lo, hi, ahead);                                \
  }                                                                                                                    \
  static void synthesise_##name##stages(const sp_bank *bank, const float *lo, const float *hi, float *x,               \
                                        size_t n_main, float *tail, size_t n_pairs, bool stream) {                     \
    synthesise_lattice(stages, folded, bank, lo, hi, x, n_main, tail, n_pairs, stream);                                \
  }
#define DEFINE_SCALED(stages) DEFINE(scaled, stages, 0)
#define DEFINE_FOLDED(stages) DEFINE(folded, stages, 1)
STAGES(DEFINE_SCALED)
FOLDED(DEFINE_FOLDED)

#define ANALYSE_SCALED(stages)    [stages] = analyse_scaled##stages,
#define ANALYSE_FOLDED(stages)    [stages] = analyse_folded##stages,
#define SYNTHESISE_SCALED(stages) [stages] = synthesise_scaled##stages,
#define SYNTHESISE_FOLDED(stages) [stages] = synthesise_folded##stages,

/* Whole vectors are mirrored: what lies beyond the extension may be anything. */
static void extend(float *x, size_t n, int taps) {
  for (int i = 0; i < taps - 2; i += SP_LANES) vf_store(x - i - SP_LANES, vf_reverse(vf_load(x + i)));
  for (int i = 0; i < taps - 1; i += SP_LANES) vf_store(x + n + i, vf_reverse(vf_load(x + n - i - SP_LANES)));
}

const sp_bank_functions SP_ISA_SYMBOL(sp_bank) = {
    .extend = extend,
    .analyse = {STAGES(ANALYSE_SCALED)},
    .analyse_folded = {FOLDED(ANALYSE_FOLDED)},
    .analyse_plain = analyse_plain,
    .synthesise = {STAGES(SYNTHESISE_SCALED)},
    .synthesise_folded = {FOLDED(SYNTHESISE_FOLDED)},
    .synthesise_plain = synthesise_plain,
};
