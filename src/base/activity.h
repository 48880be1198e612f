/* SPDX-License-Identifier: BSD-3-Clause */
/* What a rank is doing or waiting for, in words for people, and whether it gets on. The rank writes it, a thread that
 * looks for hangs reads it. */
#ifndef SEISPROC_SRC_BASE_ACTIVITY_H
#define SEISPROC_SRC_BASE_ACTIVITY_H

#include <stdatomic.h>

typedef struct sp_activity {
  _Atomic(const char *) what;
  atomic_ullong steps;      /* of progress */
  atomic_ullong collective; /* number of the collective transfer that this rank is in; 0: in none */
} sp_activity;

/* Counts as progress by itself. */
static inline void sp_activity_step(sp_activity *activity) {
  atomic_fetch_add_explicit(&activity->steps, 1, memory_order_relaxed);
}

/* `what` lives as long as the program. Other words than the last ones count as progress. */
static inline void sp_activity_set(sp_activity *activity, const char *what) {
  if (atomic_load_explicit(&activity->what, memory_order_relaxed) == what) return;
  atomic_store_explicit(&activity->what, what, memory_order_relaxed);
  sp_activity_step(activity);
}

#endif
