/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/run/quarantine.h"

#include <string.h>

#include "seisproc/log.h"
#include "seisproc/memory.h"

/* Crashes of which a unit is suspected. */
enum { SUSPECTED = 2 };

/* --- who is suspected -------------------------------------------------------------------------------------------- */

static void report(const sp_flow_plan *plan, const sp_suspect *s, unsigned n) {
  char name[64];
  plan->flow->describe(plan, s->unit, name, sizeof name);
  if (s->set_aside == SP_REASON_CRASHED) {
    sp_warn("%s was in hand in %u crashes, alone in the last two: it is set aside", name, n);
  } else if (s->trial == SP_TRIAL_ELSEWHERE) {
    sp_info("%s crashed rank %d%s%s by itself: it is tried once more, elsewhere", name, s->rank,
            s->host[0] ? " on " : "", s->host);
  } else {
    sp_info("%s was in hand in %u crashes: it is dealt alone", name, n);
  }
}

/* The next trial of a unit that crashed in the trial `last`. */
static void set_trial(const char *history_path, unsigned last, sp_suspect *s) {
  s->set_aside = last >= SP_TRIAL_ELSEWHERE ? SP_REASON_CRASHED : SP_REASON_OK;
  s->trial = last == SP_TRIAL_NONE ? SP_TRIAL_ALONE : SP_TRIAL_ELSEWHERE;
  s->rank = -1;
  if (last == SP_TRIAL_ALONE) sp_history_find_trial(history_path, s->unit, &s->rank, s->host);
}

sp_status sp_quarantine_find(const char *history_path, const sp_flow_plan *plan, uint8_t *done, sp_quarantine *out) {
  const uint64_t n_units = plan->shape.n_units;
  *out = (sp_quarantine){0};
  uint8_t *counts = NULL, *trials = NULL;
  sp_status status;
  SP_TRY_GOTO(out, sp_calloc(n_units + 1, 1, "counts of crashes", &counts));
  SP_TRY_GOTO(out, sp_calloc(n_units + 1, 1, "counts of crashes", &trials));
  SP_TRY_GOTO(out, sp_history_count_crashes(history_path, n_units, counts, trials));
  size_t n = 0;
  for (uint64_t u = 0; u < n_units; u++) n += !done[u] && counts[u] >= SUSPECTED;
  if (n == 0) goto out;
  SP_TRY_GOTO(out, sp_calloc(n, sizeof *out->suspects, "units dealt alone", &out->suspects));
  for (uint64_t u = 0; u < n_units; u++) {
    if (done[u] || counts[u] < SUSPECTED) continue;
    sp_suspect *suspect = &out->suspects[out->n++];
    suspect->unit = u;
    set_trial(history_path, trials[u], suspect);
    done[u] = 1;
    report(plan, suspect, counts[u]);
  }
out:
  sp_free(trials);
  sp_free(counts);
  return status;
}

void sp_quarantine_free(sp_quarantine *quarantine) {
  sp_free(quarantine->suspects);
  *quarantine = (sp_quarantine){0};
}

/* --- who tries it ------------------------------------------------------------------------------------------------ */

/* What a team has in common with where a suspect crashed. */
typedef enum nearness { ELSEWHERE, SAME_HOST, SAME_WORKER } nearness;

static nearness nearness_of(const sp_suspect *s, const sp_roles *roles, const sp_place *places, int team) {
  nearness most = ELSEWHERE;
  for (int r = 0; r < roles->world.size; r++) {
    const sp_member *member = &roles->members[r];
    if (member->role != SP_ROLE_WORKER || sp_roles_team_of(roles, member->index) != team) continue;
    const bool same_host = !s->host[0] || !strcmp(s->host, places[r].host);
    const nearness now = !same_host ? ELSEWHERE : r == s->rank ? SAME_WORKER : SAME_HOST;
    if (now > most) most = now;
  }
  return most;
}

/* The furthest that any team lies from where the suspect crashed. */
static nearness furthest(const sp_suspect *s, const sp_roles *roles, const sp_place *places) {
  nearness least = SAME_WORKER;
  for (int t = 0; t < roles->n_teams; t++) {
    const nearness now = nearness_of(s, roles, places, t);
    if (now < least) least = now;
  }
  return least;
}

sp_suspect *sp_quarantine_next(sp_quarantine *q, uint64_t first, uint64_t n, const sp_roles *roles,
                               const sp_place *places, int team, bool *on_cpu) {
  *on_cpu = false;
  while (q->next < q->n && q->suspects[q->next].dealt) q->next++;
  for (size_t i = q->next; i < q->n; i++) {
    sp_suspect *s = &q->suspects[i];
    if (s->dealt || s->unit < first || s->unit - first >= n) continue;
    if (s->trial != SP_TRIAL_ELSEWHERE || s->set_aside != SP_REASON_OK) return s;
    const nearness wanted = furthest(s, roles, places);
    if (nearness_of(s, roles, places, team) > wanted) continue;
    *on_cpu = wanted == SAME_WORKER;
    return s;
  }
  return NULL;
}
