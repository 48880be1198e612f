/* The CPU engine: a team of threads that sleep while there is nothing to do.
 *
 * A slab passes through its gathers' reordering and then through the stages of the chain. Within a pass any thread
 * takes any unit of any gather; a gather enters a pass when all its units are through the one before. Threads take the
 * unit that is furthest on, of the oldest slab, so that what one stage wrote is read soon, and go on to the next slab
 * while others finish this one. Taking and returning units goes under one lock; a unit is tens of microseconds or more.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/trace_sort.h"
#include "src/flow/gather/engine_ops.h"
#include "src/flow/gather/unit.h"

/* Passes: 0 puts a gather's traces in order, 1 ... n_stages are the chain's stages, n_stages + 1 stands for done. */
enum { PASS_ORDER = 0, PASS_FIRST_STAGE = 1 };

typedef struct gather_state {
  sp_local units_left; /* of this pass */
  sp_local dead;       /* traces all zero */
  sp_failure failure;
  uint32_t pass;
  uint32_t crc_traces, crc_noise;
} gather_state;

/* Where the next unit of a pass is. */
typedef struct cursor {
  sp_local gather, row;
} cursor;

/* A slab in flight. */
typedef struct slot {
  sp_slab *slab;
  gather_state *gathers; /* [max_gathers] */
  cursor *cursors;       /* [n_stages + 1] */
  sp_local n_done;       /* gathers */
  sp_local settled;      /* all gathers before this one are done */
} slot;

typedef struct cpu_engine cpu_engine;

typedef struct worker {
  cpu_engine *engine;
  pthread_t thread;
  sp_unit_scratch scratch;
  float *spare_row;
} worker;

struct cpu_engine {
  sp_engine base;
  sp_engine_config config;
  sp_chain *chain;
  sp_unit_context context;
  float *between;
  worker *workers; /* [n_threads] */
  int n_started;

  pthread_mutex_t lock;
  pthread_cond_t work;     /* units may have become available, or it is time to stop */
  pthread_cond_t finished; /* a slab is done, or a thread is ready */
  bool stop;
  int n_ready; /* threads that touched their memory */
  int n_idle;
  int n_computing;
  double busy, busy_since; /* s */
  slot *slots;             /* [n_slabs], a ring: from `oldest` on, `n_slots` are in flight */
  int oldest, n_slots;
};

/* A unit taken, and whose it is. */
typedef struct job {
  slot *slot;
  uint32_t pass;
  sp_unit unit;
} job;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static slot *slot_at(const cpu_engine *e, int i) {
  return &e->slots[(e->oldest + i) % e->config.n_slabs];
}

static uint32_t pass_done(const cpu_engine *e) {
  return PASS_FIRST_STAGE + (uint32_t)e->chain->n_stages;
}

static sp_local rows_of(const slot *s, sp_local gather) {
  return s->slab->first_trace[gather + 1] - s->slab->first_trace[gather];
}

static sp_local unit_rows(const cpu_engine *e, uint32_t pass, sp_local gather_rows) {
  const sp_local rows = pass == PASS_ORDER ? gather_rows : e->chain->stages[pass - PASS_FIRST_STAGE].unit_rows;
  return rows < gather_rows ? rows : gather_rows;
}

static void enter_pass(const cpu_engine *e, slot *s, sp_local gather, uint32_t pass) {
  gather_state *g = &s->gathers[gather];
  const sp_local rows = rows_of(s, gather), unit = unit_rows(e, pass, rows);
  g->pass = pass;
  g->units_left = (rows + unit - 1) / unit;
}

/* --- taking work; under the lock -------------------------------------------------------------------------------- */

/* Results between stages, and what is kept for a later step, lie where their rows lie in the slab: an older slab must
 * be through with that place. */
static bool place_is_free(const cpu_engine *e, int position, sp_local end_row) {
  for (int i = 0; i < position; i++) {
    const slot *older = slot_at(e, i);
    const sp_local *first_trace = older->slab->first_trace;
    if (older->settled < older->slab->n_gathers && first_trace[older->settled] < end_row) return false;
  }
  return true;
}

static bool stage_needs_place(const cpu_engine *e, size_t stage) {
  return e->chain->stages[stage].keeps || sp_stage_goes_between(e->chain, stage);
}

static bool may_start(const cpu_engine *e, int position, uint32_t pass, sp_local gather) {
  const slot *s = slot_at(e, position);
  if (s->gathers[gather].pass != pass) return false;
  if (pass == PASS_ORDER || !stage_needs_place(e, pass - PASS_FIRST_STAGE)) return true;
  return place_is_free(e, position, s->slab->first_trace[gather + 1]);
}

static void take_unit(const cpu_engine *e, slot *s, uint32_t pass, job *j) {
  cursor *c = &s->cursors[pass];
  const gather_state *g = &s->gathers[c->gather];
  const sp_local rows = rows_of(s, c->gather), size = unit_rows(e, pass, rows), left = rows - c->row;
  j->slot = s;
  j->pass = pass;
  j->unit = (sp_unit){.slab = s->slab,
                      .gather = c->gather,
                      .first = c->row,
                      .count = size < left ? size : left,
                      .stage = pass == PASS_ORDER ? 0 : pass - PASS_FIRST_STAGE,
                      .failure = g->failure,
                      .dead_traces = pass == PASS_FIRST_STAGE || g->dead > 0};
  c->row += j->unit.count;
  if (c->row < rows) return;
  c->row = 0;
  c->gather++;
}

static bool take_from_pass(const cpu_engine *e, int position, uint32_t pass, job *j) {
  slot *s = slot_at(e, position);
  cursor *c = &s->cursors[pass];
  while (c->gather < s->slab->n_gathers && s->gathers[c->gather].pass > pass) c->gather++;
  if (c->gather == s->slab->n_gathers || !may_start(e, position, pass, c->gather)) return false;
  take_unit(e, s, pass, j);
  return true;
}

static bool take(const cpu_engine *e, job *j) {
  for (int position = 0; position < e->n_slots; position++) {
    for (uint32_t pass = pass_done(e); pass-- > 0;) {
      if (take_from_pass(e, position, pass, j)) return true;
    }
  }
  return false;
}

static void wake_idle(cpu_engine *e) {
  if (e->n_idle > 0) pthread_cond_broadcast(&e->work);
}

/* --- computing; without the lock -------------------------------------------------------------------------------- */

static void put_in_order(const cpu_engine *e, const worker *w, const sp_unit *u) {
  const sp_slab *slab = u->slab;
  const sp_local first = slab->first_trace[u->gather];
  const size_t n = e->config.n_samples;
  sp_trace_permute(slab->in + first * n, n * sizeof(float), slab->order + first, u->count, w->spare_row,
                   w->scratch.marks);
}

static void finish_gather(const cpu_engine *e, const job *j, const gather_state *g) {
  sp_gather_result *result = &j->unit.slab->results[j->unit.gather];
  result->crc_traces = g->crc_traces;
  result->crc_noise = g->crc_noise;
  result->reason = sp_failure_reason(g->failure);
  if (g->failure) {
    sp_unit_redo(&e->context, j->unit.slab, j->unit.gather, result);
  } else if (g->dead > 0) {
    result->reason = SP_REASON_DEAD_TRACES;
  }
}

/* --- returning work; under the lock ----------------------------------------------------------------------------- */

static void add_outcome(gather_state *g, const sp_unit_outcome *outcome) {
  g->failure = sp_failure_worst(g->failure, outcome->failure);
  g->dead += outcome->dead;
  g->crc_traces ^= outcome->crc_traces;
  g->crc_noise ^= outcome->crc_noise;
}

static void settle(const cpu_engine *e, slot *s) {
  while (s->settled < s->slab->n_gathers && s->gathers[s->settled].pass == pass_done(e)) s->settled++;
}

static bool slot_is_done(const slot *s) {
  return s->n_done == s->slab->n_gathers;
}

/* The last unit of a gather's pass has returned. */
static void leave_pass(cpu_engine *e, const job *j) {
  gather_state *g = &j->slot->gathers[j->unit.gather];
  if (j->pass == PASS_FIRST_STAGE && g->dead == rows_of(j->slot, j->unit.gather)) {
    g->failure = sp_failure_worst(g->failure, sp_failure_dead(e->chain));
  }
  const uint32_t next = j->pass + 1;
  const bool fails = g->failure && j->pass != PASS_ORDER;
  if (!fails && next != pass_done(e)) {
    enter_pass(e, j->slot, j->unit.gather, next);
    wake_idle(e);
  } else {
    pthread_mutex_unlock(&e->lock);
    finish_gather(e, j, g);
    pthread_mutex_lock(&e->lock);
    g->pass = pass_done(e);
    j->slot->n_done++;
    settle(e, j->slot);
    if (slot_is_done(j->slot)) pthread_cond_signal(&e->finished);
    wake_idle(e); /* its place is free */
  }
}

static void run(cpu_engine *e, const worker *w, const job *j) {
  sp_unit_outcome outcome = {0};
  pthread_mutex_unlock(&e->lock);
  if (j->pass == PASS_ORDER) {
    put_in_order(e, w, &j->unit);
  } else {
    sp_unit_compute(&e->context, &w->scratch, &j->unit, &outcome);
  }
  pthread_mutex_lock(&e->lock);
  gather_state *g = &j->slot->gathers[j->unit.gather];
  add_outcome(g, &outcome);
  if (--g->units_left == 0) leave_pass(e, j);
}

/* --- the team --------------------------------------------------------------------------------------------------- */

static void start_computing(cpu_engine *e) {
  if (e->n_computing++ == 0) e->busy_since = now();
}

static void stop_computing(cpu_engine *e) {
  if (--e->n_computing == 0) e->busy += now() - e->busy_since;
}

static size_t result_bytes(const cpu_engine *e) {
  return (size_t)sp_unit_result_rows(e->chain) * e->config.n_samples * sizeof(float);
}

/* Each thread touches first what it will use, and its share of what all use: that is where the memory will be. */
static void touch_memory(const cpu_engine *e, const worker *w) {
  const size_t row_bytes = e->config.n_samples * sizeof(float);
  if (w->scratch.result) memset(w->scratch.result, 0, result_bytes(e));
  memset(w->scratch.difference, 0, row_bytes);
  memset(w->spare_row, 0, row_bytes);
  memset(w->scratch.marks, 0, e->config.max_gather);
  if (!e->between) return;
  const size_t n = (size_t)e->config.n_threads, i = (size_t)w->scratch.thread, rows = e->config.max_traces;
  const size_t first = rows * i / n, end = rows * (i + 1) / n;
  memset(e->between + first * e->config.n_samples, 0, (end - first) * row_bytes);
}

static void *work(void *argument) {
  const worker *w = argument;
  cpu_engine *e = w->engine;
  touch_memory(e, w);
  pthread_mutex_lock(&e->lock);
  e->n_ready++;
  pthread_cond_signal(&e->finished);
  while (!e->stop) {
    job j;
    if (take(e, &j)) {
      start_computing(e);
      do {
        run(e, w, &j);
      } while (take(e, &j));
      stop_computing(e);
    } else {
      e->n_idle++;
      pthread_cond_wait(&e->work, &e->lock);
      e->n_idle--;
    }
  }
  pthread_mutex_unlock(&e->lock);
  return NULL;
}

/* Signals are for the caller's thread, so the team starts with all of them blocked. */
static sp_status start_threads(cpu_engine *e) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int error = 0;
  for (; e->n_started < e->config.n_threads; e->n_started++) {
    worker *w = &e->workers[e->n_started];
    error = pthread_create(&w->thread, NULL, work, w);
    if (error) break;
    char name[16];
    snprintf(name, sizeof name, "sp-engine-%d", e->n_started);
    pthread_setname_np(w->thread, name);
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (error) {
    return SP_RAISE(SP_ERR_MEMORY, "engine: cannot start thread %d of %d: %s", e->n_started + 1, e->config.n_threads,
                    strerror(error));
  }
  pthread_mutex_lock(&e->lock);
  while (e->n_ready < e->n_started) pthread_cond_wait(&e->finished, &e->lock);
  pthread_mutex_unlock(&e->lock);
  return SP_SUCCESS;
}

static void join_threads(cpu_engine *e) {
  pthread_mutex_lock(&e->lock);
  e->stop = true;
  pthread_cond_broadcast(&e->work);
  pthread_mutex_unlock(&e->lock);
  for (int i = 0; i < e->n_started; i++) pthread_join(e->workers[i].thread, NULL);
}

/* --- engine ----------------------------------------------------------------------------------------------------- */

static void destroy_workers(cpu_engine *e) {
  for (int i = 0; e->workers && i < e->config.n_threads; i++) {
    sp_free(e->workers[i].scratch.result);
    sp_free(e->workers[i].scratch.difference);
    sp_free(e->workers[i].scratch.marks);
    sp_free(e->workers[i].spare_row);
  }
  sp_free(e->workers);
}

static void destroy_slots(cpu_engine *e) {
  for (int i = 0; e->slots && i < e->config.n_slabs; i++) {
    sp_free(e->slots[i].gathers);
    sp_free(e->slots[i].cursors);
  }
  sp_free(e->slots);
}

static void destroy(sp_engine *base) {
  cpu_engine *e = (cpu_engine *)base;
  pthread_mutex_lock(&e->lock);
  while (e->n_slots > 0) {
    while (!slot_is_done(slot_at(e, 0))) pthread_cond_wait(&e->finished, &e->lock);
    e->oldest = (e->oldest + 1) % e->config.n_slabs;
    e->n_slots--;
  }
  pthread_mutex_unlock(&e->lock);
  join_threads(e);
  destroy_workers(e);
  destroy_slots(e);
  sp_free(e->between);
  sp_chain_destroy(e->chain);
  pthread_cond_destroy(&e->finished);
  pthread_cond_destroy(&e->work);
  pthread_mutex_destroy(&e->lock);
  sp_free(e);
}

static sp_status create_worker(cpu_engine *e, int i) {
  worker *w = &e->workers[i];
  const size_t row_bytes = e->config.n_samples * sizeof(float);
  void *block = NULL;
  w->engine = e;
  w->scratch.thread = i;
  if (result_bytes(e) > 0) {
    SP_TRY(sp_alloc(result_bytes(e), "an engine thread", &block));
    w->scratch.result = block;
  }
  SP_TRY(sp_alloc(row_bytes, "an engine thread", &block));
  w->scratch.difference = block;
  SP_TRY(sp_alloc(row_bytes, "an engine thread", &block));
  w->spare_row = block;
  SP_TRY(sp_alloc(e->config.max_gather, "an engine thread", &block));
  w->scratch.marks = block;
  return SP_SUCCESS;
}

static sp_status create_workers(cpu_engine *e) {
  void *block = NULL;
  SP_TRY(sp_calloc((size_t)e->config.n_threads, sizeof(worker), "engine threads", &block));
  e->workers = block;
  for (int i = 0; i < e->config.n_threads; i++) SP_TRY(create_worker(e, i));
  return SP_SUCCESS;
}

static sp_status create_slots(cpu_engine *e) {
  void *block = NULL;
  SP_TRY(sp_calloc((size_t)e->config.n_slabs, sizeof(slot), "slabs in flight", &block));
  e->slots = block;
  for (int i = 0; i < e->config.n_slabs; i++) {
    SP_TRY(sp_calloc(e->config.max_gathers, sizeof(gather_state), "slabs in flight", &block));
    e->slots[i].gathers = block;
    SP_TRY(sp_calloc(e->chain->n_stages + PASS_FIRST_STAGE, sizeof(cursor), "slabs in flight", &block));
    e->slots[i].cursors = block;
  }
  return SP_SUCCESS;
}

static sp_status create_between(cpu_engine *e) {
  if (e->chain->n_stages == 1) return SP_SUCCESS;
  void *block = NULL;
  SP_TRY(
      sp_alloc((size_t)e->config.max_traces * e->config.n_samples * sizeof(float), "results between stages", &block));
  e->between = block;
  return SP_SUCCESS;
}

static sp_status create(const sp_engine_config *config, sp_engine **out) {
  void *block = NULL;
  sp_status status;
  SP_TRY(sp_calloc(1, sizeof(cpu_engine), "the engine", &block));
  cpu_engine *e = block;
  e->config = *config;
  pthread_mutex_init(&e->lock, NULL);
  pthread_cond_init(&e->work, NULL);
  pthread_cond_init(&e->finished, NULL);
  SP_TRY_GOTO(fail, sp_chain_create(config, &e->chain));
  SP_TRY_GOTO(fail, create_between(e));
  e->context =
      (sp_unit_context){.config = &e->config, .chain = e->chain, .rows = sp_row_ops_select(), .between = e->between};
  SP_TRY_GOTO(fail, create_slots(e));
  SP_TRY_GOTO(fail, create_workers(e));
  SP_TRY_GOTO(fail, start_threads(e));
  *out = &e->base;
  return SP_SUCCESS;
fail:
  destroy(&e->base);
  return status;
}

static void fill_slot(const cpu_engine *e, slot *s, sp_slab *slab) {
  s->slab = slab;
  s->n_done = 0;
  s->settled = 0;
  memset(s->cursors, 0, pass_done(e) * sizeof *s->cursors);
  for (sp_local i = 0; i < slab->n_gathers; i++) {
    s->gathers[i] = (gather_state){0};
    if (rows_of(s, i) > 0) {
      if (slab->set_aside) s->gathers[i].failure = sp_failure_set_aside(e->chain, (sp_reason)slab->set_aside[i]);
      enter_pass(e, s, i, slab->order ? PASS_ORDER : PASS_FIRST_STAGE);
    } else {
      slab->results[i] = (sp_gather_result){.reason = SP_REASON_OK};
      s->gathers[i].pass = pass_done(e);
      s->n_done++;
    }
  }
}

static sp_status submit(sp_engine *base, sp_slab *slab) {
  cpu_engine *e = (cpu_engine *)base;
  slot *s = slot_at(e, base->in_flight); /* not in flight: no thread looks at it */
  fill_slot(e, s, slab);
  pthread_mutex_lock(&e->lock);
  settle(e, s);
  e->n_slots++;
  wake_idle(e);
  pthread_mutex_unlock(&e->lock);
  return SP_SUCCESS;
}

static sp_slab *remove_oldest(cpu_engine *e) {
  sp_slab *slab = slot_at(e, 0)->slab;
  e->oldest = (e->oldest + 1) % e->config.n_slabs;
  e->n_slots--;
  return slab;
}

static sp_status test(sp_engine *base, sp_slab **done) {
  cpu_engine *e = (cpu_engine *)base;
  pthread_mutex_lock(&e->lock);
  *done = slot_is_done(slot_at(e, 0)) ? remove_oldest(e) : NULL;
  pthread_mutex_unlock(&e->lock);
  return SP_SUCCESS;
}

static sp_status wait(sp_engine *base, sp_slab **done) {
  cpu_engine *e = (cpu_engine *)base;
  pthread_mutex_lock(&e->lock);
  while (!slot_is_done(slot_at(e, 0))) pthread_cond_wait(&e->finished, &e->lock);
  *done = remove_oldest(e);
  pthread_mutex_unlock(&e->lock);
  return SP_SUCCESS;
}

static double busy_seconds(const sp_engine *base) {
  cpu_engine *e = (cpu_engine *)(uintptr_t)base;
  pthread_mutex_lock(&e->lock);
  const double busy = e->busy + (e->n_computing > 0 ? now() - e->busy_since : 0);
  pthread_mutex_unlock(&e->lock);
  return busy;
}

extern const sp_engine_ops sp_engine_cpu;
const sp_engine_ops sp_engine_cpu = {create, submit, test, wait, busy_seconds, destroy, NULL};
