/* SPDX-License-Identifier: BSD-3-Clause */
/* A team of CPU threads that sleep while there is nothing to do. Knows no gathers.
 *
 * One lock guards what is shared out; whoever takes or returns a unit of work holds it. A thread computes without it.
 */
#ifndef SEISPROC_SRC_BASE_TEAM_H
#define SEISPROC_SRC_BASE_TEAM_H

#include <stdbool.h>

#include "seisproc/status.h"

typedef struct sp_team sp_team;

enum { SP_TEAM_UNIT_BYTES = 256 }; /* a unit of work is described in as many */

typedef struct sp_team_ops {
  /* What a thread does first, once, without the lock: it touches its memory, which is then near it. */
  void (*begin)(void *context, int thread);
  /* Takes a unit of work; false: there is none now. Under the lock. */
  bool (*claim)(void *context, void *unit);
  /* Does it. Called and left under the lock, which it gives up while it computes. */
  void (*run)(void *context, int thread, const void *unit);
} sp_team_ops;

/* Starts the threads and waits until each has begun. They have all signals blocked and are called NAME-0, NAME-1, ...
 * `ops` and `context` are borrowed. Errors: SP_ERR_MEMORY. */
sp_status sp_team_create(int n_threads, const char *name, const sp_team_ops *ops, void *context, sp_team **out);

void sp_team_lock(sp_team *team);
void sp_team_unlock(sp_team *team);

/* There may be work for threads that are idle; under the lock. */
void sp_team_wake(sp_team *team);

/* Wakes who sleeps in sp_team_wait; under the lock. */
void sp_team_notify(sp_team *team);

/* Sleeps until the next sp_team_notify, without the lock meanwhile; under the lock. */
void sp_team_wait(sp_team *team);

/* The same, but no longer than so many seconds. */
void sp_team_wait_for(sp_team *team, double seconds);

/* Seconds in which at least one thread was computing. */
double sp_team_busy_seconds(sp_team *team);

/* Ends the threads once they have returned what they hold. Takes NULL. */
void sp_team_destroy(sp_team *team);

#endif
