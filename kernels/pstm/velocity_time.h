/* SPDX-License-Identifier: BSD-3-Clause */
/* One function of time: interval, average or rms velocity to rms velocity, eta and far on the image's times. Private to
 * kernels/pstm. */
#ifndef SEISPROC_KERNELS_PSTM_VELOCITY_TIME_H
#define SEISPROC_KERNELS_PSTM_VELOCITY_TIME_H

#include "kernels/pstm/velocity.h"

typedef struct sp_velocity_function {
  const char *name, *position; /* for messages */
  uint32_t n;
  const double *time, *value; /* [n], s, ascending */
  sp_velocity_kind kind;
} sp_velocity_function;

/* rms[n_tau]; with `curved` also eta and far. Errors: SP_ERR_INPUT: an interval velocity whose square is not positive;
 * its position and time. */
sp_status sp_velocity_convert(const sp_velocity_function *f, const sp_pstm_grid *grid, bool curved, float *rms,
                              float *eta, float *far);

#endif
