/* SPDX-License-Identifier: BSD-3-Clause */
/* One level of a wavelet transform of one trace, forward and back, decimated (dwt) or not (swt).
 *
 * Orthogonal wavelets run as a lattice of rotations, the others as plain filters (kernels/dwt/wavelet.h). All functions
 * compute SP_LANES coefficients at once along time and may write up to the next multiple of SP_BANK_ROUND. What
 * lies in the padding around a signal must be readable and may be anything, but for the extension asked for.
 *
 * A folded bank leaves out the lattice's scale: each level of analysis multiplies by `gain` and each of synthesis by
 * `gain` again, which the thresholding in between undoes for nothing. Other banks have gain 1.
 */
#ifndef SEISPROC_KERNELS_DWT_CPU_FILTER_BANK_H
#define SEISPROC_KERNELS_DWT_CPU_FILTER_BANK_H

#include <stdbool.h>
#include <stddef.h>

#include "kernels/common/isa.h"
#include "kernels/dwt/wavelet.h"

enum {
  SP_BANK_ROUND = 16, /* the widest vector */
  SP_BANK_FRONT = 64, /* floats in front of a signal */
  SP_BANK_BACK = 96,  /* and behind it */
  SP_BANK_MAX_STAGES = SP_WAVELET_MAX_TAPS / 2,
  SP_BANK_MAX_FOLDED = 4, /* stages: longer lattices gain too much */
  SP_BANK_MAX_SWT_STAGES = 10
};

typedef struct sp_bank sp_bank;

/* x: a signal of n samples from which 2 * n_main samples may be read in place; `head` ends with its extension to the
 * left: head[-1] is x[-1], taps - 2 of them; `tail` is what follows: tail[0] is x[2 * n_main], up to x[n + taps - 2].
 * A signal that is extended in place passes head = x, n_main = n_out. Writes lo[0 ... n_out - 1] and hi. Where
 * ahead is not 0, what lies as many samples behind x is fetched into the cache meanwhile. */
typedef void sp_bank_analyse(const sp_bank *bank, const float *head, const float *x, size_t n_main, const float *tail,
                             size_t n_out, float *lo, float *hi, size_t ahead);

/* Half-sample symmetric extension in place, by taps - 2 samples to the left and taps - 1 to the right; n is at least
 * taps - 1. */
typedef void sp_bank_extend(float *x, size_t n, int taps);

/* Writes 2 * n_pairs samples, of which 2 * n_main to x (past the caches where `stream`, which needs x to be aligned to
 * SP_ALIGNMENT), the others to tail. Reads lo and hi up to n_pairs +
 * taps / 2 - 1, and SP_BANK_ROUND more. n_main is a multiple of SP_BANK_ROUND. */
typedef void sp_bank_synthesise(const sp_bank *bank, const float *lo, const float *hi, float *x, size_t n_main,
                                float *tail, size_t n_pairs, bool stream);

/* a[k] = sum_j dec_lo[j] x[k - j step], k < n; x is extended by (taps - 1) * step samples to the left. */
typedef void sp_bank_swt_analyse(const sp_bank *bank, size_t step, const float *x, size_t n, float *lo, float *hi);

/* x[m] = 1/2 sum_j rec_lo[j] lo[m + (taps - 1 - j) step] + ..., m < n; lo and hi are extended to the right. */
typedef void sp_bank_swt_synthesise(const sp_bank *bank, size_t step, const float *lo, const float *hi, size_t n,
                                    float *x);

struct sp_bank {
  sp_bank_extend *extend;
  sp_bank_analyse *analyse;
  sp_bank_synthesise *synthesise;
  sp_bank_swt_analyse *swt_analyse;
  sp_bank_swt_synthesise *swt_synthesise;
  int taps, stages;
  bool folded;
  double gain;                      /* of each level */
  double response;                  /* of the low-pass side to a constant 1, one level of analysis */
  float analysis_scale;             /* of a lattice that is not folded */
  float synthesis_scale, swt_scale; /* the second with the 1/2 of the undecimated synthesis */
  float tangent[SP_BANK_MAX_STAGES];
  float dec_lo[SP_WAVELET_MAX_TAPS], dec_hi[SP_WAVELET_MAX_TAPS];
  float rec_lo[SP_WAVELET_MAX_TAPS], rec_hi[SP_WAVELET_MAX_TAPS];
  int dec_lo_first, dec_lo_end, dec_hi_first, dec_hi_end; /* taps that are not zero */
  int rec_lo_first, rec_lo_end, rec_hi_first, rec_hi_end;
};

/* Sets up a bank for `levels` levels of wavelet number `wavelet`. `undecimated` says which pair will be used. */
void sp_bank_init(sp_bank *bank, int wavelet, int levels, bool undecimated, sp_isa isa);

/* What an instruction set offers: indexed by the number of stages. */
typedef struct sp_bank_functions {
  sp_bank_extend *extend;
  sp_bank_analyse *analyse[SP_BANK_MAX_STAGES + 1], *analyse_folded[SP_BANK_MAX_FOLDED + 1], *analyse_plain;
  sp_bank_synthesise *synthesise[SP_BANK_MAX_STAGES + 1], *synthesise_folded[SP_BANK_MAX_FOLDED + 1], *synthesise_plain;
} sp_bank_functions;

typedef struct sp_bank_swt_functions {
  sp_bank_swt_analyse *analyse[SP_BANK_MAX_SWT_STAGES + 1], *analyse_folded[SP_BANK_MAX_FOLDED + 1], *analyse_plain;
  sp_bank_swt_synthesise *synthesise[SP_BANK_MAX_SWT_STAGES + 1], *synthesise_folded[SP_BANK_MAX_FOLDED + 1],
      *synthesise_plain;
} sp_bank_swt_functions;

extern const sp_bank_functions sp_bank_portable, sp_bank_avx2, sp_bank_avx512;
extern const sp_bank_swt_functions sp_bank_swt_portable, sp_bank_swt_avx2, sp_bank_swt_avx512;

#endif
