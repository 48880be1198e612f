/* SPDX-License-Identifier: BSD-3-Clause */
/* The processor `dwt`: wavelet-domain thresholding. What its backends share; docs/processors.md says it at length.
 *
 * transform dwt: multilevel decomposition of each trace, half-sample symmetric extension at both ends. swt: the
 * undecimated transform of the trace padded at its end by reflection (the last sample not repeated: numpy.pad, reflect)
 * to a multiple of 2^level, then periodic; the inverse averages over shifts; the padding is cropped. wpt: the full
 * packet tree, extended as dwt; with best_basis the nodes of least Shannon entropy, where the low-pass path is always
 * divided to the end. The approximation (of wpt the node at the end of the low-pass path) is never changed.
 *
 * Every other coefficient c is shrunk by a threshold T >= 0: soft sign(c) max(|c| - T, 0); hard c where |c| >= T, else
 * 0; garrote c - T^2 / c where |c| > T, else 0.
 *
 * aperture 1: T = k sigma, sigma = median(|c|) / 0.6745 over one band of the trace (Donoho and Johnstone 1994): the
 * finest detail (noise_level finest) or the coarsest; of wpt over all leaves, the approximation among them. noise_level
 * auto: that of the finest detail times what of it is noise, by the floor of the gather's f-k spectrum (noise_floor.h,
 * response.h). noise_level fk: of each detail what that floor says. k auto: of each detail of a gather the k of the
 * least risk (sure.h).
 * aperture > 1: at each place of each band, with m and MAD the median and the median absolute deviation of the
 * coefficients, signs and all, of the traces within the aperture, of which there are fewer at the edges of the gather:
 * T = max(k 1.4826 MAD, 0.01 |m|, 1e-10). With a best basis, in the basis of the trace in the centre. Medians of even
 * numbers are means of the middle two. A gather of fewer traces takes the largest odd aperture that it has.
 */
#ifndef SEISPROC_KERNELS_DWT_DWT_H
#define SEISPROC_KERNELS_DWT_DWT_H

#include <stdbool.h>

#include "kernels/dwt/wavelet.h"
#include "seisproc/processor.h"

typedef enum sp_dwt_transform { SP_DWT_DWT, SP_DWT_SWT, SP_DWT_WPT } sp_dwt_transform;
typedef enum sp_dwt_threshold { SP_DWT_SOFT, SP_DWT_HARD, SP_DWT_GARROTE } sp_dwt_threshold;
typedef enum sp_dwt_noise_level { SP_DWT_LEVEL_AUTO, SP_DWT_FINEST, SP_DWT_COARSEST, SP_DWT_FK } sp_dwt_noise_level;

/* Median of |x| of a normal distribution with sigma 1, and what turns a MAD into its sigma. */
#define SP_DWT_MEDIAN_TO_SIGMA 0.6745
#define SP_DWT_MAD_TO_SIGMA    1.4826

enum { SP_DWT_AUTO_LEVEL = 6, SP_DWT_MAX_LEVEL = 20, SP_DWT_MAX_APERTURE = 31 };

typedef struct sp_dwt_params {
  int wavelet;   /* position in SP_WAVELET_CHOICES */
  int transform; /* sp_dwt_transform */
  int level;     /* or SP_PARAM_AUTO: the smaller of SP_DWT_AUTO_LEVEL and the maximum useful */
  int threshold; /* sp_dwt_threshold */
  double k;      /* NAN: chosen for each level of a gather (sure.h) */
  int aperture;  /* odd */
  bool best_basis;
  int noise_level; /* sp_dwt_noise_level */
} sp_dwt_params;

/* Whether k is chosen. */
bool sp_dwt_is_auto(const sp_dwt_params *params);

/* The k of all levels where they have one: that of the parameters; with an aperture above 1 auto is 1. */
double sp_dwt_k(const sp_dwt_params *params);

/* Whether the thresholds of a trace are chosen by all of its gather. */
bool sp_dwt_needs_gather(const sp_dwt_params *params);

/* Levels to use for traces of n samples; 0 where the trace is too short for the level asked for. */
int sp_dwt_levels(const sp_dwt_params *params, size_t n_samples);

extern const sp_cpu_ops sp_dwt_cpu;

#endif
