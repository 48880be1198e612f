/* SPDX-License-Identifier: BSD-3-Clause */
/* The one line that shows progress, whatever makes it. */
#include "seisproc/meter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seisproc/clock.h"
#include "seisproc/log.h"
#include "seisproc/machine.h"

static const double terminal_s = 0.5, log_s = 10; /* between two showings */

/* Columns of the terminal that the line is shown on; 0: none. */
static int find_columns(void) {
  if (sp_log_is_json()) return 0;
  const char *told = getenv("SEISPROC_TERMINAL");
  return told ? atoi(told) : sp_terminal_columns();
}

sp_meter sp_meter_start(bool shown) {
  const double now = sp_now();
  return (sp_meter){.shown = shown, .columns = find_columns(), .started_at = now, .shown_at = now};
}

bool sp_meter_is_due(const sp_meter *meter) {
  return meter->shown && sp_now() - meter->shown_at >= (meter->columns ? terminal_s : log_s);
}

void sp_meter_show(sp_meter *meter, int n, const char (*parts)[SP_METER_PART]) {
  char line[512] = "";
  if (!meter->shown) return;
  meter->shown_at = sp_now();
  meter->columns = find_columns();
  /* the last column stays free: some terminals wrap there */
  const size_t room =
      meter->columns && (size_t)meter->columns < sizeof line ? (size_t)meter->columns - 1 : sizeof line - 1;
  size_t used = 0;
  for (int i = 0; i < n; i++) {
    const char *comma = i ? ", " : "";
    if (used + strlen(comma) + strlen(parts[i]) > room) break;
    used += (size_t)snprintf(line + used, sizeof line - used, "%s%s", comma, parts[i]);
  }
  if (meter->columns) {
    fprintf(stderr, "\r\033[?7l\033[K%s\033[?7h", line); /* without wrapping at the edge */
    fflush(stderr);
  } else {
    sp_info("%s", line);
  }
}

void sp_meter_show_traces(sp_meter *meter, const char *what, double fraction, uint64_t n_traces, size_t trace_bytes) {
  char parts[3][SP_METER_PART];
  if (fraction <= 0 || !sp_meter_is_due(meter)) return;
  const double elapsed = sp_now() - meter->started_at;
  snprintf(parts[0], SP_METER_PART, "%s: %.0f%% of %llu traces", what, 100 * fraction, (unsigned long long)n_traces);
  snprintf(parts[1], SP_METER_PART, "%.2f GB/s", 1e-9 * fraction * (double)n_traces * (double)trace_bytes / elapsed);
  snprintf(parts[2], SP_METER_PART, "%.0f s left", elapsed / fraction - elapsed);
  sp_meter_show(meter, 3, (const char(*)[SP_METER_PART])parts);
}

double sp_meter_end(sp_meter *meter, bool leave) {
  if (meter->shown && meter->columns) fputs(leave ? "\n" : "\r\033[K", stderr);
  return sp_now() - meter->started_at;
}
