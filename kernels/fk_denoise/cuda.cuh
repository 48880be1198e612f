/* SPDX-License-Identifier: BSD-3-Clause */
/* fk_denoise on the GPU: what its kernels share. They do the operations of the CPU in the same order, and no product
 * and sum is fused (tools/cuda.mk): results are the same bits.
 *
 * Traces of a batch are nodes of boxes (cuda_boxes.cu); node n of a plane [n_samples][pitch] is in column n. A unit of
 * work on windows is a tile: some pairs of windows that begin at one i of a box, in one slab. What they leave goes to
 * scratch memory window by window and is added up sample by sample, in the order of the CPU. Scratch memory takes some
 * slabs at a time.
 */
#ifndef SEISPROC_KERNELS_FK_DENOISE_CUDA_CUH
#define SEISPROC_KERNELS_FK_DENOISE_CUDA_CUH

#include "kernels/cuda_processor.h"
extern "C" {
#include "kernels/fk_denoise/fft_plan.h"
#include "kernels/fk_denoise/fk_denoise.h"
}

enum { FKD_NONE = -1 };

/* A part of a gather: nodes i n_j + j from the first on. */
typedef struct fkd_box {
  sp_fkd_axis i, j;
  uint32_t first, n_i, n_j, gather;
  uint32_t live, largest; /* traces; bits of the largest magnitude */
  uint32_t bad;           /* samples found */
  uint32_t pairs;         /* of windows along j */
  uint32_t number;        /* among those of this pass; else FKD_NONE */
  float scale;
  size_t values; /* of a slab and frequency, in the boxes before this one */
} fkd_box;

typedef struct fkd_tile {
  uint32_t box, i_window, first_pair;
} fkd_tile;

/* What a pass goes over. */
typedef struct fkd_totals {
  uint32_t n_boxes, n_active, n_tiles;
  uint32_t n_out, n_tasks;   /* traces that stand out; their blocks that are looked at */
  unsigned long long values; /* of a slab and frequency */
} fkd_totals;

/* An axis of a grid. */
typedef struct fkd_grid_axis {
  uint32_t n, parts;
} fkd_grid_axis;

/* A block of a trace that is looked at for bad samples. */
typedef struct fkd_block {
  uint32_t node, block;
} fkd_block;

/* All that kernels are given. */
typedef struct fkd_task {
  sp_fkd_axis t;
  double taper_t[SP_FKD_MAX_WINDOW]; /* of the window in time */
  sp_fkd_band band;
  double high2, low2, low2_3d; /* low: of boxes whose windows have one line, and several */
  int robust;
  bool has_line, has_grid;
  uint32_t n_samples, pitch, n_f, n_slabs, pairs_a_tile, tile_complex, n_blocks;
  size_t scratch_floats;
  /* tables */
  const sp_fkd_axis *axes;       /* [nodes]: of an axis of so many */
  const double *taper;           /* [SP_FKD_MAX_ACROSS + 1][SP_FKD_MAX_ACROSS], by length */
  const sp_fkd_fft *fft_t, *fft; /* fft: [SP_FKD_MAX_ACROSS + 1], by length */
  /* of a batch; [nodes] and [boxes] are as many as pitch */
  float *x, *y;             /* planes: what a pass reads and writes */
  float *scratch;           /* [scratch_floats] */
  double *noise;            /* [active][n_slabs][n_f] */
  float2 *limits;           /* the same: upper and lower threshold */
  uint32_t *n_live;         /* [active][n_slabs] windows */
  uint8_t *bad;             /* [nodes][n_samples] marks */
  uint32_t *stands_out;     /* [nodes] */
  int32_t *nodes_out;       /* [nodes], those that stand out */
  fkd_block *blocks;        /* [nodes][n_blocks] */
  double *likeness;         /* [nodes][n_blocks] */
  int32_t *node_trace;      /* [nodes], FKD_NONE where there is none */
  int32_t *node_box;        /* [nodes], FKD_NONE where it is in no box */
  const float **rows;       /* [nodes], NULL where dead */
  uint32_t *out_row;        /* [nodes], SP_CUDA_NO_ROW */
  fkd_box *boxes;           /* [boxes] */
  int32_t *active;          /* [boxes] of this pass */
  fkd_tile *tiles;          /* of this pass */
  fkd_totals *totals;       /* [1] */
  uint32_t *largest;        /* [traces]: bits of the largest magnitude, 0 of dead ones */
  uint32_t *gather_live;    /* [gathers] traces */
  double *sorted;           /* [2][traces], with a grid: values of its axes */
  uint32_t *ends;           /* [2][traces]: where parts of an axis end */
  fkd_grid_axis *grid_axes; /* [2][gathers] */
  /* the batch */
  const float *in;
  float *out;
  uint32_t n_traces, n_gathers, n_nodes, room; /* room: traces of a batch at most */
  const uint32_t *first_trace, *row;           /* row: NULL where traces are rows */
  const double *const *headers;
  uint32_t *reason;
} fkd_task;

/* Slabs that are in scratch memory. */
typedef struct fkd_chunk {
  uint32_t first, n;
} fkd_chunk;

/* The slabs that are in scratch memory at a step: as many as fit. None where all are done. */
__device__ static inline fkd_chunk fkd_chunk_at(const fkd_task &k, uint32_t step) {
  const unsigned long long slab = k.totals->values * k.t.window, fit = slab ? k.scratch_floats / slab : k.n_slabs;
  const uint32_t n = fit < k.n_slabs ? (uint32_t)fit : k.n_slabs, first = step * n;
  if (first >= k.n_slabs) return fkd_chunk{k.n_slabs, 0};
  return fkd_chunk{first, min(n, k.n_slabs - first)};
}

/* The first node of a gather. A grid may have empty ones. */
__device__ static inline uint32_t fkd_first_node(const fkd_task &k, uint32_t gather) {
  return k.first_trace[gather] * (k.has_grid ? SP_FKD_MAX_EMPTY : 1);
}

__device__ static inline bool fkd_is_filtered(const fkd_box &box) {
  return box.live >= SP_FKD_LEAST_TRACES;
}

/* sp_fkd_reflect, where i is at most a few times n away. */
__device__ static inline uint32_t fkd_reflect(int i, int n) {
  while (i < 0 || i >= n) i = i < 0 ? -1 - i : 2 * n - 1 - i;
  return (uint32_t)i;
}

/* Windows of an axis that hold a point: so many, of which the last is this one. */
__device__ static inline uint32_t fkd_last_window(const sp_fkd_axis &axis, uint32_t point) {
  return (point + axis.before) / axis.step;
}

__device__ static inline uint32_t fkd_overlap(const sp_fkd_axis &axis) {
  return axis.window / axis.step;
}

/* Launches, in this order. Boxes of the gathers, and their traces. */
sp_status fkd_launch_boxes(const fkd_task *task, cudaStream_t stream);
/* Traces to x; then marks of bad samples, and zeros in their place. */
sp_status fkd_launch_load(const fkd_task *task, cudaStream_t stream);
sp_status fkd_launch_bad(const fkd_task *task, unsigned n_blocks, cudaStream_t stream);
/* Which boxes a pass goes over: all, or those that need another. */
sp_status fkd_launch_tiles(const fkd_task *task, bool again, cudaStream_t stream);
/* For the slabs of a step: powers of all coefficients to scratch, and the noise from there. */
sp_status fkd_launch_powers(const fkd_task *task, uint32_t step, unsigned n_blocks, cudaStream_t stream);
sp_status fkd_launch_quantiles(const fkd_task *task, uint32_t step, unsigned n_blocks, cudaStream_t stream);
/* Thresholds of all slabs. */
sp_status fkd_launch_limits(const fkd_task *task, unsigned n_blocks, cudaStream_t stream);
/* For the slabs of a step: what stays of the windows to scratch, and from there to y. */
sp_status fkd_launch_filter(const fkd_task *task, uint32_t step, unsigned n_blocks, cudaStream_t stream);
sp_status fkd_launch_add(const fkd_task *task, uint32_t step, cudaStream_t stream);
/* y in place of what is dead, bad or an outlier of x, before another pass. */
sp_status fkd_launch_replace(const fkd_task *task, cudaStream_t stream);
/* The guard, and y to traces. */
sp_status fkd_launch_store(const fkd_task *task, cudaStream_t stream);

/* Shared memory that tiles need at most, and what a tile may have. */
enum { FKD_TILE_BYTES = 200 << 10 };
/* Numbers of a pair of windows in shared memory, with what keeps its banks apart. */
uint32_t fkd_pair_complex(uint32_t t_window, uint32_t i_window, uint32_t j_window);
/* Lets kernels have the shared memory that they need. *blocks: how many of windows run at once. */
sp_status fkd_prepare_powers(const fkd_task *task, unsigned *blocks);
sp_status fkd_prepare_filter(const fkd_task *task, unsigned *blocks);
sp_status fkd_prepare_bad(const fkd_task *task);
sp_status fkd_prepare_quantiles(void);

#endif
