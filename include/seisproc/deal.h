/* SPDX-License-Identifier: BSD-3-Clause */
/* Dealing: which units a worker takes next. Pure functions of their arguments.
 *
 * A worker is dealt to when it has room for more, whatever the others do. What it is given is a run of consecutive
 * units (gathers, batches, ...), sized in work (traces, as a rule) by the worker's share of all workers' speed and
 * bounded by what a worker can hold, and shrinking towards the end so that all finish together (guided self-scheduling:
 * Polychronopoulos and Kuck 1987). A worker so slow that the others would be done before it is given nothing more.
 * Units that are done already (on resuming) are skipped, so a run never spans one; units without work are dealt too, so
 * that what became of them is recorded. What is dealt does not change the result, only the time.
 */
#ifndef SEISPROC_DEAL_H
#define SEISPROC_DEAL_H

#include <stdbool.h>
#include <stdint.h>

#include "seisproc/status.h"

/* Consecutive units. */
typedef struct sp_unit_run {
  uint64_t first;
  uint32_t n; /* 0: none */
} sp_unit_run;

typedef struct sp_deal_config {
  int n_workers;
  uint64_t first_unit, n_units; /* what is dealt */
  uint64_t max_work;            /* of a run that has more than one unit; at least the largest unit's */
  uint32_t max_units;           /* a run; at least 1 */
  uint64_t min_work;            /* a run near the end is not made smaller than this on purpose: one that costs more than
                                   it computes helps nobody. 0 will do */
} sp_deal_config;

typedef struct sp_dealer sp_dealer;

/* work_before[first_unit ... first_unit + n_units] is the work of all units before each, not decreasing; borrowed until
 * the dealer is destroyed, as is done[first_unit ...], which marks units not to deal (non-zero), or is NULL. Copies
 * config. The caller owns *out. Errors: SP_ERR_USAGE for a config
 * that cannot hold the largest unit or has no worker. */
sp_status sp_dealer_create(const sp_deal_config *config, const uint64_t *work_before, const uint8_t *done,
                           sp_dealer **out);

/* Takes NULL. */
void sp_dealer_destroy(sp_dealer *dealer);

/* What `worker` takes next; speed[n_workers] in work a second, 0 where not known yet (then taken as the mean of the
 * known ones), or NULL where none is; as long as a worker's own is not known, a run is an eighth of a full one. An
 * empty run where nothing is left, or nothing for this worker as long as faster ones are at work. Every unit that was
 * not done is dealt exactly once: those much larger than most first, then the others in ascending order. Allocates
 * nothing. */
sp_unit_run sp_dealer_next(sp_dealer *dealer, int worker, const double *speed);

/* Work and units not yet dealt. */
uint64_t sp_dealer_work_left(const sp_dealer *dealer);
uint64_t sp_dealer_units_left(const sp_dealer *dealer);

#endif
