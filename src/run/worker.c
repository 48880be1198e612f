/* SPDX-License-Identifier: BSD-3-Clause */
/* A worker: takes tasks as they are dealt, reads the next one while the one in hand is computed, and reports. What is
 * read and computed is the flow's.
 *
 * Every message is followed by another, so the order of what is done follows from the messages alone and is the same on
 * all workers of a team. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seisproc/backoff.h"
#include "seisproc/clock.h"
#include "seisproc/dist.h"
#include "seisproc/engine.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "src/base/crash.h"
#include "src/base/fault.h"
#include "src/run/history.h"
#include "src/run/messages.h"
#include "src/run/run_context.h"

enum { N_REPORTS = SP_CREDITS + 1, N_DEALS = SP_CREDITS + 4 };

typedef struct worker {
  sp_run_context *run;
  const sp_flow *flow;
  sp_flow_site site;
  sp_collective *reads; /* NULL: this worker reads by itself */
  void *own;            /* the flow's */
  char *deals;          /* [N_DEALS], received and not yet acted on: a ring; each with room for a payload */
  uint64_t n_received, n_taken;
  sp_deal_message *deal; /* the one that is acted on */
  size_t deal_bytes, record_bytes;
  sp_task tasks[2]; /* in hand, by number */
  int in_hand;      /* number of the task that is computed; -1: none */
  sp_outbox *reports;
  uint64_t n_reports;
  double busy_s; /* of the engine, when the last task was done */
} worker;

static sp_status while_waiting(void *run) {
  return sp_pass_stop_on(run);
}

/* What the workers of a group read together. */
static sp_status create_reads(worker *w) {
  sp_run_context *run = w->run;
  const sp_collective_config config = {.comm = run->roles->group.comm,
                                       .most_waiting = run->transfer.adapts ? SP_MOST_WAITING : INFINITY,
                                       .activity = &run->activity,
                                       .idle = while_waiting,
                                       .context = run};
  return run->transfer.reads_together ? sp_collective_create(&config, &w->reads) : SP_SUCCESS;
}

/* How many GPUs the workers of this node compute on. Where each was given its own, none sees those of the others. */
static int count_gpus(const sp_roles *roles) {
  int n_workers = 0;
  for (int r = 0; r < roles->world.size; r++) {
    const sp_member *member = &roles->members[r];
    if (member->role != SP_ROLE_WORKER || member->node != sp_roles_self(roles)->node) continue;
    if (n_workers == 0 && r != roles->world.rank) return 0; /* not the first of its node */
    n_workers++;
  }
  const int visible = sp_gpu_count(NULL, 0);
  return visible < n_workers && !(visible == 1 && getenv("SLURM_PROCID")) ? visible : n_workers;
}

static void note_gpus(const worker *w) {
  sp_run_context *run = w->run;
  if (!run->engine || strcmp(run->engine, "cuda")) return;
  run->gpus = count_gpus(run->roles);
  if (run->gpus) sp_history_add(run->history_path, "gpus %d", run->gpus);
}

static sp_status create(worker *w, sp_run_context *run) {
  const sp_flow_shape *shape = &run->plan.shape;
  *w = (worker){.run = run, .flow = run->plan.flow, .in_hand = -1};
  SP_AGREE(run->roles->peers.comm, create_reads(w));
  w->site = (sp_flow_site){.plan = &run->plan,
                           .roles = run->roles,
                           .part_path = run->part_path,
                           .window = run->window,
                           .n_threads = run->n_threads,
                           .activity = &run->activity,
                           .times = &run->times,
                           .reads = w->reads};
  SP_TRY(w->flow->open(&w->site, &w->own));
  run->buffers += w->site.buffers;
  run->engine = w->site.engine;
  w->deal_bytes = sizeof(sp_deal_message) + shape->payload_bytes;
  w->record_bytes = w->flow->figures->bytes;
  w->deal_bytes = (w->deal_bytes + SP_ALIGNMENT - 1) / SP_ALIGNMENT * SP_ALIGNMENT;
  SP_TRY(sp_calloc(N_DEALS, w->deal_bytes, "deals", &w->deals));
  note_gpus(w);
  return sp_outbox_create(run->roles->world.comm, SP_TAG_REPORT, N_REPORTS,
                          sizeof(sp_report_message) + shape->task_units * w->record_bytes, &w->reports);
}

/* What has computed, as it is at the end. */
static void note_engine(worker *w) {
  w->run->engine = w->site.engine;
  snprintf(w->run->steps, sizeof w->run->steps, "%s", w->site.steps ? w->site.steps : "");
}

static void destroy(worker *w) {
  if (w->own) note_engine(w);
  sp_outbox_destroy(w->reports);
  sp_free(w->deals);
  if (w->own) w->flow->close(w->own);
  if (w->reads) w->run->read_cost = sp_collective_get_cost(w->reads);
  sp_collective_destroy(w->reads);
}

static sp_deal_message *deal_at(const worker *w, uint64_t i) {
  return (sp_deal_message *)(w->deals + i % N_DEALS * w->deal_bytes);
}

/* Takes in what has been sent, so that what will be read soon is known early. */
static sp_status receive_all(worker *w) {
  /* the place of the message that is acted on is not free yet */
  while (w->n_received - w->n_taken < N_DEALS - 1) {
    sp_deal_message *deal = deal_at(w, w->n_received);
    int from;
    SP_TRY(sp_message_poll(w->run->roles->world.comm, 0, SP_TAG_DEAL, deal, w->deal_bytes, &from));
    if (from < 0) break;
    w->n_received++;
    if (deal->kind == SP_DEAL_TASK && w->flow->announce) w->flow->announce(w->own, &deal->task);
  }
  return SP_SUCCESS;
}

/* Waits for the next message. */
static sp_status receive(worker *w) {
  const double start = sp_now();
  sp_backoff backoff = {0};
  sp_activity_set(&w->run->activity, "waits to be dealt a task");
  SP_TRY(receive_all(w));
  while (w->n_received == w->n_taken) {
    SP_TRY(sp_pass_stop_on(w->run));
    sp_backoff_sleep(&backoff);
    SP_TRY(receive_all(w));
  }
  w->deal = deal_at(w, w->n_taken++);
  sp_stage_add(&w->run->times, SP_STAGE_WAIT, sp_now() - start, 0);
  return SP_SUCCESS;
}

/* The buffer of the next report, once it is free. */
static sp_report_message *next_report(worker *w) {
  const size_t i = w->n_reports % N_REPORTS;
  sp_backoff backoff = {0};
  while (!sp_outbox_is_free(w->reports, i)) sp_backoff_sleep(&backoff);
  return sp_outbox_buffer(w->reports, i);
}

static sp_status report(worker *w, sp_report_message message, uint32_t n_records) {
  message.times = w->run->times;
  message.reads_together = w->reads && sp_collective_is_in_force(w->reads);
  if (w->reads && !message.reads_together) {
    const sp_collective_cost cost = sp_collective_get_cost(w->reads);
    message.left_at = cost.left_at;
    message.left_after = (uint32_t)cost.left_after;
  }
  if (w->site.engine) snprintf(message.engine, sizeof message.engine, "%s", w->site.engine);
  *next_report(w) = message;
  return sp_outbox_send(w->reports, w->n_reports++ % N_REPORTS, sizeof message + n_records * w->record_bytes, 0);
}

static sp_status submit(worker *w, int k) {
  const sp_task *task = &w->tasks[k];
  if (task->set_aside == SP_REASON_OK) {
    sp_crash_set((unsigned)k, task->first_unit, task->n_units, task->trial);
    SP_FAULT_POISON(task->first_unit, task->n_units, task->on_cpu ? "cpu" : w->run->engine);
  }
  return w->flow->submit(w->own, k);
}

/* Waits until the task in hand is computed and its slots are handed over, and reports it. */
static sp_status finish(worker *w) {
  const int k = w->in_hand;
  if (k < 0) return SP_SUCCESS;
  const uint32_t n_units = w->tasks[k].n_units;
  uint32_t n_slots = 0;
  SP_FAULT_POINT("in_compute");
  void *records = next_report(w) + 1;
  memset(records, 0, n_units * w->record_bytes);
  SP_TRY(w->flow->finish(w->own, k, &n_slots, records));
  sp_crash_set((unsigned)k, 0, 0, 0);
  w->in_hand = -1;
  /* how fast this worker is does not depend on whom it waited for meanwhile */
  const double before = w->busy_s;
  w->busy_s = w->flow->busy_s(w->own);
  const sp_report_message message = {.task = w->tasks[k].id, .n_slots = n_slots, .compute_s = w->busy_s - before};
  return report(w, message, n_slots ? 0 : n_units);
}

/* The next task is read while the one in hand is computed, and queued behind it; but one that may kill its worker has
 * nothing else beside it. */
static sp_status receive_task(worker *w) {
  const sp_task *task = &w->deal->task;
  const int k = w->in_hand == 0;
  w->tasks[k] = *task;
  if (task->trial) SP_TRY(finish(w));
  SP_TRY(w->flow->read(w->own, k, task, w->deal + 1));
  SP_TRY(submit(w, k));
  if (!task->trial) SP_TRY(finish(w));
  w->in_hand = k;
  return task->trial ? finish(w) : SP_SUCCESS;
}

static sp_status sync(worker *w) {
  sp_activity_set(&w->run->activity, "meets the other workers");
  if (w->flow->sync) SP_TRY(w->flow->sync(w->own, w->deal->task.phase, w->deal->ends != 0));
  return report(w, (sp_report_message){.synced = true}, 0);
}

static sp_status begin(worker *w) {
  sp_activity_set(&w->run->activity, "begins a phase");
  return w->flow->begin ? w->flow->begin(w->own, w->deal->task.phase, w->deal + 1) : SP_SUCCESS;
}

/* Takes part in the read of a round that has no task for this worker. */
static sp_status join_round(worker *w) {
  if (!w->reads || !sp_collective_is_in_force(w->reads)) return SP_SUCCESS;
  return w->flow->read_nothing(w->own);
}

static sp_status run_tasks(worker *w) {
  while (true) {
    SP_TRY(receive(w));
    const sp_deal_kind kind = (sp_deal_kind)w->deal->kind;
    if (kind == SP_DEAL_TASK) SP_TRY(receive_task(w));
    if (kind == SP_DEAL_FINISH && w->deal->round) SP_TRY(join_round(w));
    if (kind == SP_DEAL_TASK) continue;
    SP_TRY(finish(w));
    if (kind == SP_DEAL_END) return SP_SUCCESS;
    if (kind == SP_DEAL_BEGIN) SP_TRY(begin(w));
    if (kind == SP_DEAL_SYNC) SP_TRY(sync(w));
  }
}

sp_status sp_work(sp_run_context *run) {
  worker w;
  sp_status status = create(&w, run);
  status = sp_agree(run->roles->world.comm, status); /* with the other roles: all are ready, or none begins */
  if (status == SP_SUCCESS) {
    const uint64_t allocated = sp_alloc_count();
    status = run_tasks(&w);
    if (status != SP_SUCCESS) sp_run_abort(run, status); /* the others would wait for ever */
    run->busy_s = w.flow->busy_s(w.own);
    sp_debug("steady state: %llu allocations", (unsigned long long)(sp_alloc_count() - allocated));
  }
  destroy(&w);
  return status;
}
