#include <string.h>

#include "kernels/cuda_processor.h"

#define SP_CUDA_PROCESSOR(name) extern "C" const sp_cuda_ops sp_##name##_cuda;
#include "kernels/cuda_processor_list.h"
#undef SP_CUDA_PROCESSOR

#define SP_CUDA_PROCESSOR(name) &sp_##name##_cuda,
static const sp_cuda_ops *const processors[] = {
#include "kernels/cuda_processor_list.h"
};
#undef SP_CUDA_PROCESSOR

const sp_cuda_ops *sp_cuda_processor_find(const char *name) {
  for (const sp_cuda_ops *ops : processors) {
    if (!strcmp(ops->name, name)) return ops;
  }
  return NULL;
}
