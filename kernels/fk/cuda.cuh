/* SPDX-License-Identifier: BSD-3-Clause */
/* The processor fk on the GPU: what its kernels share. Traces are those of whole gathers, dead ones among them; rows
 * are the live ones, in their order. */
#ifndef SEISPROC_KERNELS_FK_CUDA_CUH
#define SEISPROC_KERNELS_FK_CUDA_CUH

#include "kernels/common/cuda_fft_plan.h"
#include "kernels/cuda_processor.h"
extern "C" {
#include "kernels/fk/fk.h"
#include "kernels/fk/trace_stage.h"
}

/* The largest radices of transforms over time and across traces. */
enum { FK_TIME_RADIX = 10, FK_LINE_RADIX = 15 };

/* A part of a gather that is filtered. */
typedef struct fk_part {
  uint32_t first, n; /* traces */
  double spacing;
} fk_part;

/* All that kernels are given. */
typedef struct fk_task {
  sp_fk_filter filter;
  sp_fk_time_axis time;
  const float *weights; /* [time.reach] of the pad in time */
  /* transforms over time: of half the padded length, and for the twiddle factors of all of it */
  const cuda_fft *half, *whole;
  const cuda_fft *lines;    /* [n_lines], of parts, by length */
  uint32_t n_lines, stride; /* numbers from spectrum to spectrum */
  fft_complex *spectra;     /* [rows][stride] */
  float *gain;              /* [rows][n_samples], with a gain */
  uint32_t *dead;           /* [rows] */
  fk_part *parts;           /* [traces] */
  uint32_t *n_parts;        /* [1] */
  uint32_t *part_of;        /* [traces]: 1 + the part, 0: it stays as it is */
  /* the batch */
  const float *in;
  float *out;
  uint32_t n_rows, n_traces, n_gathers;
  const uint32_t *first_trace, *row, *trace; /* row, trace: NULL where they are the same */
  const double *const *headers;
  uint32_t *reason;
} fk_task;

__device__ static inline uint32_t fk_row_of(const fk_task &k, uint32_t trace) {
  return k.row ? k.row[trace] : trace;
}

/* The trace that a row is, SP_CUDA_NO_ROW of a row that is not live. */
__device__ static inline uint32_t fk_trace_of(const fk_task &k, uint32_t row) {
  if (!k.trace) return row;
  const uint32_t trace = k.trace[row];
  return k.row[trace] == row ? trace : SP_CUDA_NO_ROW;
}

/* Launches: parts of the gathers; traces to spectra; spectra across traces; spectra to traces. */
sp_status fk_launch_parts(const fk_task *task, const sp_fk_params *params, cudaStream_t stream);
sp_status fk_launch_forward(const fk_task *task, cudaStream_t stream);
sp_status fk_launch_lines(const fk_task *task, uint32_t longest, bool split, cudaStream_t stream);
sp_status fk_launch_back(const fk_task *task, cudaStream_t stream);

/* The longest traces and parts, padded, that shared memory takes; and lets the kernels have so much of it. */
uint32_t fk_most_samples(void);
uint32_t fk_most_traces(void);
sp_status fk_prepare_traces(const fk_task *task);
sp_status fk_prepare_lines(uint32_t longest);

#endif
