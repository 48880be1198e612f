/* SPDX-License-Identifier: BSD-3-Clause */
/* The thresholds of gathers on the GPU: the twin of cpu_noise.h. The level of the noise and the k of least risk come
 * from a part of the traces of a gather (sure.h), which are transformed for that and again when they are denoised. */
#ifndef SEISPROC_KERNELS_DWT_CUDA_CHOICE_H
#define SEISPROC_KERNELS_DWT_CUDA_CHOICE_H

#include "kernels/dwt/cuda_traces.h"

typedef struct dwt_chooser {
  bool floor;          /* the f-k floor is looked at: */
  bool by_level;       /* it is the level of each detail, else of the finest, against the traces' own */
  bool by_risk;        /* k is chosen */
  double *weights;     /* [levels][SP_FLOOR_BINS], this and all below in device memory */
  double *risks;       /* [SP_SURE_BINS][SP_SURE_CANDIDATES] */
  double *power;       /* [max_gathers][SP_FLOOR_BINS] */
  void *floor_work;    /* of FLOORS_AT_ONCE gathers */
  double *levels;      /* [max_traces]: of the noise, of traces that are looked at */
  uint32_t *counts;    /* [max_gathers][details][SP_SURE_BINS] */
  dwt_choice *choices; /* [max_gathers] */
  uint32_t max_gathers;
} dwt_chooser;

size_t dwt_chooser_bytes(const sp_dwt_params *params, const dwt_shape *shape, const sp_cuda_geometry *geometry);

/* For parameters with which a gather decides (sp_dwt_needs_gather). Errors as sp_cuda_ops.plan; after one the chooser
 * is to be destroyed all the same. */
sp_status dwt_chooser_plan(const sp_dwt_params *params, const dwt_shape *shape, const sp_cuda_geometry *geometry,
                           dwt_chooser *chooser);
void dwt_chooser_destroy(dwt_chooser *chooser);

/* Launches, in this order: the floor; (traces are looked at, DWT_LOOK, where the floor is a share of their own level;)
 * levels, and k as the parameters say; (traces are counted, DWT_COUNT, where k is chosen;) k. */
sp_status dwt_choose_floor(const dwt_chooser *chooser, const dwt_shape *shape, const sp_cuda_batch *batch,
                           cudaStream_t stream);
sp_status dwt_choose_levels(const dwt_chooser *chooser, const dwt_shape *shape, const sp_cuda_batch *batch,
                            cudaStream_t stream);
sp_status dwt_choose_k(const dwt_chooser *chooser, const dwt_shape *shape, const sp_cuda_batch *batch,
                       cudaStream_t stream);

#endif
