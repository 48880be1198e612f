/* SPDX-License-Identifier: BSD-3-Clause */
/* The CPU backend's parts. Private to kernels/pstm. */
#ifndef SEISPROC_KERNELS_PSTM_CPU_H
#define SEISPROC_KERNELS_PSTM_CPU_H

#include "kernels/common/isa.h"
#include "kernels/pstm/terms.h"

/* A column as a trace is added to it. */
typedef struct sp_pstm_column {
  const sp_pstm_terms *terms;
  const sp_pstm_points *points;
  size_t row;        /* of the points, in values */
  size_t first, end; /* of the samples that the trace can reach */
  float *sum;        /* [padded] */
  int32_t *hits;     /* [padded] */
} sp_pstm_column;

typedef struct sp_pstm_ops {
  /* Adds the trace whose bank this is to a column. */
  void (*add)(const sp_pstm_column *column, const sp_pstm_ray *ray, const float *bank, size_t bank_row);
} sp_pstm_ops;

extern const sp_pstm_ops sp_pstm_ops_portable, sp_pstm_ops_avx2, sp_pstm_ops_avx512;

/* Traces under D, on the fine grid, and their bank. */
typedef struct sp_pstm_filter sp_pstm_filter;

/* Plans for n_threads. The caller owns *out. */
sp_status sp_pstm_filter_create(const sp_pstm_config *config, int n_threads, sp_pstm_filter **out);
size_t sp_pstm_filter_bytes(const sp_pstm_config *config, int n_threads);
void sp_pstm_filter_destroy(sp_pstm_filter *f);

/* Largest magnitude of the trace under D, NAN where a sample is not finite or too large. The filtered trace stays with
 * the thread. */
double sp_pstm_filter_trace(sp_pstm_filter *f, int thread, const float *samples);

/* Writes the bank of the thread's trace: rows of sp_pstm_filter_row floats. */
void sp_pstm_filter_bank(sp_pstm_filter *f, int thread, float *bank);

#endif
