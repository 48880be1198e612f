/* SPDX-License-Identifier: BSD-3-Clause */
/* The processor `fx_decon`: prediction of each trace from its neighbours, frequency by frequency.
 *
 * In a window of time and traces events are taken as straight. Such an event is, at each frequency, a geometric series
 * over the traces, so each trace is a fixed linear combination of those before it, and with the complex conjugates of
 * those after it (Canales 1984; Gulunay 1986). Of W traces x[0] ... x[W-1] at one frequency the coefficients a[1 ... p]
 * are those of least
 *
 *   sum_{i=p}^{W-1} |x[i] - sum_k a[k] x[i-k]|^2 + sum_{i=0}^{W-1-p} |x[i] - sum_k conj(a[k]) x[i+k]|^2
 *     + prewhitening * (mean diagonal of the normal equations) * sum_k |a[k]|^2,
 *
 * and the result is the mean of the two predictions, at the first and last p traces the one that there is. What cannot
 * be predicted, noise without coherence, is removed. Frequencies outside fmin ... fmax become zero.
 *
 * Windows in time are T samples (the even number nearest to `window`), half overlapping, the first beginning T / 2
 * before the first sample, weighted with sin^2(pi (i + 1/2) / T), which adds up to one, and transformed with zeros up
 * to at least 1.5 T samples. Windows of traces are W = min(`traces`, gather), evenly spread so that neighbours overlap
 * by half or more, and are added with weights sin^2(pi (i + 1/2) / W) over the sum of those of all windows that hold a
 * trace. A gather of fewer than 2 p traces, of which some could be predicted from neither side, has the reason `too
 * short`.
 */
#ifndef SEISPROC_KERNELS_FX_DECON_FX_DECON_H
#define SEISPROC_KERNELS_FX_DECON_FX_DECON_H

#include "seisproc/processor.h"

enum { SP_FX_MAX_LENGTH = 16 };

typedef struct sp_fx_decon_params {
  double window; /* ms */
  int traces;
  int length;          /* of the prediction, in traces */
  double prewhitening; /* percent */
  double fmin, fmax;   /* Hz; fmax NAN: the Nyquist frequency */
} sp_fx_decon_params;

extern const sp_cpu_ops sp_fx_decon_cpu;

#endif
