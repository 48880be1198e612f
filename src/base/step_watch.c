/* SPDX-License-Identifier: BSD-3-Clause */
/* A thread waits for the step's end or for the time to be over; it calls no MPI. */
#include "src/base/step_watch.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "seisproc/clock.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/status.h"
#include "src/base/helper_thread.h"

static const double others_part = 1.5;

enum { DEFAULT_S = 300, HOST_SIZE = 64 };

struct sp_step_watch {
  const char *what, *advice;
  double seconds;
  struct timespec until;   /* of sp_time_after */
  sp_helper_thread helper; /* ends with the step */
};

double sp_step_limit(void) {
  const char *text = getenv("SEISPROC_START_TIMEOUT");
  const double seconds = text ? strtod(text, NULL) : DEFAULT_S;
  return seconds >= 0 && seconds < 1e9 ? seconds : DEFAULT_S;
}

double sp_plan_limit(void) {
  enum { TIMES = 10 };
  return TIMES * sp_step_limit();
}

static void *wait_for_end(void *argument) {
  sp_step_watch *w = argument;
  int late = 0;
  pthread_mutex_lock(&w->helper.lock);
  while (!w->helper.ending && !late) late = pthread_cond_timedwait(&w->helper.wake, &w->helper.lock, &w->until);
  if (!w->helper.ending) {
    char host[HOST_SIZE] = "?";
    gethostname(host, sizeof host - 1);
    sp_log(SP_LOG_ERROR, "stalled on %s: %s for %.0f s; %s", host, w->what, w->seconds, w->advice);
    _exit(SP_EXIT_RESUMABLE);
  }
  pthread_mutex_unlock(&w->helper.lock);
  return NULL;
}

sp_step_watch *sp_step_watch_begin(int rank, const char *what, const char *advice, double seconds) {
  sp_step_watch *w = NULL;
  if (seconds <= 0 || sp_calloc(1, sizeof *w, "a watch", &w) != SP_SUCCESS) return NULL;
  w->what = what;
  w->advice = advice;
  w->seconds = rank > 0 ? others_part * seconds : seconds;
  w->until = sp_time_after(w->seconds + 1);
  sp_helper_init(&w->helper);
  if (sp_helper_start(&w->helper, "sp-step", "who looks how long it takes", wait_for_end, w) == SP_SUCCESS) return w;
  sp_step_watch_end(w);
  return NULL;
}

void sp_step_watch_end(sp_step_watch *w) {
  if (!w) return;
  sp_helper_end(&w->helper);
  sp_free(w);
}
