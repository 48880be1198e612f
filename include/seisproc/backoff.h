/* SPDX-License-Identifier: BSD-3-Clause */
/* Waiting asleep for something that has to be looked at again and again.
 *
 *   sp_backoff backoff = {0};
 *   while (!has_happened()) sp_backoff_sleep(&backoff);
 */
#ifndef SEISPROC_BACKOFF_H
#define SEISPROC_BACKOFF_H

/* Each pause is a quarter longer than the one before, from 20 us on: what is waited for is noticed within a fifth of
 * the time that it took, and within the longest pause. Starts as {0}, or with a longest pause where a look is dear. */
typedef struct sp_backoff {
  unsigned us;      /* the last pause */
  unsigned most_us; /* the longest; 0: 3 ms */
} sp_backoff;

/* Sleeps for the next pause. */
void sp_backoff_sleep(sp_backoff *backoff);

/* Something happened: the next pause is a short one again. */
void sp_backoff_reset(sp_backoff *backoff);

#endif
