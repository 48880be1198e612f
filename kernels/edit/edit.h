/* SPDX-License-Identifier: BSD-3-Clause */
/* The processor `edit`: takes bad samples and bad traces out of a gather. What is given is done in this order.
 *
 *   nan         samples that are no finite number: `zero`; `interpolate` linearly in time between the nearest good
 * ones, at the ends the nearest; `kill` the trace; or `keep` them for the job's own rule kill        an expression over
 * headers: a trace for which it holds is set to zero despike     a sample with |x| > despike * m is a spike, m > 0 the
 * median of |x| over the window of `window` ms around it, clipped at the ends of the trace. Spikes are interpolated
 * linearly as above kill_rms    a trace is set to zero whose RMS is more than kill_rms times, or less than 1 / kill_rms
 * times, the median RMS of the live ones of the `aperture` traces around it interpolate traces that are all zero, up to
 * so many beside each other, become linear combinations of the live ones on both sides, by their distance in traces;
 * those at an end of the gather stay
 *
 * The median of an even number of values is the mean of the middle two.
 */
#ifndef SEISPROC_KERNELS_EDIT_EDIT_H
#define SEISPROC_KERNELS_EDIT_EDIT_H

#include "seisproc/processor.h"

typedef enum sp_edit_nan { SP_EDIT_KEEP, SP_EDIT_ZERO, SP_EDIT_INTERPOLATE, SP_EDIT_KILL } sp_edit_nan;

typedef struct sp_edit_params {
  int nan; /* sp_edit_nan */
  sp_condition kill;
  double despike;  /* 0: none */
  double window;   /* ms */
  double kill_rms; /* 0: none */
  int aperture;    /* traces */
  int interpolate; /* traces */
} sp_edit_params;

extern const sp_cpu_ops sp_edit_cpu;

#endif
