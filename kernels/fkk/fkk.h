/* SPDX-License-Identifier: BSD-3-Clause */
/* The processor `fkk`: the velocity filter of kernels/fk/filter.h on cubes, which may be larger than a rank's memory.
 * What it does to a trace and to a plane of one frequency is in kernels/fk; here are its parameters.
 *
 * A survey is cut into cubes by the values of the columns `cubes`. Within a cube the cells are whole numbers in the
 * columns x and y (`cells: lines`), or coordinates rounded to bins (`cells: bins`).
 */
#ifndef SEISPROC_KERNELS_FKK_FKK_H
#define SEISPROC_KERNELS_FKK_FKK_H

#include "kernels/fk/filter.h"
#include "seisproc/processor.h"

enum { SP_FKK_MAX_CUBES = 3 };

typedef enum sp_fkk_cells { SP_FKK_LINES, SP_FKK_BINS } sp_fkk_cells;
typedef enum sp_fkk_handed { SP_FKK_LEFT, SP_FKK_RIGHT } sp_fkk_handed;
typedef enum sp_fkk_duplicates { SP_FKK_ERROR, SP_FKK_MEAN } sp_fkk_duplicates;

typedef struct sp_fkk_params {
  sp_fk_common common;
  double azimuth; /* degrees from north that the waves travel to; NAN: all */
  double azimuth_width, azimuth_taper;
  bool two_sided;
  int cells; /* sp_fkk_cells */
  sp_words x, y;
  double dx, dy;       /* NAN: from cdpx, cdpy */
  double grid_azimuth; /* degrees from north of the x axis; NAN: from cdpx, cdpy, or 90 */
  int handed;          /* sp_fkk_handed */
  sp_numbers origin;
  sp_words cubes;
  int duplicates; /* sp_fkk_duplicates */
  sp_text scratch;
} sp_fkk_params;

/* Which of the columns of sp_processor_headers is what; the names of `cubes` follow the fixed ones. */
typedef struct sp_fkk_columns {
  size_t x, y, delay;
  bool fits;                /* easting and northing are read, for spacing and direction */
  size_t easting, northing; /* where `fits` */
  size_t first_cube, n_cubes;
} sp_fkk_columns;

sp_fkk_columns sp_fkk_column_places(const sp_fkk_params *params);

/* The filter of a cube whose axes point to these azimuths. */
void sp_fkk_filter_of(const sp_fkk_params *params, double azimuth_x, double azimuth_y, uint32_t n_samples, double dt,
                      sp_fk_filter *filter);

extern const sp_processor sp_processor_fkk;

#endif
