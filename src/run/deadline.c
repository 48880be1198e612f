/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/run/deadline.h"

#include <math.h>
#include <stdlib.h>

#include "seisproc/clock.h"
#include "seisproc/dist.h"
#include "seisproc/log.h"

/* How often the resource manager is asked; what is left for publishing and leaving; how much slower than before the
 * last tasks may be; for how many tasks a slow one is remembered. */
static const double ask_s = 60, leave_s = 3, slower = 1.5, keep = 0.98;

static double seconds_since_start(void) {
  const char *text = getenv("SEISPROC_STARTED_AT");
  const double start = text ? strtod(text, NULL) : 0;
  const double since = sp_wall_clock() - start;
  return start > 0 && since > 0 ? since : 0;
}

/* What was asked for wins over what the resource manager leaves: that may end the job, which then goes on. */
static void ask(sp_deadline *d, double now) {
  d->asked_at = now;
  d->at = isfinite(d->max_at) ? d->max_at : now + sp_time_left();
}

static void warn_of_manager(double seconds) {
  const double left = sp_time_left();
  if (left >= seconds) return;
  sp_warn("max_time leaves the job %.0f s, the resource manager %.0f s, which may end it before it stops by itself",
          seconds, left);
}

void sp_deadline_start(sp_deadline *d, double max_time) {
  const double now = sp_now();
  *d = (sp_deadline){.max_at = isnan(max_time) ? (double)INFINITY : now - seconds_since_start() + max_time};
  ask(d, now);
  if (isfinite(d->max_at)) warn_of_manager(d->max_at - now);
  if (isfinite(d->at)) sp_info("the job has %.0f s", d->at - now);
}

void sp_deadline_dealt(sp_deadline *d, uint64_t units) {
  const bool full = d->n_marks - d->n_drained == SP_DEADLINE_MARKS;
  const double now = sp_now();
  if (full) { /* the last mark takes these in, and so looks older than they are */
    d->marks[(d->n_marks - 1) % SP_DEADLINE_MARKS].dealt = units;
    return;
  }
  d->marks[d->n_marks % SP_DEADLINE_MARKS].at = now;
  d->marks[d->n_marks % SP_DEADLINE_MARKS].dealt = units;
  d->n_marks++;
}

void sp_deadline_durable(sp_deadline *d, uint64_t units) {
  const double now = sp_now();
  for (; d->n_drained < d->n_marks; d->n_drained++) {
    if (d->marks[d->n_drained % SP_DEADLINE_MARKS].dealt > units) return;
    d->drain_s = fmax(keep * d->drain_s, now - d->marks[d->n_drained % SP_DEADLINE_MARKS].at);
  }
}

bool sp_deadline_is_near(sp_deadline *d) {
  const double now = sp_now();
  if (now - d->asked_at > ask_s) ask(d, now);
  /* what is on its way for longest may take longer than any before it */
  double drain = d->drain_s;
  if (d->n_drained < d->n_marks) drain = fmax(drain, now - d->marks[d->n_drained % SP_DEADLINE_MARKS].at);
  return now + leave_s + slower * drain > d->at;
}
