/* The processor `mute`: sets the samples before (top) or after (bottom) a time that grows with offset to zero.
 *
 * With offset x, velocity v in the same unit of length a second, and intercept t0: linear t = t0 + |x| / v, hyperbolic
 * t = sqrt(t0^2 + (x / v)^2). Times are those of the recording: a trace's first sample is at its delay recording time,
 * which is 0 where the survey has no column `delrt`. A cosine taper of length L lies on the side that is kept: a top
 * mute is 0 before t, 0.5 (1 - cos(pi (s - t) / L)) from t to t + L, and leaves the rest untouched, bit for bit; a
 * bottom mute is its mirror image. Reads the header columns `offset` and `delrt`.
 */
#ifndef SEISPROC_KERNELS_MUTE_MUTE_H
#define SEISPROC_KERNELS_MUTE_MUTE_H

#include "seisproc/processor.h"

typedef enum sp_mute_where { SP_MUTE_TOP, SP_MUTE_BOTTOM } sp_mute_where;
typedef enum sp_mute_shape { SP_MUTE_LINEAR, SP_MUTE_HYPERBOLIC } sp_mute_shape;

typedef struct sp_mute_params {
  double velocity; /* the survey's unit of length a second */
  double t0;       /* ms */
  double taper;    /* ms */
  int where;       /* sp_mute_where */
  int shape;       /* sp_mute_shape */
} sp_mute_params;

/* Mute time in samples from the first one, not rounded, of a trace with this offset and delay (ms; NAN: none). */
double sp_mute_time(const sp_mute_params *params, double offset, double delay, double sample_interval_s);

extern const sp_cpu_ops sp_mute_cpu;

#endif
