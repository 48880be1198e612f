/* SPDX-License-Identifier: BSD-3-Clause */
/* Migration on a GPU: one tile, a batch of traces a call. C interface; the sources are compiled by nvcc.
 *
 * The bits of a tile's sums do not depend on the order of batches, and are those of any GPU of the same model; they
 * agree with the CPU's to 1e-4 relative L2 an image trace.
 */
#ifndef SEISPROC_KERNELS_PSTM_CUDA_H
#define SEISPROC_KERNELS_PSTM_CUDA_H

#include "kernels/pstm/pstm.h"

typedef struct sp_pstm_gpu sp_pstm_gpu;

/* Device memory that a tile takes. */
size_t sp_pstm_gpu_bytes(const sp_pstm_config *config, const sp_pstm_tile *tile, const sp_pstm_model *model);

/* Plans for a tile on a device, its sums zero; copies what it needs. The caller owns *out. Errors: SP_ERR_MEMORY where
 * the device's is short, without a line; SP_ERR_DEVICE, logged. */
sp_status sp_pstm_gpu_create(const sp_pstm_config *config, const sp_pstm_tile *tile, const sp_pstm_model *model,
                             int device, sp_pstm_gpu **out);

/* Takes NULL. */
void sp_pstm_gpu_destroy(sp_pstm_gpu *g);

/* Adds a batch of n <= SP_PSTM_BATCH traces, samples [n][n_samples]; traces of area 0 are absent. Copies them and
 * returns while the GPU works; waits where two batches are under way. `shift` and `limit` as in sp_pstm_sums. Samples
 * must be finite. */
sp_status sp_pstm_gpu_add(sp_pstm_gpu *g, const sp_pstm_trace *traces, const float *samples, uint32_t n, int shift,
                          double limit);

/* Waits; copies sums and hits, and how many sums were beyond the limit. */
sp_status sp_pstm_gpu_read(sp_pstm_gpu *g, int64_t *sum, uint32_t *hits, uint64_t *overflows);

/* Sets sums and hits to zero. */
sp_status sp_pstm_gpu_clear(sp_pstm_gpu *g);

/* Sets the sums aside, in device memory, to be reduced where they lie and for sp_pstm_gpu_part; waits until they are
 * complete. Batches that are added from now on go to others, from zero, beside that. *beside is false where the device
 * has no room for others: then nothing may be added before sp_pstm_gpu_part is over and sp_pstm_gpu_clear was called.
 */
sp_status sp_pstm_gpu_swap(sp_pstm_gpu *g, int64_t **sum, uint32_t **hits, bool *beside);

/* Copies n of the sums and hits that were set aside, from the first one on, and how many sums were beyond the limit;
 * waits for that, not for what was added since. Any thread. */
sp_status sp_pstm_gpu_part(sp_pstm_gpu *g, size_t first, size_t n, int64_t *sum, uint32_t *hits, uint64_t *overflows);

#endif
