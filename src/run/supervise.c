/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/run/supervise.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "seisproc/clock.h"
#include "seisproc/launch.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/side_file.h"
#include "src/base/step_watch.h"
#include "src/flow/flow.h"
#include "src/run/history.h"
#include "src/run/inflight.h"
#include "src/run/outcome.h"

enum { HOST_SIZE = 64, LINE_SIZE = 256, LEAST_DASHES = 40 /* around a page of a launcher */ };

/* What the launcher has said of a rank that died. */
typedef struct death {
  bool known;
  int rank; /* -1: the launcher does not tell which */
  int signal;
  char host[HOST_SIZE];
  char last_line[LINE_SIZE]; /* said before */
  char error[LINE_SIZE];     /* the first that a rank told of; "" */
  bool stalled;              /* a rank has said so, and ends the job */
  bool page;                 /* the launcher has had something to say of the end */
} death;

typedef struct supervisor {
  const sp_job *job;
  char *journal, *inflight, *history; /* owned */
  death death;
  uint64_t from; /* the run's part of the history */
  double started;
  sp_launch_end end;
  sp_last_run run;
} supervisor;

/* --- what became of it ---------------------------------------------------------------------------------------- */

/* Open MPI 4.1 and 5 say alike: "... noticed that process rank 3 with PID 0 on node n01 exited on signal 9 (Killed).",
 * the newer one in two lines. */
static bool parse_mpirun_line(const char *line, death *found) {
  const char *words = strstr(line, "noticed that process rank ");
  return words && sscanf(words, "noticed that process rank %d with PID %*u on node %63s exited on signal %d",
                         &found->rank, found->host, &found->signal) == 3;
}

static int signal_of(const char *words) {
  for (int number = 1; number < NSIG; number++) {
    const char *name = strsignal(number);
    if (!strncmp(words, name, strlen(name))) return number;
  }
  return 0;
}

/* MPICH's Hydra: "YOUR APPLICATION TERMINATED WITH THE EXIT STRING: Killed (signal 9)". The process that its page names
 * is the first that it finds dead after it has killed all, so which rank it was is not known. */
static bool parse_hydra_line(const char *line, death *found) {
  const char *how = strstr(line, "TERMINATED WITH THE EXIT STRING: ");
  const char *number = how ? strstr(how, "(signal ") : NULL;
  if (!number) return false;
  found->signal = atoi(number + 8);
  found->rank = -1;
  return true;
}

/* "srun: error: n02: task 3: Segmentation fault (core dumped)", "srun: error: n02: tasks 3-5: Killed". */
static bool parse_srun_line(const char *line, death *found) {
  if (sscanf(line, "srun: error: %63[^:]: task%*[s ]%d", found->host, &found->rank) != 2) return false;
  const char *how = strrchr(line, ':');
  found->signal = signal_of(how + strspn(how, ": "));
  return found->signal != 0;
}

/* The first that is heard of is the one that took the others with it. */
static void parse_line(const char *line, void *context) {
  supervisor *s = context;
  death *d = &s->death;
  char both[2 * LINE_SIZE];
  const char *error = strncmp(line, "seisproc", 8) ? NULL : strstr(line, ": error: ");
  if (error && !d->error[0]) snprintf(d->error, LINE_SIZE, "%s", error + 9);
  d->stalled |= error && !strncmp(error + 9, "stalled", 7);
  d->page |= strspn(line, "-") >= LEAST_DASHES || strspn(line, "=") >= LEAST_DASHES;
  if (d->known) return;
  snprintf(both, sizeof both, "%s %s", d->last_line, line);
  snprintf(d->last_line, sizeof d->last_line, "%s", line);
  d->known = parse_mpirun_line(both, d) || parse_srun_line(line, d) || parse_hydra_line(line, d);
}

/* How long the launcher may take once the job is known to have ended. Ranks that it does not reach end by themselves,
 * half a stall time after rank 0 (watchdog.h) or at the limit of MPI's end. A job that has not begun when ranks would
 * have ended themselves has none: Open MPI's launcher may wait for ever for one that dies while it connects. */
static double seconds_left(void *context) {
  enum { MORE_S = 10 };
  supervisor *s = context;
  sp_history_last(s->history, s->from, &s->run);
  /* the history, too: lines do not come where the launcher itself is stuck */
  if (s->death.stalled || s->run.end == SP_END_STALLED) return 0.5 * s->job->settings.stall_timeout + MORE_S;
  const bool ended = s->death.known || (s->run.begun && s->run.end != SP_END_NONE);
  const double limit = sp_step_limit();
  if (!ended && !s->run.begun && limit > 0 && sp_now() - s->started > limit + sp_plan_limit() + MORE_S) return 0;
  return ended && limit > 0 ? limit + MORE_S : INFINITY;
}

static void log_rank(const supervisor *s, int rank, int signal) {
  char text[SP_INFLIGHT_TEXT], by[64] = " of a fault";
  const bool known = s->run.begun && sp_inflight_describe(s->inflight, rank, text, NULL);
  if (s->run.end == SP_END_DEVICE) snprintf(by, sizeof by, " of a device that failed");
  if (s->run.gone && rank == s->run.gone_rank) by[0] = '\0'; /* of what is not known */
  if (signal) snprintf(by, sizeof by, " by signal %d (%s)", signal, strsignal(signal));
  sp_log(SP_LOG_ERROR, "rank %d died%s: %s%s", rank, by, known ? text : "on ", known ? "" : s->death.host);
}

/* The signal that ended the launcher; 0: none. Launchers have exit codes of their own as high as 255. */
static int launcher_signal(const supervisor *s) {
  const int above = s->end.exit_code - 128;
  return above > 0 && above < NSIG ? above : 0;
}

static void log_what_happened(const supervisor *s) {
  if (s->run.crashed) {
    log_rank(s, s->run.crash.rank, s->run.crash.signal);
  } else if (s->death.known && s->death.rank >= 0) {
    log_rank(s, s->death.rank, s->death.signal);
  } else if (s->run.gone) {
    log_rank(s, s->run.gone_rank, 0);
  } else if ((s->run.end == SP_END_DEVICE || s->run.end == SP_END_BROKEN) && s->run.end_rank > 0) {
    log_rank(s, s->run.end_rank, 0);
  } else if (s->run.end == SP_END_STALLED) {
    sp_log(SP_LOG_ERROR, "the job hung");
  } else if (s->death.known) {
    sp_log(SP_LOG_ERROR, "a rank died by signal %d (%s); %s does not tell which", s->death.signal,
           strsignal(s->death.signal), sp_mpirun_name());
  } else if (launcher_signal(s)) {
    sp_log(SP_LOG_ERROR, "%s ended by signal %d (%s)", sp_mpirun_name(), launcher_signal(s),
           strsignal(launcher_signal(s)));
  } else if (s->run.begun) {
    sp_log(SP_LOG_ERROR, "the job ended with exit code %d", s->end.exit_code);
  } else {
    sp_log(SP_LOG_ERROR, "%s did not bring the ranks up: exit code %d", sp_mpirun_name(), s->end.exit_code);
  }
}

/* Whether somebody has asked the launcher itself to end: it hands SIGTERM on to the ranks, kills them soon after, and
 * has nothing to say of it, or dies of a signal that means the same to a rank (MPICH's of SIGUSR2). Ranks get SIGTERM
 * where one has died or a node is out of reach, too, but then there is a page about that. */
static bool launcher_was_asked(const supervisor *s) {
  const sp_last_run *run = &s->run;
  const int signal = launcher_signal(s);
  if (signal) return signal == SIGTERM || signal == SIGINT || signal == SIGUSR1 || signal == SIGUSR2;
  return run->asked && run->end == SP_END_NONE && !run->crashed && !run->gone && !s->death.known && !s->death.page;
}

/* Whether what ended the job may be gone the next time. An end that the ranks agreed on or told the reason of is not.
 * has_begun: it had begun in an earlier run, so what keeps it from that now is new. */
static bool is_worth_another(const supervisor *s, bool has_begun) {
  switch (s->run.end) {
  case SP_END_NONE:
    return has_begun || s->death.known || launcher_signal(s);
  case SP_END_COMPLETE: /* it died on its way out */
  case SP_END_BROKEN:
  case SP_END_DEVICE:
  case SP_END_STALLED:
    return true;
  case SP_END_STOPPED:
  case SP_END_FAILED:
    return false;
  }
  return false;
}

/* Bytes of the journal, which grows with every range that is done. */
static off_t journal_size(const supervisor *s) {
  struct stat entry;
  return stat(s->journal, &entry) ? 0 : entry.st_size;
}

/* Whether the run that died got further with what it died of. A unit that crashed its worker when it was tried by
 * itself is set aside after the second trial, so that is progress. A device that failed has to have done more than was
 * lost with it: what others did meanwhile does not mend it. Else what counts is the journal. */
static bool went_on(const supervisor *s, bool journal_grew) {
  if (s->run.crashed && s->run.crash.trial != SP_TRIAL_NONE) return true;
  if (s->run.end != SP_END_DEVICE) return journal_grew;
  uint64_t n_done, n_in_hand;
  sp_inflight_count(s->inflight, s->run.end_rank, &n_done, &n_in_hand);
  return n_done > n_in_hand;
}

static void give_up(const supervisor *s) {
  const int n = s->job->settings.restarts;
  if (s->run.end == SP_END_DEVICE) {
    sp_log(SP_LOG_ERROR,
           "given up: a device failed %d times in a row, each time before it had done more than was lost with it; once "
           "it is mended or left out (CUDA_VISIBLE_DEVICES, engine: cpu) the same command goes on",
           n + 1);
  } else {
    sp_log(SP_LOG_ERROR, "given up after %d restarts in a row without a gather done; the same command goes on", n);
  }
}

/* --- running it ------------------------------------------------------------------------------------------------ */

static sp_status name_files(supervisor *s) {
  SP_TRY(sp_side_path(s->job->output, SP_SIDE_JOURNAL, &s->journal));
  SP_TRY(sp_side_path(s->job->output, SP_SIDE_INFLIGHT, &s->inflight));
  return sp_side_path(s->job->output, SP_SIDE_RUNS, &s->history);
}

/* All runs of one supervisor share the time that the job has. */
static void note_start(void) {
  char now[32];
  snprintf(now, sizeof now, "%.3f", sp_wall_clock());
  setenv("SEISPROC_STARTED_AT", now, 0);
}

/* Without a run a launcher ends with a code of its own: a host that it does not know, an option that it does not take.
 */
static int own_exit_code(const supervisor *s) {
  const int code = s->end.exit_code;
  const bool ours = code <= SP_EXIT_PARTIAL || code == SP_EXIT_RESUMABLE;
  return ours || s->run.begun || s->death.known ? code : SP_EXIT_INPUT;
}

/* One run; what it left is in s. */
static sp_status run_once(supervisor *s, char *const *command) {
  const sp_launch_listener listener = {parse_line, seconds_left, s};
  s->from = sp_history_size(s->history);
  s->death = (death){0};
  s->started = sp_now();
  SP_TRY(sp_launch_run(command, &listener, &s->end));
  sp_history_last(s->history, s->from, &s->run);
  return SP_SUCCESS;
}

static sp_status supervise(supervisor *s, char *const *command, char *const *again, int *exit_code) {
  SP_TRY(name_files(s));
  note_start();
  bool begun = false;
  off_t done = journal_size(s);
  for (int in_vain = 0;;) {
    SP_TRY(run_once(s, begun ? again : command));
    begun |= s->run.begun;
    *exit_code = s->end.exit_code;
    if (s->end.told || s->end.asked) return SP_SUCCESS;
    if (launcher_was_asked(s)) {
      sp_info("%s was asked to end, and has killed the ranks; the same command goes on (asked itself, `seisproc run` "
              "stops without a loss)",
              sp_mpirun_name());
      *exit_code = SP_EXIT_RESUMABLE;
      return SP_SUCCESS;
    }
    const bool another = is_worth_another(s, begun);
    if (another || s->death.known || s->run.end == SP_END_NONE) log_what_happened(s);
    if (!another) {
      *exit_code = own_exit_code(s);
      return SP_SUCCESS;
    }
    const off_t done_now = journal_size(s);
    if (went_on(s, done_now > done)) in_vain = 0;
    done = done_now;
    *exit_code = SP_EXIT_RESUMABLE;
    if (in_vain++ == s->job->settings.restarts) {
      give_up(s);
      return SP_SUCCESS;
    }
    sp_info("starting again, %d of %d in a row without progress", in_vain, s->job->settings.restarts);
  }
}

/* What came of a job of which rank 0 did not come to its end. */
static sp_status report_death(const supervisor *s, const sp_run_options *options, double began_at, int exit_code) {
  const char *error = s->run.error[0] ? s->run.error : s->death.error[0] ? s->death.error : sp_log_first_error();
  const sp_outcome outcome = {.job = s->job,
                              .options = options,
                              .exit_code = exit_code,
                              .error = error[0] || exit_code == 0 ? error : "the job died; its log says more",
                              .started_at = began_at,
                              .ended_at = sp_wall_clock(),
                              .cores = s->run.cores,
                              .gpus = s->run.gpus};
  return sp_outcome_write(&outcome, NULL, NULL);
}

sp_status sp_supervise(const sp_job *job, const sp_run_options *options, char *const *command, char *const *again,
                       int *exit_code) {
  supervisor s = {.job = job};
  const double began_at = sp_wall_clock();
  sp_status status = supervise(&s, command, again, exit_code);
  if (status == SP_SUCCESS && !s.end.told) status = report_death(&s, options, began_at, *exit_code);
  sp_free(s.journal);
  sp_free(s.inflight);
  sp_free(s.history);
  return status;
}
