/* SPDX-License-Identifier: BSD-3-Clause */
/* A loop's items are the units of a team (team.h), taken `grain` at a time; they should be tens of microseconds or
 * more. One loop at a time. */
#include "src/base/thread_team.h"

#include <stdbool.h>
#include <string.h>

#include "seisproc/memory.h"
#include "src/base/team.h"

struct sp_thread_team {
  sp_team *team;
  int n_threads;
  uint64_t n, next, grain; /* items of the loop */
  int n_working;
  sp_team_item item;
  void *context;
};

/* Consecutive items. */
typedef struct piece {
  uint64_t first, count;
} piece;

static bool is_done(const sp_thread_team *t) {
  return t->next >= t->n && t->n_working == 0;
}

static void begin(void *context, int thread) {}

static bool claim_item(void *context, void *unit) {
  sp_thread_team *t = context;
  if (t->next >= t->n) return false;
  const uint64_t left = t->n - t->next;
  const piece p = {.first = t->next, .count = left < t->grain ? left : t->grain};
  t->next += p.count;
  t->n_working++;
  memcpy(unit, &p, sizeof p);
  return true;
}

static void run(void *context, int thread, const void *unit) {
  sp_thread_team *t = context;
  piece p;
  memcpy(&p, unit, sizeof p);
  sp_team_unlock(t->team);
  for (uint64_t i = p.first; i < p.first + p.count; i++) t->item(t->context, thread, i);
  sp_team_lock(t->team);
  t->n_working--;
  if (is_done(t)) sp_team_notify(t->team);
}

static const sp_team_ops loop_ops = {begin, claim_item, run};

sp_status sp_thread_team_create(int n_threads, sp_thread_team **out) {
  void *block;
  SP_TRY(sp_calloc(1, sizeof(sp_thread_team), "a team of threads", &block));
  sp_thread_team *t = block;
  t->n_threads = n_threads;
  const sp_status status = sp_team_create(n_threads, "sp-loop", &loop_ops, t, &t->team);
  if (status == SP_SUCCESS) {
    *out = t;
  } else {
    sp_free(t);
  }
  return status;
}

void sp_thread_team_destroy(sp_thread_team *t) {
  if (!t) return;
  sp_team_destroy(t->team);
  sp_free(t);
}

static void wait_locked(sp_thread_team *t) {
  while (!is_done(t)) sp_team_wait(t->team);
}

void sp_thread_team_start(sp_thread_team *t, uint64_t n, uint64_t grain, sp_team_item item, void *context) {
  sp_team_lock(t->team);
  wait_locked(t);
  t->n = n;
  t->next = 0;
  t->grain = grain ? grain : 1;
  t->item = item;
  t->context = context;
  sp_team_wake(t->team);
  sp_team_unlock(t->team);
}

void sp_thread_team_wait(sp_thread_team *t) {
  sp_team_lock(t->team);
  wait_locked(t);
  sp_team_unlock(t->team);
}

int sp_thread_team_size(const sp_thread_team *t) {
  return t->n_threads;
}

double sp_thread_team_busy(const sp_thread_team *t) {
  return sp_team_busy_seconds(t->team);
}
