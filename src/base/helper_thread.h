/* SPDX-License-Identifier: BSD-3-Clause */
/* A thread beside the one that made it and those that compute: it syncs a file, takes its space, watches.
 *
 * It is a part of a larger struct. What that shares with the thread is read and written under `lock`; the thread sleeps
 * on `wake`, and leaves once `ending` is set. */
#ifndef SEISPROC_SRC_BASE_HELPER_THREAD_H
#define SEISPROC_SRC_BASE_HELPER_THREAD_H

#include <pthread.h>
#include <stdbool.h>

#include "seisproc/status.h"

typedef struct sp_helper_thread {
  pthread_mutex_t lock;
  pthread_cond_t wake; /* timed waits go by CLOCK_MONOTONIC */
  bool ending;         /* under lock */
  bool started;
  pthread_t thread;
} sp_helper_thread;

/* Makes it, without a thread as yet. */
void sp_helper_init(sp_helper_thread *helper);

/* Starts `run` with `context`; `name` has 15 characters at most, `what` names it in the error line. Errors:
 * SP_ERR_MEMORY. */
sp_status sp_helper_start(sp_helper_thread *helper, const char *name, const char *what, void *(*run)(void *),
                          void *context);

/* For the thread: whether it is to leave. */
bool sp_helper_is_ending(sp_helper_thread *helper);

/* Tells the thread to leave, where one was started, waits until it has, and unmakes what sp_helper_init made. */
void sp_helper_end(sp_helper_thread *helper);

#endif
