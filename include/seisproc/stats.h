/* SPDX-License-Identifier: BSD-3-Clause */
/* Where the time goes: seconds, counts and bytes a stage, and who has the most of it. */
#ifndef SEISPROC_STATS_H
#define SEISPROC_STATS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef enum sp_stage {
  SP_STAGE_READ,    /* samples from the file */
  SP_STAGE_WAIT,    /* for a deal, or for the other ranks */
  SP_STAGE_COMPUTE, /* for the engine */
  SP_STAGE_SLOT,    /* for a free output slot */
  SP_STAGE_WRITE,   /* samples to the file */
  SP_STAGE_FLUSH,   /* file to the device */
  SP_STAGE_COUNT
} sp_stage;

const char *sp_stage_name(sp_stage stage);

/* One rank's times; plain data, so that MPI can send it. All zero at first. */
typedef struct sp_stage_times {
  double seconds[SP_STAGE_COUNT];
  uint64_t count[SP_STAGE_COUNT];
  uint64_t bytes[SP_STAGE_COUNT];
} sp_stage_times;

/* Adds one interval. */
void sp_stage_add(sp_stage_times *times, sp_stage stage, double seconds, uint64_t bytes);

/* A stage over the ranks that took part in it (count > 0). */
typedef struct sp_stage_summary {
  int n_ranks;
  double min, mean, max; /* seconds */
  int min_rank, max_rank;
  uint64_t bytes; /* of all */
} sp_stage_summary;

sp_stage_summary sp_stage_summarize(const sp_stage_times *ranks, size_t n_ranks, sp_stage stage);

/* The closing table: a line for each stage that any rank took part in. ranks[n_ranks], by rank. */
void sp_stage_print(FILE *stream, const sp_stage_times *ranks, size_t n_ranks);

#endif
