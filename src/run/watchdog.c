/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/run/watchdog.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "seisproc/clock.h"
#include "seisproc/launch.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "src/base/helper_thread.h"
#include "src/run/history.h"

/* Parts of the stall time after which a rank says what it waits for, and rank 0 or, if that does not, another rank
 * ends the job. */
static const double tell_part = 0.8, end_part = 1, others_part = 1.5;

/* Seconds from one look to the next; those that a launcher has to find a death. */
static const double look_s = 0.2, launcher_s = 1;

enum { MAX_SHOWN = 256 };

struct sp_watchdog {
  sp_watchdog_config config;
  int *neighbours; /* [n_neighbours]: ranks of this node whose processes can be seen, ascending */
  int n_neighbours;
  sp_helper_thread helper;
  /* the thread's own */
  unsigned long long seen_steps;
  double since;
  bool told;
  int suspect, n_missed;         /* rank that was not found at the last looks, how many; -1: none */
  unsigned long long collective; /* the transfer that this rank is in */
  double in_since, came_at;      /* since when; when the last rank had come to it */
  double counted_at;             /* when those that had come were last counted */
  bool noted;
  int n_arrived;
  bool *arrived; /* [n_ranks] */
};

/* --- ending the process --------------------------------------------------------------------------------------- */

static bool is_gone(const sp_watchdog *w, int rank) {
  return kill(w->config.places[rank].process, 0) && errno == ESRCH;
}

/* Of the ranks of a node that live, the first one speaks. */
static bool is_speaker(const sp_watchdog *w) {
  for (int i = 0; i < w->n_neighbours && w->neighbours[i] < w->config.rank; i++) {
    if (!is_gone(w, w->neighbours[i])) return false;
  }
  return true;
}

/* The launcher ends the other ranks when one leaves like this. */
_Noreturn static void leave(sp_end why, const sp_watchdog *w) {
  if (is_speaker(w) || why == SP_END_STALLED) sp_history_end(w->config.history_path, why, w->config.rank);
  _exit(SP_EXIT_RESUMABLE);
}

/* Launchers end a job when a rank dies, and know of what; some take their time, and some need to be told to. A launcher
 * that finds two ranks gone at one look may name the wrong one, so it is given a second. */
static void look_at_neighbours(sp_watchdog *w) {
  int gone = -1;
  for (int i = 0; i < w->n_neighbours && gone < 0; i++) {
    if (is_gone(w, w->neighbours[i])) gone = w->neighbours[i];
  }
  w->n_missed = gone >= 0 && gone == w->suspect ? w->n_missed + 1 : 0;
  if (w->n_missed * look_s >= launcher_s) {
    char text[SP_INFLIGHT_TEXT];
    if (is_speaker(w)) {
      sp_history_add(w->config.history_path, "gone %d", gone);
      sp_inflight_describe(w->config.inflight_path, gone, text, NULL);
      sp_log(sp_launch_awaited() ? SP_LOG_DEBUG : SP_LOG_ERROR, "rank %d has died: %s; ending the job", gone, text);
    }
    leave(SP_END_BROKEN, w);
  }
  w->suspect = gone;
}

/* --- hangs ---------------------------------------------------------------------------------------------------- */

static void report_stall(const sp_watchdog *w, double seconds) {
  sp_log(SP_LOG_ERROR, "stalled: nothing was done for %.0f s; ending the job, which can go on", seconds);
  for (int r = 0; r < w->config.n_ranks && r < MAX_SHOWN; r++) {
    char text[SP_INFLIGHT_TEXT];
    bool says = false;
    if (!sp_inflight_describe(w->config.inflight_path, r, text, &says)) continue;
    sp_log(SP_LOG_ERROR, "rank %d: %s%s", r, text, says ? "" : ", says nothing");
  }
}

static void look_at_progress(sp_watchdog *w) {
  const char *what = atomic_load(&w->config.activity->what);
  const unsigned long long steps = atomic_load(&w->config.activity->steps);
  const double now = sp_now(), limit = w->config.stall_s, still = now - w->since;
  if (steps != w->seen_steps) {
    w->seen_steps = steps;
    w->since = now;
    w->told = false;
  } else if (limit > 0 && still > tell_part * limit && !w->told) {
    sp_inflight_note_wait(w->config.inflight_path, w->config.rank, still, what);
    w->told = true;
  } else if (limit > 0 && w->config.rank == 0 && still > end_part * limit) {
    report_stall(w, still);
    leave(SP_END_STALLED, w);
  } else if (limit > 0 && still > others_part * limit) {
    sp_log(SP_LOG_ERROR, "stalled: %s for %.0f s, and rank 0 says nothing; ending", what, still);
    leave(SP_END_STALLED, w);
  }
}

/* --- collective transfers ------------------------------------------------------------------------------------- */

static bool is_of_group(const sp_watchdog *w, int rank) {
  const sp_place *places = w->config.places, *mine = &places[w->config.rank];
  return places[rank].role == mine->role && (w->config.of_all || places[rank].node == mine->node);
}

/* Who is missing, each by its host and by what is known of it; the first of those that came speaks. */
static void report_missing(sp_watchdog *w) {
  int first = -1, n_missing = 0;
  for (int r = 0; r < w->config.n_ranks; r++) {
    if (!is_of_group(w, r)) continue;
    if (w->arrived[r] && first < 0) first = r;
    n_missing += !w->arrived[r];
  }
  if (first != w->config.rank && first >= 0 && sp_now() - w->came_at < others_part * w->config.collective_s) return;
  for (int r = 0; r < w->config.n_ranks && n_missing; r++) {
    char text[SP_INFLIGHT_TEXT];
    if (!is_of_group(w, r) || w->arrived[r]) continue;
    sp_inflight_describe(w->config.inflight_path, r, text, NULL);
    sp_log(SP_LOG_ERROR,
           "rank %d did not come to a collective %s that %d ranks wait in, for %.0f s: %s; ending the job, "
           "which goes on without",
           r, w->config.collective_kind, w->n_arrived, sp_now() - w->came_at, text);
    sp_history_add(w->config.history_path, "late %s %d %s", w->config.collective_kind, r, w->config.places[r].host);
  }
  if (!n_missing) {
    sp_log(SP_LOG_ERROR,
           "a collective %s that all ranks have come to does not end, for %.0f s; ending the job, which "
           "goes on without",
           w->config.collective_kind, sp_now() - w->came_at);
    sp_history_add(w->config.history_path, "late %s %d %s", w->config.collective_kind, w->config.rank,
                   w->config.places[w->config.rank].host);
  }
  leave(SP_END_STALLED, w);
}

static void look_at_collective(sp_watchdog *w) {
  const unsigned long long in = atomic_load(&w->config.activity->collective);
  const double now = sp_now(), limit = w->config.collective_s, note_after = fmin(1, 0.25 * limit);
  if (in != w->collective || in == 0 || limit <= 0) {
    w->collective = in;
    w->in_since = w->came_at = now;
    w->noted = false;
    w->n_arrived = 0;
    return;
  }
  if (now - w->in_since < note_after) return;
  if (!w->noted) sp_inflight_note_arrival(w->config.inflight_path, w->config.rank, in);
  w->noted = true;
  if (now - w->counted_at < note_after) return;
  w->counted_at = now;
  const int n = sp_inflight_count_arrivals(w->config.inflight_path, in, w->config.n_ranks, w->arrived);
  if (n > w->n_arrived && w->n_arrived) w->came_at = now;
  w->n_arrived = n;
  if (now - w->came_at >= limit) report_missing(w);
}

/* --- the thread ----------------------------------------------------------------------------------------------- */

static void *run(void *argument) {
  sp_watchdog *w = argument;
  pthread_mutex_lock(&w->helper.lock);
  while (!w->helper.ending) {
    const struct timespec next = sp_time_after(look_s);
    pthread_cond_timedwait(&w->helper.wake, &w->helper.lock, &next);
    if (w->helper.ending) break;
    pthread_mutex_unlock(&w->helper.lock);
    look_at_neighbours(w);
    look_at_collective(w);
    look_at_progress(w);
    pthread_mutex_lock(&w->helper.lock);
  }
  pthread_mutex_unlock(&w->helper.lock);
  return NULL;
}

static sp_status find_neighbours(sp_watchdog *w) {
  const sp_watchdog_config *c = &w->config;
  SP_TRY(sp_calloc((size_t)c->n_ranks, sizeof(bool), "the ranks of a group", &w->arrived));
  SP_TRY(sp_calloc((size_t)c->n_ranks, sizeof(int), "the ranks of a node", &w->neighbours));
  for (int r = 0; r < c->n_ranks; r++) {
    if (r == c->rank || c->places[r].node != c->places[c->rank].node || is_gone(w, r)) continue;
    w->neighbours[w->n_neighbours++] = r;
  }
  return SP_SUCCESS;
}

sp_status sp_watchdog_create(const sp_watchdog_config *config, sp_watchdog **out) {
  sp_watchdog *w = NULL;
  SP_TRY(sp_calloc(1, sizeof *w, "the watchdog", &w));
  w->config = *config;
  w->suspect = -1;
  w->since = sp_now();
  sp_helper_init(&w->helper);
  sp_status status = find_neighbours(w);
  if (status == SP_SUCCESS) status = sp_helper_start(&w->helper, "sp-watch", "the watchdog", run, w);
  if (status == SP_SUCCESS) {
    *out = w;
  } else {
    sp_watchdog_destroy(w);
  }
  return status;
}

void sp_watchdog_destroy(sp_watchdog *w) {
  if (!w) return;
  sp_helper_end(&w->helper);
  sp_free(w->neighbours);
  sp_free(w->arrived);
  sp_free(w);
}
