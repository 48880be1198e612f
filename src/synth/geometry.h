/* SPDX-License-Identifier: BSD-3-Clause */
/* Where sources and receivers of a synthetic survey stand. Private to src/synth. */
#ifndef SEISPROC_SYNTH_GEOMETRY_H
#define SEISPROC_SYNTH_GEOMETRY_H

#include "seisproc/gather_index.h"

/* Fixed for a survey. */
typedef struct sp_grid {
  sp_global sources_a_line;
  int64_t first_x, first_y; /* m: corner of the bins */
  int64_t bins_x;           /* in a row */
} sp_grid;

/* A gather's patch of receivers: lines of `stations` receivers, filled one line after the other. */
typedef struct sp_patch {
  int64_t source_x, source_y;     /* m */
  int64_t receiver_x, receiver_y; /* m: of the first receiver */
  sp_local stations;
} sp_patch;

/* Positions of one trace, m. */
typedef struct sp_trace_place {
  int64_t source_x, source_y, receiver_x, receiver_y;
  double offset;
  double middle_x, middle_y; /* between source and receiver */
} sp_trace_place;

sp_grid sp_grid_create(const sp_gather_index *index);

/* Of the sources of all gathers. */
void sp_grid_centre(const sp_grid *grid, sp_global n_gathers, double centre[2]);

sp_patch sp_grid_patch(const sp_grid *grid, sp_global gather, sp_local n_traces);

/* The i-th trace of a gather. */
sp_trace_place sp_patch_trace(const sp_patch *patch, sp_local i);

/* Bin of a midpoint, counted from 1 along x (cross-lines) and y (in-lines). */
void sp_grid_bin(const sp_grid *grid, const sp_trace_place *place, int64_t *in_line, int64_t *cross_line);

#endif
