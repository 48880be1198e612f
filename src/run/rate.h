/* SPDX-License-Identifier: BSD-3-Clause */
/* How fast a job goes and when it will be done, from what it has done so far. Private to src/run.
 *
 * Work becomes durable in bursts, and the rate of the last seconds says little; the mean since the start never forgets
 * a slow beginning. The rate here is a mean in which what was done longer ago counts less, by exp(-age / window), the
 * window being half of the time so far, from 30 s to 10 min. Time counts up to the last burst: between two of them the
 * end that is told stays where it is, unless nothing is done for a window. */
#ifndef SEISPROC_SRC_RUN_RATE_H
#define SEISPROC_SRC_RUN_RATE_H

#include <stdint.h>

typedef struct sp_rate {
  double started_at, last_at; /* s; last_at: of the last burst */
  uint64_t last_work;
  double work, time; /* weighted sums: their ratio is the rate */
} sp_rate;

sp_rate sp_rate_begin(double now, uint64_t work);

/* Notes how much is done now; times do not decrease, nor does work. */
void sp_rate_note(sp_rate *rate, double now, uint64_t work);

/* Work a second; 0 where none was done yet. */
double sp_rate_value(const sp_rate *rate);

/* Seconds from now until `left` is done; NAN while that cannot be told. */
double sp_rate_left(const sp_rate *rate, double now, uint64_t left);

#endif
