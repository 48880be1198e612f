/* SPDX-License-Identifier: BSD-3-Clause */
/* The progress line. Private to src/run. */
#ifndef SEISPROC_SRC_RUN_PROGRESS_H
#define SEISPROC_SRC_RUN_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "src/flow/flow.h"
#include "src/run/rate.h"

typedef struct sp_progress {
  bool quiet;
  int columns;               /* of the terminal; 0: none */
  double shown_at, noted_at; /* s: on the terminal; in the rate */
  sp_rate rate;
  const char *unit;         /* what a unit is called; borrowed */
  uint64_t n_units, n_work; /* in all; work is counted in traces */
  double work_bytes;        /* in and out, of a trace */
} sp_progress;

/* Starts the clock. Lines go to stderr: rewritten in place on a terminal and no wider than it, else one every 10 s. A
 * terminal that is behind a launcher's pipe is told by its columns in SEISPROC_TERMINAL. The terminal may change its
 * width: a line that has become too wide is cut, not wrapped. */
void sp_progress_start(sp_progress *progress, bool quiet, const sp_flow_shape *shape, uint64_t done_work);

/* Notes how much work is done, for the rate; called often. */
void sp_progress_note(sp_progress *progress, uint64_t work);

/* Whether it is time to show how far the job is. */
bool sp_progress_is_due(const sp_progress *progress);

/* Shows it; `waiting_for` says what holds the job up. */
void sp_progress_show(sp_progress *progress, uint64_t units, uint64_t work, const char *waiting_for);

/* Shows the last state and ends the line. */
void sp_progress_end(sp_progress *progress, uint64_t units, uint64_t work);

#endif
