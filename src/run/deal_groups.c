/* SPDX-License-Identifier: BSD-3-Clause */
/* Groups of teams that are dealt to at once, and which of them are to be looked at.
 *
 * Invariant: a group that could be dealt something is in the queue, or a report is still to come that puts it there, or
 * dealing.c puts all of them there soon. */
#include "seisproc/collective.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "src/run/coordinator.h"

/* --- who is looked at ------------------------------------------------------------------------------------------ */

void sp_dealing_queue_group(sp_coordinator *c, int group) {
  if (c->groups[group].is_queued) return;
  c->groups[group].is_queued = true;
  c->queue[(c->queue_first + c->n_queued++) % c->n_groups] = group;
}

void sp_dealing_queue(sp_coordinator *c, int team) {
  sp_dealing_queue_group(c, c->teams[team].group);
}

void sp_dealing_queue_all(sp_coordinator *c) {
  for (int g = 0; g < c->n_groups; g++) sp_dealing_queue_group(c, g);
}

void sp_dealing_part(sp_coordinator *c, int team, const sp_report_message *report) {
  sp_deal_group *group = &c->groups[c->teams[team].group];
  if (group->together && report->left_at > 0) {
    sp_debug("reading: the workers of %s waited for each other %.1f %% of the time in %u collective reads, allowed are "
             "%.0f %% over %d; each reads by itself from now on",
             c->run->transfer.of_all ? "the job" : c->run->places[c->worker_ranks[team]].host, 100 * report->left_at,
             report->left_after, 100 * SP_MOST_WAITING, SP_COLLECTIVE_WINDOW);
  }
  group->together = false;
}

/* --- making and unmaking --------------------------------------------------------------------------------------- */

/* The group of each team: its node where that reads together, else itself. */
static int group_of(const sp_coordinator *c, int team) {
  const sp_transfer_choice *t = &c->run->transfer;
  if (!t->reads_together) return team;
  return t->of_all ? 0 : c->roles->members[c->worker_ranks[team]].node;
}

static sp_status make_groups(sp_coordinator *c) {
  const sp_roles *roles = c->roles;
  const bool together = c->run->transfer.reads_together;
  c->n_groups = !together ? roles->n_teams : c->run->transfer.of_all ? 1 : roles->n_nodes;
  SP_TRY(sp_calloc((size_t)roles->n_teams, sizeof *c->teams, "the workers", &c->teams));
  SP_TRY(sp_calloc((size_t)roles->n_teams, sizeof *c->group_teams, "the workers", &c->group_teams));
  SP_TRY(sp_calloc((size_t)roles->n_teams, sizeof *c->round, "the workers", &c->round));
  SP_TRY(sp_calloc((size_t)c->n_groups, sizeof *c->groups, "the workers", &c->groups));
  SP_TRY(sp_calloc((size_t)c->n_groups, sizeof *c->queue, "the workers", &c->queue));
  for (int t = 0; t < roles->n_teams; t++) {
    c->teams[t].is_followed = true;
    c->teams[t].group = group_of(c, t);
    c->groups[c->teams[t].group].n++;
  }
  for (int g = 0, first = 0; g < c->n_groups; first += c->groups[g++].n) c->groups[g].first = first;
  for (int g = 0; g < c->n_groups; g++) {
    c->groups[g].together = together;
    c->groups[g].n = 0;
  }
  for (int t = 0; t < roles->n_teams; t++) {
    sp_deal_group *g = &c->groups[c->teams[t].group];
    c->group_teams[g->first + g->n++] = t;
  }
  return SP_SUCCESS;
}

sp_status sp_dealing_create(sp_coordinator *c) {
  enum { LARGE_BYTES = 8 << 20, LARGE_LEAST = 64 };
  const size_t n_ranks = (size_t)c->roles->world.size, bytes = sizeof(sp_deal_message) + c->plan->shape.payload_bytes;
  SP_TRY(make_groups(c));
  sp_dealing_queue_all(c);
  SP_TRY(sp_calloc(n_ranks, 1, "messages", &c->next_deal));
  SP_TRY(sp_alloc(c->plan->shape.payload_bytes, "messages", &c->payload));
  SP_TRY(sp_outbox_create(c->roles->world.comm, SP_TAG_DEAL, n_ranks * SP_DEAL_BUFFERS, SP_SMALL_DEAL, &c->deals));
  size_t largest_group = 1;
  for (int g = 0; g < c->n_groups; g++) {
    if ((size_t)c->groups[g].n > largest_group) largest_group = (size_t)c->groups[g].n;
  }
  if ((size_t)c->roles->team_size > largest_group) largest_group = 2 * (size_t)c->roles->team_size;
  c->n_large = LARGE_BYTES / bytes;
  if (c->n_large > n_ranks * SP_DEAL_BUFFERS) c->n_large = n_ranks * SP_DEAL_BUFFERS;
  if (c->n_large < LARGE_LEAST) c->n_large = LARGE_LEAST;
  if (c->n_large < largest_group) c->n_large = largest_group;
  if (c->flow->begin && c->n_large < (size_t)c->roles->n_workers) c->n_large = (size_t)c->roles->n_workers;
  return sp_outbox_create(c->roles->world.comm, SP_TAG_DEAL, c->n_large, bytes, &c->large);
}

void sp_dealing_destroy(sp_coordinator *c) {
  sp_outbox_destroy(c->deals);
  sp_outbox_destroy(c->large);
  sp_free(c->teams);
  sp_free(c->groups);
  sp_free(c->group_teams);
  sp_free(c->round);
  sp_free(c->queue);
  sp_free(c->next_deal);
  sp_free(c->payload);
}
