/* SPDX-License-Identifier: BSD-3-Clause */
/* Launches of the kernels of fkk: along time (cuda_time.cu) and across traces (cuda_plane.cu). */
#ifndef SEISPROC_KERNELS_FKK_CUDA_KERNELS_CUH
#define SEISPROC_KERNELS_FKK_CUDA_KERNELS_CUH

#include <cuda_runtime.h>

#include "kernels/common/cuda_fft_plan.h"
extern "C" {
#include "kernels/fk/filter.h"
#include "kernels/fk/trace_stage.h"
#include "seisproc/status.h"
}

/* A slab of traces on the device. */
struct sp_fkk_slab {
  const float *traces;    /* [count][n_samples] */
  float *padded;          /* [rows][padded + 2], before the transform and after the inverse */
  double *sums;           /* [rows][n_samples + 1], with a gain */
  float *gain;            /* [rows][n_samples], with a gain */
  uint8_t *state;         /* [count] */
  uint32_t count, stride; /* of `padded`, floats */
};

/* State and gain of each trace, and its padded samples (zeros where it is not live). */
sp_status sp_fkk_launch_pad(const sp_fk_time_axis *axis, const float *weights, const sp_fkk_slab *slab, bool keep_state,
                            cudaStream_t stream);

/* Bins of the band of a slab's spectra to bins[n_bins][items], where the slab's first item is the first column, and
 * back, with zeros elsewhere. */
sp_status sp_fkk_launch_select(const sp_fk_time_axis *axis, const sp_fkk_slab *slab, sp_fk_complex *bins, size_t items,
                               cudaStream_t stream);
sp_status sp_fkk_launch_place(const sp_fk_time_axis *axis, const sp_fkk_slab *slab, const sp_fk_complex *bins,
                              size_t items, cudaStream_t stream);

/* Samples after the inverse transform, scaled and divided by the gain; zeros where a trace is not live. */
sp_status sp_fkk_launch_unpad(const sp_fk_time_axis *axis, const sp_fkk_slab *slab, float *removed,
                              cudaStream_t stream);

enum { SP_FKK_NO_ITEM = 0xffffffffu };
enum { SP_FKK_LINE_RADIX = 16 }; /* the largest of transforms across traces */

/* Grid of cells and what is done on it, as kernels see it. */
struct sp_fkk_plane {
  sp_fk_axis x, y;
  sp_fk_grid grid;
  sp_fk_zone zone;
  cuda_fft fft_x, fft_y;           /* tables in device memory */
  const uint16_t *wave_x, *wave_y; /* [x.padded], [y.padded] device: which wave number is where after a transform */
  const uint32_t *item;            /* [x.n][y.n] device: SP_FKK_NO_ITEM where a cell has none */
  const float *sector; /* [y.padded][x.padded] device, by place: share of the sector; NULL: none, or with images */
  bool narrow;         /* flanks or images that float cannot decide (cuda_mask.cuh) */
  uint32_t stride;     /* numbers from row to row of a plane */
  uint32_t n_items, block, rank; /* `block` items a member of the group, fewer the last */
};

/* The bins of a chunk that are this member's: [own_bins][items of the member] each, of its own items where they are
 * kept, of the others' in one block a member, in their order. Bins count from `first` of them on. */
struct sp_fkk_bins {
  sp_fk_complex *own, *others;
  uint32_t own_bins, first;
};

/* Whether planes of this padded size fit the kernels; lets these have as much shared memory as they need. */
bool sp_fkk_has_kernel(uint32_t mx, uint32_t my);
sp_status sp_fkk_prepare_planes(const sp_fkk_plane *plane);

/* Fills plane->sector, for a zone that has one: of its azimuth alone, which is the same at all frequencies. */
sp_status sp_fkk_launch_sector(const sp_fkk_plane *plane, float *sector, cudaStream_t stream);

/* Filters `count` planes in place, the i-th at bin first_bin + i of the transform in time;
 * planes[count][x.n][plane->stride] is room to work in. */
sp_status sp_fkk_launch_planes(const sp_fkk_plane *plane, const sp_fkk_bins *bins, uint32_t first_bin, uint32_t count,
                               sp_fk_complex *planes, cudaStream_t stream);

#endif
