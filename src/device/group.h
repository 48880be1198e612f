/* SPDX-License-Identifier: BSD-3-Clause */
/* Groups of GPUs that exchange blocks and add up, one GPU a member (sp_block_exchange of kernels/fkk/cuda.h): through
 * NCCL, or, of mock devices, through MPI by NCCL's rules.
 *
 * NCCL is loaded when the first group is made (libnccl.so.2, or what SEISPROC_NCCL names): it comes with CUDA and not
 * with distributions. Sends and receives of a call are one NCCL group, in the order of the stream; the host does not
 * wait. An error of NCCL, also one that it reports later, ends the group: it is aborted, and the next call fails.
 */
#ifndef SEISPROC_SRC_DEVICE_GROUP_H
#define SEISPROC_SRC_DEVICE_GROUP_H

#include "kernels/fkk/cuda.h"

enum { SP_GROUP_ID_BYTES = 128 };

typedef struct sp_group_ops {
  /* A new group's name, made by one member and given to all. Errors: SP_ERR_USAGE without a line where there is no
   * NCCL: `why` says what is missing. */
  sp_status (*name)(uint8_t id[SP_GROUP_ID_BYTES], char *why, size_t why_size);
  /* Collective over the members, each with a GPU of its own. On success fills *out, which sp_group_ops.destroy returns.
   * `peers` is an MPI_Comm * of the members, in the order of `rank`, through which mocks exchange; NCCL takes NULL.
   * Errors: SP_ERR_USAGE without a line: `why` says why there is no group. */
  sp_status (*create)(const uint8_t id[SP_GROUP_ID_BYTES], int rank, int size, int device, const void *peers,
                      sp_block_exchange *out, char *why, size_t why_size);
  /* Adds up the members' values, unsigned integers of 4 or 8 bytes in device memory; both's sums wrap as int64 does.
   * Member r is left with the sums of values first[r] ... first[r + 1] - 1 in their place, and with anything in that of
   * the others. `first` [size + 1] is the same on all. Collective; waits. Errors: SP_ERR_DEVICE, logged. */
  sp_status (*reduce)(sp_block_exchange *group, void *values, size_t value_bytes, const size_t *first);
  /* Takes one that is all zero. */
  void (*destroy)(sp_block_exchange *group);
} sp_group_ops;

extern const sp_group_ops sp_cuda_group;

#endif
