#include "src/pipeline/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "seisproc/log.h"
#include "seisproc/stats.h"

void sp_progress_start(sp_progress *progress, bool quiet, uint64_t n_gathers, uint64_t n_traces, uint64_t done_gathers,
                       uint64_t done_traces, double trace_bytes) {
  const double now = sp_now();
  *progress = (sp_progress){.quiet = quiet,
                            .terminal = isatty(STDERR_FILENO) || getenv("SEISPROC_TERMINAL"),
                            .started_at = now,
                            .shown_at = now,
                            .n_gathers = n_gathers,
                            .n_traces = n_traces,
                            .first_gathers = done_gathers,
                            .first_traces = done_traces,
                            .trace_bytes = trace_bytes};
}

static void format_time(double seconds, char *text, size_t size) {
  const long s = (long)(seconds + 0.5);
  snprintf(text, size, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
}

static void show(const sp_progress *p, uint64_t gathers, uint64_t traces, const char *waiting_for) {
  const double elapsed = sp_now() - p->started_at;
  const double rate = elapsed > 0 ? (double)(traces - p->first_traces) / elapsed : 0;
  char left[32] = "-";
  if (rate > 0) format_time((double)(p->n_traces - traces) / rate, left, sizeof left);
  char line[256];
  snprintf(line, sizeof line,
           "%llu/%llu gathers, %llu/%llu traces (%.0f%%), %.0f traces/s, %.2f GB/s, %s left, waiting for %s",
           (unsigned long long)gathers, (unsigned long long)p->n_gathers, (unsigned long long)traces,
           (unsigned long long)p->n_traces, p->n_traces ? 100.0 * (double)traces / (double)p->n_traces : 100.0, rate,
           1e-9 * rate * p->trace_bytes, left, waiting_for);
  if (p->terminal) {
    fprintf(stderr, "\r\033[K%s", line);
    fflush(stderr);
  } else {
    sp_info("%s", line);
  }
}

void sp_progress_show(sp_progress *progress, uint64_t gathers, uint64_t traces, const char *waiting_for) {
  const double now = sp_now(), interval = progress->terminal ? 0.5 : 10;
  if (progress->quiet || now - progress->shown_at < interval) return;
  progress->shown_at = now;
  show(progress, gathers, traces, waiting_for);
}

void sp_progress_end(sp_progress *progress, uint64_t gathers, uint64_t traces) {
  if (progress->quiet || !progress->terminal) return;
  show(progress, gathers, traces, "nothing");
  fputc('\n', stderr);
}
