/* SPDX-License-Identifier: BSD-3-Clause */
/* A limit to one step of a process that may hang in a library: the start and the end of MPI, and what lies between them
 * and a job's own watchdog. Private to seisproc. */
#ifndef SEISPROC_SRC_BASE_STEP_WATCH_H
#define SEISPROC_SRC_BASE_STEP_WATCH_H

typedef struct sp_step_watch sp_step_watch;

/* Seconds that a start may take: SEISPROC_START_TIMEOUT, else 300; 0: for ever. */
double sp_step_limit(void);

/* Seconds that planning a job may take, which reads the index of its input; 0: for ever. */
double sp_plan_limit(void);

/* Ends this process, with SP_EXIT_RESUMABLE and a line of `what` and `advice`, unless sp_step_watch_end is called
 * within so many seconds (0: never). Rank 0 is first; others, which may wait for it, are given half as long again. The
 * texts live as long as the program. NULL, with a warning, where it cannot be watched. */
sp_step_watch *sp_step_watch_begin(int rank, const char *what, const char *advice, double seconds);

/* Takes NULL. */
void sp_step_watch_end(sp_step_watch *watch);

#endif
