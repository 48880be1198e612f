/* SPDX-License-Identifier: BSD-3-Clause */
#include "kernels/dwt/cpu_filter_bank.h"

#include <math.h>

/* A folded bank scales coefficients by gain^level and back by its square: both must stay far from overflow. */
static const double FOLDED_RANGE = 1e24;

static void set_taps(float *out, int *first, int *end, const double *taps, int n, double scale) {
  *first = n;
  *end = 0;
  for (int i = 0; i < n; i++) {
    out[i] = (float)(taps[i] * scale);
    if (taps[i] == 0) continue;
    if (*first == n) *first = i;
    *end = i + 1;
  }
}

static double lattice_gain(const double *tangent, int stages) {
  double gain = 1;
  for (int i = 0; i < stages; i++) gain *= sqrt(1 + tangent[i] * tangent[i]);
  return gain;
}

static double lattice_response(const double *tangent, int stages) {
  double u = 1, v = 1;
  for (int i = 0; i < stages; i++) {
    const double sum = u + tangent[i] * v;
    v -= tangent[i] * u;
    u = sum;
  }
  return u;
}

static const sp_bank_functions *functions(sp_isa isa) {
#if defined(__x86_64__)
  if (isa == SP_ISA_AVX512) return &sp_bank_avx512;
  if (isa == SP_ISA_AVX2) return &sp_bank_avx2;
#endif
  return &sp_bank_portable;
}

static const sp_bank_swt_functions *swt_functions(sp_isa isa) {
#if defined(__x86_64__)
  if (isa == SP_ISA_AVX512) return &sp_bank_swt_avx512;
  if (isa == SP_ISA_AVX2) return &sp_bank_swt_avx2;
#endif
  return &sp_bank_swt_portable;
}

static void pick_plain(sp_bank *bank, sp_isa isa) {
  bank->extend = functions(isa)->extend;
  bank->analyse = functions(isa)->analyse_plain;
  bank->synthesise = functions(isa)->synthesise_plain;
  bank->swt_analyse = swt_functions(isa)->analyse_plain;
  bank->swt_synthesise = swt_functions(isa)->synthesise_plain;
  bank->gain = 1;
  bank->response = sqrt(2);
}

static void pick_lattice(sp_bank *bank, bool folded, double gain, sp_isa isa) {
  const int m = bank->stages;
  const sp_bank_functions *f = functions(isa);
  const sp_bank_swt_functions *s = swt_functions(isa);
  bank->analyse = folded ? f->analyse_folded[m] : f->analyse[m];
  bank->synthesise = folded ? f->synthesise_folded[m] : f->synthesise[m];
  if (m <= SP_BANK_MAX_SWT_STAGES) {
    bank->swt_analyse = folded ? s->analyse_folded[m] : s->analyse[m];
    bank->swt_synthesise = folded ? s->synthesise_folded[m] : s->synthesise[m];
  }
  bank->folded = folded;
  bank->gain = folded ? gain : 1;
  bank->analysis_scale = (float)(1 / gain);
  bank->synthesis_scale = (float)(1 / gain);
  bank->swt_scale = (float)(0.5 / gain);
}

void sp_bank_init(sp_bank *bank, int wavelet, int levels, bool undecimated, sp_isa isa) {
  sp_wavelet w;
  sp_wavelet_get(wavelet, &w);
  *bank = (sp_bank){.taps = w.taps, .stages = w.taps / 2};
  const double half = undecimated ? 0.5 : 1;
  set_taps(bank->dec_lo, &bank->dec_lo_first, &bank->dec_lo_end, w.dec_lo, w.taps, 1);
  set_taps(bank->dec_hi, &bank->dec_hi_first, &bank->dec_hi_end, w.dec_hi, w.taps, 1);
  set_taps(bank->rec_lo, &bank->rec_lo_first, &bank->rec_lo_end, w.rec_lo, w.taps, half);
  set_taps(bank->rec_hi, &bank->rec_hi_first, &bank->rec_hi_end, w.rec_hi, w.taps, half);
  pick_plain(bank, isa);
  const double *tangent = sp_wavelet_lattice[wavelet];
  if (!tangent || (undecimated && bank->stages > SP_BANK_MAX_SWT_STAGES)) return;
  for (int i = 0; i < bank->stages; i++) bank->tangent[i] = (float)tangent[i];
  const double gain = lattice_gain(tangent, bank->stages);
  const bool folded = bank->stages <= SP_BANK_MAX_FOLDED && pow(2 * gain * gain, levels) < FOLDED_RANGE;
  pick_lattice(bank, folded, gain, isa);
  bank->response = lattice_response(tangent, bank->stages) / (folded ? 1 : gain);
}
