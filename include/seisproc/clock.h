/* SPDX-License-Identifier: BSD-3-Clause */
/* The clocks that everything goes by: one that only goes forward, for intervals and limits, and the wall's, for what
 * people and other programs read. */
#ifndef SEISPROC_CLOCK_H
#define SEISPROC_CLOCK_H

#include <time.h>

/* Seconds on a clock that only goes forward. */
double sp_now(void);

/* The time on that clock so many seconds from now, for waits that end. */
struct timespec sp_time_after(double seconds);

/* Seconds since 1970. */
double sp_wall_clock(void);

enum { SP_TIME_TEXT = 24 };

/* A time since 1970 as 2026-01-31T12:00:00Z; returns text. */
const char *sp_time_text(double seconds, char text[SP_TIME_TEXT]);

#endif
