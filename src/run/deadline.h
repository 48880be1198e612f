/* SPDX-License-Identifier: BSD-3-Clause */
/* When a job has to begin to stop, so that all it has dealt is on the disk in time. Private to src/run. */
#ifndef SEISPROC_SRC_RUN_DEADLINE_H
#define SEISPROC_SRC_RUN_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>

enum { SP_DEADLINE_MARKS = 64 };

typedef struct sp_deadline {
  double max_at; /* when the job's own limit is over, on the clock of sp_now; INFINITY: never */
  double at;     /* that, or when the resource manager's is where there is none */
  double asked_at;
  double drain_s; /* longest time from dealing units to having them on the disk, lately */
  struct {
    double at;
    uint64_t dealt; /* units up to then */
  } marks[SP_DEADLINE_MARKS];
  uint64_t n_marks, n_drained;
} sp_deadline;

/* max_time in s, NAN for none. It counts from the start of the first of the runs that a supervisor started, as
 * SEISPROC_STARTED_AT (seconds since 1970) says; else from now. */
void sp_deadline_start(sp_deadline *deadline, double max_time);

/* So many units are dealt, or on the disk, with those of earlier runs. */
void sp_deadline_dealt(sp_deadline *deadline, uint64_t units);
void sp_deadline_durable(sp_deadline *deadline, uint64_t units);

/* Whether no more should be dealt. Asks the resource manager once a minute. */
bool sp_deadline_is_near(sp_deadline *deadline);

#endif
