/* SPDX-License-Identifier: BSD-3-Clause */
/* A campaign on this machine: its surveys one after the other, each by a `seisproc run` of its own. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "seisproc/clock.h"
#include "seisproc/launch.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/side_file.h"
#include "src/cli/campaign.h"
#include "src/run/history.h"

/* A run that has less than START_S left would do nothing. */
enum { NOT_STARTED = 127, START_S = 5 };

/* What asked this process to stop: a signal (0: none has), or the end of its time, on the clock of sp_now. */
typedef struct stop_state {
  sigset_t signals, before;
  int asked;
  double end; /* INFINITY: never */
} stop_state;

static void begin_stop(stop_state *stop, double max_time) {
  static const int numbers[] = {SIGCHLD, SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2};
  *stop = (stop_state){.end = max_time > 0 ? sp_now() + max_time : (double)INFINITY};
  sigemptyset(&stop->signals);
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) sigaddset(&stop->signals, numbers[i]);
  sigprocmask(SIG_BLOCK, &stop->signals, &stop->before);
}

static bool is_to_stop(const stop_state *stop) {
  return stop->asked || sp_now() + START_S > stop->end;
}

/* --- one run ------------------------------------------------------------------------------------------------------ */

/* In the child. A group of its own, so that a terminal's interrupt reaches this process alone. */
static void become(const char *program, char **words, int log, const sigset_t *mask, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(NOT_STARTED);
  setpgid(0, 0);
  const int nothing = open("/dev/null", O_RDONLY);
  dup2(nothing, STDIN_FILENO);
  if (log >= 0) {
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
  }
  sigprocmask(SIG_SETMASK, mask, NULL);
  execv(program, words);
  _exit(NOT_STARTED);
}

/* Waits for the child; what asks to stop is handed on. Its exit code, 75 where a stop met it before it was ready. */
static int wait_for_child(pid_t child, stop_state *stop) {
  const struct timespec pause = {.tv_sec = 1};
  int status = 0;
  while (waitpid(child, &status, WNOHANG) != child) {
    const int signal = sigtimedwait(&stop->signals, NULL, &pause);
    if (signal <= 0 || signal == SIGCHLD) continue;
    stop->asked = signal;
    kill(child, signal);
  }
  if (WIFEXITED(status)) return WEXITSTATUS(status);
  return stop->asked ? SP_EXIT_RESUMABLE : 128 + WTERMSIG(status);
}

/* It is appended to by one run after the other. */
static sp_status open_log(const char *path, int *fd) {
  *fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (*fd >= 0) return SP_SUCCESS;
  return SP_RAISE(sp_file_status(errno), "%s: cannot be written: %s", path, strerror(errno));
}

/* Runs a survey once; its output goes to `log`, or where ours goes (NULL). */
static sp_status run_once(const sp_campaign *c, const sp_campaign_request *request, const sp_campaign_survey *s,
                          const char *log, stop_state *stop, int *exit_code) {
  char *program = NULL, *report = NULL, **words = NULL, **command = NULL, texts[2][SP_CAMPAIGN_WORD], run[] = "run",
       name[] = "seisproc", limit[64];
  int log_file = -1;
  size_t n = 0;
  sp_status status;
  SP_TRY_GOTO(out, sp_own_path(&program));
  SP_TRY_GOTO(out, sp_campaign_file(c, s->line, "json", &report));
  SP_TRY_GOTO(out, sp_campaign_command(request, s, run, texts, report, &words));
  while (words[n]) n++;
  SP_TRY_GOTO(out, sp_calloc(n + 3, sizeof *command, "a command line", &command));
  command[0] = name;
  memcpy(command + 1, words, n * sizeof *words);
  snprintf(limit, sizeof limit, "--max-time=%.0f", floor(fmax(stop->end - sp_now(), 1)));
  if (isfinite(stop->end)) command[n + 1] = limit;
  if (log) SP_TRY_GOTO(out, open_log(log, &log_file));
  unlink(report);
  fflush(stdout);
  const pid_t self = getpid(), child = fork();
  if (child == 0) become(program, command, log_file, &stop->before, self);
  if (child < 0) {
    status = SP_RAISE(SP_ERR_IO, "cannot start %s: %s", program, strerror(errno));
    goto out;
  }
  *exit_code = wait_for_child(child, stop);
  if (*exit_code == NOT_STARTED) status = SP_RAISE(SP_ERR_USAGE, "cannot start %s", program);
out:
  if (log_file >= 0) close(log_file);
  sp_free(command);
  if (words) sp_free(words[1]);
  sp_free(words);
  sp_free(report);
  sp_free(program);
  return status;
}

/* --- all of them -------------------------------------------------------------------------------------------------- */

/* Resuming touches a journal, so its time says nothing; every range that is done makes it longer. */
static off_t journal_size(const char *output) {
  char *path = NULL;
  struct stat entry;
  if (sp_side_path(output, SP_SIDE_JOURNAL, &path) != SP_SUCCESS) return 0;
  const off_t size = stat(path, &entry) ? 0 : entry.st_size;
  sp_free(path);
  return size;
}

/* Where the campaign's time has stopped the run that was last, what is left of it is too short for another. */
static void heed_end(const char *output, stop_state *stop) {
  char *path = NULL;
  sp_last_run last = {0};
  if (!isfinite(stop->end) || sp_side_path(output, SP_SIDE_RUNS, &path) != SP_SUCCESS) return;
  sp_history_last(path, 0, &last);
  sp_free(path);
  if (last.end == SP_END_STOPPED) stop->end = sp_now();
}

/* A survey to its end: again as long as it is to be resumed and gets further. The log is locked meanwhile: it takes a
 * second until a run has the lock of its output. */
static sp_status run_survey(const sp_campaign *c, const sp_campaign_request *request, sp_campaign_survey *s,
                            stop_state *stop) {
  char *log = NULL;
  int exit_code = SP_EXIT_RESUMABLE, guard = -1;
  bool further = true;
  SP_TRY(sp_campaign_file(c, s->line, "log", &log));
  sp_status status = open_log(log, &guard);
  if (status == SP_SUCCESS && flock(guard, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK) {
    sp_info("line %u: %s: another campaign runs it; left alone", s->line, s->output);
    goto out;
  }
  if (status == SP_SUCCESS) sp_info("line %u: %s to %s, log %s", s->line, s->input, s->output, log);
  while (status == SP_SUCCESS && exit_code == SP_EXIT_RESUMABLE && further && !is_to_stop(stop)) {
    const off_t before = journal_size(s->output);
    status = run_once(c, request, s, log, stop, &exit_code);
    further = journal_size(s->output) != before;
    heed_end(s->output, stop);
  }
  if (status == SP_SUCCESS) sp_info("line %u: exit code %d", s->line, exit_code);
  s->exit_code = exit_code;
out:
  if (guard >= 0) close(guard);
  sp_free(log);
  return status;
}

/* A task of a job array: its survey once, whatever came before; the batch script sees to the rest. */
static sp_status run_line(const sp_campaign *c, const sp_campaign_request *request, int *exit_code) {
  stop_state stop;
  begin_stop(&stop, request->max_time);
  const sp_status status = run_once(c, request, &c->surveys[0], NULL, &stop, exit_code);
  sigprocmask(SIG_SETMASK, &stop.before, NULL);
  return status;
}

/* One that was looked at and is to run; meanwhile another campaign may have begun or done it. */
static sp_status run_unless_busy(const sp_campaign *c, const sp_campaign_request *request, sp_campaign_survey *s,
                                 stop_state *stop) {
  const sp_survey_state before = s->state;
  if (!s->busy) SP_TRY(sp_campaign_look_again(c, s));
  if (before == SP_SURVEY_LEFT && s->state <= SP_SURVEY_PARTIAL) return SP_SUCCESS; /* done by another */
  if (s->busy) {
    sp_info("line %u: %s: %s; left alone", s->line, s->output, s->note);
    return SP_SUCCESS;
  }
  return run_survey(c, request, s, stop);
}

sp_status sp_campaign_run(sp_campaign *campaign, const sp_campaign_request *request, int *exit_code) {
  if (request->line) {
    SP_TRY(sp_campaign_make_folder(campaign));
    return run_line(campaign, request, exit_code);
  }
  SP_TRY(sp_campaign_check_options(campaign, request));
  SP_TRY(sp_campaign_make_folder(campaign));
  stop_state stop;
  begin_stop(&stop, request->max_time);
  sp_status status = sp_campaign_look(campaign);
  sp_campaign_check_complete(campaign, request);
  for (size_t i = 0; i < campaign->n && status == SP_SUCCESS && !is_to_stop(&stop); i++) {
    sp_campaign_survey *s = &campaign->surveys[i];
    if (s->state == SP_SURVEY_DONE || s->state == SP_SURVEY_PARTIAL) continue;
    status = run_unless_busy(campaign, request, s, &stop);
  }
  sigprocmask(SIG_SETMASK, &stop.before, NULL);
  if (status == SP_SUCCESS) status = sp_campaign_look(campaign);
  *exit_code = sp_campaign_exit_code(campaign);
  return status;
}
