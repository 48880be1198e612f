/* SPDX-License-Identifier: BSD-3-Clause */
/* Scatterers and planes at known places, in a constant velocity or one that grows with depth, with exact travel times:
 * what a migration must find again. Private to src/synth. */
#ifndef SEISPROC_SYNTH_DIFFRACTORS_H
#define SEISPROC_SYNTH_DIFFRACTORS_H

#include <stdbool.h>

#include "seisproc/synth.h"
#include "src/synth/geometry.h"

enum { SP_SCATTERERS = 5, SP_PLANES = 3, SP_ARRIVALS = SP_SCATTERERS + SP_PLANES };

typedef struct sp_arrival {
  double t, amplitude; /* s */
  bool is_slope;       /* of the wavelet's derivative */
} sp_arrival;

/* What reaches the trace: of a scatterer, a small horizontal reflector with coefficient times area s,
 * s (z/r_s + z/r_r) / (16 pi^2 r_s r_r v) times the wavelet's derivative; of a plane with coefficient R,
 * R / (4 pi length of the way) times the wavelet. In velocities that grow with depth lengths are those of straight
 * ways. */
void sp_diffractors_arrivals(sp_synth_medium medium, const double centre[2], const sp_trace_place *place,
                             sp_arrival arrivals[SP_ARRIVALS]);

#endif
