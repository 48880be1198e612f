/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/dist/pmix.h"

#ifndef SP_HAVE_PMIX

bool sp_pmix_job_id(char *text, size_t size) {
  return false;
}

void sp_pmix_report_deaths(void) {}

#else

#include <dlfcn.h>
#include <pmix.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "seisproc/backoff.h"
#include "seisproc/clock.h"
#include "seisproc/launch.h"
#include "seisproc/log.h"

/* All versions of PMIx since 2 go by this name, and do alike what is used here. */
static const char library[] = "libpmix.so.2";

/* The library's functions, and this process in it. */
typedef struct client {
  void *handle;
  pmix_proc_t self;
  pmix_status_t (*init)(pmix_proc_t *, pmix_info_t *, size_t);
  pmix_status_t (*finalize)(const pmix_info_t *, size_t);
  pmix_status_t (*get)(const pmix_proc_t *, const char *, const pmix_info_t *, size_t, pmix_value_t **);
  pmix_status_t (*listen)(pmix_status_t *, size_t, pmix_info_t *, size_t, pmix_notification_fn_t,
                          pmix_hdlr_reg_cbfunc_t, void *);
} client;

static bool find(client *c, const char *name, void *function) {
  *(void **)function = dlsym(c->handle, name);
  return *(void **)function != NULL;
}

/* Joins the client that MPI has started, which counts its users; false where there is none. */
static bool join(client *c) {
  c->handle = dlopen(library, RTLD_NOLOAD | RTLD_NOW | RTLD_LOCAL);
  if (!c->handle) return false;
  if (find(c, "PMIx_Init", &c->init) && find(c, "PMIx_Finalize", &c->finalize) && find(c, "PMIx_Get", &c->get) &&
      find(c, "PMIx_Register_event_handler", &c->listen) && c->init(&c->self, NULL, 0) == PMIX_SUCCESS) {
    return true;
  }
  dlclose(c->handle);
  return false;
}

static void leave(client *c) {
  c->finalize(NULL, 0);
  dlclose(c->handle);
}

bool sp_pmix_job_id(char *text, size_t size) {
  client c;
  if (!join(&c)) return false;
  pmix_proc_t all = c.self;
  all.rank = PMIX_RANK_WILDCARD;
  pmix_value_t *value = NULL;
  const bool known = c.get(&all, PMIX_JOBID, NULL, 0, &value) == PMIX_SUCCESS && value->type == PMIX_STRING;
  if (known) {
    snprintf(text, size, "%s", value->data.string);
    free(value->data.string); /* the library took both from the system's heap */
  }
  free(value);
  leave(&c);
  return known;
}

/* --- deaths --------------------------------------------------------------------------------------------------- */

static const char *describe(pmix_status_t code) {
  switch (code) {
#ifdef PMIX_ERR_PROC_ABORTED_BY_SIG
  case PMIX_ERR_PROC_ABORTED_BY_SIG:
#endif
  case PMIX_ERR_PROC_ABORTED:
    return "it was ended by a signal";
  case PMIX_ERR_PROC_TERM_WO_SYNC:
    return "it left without ending MPI";
  case PMIX_ERR_PROC_REQUESTED_ABORT:
    return "it ended the job";
  default:
    return "its connection was lost";
  }
}

/* On the library's thread. Each rank hears of it and one says it: rank 0, or rank 1 where that is who died. Where a
 * process waits for the job that one says more. */
static void on_death(size_t handler, pmix_status_t code, const pmix_proc_t *who, pmix_info_t info[], size_t n_info,
                     pmix_info_t results[], size_t n_results, pmix_event_notification_cbfunc_fn_t done, void *context) {
  const char *mine = getenv("PMIX_RANK");
  const unsigned speaker = who->rank == 0;
  if (mine && strtoul(mine, NULL, 10) == speaker && who->rank <= PMIX_RANK_VALID) {
    sp_log(sp_launch_awaited() ? SP_LOG_DEBUG : SP_LOG_ERROR, "rank %u has died: %s (PMIx status %d)",
           (unsigned)who->rank, describe(code), code);
  }
  if (done) done(PMIX_EVENT_NO_ACTION_TAKEN, NULL, 0, NULL, NULL, context);
}

static void registered(pmix_status_t status, size_t handler, void *context) {
  sp_debug("pmix: deaths are %s", status == PMIX_SUCCESS ? "reported" : "not reported");
  atomic_store((atomic_bool *)context, true);
}

/* The library registers on its own thread: a death before that would not be heard of. (Without a callback OpenPMIx 4.2
 * and 5 wait themselves, but register on this thread, beside their own.) */
static void await_answer(const atomic_bool *is_answered) {
  enum { MOST_S = 2 };
  const double start = sp_now();
  for (sp_backoff backoff = {0}; !atomic_load(is_answered) && sp_now() - start < MOST_S;) sp_backoff_sleep(&backoff);
}

void sp_pmix_report_deaths(void) {
  static atomic_bool is_answered; /* the answer may come when nobody waits for it any more */
  client c;
  if (!join(&c)) return;
  pmix_status_t codes[] = {PMIX_ERR_PROC_ABORTED, PMIX_ERR_PROC_TERM_WO_SYNC, PMIX_ERR_PROC_REQUESTED_ABORT,
                           PMIX_ERR_LOST_CONNECTION,
#ifdef PMIX_ERR_PROC_ABORTED_BY_SIG
                           PMIX_ERR_PROC_ABORTED_BY_SIG
#endif
  };
  c.listen(codes, sizeof codes / sizeof codes[0], NULL, 0, on_death, registered, &is_answered);
  await_answer(&is_answered);
  leave(&c);
}

#endif
