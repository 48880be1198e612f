/* SPDX-License-Identifier: BSD-3-Clause */
/* What is asked before anything runs: whether the options of each survey can be read, and whether outputs that are
 * there are what this job makes. Each in a process of its own: options that cannot be read end one. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "src/cli/campaign.h"
#include "src/cli/doctor.h"
#include "src/cli/option.h"

enum { CHECK_S = 600, ANSWER_SIZE = 4096 };

typedef struct check {
  const sp_campaign_request *request;
  const sp_campaign_survey *survey;
} check;

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
  for (size_t i = 0; i < n_own; i++) words[n++] = survey->options[i];
  for (size_t i = 0; i < n_all; i++) words[n++] = request->run_options[i];
  for (int i = 0; i < 2; i++) {
    words[n++] = (char *)(uintptr_t) "--set"; /* execv changes no word */
    words[n++] = texts[i];
  }
  if (report) words[n++] = (char *)(uintptr_t) "--report";
  if (report) words[n++] = report;
  *out = words;
  return SP_SUCCESS;
}

/* In a child whose output is an answer: the log goes nowhere. */
static void silence(void) {
  FILE *nowhere = fopen("/dev/null", "w");
  if (nowhere) sp_log_set_stream(nowhere);
}

/* Whether "KEY=VALUE" has this key. */
static bool has_key(const char *override, const char *key) {
  override += strspn(override, " ");
  const size_t n = strlen(key);
  return !strncmp(override, key, n) && override[n + strspn(override + n, " ")] == '=';
}

/* What `seisproc run` would make of that command line; texts[2][] as of sp_campaign_command. Ends the program where an
 * option cannot be read. Errors: SP_ERR_USAGE, where options name another input, output or report. */
static sp_status read_arguments(const sp_campaign_request *request, const sp_campaign_survey *survey,
                                char texts[2][SP_CAMPAIGN_WORD], sp_run_arguments *args) {
  char **words = NULL, name[] = "plan";
  int n = 0;
  SP_TRY(sp_campaign_command(request, survey, name, texts, NULL, &words));
  while (words[n]) n++;
  sp_option_parse(&sp_run_argp, n, words, 0, args);
  for (size_t i = 0; i < args->n_overrides; i++) {
    const char *o = args->overrides[i];
    if (o == texts[0] || o == texts[1] || (!has_key(o, "input") && !has_key(o, "output"))) continue;
    return SP_RAISE(SP_ERR_USAGE, "--set %s: input and output of a survey are the first words of its line", o);
  }
  if (!args->options.report_path) return SP_SUCCESS;
  return SP_RAISE(SP_ERR_USAGE, "--report: a campaign keeps the reports of its surveys in MANIFEST.campaign");
}

sp_status sp_campaign_open_plan(const sp_campaign_request *request, const sp_campaign_survey *survey, bool restart,
                                char texts[2][SP_CAMPAIGN_WORD], sp_run_plan *plan) {
  sp_run_arguments args = {0};
  sp_job *job = NULL;
  silence();
  SP_TRY(read_arguments(request, survey, texts, &args));
  args.options.restart = args.options.restart && restart;
  SP_TRY(sp_run_arguments_job(&args, &job));
  SP_TRY(sp_run_plan_open(job, NULL, plan));
  return sp_run_arguments_plan(&args, plan);
}

/* --- options ------------------------------------------------------------------------------------------------------ */

static int options_here(void *context) {
  const check *c = context;
  char texts[2][SP_CAMPAIGN_WORD];
  sp_run_arguments args = {0};
  silence();
  const sp_status status = read_arguments(c->request, c->survey, texts, &args);
  if (status != SP_SUCCESS) printf("%s\n", sp_log_first_error());
  return sp_status_exit_code(status);
}

/* The first line of what a child said, without the name of who said it. */
void sp_campaign_note_reason(char *answer, sp_campaign_survey *s) {
  const char *reason = answer;
  answer[strcspn(answer, "\n")] = '\0';
  if (!strncmp(answer, "plan: ", 6)) reason += 6;
  snprintf(s->note, sizeof s->note, "%.500s", *reason ? reason : "planning it ended without a word");
}

sp_status sp_campaign_check_options(sp_campaign *campaign, const sp_campaign_request *request) {
  sp_status worst = SP_SUCCESS;
  for (size_t i = 0; i < campaign->n; i++) {
    sp_campaign_survey *s = &campaign->surveys[i];
    char answer[ANSWER_SIZE];
    check c = {request, s};
    if (i > 0 && !s->options[0]) continue; /* the first has the options of all */
    if (sp_capture(options_here, &c, CHECK_S, answer, sizeof answer) && !answer[0]) continue;
    sp_campaign_note_reason(answer, s);
  }
  for (size_t i = 0; i < campaign->n; i++) { /* now: a child would take over the first error that was logged */
    const sp_campaign_survey *s = &campaign->surveys[i];
    if (s->note[0]) worst = SP_RAISE(SP_ERR_USAGE, "%s:%u: %s", campaign->manifest, s->line, s->note);
  }
  return worst;
}

/* --- outputs ------------------------------------------------------------------------------------------------------ */

/* Ends with 0 where the job finds its output complete. */
static int complete_here(void *context) {
  const check *c = context;
  char texts[2][SP_CAMPAIGN_WORD];
  sp_run_plan plan = {0};
  const sp_status status = sp_campaign_open_plan(c->request, c->survey, false, texts, &plan);
  return status == SP_SUCCESS && plan.start == SP_START_COMPLETE ? SP_EXIT_COMPLETE : SP_EXIT_INPUT;
}

void sp_campaign_check_complete(sp_campaign *campaign, const sp_campaign_request *request) {
  for (size_t i = 0; i < campaign->n; i++) {
    sp_campaign_survey *s = &campaign->surveys[i];
    char answer[ANSWER_SIZE];
    check c = {request, s};
    if (s->state != SP_SURVEY_DONE && s->state != SP_SURVEY_PARTIAL) continue;
    if (access(s->input, R_OK)) continue; /* it may be gone once the output is there */
    if (!sp_capture(complete_here, &c, CHECK_S, answer, sizeof answer)) s->state = SP_SURVEY_FAILED;
  }
}
