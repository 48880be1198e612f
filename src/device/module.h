/* SPDX-License-Identifier: BSD-3-Clause */
/* What a GPU offers to the program: the device, and what each flow computes with on it. The module for GPUs,
 * seisproc_cuda.so, is such a table, and so is the mock. The module calls back what it needs of the program: log,
 * status, memory. The program itself knows no CUDA, so that one build runs with and without it on the machine.
 */
#ifndef SEISPROC_SRC_DEVICE_MODULE_H
#define SEISPROC_SRC_DEVICE_MODULE_H

#include "src/device/device.h"

typedef struct sp_gpu_module {
  const char *version; /* SP_VERSION: program and module must be of one build */
  const sp_device_ops *device;
  /* GPUs that this process may use; on 0 fills `why`. */
  int (*count)(char *why, size_t why_size);
  /* "0000:3b:00.0": where the GPU sits; false where that is not known. */
  bool (*bus_id)(int device, char *out, size_t size);
  const struct sp_batch_ops *gather;  /* src/flow/gather/batch.h */
  const struct sp_fkk_cuda_ops *fkk;  /* kernels/fkk/cuda.h */
  const struct sp_group_ops *group;   /* src/device/group.h */
  const struct sp_pstm_gpu_ops *pstm; /* kernels/pstm/gpu.h */
} sp_gpu_module;

/* The module of CUDA, which stays loaded; NULL where there is none or no driver: `why` says which. */
const sp_gpu_module *sp_cuda_module_load(char *why, size_t why_size);

/* The name of the only symbol that the program looks for; it is a sp_gpu_module. */
#define SP_CUDA_MODULE_SYMBOL "sp_cuda_module_table"

/* Keeps the calling thread, which feeds the GPU, near it: what it reads into should lie there. */
void sp_gpu_stay_near(const sp_gpu_module *module, int device);

#endif
