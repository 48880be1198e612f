/* The kernels that take traces to rows of coefficients and back. */
#ifndef SEISPROC_KERNELS_DWT_CUDA_TRACES_H
#define SEISPROC_KERNELS_DWT_CUDA_TRACES_H

#include "kernels/dwt/cuda_shape.h"

typedef enum dwt_task {
  DWT_DENOISE, /* each trace from itself */
  DWT_FORWARD, /* traces to rows; gathers too small for an aperture are denoised */
  DWT_INVERSE  /* rows to traces, but for those */
} dwt_task;

typedef struct dwt_traces {
  dwt_task task;
  uint32_t n_traces;
  const float *in;
  float *out, *rows;                    /* rows: [n_traces][row_stride] */
  float *workspace;                     /* [blocks][work_floats] where shared memory is too small, else NULL */
  const uint32_t *first_trace, *gather; /* as in sp_cuda_batch */
} dwt_traces;

typedef void dwt_kernel(const dwt_shape shape, const dwt_traces traces);

/* The kernel for a shape; `wide` where its work lies in the workspace. */
dwt_kernel *dwt_kernel_for(const dwt_shape *shape, bool wide);

/* Of the source of each transform. */
dwt_kernel *dwt_decimated_kernel(const dwt_shape *shape, bool wide);
dwt_kernel *dwt_undecimated_kernel(const dwt_shape *shape, bool wide);

#endif
