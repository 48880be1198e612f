/* Units that were in hand when a worker crashed, twice or more: they are dealt one by one, after all others, and one
 * that crashes its worker even so is set aside. Private to src/run. */
#ifndef SEISPROC_SRC_RUN_QUARANTINE_H
#define SEISPROC_SRC_RUN_QUARANTINE_H

#include "seisproc/engine.h"
#include "src/flow/flow.h"

typedef struct sp_suspect {
  uint64_t unit;
  sp_reason set_aside; /* SP_REASON_CRASHED: it is not computed any more; else SP_REASON_OK */
} sp_suspect;

typedef struct sp_quarantine {
  sp_suspect *suspects; /* [n], ascending; owned */
  size_t n, next;       /* next: to be dealt */
} sp_quarantine;

/* Looks into the history for such units among those that are not done, and says which they are. done[n_units] gets them
 * marked as well, so that they are not dealt otherwise. Errors: SP_ERR_IO, SP_ERR_MEMORY. */
sp_status sp_quarantine_find(const char *history_path, const sp_flow_plan *plan, uint8_t *done, sp_quarantine *out);

void sp_quarantine_free(sp_quarantine *quarantine);

#endif
