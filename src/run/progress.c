/* SPDX-License-Identifier: BSD-3-Clause */
/* The figures of a job on the progress line: units, time left, rates, and what the job waits for. */
#include "src/run/progress.h"

#include <math.h>
#include <stdio.h>

#include "seisproc/clock.h"

enum { N_PARTS = 6, PART_SIZE = SP_METER_PART };

void sp_progress_start(sp_progress *progress, bool quiet, const sp_flow_shape *shape, uint64_t done_work) {
  *progress = (sp_progress){.meter = sp_meter_start(!quiet),
                            .rate = sp_rate_begin(sp_now(), done_work),
                            .unit = shape->unit,
                            .n_units = shape->n_units,
                            .n_work = shape->total_work,
                            .work_bytes = shape->work_bytes};
}

static void format_time(double seconds, char *text, size_t size) {
  const long s = (long)(seconds + 0.5);
  snprintf(text, size, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
}

void sp_progress_show(sp_progress *p, uint64_t units, uint64_t work, const char *waiting_for) {
  const double rate = sp_rate_value(&p->rate), seconds = sp_rate_left(&p->rate, sp_now(), p->n_work - work);
  const double percent = p->n_work ? 100.0 * (double)work / (double)p->n_work : 100.0;
  char left[32] = "-", parts[N_PARTS][PART_SIZE];
  if (!isnan(seconds)) format_time(seconds, left, sizeof left);
  snprintf(parts[0], PART_SIZE, "%llu/%llu %ss (%.0f%%)", (unsigned long long)units, (unsigned long long)p->n_units,
           p->unit, percent);
  snprintf(parts[1], PART_SIZE, "%s left", left);
  snprintf(parts[2], PART_SIZE, "%.0f traces/s", rate);
  snprintf(parts[3], PART_SIZE, "%.2f GB/s", 1e-9 * rate * p->work_bytes);
  snprintf(parts[4], PART_SIZE, "waiting for %s", waiting_for);
  snprintf(parts[5], PART_SIZE, "%llu/%llu traces", (unsigned long long)work, (unsigned long long)p->n_work);
  sp_meter_show(&p->meter, N_PARTS, (const char(*)[PART_SIZE])parts);
}

void sp_progress_note(sp_progress *progress, uint64_t work) {
  const double now = sp_now();
  if (now - progress->noted_at < 0.5) return;
  progress->noted_at = now;
  sp_rate_note(&progress->rate, now, work);
}

void sp_progress_end(sp_progress *progress, uint64_t units, uint64_t work) {
  sp_rate_note(&progress->rate, sp_now(), work);
  if (progress->meter.columns) sp_progress_show(progress, units, work, "nothing");
  sp_meter_end(&progress->meter, true);
}
