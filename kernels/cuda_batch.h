/* SPDX-License-Identifier: BSD-3-Clause */
/* A batch of gathers in device memory as a processor's CUDA backend gets it (cuda_processor.h). Plain C without CUDA,
 * so that what queues the work, and a mock device, know it, too.
 */
#ifndef SEISPROC_KERNELS_CUDA_BATCH_H
#define SEISPROC_KERNELS_CUDA_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seisproc/processor.h"

struct sp_cuda_ops;

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

#endif
