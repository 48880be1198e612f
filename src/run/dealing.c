/* SPDX-License-Identifier: BSD-3-Clause */
/* What the coordinator sends: tasks, rounds of them, phases and the end.
 *
 * Invariant: a task that was sent to a team is followed by another message before the coordinator waits for it, since a
 * worker finishes a task when the next message comes. Dealing never waits for a buffer: whoever is slow to receive may
 * itself be waiting to be heard. */
#include <math.h>
#include <string.h>

#include "seisproc/backoff.h"
#include "seisproc/clock.h"
#include "seisproc/dist.h"
#include "seisproc/log.h"
#include "src/base/fault.h"
#include "src/run/coordinator.h"

/* --- messages -------------------------------------------------------------------------------------------------- */

static size_t next_buffer(const sp_coordinator *c, int rank) {
  return (size_t)rank * SP_DEAL_BUFFERS + c->next_deal[rank];
}

static bool can_send(const sp_coordinator *c, int rank) {
  return sp_outbox_is_free(c->deals, next_buffer(c, rank));
}

static sp_status send(sp_coordinator *c, int rank, size_t bytes) {
  const size_t i = next_buffer(c, rank);
  c->next_deal[rank] = (uint8_t)((c->next_deal[rank] + 1) % SP_DEAL_BUFFERS);
  return sp_outbox_send(c->deals, i, bytes, rank);
}

/* Whether the next n of the large buffers are free. They are used in turn: one whose receiver is slow holds up large
 * messages, until there is room again, but no small ones. */
static bool has_large(const sp_coordinator *c, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (!sp_outbox_is_free(c->large, (c->next_large + i) % c->n_large)) return false;
  }
  return true;
}

static sp_status send_deal(sp_coordinator *c, int worker, sp_deal_message message) {
  const int rank = c->worker_ranks[worker];
  const size_t bytes = sizeof message + message.task.payload_bytes;
  const bool large = bytes > SP_SMALL_DEAL;
  const size_t i = large ? c->next_large : next_buffer(c, rank);
  sp_outbox *box = large ? c->large : c->deals;
  sp_deal_message *buffer = sp_outbox_buffer(box, i);
  *buffer = message;
  memcpy(buffer + 1, c->payload, message.task.payload_bytes);
  if (!large) return send(c, rank, bytes);
  c->next_large = (c->next_large + 1) % c->n_large;
  return sp_outbox_send(box, i, bytes, rank);
}

/* Workers of a team: from ... *end - 1. */
static int first_worker(const sp_coordinator *c, int team, int *end) {
  const int size = c->roles->team_size;
  *end = team == c->roles->n_teams - 1 ? c->roles->n_workers : (team + 1) * size;
  return team * size;
}

static bool can_send_to_team(const sp_coordinator *c, int team) {
  int end;
  for (int w = first_worker(c, team, &end); w < end; w++) {
    if (!can_send(c, c->worker_ranks[w])) return false;
  }
  return true;
}

static sp_status send_to_team(sp_coordinator *c, int team, sp_deal_message message) {
  int end;
  const bool follows = message.kind != SP_DEAL_TASK;
  for (int w = first_worker(c, team, &end); w < end; w++) SP_TRY(send_deal(c, w, message));
  c->n_unfollowed += c->teams[team].is_followed - follows;
  c->teams[team].is_followed = follows;
  return SP_SUCCESS;
}

static bool can_send_to_all(const sp_coordinator *c) {
  for (int r = 1; r < c->roles->world.size; r++) {
    if (!can_send(c, r)) return false;
  }
  return has_large(c, c->n_large);
}

static bool can_send_to_io_ranks(const sp_coordinator *c) {
  for (int r = 1; r < c->roles->world.size; r++) {
    if (c->roles->members[r].role == SP_ROLE_IO && !can_send(c, r)) return false;
  }
  return true;
}

static sp_status send_to_workers(sp_coordinator *c, sp_deal_message message) {
  for (int t = 0; t < c->roles->n_teams; t++) SP_TRY(send_to_team(c, t, message));
  return SP_SUCCESS;
}

static sp_status order_io_ranks(sp_coordinator *c, sp_io_order order) {
  for (int r = 0; r < c->roles->world.size; r++) {
    if (c->roles->members[r].role != SP_ROLE_IO) continue;
    *(sp_io_message *)sp_outbox_buffer(c->deals, next_buffer(c, r)) = (sp_io_message){.order = order};
    SP_TRY(send(c, r, sizeof(sp_io_message)));
  }
  return SP_SUCCESS;
}

/* --- tasks ----------------------------------------------------------------------------------------------------- */

/* What a team is given next. */
typedef struct portion {
  sp_unit_run units;
  sp_task kind; /* how they are to be computed */
  bool again;   /* dealt before */
} portion;

static sp_status send_task(sp_coordinator *c, int team, const portion *what, uint64_t round) {
  SP_FAULT_POINT("before_deal");
  int end;
  const int first = first_worker(c, team, &end);
  const sp_unit_run units = what->units;
  sp_flight *flight = sp_task_table_add(c->table);
  flight->team = team;
  flight->reports_due = (uint32_t)(end - first);
  flight->dealt_at = sp_now();
  flight->repeated = what->again;
  sp_task *task = &flight->task;
  const uint64_t id = task->id;
  *task = what->kind;
  task->id = id;
  task->phase = c->phase;
  task->first_unit = units.first;
  task->n_units = units.n;
  c->flow->fill(c->plan, task, c->payload);
  for (int w = first; w < end; w++) sp_inflight_deal(c->inflight, c->worker_ranks[w], units.first, units.n);
  c->teams[team].in_hand++;
  if (!what->again) {
    c->undealt -= units.n;
    c->n_dealt += units.n;
    sp_deadline_dealt(&c->deadline, c->n_dealt);
  }
  sp_debug("dealt task %llu to team %d: %ss %llu + %u, %llu so far", (unsigned long long)task->id, team,
           c->plan->shape.unit, (unsigned long long)units.first, units.n, (unsigned long long)c->n_dealt);
  return send_to_team(c, team, (sp_deal_message){.kind = SP_DEAL_TASK, .round = round, .task = *task});
}

/* Suspects are dealt one by one, after all other units. */
static portion choose(sp_coordinator *c, int team) {
  portion what = {0};
  if (c->outcome != SP_SUCCESS) return what;
  what.again = sp_late_next(c, team, &what.units);
  if (what.again) return what;
  what.units = c->flow->deal(c->plan, team, c->speed);
  if (what.units.n) return what;
  bool on_cpu;
  sp_suspect *suspect =
      sp_quarantine_next(&c->quarantine, c->now.first_unit, c->now.n_units, c->roles, c->run->places, team, &on_cpu);
  if (!suspect) return what;
  suspect->dealt = true;
  what.units = (sp_unit_run){.first = suspect->unit, .n = 1};
  what.kind = (sp_task){.trial = suspect->trial, .set_aside = suspect->set_aside, .on_cpu = on_cpu};
  return what;
}

/* Whether a team can be dealt something now; *later: it is worth another look, whatever comes in. */
static bool has_room(const sp_coordinator *c, int team, bool *later) {
  int end;
  if (c->teams[team].in_hand >= SP_CREDITS) return false;
  const int first = first_worker(c, team, &end);
  const bool can = !sp_task_table_is_full(c->table) && can_send_to_team(c, team) && has_large(c, (size_t)(end - first));
  *later |= !can;
  return can;
}

/* One more task for a team that has room for it; whether there was one. */
static sp_status deal_one(sp_coordinator *c, int team, bool *dealt, bool *later) {
  *dealt = false;
  if (!has_room(c, team, later)) return SP_SUCCESS;
  const portion what = choose(c, team);
  *dealt = what.units.n > 0;
  if (*dealt) return send_task(c, team, &what, 0);
  if (c->teams[team].is_followed) return SP_SUCCESS;
  return send_to_team(c, team, (sp_deal_message){.kind = SP_DEAL_FINISH});
}

/* One more round for a group that reads together, once all of it have room; whether there was one. */
static sp_status deal_round(sp_coordinator *c, sp_deal_group *g, bool *dealt, bool *later) {
  const int *teams = c->group_teams + g->first;
  *dealt = false;
  for (int i = 0; i < g->n; i++) {
    if (c->teams[teams[i]].in_hand >= SP_CREDITS) return SP_SUCCESS;
  }
  for (int i = 0; i < g->n; i++) {
    if (!has_room(c, teams[i], later)) return SP_SUCCESS;
  }
  if (!has_large(c, (size_t)g->n)) {
    *later = true;
    return SP_SUCCESS;
  }
  const uint64_t round = g->rounds + 1;
  for (int i = 0; i < g->n; i++) {
    /* the table may become full on the way */
    const portion what = sp_task_table_is_full(c->table) ? (portion){0} : choose(c, teams[i]);
    c->round[i] = what.units;
    if (what.units.n == 0) continue;
    *dealt = true;
    SP_TRY(send_task(c, teams[i], &what, round));
  }
  g->rounds += *dealt;
  for (int i = 0; i < g->n; i++) {
    if (c->round[i].n || (!*dealt && c->teams[teams[i]].is_followed)) continue;
    SP_TRY(send_to_team(c, teams[i], (sp_deal_message){.kind = SP_DEAL_FINISH, .round = *dealt ? round : 0}));
  }
  return SP_SUCCESS;
}

/* A task each for the teams of a group, as long as there is room. */
static sp_status deal_to_group(sp_coordinator *c, sp_deal_group *g, bool *later) {
  for (bool any = true; any;) {
    any = false;
    if (g->together) {
      SP_TRY(deal_round(c, g, &any, later));
      continue;
    }
    for (int i = 0; i < g->n; i++) {
      bool dealt;
      SP_TRY(deal_one(c, c->group_teams[g->first + i], &dealt, later));
      any |= dealt;
    }
  }
  return SP_SUCCESS;
}

/* --- who is looked at ------------------------------------------------------------------------------------------ */

/* To each that is queued, once. */
static sp_status deal_to_queued(sp_coordinator *c) {
  for (int n = c->n_queued; n > 0; n--) {
    const int g = c->queue[c->queue_first];
    bool later = false;
    c->queue_first = (c->queue_first + 1) % c->n_groups;
    c->n_queued--;
    c->groups[g].is_queued = false;
    SP_TRY(deal_to_group(c, &c->groups[g], &later));
    if (later) sp_dealing_queue_group(c, g);
  }
  sp_inflight_flush(c->inflight);
  return SP_SUCCESS;
}

/* --- phases ---------------------------------------------------------------------------------------------------- */

/* Units of the phase that are neither computed nor done. */
static uint64_t count_left(const sp_coordinator *c) {
  uint64_t n = 0;
  for (uint64_t u = c->now.first_unit; u < c->now.first_unit + c->now.n_units; u++) n += c->state[u] == SP_UNIT_LEFT;
  return n;
}

sp_status sp_dealing_begin_phase(sp_coordinator *c, uint32_t from) {
  c->phase_is_over = false;
  for (c->phase = from; c->phase < c->plan->shape.n_phases; c->phase++) {
    c->flow->phase(c->plan, c->phase, &c->now);
    c->left = c->undealt = count_left(c);
    if (c->left || c->now.always) break;
  }
  c->step = c->phase < c->plan->shape.n_phases ? SP_STEP_DEALING : SP_STEP_ENDED;
  if (c->step == SP_STEP_ENDED) return SP_SUCCESS;
  sp_deal_message message = {.kind = SP_DEAL_BEGIN, .task = {.phase = c->phase}};
  SP_TRY(c->flow->begin_phase(c->plan, c->phase, c->taken, c->roles->n_teams, c->payload, &message.task.payload_bytes));
  sp_debug("phase %s begins, %llu of %llu %ss are left", c->now.name, (unsigned long long)c->left,
           (unsigned long long)c->now.n_units, c->plan->shape.unit);
  c->synced_at = sp_now();
  sp_dealing_queue_all(c);
  if (c->flow->begin) SP_TRY(send_to_workers(c, message));
  if (c->drained) SP_TRY(order_io_ranks(c, SP_IO_GO_ON));
  c->drained = false;
  return SP_SUCCESS;
}

static sp_status begin_sync(sp_coordinator *c, bool ends) {
  c->step = SP_STEP_SYNCING;
  c->sync_ends = ends;
  c->sync_began = sp_now();
  c->syncs_due = (uint32_t)c->roles->n_workers;
  SP_FAULT_POINT("before_phase_sync");
  return send_to_workers(c, (sp_deal_message){.kind = SP_DEAL_SYNC, .ends = ends, .task = {.phase = c->phase}});
}

/* Nothing is in hand: the phase is over, or dealing has stopped, or the workers are to meet. */
static sp_status pause(sp_coordinator *c) {
  const bool ends = c->left == 0, stops = c->outcome != SP_SUCCESS;
  if (ends && c->now.syncs && !stops && !c->phase_is_over) return begin_sync(c, true);
  if (c->n_kept) return begin_sync(c, false);
  if (stops) c->step = SP_STEP_ENDED;
  return ends && !stops ? sp_dealing_begin_phase(c, c->phase + 1) : SP_SUCCESS;
}

sp_status sp_dealing_synced(sp_coordinator *c) {
  const uint64_t end = c->now.first_unit + c->now.n_units;
  for (uint64_t first = c->now.first_unit, n = 0; first < end; first += n ? n : 1, n = 0) {
    while (first + n < end && n < c->plan->shape.task_units && c->state[first + n] == SP_UNIT_COMPUTED) n++;
    if (n) SP_TRY(sp_units_mark_done(c, first, (uint32_t)n, NULL));
  }
  c->n_kept = 0;
  c->synced_at = sp_now();
  c->sync_took = c->synced_at - c->sync_began;
  c->phase_is_over = c->sync_ends;
  c->step = SP_STEP_DEALING;
  sp_dealing_queue_all(c);
  return SP_SUCCESS;
}

/* The last task of a team, too, must be followed by something. */
static sp_status follow_up(sp_coordinator *c) {
  for (int t = 0; t < c->roles->n_teams && c->n_unfollowed > 0; t++) {
    if (c->teams[t].is_followed || !can_send_to_team(c, t)) continue;
    SP_TRY(send_to_team(c, t, (sp_deal_message){.kind = SP_DEAL_FINISH}));
  }
  return SP_SUCCESS;
}

/* A worker so slow that the others would be done before it is given nothing (deal.h), and that may change without a
 * word from it. */
static void look_at_idle(sp_coordinator *c) {
  const double again_s = 0.25, now = sp_now();
  if (c->undealt == 0 || (sp_task_table_count(c->table) && now - c->idle_looked_at < again_s)) return;
  c->idle_looked_at = now;
  sp_dealing_queue_all(c);
}

sp_status sp_dealing_go_on(sp_coordinator *c) {
  if (c->step != SP_STEP_DEALING) return SP_SUCCESS;
  const bool stops = c->outcome != SP_SUCCESS;
  const bool meets = c->n_kept && sp_now() - c->synced_at > fmax(c->now.sync_s, c->now.sync_spacing * c->sync_took);
  sp_late_look(c);
  if (c->left == 0) sp_late_forget(c);
  const bool pauses = stops || meets || (c->left == 0 && c->n_repeats == 0);
  if (pauses && c->n_unfollowed) SP_TRY(follow_up(c));
  if (!pauses) {
    look_at_idle(c);
    SP_TRY(deal_to_queued(c));
  }
  if ((stops || c->undealt == 0) && !c->drained && can_send_to_io_ranks(c)) {
    c->drained = true;
    SP_TRY(order_io_ranks(c, SP_IO_DRAIN));
  }
  return pauses && sp_task_table_count(c->table) == 0 && can_send_to_all(c) ? pause(c) : SP_SUCCESS;
}

sp_status sp_dealing_end(sp_coordinator *c) {
  sp_backoff backoff = {0};
  while (!can_send_to_all(c)) sp_backoff_sleep(&backoff);
  SP_TRY(send_to_workers(c, (sp_deal_message){.kind = SP_DEAL_END}));
  return order_io_ranks(c, SP_IO_END);
}
