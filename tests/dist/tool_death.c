/* SPDX-License-Identifier: BSD-3-Clause */
/* tool_death SPEAKER WHO: of its ranks, SPEAKER tells itself through PMIx that WHO has died, as a launcher would. MPI's
 * own answer to that is to end the process. Exits with 77 where MPI has loaded no PMIx library. */
#include <stdio.h>
#include <stdlib.h>

#include "seisproc/dist.h"

#ifdef SP_HAVE_PMIX

#include <dlfcn.h>
#include <pmix.h>
#include <unistd.h>

static int announce_death(pmix_rank_t who) {
  pmix_status_t (*init)(pmix_proc_t *, pmix_info_t *, size_t);
  pmix_status_t (*notify)(pmix_status_t, const pmix_proc_t *, pmix_data_range_t, const pmix_info_t *, size_t,
                          pmix_op_cbfunc_t, void *);
  void *library = dlopen("libpmix.so.2", RTLD_NOLOAD | RTLD_NOW);
  if (!library) return 77;
  *(void **)&init = dlsym(library, "PMIx_Init");
  *(void **)&notify = dlsym(library, "PMIx_Notify_event");
  pmix_proc_t source;
  if (init(&source, NULL, 0) != PMIX_SUCCESS) return 1;
  source.rank = who;
  const pmix_status_t status = notify(PMIX_ERR_PROC_ABORTED, &source, PMIX_RANGE_PROC_LOCAL, NULL, 0, NULL, NULL);
  sleep(10);
  return status == PMIX_SUCCESS || status == PMIX_OPERATION_SUCCEEDED ? 0 : 1;
}

#else

static int announce_death(unsigned who) {
  return 77;
}

#endif

int main(int argc, char **argv) {
  int rank, result = 0;
  if (argc != 3 || sp_comm_start(&argc, &argv) != SP_SUCCESS) return 1;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  if (rank == atoi(argv[1])) result = announce_death((unsigned)atoi(argv[2]));
  MPI_Barrier(MPI_COMM_WORLD);
  sp_comm_finish();
  return result;
}
