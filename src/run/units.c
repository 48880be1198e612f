/* SPDX-License-Identifier: BSD-3-Clause */
/* What the coordinator knows of each unit: left, computed or done, and its figures. A unit is done once its samples are
 * on the disk; then the journal has a line of it, and it is never dealt again. */
#include <string.h>

#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "src/base/fault.h"
#include "src/run/coordinator.h"

static void *record_at(const sp_coordinator *c, uint64_t unit) {
  return sp_figures_at(c->flow->figures, c->figures, unit);
}

/* A unit ends the job only where the job says so. */
static void check_reason(sp_coordinator *c, uint64_t unit) {
  const uint32_t reason = sp_figures_reason(record_at(c, unit));
  if (c->run->job->settings.on_error != SP_ON_ERROR_ABORT || c->outcome != SP_SUCCESS) return;
  if (sp_reason_is_processed(reason)) return;
  char name[64];
  c->flow->describe(c->plan, unit, name, sizeof name);
  c->outcome =
      SP_RAISE(SP_ERR_INPUT, "%s cannot be processed: %s; on_error is abort", name, sp_reason_name((sp_reason)reason));
}

sp_status sp_units_create(sp_coordinator *c, const sp_coordinator_state *start) {
  const size_t n = (size_t)c->plan->shape.n_units;
  SP_TRY(sp_calloc(n + 1, 1, "the units", &c->state));
  SP_TRY(sp_calloc(n + 1, 1, "the units", &c->taken));
  SP_TRY(sp_calloc(n + 1, 1, "the units", &c->seen));
  for (uint64_t u = 0; u < n; u++) {
    if (!start->done[u]) continue;
    c->state[u] = SP_UNIT_DONE;
    c->taken[u] = 1;
    check_reason(c, u);
  }
  c->n_done = c->n_dealt = start->n_earlier;
  c->done_work = start->earlier_work;
  return sp_quarantine_find(c->run->history_path, c->plan, c->taken, &c->quarantine);
}

void sp_units_free(sp_coordinator *c) {
  sp_quarantine_free(&c->quarantine);
  sp_free(c->state);
  sp_free(c->taken);
  sp_free(c->seen);
}

void sp_units_mark_computed(sp_coordinator *c, uint64_t first_unit, uint32_t n) {
  memset(c->state + first_unit, SP_UNIT_COMPUTED, n);
  c->left -= n;
  c->n_kept += n;
}

/* Whether the input is still the file that the job began with: what was made of another one is never told of. */
static sp_status check_input(const sp_coordinator *c) {
  return sp_file_check_unchanged(c->run->job->input, c->input);
}

sp_status sp_units_mark_done(sp_coordinator *c, uint64_t first_unit, uint32_t n, const sp_task *task) {
  SP_TRY(check_input(c));
  for (uint64_t u = first_unit; u < first_unit + n; u++) {
    c->left -= c->state[u] == SP_UNIT_LEFT;
    c->state[u] = SP_UNIT_DONE;
    c->n_done++;
    c->done_work += c->flow->work(c->plan, u);
    check_reason(c, u);
  }
  sp_deadline_durable(&c->deadline, c->n_done);
  if (c->journal) {
    c->journal_durable = false;
    SP_FAULT_POINT("before_append");
    const sp_chunk *chunks = NULL;
    const size_t n_chunks = task ? sp_chunk_places_find(c->places, task->first_trace, task->n_traces, &chunks) : 0;
    SP_TRY(sp_journal_append(c->journal, first_unit, n, record_at(c, first_unit), chunks, n_chunks));
    SP_FAULT_POINT("after_append");
  }
  sp_inflight_done(c->inflight, first_unit);
  return SP_SUCCESS;
}

void sp_units_add_figures(sp_coordinator *c, uint64_t first_unit, uint32_t n, const void *records) {
  const sp_figure_list *list = c->flow->figures;
  for (uint32_t i = 0; i < n; i++) {
    const uint64_t u = first_unit + i;
    const void *part = sp_figures_at(list, records, i);
    if (c->seen[u]) {
      sp_figures_join(list, record_at(c, u), part);
    } else {
      memcpy(record_at(c, u), part, list->bytes);
    }
    c->seen[u] = 1;
  }
}
