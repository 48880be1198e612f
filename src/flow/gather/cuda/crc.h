/* SPDX-License-Identifier: BSD-3-Clause */
/* CRC-32C of gathers in device memory. */
#ifndef SEISPROC_SRC_FLOW_GATHER_CUDA_CRC_H
#define SEISPROC_SRC_FLOW_GATHER_CUDA_CRC_H

#include "kernels/cuda_processor.h"

enum { SP_CUDA_CRC_LANES = 32 };

/* All pointers are the device's. Powers of x modulo the polynomial, reflected as the checksum itself is. */
typedef struct sp_cuda_crc {
  uint32_t *advance; /* [4][256]: byte b of a state with this value, moved over a warp's 32 words */
  uint32_t *to_end;  /* [32]: moves lane i's state to the end of the row */
  uint32_t *rows;    /* [max_gather + 1]: moves over so many rows */
} sp_cuda_crc;

/* For rows of n_samples floats. The caller owns what *out points to (sp_cuda_crc_destroy). Errors: SP_ERR_MEMORY
 * without a log line, SP_ERR_DEVICE. */
sp_status sp_cuda_crc_create(uint32_t n_samples, uint32_t max_gather, sp_cuda_crc *out);
void sp_cuda_crc_destroy(sp_cuda_crc *crc);

/* Adds the rows [n_traces][n_samples] to crcs[n_gathers], which sp_cuda_crc_start began. */
sp_status sp_cuda_crc_add(const sp_cuda_crc *crc, const float *rows, uint32_t n_samples, const sp_cuda_batch *batch,
                          uint32_t *crcs, cudaStream_t stream);

/* The product of two polynomials modulo that of CRC-32C, bit 31 being x^0. */
__host__ __device__ static inline uint32_t sp_cuda_crc_multiply(uint32_t a, uint32_t b) {
  uint32_t product = 0;
  for (int bit = 31; bit >= 0; bit--) {
    product ^= (0u - (a >> bit & 1)) & b;
    b = b >> 1 ^ ((0u - (b & 1)) & 0x82f63b78u);
  }
  return product;
}

/* What sp_cuda_crc_add adds a gather's rows to, in any order; 0 for a gather without rows. */
__device__ static inline uint32_t sp_cuda_crc_start(const sp_cuda_crc &crc, uint32_t n_rows) {
  return ~sp_cuda_crc_multiply(~0u, crc.rows[n_rows]);
}

#endif
