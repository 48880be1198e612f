/* SPDX-License-Identifier: BSD-3-Clause */
/* Who takes which unit of which slab when.
 *
 * A slab passes through its gathers' reordering and then through the stages of the chain; before the first stage that
 * gets live traces only, its traces are marked. Within a pass any thread takes any unit of any gather; a gather enters
 * a pass when all its units are through the one before. Threads take the unit that is furthest on, of the oldest slab,
 * so that what one stage wrote is read soon, and go on to the next slab while others finish this one. Taking and
 * returning units goes under one lock; a unit is tens of microseconds or more.
 *
 * Invariant: the pass of a gather never goes back, and a cursor of a pass never passes a gather that is yet to come to
 * it.
 */
#include <assert.h>
#include <string.h>

#include "seisproc/trace_sort.h"
#include "src/flow/gather/cpu_engine.h"
#include "src/flow/gather/live.h"
#include "src/flow/gather/measure.h"

/* Passes: 0 puts a gather's traces in order, then come the stages, with one that marks traces before stage n_prefix
 * unless the chain goes by trace; the last number stands for done. */
enum { PASS_ORDER = 0, MARK_BYTES = 1 << 20 };

/* A unit taken, and whose it is. */
typedef struct job {
  sp_cpu_engine *engine;
  sp_cpu_slot *slot;
  uint32_t pass;
  sp_unit unit;
} job;

static_assert(sizeof(job) <= SP_TEAM_UNIT_BYTES, "a unit of work is larger than the team has room for");

/* --- passes ----------------------------------------------------------------------------------------------------- */

uint32_t sp_cpu_passes(const sp_cpu_engine *e) {
  return 1 + (uint32_t)e->chain->n_stages + e->chain->marks;
}

static bool is_mark_pass(const sp_cpu_engine *e, uint32_t pass) {
  return e->chain->marks && pass == 1 + e->chain->n_prefix;
}

static bool is_stage(const sp_cpu_engine *e, uint32_t pass) {
  return pass != PASS_ORDER && !is_mark_pass(e, pass);
}

/* The stage that a pass is; of the pass that marks, the one that comes next. */
static size_t stage_of(const sp_cpu_engine *e, uint32_t pass) {
  if (pass == PASS_ORDER) return 0;
  return pass - 1 - (e->chain->marks && pass > 1 + e->chain->n_prefix);
}

sp_cpu_slot *sp_cpu_slot_at(const sp_cpu_engine *e, int i) {
  return &e->slots[(e->oldest + i) % e->config.n_slabs];
}

static sp_local gather_traces(const sp_cpu_slot *s, sp_local gather) {
  return s->slab->first_trace[gather + 1] - s->slab->first_trace[gather];
}

static sp_local unit_rows(const sp_cpu_engine *e, uint32_t pass, sp_local gather_rows) {
  const size_t row_bytes = e->config.n_samples * sizeof(float);
  sp_local rows = gather_rows;
  if (is_mark_pass(e, pass)) rows = (sp_local)(MARK_BYTES / row_bytes + 1);
  if (is_stage(e, pass)) rows = e->chain->stages[stage_of(e, pass)].unit_rows;
  return rows < gather_rows ? rows : gather_rows;
}

static void enter_pass(const sp_cpu_engine *e, sp_cpu_slot *s, sp_local gather, uint32_t pass) {
  sp_gather_state *g = &s->gathers[gather];
  const sp_local unit = unit_rows(e, pass, g->n_rows);
  g->pass = pass;
  g->units_left = (g->n_rows + unit - 1) / unit;
}

/* --- taking work; under the lock -------------------------------------------------------------------------------- */

/* Results between stages, and what is kept for a later step, lie where their rows lie in the slab: an older slab must
 * be through with that place. */
static bool place_is_free(const sp_cpu_engine *e, int position, sp_local end_row) {
  for (int i = 0; i < position; i++) {
    const sp_cpu_slot *older = sp_cpu_slot_at(e, i);
    const sp_local *first_trace = older->slab->first_trace;
    if (older->done_before < older->slab->n_gathers && first_trace[older->done_before] < end_row) return false;
  }
  return true;
}

static bool needs_place(const sp_cpu_engine *e, uint32_t pass) {
  if (!is_stage(e, pass)) return false;
  const size_t stage = stage_of(e, pass);
  return e->chain->stages[stage].keeps || sp_stage_goes_between(e->chain, stage);
}

static bool may_start(const sp_cpu_engine *e, int position, uint32_t pass, sp_local gather) {
  const sp_cpu_slot *s = sp_cpu_slot_at(e, position);
  if (s->gathers[gather].pass != pass) return false;
  return !needs_place(e, pass) || place_is_free(e, position, s->slab->first_trace[gather + 1]);
}

static sp_unit unit_of(const sp_cpu_engine *e, const sp_cpu_slot *s, sp_local gather, uint32_t pass) {
  const sp_gather_state *g = &s->gathers[gather];
  return (sp_unit){.slab = s->slab,
                   .traces = &s->traces,
                   .gather = gather,
                   .n_rows = g->n_rows,
                   .count = g->n_rows,
                   .stage = stage_of(e, pass),
                   .failure = g->failure,
                   .arranged = g->arranged,
                   .known = g->known};
}

static void claim_unit(const sp_cpu_engine *e, sp_cpu_slot *s, uint32_t pass, job *j) {
  sp_cursor *c = &s->cursors[pass];
  const sp_local rows = s->gathers[c->gather].n_rows, size = unit_rows(e, pass, rows), left = rows - c->row;
  *j = (job){.engine = (sp_cpu_engine *)(uintptr_t)e, .slot = s, .pass = pass, .unit = unit_of(e, s, c->gather, pass)};
  j->unit.first = c->row;
  j->unit.count = size < left ? size : left;
  c->row += j->unit.count;
  if (c->row < rows) return;
  c->row = 0;
  c->gather++;
}

static bool claim_from_pass(const sp_cpu_engine *e, int position, uint32_t pass, job *j) {
  sp_cpu_slot *s = sp_cpu_slot_at(e, position);
  sp_cursor *c = &s->cursors[pass];
  while (c->gather < s->slab->n_gathers && s->gathers[c->gather].pass > pass) c->gather++;
  if (c->gather == s->slab->n_gathers || !may_start(e, position, pass, c->gather)) return false;
  claim_unit(e, s, pass, j);
  return true;
}

static bool claim_from_engine(const sp_cpu_engine *e, job *j) {
  for (int position = 0; position < e->n_slots; position++) {
    for (uint32_t pass = sp_cpu_passes(e); pass-- > 0;) {
      if (claim_from_pass(e, position, pass, j)) return true;
    }
  }
  return false;
}

bool sp_cpu_claim(void *context, void *unit) {
  const sp_cpu_crew *crew = context;
  for (size_t i = crew->n_engines; i-- > 0;) {
    if (claim_from_engine(crew->engines[i], unit)) return true;
  }
  return false;
}

/* --- computing; without the lock -------------------------------------------------------------------------------- */

/* Sorts a gather's traces, and puts those that are not to be processed last. */
static void put_in_order(const sp_cpu_engine *e, const sp_unit_scratch *scratch, const sp_unit *u,
                         sp_unit_outcome *outcome) {
  const sp_slab *slab = u->slab;
  const sp_local first = slab->first_trace[u->gather];
  const size_t n = e->config.n_samples;
  if (slab->order) {
    sp_trace_permute(slab->in + first * n, n * sizeof(float), slab->order + first, u->count, scratch->spare_row,
                     scratch->marks);
  }
  if (slab->skip) sp_live_mark_skipped(&e->context, u, outcome);
}

static void compute(const sp_cpu_engine *e, const sp_unit_scratch *scratch, const job *j, sp_unit_outcome *outcome) {
  if (j->pass == PASS_ORDER) {
    put_in_order(e, scratch, &j->unit, outcome);
  } else if (is_mark_pass(e, j->pass)) {
    sp_live_mark(&e->context, &j->unit, outcome);
  } else {
    sp_unit_compute(&e->context, scratch, &j->unit, outcome);
  }
}

/* Once all rows of a gather are marked: the live ones come first. */
static void arrange(const sp_cpu_engine *e, const sp_unit_scratch *scratch, const job *j, sp_gather_state *g) {
  const sp_unit all = unit_of(e, j->slot, j->unit.gather, j->pass);
  const sp_local n_live = sp_live_arrange(&e->context, scratch, &all);
  g->arranged = g->arranged || n_live < g->n_rows;
  g->n_rows = n_live;
}

/* What is to be said of the shared steps of a gather: where it failed, what they left may be half of it. */
static unsigned char known_after(const sp_cpu_engine *e, const sp_gather_state *g) {
  const unsigned char form = sp_chain_form(e->chain);
  return g->known ? form | SP_SHARED_TAKEN : g->failure ? 0 : form;
}

static void finish_gather(const sp_cpu_engine *e, const sp_unit_scratch *scratch, const job *j, sp_gather_state *g) {
  sp_gather_result *result = &j->unit.slab->results[j->unit.gather];
  const sp_unit all = unit_of(e, j->slot, j->unit.gather, j->pass);
  sp_unit_outcome rest = {.crc_traces = g->crc_traces, .crc_noise = g->crc_noise};
  if (g->failure) {
    sp_unit_write_failed(&e->context, &all, &rest);
  } else if (g->arranged) {
    sp_unit_give_rest(&e->context, scratch, &all, &rest);
  }
  if (all.slab->shared) all.slab->shared->known[all.gather] = known_after(e, g);
  *result = (sp_gather_result){
      .reason = sp_gather_reason(g->failure, g->counts), .crc_traces = rest.crc_traces, .crc_noise = rest.crc_noise};
  if (!e->config.measure) return;
  sp_measure_gather(j->unit.slab, j->unit.gather, e->config.n_samples, !g->failure, j->slot->traces.sums);
  if (!g->failure) {
    sp_measure_steps(&e->config, j->unit.slab, j->unit.gather, j->slot->traces.sums, j->slot->traces.steps);
  }
}

/* --- returning work; under the lock ----------------------------------------------------------------------------- */

static void add_outcome(sp_gather_state *g, const sp_unit_outcome *outcome) {
  g->failure = sp_failure_worst(g->failure, outcome->failure);
  g->counts.live += outcome->counts.live;
  g->counts.dead += outcome->counts.dead;
  g->counts.bad += outcome->counts.bad;
  g->crc_traces ^= outcome->crc_traces;
  g->crc_noise ^= outcome->crc_noise;
}

void sp_cpu_slot_count_done(const sp_cpu_engine *e, sp_cpu_slot *s) {
  while (s->done_before < s->slab->n_gathers && s->gathers[s->done_before].pass == sp_cpu_passes(e)) s->done_before++;
}

bool sp_cpu_slot_is_done(const sp_cpu_slot *s) {
  return s->n_done == s->slab->n_gathers;
}

/* Whether this pass tells which traces of a gather are live. */
static bool marks_traces(const sp_cpu_engine *e, uint32_t pass) {
  return e->chain->by_trace ? pass == 1 : is_mark_pass(e, pass);
}

static void end_gather(sp_cpu_engine *e, const sp_unit_scratch *scratch, const job *j, sp_gather_state *g) {
  sp_team_unlock(e->team);
  finish_gather(e, scratch, j, g);
  sp_team_lock(e->team);
  g->pass = sp_cpu_passes(e);
  j->slot->n_done++;
  sp_cpu_slot_count_done(e, j->slot);
  if (sp_cpu_slot_is_done(j->slot)) sp_team_notify(e->team);
  sp_team_wake(e->team); /* its place is free */
}

/* A step that edits has refused a gather: whether its input is at fault, which counts more, is yet to be told. */
static bool awaits_marks(const sp_cpu_engine *e, uint32_t pass, const sp_gather_state *g) {
  const bool edits = e->chain->marks && pass != PASS_ORDER && pass <= e->chain->n_prefix;
  return edits && g->failure < sp_failure_at((uint32_t)e->chain->n_steps + 2, 1);
}

/* The last unit of a gather's pass has returned. */
static void leave_pass(sp_cpu_engine *e, const sp_unit_scratch *scratch, const job *j) {
  sp_gather_state *g = &j->slot->gathers[j->unit.gather];
  const bool marks = marks_traces(e, j->pass), skips = j->pass == PASS_ORDER && (j->unit.slab->skip || e->chain->inner);
  if (marks) {
    g->failure =
        sp_failure_worst(g->failure, sp_failure_of_input((uint32_t)e->chain->n_steps, e->config.nan, g->counts));
  }
  if (!g->failure && (skips || (marks && e->chain->marks))) {
    sp_team_unlock(e->team);
    arrange(e, scratch, j, g);
    sp_team_lock(e->team);
  }
  const uint32_t next = j->pass + 1;
  if ((g->failure && !awaits_marks(e, j->pass, g)) || g->n_rows == 0 || next == sp_cpu_passes(e)) {
    if (!marks && g->n_rows == 0 && !g->failure) { /* none is left to be marked */
      g->failure = sp_failure_of_input((uint32_t)e->chain->n_steps, e->config.nan, g->counts);
    }
    end_gather(e, scratch, j, g);
  } else {
    enter_pass(e, j->slot, j->unit.gather, next);
    sp_team_wake(e->team);
  }
}

void sp_cpu_run(void *context, int thread, const void *unit) {
  const job *j = unit;
  sp_cpu_engine *e = j->engine;
  const sp_unit_scratch *scratch = &e->scratch[thread];
  sp_unit_outcome outcome = {0};
  sp_team_unlock(e->team);
  compute(e, scratch, j, &outcome);
  sp_team_lock(e->team);
  sp_gather_state *g = &j->slot->gathers[j->unit.gather];
  add_outcome(g, &outcome);
  if (--g->units_left == 0) leave_pass(e, scratch, j);
}

/* Whether some traces of a gather stay out. */
static bool leaves_any_out(const sp_cpu_engine *e, const sp_cpu_slot *s, sp_local gather) {
  const sp_slab *slab = s->slab;
  if (!slab->skip && !e->chain->inner) return false;
  for (sp_local i = slab->first_trace[gather]; i < slab->first_trace[gather + 1]; i++) {
    if (e->chain->inner ? !sp_mark_is_live(s->traces.marks[i]) : slab->skip[i]) return true;
  }
  return false;
}

void sp_cpu_slot_fill(const sp_cpu_engine *e, sp_cpu_slot *s, sp_slab *slab, const uint32_t *marks) {
  for (sp_local t = 0; marks && t < slab->n_traces; t++) s->traces.marks[t] = (unsigned char)marks[t];
  s->slab = slab;
  s->n_done = 0;
  s->done_before = 0;
  memset(s->cursors, 0, sp_cpu_passes(e) * sizeof *s->cursors);
  for (sp_local i = 0; i < slab->n_gathers; i++) {
    sp_gather_state *g = &s->gathers[i];
    const sp_local n_traces = gather_traces(s, i);
    *g = (sp_gather_state){.n_rows = n_traces, .counts.traces = n_traces};
    g->known = slab->shared && (slab->shared->known[i] & ~SP_SHARED_TAKEN) == sp_chain_form(e->chain);
    if (s->traces.sums) memset(s->traces.sums + slab->first_trace[i], 0, n_traces * sizeof *s->traces.sums);
    for (size_t k = 0; k < sp_measured_steps(&e->config); k++) {
      memset(s->traces.steps + k * e->config.max_traces + slab->first_trace[i], 0, n_traces * sizeof *s->traces.steps);
    }
    if (n_traces > 0) {
      const uint32_t aside = slab->set_aside ? slab->set_aside[i] : SP_REASON_OK;
      g->failure = sp_failure_set_aside((uint32_t)e->chain->n_steps, aside);
      enter_pass(e, s, i, slab->order || leaves_any_out(e, s, i) ? PASS_ORDER : PASS_ORDER + 1);
    } else {
      slab->results[i] = (sp_gather_result){.reason = SP_REASON_OK};
      g->pass = sp_cpu_passes(e);
      s->n_done++;
    }
  }
}
