/* SPDX-License-Identifier: BSD-3-Clause */
/* Windows and tables of the transforms of `tf`, for both backends. */
#ifndef SEISPROC_KERNELS_TF_WINDOWS_H
#define SEISPROC_KERNELS_TF_WINDOWS_H

#include <math.h>

#include "kernels/common/number.h"
#include "kernels/tf/tf.h"

/* --- stft ------------------------------------------------------------------------------------------------------ */

/* Sample i of the periodic Hann window of n samples, whose sum is n / 2. */
SP_HOST_BOTH double sp_tf_hann(uint32_t i, uint32_t n) {
  return 0.5 - 0.5 * cos(2 * M_PI * i / n);
}

/* norm[t], of n_samples: the inverse of the squares of the windows that overlap at sample t. Frame f begins at sample
 * f * hop - window / 2. */
void sp_tf_stft_norm(uint32_t window, uint32_t hop, uint32_t frames, uint32_t n_samples, float *norm);

/* Bin k of frame f of a trace of ones, over the sum of the window. */
void sp_tf_stft_of_ones(uint32_t window, uint32_t hop, uint32_t n_samples, uint32_t f, uint32_t k, double *re,
                        double *im);

/* --- stockwell ------------------------------------------------------------------------------------------------- */

/* The window of a voice in time, x standard deviations from its middle: a Gaussian of sum 1, and how far it reaches. */
#define SP_TF_GAUSSIAN_REACH 6.6

SP_HOST_BOTH double sp_tf_gaussian(double x, double sigma) {
  return exp(-0.5 * x * x) / (sigma * sqrt(2 * M_PI));
}

/* Window of voice n > 0 at bin k. */
double sp_tf_voice_window(uint32_t n, double k);

/* Times of voice n with reduced sampling. */
uint32_t sp_tf_reduced_times(uint32_t n);

/* Whether n is of the form 2^a 3^b 5^c. */
bool sp_tf_is_smooth(uint32_t n);

/* The least length of the form 2^a 3^b 5^c, a >= 2, from `least` up. */
uint32_t sp_tf_smooth_length(uint32_t least);

/* Samples that the transform of n samples is made of: n where it is of the form 2^a 3^b 5^c, else the next length of
 * that form, the trace being followed by zeros. */
uint32_t sp_tf_stockwell_length(uint32_t n);

/* The inverse at bin k of `length` samples (tf.h): what the weighted sum of the voices' spectra is multiplied by, and
 * the part of the trace's own spectrum that belongs to a trace that is resynthesised. */
typedef struct sp_tf_inverse {
  double factor, rest;
} sp_tf_inverse;

sp_tf_inverse sp_tf_stockwell_inverse(uint32_t length, sp_tf_band band, uint32_t k);

#endif
