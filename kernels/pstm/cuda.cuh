/* SPDX-License-Identifier: BSD-3-Clause */
/* What the parts of the CUDA backend share. Private to kernels/pstm. */
#ifndef SEISPROC_KERNELS_PSTM_CUDA_CUH
#define SEISPROC_KERNELS_PSTM_CUDA_CUH

#include <cufft.h>

#include "kernels/common/cuda_check.h"
extern "C" {
#include "kernels/pstm/cuda.h"
#include "kernels/pstm/terms.h"
}

/* Traces of a batch on the device, from samples to bank. */
typedef struct pstm_cuda_filter {
  uint32_t n_samples, fine, length, oversample;
  bool antialias;
  size_t row; /* floats of a row of the bank */
  cufftHandle forward, inverse;
  float *time;        /* [SP_PSTM_BATCH][length]; then, finer, [SP_PSTM_BATCH][length * oversample] */
  float2 *narrow, *wide; /* spectra */
  float2 *response;   /* [length / 2 + 1] */
} pstm_cuda_filter;

size_t pstm_cuda_filter_bytes(const sp_pstm_config *config);
sp_status pstm_cuda_filter_create(const sp_pstm_config *config, cudaStream_t stream, pstm_cuda_filter *f);
void pstm_cuda_filter_destroy(pstm_cuda_filter *f);

/* Launches: samples [n][n_samples] of the device -> bank [n][rows][row]. */
sp_status pstm_cuda_filter_apply(const pstm_cuda_filter *f, const float *samples, uint32_t n, float *bank,
                                 cudaStream_t stream);

/* What the kernel that sums is given. */
typedef struct pstm_cuda_sum {
  sp_pstm_terms terms;
  sp_pstm_points points; /* on the device */
  const sp_pstm_position *positions; /* [n_traces], area 0: absent */
  const float *bank;
  size_t bank_row, bank_floats;
  uint32_t n_traces, n_tau;
  uint32_t first[2], n[2]; /* the tile */
  double step[2];
  int64_t *sum;
  uint32_t *hits;
  double unit, limit; /* 2^shift */
  unsigned long long *overflows;
} pstm_cuda_sum;

/* Launches the sum of a batch over the tile. */
sp_status pstm_cuda_sum_launch(const pstm_cuda_sum *s, cudaStream_t stream);

#endif
