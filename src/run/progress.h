/* SPDX-License-Identifier: BSD-3-Clause */
/* What the progress line of a job says. Private to src/run. */
#ifndef SEISPROC_SRC_RUN_PROGRESS_H
#define SEISPROC_SRC_RUN_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "seisproc/meter.h"
#include "src/flow/flow.h"
#include "src/run/rate.h"

typedef struct sp_progress {
  sp_meter meter;
  double noted_at; /* in the rate, s */
  sp_rate rate;
  const char *unit;         /* what a unit is called; borrowed */
  uint64_t n_units, n_work; /* in all; work is counted in traces */
  double work_bytes;        /* in and out, of a trace */
} sp_progress;

/* Starts the clock of a job of this shape, of whose work some is done. */
void sp_progress_start(sp_progress *progress, bool quiet, const sp_flow_shape *shape, uint64_t done_work);

/* Notes how much work is done, for the rate; called often. */
void sp_progress_note(sp_progress *progress, uint64_t work);

/* Shows how far the job is, of which sp_meter_is_due says when; `waiting_for` says what holds it up. */
void sp_progress_show(sp_progress *progress, uint64_t units, uint64_t work, const char *waiting_for);

/* Shows the last state and ends the line. */
void sp_progress_end(sp_progress *progress, uint64_t units, uint64_t work);

#endif
