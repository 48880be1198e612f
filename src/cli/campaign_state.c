/* SPDX-License-Identifier: BSD-3-Clause */
/* How the surveys of a campaign stand, from what their runs leave. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "seisproc/lock.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/side_file.h"
#include "src/cli/campaign.h"
#include "src/job/yaml_tree.h"

enum { REPORT_SIZE = 1 << 16, JOB_SIZE = 8192 };

const char *sp_survey_state_name(sp_survey_state state) {
  static const char *const names[] = {"done", "partial", "failed", "left"};
  return names[state];
}

/* The first bytes of a file as a text; false where it cannot be read. */
static bool read_start(const char *path, char *text, size_t size) {
  FILE *file = fopen(path, "r");
  if (!file) return false;
  const size_t n = fread(text, 1, size - 1, file);
  fclose(file);
  text[n] = '\0';
  return true;
}

/* Whether a report is on a run that made this output: lines of a manifest move as it is edited. */
static bool is_on(const sp_yaml_node *report, const char *output) {
  const sp_yaml_node *job = sp_yaml_find(report, "job");
  const sp_yaml_node *made = job && job->kind == SP_YAML_MAP ? sp_yaml_find(job, "output") : NULL;
  return made && made->kind == SP_YAML_SCALAR && !strcmp(made->text, output);
}

/* What the report of a survey's last run says of its end: JSON is YAML. Only the beginning is read, which is in lines
 * of a member each; false where there is none. */
static bool read_report(const sp_campaign *c, const sp_campaign_survey *s, int *exit_code, char *error, size_t size) {
  char *path = NULL, *text = NULL;
  bool found = false;
  sp_yaml_node *root = NULL;
  sp_mistakes mistakes = {.path = path};
  if (sp_campaign_file(c, s->line, "json", &path) != SP_SUCCESS) return false;
  if (sp_alloc(REPORT_SIZE, "a report", &text) == SP_SUCCESS && read_start(path, text, REPORT_SIZE - 2)) {
    char *more = strstr(text, "\n  \"elapsed_s\":"); /* members behind it are of no interest */
    if (more) strcpy(more[-1] == ',' ? more - 1 : more, "}");
    mistakes.path = path;
    if (sp_yaml_read(&mistakes, text, NULL, &root) == SP_SUCCESS && root && root->kind == SP_YAML_MAP) {
      const sp_yaml_node *code = sp_yaml_find(root, "exit_code"), *why = sp_yaml_find(root, "error");
      found = code && code->kind == SP_YAML_SCALAR && is_on(root, s->output);
      if (found) *exit_code = atoi(code->text);
      snprintf(error, size, "%s", why && why->kind == SP_YAML_SCALAR ? why->text : "");
    }
    sp_yaml_destroy(root);
  }
  sp_free(text);
  sp_free(path);
  return found;
}

/* "1 gathers not finite, 2 ..." */
static void list_reasons(const sp_history_sum *used, char *text, size_t size) {
  size_t n = 0;
  text[0] = '\0';
  for (int reason = 1; reason < SP_REASON_COUNT && n < size; reason++) {
    if (!used->reasons[reason]) continue;
    n += (size_t)snprintf(text + n, size - n, "%s%llu %s", n ? ", " : "", (unsigned long long)used->reasons[reason],
                          sp_reason_name((sp_reason)reason));
  }
}

typedef struct side_files {
  char *output, *part, *lock, *runs; /* owned */
} side_files;

static sp_status name_files(const char *output, side_files *f) {
  SP_TRY(sp_output_path(output, &f->output));
  SP_TRY(sp_side_path(output, SP_SIDE_PART, &f->part));
  SP_TRY(sp_side_path(output, SP_SIDE_LOCK, &f->lock));
  return sp_side_path(output, SP_SIDE_RUNS, &f->runs);
}

static void free_files(side_files *f) {
  sp_free(f->output);
  sp_free(f->part);
  sp_free(f->lock);
  sp_free(f->runs);
}

/* Whether the last report was written after the output. */
static bool is_report_newer(const sp_campaign *c, const sp_campaign_survey *s, const char *output) {
  char *path = NULL;
  struct stat report, made;
  if (sp_campaign_file(c, s->line, "json", &path) != SP_SUCCESS) return false;
  const bool both = !stat(path, &report) && !stat(output, &made);
  sp_free(path);
  if (!both) return false;
  return report.st_mtim.tv_sec != made.st_mtim.tv_sec ? report.st_mtim.tv_sec > made.st_mtim.tv_sec
                                                      : report.st_mtim.tv_nsec > made.st_mtim.tv_nsec;
}

/* A run that found the output complete, but not what its job makes, was refused. */
static bool was_refused(const sp_campaign *c, sp_campaign_survey *s, const char *output) {
  int exit_code;
  char error[sizeof s->note];
  if (!is_report_newer(c, s, output) || !read_report(c, s, &exit_code, error, sizeof error)) return false;
  if (exit_code != SP_EXIT_INPUT) return false;
  s->state = SP_SURVEY_FAILED;
  snprintf(s->note, sizeof s->note, "%s", error);
  return true;
}

static void look_at_complete(const sp_campaign *c, sp_campaign_survey *s, const char *output) {
  if (was_refused(c, s, output)) return;
  s->state = SP_SURVEY_DONE;
  if (!s->used.has_result) return; /* its history was moved away, or cut off at its very end */
  if (s->used.exit_code == SP_EXIT_PARTIAL) s->state = SP_SURVEY_PARTIAL;
  list_reasons(&s->used, s->note, sizeof s->note);
}

/* Whether Slurm has it: what was noted as it was submitted is the job's number, and the output on a line of its own. */
static bool is_queued(const sp_campaign *c, sp_campaign_survey *s, const char *queue) {
  char *path = NULL, job[JOB_SIZE] = "", state[16] = "";
  if (!queue || sp_campaign_file(c, s->line, "job", &path) != SP_SUCCESS) return false;
  if (read_start(path, job, sizeof job)) {
    char *output = job + strcspn(job, "\n");
    if (*output) *output++ = '\0';
    output[strcspn(output, "\n")] = '\0';
    if (!strcmp(output, s->output)) sp_campaign_find_task(queue, job, s->line, state);
  }
  sp_free(path);
  if (!strcmp(state, "R") || !strcmp(state, "CG")) {
    snprintf(s->note, sizeof s->note, "running, job %.32s", job);
  } else if (!strcmp(state, "PD") || !strcmp(state, "S") || !strcmp(state, "RQ")) {
    snprintf(s->note, sizeof s->note, "in the queue");
  } else {
    return false;
  }
  return true;
}

static void look_at_last_run(const sp_campaign *c, sp_campaign_survey *s, const side_files *f) {
  int exit_code = s->exit_code;
  char error[sizeof s->note] = "";
  if (!read_report(c, s, &exit_code, error, sizeof error) && exit_code != SP_EXIT_INPUT) {
    snprintf(s->note, sizeof s->note, "%s", access(f->part, F_OK) ? "not begun" : "cut off");
  } else if (exit_code == SP_EXIT_RESUMABLE) {
    snprintf(s->note, sizeof s->note, "stopped early%s%.480s", error[0] ? ": " : "", error);
  } else if (exit_code == SP_EXIT_COMPLETE || exit_code == SP_EXIT_PARTIAL) {
    snprintf(s->note, sizeof s->note, "not begun; an earlier run was complete, but the output is gone");
  } else {
    s->state = SP_SURVEY_FAILED;
    snprintf(s->note, sizeof s->note, "%s", error[0] ? error : "its run ended with an error; its log says more");
  }
}

static sp_status look(const sp_campaign *c, sp_campaign_survey *s, const char *queue) {
  side_files f = {0};
  char holder[256];
  sp_status status = name_files(s->output, &f);
  if (status != SP_SUCCESS) goto out;
  sp_history_add_up(f.runs, &s->used);
  s->n_units = s->used.n_units;
  s->n_done = s->used.n_done;
  s->state = SP_SURVEY_LEFT;
  s->busy = false;
  s->note[0] = '\0';
  if (sp_lock_is_held(f.lock, holder, sizeof holder)) {
    s->busy = true;
    if (!is_queued(c, s, queue)) snprintf(s->note, sizeof s->note, "running, %s", holder);
  } else if (!access(f.output, F_OK) && access(f.part, F_OK)) {
    look_at_complete(c, s, f.output);
  } else if (is_queued(c, s, queue)) {
    s->busy = true;
  } else {
    look_at_last_run(c, s, &f);
  }
out:
  free_files(&f);
  return status;
}

/* Whether any was given to Slurm; then it is asked, once. */
static bool was_submitted(const sp_campaign *c) {
  const char *self = getenv("SLURM_ARRAY_TASK_ID");
  for (size_t i = 0; i < c->n; i++) {
    char *path = NULL;
    if (self && c->n == 1 && (unsigned)atoi(self) == c->surveys[0].line) return false; /* this very task looks */
    if (sp_campaign_file(c, c->surveys[i].line, "job", &path) != SP_SUCCESS) return false;
    const bool there = !access(path, F_OK);
    sp_free(path);
    if (there) return true;
  }
  return false;
}

sp_status sp_campaign_look(sp_campaign *campaign) {
  char *queue = was_submitted(campaign) ? sp_campaign_ask_queue() : NULL;
  sp_status status = SP_SUCCESS;
  for (size_t i = 0; i < campaign->n && status == SP_SUCCESS; i++) {
    status = look(campaign, &campaign->surveys[i], queue);
  }
  sp_free(queue);
  return status;
}

sp_status sp_campaign_look_again(const sp_campaign *campaign, sp_campaign_survey *survey) {
  return look(campaign, survey, NULL);
}

int sp_campaign_exit_code(const sp_campaign *campaign) {
  size_t n[SP_N_SURVEY_STATES] = {0};
  for (size_t i = 0; i < campaign->n; i++) n[campaign->surveys[i].state]++;
  if (n[SP_SURVEY_LEFT]) return SP_EXIT_RESUMABLE;
  return n[SP_SURVEY_DONE] == campaign->n ? SP_EXIT_COMPLETE : SP_EXIT_PARTIAL;
}
