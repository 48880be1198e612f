/* SPDX-License-Identifier: BSD-3-Clause */
/* Cores are shared out among the ranks of a node that may run on the same ones, as the system says of each; a launcher
 * that binds ranks gives each cores of its own. */
#include "seisproc/dist.h"

#include "seisproc/machine.h"
#include "seisproc/memory.h"

/* What a rank tells the others of its node; plain data. */
typedef struct place {
  uint64_t affinity;
  int32_t wants; /* non-zero: it is one of those that share */
} place;

sp_status sp_comm_share_cores(const sp_ranks *node, bool wants, int *n) {
  sp_machine machine;
  int sharers = 0;
  sp_machine_look(&machine);
  const place mine = {.affinity = machine.affinity, .wants = wants};
  place *places = NULL;
  SP_ALIKE(sp_calloc_together(node->comm, (size_t)node->size, sizeof *places, "the ranks of a node", &places));
  const sp_status status =
      SP_MPI(MPI_Allgather(&mine, sizeof mine, MPI_BYTE, places, sizeof mine, MPI_BYTE, node->comm));
  for (int r = 0; r < node->size && status == SP_SUCCESS; r++) {
    sharers += places[r].wants && places[r].affinity == machine.affinity;
  }
  sp_free(places);
  *n = sharers > 1 ? machine.n_cores / sharers : machine.n_cores;
  if (*n < 1) *n = 1;
  return status;
}
