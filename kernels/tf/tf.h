/* SPDX-License-Identifier: BSD-3-Clause */
/* The processor `tf`: outliers and noise in the time-frequency plane, thresholded against neighbouring traces. What its
 * backends gain.
 *
 * A trace c(t) is taken to coefficients X(time, frequency). In each coefficient of each trace, m is the median and MAD
 * the median absolute deviation of the magnitudes |X| over the traces of the aperture (clipped at the ends of the
 * gather; of an even number the mean of the middle two). With d = ||X| - m|, T = k * 1.4826 * max(MAD, 0.01 m, 1e-10)
 * and r = d / T this gain is what a coefficient keeps of its deviation from m:
 *
 *   hard      1 up to r = 1, then 0                 soft      max(1 - 1/r, 0)
 *   scaled    1 up to r = 1, then 1/(1 + (r-1)^2)   garrote   max(1 - 1/r^2, 0)
 *   adaptive  1 up to r = 1, 2 - r up to r = 2, then 0
 *
 * so that its magnitude becomes m + gain * (|X| - m), at its own phase; a coefficient that is zero stays zero. With
 * low_amp_protection a magnitude below low_amp_factor * m is not raised. time_smoothing averages the gain over the
 * coefficients of the same trace and frequency that lie within time_smoothing / 2 of the coefficient's time (clipped at
 * the ends of the trace) before it is used. Coefficients outside fmin ... fmax are kept.
 *
 * transform stft: the short-time Fourier transform with a periodic Hann window, as scipy.signal.stft and istft
 * (boundary zeros, padded, scaling spectrum) define it.
 *
 * transform stockwell: voice n of a trace of N samples is its spectrum times the window exp(-2 pi^2 m^2 / n^2), m the
 * circular distance in bins from bin n, taken back to time; voice 0 is the mean (Stockwell, Mansinha and Lowe 1996,
 * but for a factor of modulus 1). The inverse is the least-squares one: with w_n the window and V_n the spectrum of
 * voice n, the spectrum of the trace is the sum over n of w_n V_n over the sum of w_n^2. It is exact, it is local in
 * time, and of the change of a voice it lets through what that voice is made of: dividing by the sum of the windows
 * (compare Schimmel and Gallart 2005) raises what leaks to low frequencies. Frequencies outside fmin ... fmax keep
 * their spectrum. A length N with other prime factors than 2, 3 and 5 is padded with zeros to the next that has none
 * and is a multiple of 4.
 *
 * sampling reduced evaluates voice n not at N times but at the L(n) times j N / L(n), where L(n) is the smallest
 * number of the form 2^a 3^b 5^c, a >= 2, that is at least twice n rounded up to a multiple of 16. It is another,
 * cheaper denoiser.
 */
#ifndef SEISPROC_KERNELS_TF_TF_H
#define SEISPROC_KERNELS_TF_TF_H

#include <stdbool.h>

#include "seisproc/processor.h"

typedef enum sp_tf_transform { SP_TF_STFT, SP_TF_STOCKWELL } sp_tf_transform;
typedef enum sp_tf_mode {
  SP_TF_ADAPTIVE,
  SP_TF_HARD,
  SP_TF_SCALED,
  SP_TF_SOFT,
  SP_TF_GARROTE,
  SP_TF_MODE_COUNT
} sp_tf_mode;
typedef enum sp_tf_sampling { SP_TF_FULL, SP_TF_REDUCED } sp_tf_sampling;

/* What turns a MAD into the standard deviation of normal noise; and what it is taken to be at least. */
#define SP_TF_MAD_TO_SIGMA   1.4826
#define SP_TF_LEAST_RELATIVE 0.01
#define SP_TF_LEAST_ABSOLUTE 1e-10
/* What T is at least, for k = 0. */
#define SP_TF_LEAST_LIMIT 1e-30

enum { SP_TF_MAX_APERTURE = 31, SP_TF_MAX_WINDOW = 4096 };

/* Traces shorter than this have no stockwell transform; shorter than the window no stft. */
enum { SP_TF_LEAST_SAMPLES = 8 };

typedef struct sp_tf_params {
  int transform; /* sp_tf_transform */
  int aperture;  /* odd */
  double fmin;   /* Hz */
  double fmax;   /* Hz; NAN: up to the Nyquist frequency */
  double k;
  int mode;              /* sp_tf_mode */
  int window;            /* samples, even */
  int hop;               /* samples; SP_PARAM_AUTO: half the window */
  double time_smoothing; /* ms */
  bool low_amp_protection;
  double low_amp_factor;
  int sampling; /* sp_tf_sampling */
} sp_tf_params;

/* Frequencies of a band, as positions on an axis of `n` values that are `step` Hz apart, from 0 Hz. */
typedef struct sp_tf_band {
  uint32_t first, count;
} sp_tf_band;

/* The values within fmin ... fmax, ends included; count is 0 where there are none. */
sp_tf_band sp_tf_select(const sp_tf_params *params, double step, uint32_t n);

/* How coefficients are decided about (decision.h). */
typedef struct sp_tf_rule {
  int mode;                     /* sp_tf_mode */
  float limit;                  /* k * 1.4826 */
  float low_amp;                /* 0: no protection */
  float margin;                 /* relative error that float magnitudes may have */
  float weak_below, weak_above; /* times m: between them float cannot tell whether a coefficient is weak */
  double exact_limit, exact_low_amp;
} sp_tf_rule;

sp_tf_rule sp_tf_make_rule(const sp_tf_params *params);

/* Samples that the axis of frequencies belongs to: of the window, or of the transform stockwell. */
uint32_t sp_tf_axis_length(const sp_tf_params *params, uint32_t n_samples);

/* Whether traces of that length have the transform. */
bool sp_tf_is_long_enough(const sp_tf_params *params, uint32_t n_samples);

/* Errors: SP_ERR_USAGE, with a line in `why`, where no frequency lies in fmin ... fmax. */
sp_status sp_tf_check_band(const sp_tf_params *params, uint32_t n_samples, double interval_s, char *why,
                           size_t why_size);

/* Samples from one stft frame to the next. */
int sp_tf_hop(const sp_tf_params *params);

/* Relative error that magnitudes in single precision may have. What is nearer than that to a jump is decided in double
 * precision, so that all backends decide alike. Voices of stockwell span the trace: beside a burst, their weak
 * coefficients have the rounding errors of the strong ones. */
double sp_tf_margin(const sp_tf_params *params);

extern const sp_cpu_ops sp_tf_cpu;

#endif
