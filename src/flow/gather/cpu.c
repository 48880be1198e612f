/* SPDX-License-Identifier: BSD-3-Clause */
/* The CPU engine: a team of threads that takes slabs through a chain (cpu_schedule.c says who does what when), and the
 * memory that they need. Invariant: slabs leave in the order in which they came. */
#include <string.h>

#include "seisproc/memory.h"
#include "seisproc/share.h"
#include "src/flow/gather/cpu_engine.h"
#include "src/flow/gather/measure.h"

/* --- memory ----------------------------------------------------------------------------------------------------- */

static size_t result_bytes(const sp_cpu_engine *e) {
  return (size_t)sp_unit_result_rows(e->chain) * e->config.n_samples * sizeof(float);
}

static size_t before_bytes(const sp_cpu_engine *e) {
  return (size_t)sp_unit_before_rows(&e->config, e->chain) * e->config.n_samples * sizeof(float);
}

/* Each thread touches first what it will use, and its share of what all use: that is where the memory will be. */
static void touch_memory_of(const sp_cpu_engine *e, int thread) {
  const sp_unit_scratch *scratch = &e->scratch[thread];
  const size_t row_bytes = e->config.n_samples * sizeof(float);
  if (scratch->result) memset(scratch->result, 0, result_bytes(e));
  memset(scratch->difference, 0, row_bytes);
  memset(scratch->spare_row, 0, row_bytes);
  if (scratch->before) memset(scratch->before, 0, before_bytes(e));
  memset(scratch->marks, 0, e->config.max_gather);
  if (!e->between) return;
  const sp_share rows = sp_share_even(e->config.max_traces, e->config.n_threads, thread);
  memset(e->between + rows.first * e->config.n_samples, 0, rows.count * row_bytes);
}

static void touch_memory(void *context, int thread) {
  const sp_cpu_crew *crew = context;
  for (size_t i = 0; i < crew->n_engines; i++) touch_memory_of(crew->engines[i], thread);
}

static void destroy_scratch(sp_cpu_engine *e) {
  for (int i = 0; e->scratch && i < e->config.n_threads; i++) {
    sp_free(e->scratch[i].result);
    sp_free(e->scratch[i].difference);
    sp_free(e->scratch[i].spare_row);
    sp_free(e->scratch[i].before);
    sp_free(e->scratch[i].marks);
    sp_free(e->scratch[i].order);
    sp_free(e->scratch[i].full);
  }
  sp_free(e->scratch);
}

static void destroy_slots(sp_cpu_engine *e) {
  for (int i = 0; e->slots && i < e->config.n_slabs; i++) {
    sp_cpu_slot *s = &e->slots[i];
    sp_free(s->gathers);
    sp_free(s->cursors);
    sp_free(s->traces.marks);
    sp_free(s->traces.places);
    sp_free(s->traces.sums);
    sp_free(s->traces.steps);
    for (size_t k = 0; s->traces.columns && k < e->context.n_headers; k++) sp_free(s->traces.columns[k]);
    sp_free(s->traces.columns);
  }
  sp_free(e->slots);
}

static sp_status create_scratch(sp_cpu_engine *e) {
  const size_t row_bytes = e->config.n_samples * sizeof(float), most = e->config.max_gather;
  SP_TRY(sp_calloc((size_t)e->config.n_threads, sizeof *e->scratch, "engine threads", &e->scratch));
  for (int i = 0; i < e->config.n_threads; i++) {
    sp_unit_scratch *s = &e->scratch[i];
    s->thread = i;
    if (result_bytes(e) > 0) SP_TRY(sp_alloc(result_bytes(e), "an engine thread", &s->result));
    SP_TRY(sp_alloc(row_bytes, "an engine thread", &s->difference));
    SP_TRY(sp_alloc(row_bytes, "an engine thread", &s->spare_row));
    if (before_bytes(e) > 0) SP_TRY(sp_alloc(before_bytes(e), "an engine thread", &s->before));
    SP_TRY(sp_alloc(most, "an engine thread", &s->marks));
    SP_TRY(sp_calloc(most, sizeof *s->order, "an engine thread", &s->order));
    if (e->chain->takes_dead) SP_TRY(sp_alloc(2 * most * row_bytes, "an engine thread", &s->full));
  }
  return SP_SUCCESS;
}

static sp_status create_traces(const sp_cpu_engine *e, sp_traces *t) {
  static const char what[] = "traces of slabs in flight";
  const size_t rows = e->config.max_traces;
  SP_TRY(sp_calloc(rows, 1, what, &t->marks));
  SP_TRY(sp_calloc(rows, sizeof *t->places, what, &t->places));
  const size_t steps = sp_measured_steps(&e->config);
  if (e->config.measure) SP_TRY(sp_calloc(rows, sizeof *t->sums, what, &t->sums));
  if (steps > 0) SP_TRY(sp_calloc(steps * rows, sizeof *t->steps, what, &t->steps));
  SP_TRY(sp_calloc(e->context.n_headers, sizeof *t->columns, what, &t->columns));
  for (size_t k = 0; k < e->context.n_headers; k++) {
    SP_TRY(sp_calloc(rows, sizeof(double), what, &t->columns[k]));
  }
  return SP_SUCCESS;
}

static sp_status create_slots(sp_cpu_engine *e) {
  static const char what[] = "slabs in flight";
  SP_TRY(sp_calloc((size_t)e->config.n_slabs, sizeof(sp_cpu_slot), what, &e->slots));
  for (int i = 0; i < e->config.n_slabs; i++) {
    sp_cpu_slot *s = &e->slots[i];
    SP_TRY(sp_calloc(e->config.max_gathers, sizeof(sp_gather_state), what, &s->gathers));
    SP_TRY(sp_calloc(sp_cpu_passes(e), sizeof(sp_cursor), what, &s->cursors));
    SP_TRY(create_traces(e, &s->traces));
  }
  return SP_SUCCESS;
}

/* --- an engine of a crew ------------------------------------------------------------------------------------------ */

static void destroy_engine(sp_cpu_engine *e) {
  if (!e) return;
  if (e->scratch) destroy_scratch(e);
  if (e->slots) destroy_slots(e);
  sp_free(e->between);
  sp_chain_destroy(e->chain);
  sp_free(e);
}

static sp_status create_engine(const sp_engine_config *config, bool inner, sp_cpu_engine **out) {
  const char *names[SP_MAX_CHAIN_HEADERS];
  sp_cpu_engine *e;
  sp_status status;
  SP_TRY(sp_calloc(1, sizeof *e, "the engine", &e));
  e->config = *config;
  SP_TRY_GOTO(fail, sp_chain_create(config, inner, &e->chain));
  if (e->chain->n_stages > 1) {
    const size_t bytes = (size_t)config->max_traces * config->n_samples * sizeof(float);
    SP_TRY_GOTO(fail, sp_alloc(bytes, "results between stages", &e->between));
  }
  e->context =
      (sp_unit_context){.config = &e->config,
                        .chain = e->chain,
                        .rows = sp_row_ops_select(),
                        .n_headers = sp_chain_headers(config->chain, config->n_steps, names, SP_MAX_CHAIN_HEADERS),
                        .between = e->between};
  SP_TRY_GOTO(fail, create_slots(e));
  SP_TRY_GOTO(fail, create_scratch(e));
  *out = e;
  return SP_SUCCESS;
fail:
  destroy_engine(e);
  return status;
}

void sp_cpu_submit(sp_cpu_engine *e, sp_slab *slab, const uint32_t *marks) {
  sp_cpu_slot *s = sp_cpu_slot_at(e, e->n_slots);
  sp_cpu_slot_fill(e, s, slab, marks);
  sp_cpu_slot_count_done(e, s);
  e->n_slots++;
  sp_team_wake(e->team);
  if (sp_cpu_slot_is_done(s)) sp_team_notify(e->team);
}

const sp_step_sums *sp_cpu_oldest_steps(sp_cpu_engine *e) {
  return sp_cpu_slot_at(e, 0)->traces.steps;
}

sp_slab *sp_cpu_remove_done(sp_cpu_engine *e) {
  if (e->n_slots == 0 || !sp_cpu_slot_is_done(sp_cpu_slot_at(e, 0))) return NULL;
  sp_slab *slab = sp_cpu_slot_at(e, 0)->slab;
  e->oldest = (e->oldest + 1) % e->config.n_slabs;
  e->n_slots--;
  return slab;
}

/* --- a crew ------------------------------------------------------------------------------------------------------- */

void sp_cpu_crew_finish(sp_cpu_crew *crew) {
  sp_team_lock(crew->team);
  for (size_t i = 0; i < crew->n_engines; i++) {
    sp_cpu_engine *e = crew->engines[i];
    while (e->n_slots > 0) {
      if (!sp_cpu_remove_done(e)) sp_team_wait(crew->team);
    }
  }
  sp_team_unlock(crew->team);
}

void sp_cpu_crew_destroy(sp_cpu_crew *crew) {
  if (!crew) return;
  if (crew->team) sp_cpu_crew_finish(crew);
  sp_team_destroy(crew->team);
  for (size_t i = 0; crew->engines && i < crew->n_engines; i++) destroy_engine(crew->engines[i]);
  sp_free(crew->engines);
  sp_free(crew);
}

sp_status sp_cpu_crew_create(const sp_engine_config *configs, size_t n, bool inner, sp_cpu_crew **out) {
  static const sp_team_ops ops = {touch_memory, sp_cpu_claim, sp_cpu_run};
  sp_cpu_crew *crew;
  sp_status status;
  SP_TRY(sp_calloc(1, sizeof *crew, "the engine", &crew));
  SP_TRY_GOTO(fail, sp_calloc(n, sizeof *crew->engines, "the engine", &crew->engines));
  crew->n_engines = n;
  for (size_t i = 0; i < n; i++) SP_TRY_GOTO(fail, create_engine(&configs[i], inner, &crew->engines[i]));
  SP_TRY_GOTO(fail, sp_team_create(configs[0].n_threads, "sp-engine", &ops, crew, &crew->team));
  for (size_t i = 0; i < n; i++) crew->engines[i]->team = crew->team;
  *out = crew;
  return SP_SUCCESS;
fail:
  sp_cpu_crew_destroy(crew);
  return status;
}

/* --- the CPU engine: a crew of one -------------------------------------------------------------------------------- */

typedef struct cpu_engine {
  sp_engine base;
  sp_cpu_crew *crew;
} cpu_engine;

static sp_cpu_crew *crew_of(const sp_engine *base) {
  return ((const cpu_engine *)base)->crew;
}

static void destroy(sp_engine *base) {
  sp_cpu_crew_destroy(crew_of(base));
  sp_free(base);
}

static sp_status create(const sp_engine_config *config, sp_engine **out) {
  cpu_engine *e;
  SP_TRY(sp_calloc(1, sizeof *e, "the engine", &e));
  const sp_status status = sp_cpu_crew_create(config, 1, false, &e->crew);
  if (status == SP_SUCCESS) {
    *out = &e->base;
  } else {
    sp_free(e);
  }
  return status;
}

static sp_status submit(sp_engine *base, sp_slab *slab) {
  const sp_cpu_crew *crew = crew_of(base);
  sp_team_lock(crew->team);
  sp_cpu_submit(crew->engines[0], slab, NULL);
  sp_team_unlock(crew->team);
  return SP_SUCCESS;
}

static sp_status test(sp_engine *base, sp_slab **done) {
  const sp_cpu_crew *crew = crew_of(base);
  sp_team_lock(crew->team);
  *done = sp_cpu_remove_done(crew->engines[0]);
  sp_team_unlock(crew->team);
  return SP_SUCCESS;
}

static sp_status wait(sp_engine *base, sp_slab **done) {
  const sp_cpu_crew *crew = crew_of(base);
  sp_team_lock(crew->team);
  while (!(*done = sp_cpu_remove_done(crew->engines[0]))) sp_team_wait(crew->team);
  sp_team_unlock(crew->team);
  return SP_SUCCESS;
}

static double busy_seconds(const sp_engine *base) {
  return sp_team_busy_seconds(crew_of(base)->team);
}

static size_t finding_bytes(const sp_engine *base) {
  const sp_cpu_engine *e = crew_of(base)->engines[0];
  return e->chain->parts[e->config.n_shared].plan->finding_bytes;
}

extern const sp_engine_ops sp_engine_cpu;
const sp_engine_ops sp_engine_cpu = {.create = create,
                                     .submit = submit,
                                     .test = test,
                                     .wait = wait,
                                     .busy_seconds = busy_seconds,
                                     .destroy = destroy,
                                     .finding_bytes = finding_bytes};
