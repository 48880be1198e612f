/* SPDX-License-Identifier: BSD-3-Clause */
/* Threads, one lock, two conditions. Invariant: a thread that waits for work has found none since the last
 * sp_team_wake. */
#include "src/base/team.h"

#include <pthread.h>
#include <signal.h>
#include <stdalign.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "seisproc/clock.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "src/base/crash.h"
#include "src/base/timed_wait.h"

typedef struct member {
  sp_team *team;
  pthread_t thread;
  int number;
} member;

struct sp_team {
  const sp_team_ops *ops;
  void *context;
  member *members; /* [n_threads] */
  int n_threads, n_started;

  pthread_mutex_t lock;
  pthread_cond_t work;  /* there may be work, or it is time to stop */
  pthread_cond_t event; /* what sp_team_wait waits for */
  bool stop;
  int n_begun; /* threads that are through with ops->begin */
  int n_idle;
  int n_computing;
  double busy, busy_since; /* s */
};

void sp_team_lock(sp_team *team) {
  pthread_mutex_lock(&team->lock);
}

void sp_team_unlock(sp_team *team) {
  pthread_mutex_unlock(&team->lock);
}

void sp_team_wake(sp_team *team) {
  if (team->n_idle > 0) pthread_cond_broadcast(&team->work);
}

void sp_team_notify(sp_team *team) {
  pthread_cond_broadcast(&team->event);
}

void sp_team_wait(sp_team *team) {
  pthread_cond_wait(&team->event, &team->lock);
}

void sp_team_wait_for(sp_team *team, double seconds) {
  const struct timespec time = sp_time_after(seconds);
  pthread_cond_timedwait(&team->event, &team->lock, &time);
}

static void compute(sp_team *team, int thread, void *unit) {
  if (team->n_computing++ == 0) team->busy_since = sp_now();
  sp_crash_computing(true);
  do {
    team->ops->run(team->context, thread, unit);
  } while (team->ops->claim(team->context, unit));
  sp_crash_computing(false);
  if (--team->n_computing == 0) team->busy += sp_now() - team->busy_since;
}

static void *work(void *argument) {
  const member *self = argument;
  sp_team *team = self->team;
  alignas(16) char unit[SP_TEAM_UNIT_BYTES];
  team->ops->begin(team->context, self->number);
  pthread_mutex_lock(&team->lock);
  team->n_begun++;
  pthread_cond_signal(&team->event);
  while (!team->stop) {
    if (team->ops->claim(team->context, unit)) {
      compute(team, self->number, unit);
    } else {
      team->n_idle++;
      pthread_cond_wait(&team->work, &team->lock);
      team->n_idle--;
    }
  }
  pthread_mutex_unlock(&team->lock);
  return NULL;
}

/* Signals are for the caller's thread, so the team starts with all of them blocked. */
static sp_status start(sp_team *team, const char *name) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int error = 0;
  for (; team->n_started < team->n_threads; team->n_started++) {
    member *m = &team->members[team->n_started];
    *m = (member){.team = team, .number = team->n_started};
    error = pthread_create(&m->thread, NULL, work, m);
    if (error) break;
    char own_name[32];
    snprintf(own_name, sizeof own_name, "%.9s-%d", name, team->n_started);
    own_name[15] = '\0'; /* longer ones are refused */
    pthread_setname_np(m->thread, own_name);
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (error) {
    return SP_RAISE(SP_ERR_MEMORY, "engine: cannot start thread %d of %d: %s", team->n_started + 1, team->n_threads,
                    strerror(error));
  }
  pthread_mutex_lock(&team->lock);
  while (team->n_begun < team->n_started) pthread_cond_wait(&team->event, &team->lock);
  pthread_mutex_unlock(&team->lock);
  return SP_SUCCESS;
}

sp_status sp_team_create(int n_threads, const char *name, const sp_team_ops *ops, void *context, sp_team **out) {
  void *block = NULL;
  sp_status status;
  SP_TRY(sp_calloc(1, sizeof(sp_team), "a team of threads", &block));
  sp_team *team = block;
  team->ops = ops;
  team->context = context;
  team->n_threads = n_threads;
  pthread_mutex_init(&team->lock, NULL);
  pthread_cond_init(&team->work, NULL);
  sp_cond_init(&team->event);
  SP_TRY_GOTO(fail, sp_calloc((size_t)n_threads, sizeof(member), "a team of threads", &block));
  team->members = block;
  *out = team; /* threads may look for work from now on */
  SP_TRY_GOTO(fail, start(team, name));
  return SP_SUCCESS;
fail:
  *out = NULL;
  sp_team_destroy(team);
  return status;
}

double sp_team_busy_seconds(sp_team *team) {
  pthread_mutex_lock(&team->lock);
  const double busy = team->busy + (team->n_computing > 0 ? sp_now() - team->busy_since : 0);
  pthread_mutex_unlock(&team->lock);
  return busy;
}

void sp_team_destroy(sp_team *team) {
  if (!team) return;
  pthread_mutex_lock(&team->lock);
  team->stop = true;
  pthread_cond_broadcast(&team->work);
  pthread_mutex_unlock(&team->lock);
  for (int i = 0; i < team->n_started; i++) pthread_join(team->members[i].thread, NULL);
  sp_free(team->members);
  pthread_cond_destroy(&team->event);
  pthread_cond_destroy(&team->work);
  pthread_mutex_destroy(&team->lock);
  sp_free(team);
}
