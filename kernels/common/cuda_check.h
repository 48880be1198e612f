/* SPDX-License-Identifier: BSD-3-Clause */
/* CUDA calls, checked: on failure the call and CUDA's own text are logged once and SP_ERR_DEVICE (SP_ERR_MEMORY where
 * memory is short, without a line) is the value. */
#ifndef SEISPROC_KERNELS_COMMON_CUDA_CHECK_H
#define SEISPROC_KERNELS_COMMON_CUDA_CHECK_H

#include <cuda_runtime.h>

#ifdef __cplusplus
extern "C" { /* the program's headers are C */
#endif
#include "seisproc/status.h"
#ifdef __cplusplus
}
#endif

#define SP_CUDA(call) sp_cuda_check((call), #call, __FILE__, __LINE__)

/* Behind each launch. */
#define SP_CUDA_LAUNCHED(kernel) sp_cuda_check(cudaPeekAtLastError(), "launch of " kernel, __FILE__, __LINE__)

#ifdef __cplusplus
extern "C" {
#endif
sp_status sp_cuda_check(cudaError_t code, const char *call, const char *file, int line);
#ifdef __cplusplus
}
#endif
#endif
