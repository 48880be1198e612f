/* SPDX-License-Identifier: BSD-3-Clause */
/* Cubes of a survey: which traces lie on which cell of which regular grid. A pure function of header columns.
 *
 * Traces with the same values in the `cubes` columns form a cube. The cell of a trace comes from two columns of whole
 * numbers (iline, xline): x counts in steps of the greatest common divisor of what occurs, from the least, so that a
 * line that is missing leaves a gap and shifts nothing; or from coordinates that are rounded to bins of dx by dy, whose
 * axes are turned to `azimuth`. Spacing and direction of the axes of a grid of line numbers follow from a least-squares
 * fit of the coordinates on the two numbers, or are given.
 *
 * A cube's grid depends on its own traces alone. Cells are counted ix * ny + iy.
 */
#ifndef SEISPROC_SRC_INDEX_TRACE_GRID_H
#define SEISPROC_SRC_INDEX_TRACE_GRID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seisproc/status.h"

enum { SP_MAX_CUBE_COLUMNS = 3, SP_LEAST_LINE = 8 };

typedef struct sp_grid_request {
  const char *where; /* the file, for error lines */
  uint64_t n_traces;
  const char *x_name, *y_name;
  const double *x, *y; /* [n_traces] */
  bool bins;           /* x and y are coordinates */
  /* Coordinates of the traces for the fit; NULL where dx and dy are given. */
  const double *easting, *northing;
  double dx, dy;        /* bins, or of a grid of line numbers: given; else NAN */
  double azimuth;       /* of the x axis, degrees from north; NAN: from the fit, or 90 */
  bool right_handed;    /* y points to azimuth + 90 rather than - 90; where it does not follow from the fit */
  const double *origin; /* [2] easting, northing of a bin's centre; NULL: of the cube's first trace */
  size_t n_cube_columns;
  const char *const *cube_names;
  const double *const *cube_columns; /* [n_cube_columns][n_traces] */
  bool mean;                         /* several traces may share a cell */
} sp_grid_request;

typedef struct sp_cube {
  uint64_t first;    /* of its traces in sp_trace_grid.trace */
  uint32_t n_traces; /* in file order */
  uint32_t nx, ny;
  double dx, dy;               /* 1 along an axis of one cell whose spacing is not known */
  double azimuth_x, azimuth_y; /* degrees from north that the axes point to */
  double key[SP_MAX_CUBE_COLUMNS];
  double x0, x_step, y0, y_step; /* the numbers, or the bin's coordinates, of cell 0 and from cell to cell */
  uint32_t n_cells;              /* that hold a trace */
} sp_cube;

typedef struct sp_trace_grid {
  uint32_t n_cubes;
  uint64_t n_traces; /* of all cubes */
  sp_cube *cubes;    /* [n_cubes], ascending by key */
  uint64_t *trace;   /* [n_traces]: position in the file, ascending within a cube */
  uint32_t *cell;    /* [n_traces] */
} sp_trace_grid;

/* Borrows the request; the caller owns *out. Errors: SP_ERR_INPUT, one line that names the first or worst trace: a
 * value that is no whole number, no number at all, traces that share a cell (unless `mean`), axes that are not at right
 * angles, coordinates farther than 1 % of a cell from the fit, a grid of many more cells than traces. */
sp_status sp_trace_grid_create(const sp_grid_request *request, sp_trace_grid **out);

/* Takes NULL. */
void sp_trace_grid_destroy(sp_trace_grid *grid);

/* Spacing of the traces' coordinates along the axes of a cube of line numbers, and where these point (degrees), by
 * least squares; 0 and NAN along an axis that the coordinates do not change with. The request has easting and northing.
 */
void sp_trace_grid_found(const sp_grid_request *request, const sp_trace_grid *grid, const sp_cube *cube, double step[2],
                         double azimuth[2]);

/* "cube offset 400, azimuth 3", or "the only cube" without such columns. */
void sp_cube_name(const sp_grid_request *request, const sp_cube *cube, char *text, size_t size);

#endif
