/* Dealing: which gathers each worker takes in the next round. Pure functions of their arguments.
 *
 * A round gives each worker at most one range, and the ranges of a round follow each other in the file, worker 0's
 * first. Workers read in lockstep, so ranges are sized to end together: in traces, in proportion to the workers'
 * measured speeds, bounded by the slab that a worker can hold, and shrinking towards the end (guided self-scheduling:
 * Polychronopoulos and Kuck 1987). The dealer remembers who ended early and gives that worker more the next time.
 * A round that has to hold a gather much larger than others lets the other workers take as long as that one. A
 * worker that is too slow for any gather in a round's time gets nothing. Gathers already done (on resuming) are
 * skipped, so a range never spans one; gathers without traces are dealt too, so that what became of them is
 * recorded. What is dealt does not change the result, only the time.
 */
#ifndef SEISPROC_DEAL_H
#define SEISPROC_DEAL_H

#include <stdbool.h>

#include "seisproc/gather_index.h"

typedef struct sp_deal_config {
  int n_workers;
  sp_local max_traces;  /* a range; at least index->max_traces */
  sp_local max_gathers; /* a range; at least 1 */
  sp_local min_traces;  /* the fastest worker's range near the end is not made smaller than this on purpose; a round
                           that costs more than it computes helps nobody. 0 will do */
} sp_deal_config;

typedef struct sp_dealer sp_dealer;

/* Borrows `index` until destroyed; copies config. `done` marks gathers not to deal, one byte each (non-zero: done),
 * or is NULL; it is copied. The caller owns *out. Errors: SP_ERR_USAGE for a config that cannot hold the largest gather
 * or has no worker. */
sp_status sp_dealer_create(const sp_gather_index *index, const sp_deal_config *config, const uint8_t *done,
                           sp_dealer **out);

/* Takes NULL. */
void sp_dealer_destroy(sp_dealer *dealer);

/* Deals the next round: ranges[n_workers], all zero for a worker that gets nothing. speed[n_workers] in traces a
 * second, 0 where not known yet (then taken as the mean of the known ones), or NULL where none is; as long as none is
 * known, ranges are an eighth of a full slab. Returns false, with all ranges empty, when
 * nothing is left. Every gather that was not done is dealt exactly once, in ascending order. Allocates nothing. */
bool sp_dealer_next(sp_dealer *dealer, const double *speed, sp_range *ranges);

/* Traces and gathers not yet dealt. */
sp_global sp_dealer_traces_left(const sp_dealer *dealer);
sp_global sp_dealer_gathers_left(const sp_dealer *dealer);

#endif
