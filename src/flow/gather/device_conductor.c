/* SPDX-License-Identifier: BSD-3-Clause */
/* The conductor: a thread that takes batches from segment to segment where a chain is computed on the device and on the
 * CPU. It sleeps until a batch has come from the device, or the CPU is done with one.
 *
 * Batches keep their order in every segment. A batch begins when its set is free, so that up to SP_BATCH_SETS are under
 * way: while the CPU computes one, the next ones are on the device, arrive or wait, and neither waits for the other as
 * long as it has something to do. Where the CPU has several segments one team computes them all, the last one first.
 * The lock is the team's.
 */
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "src/flow/gather/cpu_engine.h"
#include "src/flow/gather/device_engine.h"
#include "src/flow/gather/measure.h"

/* A device that fails calls nobody: it is looked after as often. */
static const double LOOK_AFTER_S = 0.2;

/* A segment of the CPU. */
typedef struct host_segment {
  size_t n_columns, columns[SP_MAX_CHAIN_HEADERS]; /* of sp_slab.headers, as its steps want them */
  uint64_t n_taken, n_returned;                    /* batches that the CPU took, that went back */
} host_segment;

typedef struct sp_conductor {
  sp_device_engine *engine;
  sp_cpu_crew *crew;
  sp_chain_step *steps;   /* [n_steps] of the chain, as the segments' own chains have them */
  host_segment *segments; /* [n_segments] */
  size_t n_segments;
  sp_batch_note **batches; /* [n_batches], a ring: those that are not queued to their end */
  uint64_t n_batches, n_submitted, n_begun, n_ended;
  pthread_t thread;
  bool started, stop;
  sp_status status; /* of the device */
} sp_conductor;

static sp_batch_note *batch_at(const sp_conductor *c, uint64_t i) {
  return c->batches[i % c->n_batches];
}

/* --- steps of the way; without the lock -------------- */

/* A batch as a slab for the CPU. */
static void fill_slab(const sp_conductor *c, const host_segment *h, sp_batch_note *note) {
  const sp_device_engine *e = c->engine;
  const sp_slab *whole = note->ticket->slab;
  const sp_local start = whole->first_trace[note->first_gather];
  for (size_t k = 0; k < h->n_columns; k++) note->columns[k] = whole->headers[h->columns[k]] + start;
  note->slab = (sp_slab){.n_gathers = note->n_gathers,
                         .n_traces = note->n_traces,
                         .first_trace = (const sp_local *)(note->meta + e->layout.first_trace),
                         .in = note->set->host_in,
                         .headers = note->columns,
                         .set_aside = (const uint32_t *)(note->meta + e->layout.set_aside),
                         .traces = note->set->host_out,
                         .results = note->reasons,
                         .user = note};
}

static void end_batch(sp_conductor *c, sp_batch_note *note) {
  c->n_ended++;
  note->ticket->n_queued++;
  sp_team_notify(c->crew->team);
}

/* Counts what came of queueing; under the lock. */
static void note_queued(sp_conductor *c, sp_batch_note *note, sp_status status, bool ended) {
  if (status != SP_SUCCESS && c->status == SP_SUCCESS) c->status = status;
  if (status == SP_SUCCESS && ended) end_batch(c, note);
  if (status != SP_SUCCESS) sp_team_notify(c->crew->team);
}

/* --- what can be done now; under the lock, which is given up meanwhile -------------- */

/* What the segment's steps removed of a batch joins what is known of its slab. */
static void keep_step_sums(const sp_conductor *c, size_t h, const sp_batch_note *note, const sp_step_sums *steps) {
  const sp_device_engine *e = c->engine;
  const sp_segment *segment = &e->chain->segments[note->segment];
  const size_t measured = sp_measured_steps(&e->config), rows = c->crew->engines[h]->config.max_traces;
  if (measured == 0) return;
  sp_step_sums *to = note->ticket->steps + note->ticket->slab->first_trace[note->first_gather];
  for (size_t k = 0; k < segment->n_steps && segment->first + k < measured; k++) {
    memcpy(to + (segment->first + k) * e->config.max_traces, steps + k * rows, note->n_traces * sizeof *to);
  }
}

/* From the CPU back to the device. */
static bool give_back(sp_conductor *c, size_t h) {
  host_segment *segment = &c->segments[h];
  const sp_step_sums *steps = sp_cpu_oldest_steps(c->crew->engines[h]);
  sp_slab *slab = sp_cpu_remove_done(c->crew->engines[h]);
  bool ended = false;
  if (!slab) return false;
  sp_batch_note *note = slab->user;
  note->on_host = false;
  keep_step_sums(c, h, note, steps);
  sp_team_unlock(c->crew->team);
  const sp_status status = sp_batch_go_on(c->engine, note, &ended);
  sp_team_lock(c->crew->team);
  segment->n_returned++;
  note_queued(c, note, status, ended);
  return true;
}

/* From the device to the CPU: the next batch, once it has been through the segment before and has come. */
static bool pass_on(sp_conductor *c, size_t h) {
  host_segment *segment = &c->segments[h];
  const uint64_t before = h == 0 ? c->n_begun : c->segments[h - 1].n_returned;
  if (segment->n_taken >= before) return false;
  sp_batch_note *note = batch_at(c, segment->n_taken);
  if (!note->on_host) return false;
  fill_slab(c, segment, note);
  segment->n_taken++;
  sp_cpu_submit(c->crew->engines[h], &note->slab, note->set->host_marks);
  return true;
}

static bool begin(sp_conductor *c) {
  bool ended = false;
  if (c->n_begun >= c->n_submitted || c->n_begun >= c->n_ended + SP_BATCH_SETS) return false;
  sp_batch_note *note = batch_at(c, c->n_begun);
  sp_team_unlock(c->crew->team);
  const sp_status status = sp_batch_begin(c->engine, note, &ended);
  sp_team_lock(c->crew->team);
  c->n_begun++;
  note_queued(c, note, status, ended);
  return true;
}

/* The work that is furthest on first. */
static bool go_on(sp_conductor *c) {
  if (c->status != SP_SUCCESS) return false;
  for (size_t h = c->n_segments; h-- > 0;) {
    if (give_back(c, h) || pass_on(c, h)) return true;
  }
  return begin(c);
}

static void look_after_device(sp_conductor *c) {
  bool over;
  if (c->status != SP_SUCCESS || c->n_begun == c->n_ended) return;
  const sp_batch_note *note = batch_at(c, c->n_ended);
  sp_team_unlock(c->crew->team);
  sp_status status = c->engine->device_ops->bind(c->engine->device);
  if (status == SP_SUCCESS) status = c->engine->device_ops->query(note->set->computed, &over);
  sp_team_lock(c->crew->team);
  note_queued(c, NULL, status, false);
}

static void *conduct(void *argument) {
  sp_conductor *c = argument;
  sp_status status = c->engine->device_ops->bind(c->engine->device);
  sp_team_lock(c->crew->team);
  c->status = status;
  while (!c->stop) {
    if (go_on(c)) continue;
    sp_team_wait_for(c->crew->team, LOOK_AFTER_S);
    look_after_device(c);
  }
  sp_team_unlock(c->crew->team);
  return NULL;
}

/* --- from outside -------------- */

void sp_conductor_receive(void *argument) {
  sp_batch_note *note = argument;
  sp_team *team = note->engine->conductor->crew->team;
  sp_team_lock(team);
  note->on_host = true;
  sp_team_notify(team);
  sp_team_unlock(team);
}

void sp_conductor_submit(sp_conductor *c, sp_ticket *ticket) {
  sp_team_lock(c->crew->team);
  for (int i = 0; i < ticket->n_batches; i++) c->batches[c->n_submitted++ % c->n_batches] = &ticket->batches[i];
  sp_team_notify(c->crew->team);
  sp_team_unlock(c->crew->team);
}

sp_status sp_conductor_pass(sp_conductor *c, const sp_ticket *ticket, bool wait, bool *queued) {
  sp_team_lock(c->crew->team);
  while (wait && c->status == SP_SUCCESS && ticket->n_queued < ticket->n_batches) sp_team_wait(c->crew->team);
  *queued = ticket->n_queued == ticket->n_batches;
  const sp_status status = *queued ? SP_SUCCESS : c->status;
  sp_team_unlock(c->crew->team);
  return status;
}

double sp_conductor_busy(const sp_conductor *c) {
  return sp_team_busy_seconds(c->crew->team);
}

void sp_conductor_stop(sp_conductor *c) {
  if (!c->started) return;
  sp_team_lock(c->crew->team);
  c->stop = true;
  sp_team_notify(c->crew->team);
  sp_team_unlock(c->crew->team);
  pthread_join(c->thread, NULL);
  c->started = false;
  sp_cpu_crew_finish(c->crew);
}

void sp_conductor_destroy(sp_conductor *c) {
  if (!c) return;
  sp_cpu_crew_destroy(c->crew);
  sp_free(c->batches);
  sp_free(c->segments);
  sp_free(c->steps);
  sp_free(c);
}

/* --- making -------------- */

static void map_columns(const sp_engine_config *whole, const sp_engine_config *part, host_segment *h) {
  const char *all[SP_MAX_CHAIN_HEADERS], *own[SP_MAX_CHAIN_HEADERS];
  sp_chain_headers(whole->chain, whole->n_steps, all, SP_MAX_CHAIN_HEADERS);
  h->n_columns = sp_chain_headers(part->chain, part->n_steps, own, SP_MAX_CHAIN_HEADERS);
  for (size_t k = 0; k < h->n_columns; k++) {
    size_t i = 0;
    while (!sp_header_is(all[i], own[k])) i++;
    h->columns[k] = i;
  }
}

/* A chain of the segment's steps alone: batches are its slabs, and what it gives is what the last step gives. */
static sp_status configure(const sp_device_engine *e, const sp_segment *segment, sp_chain_step *steps,
                           sp_engine_config *out) {
  *out = e->config;
  out->chain = steps;
  out->n_steps = segment->n_steps;
  for (size_t i = 0; i < segment->n_steps; i++) {
    steps[i] = e->config.chain[segment->first + i];
    if (!steps[i].undoes) continue;
    if (steps[i].undoes <= segment->first) return SP_RAISE(SP_ERR_INTERNAL, "engine: a step is undone from afar");
    steps[i].undoes -= segment->first;
  }
  out->is_part = e->config.n_steps > 1;
  out->mode = SP_MODE_PROCESSED;
  out->on_error = SP_ON_ERROR_PASSTHROUGH;
  out->max_traces = e->chain->max_traces;
  out->max_gathers = e->chain->max_gathers;
  out->n_slabs = SP_BATCH_SETS;
  return SP_SUCCESS;
}

static sp_status create_crew(sp_conductor *c) {
  const sp_device_engine *e = c->engine;
  void *block = NULL;
  size_t h = 0;
  SP_TRY(sp_calloc(e->chain->n_steps, sizeof *c->steps, "segments", &block));
  c->steps = block;
  SP_TRY(sp_calloc(c->n_segments, sizeof(sp_engine_config), "segments", &block));
  sp_engine_config *configs = block;
  sp_status status = SP_SUCCESS;
  for (size_t i = 0; i < e->chain->n_segments && status == SP_SUCCESS; i++) {
    const sp_segment *segment = &e->chain->segments[i];
    if (!segment->on_host) continue;
    status = configure(e, segment, c->steps + segment->first, &configs[h]);
    map_columns(&e->config, &configs[h], &c->segments[h]);
    h++;
  }
  if (status == SP_SUCCESS) status = sp_cpu_crew_create(configs, c->n_segments, true, &c->crew);
  sp_free(configs);
  return status;
}

/* Signals are for the caller's thread. */
static sp_status start(sp_conductor *c) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int error = pthread_create(&c->thread, NULL, conduct, c);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (error) return SP_RAISE(SP_ERR_MEMORY, "engine: cannot start a thread");
  c->started = true;
  pthread_setname_np(c->thread, "sp-conductor");
  return SP_SUCCESS;
}

sp_status sp_conductor_create(sp_device_engine *e, sp_conductor **out) {
  void *block = NULL;
  sp_status status;
  SP_TRY(sp_calloc(1, sizeof(sp_conductor), "the conductor", &block));
  sp_conductor *c = block;
  c->engine = e;
  c->n_segments = e->chain->n_host_segments;
  c->n_batches = (uint64_t)e->config.n_slabs * (uint64_t)e->max_batches;
  SP_TRY_GOTO(fail, sp_calloc(c->n_segments, sizeof *c->segments, "the conductor", &block));
  c->segments = block;
  SP_TRY_GOTO(fail, sp_calloc(c->n_batches, sizeof *c->batches, "the conductor", &block));
  c->batches = block;
  SP_TRY_GOTO(fail, create_crew(c));
  *out = c;
  status = start(c);
  if (status == SP_SUCCESS) return status;
  *out = NULL;
fail:
  sp_conductor_destroy(c);
  return status;
}
