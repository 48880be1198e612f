/* SPDX-License-Identifier: BSD-3-Clause */
/* A team of threads that share out the items of a loop. The caller goes on with something else until it waits. */
#ifndef SEISPROC_SRC_BASE_THREAD_TEAM_H
#define SEISPROC_SRC_BASE_THREAD_TEAM_H

#include <stdint.h>

#include "seisproc/status.h"

typedef struct sp_thread_team sp_thread_team;

/* Does item `item`; `thread` is 0 ... n_threads - 1. */
typedef void (*sp_team_item)(void *context, int thread, uint64_t item);

/* Starts n_threads threads, which sleep. The caller owns *out. Errors: SP_ERR_MEMORY. */
sp_status sp_thread_team_create(int n_threads, sp_thread_team **out);

/* Waits for what is under way. Takes NULL. */
void sp_thread_team_destroy(sp_thread_team *team);

/* Has items 0 ... n - 1 done by whichever thread is free, `grain` at a time; returns at once. What was started before
 * is waited for. Borrows the context until sp_thread_team_wait. */
void sp_thread_team_start(sp_thread_team *team, uint64_t n, uint64_t grain, sp_team_item item, void *context);

/* Until all items are done. */
void sp_thread_team_wait(sp_thread_team *team);

int sp_thread_team_size(const sp_thread_team *team);

/* Seconds in which at least one thread worked, since creation. */
double sp_thread_team_busy(const sp_thread_team *team);

#endif
