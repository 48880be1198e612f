/* SPDX-License-Identifier: BSD-3-Clause */
/* The coordinator: receives what is computed and what is on the disk (units.c keeps count), and goes on dealing
 * (dealing.c) as that comes in; shows how far the job is. It touches no sample. */
#include "src/run/coordinator.h"

#include <string.h>

#include "seisproc/backoff.h"
#include "seisproc/clock.h"
#include "seisproc/dist.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/stop.h"
#include "src/base/fault.h"
#include "src/run/history.h"

/* A job that was asked to stop takes so long, and a commit interval, for what is in flight; what is not on the disk by
 * then is given up. */
static const double stop_s = 9;

/* --- making and unmaking --------------------------------------------------------------------------------------- */

static sp_status create_workers(sp_coordinator *c) {
  const sp_roles *roles = c->roles;
  const size_t n = (size_t)roles->n_workers, teams = (size_t)roles->n_teams;
  SP_TRY(sp_calloc(n, sizeof(int), "the workers' ranks", &c->worker_ranks));
  SP_TRY(sp_calloc(teams, sizeof(double), "the workers' speeds", &c->speed));
  SP_TRY(sp_calloc(n, sizeof(sp_stage_times), "the workers' times", &c->times));
  for (int r = 0; r < roles->world.size; r++) {
    if (roles->members[r].role == SP_ROLE_WORKER) c->worker_ranks[roles->members[r].index] = r;
  }
  /* being dealt and computed; and in slots, of which an I/O rank may hold as many again until they are on the disk */
  enum { HELD_BY_AN_IO_RANK = 64 };
  const size_t slots = n * (size_t)c->plan->shape.window.n_slots + HELD_BY_AN_IO_RANK * (size_t)roles->n_io;
  SP_TRY(sp_task_table_create(teams * SP_CREDITS + slots, &c->table));
  return sp_dealing_create(c);
}

static sp_status create_messages(sp_coordinator *c) {
  const sp_flow_shape *shape = &c->plan->shape;
  const size_t record = c->flow->figures->bytes;
  const size_t durable = sp_durable_bytes(shape->window.max_chunks, shape->window.max_units, record);
  const size_t report = sizeof(sp_report_message) + shape->task_units * record;
  c->inbox_bytes = durable > report ? durable : report;
  return sp_alloc(c->inbox_bytes, "messages", &c->inbox);
}

static sp_status create(sp_coordinator *c, sp_run_context *run, sp_coordinator_state *start) {
  *c = (sp_coordinator){.run = run,
                        .roles = run->roles,
                        .plan = &run->plan,
                        .input = &start->plan.header.input,
                        .flow = run->plan.flow,
                        .journal = start->journal,
                        .journal_durable = true,
                        .inflight = start->inflight,
                        .places = start->places,
                        .figures = start->figures};
  SP_TRY(sp_units_create(c, start));
  SP_TRY(create_workers(c));
  return create_messages(c);
}

static void destroy(sp_coordinator *c) {
  sp_dealing_destroy(c);
  sp_task_table_destroy(c->table);
  sp_units_free(c);
  sp_free(c->worker_ranks);
  sp_free(c->speed);
  sp_free(c->times);
  sp_free(c->inbox);
}

/* --- what comes back ------------------------------------------------------------------------------------------- */

/* Units came twice, and not the same (a disk that could be read the second time, a device that failed): which of the
 * two are on the disk is not known, so they are computed again, now that nobody else does. */
static void recompute(sp_coordinator *c, sp_flight *flight) {
  const uint64_t first = flight->task.first_unit, n = flight->task.n_units;
  const sp_repeat again = {.units = {first, flight->task.n_units}, .not_to = -1};
  sp_warn("%ss %llu to %llu came twice, and not the same: they are computed again", c->plan->shape.unit,
          (unsigned long long)first, (unsigned long long)(first + n) - 1);
  flight->is_void = true;
  if (c->state[first] == SP_UNIT_DONE) {
    for (uint64_t u = first; u < first + n; u++) {
      c->state[u] = SP_UNIT_LEFT;
      c->seen[u] = 0;
      c->done_work -= c->flow->work(c->plan, u);
    }
    c->left += n;
    c->n_done -= n;
  }
  sp_late_repeat(c, &again);
}

/* Figures of units have come, as a task brings them. */
static void add_figures(sp_coordinator *c, sp_flight *flight, uint64_t first_unit, uint32_t n, const void *records) {
  const sp_figure_list *list = c->flow->figures;
  if (!c->flow->repeats || !c->seen[first_unit]) {
    sp_units_add_figures(c, first_unit, n, records);
  } else if (memcmp(sp_figures_at(list, c->figures, first_unit), records, n * list->bytes)) {
    recompute(c, flight);
  }
}

/* A task of which everything has come back. Without slots its workers keep it. */
static sp_status end_task(sp_coordinator *c, sp_flight *flight) {
  const sp_task task = flight->task;
  const bool kept = flight->slots == 0, is_void = flight->is_void;
  sp_late_note_duration(c, sp_now() - flight->dealt_at);
  sp_task_table_remove(c->table, flight);
  if (is_void || c->state[task.first_unit] == SP_UNIT_DONE) return SP_SUCCESS; /* another one was faster */
  if (!kept) return sp_units_mark_done(c, task.first_unit, task.n_units, &task);
  sp_units_mark_computed(c, task.first_unit, task.n_units);
  return SP_SUCCESS;
}

static sp_status receive_report(sp_coordinator *c, int from) {
  const sp_report_message *report = c->inbox;
  c->times[c->roles->members[from].index] = report->times;
  if (report->synced) return --c->syncs_due ? SP_SUCCESS : sp_dealing_synced(c);
  sp_flight *flight = sp_task_table_find(c->table, report->task);
  if (!flight) return SP_RAISE(SP_ERR_INTERNAL, "rank %d reports a task that it was not dealt", from);
  const int team = flight->team;
  flight->slots += report->n_slots;
  if (!report->n_slots) add_figures(c, flight, flight->task.first_unit, flight->task.n_units, report + 1);
  if (report->compute_s > 0) {
    /* the mean of now and before: one disturbed task does not upset the deal */
    const double speed = (double)flight->task.work / report->compute_s;
    c->speed[team] = c->speed[team] > 0 ? 0.5 * (c->speed[team] + speed) : speed;
  }
  memcpy(c->teams[team].engine, report->engine, sizeof report->engine);
  if (!report->reads_together) sp_dealing_part(c, team, report);
  if (--flight->reports_due == 0) c->teams[team].in_hand--;
  sp_dealing_queue(c, team);
  return sp_flight_is_done(flight) ? end_task(c, flight) : SP_SUCCESS;
}

static sp_status receive_durable(sp_coordinator *c, int from) {
  const sp_durable_message *message = c->inbox;
  sp_flight *flight = sp_task_table_find(c->table, message->task);
  if (!flight) return SP_RAISE(SP_ERR_INTERNAL, "rank %d has written a task that was not dealt", from);
  const sp_chunk *chunks = (const sp_chunk *)(message + 1);
  /* of units that come twice the first chunks count, as their figures do */
  if (message->n_chunks && !c->seen[message->first_unit]) {
    SP_TRY(sp_chunk_places_add(c->places, chunks, message->n_chunks));
  }
  add_figures(c, flight, message->first_unit, message->n_units, chunks + message->n_chunks);
  flight->durable++;
  return sp_flight_is_done(flight) ? end_task(c, flight) : SP_SUCCESS;
}

/* What has come, up to so many of each kind: dealing goes on in between. */
static sp_status receive(sp_coordinator *c, bool *any) {
  enum { AT_ONCE = 64 };
  *any = false;
  for (int n = 0, from = 0; n < AT_ONCE && from >= 0; n++) {
    SP_TRY(sp_message_poll(c->roles->world.comm, MPI_ANY_SOURCE, SP_TAG_REPORT, c->inbox, c->inbox_bytes, &from));
    if (from >= 0) SP_TRY(receive_report(c, from));
    *any |= from >= 0;
  }
  for (int n = 0, from = 0; n < AT_ONCE && from >= 0; n++) {
    SP_TRY(sp_message_poll(c->roles->world.comm, MPI_ANY_SOURCE, SP_TAG_DURABLE, c->inbox, c->inbox_bytes, &from));
    if (from >= 0) SP_TRY(receive_durable(c, from));
    *any |= from >= 0;
  }
  return SP_SUCCESS;
}

/* Which stage the workers have spent most of their time waiting for. */
static const char *bottleneck(const sp_coordinator *c) {
  static const sp_stage stages[] = {SP_STAGE_READ, SP_STAGE_COMPUTE, SP_STAGE_SLOT};
  static const char *const names[] = {"read", "compute", "write"};
  double most = 0;
  const char *name = "the first slab";
  for (int i = 0; i < 3; i++) {
    double sum = 0;
    for (int w = 0; w < c->roles->n_workers; w++) sum += c->times[w].seconds[stages[i]];
    if (sum <= most) continue;
    most = sum;
    name = names[i];
  }
  return name;
}

/* --- stopping -------------------------------------------------------------------------------------------------- */

/* A rank that ends the job has the launcher send signals to the others: those ask for nothing. */
static bool is_ending(const sp_coordinator *c) {
  sp_last_run run;
  sp_history_last(c->run->history_path, 0, &run);
  return run.end != SP_END_NONE;
}

static void stop(sp_coordinator *c) {
  c->outcome = SP_STOPPED;
  c->stopped_at = sp_now();
}

/* A stop that was asked for here, or that another rank was asked for and passed on; or one since time is up. */
static sp_status look_for_stop(sp_coordinator *c) {
  int from, signal = sp_stop_signal();
  if (!signal)
    SP_TRY(sp_message_poll(c->roles->world.comm, MPI_ANY_SOURCE, SP_TAG_STOP, &signal, sizeof signal, &from));
  if (c->outcome != SP_SUCCESS) return SP_SUCCESS;
  if (signal) {
    if (!is_ending(c)) {
      sp_history_add(c->run->history_path, "asked %d", signal);
      sp_info("asked to stop (signal %d): what is in flight is finished; the same command goes on", signal);
    }
    stop(c);
  } else if (c->step != SP_STEP_ENDED && c->undealt && sp_deadline_is_near(&c->deadline)) {
    sp_info("time is nearly up: what is in flight is finished; the same command goes on");
    stop(c);
  }
  return SP_SUCCESS;
}

/* A stop is not to take for ever, whatever the disk and the engines do. */
static void give_up_in_time(const sp_coordinator *c) {
  if (c->outcome != SP_STOPPED) return;
  const double seconds = sp_now() - c->stopped_at;
  if (seconds < stop_s + c->run->job->settings.commit_interval) return;
  sp_info("%llu %ss are not on the disk %.0f s after the stop was asked for, and are given up",
          (unsigned long long)(c->n_dealt - c->n_done), c->plan->shape.unit, seconds);
  sp_run_abort(c->run, SP_STOPPED);
}

/* --- all of it ------------------------------------------------------------------------------------------------- */

/* Now and then, a line in the history: what was done by when, for whoever looks at the run later. */
static void note_tick(sp_coordinator *c) {
  const double now = sp_now() - c->run->started_at, interval = now < 6 * 3600 ? 10 : 60;
  if (now - c->ticked_at < interval) return;
  c->ticked_at = now;
  sp_history_add(c->run->history_path, "tick %.0f %llu %.0f %s", now, (unsigned long long)c->n_done,
                 c->plan->shape.work_bytes * (double)(c->done_work - c->first_work), bottleneck(c));
}

static sp_status run_tasks(sp_coordinator *c) {
  sp_backoff backoff = {0};
  SP_TRY(sp_dealing_begin_phase(c, 0));
  while (c->step != SP_STEP_ENDED || !c->journal_durable) {
    bool any;
    SP_TRY(look_for_stop(c));
    give_up_in_time(c);
    SP_TRY(sp_dealing_go_on(c));
    SP_TRY(receive(c, &any));
    if (c->journal) SP_TRY(sp_journal_poll(c->journal, &c->journal_durable));
    if (any) sp_activity_step(&c->run->activity);
    sp_progress_note(&c->progress, c->done_work);
    if (sp_meter_is_due(&c->progress.meter)) sp_progress_show(&c->progress, c->n_done, c->done_work, bottleneck(c));
    note_tick(c);
    if (any) {
      sp_backoff_reset(&backoff);
    } else {
      sp_inflight_flush(c->inflight);
      sp_backoff_sleep(&backoff);
    }
  }
  return sp_dealing_end(c);
}

sp_status sp_coordinate(sp_run_context *run, sp_coordinator_state *start) {
  sp_coordinator c;
  sp_status status = create(&c, run, start);
  status = sp_agree(run->roles->world.comm, status);
  if (status == SP_SUCCESS) {
    c.first_work = c.done_work;
    sp_progress_start(&c.progress, run->options->quiet, &run->plan.shape, c.done_work);
    sp_deadline_start(&c.deadline, run->job->settings.max_time);
    sp_activity_set(&run->activity, "waits for what is in flight");
    status = run_tasks(&c);
    sp_progress_end(&c.progress, c.n_done, c.done_work);
    if (status != SP_SUCCESS) sp_run_abort(run, status); /* the others would wait for ever */
    /* a stop that came when all was done is none; an abort stands */
    if (c.outcome != SP_STOPPED || c.n_done < run->plan.shape.n_units) status = c.outcome;
  }
  start->n_done = c.n_done;
  for (uint64_t u = 0; c.state && u < run->plan.shape.n_units; u++) start->done[u] = c.state[u] == SP_UNIT_DONE;
  destroy(&c);
  return status;
}
