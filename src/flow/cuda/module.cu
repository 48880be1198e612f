/* SPDX-License-Identifier: BSD-3-Clause */
/* The module for GPUs as the program finds it. */
#include <stdio.h>

#include <cuda_runtime.h>
extern "C" {
#include "kernels/fkk/cuda.h"
#include "kernels/pstm/gpu.h"
#include "src/device/group.h"
#include "src/device/module.h"
#include "src/flow/gather/batch.h"
}

static int count(char *why, size_t why_size) {
  int n = 0;
  const cudaError_t code = cudaGetDeviceCount(&n);
  if (code != cudaSuccess) {
    snprintf(why, why_size, "%s", cudaGetErrorString(code));
    cudaGetLastError();
    return 0;
  }
  if (n == 0) snprintf(why, why_size, "the driver shows no GPU to this process");
  return n;
}

static bool bus_id(int device, char *out, size_t size) {
  if (cudaDeviceGetPCIBusId(out, (int)size, device) == cudaSuccess) return true;
  cudaGetLastError();
  return false;
}

extern "C" const sp_device_ops sp_cuda_device;
extern "C" const sp_batch_ops sp_batch_cuda;

extern "C" const sp_gpu_module sp_cuda_module_table;
extern "C" const sp_gpu_module sp_cuda_module_table = {
    SP_VERSION, &sp_cuda_device, count, bus_id, &sp_batch_cuda, &sp_fkk_cuda_table, &sp_cuda_group, &sp_pstm_gpu_table};
