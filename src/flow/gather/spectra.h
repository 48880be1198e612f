/* SPDX-License-Identifier: BSD-3-Clause */
/* Amplitude spectra of gathers, of the input and of the noise, from windows spread over traces and time: figures of a
 * gather that cost next to nothing. Private to src/flow/gather.
 *
 * a[k], k < 64, is the amplitude at k / (128 dt): of windows of 128 samples w(t) x(t), w(t) = sin^2(pi (t + 1/2) /
 * 128), the square root of 2 (k = 0: 1) times the mean of |X[k]|^2 over the windows, over 128 sum w^2. So the sum of
 * a[k]^2 is the mean square of the samples, but for what lies at the Nyquist frequency (Welch 1967, without overlap).
 * Shorter traces are windows of their own length, with zeros behind. A window with a sample that is not finite does not
 * count.
 */
#ifndef SEISPROC_SRC_FLOW_GATHER_SPECTRA_H
#define SEISPROC_SRC_FLOW_GATHER_SPECTRA_H

#include "seisproc/engine.h"

typedef struct sp_gather_spectra sp_gather_spectra;

/* Memory for slabs of up to so many traces and gathers. The caller destroys *out. */
sp_status sp_gather_spectra_create(sp_local max_traces, sp_local max_gathers, uint32_t n_samples,
                                   sp_gather_spectra **out);
void sp_gather_spectra_destroy(sp_gather_spectra *spectra); /* takes NULL */

/* Keeps what is needed of a slab's input, which the engine may overwrite: before it is submitted. */
void sp_gather_spectra_keep_input(sp_gather_spectra *spectra, const sp_slab *slab);

/* Fills in the spectra of the gathers of that slab, once it is computed, where anything was measured. */
void sp_gather_spectra_measure(sp_gather_spectra *spectra, sp_mode mode, const sp_slab *slab);

/* A spectrum as a figure keeps it, and back: in steps of half a decibel below its peak, down to 127 dB. The figure does
 * not change when it is read back. */
void sp_spectrum_encode(const double amplitude[SP_SPECTRUM_LEVELS], float *peak, sp_spectrum_levels *levels);
void sp_spectrum_decode(float peak, const sp_spectrum_levels *levels, float amplitude[SP_SPECTRUM_LEVELS]);

#endif
