#include "src/run/quarantine.h"

#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "src/run/history.h"

/* Crashes of which a unit is suspected, and after which it is guilty if it was alone in the last one. */
enum { SUSPECTED = 2, GUILTY = 3 };

static void report(const sp_flow_plan *plan, const sp_suspect *s, unsigned n) {
  char name[64];
  plan->flow->describe(plan, s->unit, name, sizeof name);
  if (s->set_aside == SP_REASON_CRASHED) {
    sp_warn("%s was in hand in %u crashes, alone in the last: it is set aside", name, n);
  } else {
    sp_info("%s was in hand in %u crashes: it is dealt alone", name, n);
  }
}

static void set_aside(sp_quarantine *quarantine, const sp_flow_plan *plan, const uint8_t *counts, const uint8_t *alone,
                      uint8_t *done) {
  for (uint64_t u = 0; u < plan->shape.n_units; u++) {
    if (done[u] || counts[u] < SUSPECTED) continue;
    sp_suspect *suspect = &quarantine->suspects[quarantine->n++];
    suspect->unit = u;
    suspect->set_aside = counts[u] >= GUILTY && alone[u] ? SP_REASON_CRASHED : SP_REASON_OK;
    done[u] = 1;
    report(plan, suspect, counts[u]);
  }
}

sp_status sp_quarantine_find(const char *history_path, const sp_flow_plan *plan, uint8_t *done, sp_quarantine *out) {
  const uint64_t n_units = plan->shape.n_units;
  *out = (sp_quarantine){0};
  uint8_t *counts = NULL, *alone = NULL;
  sp_status status;
  SP_TRY_GOTO(out, sp_calloc(n_units + 1, 1, "counts of crashes", (void **)&counts));
  SP_TRY_GOTO(out, sp_calloc(n_units + 1, 1, "counts of crashes", (void **)&alone));
  SP_TRY_GOTO(out, sp_history_count_crashes(history_path, n_units, counts, alone));
  size_t n = 0;
  for (uint64_t u = 0; u < n_units; u++) n += !done[u] && counts[u] >= SUSPECTED;
  if (n == 0) goto out;
  SP_TRY_GOTO(out, sp_calloc(n, sizeof *out->suspects, "units dealt alone", (void **)&out->suspects));
  set_aside(out, plan, counts, alone, done);
out:
  sp_free(alone);
  sp_free(counts);
  return status;
}

void sp_quarantine_free(sp_quarantine *quarantine) {
  sp_free(quarantine->suspects);
  *quarantine = (sp_quarantine){0};
}
