/* What the coordinator sends: tasks, phases and the end.
 *
 * Invariant: a task that was sent to a team is followed by another message before the coordinator waits for it, since a
 * worker finishes a task when the next message comes. Dealing never waits for a buffer: whoever is slow to receive may
 * itself be waiting to be heard. */
#include <math.h>
#include <string.h>

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

static sp_status send_deal(sp_coordinator *c, int worker, sp_deal_message message) {
  const int rank = c->worker_ranks[worker];
  sp_deal_message *buffer = sp_outbox_buffer(c->deals, next_buffer(c, rank));
  *buffer = message;
  memcpy(buffer + 1, c->payload, message.task.payload_bytes);
  return send(c, rank, sizeof *buffer + message.task.payload_bytes);
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
  for (int w = first_worker(c, team, &end); w < end; w++) SP_TRY(send_deal(c, w, message));
  c->teams[team].is_followed = message.kind != SP_DEAL_TASK;
  return SP_SUCCESS;
}

static bool can_send_to_all(const sp_coordinator *c) {
  for (int r = 1; r < c->roles->size; r++) {
    if (!can_send(c, r)) return false;
  }
  return true;
}

static sp_status send_to_workers(sp_coordinator *c, sp_deal_message message) {
  for (int t = 0; t < c->roles->n_teams; t++) SP_TRY(send_to_team(c, t, message));
  return SP_SUCCESS;
}

static sp_status order_io_ranks(sp_coordinator *c, sp_io_order order) {
  for (int r = 0; r < c->roles->size; r++) {
    if (c->roles->members[r].role != SP_ROLE_IO) continue;
    *(sp_io_message *)sp_outbox_buffer(c->deals, next_buffer(c, r)) = (sp_io_message){.order = order};
    SP_TRY(send(c, r, sizeof(sp_io_message)));
  }
  return SP_SUCCESS;
}

/* --- tasks ----------------------------------------------------------------------------------------------------- */

static sp_status send_task(sp_coordinator *c, int team, sp_unit_run units, sp_task kind) {
  SP_FAULT_POINT("before_deal");
  int end;
  const int first = first_worker(c, team, &end);
  sp_flight *flight = sp_task_table_add(c->table);
  flight->team = team;
  flight->reports_due = (uint32_t)(end - first);
  sp_task *task = &flight->task;
  kind.id = task->id;
  *task = kind;
  task->phase = c->phase;
  task->first_unit = units.first;
  task->n_units = units.n;
  c->flow->fill(c->plan, task, c->payload);
  for (int w = first; w < end; w++) sp_inflight_deal(c->inflight, c->worker_ranks[w], units.first, units.n);
  sp_inflight_flush(c->inflight);
  c->teams[team].in_hand++;
  c->undealt -= units.n;
  c->n_dealt += units.n;
  sp_deadline_dealt(&c->deadline, c->n_dealt);
  sp_debug("dealt task %llu to team %d: %ss %llu + %u, %llu so far", (unsigned long long)task->id, team,
           c->plan->shape.unit, (unsigned long long)units.first, units.n, (unsigned long long)c->n_dealt);
  return send_to_team(c, team, (sp_deal_message){.kind = SP_DEAL_TASK, .task = *task});
}

/* The next suspect of this phase that this team may be dealt. They are dealt one by one, after all other units. */
static sp_status deal_suspect(sp_coordinator *c, int team, bool *dealt) {
  bool on_cpu;
  sp_suspect *suspect =
      sp_quarantine_next(&c->quarantine, c->now.first_unit, c->now.n_units, c->roles, c->run->places, team, &on_cpu);
  *dealt = suspect != NULL;
  if (!suspect) return SP_SUCCESS;
  suspect->dealt = true;
  const sp_task kind = {.trial = suspect->trial, .set_aside = suspect->set_aside, .on_cpu = on_cpu};
  return send_task(c, team, (sp_unit_run){.first = suspect->unit, .n = 1}, kind);
}

/* One more task for a team that has room for it; whether there was one. */
static sp_status deal_one(sp_coordinator *c, int team, bool *dealt) {
  *dealt = false;
  if (c->teams[team].in_hand >= SP_CREDITS || sp_task_table_is_full(c->table) || !can_send_to_team(c, team)) {
    return SP_SUCCESS;
  }
  if (c->outcome == SP_SUCCESS) {
    const sp_unit_run units = c->flow->deal(c->plan, team, c->speed);
    *dealt = units.n > 0;
    if (*dealt) return send_task(c, team, units, (sp_task){.trial = SP_TRIAL_NONE});
    SP_TRY(deal_suspect(c, team, dealt));
  }
  if (*dealt || c->teams[team].is_followed) return SP_SUCCESS;
  return send_to_team(c, team, (sp_deal_message){.kind = SP_DEAL_FINISH});
}

static sp_status deal_to_all(sp_coordinator *c) {
  for (bool any = true; any;) {
    any = false;
    for (int t = 0; t < c->roles->n_teams; t++) {
      bool dealt;
      SP_TRY(deal_one(c, t, &dealt));
      any |= dealt;
    }
  }
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
    if (n) SP_TRY(sp_units_mark_done(c, first, (uint32_t)n));
  }
  c->n_kept = 0;
  c->synced_at = sp_now();
  c->sync_took = c->synced_at - c->sync_began;
  c->phase_is_over = c->sync_ends;
  c->step = SP_STEP_DEALING;
  return SP_SUCCESS;
}

/* The last task of a team, too, must be followed by something. */
static sp_status follow_up(sp_coordinator *c) {
  for (int t = 0; t < c->roles->n_teams; t++) {
    if (c->teams[t].is_followed || !can_send_to_team(c, t)) continue;
    SP_TRY(send_to_team(c, t, (sp_deal_message){.kind = SP_DEAL_FINISH}));
  }
  return SP_SUCCESS;
}

sp_status sp_dealing_go_on(sp_coordinator *c) {
  if (c->step != SP_STEP_DEALING) return SP_SUCCESS;
  const bool stops = c->outcome != SP_SUCCESS;
  const bool meets = c->n_kept && sp_now() - c->synced_at > fmax(c->now.sync_s, c->now.sync_spacing * c->sync_took);
  const bool pauses = stops || meets || c->left == 0;
  SP_TRY(pauses ? follow_up(c) : deal_to_all(c));
  if ((stops || c->undealt == 0) && !c->drained && can_send_to_all(c)) {
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
