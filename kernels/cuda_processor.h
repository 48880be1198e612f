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
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" { /* the program's headers are C */
#endif

#include "seisproc/processor.h"

/* What a plan is made for. */
typedef struct sp_cuda_geometry {
  uint32_t n_samples;   /* a trace */
  uint32_t max_traces;  /* a batch */
  uint32_t max_gathers; /* a batch */
  double sample_interval_s;
  sp_precision precision;
  uint32_t max_gather; /* traces of the largest gather; 0: as many as a batch has */
} sp_cuda_geometry;

#define SP_CUDA_NO_ROW UINT32_MAX

/* Of a batch whose rows are not all traces of its gathers, for a plan that takes dead ones: what there is besides. */
typedef struct sp_cuda_places {
  uint32_t n_traces, n_gathers; /* with the traces that are not live; without the gather that those make */
  const uint32_t *first_trace;  /* [n_gathers + 1], by trace */
  const double *const *headers; /* [k][n_traces], by trace */
  const uint32_t *row;          /* [n_traces]: where the trace is among the rows, SP_CUDA_NO_ROW where it is not live */
  const uint32_t *trace;        /* [rows of the batch]: the trace that a row is */
} sp_cuda_places;

/* Whole gathers in device memory. All pointers are the device's. Unless the plan edits, each is its live traces only,
 * and the last one is the other traces of the batch, whose results nobody looks at: it may be larger than any gather.
 */
typedef struct sp_cuda_batch {
  const float *in; /* [n_traces][n_samples] */
  float *out;      /* [n_traces][n_samples]; apart from `in`, or `in` itself where the plan says in_place */
  uint32_t n_traces, n_gathers;
  const uint32_t *first_trace;  /* [n_gathers + 1] */
  const uint32_t *gather;       /* [n_traces]: the gather of each trace */
  const double *const *headers; /* [k][n_traces], k in the order of sp_processor_headers */
  uint32_t *reason;             /* [n_gathers], sp_reason of this step: raised with atomicMax, never lowered */
  const sp_cuda_places *places; /* host memory; NULL: the rows are all traces there are, or the plan does not ask */
} sp_cuda_batch;

/* Head of every plan. */
typedef struct sp_cuda_plan {
  const struct sp_cuda_ops *ops;
  bool in_place;   /* out may be in */
  bool edits;      /* as sp_plan.edits; with in_place only */
  bool takes_dead; /* as sp_plan.takes_dead: it is told where the rows of a batch are among all traces */
} sp_cuda_plan;

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
