/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/run/progress.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seisproc/log.h"
#include "seisproc/machine.h"
#include "seisproc/stats.h"

enum { N_PARTS = 6, PART_SIZE = 64, LINE_SIZE = N_PARTS * PART_SIZE };

/* Columns of the terminal that the line is shown on; 0: none. */
static int find_columns(void) {
  const char *told = getenv("SEISPROC_TERMINAL");
  return told ? atoi(told) : sp_terminal_columns();
}

void sp_progress_start(sp_progress *progress, bool quiet, const sp_flow_shape *shape, uint64_t done_work) {
  const double now = sp_now();
  *progress = (sp_progress){.quiet = quiet,
                            .columns = sp_log_is_json() ? 0 : find_columns(),
                            .rate = sp_rate_begin(now, done_work),
                            .shown_at = now,
                            .unit = shape->unit,
                            .n_units = shape->n_units,
                            .n_work = shape->total_work,
                            .work_bytes = shape->work_bytes};
}

static void format_time(double seconds, char *text, size_t size) {
  const long s = (long)(seconds + 0.5);
  snprintf(text, size, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
}

/* Joins as many of the parts as the terminal has room for. */
static void join(const sp_progress *p, const char parts[N_PARTS][PART_SIZE], char line[LINE_SIZE]) {
  /* the last column stays free: some terminals wrap there */
  const size_t room = p->columns && p->columns < LINE_SIZE ? (size_t)p->columns - 1 : LINE_SIZE - 1;
  size_t used = 0;
  line[0] = '\0';
  for (size_t i = 0; i < N_PARTS; i++) {
    const char *comma = i ? ", " : "";
    if (used + strlen(comma) + strlen(parts[i]) > room) return;
    used += (size_t)snprintf(line + used, LINE_SIZE - used, "%s%s", comma, parts[i]);
  }
}

/* What matters most comes first, for a narrow terminal. */
static void show(const sp_progress *p, uint64_t units, uint64_t work, const char *waiting_for) {
  const double rate = sp_rate_value(&p->rate), seconds = sp_rate_left(&p->rate, sp_now(), p->n_work - work);
  const double percent = p->n_work ? 100.0 * (double)work / (double)p->n_work : 100.0;
  char left[32] = "-", parts[N_PARTS][PART_SIZE], line[LINE_SIZE];
  if (!isnan(seconds)) format_time(seconds, left, sizeof left);
  snprintf(parts[0], PART_SIZE, "%llu/%llu %ss (%.0f%%)", (unsigned long long)units, (unsigned long long)p->n_units,
           p->unit, percent);
  snprintf(parts[1], PART_SIZE, "%s left", left);
  snprintf(parts[2], PART_SIZE, "%.0f traces/s", rate);
  snprintf(parts[3], PART_SIZE, "%.2f GB/s", 1e-9 * rate * p->work_bytes);
  snprintf(parts[4], PART_SIZE, "waiting for %s", waiting_for);
  snprintf(parts[5], PART_SIZE, "%llu/%llu traces", (unsigned long long)work, (unsigned long long)p->n_work);
  join(p, (const char(*)[PART_SIZE])parts, line);
  if (p->columns) {
    fprintf(stderr, "\r\033[?7l\033[K%s\033[?7h", line); /* without wrapping at the edge */
    fflush(stderr);
  } else {
    sp_info("%s", line);
  }
}

void sp_progress_note(sp_progress *progress, uint64_t work) {
  const double now = sp_now();
  if (now - progress->noted_at < 0.5) return;
  progress->noted_at = now;
  sp_rate_note(&progress->rate, now, work);
}

bool sp_progress_is_due(const sp_progress *progress) {
  return !progress->quiet && sp_now() - progress->shown_at >= (progress->columns ? 0.5 : 10);
}

void sp_progress_show(sp_progress *progress, uint64_t units, uint64_t work, const char *waiting_for) {
  progress->shown_at = sp_now();
  progress->columns = sp_log_is_json() ? 0 : find_columns();
  show(progress, units, work, waiting_for);
}

void sp_progress_end(sp_progress *progress, uint64_t units, uint64_t work) {
  sp_rate_note(&progress->rate, sp_now(), work);
  if (progress->quiet || !progress->columns) return;
  show(progress, units, work, "nothing");
  fputc('\n', stderr);
}
