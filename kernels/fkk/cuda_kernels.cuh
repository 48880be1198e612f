/* SPDX-License-Identifier: BSD-3-Clause */
/* Launches of the kernels of fkk: along time (cuda_time.cu) and across traces (cuda_plane.cu). */
#ifndef SEISPROC_KERNELS_FKK_CUDA_KERNELS_CUH
#define SEISPROC_KERNELS_FKK_CUDA_KERNELS_CUH

#include <cuda_runtime.h>

extern "C" {
#include "kernels/fk/filter.h"
#include "kernels/fk/trace_stage.h"
#include "seisproc/status.h"
}

/* A slab of traces on the device. */
struct sp_fkk_slab {
  const float *traces; /* [count][n_samples] */
  float *padded;       /* [rows][padded + 2], before the transform and after the inverse */
  double *sums;        /* [rows][n_samples + 1], with a gain */
  float *gain;         /* [rows][n_samples], with a gain */
  uint8_t *state;      /* [count] */
  uint32_t count, stride; /* of `padded`, floats */
};

/* State and gain of each trace, and its padded samples (zeros where it is not live). */
sp_status sp_fkk_launch_pad(const sp_fk_time_axis *axis, const float *weights, const sp_fkk_slab *slab, bool keep_state,
                            cudaStream_t stream);

/* Bins of the band from a slab's spectra to rows of n_bins, and back with zeros elsewhere. */
sp_status sp_fkk_launch_select(const sp_fk_time_axis *axis, const sp_fkk_slab *slab, sp_fk_complex *rows,
                               cudaStream_t stream);
sp_status sp_fkk_launch_place(const sp_fk_time_axis *axis, const sp_fkk_slab *slab, const sp_fk_complex *rows,
                              cudaStream_t stream);

/* Samples after the inverse transform, scaled and divided by the gain; zeros where a trace is not live. */
sp_status sp_fkk_launch_unpad(const sp_fk_time_axis *axis, const sp_fkk_slab *slab, float *removed,
                              cudaStream_t stream);

/* `count` rows of `stride` numbers, n_bins columns from first_bin on: to bins[n_bins][count], and back. */
sp_status sp_fkk_launch_by_bin(const sp_fk_complex *rows, uint32_t count, uint32_t stride, uint32_t first_bin,
                               uint32_t n_bins, sp_fk_complex *bins, cudaStream_t stream);
sp_status sp_fkk_launch_by_item(const sp_fk_complex *bins, uint32_t count, uint32_t stride, uint32_t first_bin,
                                uint32_t n_bins, sp_fk_complex *rows, cudaStream_t stream);

/* Grid of cells, as kernels see it. */
struct sp_fkk_plane {
  sp_fk_axis x, y;
  sp_fk_grid grid;
  const uint32_t *cell; /* device [n_items] */
};

/* Items first ... first + count - 1 of n_planes planes lie in bins[plane][count]: to their cells, and back. Planes are
 * zero before; edges are set when all items are there. */
sp_status sp_fkk_launch_load(const sp_fkk_plane *plane, const sp_fk_complex *bins, uint32_t first, uint32_t count,
                             uint32_t n_planes, sp_fk_complex *planes, cudaStream_t stream);
sp_status sp_fkk_launch_store(const sp_fkk_plane *plane, const sp_fk_complex *planes, uint32_t first, uint32_t count,
                              uint32_t n_planes, sp_fk_complex *bins, cudaStream_t stream);
sp_status sp_fkk_launch_extend(const sp_fkk_plane *plane, uint32_t n_planes, sp_fk_complex *planes,
                               cudaStream_t stream);

/* Times what is removed of each point, over the number of points; plane i is at bin first_bin + i. */
sp_status sp_fkk_launch_mask(const sp_fkk_plane *plane, const sp_fk_zone *zone, uint32_t first_bin, uint32_t n_planes,
                             sp_fk_complex *planes, cudaStream_t stream);

#endif
