/* SPDX-License-Identifier: BSD-3-Clause */
/* The velocity filter of a cube on a GPU, or on several that exchange its bins: the twin of
 * src/flow/volume/cube_filter.h. Plain C; knows no MPI and no HDF5.
 *
 * Steps as on the CPU: forward, filter, back. Spectra of the share's items stay in device memory, by bin. A chunk of
 * bins is exchanged, filtered plane by plane in batches, and goes the same way back, while the next one is on its way.
 * Results agree with the CPU to 1e-5 relative L2 a cube, and depend neither on batches nor on the number of GPUs.
 */
#ifndef SEISPROC_KERNELS_FKK_CUDA_H
#define SEISPROC_KERNELS_FKK_CUDA_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#include "kernels/fk/filter.h"
#include "seisproc/status.h"

/* Moves blocks between the members of a group: from each to each, bytes_to[r] at send + offset_to[r], bytes_from[r] to
 * receive + offset_from[r]. Device memory, in the order of the stream (a cudaStream_t). Collective; every member calls
 * in the same order. Errors: SP_ERR_DEVICE, logged; after one the group is of no use. */
typedef struct sp_block_exchange {
  void *context;
  int rank, size;
  sp_status (*all_to_all)(void *context, const void *send, const size_t *offset_to, const size_t *bytes_to,
                          void *receive, const size_t *offset_from, const size_t *bytes_from, void *stream);
} sp_block_exchange;

typedef struct sp_fkk_cuda_spec {
  const sp_fk_filter *filter; /* without gaps to fill */
  uint32_t nx, ny;
  double dx, dy;
  uint32_t n_items;     /* of the cube */
  const uint32_t *cell; /* [n_items], each cell at most once; host memory, copied */
  uint32_t slab_rows;   /* items that are given at once, at most */
  int device;
  const sp_block_exchange *exchange; /* borrowed; NULL: one GPU */
} sp_fkk_cuda_spec;

typedef struct sp_fkk_cuda sp_fkk_cuda;

/* Device memory that it takes. */
size_t sp_fkk_cuda_bytes(const sp_fkk_cuda_spec *spec);

/* Allocates and plans all; the caller owns *out. Not collective. Errors: SP_ERR_USAGE without a line for gaps that are
 * to be filled and for axes of more than 28,672 cells with their pad; SP_ERR_MEMORY without a line; SP_ERR_DEVICE. */
sp_status sp_fkk_cuda_create(const sp_fkk_cuda_spec *spec, sp_fkk_cuda **out);

/* Takes NULL. */
void sp_fkk_cuda_destroy(sp_fkk_cuda *cube);

/* Items first ... first + count - 1 of this member's share, from host memory that is borrowed until sp_fkk_cuda_wait.
 */
sp_status sp_fkk_cuda_forward(sp_fkk_cuda *cube, uint32_t first, uint32_t count, const float *traces);

/* Filters. Collective over the exchange. */
sp_status sp_fkk_cuda_filter(sp_fkk_cuda *cube);

/* What is removed of items; host memory, borrowed until sp_fkk_cuda_wait. */
sp_status sp_fkk_cuda_back(sp_fkk_cuda *cube, uint32_t first, uint32_t count, const float *traces, float *removed);

/* Until all that was asked for is done; then state[count] tells of items from `first` on: 0 live, 1 dead, 2 not finite.
 */
sp_status sp_fkk_cuda_wait(sp_fkk_cuda *cube);
sp_status sp_fkk_cuda_states(sp_fkk_cuda *cube, uint32_t first, uint32_t count, uint8_t *state);

/* The functions above, for a program that loads them. */
typedef struct sp_fkk_cuda_ops {
  size_t (*bytes)(const sp_fkk_cuda_spec *spec);
  sp_status (*create)(const sp_fkk_cuda_spec *spec, sp_fkk_cuda **out);
  void (*destroy)(sp_fkk_cuda *cube);
  sp_status (*forward)(sp_fkk_cuda *cube, uint32_t first, uint32_t count, const float *traces);
  sp_status (*filter)(sp_fkk_cuda *cube);
  sp_status (*back)(sp_fkk_cuda *cube, uint32_t first, uint32_t count, const float *traces, float *removed);
  sp_status (*wait)(sp_fkk_cuda *cube);
  sp_status (*states)(sp_fkk_cuda *cube, uint32_t first, uint32_t count, uint8_t *state);
} sp_fkk_cuda_ops;

extern const sp_fkk_cuda_ops sp_fkk_cuda_table;

#ifdef __cplusplus
}
#endif
#endif
