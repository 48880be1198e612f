/* SPDX-License-Identifier: BSD-3-Clause */
#include "seisproc/stats.h"

const char *sp_stage_name(sp_stage stage) {
  static const char *const names[SP_STAGE_COUNT] = {"read", "wait", "compute", "slot wait", "write", "flush"};
  return names[stage];
}

void sp_stage_add(sp_stage_times *times, sp_stage stage, double seconds, uint64_t bytes) {
  times->seconds[stage] += seconds;
  times->bytes[stage] += bytes;
  times->count[stage]++;
}

sp_stage_summary sp_stage_summarize(const sp_stage_times *ranks, size_t n_ranks, sp_stage stage) {
  sp_stage_summary summary = {.min_rank = -1, .max_rank = -1};
  double sum = 0;
  for (size_t r = 0; r < n_ranks; r++) {
    if (ranks[r].count[stage] == 0) continue;
    const double seconds = ranks[r].seconds[stage];
    if (summary.n_ranks == 0 || seconds < summary.min) {
      summary.min = seconds;
      summary.min_rank = (int)r;
    }
    if (summary.n_ranks == 0 || seconds > summary.max) {
      summary.max = seconds;
      summary.max_rank = (int)r;
    }
    sum += seconds;
    summary.bytes += ranks[r].bytes[stage];
    summary.n_ranks++;
  }
  if (summary.n_ranks) summary.mean = sum / summary.n_ranks;
  return summary;
}

void sp_stage_print(FILE *stream, const sp_stage_times *ranks, size_t n_ranks) {
  fprintf(stream, "  %-10s %6s %10s %10s %18s %10s\n", "stage", "ranks", "min s", "mean s", "max s (rank)", "GB");
  for (int stage = 0; stage < SP_STAGE_COUNT; stage++) {
    const sp_stage_summary s = sp_stage_summarize(ranks, n_ranks, (sp_stage)stage);
    if (s.n_ranks == 0) continue;
    char most[32];
    snprintf(most, sizeof most, "%.3f (%d)", s.max, s.max_rank);
    fprintf(stream, "  %-10s %6d %10.3f %10.3f %18s %10.3f\n", sp_stage_name((sp_stage)stage), s.n_ranks, s.min, s.mean,
            most, 1e-9 * (double)s.bytes);
  }
}
