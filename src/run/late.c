/* SPDX-License-Identifier: BSD-3-Clause */
/* Tasks that take much longer than others are dealt to another team as well, where a flow's tasks may be computed
 * twice; the first that is on the disk counts.
 *
 * Invariant: of the two none is forgotten. The one that comes second is compared with the first (coordinator.c), and a
 * phase is over only when both have come, so nothing is written behind what was made known. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "seisproc/clock.h"
#include "seisproc/log.h"
#include "src/run/coordinator.h"

/* A task that takes more than LATE medians, and LEAST_S, is dealt to somebody else as well. Looking for them takes time
 * in proportion to the tasks in hand. */
static const double late = 10, least_s = 2, look_s = 0.25;

void sp_late_note_duration(sp_coordinator *c, double seconds) {
  c->durations[c->n_durations++ % SP_DURATIONS] = seconds;
}

static int compare_reals(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Seconds after which a task is late; INFINITY while that is not known. */
static double late_after(const sp_coordinator *c) {
  enum { ENOUGH = 8 };
  double sorted[SP_DURATIONS];
  const size_t n = c->n_durations < SP_DURATIONS ? (size_t)c->n_durations : SP_DURATIONS;
  if (n < ENOUGH) return INFINITY;
  memcpy(sorted, c->durations, n * sizeof *sorted);
  qsort(sorted, n, sizeof *sorted, compare_reals);
  return fmax(late * sorted[n / 2], least_s);
}

void sp_late_repeat(sp_coordinator *c, const sp_repeat *repeat) {
  if (c->n_repeats == SP_MAX_REPEATS) c->n_repeats--; /* that one is late again soon */
  c->repeats[c->n_repeats++] = *repeat;
  sp_dealing_queue_all(c);
}

void sp_late_look(sp_coordinator *c) {
  const double now = sp_now();
  if (!c->flow->repeats || now - c->looked_at < look_s || c->roles->n_teams < 2) return;
  c->looked_at = now;
  const double limit = late_after(c);
  size_t at = 0;
  for (sp_flight *f; (f = sp_task_table_next(c->table, &at)) && c->n_repeats < SP_MAX_REPEATS;) {
    /* one that kills workers is not given to another one */
    if (f->repeated || f->is_void || f->task.trial != SP_TRIAL_NONE || now - f->dealt_at < limit) continue;
    f->repeated = true;
    sp_repeat repeat = {.units = {f->task.first_unit, f->task.n_units}, .not_to = f->team};
    memcpy(repeat.engine, c->teams[f->team].engine, sizeof repeat.engine);
    sp_debug("%ss %llu + %u are late after %.1f s: dealt to another worker as well", c->plan->shape.unit,
             (unsigned long long)f->task.first_unit, f->task.n_units, now - f->dealt_at);
    sp_late_repeat(c, &repeat);
  }
}

/* Of what is to be dealt again, the units that have come. */
void sp_late_forget(sp_coordinator *c) {
  int kept = 0;
  for (int i = 0; i < c->n_repeats; i++) {
    if (c->repeats[i].not_to < 0 || c->state[c->repeats[i].units.first] != SP_UNIT_DONE) {
      c->repeats[kept++] = c->repeats[i];
    }
  }
  c->n_repeats = kept;
}

/* Whether a team may be dealt these: it is not the late one, and computes the same bytes. */
static bool may_repeat(const sp_coordinator *c, const sp_repeat *repeat, int team) {
  const char *engine = c->teams[team].engine;
  return repeat->not_to != team && (!repeat->engine[0] || !strcmp(repeat->engine, engine));
}

/* Something that is dealt a second time, for this team; false where there is none. What has come meanwhile is
 * forgotten. */
bool sp_late_next(sp_coordinator *c, int team, sp_unit_run *out) {
  for (int i = 0; i < c->n_repeats; i++) {
    const sp_repeat repeat = c->repeats[i];
    const bool came = repeat.not_to >= 0 && c->state[repeat.units.first] == SP_UNIT_DONE;
    if (!came && !may_repeat(c, &repeat, team)) continue;
    c->repeats[i--] = c->repeats[--c->n_repeats];
    if (came) continue;
    *out = repeat.units;
    return true;
  }
  return false;
}
