/* SPDX-License-Identifier: BSD-3-Clause */
/* The velocity filter of `fk` (a gather) and `fkk` (a cube): what both have as parameters, and what follows from these.
 *
 * Order of work: gain (if asked for), time padding, transform over t; at each frequency of the band padding of x and y,
 * 2-D transform, multiplication, inverse, crop; inverse over t, crop, division by the gain. The filter is linear, so
 * what is computed is the part that is removed, A z U (zone.h), and that is subtracted from the data: only bins with
 * A > 0 are worked on, and a job that removes nothing returns its input's bits.
 *
 * Every axis is padded to the least 2^a 3^b 5^c 7^d >= n (1 + pad), even in t; an axis of one point is not. The pad
 * holds zeros, or (edge: decay) the value at each end under a cosine that falls to 0, cyclic: in t over half the pad,
 * in x and y over edge_traces, x first. The gain is 1 / sqrt(mean square + (0.01 rms)^2): the mean square over a window
 * that is centred on the sample and clipped at the ends, rms that of the whole trace; 1 on a trace that is zero.
 */
#ifndef SEISPROC_KERNELS_FK_FILTER_H
#define SEISPROC_KERNELS_FK_FILTER_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/fk/zone.h"
#include "seisproc/param.h"
#include "seisproc/status.h"

enum { SP_FK_MAX_EDGE = 64, SP_FK_MAX_FILL = 50 };

typedef enum sp_fk_mode { SP_FK_REJECT, SP_FK_PASS } sp_fk_mode;
typedef enum sp_fk_edge { SP_FK_EDGE_DECAY, SP_FK_EDGE_ZERO } sp_fk_edge;

typedef enum sp_fk_gaps { SP_FK_GAPS_ZERO, SP_FK_GAPS_FILL } sp_fk_gaps;

/* Parameters that fk and fkk share. */
typedef struct sp_fk_common {
  int mode;          /* sp_fk_mode */
  double vmin, vmax; /* units a second; vmax may be INFINITY */
  double taper;      /* of the flanks, a share of slowness */
  sp_numbers f;      /* Hz: four of them, or none */
  int aliases;
  double agc; /* ms; 0: none */
  double pad; /* a share of each axis */
  int edge;   /* sp_fk_edge */
  int edge_traces;
  int gaps; /* sp_fk_gaps */
  int fill_iterations;
} sp_fk_common;

/* One axis in space: n points, padded to `padded`, of which `reach` at either end hold a decaying edge. */
typedef struct sp_fk_axis {
  uint32_t n, padded, reach;
  float weight[SP_FK_MAX_EDGE];
} sp_fk_axis;

typedef struct sp_fk_filter {
  sp_fk_zone zone;
  uint32_t n_samples, padded; /* of a trace */
  double dt;                  /* s */
  uint32_t first_bin, n_bins; /* with A(f) > 0; n_bins may be 0 */
  double pad;
  sp_fk_edge edge;
  uint32_t edge_traces;
  bool gain;
  uint32_t gain_half; /* samples on either side of the window's centre */
  uint32_t fill;      /* iterations; 0: gaps are zero */
} sp_fk_filter;

/* The azimuth sector of fkk; of fk: the direction along the sort, as a sector of a half plane. */
typedef struct sp_fk_sector {
  double azimuth, width, taper; /* degrees */
  bool two_sided;
} sp_fk_sector;

/* Length that an axis of n points is padded to. */
uint32_t sp_fk_padded_length(uint32_t n, double pad, bool even);

/* `sector` NULL: all azimuths. The axes of the grid point to azimuth `azimuth_x` and `azimuth_y`, degrees from north.
 */
void sp_fk_filter_set(const sp_fk_common *params, const sp_fk_sector *sector, double azimuth_x, double azimuth_y,
                      uint32_t n_samples, double dt, sp_fk_filter *filter);

void sp_fk_axis_set(const sp_fk_filter *filter, uint32_t n, sp_fk_axis *axis);

/* The mean share that is removed, over some of the band's bins of nx by ny traces that are dx and dy apart. */
double sp_fk_mean_removed(const sp_fk_filter *filter, uint32_t nx, uint32_t ny, double dx, double dy);

/* Whether that says that the filter passes, or takes, all. */
static inline bool sp_fk_is_all_or_nothing(double removed) {
  return removed <= 0.0005 || removed >= 0.9995;
}

/* Whether traces can hardly be so far apart: beyond that a scalar of coordinates is wrong. NAN is none. */
static inline bool sp_fk_is_odd_step(double step) {
  return step < 0.1 || step > 10e3;
}

/* Whether two spacings are the same, but for how well they are known; also where either is NAN. */
static inline bool sp_fk_is_same_step(double given, double found) {
  return !(fabs(given / found - 1) > 0.05);
}

/* Points of a pad that the decay at either end may take. */
uint32_t sp_fk_half_pad(uint32_t pad);

/* The cosine that falls from an edge's value to 0 over `reach` points of the pad, at its j-th. */
float sp_fk_edge_weight(uint32_t j, uint32_t reach);

/* Checks parameters against each other; on failure fills `why` and returns SP_ERR_USAGE without logging. */
sp_status sp_fk_common_check(const sp_fk_common *params, char *why, size_t why_size);

/* The same against a survey's samples: a band that holds no frequency is refused, flanks without width are noted. */
struct sp_survey_shape;
sp_status sp_fk_common_check_shape(const sp_fk_common *params, const struct sp_survey_shape *shape,
                                   const char *processor, char *why, size_t why_size);

/* The rows of a parameter table for the sp_fk_common at `offset` of a struct. */
#define SP_FK_COMMON_PARAMS(offset)                                                                                    \
  {"mode",                                                                                                             \
   SP_PARAM_CHOICE,                                                                                                    \
   "reject",                                                                                                           \
   0,                                                                                                                  \
   0,                                                                                                                  \
   0,                                                                                                                  \
   "reject|pass",                                                                                                      \
   NULL,                                                                                                               \
   "what happens to the band of velocities",                                                                           \
   (offset) + offsetof(sp_fk_common, mode)},                                                                           \
      {"vmin",                                                                                                         \
       SP_PARAM_REAL,                                                                                                  \
       "0",                                                                                                            \
       0,                                                                                                              \
       1e7,                                                                                                            \
       0,                                                                                                              \
       NULL,                                                                                                           \
       "length/s",                                                                                                     \
       "slowest apparent velocity of the band, in the unit of the headers a second; 0: no limit",                      \
       (offset) + offsetof(sp_fk_common, vmin)},                                                                       \
      {"vmax",                                                                                                         \
       SP_PARAM_REAL,                                                                                                  \
       NULL,                                                                                                           \
       1e-3,                                                                                                           \
       1e7,                                                                                                            \
       0,                                                                                                              \
       "inf",                                                                                                          \
       "length/s",                                                                                                     \
       "fastest apparent velocity of the band, in the unit of the headers a second",                                   \
       (offset) + offsetof(sp_fk_common, vmax)},                                                                       \
      {"taper",                                                                                                        \
       SP_PARAM_REAL,                                                                                                  \
       "0.2",                                                                                                          \
       0,                                                                                                              \
       2,                                                                                                              \
       0,                                                                                                              \
       NULL,                                                                                                           \
       NULL,                                                                                                           \
       "width of the flanks, outside the band, as a share of slowness",                                                \
       (offset) + offsetof(sp_fk_common, taper)},                                                                      \
      {"f",                                                                                                            \
       SP_PARAM_NUMBERS,                                                                                               \
       "[]",                                                                                                           \
       0,                                                                                                              \
       1e6,                                                                                                            \
       SP_PARAM_ITEMS(0, 4),                                                                                           \
       NULL,                                                                                                           \
       "Hz",                                                                                                           \
       "frequencies that are changed: from where, fully from, fully to, to where; [] all",                             \
       (offset) + offsetof(sp_fk_common, f)},                                                                          \
      {"aliases",                                                                                                      \
       SP_PARAM_INT,                                                                                                   \
       "0",                                                                                                            \
       0,                                                                                                              \
       2,                                                                                                              \
       0,                                                                                                              \
       NULL,                                                                                                           \
       NULL,                                                                                                           \
       "also take the band's images at this many multiples of the sampling wave number",                               \
       (offset) + offsetof(sp_fk_common, aliases)},                                                                    \
      {"agc",                                                                                                          \
       SP_PARAM_REAL,                                                                                                  \
       "0",                                                                                                            \
       0,                                                                                                              \
       1e6,                                                                                                            \
       0,                                                                                                              \
       NULL,                                                                                                           \
       "ms",                                                                                                           \
       "window of a gain that is applied before and divided out after; 0: none",                                       \
       (offset) + offsetof(sp_fk_common, agc)},                                                                        \
      {"pad",                                                                                                          \
       SP_PARAM_REAL,                                                                                                  \
       "0.25",                                                                                                         \
       0,                                                                                                              \
       4,                                                                                                              \
       0,                                                                                                              \
       NULL,                                                                                                           \
       NULL,                                                                                                           \
       "padding of each axis as a share of it",                                                                        \
       (offset) + offsetof(sp_fk_common, pad)},                                                                        \
      {"edge",                                                                                                         \
       SP_PARAM_CHOICE,                                                                                                \
       "decay",                                                                                                        \
       0,                                                                                                              \
       0,                                                                                                              \
       0,                                                                                                              \
       "decay|zero",                                                                                                   \
       NULL,                                                                                                           \
       "what the padding holds: the edge's values, decaying, or zeros",                                                \
       (offset) + offsetof(sp_fk_common, edge)},                                                                       \
      {"edge_traces",                                                                                                  \
       SP_PARAM_INT,                                                                                                   \
       "4",                                                                                                            \
       1,                                                                                                              \
       SP_FK_MAX_EDGE,                                                                                                 \
       0,                                                                                                              \
       NULL,                                                                                                           \
       "traces",                                                                                                       \
       "over which an edge decays",                                                                                    \
       (offset) + offsetof(sp_fk_common, edge_traces)},                                                                \
      {"gaps",                                                                                                         \
       SP_PARAM_CHOICE,                                                                                                \
       "zero",                                                                                                         \
       0,                                                                                                              \
       0,                                                                                                              \
       0,                                                                                                              \
       "zero|fill",                                                                                                    \
       NULL,                                                                                                           \
       "dead and missing traces: taken as zero, or filled in from the others before filtering",                        \
       (offset) + offsetof(sp_fk_common, gaps)},                                                                       \
  {                                                                                                                    \
    "fill_iterations", SP_PARAM_INT, "10", 1, SP_FK_MAX_FILL, 0, NULL, NULL, "of gaps: fill",                          \
        (offset) + offsetof(sp_fk_common, fill_iterations)                                                             \
  }

#endif
