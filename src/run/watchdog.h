/* SPDX-License-Identifier: BSD-3-Clause */
/* A thread that watches over its rank: it ends the process when another rank of the node has died, so that none is
 * left behind, and when nothing happens any more. Private to src/run.
 *
 * The rank says in its sp_activity what it is about. When that has not changed for most of the stall time, the thread
 * writes it to OUT.inflight, where rank 0's thread finds it: that one says, when the whole time is over, what each rank
 * has in hand and waits for, and ends the job. Where rank 0 itself is the one that hangs, the others end it later. The
 * thread calls no MPI.
 *
 * A rank that waits in a collective transfer notes in OUT.inflight that it is there. When nobody else has come for the
 * time that the job gives, the thread names those of the group that are missing, and ends the job.
 */
#ifndef SEISPROC_SRC_RUN_WATCHDOG_H
#define SEISPROC_SRC_RUN_WATCHDOG_H

#include <stdbool.h>
#include <stdint.h>

#include "src/base/activity.h"
#include "src/run/inflight.h"

typedef struct sp_watchdog sp_watchdog;

typedef struct sp_watchdog_config {
  const char *inflight_path, *history_path; /* borrowed */
  const sp_activity *activity;              /* of this rank; borrowed */
  const sp_place *places;                   /* [n_ranks]; borrowed */
  int rank, n_ranks;
  double stall_s; /* 0: hangs are not looked for */
  /* A collective transfer that this rank waits in so long after the last of its group came to it ends the job, which
   * then goes on without such transfers. 0: never. */
  double collective_s;
  const char *collective_kind; /* "read" or "write" */
  bool of_all;                 /* the group is all ranks of this role, not those of this node */
} sp_watchdog_config;

/* Starts the thread. Errors: SP_ERR_MEMORY. */
sp_status sp_watchdog_create(const sp_watchdog_config *config, sp_watchdog **out);

/* Takes NULL. */
void sp_watchdog_destroy(sp_watchdog *watchdog);

#endif
