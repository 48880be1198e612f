/* SPDX-License-Identifier: BSD-3-Clause */
/* The line on stderr that says how far a long piece of work is: rewritten in place on a terminal and no wider than it,
 * else logged every 10 s. The terminal may change its width: a line that has become too wide is cut, not wrapped. */
#ifndef SEISPROC_METER_H
#define SEISPROC_METER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sp_meter {
  bool shown;                  /* else nothing is ever written */
  int columns;                 /* of the terminal; 0: none */
  double started_at, shown_at; /* s, of sp_now */
} sp_meter;

/* Starts the clock. Of several ranks one alone shows it. A terminal that is behind a launcher's pipe is told by its
 * columns in SEISPROC_TERMINAL; a log in JSON has none. */
sp_meter sp_meter_start(bool shown);

/* Whether it is time to show it again. */
bool sp_meter_is_due(const sp_meter *meter);

enum { SP_METER_PART = 64 };

/* Shows as many of the n parts, joined by commas, as the terminal has room for: what matters most comes first. */
void sp_meter_show(sp_meter *meter, int n, const char (*parts)[SP_METER_PART]);

/* Shows, if it is time to, that a fraction of n_traces, of trace_bytes each, has been through `what` ("import"). */
void sp_meter_show_traces(sp_meter *meter, const char *what, double fraction, uint64_t n_traces, size_t trace_bytes);

/* Ends the line on a terminal: leaves it there, or removes it. Returns the seconds since the start. */
double sp_meter_end(sp_meter *meter, bool leave);

#endif
