/* SPDX-License-Identifier: BSD-3-Clause */
/* What the history beside an output (OUT.runs, docs/reliability.md) says of its runs, as a table and a timeline.
 * Private to src/qc. */
#ifndef SEISPROC_SRC_QC_TIMELINE_H
#define SEISPROC_SRC_QC_TIMELINE_H

#include "src/qc/frame.h"

enum { SP_MAX_RUNS = 64, SP_N_STAGES = 6 };

typedef struct sp_tick {
  double t; /* s since the run began to deal */
  double units, bytes;
  char waiting[40];
} sp_tick;

typedef struct sp_run_line {
  char begun[24], kind[12], ended[24], end[16]; /* "" where the history does not say */
  double done, units;                           /* when it began */
  int ranks, workers, io, nodes, crashes;
  double wall, cpu, gpu;      /* s; 0: not told */
  double stages[SP_N_STAGES]; /* s, of all ranks */
  size_t first_tick, n_ticks;
} sp_run_line;

typedef struct sp_timeline {
  sp_run_line runs[SP_MAX_RUNS]; /* the last ones */
  size_t n_runs, n_left_out;
  sp_tick *ticks;
  size_t n_ticks, room;
} sp_timeline;

extern const char *const sp_stage_words[SP_N_STAGES];

/* Reads the history of an output; none is no runs. Lines that do not parse are skipped. The caller frees it. */
sp_status sp_timeline_read(const char *output, sp_timeline *out);
void sp_timeline_free(sp_timeline *timeline);

/* Throughput over time, a row a run, stalls shaded; and each run's stages. */
sp_status sp_timeline_draw(const sp_timeline *timeline, double width, sp_picture **out);

#endif
