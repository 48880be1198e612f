/* SPDX-License-Identifier: BSD-3-Clause */
/* The CUDA backend of processors, one algorithm a file, each beside its CPU twin.
 *
 * The .cu files are compiled by nvcc into a shared object of its own (seisproc_cuda.so), which the program loads when
 * it finds a GPU. A backend works on batches: several whole gathers, one after the other in device memory. It allocates
 * when it plans, launches on one stream when it applies, and never waits. Results agree with the CPU backend to 1e-5
 * relative L2 a trace and do not depend on how gathers are batched: bit for bit.
 */
#ifndef SEISPROC_KERNELS_CUDA_PROCESSOR_H
#define SEISPROC_KERNELS_CUDA_PROCESSOR_H

#include <cuda_runtime.h>

#ifdef __cplusplus
extern "C" { /* the program's headers are C */
#endif

#include "kernels/cuda_batch.h"

typedef struct sp_cuda_ops {
  /* Device memory that a plan for this geometry would take, without making one. */
  size_t (*device_bytes)(const void *params, const sp_cuda_geometry *geometry);
  /* Makes a plan with all its device memory, cuFFT plans and tables. Errors: SP_ERR_USAGE without a log line when this
   * backend has no kernel for the parameters (the engine then says so once and falls back); SP_ERR_MEMORY likewise
   * when the device's memory is short; SP_ERR_DEVICE, logged. */
  sp_status (*plan)(const void *params, const sp_cuda_geometry *geometry, sp_cuda_plan **out);
  /* Launches the work of a batch on the stream; returns at once. One batch of a plan at a time is on its way. Errors:
   * SP_ERR_DEVICE, logged with the call and CUDA's own text. */
  sp_status (*apply)(sp_cuda_plan *plan, const sp_cuda_batch *batch, cudaStream_t stream);
  /* Takes NULL. */
  void (*destroy)(sp_cuda_plan *plan);
} sp_cuda_ops;

/* The backend of the processor at this position of kernels/processor_list.h, or NULL where there is none. */
const sp_cuda_ops *sp_cuda_processor_at(size_t position);

#ifdef __cplusplus
}
#endif
#endif
