/* SPDX-License-Identifier: BSD-3-Clause */
/* Synthetic surveys: any trace of any gather as a pure function of the settings and the seed, so that a survey comes
 * out the same, bit for bit, however its making is divided.
 *
 * A 3-D land survey. Sources stand on a grid; each is a gather, recorded by a patch of receiver lines around it whose
 * size varies. A trace is the sum of
 *   - reflections of some twenty gently undulating layers: Ricker wavelets at hyperbolic times
 *     t = sqrt(t0^2 + offset^2 / v^2), v growing with depth, amplitudes decaying as t0 / t and with depth; the
 *     strongest are about 1;
 *   - ground roll: a wave of low velocity whose frequencies travel at different speeds, hence a train that grows
 *     longer and weaker with offset;
 *   - Gaussian noise (Philox4x32-10 through the transform of Box and Muller).
 */
#ifndef SEISPROC_SYNTH_H
#define SEISPROC_SYNTH_H

#include <stddef.h>
#include <stdint.h>

#include "seisproc/gather_index.h"
#include "seisproc/status.h"

/* What reflects: the layers above; or scatterers and planes at known places, for migration, in a constant velocity of
 * 2000 m/s or in 1800 m/s + 0.6 z. */
typedef enum sp_synth_medium { SP_SYNTH_LAYERS, SP_SYNTH_CONSTANT, SP_SYNTH_GRADIENT } sp_synth_medium;

/* m, from the centre of the sources; a plane lies `depth` below it, deepens with `dip` towards `azimuth` (degrees from
 * north) and is flat in a gradient. */
typedef struct sp_synth_scatterer {
  double x, y, z, strength; /* strength: coefficient times area, m^2 */
} sp_synth_scatterer;
typedef struct sp_synth_plane {
  double depth, dip, azimuth, reflectivity;
} sp_synth_plane;

typedef struct sp_synth_config {
  uint64_t n_gathers;
  double mean_traces; /* a gather, before rounding; at least 1 */
  double spread;      /* sizes are uniform from (1 - spread) to (1 + spread) times the mean, but at least 1; 0 to 1 */
  double largest;     /* one gather has this many times the mean; 0: none */
  uint32_t n_samples; /* a trace */
  double interval_s;
  double noise;       /* standard deviation of the Gaussian noise, as a multiple of the reflections' RMS; their RMS is
                         that of a fixed sample of the survey's traces */
  double ground_roll; /* largest amplitude of the ground roll near the source, as a multiple of the strongest
                         reflection's; 0: none */
  uint64_t seed;
  int medium; /* sp_synth_medium */
} sp_synth_config;

typedef struct sp_synth sp_synth;

/* Settings that give a survey like those of the field: 1600 samples of 2 ms. */
sp_synth_config sp_synth_defaults(void);

/* Copies the config; the caller owns *out. Errors: SP_ERR_USAGE with the setting and what is allowed. */
sp_status sp_synth_create(const sp_synth_config *config, sp_synth **out);

/* Takes NULL. */
void sp_synth_destroy(sp_synth *synth);

/* Gathers and their keys (field record numbers from 1); borrowed until the survey is destroyed. */
const sp_gather_index *sp_synth_index(const sp_synth *synth);

/* RMS of the reflections over the sample of traces that `noise` is measured against. */
double sp_synth_reflection_rms(const sp_synth *synth);

/* The scatterers and planes; NULL past the last. Two-way vertical time to a depth, and the centre of the sources, m. */
const sp_synth_scatterer *sp_synth_scatterer_at(size_t i);
const sp_synth_plane *sp_synth_plane_at(size_t i);
double sp_synth_vertical_time(sp_synth_medium medium, double depth);
void sp_synth_centre(const sp_synth *synth, double centre[2]);

/* What a row holds: each part includes those before it. */
typedef enum sp_synth_part { SP_SYNTH_REFLECTIONS, SP_SYNTH_COHERENT, SP_SYNTH_NOISY, SP_SYNTH_PARTS } sp_synth_part;

/* Computes traces first ... first + n - 1 of the survey: rows[p] is [n][n_samples] for the part p, or NULL where it is
 * not wanted. May be called from several threads at once. Allocates nothing. */
void sp_synth_traces(const sp_synth *synth, sp_global first, sp_local n, float *const rows[SP_SYNTH_PARTS]);

/* Header columns of a synthetic survey, in SEG-Y's units (positions in metres, the sample interval in microseconds);
 * NULL past the last. */
const char *sp_synth_header_name(size_t column);

/* "m", "us" or NULL. */
const char *sp_synth_header_units(size_t column);

/* Values of a column for traces first ... first + n - 1. */
void sp_synth_headers(const sp_synth *synth, size_t column, sp_global first, sp_local n, int32_t *values);

#endif
