/* One loop at a time; the next item is taken under the lock, so items should be tens of microseconds or more. */
#include "src/device/thread_team.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/stats.h"

typedef struct member {
  sp_thread_team *team;
  pthread_t thread;
  int index;
} member;

struct sp_thread_team {
  pthread_mutex_t lock;
  pthread_cond_t work, done;
  bool stop;
  uint64_t n, next, grain;
  int n_working;
  sp_team_item item;
  void *context;
  double busy, busy_since;
  int n_threads, n_started;
  member *members;
};

/* Under the lock. */
static bool is_done(const sp_thread_team *t) {
  return t->next >= t->n && t->n_working == 0;
}

static void work_items(sp_thread_team *t, int thread) {
  if (t->n_working++ == 0) t->busy_since = sp_now();
  while (t->next < t->n) {
    const uint64_t first = t->next, left = t->n - first, count = left < t->grain ? left : t->grain;
    t->next += count;
    pthread_mutex_unlock(&t->lock);
    for (uint64_t i = first; i < first + count; i++) t->item(t->context, thread, i);
    pthread_mutex_lock(&t->lock);
  }
  if (--t->n_working == 0) t->busy += sp_now() - t->busy_since;
  if (is_done(t)) pthread_cond_broadcast(&t->done);
}

static void *run(void *argument) {
  const member *m = argument;
  sp_thread_team *t = m->team;
  pthread_mutex_lock(&t->lock);
  while (!t->stop) {
    if (t->next < t->n) {
      work_items(t, m->index);
    } else {
      pthread_cond_wait(&t->work, &t->lock);
    }
  }
  pthread_mutex_unlock(&t->lock);
  return NULL;
}

void sp_thread_team_destroy(sp_thread_team *t) {
  if (!t) return;
  sp_thread_team_wait(t);
  pthread_mutex_lock(&t->lock);
  t->stop = true;
  pthread_cond_broadcast(&t->work);
  pthread_mutex_unlock(&t->lock);
  for (int i = 0; i < t->n_started; i++) pthread_join(t->members[i].thread, NULL);
  pthread_cond_destroy(&t->done);
  pthread_cond_destroy(&t->work);
  pthread_mutex_destroy(&t->lock);
  sp_free(t->members);
  sp_free(t);
}

/* Signals are for the caller's thread. */
static int start_members(sp_thread_team *t) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int error = 0;
  for (; t->n_started < t->n_threads; t->n_started++) {
    member *m = &t->members[t->n_started];
    *m = (member){.team = t, .index = t->n_started};
    error = pthread_create(&m->thread, NULL, run, m);
    if (error) break;
    char name[16];
    snprintf(name, sizeof name, "sp-team-%d", t->n_started);
    pthread_setname_np(m->thread, name);
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return error;
}

sp_status sp_thread_team_create(int n_threads, sp_thread_team **out) {
  void *block;
  SP_TRY(sp_calloc(1, sizeof(sp_thread_team), "a team of threads", &block));
  sp_thread_team *t = block;
  t->n_threads = n_threads;
  pthread_mutex_init(&t->lock, NULL);
  pthread_cond_init(&t->work, NULL);
  pthread_cond_init(&t->done, NULL);
  sp_status status = sp_calloc((size_t)n_threads, sizeof *t->members, "a team of threads", &block);
  if (status == SP_SUCCESS) {
    t->members = block;
    const int error = start_members(t);
    if (error) {
      status =
          SP_RAISE(SP_ERR_MEMORY, "cannot start thread %d of %d: %s", t->n_started + 1, n_threads, strerror(error));
    }
  }
  if (status != SP_SUCCESS) {
    sp_thread_team_destroy(t);
    return status;
  }
  *out = t;
  return SP_SUCCESS;
}

void sp_thread_team_start(sp_thread_team *t, uint64_t n, uint64_t grain, sp_team_item item, void *context) {
  pthread_mutex_lock(&t->lock);
  while (!is_done(t)) pthread_cond_wait(&t->done, &t->lock);
  t->n = n;
  t->next = 0;
  t->grain = grain ? grain : 1;
  t->item = item;
  t->context = context;
  pthread_cond_broadcast(&t->work);
  pthread_mutex_unlock(&t->lock);
}

void sp_thread_team_wait(sp_thread_team *t) {
  pthread_mutex_lock(&t->lock);
  while (!is_done(t)) pthread_cond_wait(&t->done, &t->lock);
  pthread_mutex_unlock(&t->lock);
}

int sp_thread_team_size(const sp_thread_team *t) {
  return t->n_threads;
}

double sp_thread_team_busy(const sp_thread_team *team) {
  sp_thread_team *t = (sp_thread_team *)(uintptr_t)team;
  pthread_mutex_lock(&t->lock);
  const double busy = t->busy + (t->n_working > 0 ? sp_now() - t->busy_since : 0);
  pthread_mutex_unlock(&t->lock);
  return busy;
}
