/* What the module for GPUs, seisproc_cuda.so, gives to the program that loads it. The module calls back what it needs
 * of the program: log, status, memory. */
#ifndef SEISPROC_SRC_FLOW_GATHER_CUDA_MODULE_H
#define SEISPROC_SRC_FLOW_GATHER_CUDA_MODULE_H

#include "src/flow/gather/engine_ops.h"

typedef struct sp_cuda_module {
  const char *version; /* SP_VERSION: program and module must be of one build */
  /* GPUs that this process may use; on 0 fills `why`. */
  int (*count)(char *why, size_t why_size);
  /* "0000:3b:00.0": where the GPU sits; false where that is not known. */
  bool (*bus_id)(int device, char *out, size_t size);
  /* Makes an engine whose ops and name are set. SP_ERR_USAGE without a log line when the GPU cannot compute this chain:
   * `why` says what is lacking. SP_ERR_DEVICE, logged. */
  sp_status (*create)(const sp_engine_config *config, char *why, size_t why_size, sp_engine **out);
  const struct sp_fkk_cuda_ops *fkk;  /* kernels/fkk/cuda.h */
  const struct sp_group_ops *group;   /* src/device/cuda/group.h */
  const struct sp_pstm_gpu_ops *pstm; /* kernels/pstm/gpu.h */
} sp_cuda_module;

/* The module, which stays loaded; NULL where there is none or no driver: `why` says which. */
const sp_cuda_module *sp_cuda_module_load(char *why, size_t why_size);

/* The name of the only symbol that the program looks for; it is a sp_cuda_module. */
#define SP_CUDA_MODULE_SYMBOL "sp_cuda_module_table"

#endif
