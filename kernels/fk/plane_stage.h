/* SPDX-License-Identifier: BSD-3-Clause */
/* The filter across traces, at one frequency: cells of a grid (a line where ny is 1) to what is removed of them; and
 * the projection that fills gaps. */
#ifndef SEISPROC_KERNELS_FK_PLANE_STAGE_H
#define SEISPROC_KERNELS_FK_PLANE_STAGE_H

#include <stddef.h>

#include "kernels/fk/filter.h"
#include "kernels/fk/trace_stage.h"

/* Transforms of one padded shape, in place, made with FFTW_ESTIMATE; one thread at a time plans. */
typedef struct sp_fk_plane_plans {
  uint32_t mx, my;
  void *forward, *back;
} sp_fk_plane_plans;

sp_status sp_fk_plane_plans_create(uint32_t mx, uint32_t my, sp_fk_plane_plans *plans);
void sp_fk_plane_plans_destroy(sp_fk_plane_plans *plans);

/* A grid of cells and its transforms. */
typedef struct sp_fk_plane {
  sp_fk_axis x, y;
  sp_fk_grid grid;
  const sp_fk_plane_plans *plans; /* of x.padded, y.padded; borrowed */
} sp_fk_plane;

/* Where the traces of a row lie: trace i in cell[i] = ix * ny + iy, x slower; NULL: in cell i, one a cell. Where
 * several share a cell it holds their mean, and each gets what is removed of that; `share` is then 1 / (traces of the
 * cell) by trace, else NULL. A cell without a trace is zero. */
typedef struct sp_fk_cells {
  uint32_t n_traces;
  const uint32_t *cell;
  const float *share;
} sp_fk_cells;

/* Bytes of work of a call on padded planes of this shape, aligned to SP_ALIGNMENT; a thread has its own. */
size_t sp_fk_plane_work(uint32_t mx, uint32_t my);

/* Replaces a row of spectra, one value a trace at frequency `bin`, by the part that the filter removes. */
void sp_fk_plane_filter(const sp_fk_plane *plane, const sp_fk_zone *zone, uint32_t bin, void *work,
                        const sp_fk_cells *cells, sp_fk_complex *row);

/* The largest squared magnitude of the row's transform (zeros in the pad). */
float sp_fk_plane_largest(const sp_fk_plane *plane, void *work, const sp_fk_cells *cells, const sp_fk_complex *row);

/* Replaces the row by its projection onto coefficients whose squared magnitude is at least `limit`. */
void sp_fk_plane_project(const sp_fk_plane *plane, void *work, const sp_fk_cells *cells, float limit,
                         sp_fk_complex *row);

/* The threshold of step i of n: it falls exponentially by 60 dB from the largest coefficient (Abma and Kabir 2006,
 * projections onto convex sets). Of squared magnitudes. */
float sp_fk_fill_limit(float largest, uint32_t i, uint32_t n);

/* Padded length of an axis of n points for filling gaps. */
uint32_t sp_fk_fill_length(uint32_t n);

#endif
