/* Gathers that were in hand when a worker crashed, twice or more: they are dealt one by one, after all others, and one
 * that crashes its worker even so is set aside. Private to src/run. */
#ifndef SEISPROC_SRC_RUN_QUARANTINE_H
#define SEISPROC_SRC_RUN_QUARANTINE_H

#include "seisproc/engine.h"
#include "seisproc/gather_index.h"

typedef struct sp_alone_gather {
  sp_global gather;
  sp_reason set_aside; /* SP_REASON_CRASHED: it is not computed any more; else SP_REASON_OK */
} sp_alone_gather;

typedef struct sp_alone {
  sp_alone_gather *gathers; /* [n], ascending; owned */
  size_t n, next;           /* next: to be dealt */
} sp_alone;

/* Looks into the history for such gathers among those that are not done, and says which they are. done[n_gathers] gets
 * them marked as well, so that they are not dealt otherwise. Errors: SP_ERR_IO, SP_ERR_MEMORY. */
sp_status sp_alone_find(const char *history_path, const sp_gather_index *index, uint8_t *done, sp_alone *out);

void sp_alone_free(sp_alone *alone);

#endif
