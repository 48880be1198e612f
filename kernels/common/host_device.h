/* SPDX-License-Identifier: BSD-3-Clause */
/* Functions that the CPU's and the GPU's compiler both take. */
#ifndef SEISPROC_KERNELS_COMMON_HOST_DEVICE_H
#define SEISPROC_KERNELS_COMMON_HOST_DEVICE_H

#ifdef __CUDACC__
#define SP_HOST_DEVICE __host__ __device__ static inline
#else
#define SP_HOST_DEVICE static inline
#endif

#endif
