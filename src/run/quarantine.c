#include "src/run/quarantine.h"

#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "src/run/history.h"

/* Crashes of which a gather is suspected, and after which it is guilty if it was alone in the last one. */
enum { SUSPECTED = 2, GUILTY = 3 };

static void say(const sp_gather_index *index, const sp_alone_gather *g, unsigned n) {
  const long long key = index->key ? (long long)index->key[g->gather] : 0;
  if (g->set_aside == SP_REASON_CRASHED) {
    sp_warn("gather %llu (key %lld) was in hand in %u crashes, alone in the last: it is set aside",
            (unsigned long long)g->gather, key, n);
  } else {
    sp_info("gather %llu (key %lld) was in hand in %u crashes: it is dealt alone", (unsigned long long)g->gather, key,
            n);
  }
}

static void take(sp_alone *alone, const sp_gather_index *index, const uint8_t *counts, const uint8_t *lone,
                 uint8_t *done) {
  for (sp_global g = 0; g < index->n_gathers; g++) {
    if (done[g] || counts[g] < SUSPECTED) continue;
    sp_alone_gather *gather = &alone->gathers[alone->n++];
    gather->gather = g;
    gather->set_aside = counts[g] >= GUILTY && lone[g] ? SP_REASON_CRASHED : SP_REASON_OK;
    done[g] = 1;
    say(index, gather, counts[g]);
  }
}

sp_status sp_alone_find(const char *history_path, const sp_gather_index *index, uint8_t *done, sp_alone *out) {
  *out = (sp_alone){0};
  uint8_t *counts = NULL, *lone = NULL;
  sp_status status;
  SP_TRY_GOTO(out, sp_calloc(index->n_gathers + 1, 1, "counts of crashes", (void **)&counts));
  SP_TRY_GOTO(out, sp_calloc(index->n_gathers + 1, 1, "counts of crashes", (void **)&lone));
  SP_TRY_GOTO(out, sp_history_count_crashes(history_path, index->n_gathers, counts, lone));
  size_t n = 0;
  for (sp_global g = 0; g < index->n_gathers; g++) n += !done[g] && counts[g] >= SUSPECTED;
  if (n == 0) goto out;
  SP_TRY_GOTO(out, sp_calloc(n, sizeof *out->gathers, "gathers dealt alone", (void **)&out->gathers));
  take(out, index, counts, lone, done);
out:
  sp_free(lone);
  sp_free(counts);
  return status;
}

void sp_alone_free(sp_alone *alone) {
  sp_free(alone->gathers);
  *alone = (sp_alone){0};
}
