/* SPDX-License-Identifier: BSD-3-Clause */
/* Migration on a GPU as the program reaches it: through a table in the module for GPUs. */
#ifndef SEISPROC_KERNELS_PSTM_GPU_H
#define SEISPROC_KERNELS_PSTM_GPU_H

#include "kernels/pstm/cuda.h"

typedef struct sp_pstm_gpu_ops {
  size_t (*bytes)(const sp_pstm_config *config, const sp_pstm_tile *tile, const sp_pstm_model *model);
  sp_status (*create)(const sp_pstm_config *config, const sp_pstm_tile *tile, const sp_pstm_model *model, int device,
                      sp_pstm_gpu **out);
  void (*destroy)(sp_pstm_gpu *g);
  sp_status (*add)(sp_pstm_gpu *g, const sp_pstm_trace *traces, const float *samples, uint32_t n, int shift,
                   double limit);
  sp_status (*read)(sp_pstm_gpu *g, int64_t *sum, uint32_t *hits, uint64_t *overflows);
  sp_status (*clear)(sp_pstm_gpu *g);
  sp_status (*swap)(sp_pstm_gpu *g, int64_t **sum, uint32_t **hits, bool *beside);
  sp_status (*part)(sp_pstm_gpu *g, size_t first, size_t n, int64_t *sum, uint32_t *hits, uint64_t *overflows);
} sp_pstm_gpu_ops;

extern const sp_pstm_gpu_ops sp_pstm_gpu_table; /* in the module */

#endif
