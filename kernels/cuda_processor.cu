/* SPDX-License-Identifier: BSD-3-Clause */
/* The CUDA column of the list of processors. */
#include "kernels/cuda_processor.h"

#define SP_GPU_CUDA(name) extern "C" const sp_cuda_ops sp_##name##_cuda;
#define SP_GPU_NONE(name)
#define SP_PROCESSOR(name, gpu) SP_GPU_##gpu(name)
#include "kernels/processor_list.h"
#undef SP_GPU_CUDA
#undef SP_GPU_NONE

#define SP_GPU_CUDA(name) &sp_##name##_cuda,
#define SP_GPU_NONE(name) NULL,
static const sp_cuda_ops *const processors[] = {
#include "kernels/processor_list.h"
};
#undef SP_PROCESSOR

const sp_cuda_ops *sp_cuda_processor_at(size_t position) {
  return position < sizeof processors / sizeof processors[0] ? processors[position] : NULL;
}
