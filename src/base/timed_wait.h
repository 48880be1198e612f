/* SPDX-License-Identifier: BSD-3-Clause */
/* Waits with a time limit, by the clock of sp_now: one that only goes forward, whatever is done to the date. */
#ifndef SEISPROC_BASE_TIMED_WAIT_H
#define SEISPROC_BASE_TIMED_WAIT_H

#include <pthread.h>
#include <time.h>

/* Makes a condition whose pthread_cond_timedwait takes times of CLOCK_MONOTONIC. */
static inline void sp_cond_init(pthread_cond_t *cond) {
  pthread_condattr_t clock;
  pthread_condattr_init(&clock);
  pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
  pthread_cond_init(cond, &clock);
  pthread_condattr_destroy(&clock);
}

#endif
