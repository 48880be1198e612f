/* SPDX-License-Identifier: BSD-3-Clause */
/* Interpolation between positions of a plane: which of them a point lies between, and with which weights. Private to
 * kernels/pstm. */
#ifndef SEISPROC_KERNELS_PSTM_VELOCITY_PLANE_H
#define SEISPROC_KERNELS_PSTM_VELOCITY_PLANE_H

#include <stdint.h>

#include "seisproc/status.h"

enum { SP_PLANE_MOST = 4, SP_PLANE_MOST_FREE = 20000 };

typedef struct sp_plane sp_plane;

/* At most so many of the positions contribute to a point. */
typedef struct sp_plane_weights {
  uint32_t n, position[SP_PLANE_MOST];
  double weight[SP_PLANE_MOST];
} sp_plane_weights;

/* Copies the positions, of which no two are the same. Errors: SP_ERR_INPUT for more than SP_PLANE_MOST_FREE that form
 * no grid. */
sp_status sp_plane_create(uint32_t n, const double (*position)[2], sp_plane **out);
void sp_plane_destroy(sp_plane *plane);

/* Checksum of the positions, going on from `crc`. */
uint32_t sp_plane_crc(const sp_plane *plane, uint32_t crc);

/* May be called by several threads at once. */
void sp_plane_at(const sp_plane *plane, const double point[2], sp_plane_weights *weights);

#endif
