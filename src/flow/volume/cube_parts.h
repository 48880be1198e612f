/* SPDX-License-Identifier: BSD-3-Clause */
/* What the filter of a cube is made of; shared by its making (cube_make.c) and its working (cube_filter.c). Private to
 * these two. */
#ifndef SEISPROC_SRC_FLOW_VOLUME_CUBE_PARTS_H
#define SEISPROC_SRC_FLOW_VOLUME_CUBE_PARTS_H

#include "kernels/fk/plane_stage.h"
#include "kernels/fk/trace_stage.h"
#include "kernels/fkk/cuda.h"
#include "src/base/faint.h"
#include "src/flow/volume/cube_filter.h"

/* One way through the three steps: the filter's, or that of filling gaps. */
typedef struct sp_cube_passage {
  sp_fk_time_axis time;
  sp_fk_trace_stage *stage;
  sp_fk_plane plane;
  sp_fk_plane_plans plans;
  sp_transpose *transpose;
  uint64_t chunk_stride; /* complex numbers from chunk to chunk of the spectra */
} sp_cube_passage;

/* What the threads' loops are about. */
typedef struct sp_cube_loop {
  sp_cube_filter *cube;
  const sp_cube_passage *way;
  const float *traces;
  float *samples;
  uint64_t first;
  uint32_t chunk;
  sp_share bins;
  float limit;
  float *largest; /* [n_threads] */
} sp_cube_loop;

struct sp_cube_filter {
  sp_cube_spec spec;
  sp_fk_filter filter;
  uint64_t n_items;
  sp_share share;
  sp_cube_passage filtering, filling;
  sp_fk_cells cells; /* of all items */
  uint32_t *cell;    /* [n_items], where there are more items than traces */
  float *cell_share; /* [n_items], where traces may share a cell */
  uint8_t *state;    /* [share.count] sp_item_state */
  float *samples;    /* [share.count][n_samples], for filling gaps */
  sp_fk_complex *spectra;
  size_t spectra_bytes;
  bool mapped;
  sp_fk_complex *planes; /* a chunk after the exchange */
  size_t work_bytes;     /* a thread */
  char *work;
  sp_fk_complex *rows; /* [n_threads][most bins] */
  uint32_t most_bins;
  float *largest; /* [n_threads] */
  sp_cube_loop loop;
  sp_fkk_cuda *on_gpu;     /* NULL: the threads compute */
  sp_status failed;        /* of the GPU, since the last wait */
  sp_faint_count energies; /* of the share's traces, then of all */
};

#endif
