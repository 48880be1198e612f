/* SPDX-License-Identifier: BSD-3-Clause */
/* The parameters of the image job `pstm`, as its table says them. */
#ifndef SEISPROC_KERNELS_PSTM_PARAMS_H
#define SEISPROC_KERNELS_PSTM_PARAMS_H

#include "kernels/pstm/velocity.h"
#include "seisproc/processor.h"

typedef enum sp_pstm_geometry { SP_PSTM_GEOMETRY_AUTO, SP_PSTM_3D, SP_PSTM_2D } sp_pstm_geometry;
typedef enum sp_pstm_normalize { SP_PSTM_BY_AREA, SP_PSTM_BY_HITS, SP_PSTM_AS_IT_IS } sp_pstm_normalize;

typedef struct sp_pstm_params {
  sp_path velocity, eta;
  bool allow_velocities;
  int kind; /* sp_velocity_kind */
  int rays; /* sp_rays */
  sp_numbers origin, lines;
  double azimuth, dx, dy;
  int nx, ny;
  double tau0, dtau; /* ms */
  int ntau;
  sp_numbers offsets;
  int azimuths;
  double aperture, aperture_taper; /* NAN: by tau */
  double max_dip, dip_taper;
  bool antialias;
  sp_numbers spacing;
  int weights;   /* sp_pstm_weights */
  int geometry;  /* sp_pstm_geometry */
  int normalize; /* sp_pstm_normalize */
  double stretch;
  int oversample; /* position in 1, 2, 4, 8 */
  bool hits, stack;
  double peak;
  int tile_mb, tile_groups;
  double snapshot; /* s */
} sp_pstm_params;

/* Columns that a migration reads, in this order. */
enum {
  SP_PSTM_SX,
  SP_PSTM_SY,
  SP_PSTM_GX,
  SP_PSTM_GY,
  SP_PSTM_DELAY, /* ms, optional */
  SP_PSTM_ILINE, /* these four where the grid follows from the survey */
  SP_PSTM_XLINE,
  SP_PSTM_CDPX,
  SP_PSTM_CDPY,
  SP_PSTM_COLUMNS
};

/* Their names; one that ends in '?' is optional. How many are read with these parameters. */
extern const char *const sp_pstm_column_names[SP_PSTM_COLUMNS];
size_t sp_pstm_columns(const sp_pstm_params *params);

/* Whether the image grid is to follow from the survey's line numbers and coordinates. */
bool sp_pstm_grid_is_auto(const sp_pstm_params *params);

#endif
