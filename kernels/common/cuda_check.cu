/* SPDX-License-Identifier: BSD-3-Clause */
#include "kernels/common/cuda_check.h"

sp_status sp_cuda_check(cudaError_t code, const char *call, const char *file, int line) {
  if (code == cudaSuccess) return SP_SUCCESS;
  cudaGetLastError(); /* not left for the next check to find */
  if (code == cudaErrorMemoryAllocation) return SP_ERR_MEMORY;
  return sp_raise(SP_ERR_DEVICE, file, line, "%s: %s (%s)", call, cudaGetErrorString(code), cudaGetErrorName(code));
}
