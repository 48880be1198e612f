/* SPDX-License-Identifier: BSD-3-Clause */
/* A checksum is linear in the bits: each lane of a warp takes every 32nd word of a row, moving its state over 32 words
 * at a time with four tables in shared memory; lanes, and then rows, are moved to their distance from the end and
 * XORed. Bound by the look-ups, at some 2 TB/s on an H100.
 */
#include "src/flow/gather/cuda/crc.h"

#include "kernels/common/cuda_check.h"
extern "C" {
#include "seisproc/memory.h"
}

enum { LANES = SP_CUDA_CRC_LANES, WARPS = 8, TABLE = 4 * 256 };

static const uint32_t ONE = 0x80000000u, X32 = 0x82f63b78u; /* x^0, x^32 */

static uint32_t power(uint32_t x, uint64_t n) {
  uint32_t product = ONE;
  for (; n > 0; n >>= 1, x = sp_cuda_crc_multiply(x, x)) {
    if (n & 1) product = sp_cuda_crc_multiply(product, x);
  }
  return product;
}

static sp_status upload(const uint32_t *values, size_t n, uint32_t **out) {
  SP_TRY(SP_CUDA(cudaMalloc(out, n * sizeof **out)));
  return SP_CUDA(cudaMemcpy(*out, values, n * sizeof **out, cudaMemcpyHostToDevice));
}

static sp_status upload_rows(uint32_t n_samples, uint32_t max_gather, sp_cuda_crc *crc) {
  const uint32_t row = power(X32, n_samples);
  void *block;
  SP_TRY(sp_alloc(((size_t)max_gather + 1) * sizeof(uint32_t), "tables of checksums", &block));
  uint32_t *rows = (uint32_t *)block;
  rows[0] = ONE;
  for (size_t i = 1; i <= max_gather; i++) rows[i] = sp_cuda_crc_multiply(rows[i - 1], row);
  const sp_status status = upload(rows, (size_t)max_gather + 1, &crc->rows);
  sp_free(block);
  return status;
}

void sp_cuda_crc_destroy(sp_cuda_crc *crc) {
  cudaFree(crc->advance);
  cudaFree(crc->to_end);
  cudaFree(crc->rows);
  *crc = sp_cuda_crc{};
}

sp_status sp_cuda_crc_create(uint32_t n_samples, uint32_t max_gather, sp_cuda_crc *out) {
  uint32_t advance[TABLE], to_end[LANES];
  const uint32_t warp = power(X32, LANES);
  sp_cuda_crc crc = {};
  sp_status status;
  for (uint32_t i = 0; i < TABLE; i++) advance[i] = sp_cuda_crc_multiply(i % 256 << i / 256 * 8, warp);
  for (uint32_t i = 0; i < LANES; i++) to_end[i] = power(X32, LANES - i);
  SP_TRY_GOTO(fail, upload(advance, TABLE, &crc.advance));
  SP_TRY_GOTO(fail, upload(to_end, LANES, &crc.to_end));
  SP_TRY_GOTO(fail, upload_rows(n_samples, max_gather, &crc));
  *out = crc;
  return SP_SUCCESS;
fail:
  sp_cuda_crc_destroy(&crc);
  return status;
}

__device__ static uint32_t row_crc(const uint32_t *advance, const uint32_t *words, uint32_t n, uint32_t to_end) {
  const uint32_t lane = threadIdx.x % LANES, lead = (LANES - n % LANES) % LANES;
  uint32_t state = 0;
  /* zeros in front of a row leave a state of zero as it is */
  for (uint32_t i = lane; i < n + lead; i += LANES) {
    const uint32_t word = i < lead ? 0 : words[i - lead];
    state = advance[state & 255] ^ advance[256 + (state >> 8 & 255)] ^ advance[512 + (state >> 16 & 255)] ^
            advance[768 + (state >> 24)] ^ word;
  }
  state = sp_cuda_crc_multiply(state, to_end);
  for (int distance = LANES / 2; distance > 0; distance /= 2) state ^= __shfl_xor_sync(~0u, state, distance);
  return state;
}

__global__ static void add_rows(const sp_cuda_crc crc, const float *rows, uint32_t n, const sp_cuda_batch batch,
                                uint32_t *crcs) {
  __shared__ uint32_t advance[TABLE];
  for (uint32_t i = threadIdx.x; i < TABLE; i += blockDim.x) advance[i] = crc.advance[i];
  __syncthreads();
  const uint32_t lane = threadIdx.x % LANES, to_end = crc.to_end[lane];
  for (uint32_t t = blockIdx.x * WARPS + threadIdx.x / LANES; t < batch.n_traces; t += gridDim.x * WARPS) {
    const uint32_t own = row_crc(advance, (const uint32_t *)rows + (size_t)t * n, n, to_end), g = batch.gather[t];
    if (lane == 0) atomicXor(&crcs[g], sp_cuda_crc_multiply(own, crc.rows[batch.first_trace[g + 1] - 1 - t]));
  }
}

sp_status sp_cuda_crc_add(const sp_cuda_crc *crc, const float *rows, uint32_t n_samples, const sp_cuda_batch *batch,
                          uint32_t *crcs, cudaStream_t stream) {
  enum { MOST_BLOCKS = 4096 };
  const uint32_t wanted = (batch->n_traces + WARPS - 1) / WARPS, blocks = wanted < MOST_BLOCKS ? wanted : MOST_BLOCKS;
  if (blocks == 0) return SP_SUCCESS;
  add_rows<<<blocks, WARPS * LANES, 0, stream>>>(*crc, rows, n_samples, *batch, crcs);
  return SP_CUDA_LAUNCHED("checksums");
}
