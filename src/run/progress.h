/* The progress line. Private to src/run. */
#ifndef SEISPROC_SRC_RUN_PROGRESS_H
#define SEISPROC_SRC_RUN_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct sp_progress {
  bool quiet;
  int columns; /* of the terminal; 0: none */
  double started_at, shown_at;
  uint64_t n_gathers, n_traces;         /* in all */
  uint64_t first_gathers, first_traces; /* done before this run */
  double trace_bytes;                   /* in and out */
} sp_progress;

/* Starts the clock. Lines go to stderr: rewritten in place on a terminal and no wider than it, else one every 10 s. A
 * terminal that is behind a launcher's pipe is told by its columns in SEISPROC_TERMINAL. */
void sp_progress_start(sp_progress *progress, bool quiet, uint64_t n_gathers, uint64_t n_traces, uint64_t done_gathers,
                       uint64_t done_traces, double trace_bytes);

/* Shows how far the job is if it is time to; `waiting_for` says what holds it up. */
void sp_progress_show(sp_progress *progress, uint64_t gathers, uint64_t traces, const char *waiting_for);

/* Shows the last state and ends the line. */
void sp_progress_end(sp_progress *progress, uint64_t gathers, uint64_t traces);

#endif
