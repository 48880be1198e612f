/* SPDX-License-Identifier: BSD-3-Clause */
/* A campaign on this machine: its surveys one after the other, each by a `seisproc run` of its own. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "seisproc/launch.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/side_file.h"
#include "src/cli/campaign.h"

enum { NOT_STARTED = 127 };

/* What asked this process to stop; 0: nothing has. */
typedef struct stop_state {
  sigset_t signals, before;
  int asked;
} stop_state;

static void begin_signals(stop_state *stop) {
  static const int numbers[] = {SIGCHLD, SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2};
  *stop = (stop_state){0};
  sigemptyset(&stop->signals);
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) sigaddset(&stop->signals, numbers[i]);
  sigprocmask(SIG_BLOCK, &stop->signals, &stop->before);
}

sp_status sp_campaign_command(const sp_campaign_request *request, const sp_campaign_survey *survey, char *command,
                              char texts[2][SP_CAMPAIGN_WORD], char *report, char ***out) {
  size_t n_own = 0, n_all = 0, n = 0;
  char *job = NULL, **words = NULL;
  while (survey->options[n_own]) n_own++;
  while (request->run_options[n_all]) n_all++;
  SP_TRY(sp_strdup(request->job_path, &job));
  const sp_status status = sp_calloc(n_own + n_all + 10, sizeof *words, "a command line", &words);
  if (status != SP_SUCCESS) {
    sp_free(job);
    return status;
  }
  snprintf(texts[0], SP_CAMPAIGN_WORD, "input=%s", survey->input);
  snprintf(texts[1], SP_CAMPAIGN_WORD, "output=%s", survey->output);
  words[n++] = command;
  words[n++] = job;
  for (int i = 0; i < 2; i++) {
    words[n++] = (char *)(uintptr_t) "--set"; /* execv changes no word */
    words[n++] = texts[i];
  }
  for (size_t i = 0; i < n_own; i++) words[n++] = survey->options[i];
  for (size_t i = 0; i < n_all; i++) words[n++] = request->run_options[i];
  if (report) words[n++] = (char *)(uintptr_t) "--report";
  if (report) words[n++] = report;
  *out = words;
  return SP_SUCCESS;
}

/* --- one run ------------------------------------------------------------------------------------------------------ */

/* In the child. A group of its own, so that a terminal's interrupt reaches this process alone. */
static void become(const char *program, char **words, const char *log, const sigset_t *mask, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(NOT_STARTED);
  setpgid(0, 0);
  const int nothing = open("/dev/null", O_RDONLY);
  dup2(nothing, STDIN_FILENO);
  if (log) {
    const int file = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (file < 0) _exit(NOT_STARTED);
    dup2(file, STDOUT_FILENO);
    dup2(file, STDERR_FILENO);
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

/* Runs a survey once; its output goes to `log`, or where ours goes (NULL). */
static sp_status run_once(const sp_campaign *c, const sp_campaign_request *request, const sp_campaign_survey *s,
                          const char *log, stop_state *stop, int *exit_code) {
  char *program = NULL, *report = NULL, **words = NULL, texts[2][SP_CAMPAIGN_WORD], run[] = "run", name[] = "seisproc";
  sp_status status;
  SP_TRY_GOTO(out, sp_own_path(&program));
  SP_TRY_GOTO(out, sp_campaign_file(c, s->line, "json", &report));
  unlink(report);
  SP_TRY_GOTO(out, sp_campaign_command(request, s, run, texts, report, &words));
  char *command[300] = {name};
  for (size_t i = 0; words[i] && i + 2 < sizeof command / sizeof command[0]; i++) command[i + 1] = words[i];
  fflush(stdout);
  const pid_t self = getpid(), child = fork();
  if (child == 0) become(program, command, log, &stop->before, self);
  if (child < 0) {
    status = SP_RAISE(SP_ERR_USAGE, "cannot start %s: %s", program, strerror(errno));
    goto out;
  }
  *exit_code = wait_for_child(child, stop);
  if (*exit_code == NOT_STARTED) {
    status = SP_RAISE(SP_ERR_USAGE, "cannot start %s with its log %s", program, log ? log : "on standard error");
  }
out:
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

/* A survey to its end: again as long as it is to be resumed and gets further. */
static sp_status run_survey(const sp_campaign *c, const sp_campaign_request *request, const sp_campaign_survey *s,
                            stop_state *stop) {
  char *log = NULL;
  int exit_code = SP_EXIT_RESUMABLE;
  bool further = true;
  SP_TRY(sp_campaign_file(c, s->line, "log", &log));
  sp_status status = SP_SUCCESS;
  sp_info("line %u: %s to %s, log %s", s->line, s->input, s->output, log);
  while (status == SP_SUCCESS && exit_code == SP_EXIT_RESUMABLE && further && !stop->asked) {
    const off_t before = journal_size(s->output);
    status = run_once(c, request, s, log, stop, &exit_code);
    further = journal_size(s->output) != before;
  }
  if (status == SP_SUCCESS) sp_info("line %u: exit code %d", s->line, exit_code);
  sp_free(log);
  return status;
}

/* A task of a job array: its survey once, whatever came before; the batch script sees to the rest. */
static sp_status run_line(const sp_campaign *c, const sp_campaign_request *request, int *exit_code) {
  stop_state stop;
  begin_signals(&stop);
  const sp_status status = run_once(c, request, &c->surveys[0], NULL, &stop, exit_code);
  sigprocmask(SIG_SETMASK, &stop.before, NULL);
  return status;
}

sp_status sp_campaign_run(sp_campaign *campaign, const sp_campaign_request *request, int *exit_code) {
  SP_TRY(sp_campaign_make_folder(campaign));
  if (request->line) return run_line(campaign, request, exit_code);
  stop_state stop;
  sp_status status = sp_campaign_look(campaign);
  begin_signals(&stop);
  for (size_t i = 0; i < campaign->n && status == SP_SUCCESS && !stop.asked; i++) {
    const sp_campaign_survey *s = &campaign->surveys[i];
    if (s->state == SP_SURVEY_DONE || s->state == SP_SURVEY_PARTIAL) continue;
    if (s->busy) {
      sp_info("line %u: %s: %s; left alone", s->line, s->output, s->note);
    } else {
      status = run_survey(campaign, request, s, &stop);
    }
  }
  sigprocmask(SIG_SETMASK, &stop.before, NULL);
  if (status == SP_SUCCESS) status = sp_campaign_look(campaign);
  *exit_code = sp_campaign_exit_code(campaign);
  return status;
}
