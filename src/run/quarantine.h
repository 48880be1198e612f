/* SPDX-License-Identifier: BSD-3-Clause */
/* Units that were in hand when a worker crashed, twice or more: they are dealt one by one, after all others. One that
 * crashes its worker even so is tried once more on another host, else on another worker, else on the CPU; one that
 * crashes that, too, is set aside. What counts as a crash is in src/base/crash.h. Private to src/run. */
#ifndef SEISPROC_SRC_RUN_QUARANTINE_H
#define SEISPROC_SRC_RUN_QUARANTINE_H

#include "seisproc/engine.h"
#include "seisproc/roles.h"
#include "src/flow/flow.h"
#include "src/run/history.h"
#include "src/run/inflight.h"

typedef struct sp_suspect {
  uint64_t unit;
  sp_reason set_aside; /* SP_REASON_CRASHED: it is not computed any more; else SP_REASON_OK */
  sp_trial trial;
  bool dealt;
  /* ELSEWHERE: where it crashed by itself; host "": not known */
  int rank;
  char host[SP_HOST_NAME];
} sp_suspect;

typedef struct sp_quarantine {
  sp_suspect *suspects; /* [n], ascending; owned */
  size_t n, next;       /* those before `next` have been dealt */
} sp_quarantine;

/* Looks into the history for such units among those that are not done, and says which they are. done[n_units] gets them
 * marked as well, so that they are not dealt otherwise. Errors: SP_ERR_IO, SP_ERR_MEMORY. */
sp_status sp_quarantine_find(const char *history_path, const sp_flow_plan *plan, uint8_t *done, sp_quarantine *out);

/* The next of the units first ... first + n - 1 that this team of workers may be dealt; NULL: there is none. places
 * [roles->world.size] are those of the ranks. The caller sets `dealt`. *on_cpu: no team lies elsewhere, so the CPU is
 * to compute it. */
sp_suspect *sp_quarantine_next(sp_quarantine *quarantine, uint64_t first, uint64_t n, const sp_roles *roles,
                               const sp_place *places, int team, bool *on_cpu);

void sp_quarantine_free(sp_quarantine *quarantine);

#endif
