/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernels that take traces to rows of coefficients and back. */
#ifndef SEISPROC_KERNELS_DWT_CUDA_TRACES_H
#define SEISPROC_KERNELS_DWT_CUDA_TRACES_H

#include "kernels/dwt/cuda_shape.h"

/* The thresholds of a gather: of band b, from 1, k[b] times sigma[b], or times `ratio` of the noise of the trace. */
typedef struct dwt_choice {
  double k[DWT_SLOTS], sigma[DWT_SLOTS], ratio;
  bool by_level;
} dwt_choice;

typedef enum dwt_task {
  DWT_LOOK,    /* the level of the noise of traces that a gather's thresholds are chosen by */
  DWT_COUNT,   /* their coefficients */
  DWT_DENOISE, /* each trace from itself */
  DWT_FORWARD, /* traces to rows; gathers too small for an aperture are denoised */
  DWT_INVERSE  /* rows to traces, but for those */
} dwt_task;

typedef struct dwt_traces {
  dwt_task task;
  bool by_slot; /* blocks are of traces that are looked at, see treat_traces */
  uint32_t n_traces;
  const float *in;
  float *out, *rows;                    /* rows: [n_traces][row_stride] */
  float *workspace;                     /* [blocks][work_floats] where shared memory is too small, else NULL */
  const uint32_t *first_trace, *gather; /* as in sp_cuda_batch */
  const dwt_choice *choices;            /* by gather; NULL: the parameters say all */
  double *levels;                       /* [n_traces]: DWT_LOOK writes those of traces that are looked at; DWT_COUNT
                                           reads them where that was done, else NULL */
  uint32_t *counts;                     /* DWT_COUNT: by gather [n_bands - 1][SP_SURE_BINS] */
} dwt_traces;

typedef void dwt_kernel(const dwt_shape shape, const dwt_traces traces);

/* The kernel for a shape; `wide` where its work lies in the workspace. */
dwt_kernel *dwt_kernel_for(const dwt_shape *shape, bool wide);

/* Of the source of each transform. */
dwt_kernel *dwt_decimated_kernel(const dwt_shape *shape, bool wide);
dwt_kernel *dwt_undecimated_kernel(const dwt_shape *shape, bool wide);

#endif
