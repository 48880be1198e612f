/* SPDX-License-Identifier: BSD-3-Clause */
/* A campaign as a job array of Slurm: a task a survey, with the number of its line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "seisproc/launch.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "src/cli/campaign.h"
#include "src/cli/doctor.h"

enum { SBATCH_S = 60, ANSWER_SIZE = 4096, MAX_ARGUMENTS = 256 };

/* Where the batch script is: as SEISPROC_JOBSCRIPTS says, else beside the program. The caller owns *out. */
static sp_status find_script(char **out) {
  const char *named = getenv("SEISPROC_JOBSCRIPTS");
  char *program = NULL, *slash;
  static const char tail[] = "/../share/seisproc/jobscripts", script[] = "/campaign.sbatch";
  SP_TRY(sp_own_path(&program));
  slash = strrchr(program, '/');
  if (slash) *slash = '\0';
  const size_t size = strlen(named ? named : program) + sizeof tail + sizeof script;
  const sp_status status = sp_alloc(size, "a file name", out);
  if (status == SP_SUCCESS) snprintf(*out, size, "%s%s%s", named ? named : program, named ? "" : tail, script);
  sp_free(program);
  if (status != SP_SUCCESS || !access(*out, R_OK)) return status;
  sp_raise(SP_ERR_USAGE, __FILE__, __LINE__,
           "%s is not there; set SEISPROC_JOBSCRIPTS to the folder of the job scripts", *out);
  sp_free(*out);
  return SP_ERR_USAGE;
}

static bool is_to_run(const sp_campaign_survey *s) {
  return !s->busy && s->state != SP_SURVEY_DONE && s->state != SP_SURVEY_PARTIAL;
}

static const char array_option[] = "--array=";

/* "--array=2,3,5%4": lines that are to run; the caller owns it. */
static sp_status list_lines(const sp_campaign *c, unsigned at_once, char **out, size_t *n) {
  const size_t size = 12 * c->n + 32;
  SP_TRY(sp_alloc(size, "a list of lines", out));
  size_t at = (size_t)snprintf(*out, size, "%s", array_option);
  *n = 0;
  for (size_t i = 0; i < c->n; i++) {
    const sp_campaign_survey *s = &c->surveys[i];
    if (!is_to_run(s)) continue;
    at += (size_t)snprintf(*out + at, size - at, "%s%u", *n ? "," : "", s->line);
    (*n)++;
  }
  if (at_once) snprintf(*out + at, size - at, "%%%u", at_once);
  return SP_SUCCESS;
}

/* What an earlier run of these surveys said of its end counts no more. */
static void forget_reports(const sp_campaign *c) {
  for (size_t i = 0; i < c->n; i++) {
    const sp_campaign_survey *s = &c->surveys[i];
    char *path = NULL;
    if (!is_to_run(s)) continue;
    if (sp_campaign_file(c, s->line, "json", &path) == SP_SUCCESS) unlink(path);
    sp_free(path);
  }
}

/* Notes the job that has each of the lines, and the output that it is to make. */
static sp_status note_job(const sp_campaign *c, const char *job) {
  for (size_t i = 0; i < c->n; i++) {
    const sp_campaign_survey *s = &c->surveys[i];
    char *path = NULL;
    if (!is_to_run(s)) continue;
    SP_TRY(sp_campaign_file(c, s->line, "job", &path));
    FILE *file = fopen(path, "w");
    const bool good = file && fprintf(file, "%s\n%s\n", job, s->output) > 0;
    if (file && fclose(file)) sp_warn("%s: cannot be written", path);
    if (!good) sp_warn("%s: cannot be written: `status` will not know that job %s has the survey", path, job);
    sp_free(path);
  }
  return SP_SUCCESS;
}

/* sbatch's own words before those of the request, which win. */
static sp_status submit(const sp_campaign *c, const sp_campaign_request *request, const char *script, const char *lines,
                        const char *folder) {
  char output[4096], answer[ANSWER_SIZE];
  const char *arguments[MAX_ARGUMENTS + 1];
  size_t n = 0;
  snprintf(output, sizeof output, "--output=%s/%%a.log", folder);
  const char *const first[] = {"sbatch", "--parsable", lines, output};
  for (size_t i = 0; i < sizeof first / sizeof first[0]; i++) arguments[n++] = first[i];
  for (const char *const *o = request->sbatch_options; *o && n < MAX_ARGUMENTS; o++) arguments[n++] = *o;
  const char *const last[] = {script, request->job_path, c->manifest};
  for (size_t i = 0; i < 3 && n < MAX_ARGUMENTS; i++) arguments[n++] = last[i];
  for (char *const *o = request->run_options; *o && n < MAX_ARGUMENTS; o++) arguments[n++] = *o;
  if (n == MAX_ARGUMENTS) return SP_RAISE(SP_ERR_USAGE, "more than %d words for sbatch", MAX_ARGUMENTS);
  arguments[n] = NULL;
  if (!sp_capture_program(arguments, SBATCH_S, answer, sizeof answer)) {
    answer[strcspn(answer, "\n")] = '\0';
    return SP_RAISE(SP_ERR_USAGE, "sbatch takes no job: %s", answer[0] ? answer : "is it installed?");
  }
  /* what it warns of comes before the number */
  char *line = answer + strlen(answer);
  while (line > answer && (line[-1] == '\n')) *--line = '\0';
  while (line > answer && line[-1] != '\n') line--;
  line[strcspn(line, ";")] = '\0';
  SP_TRY(note_job(c, line));
  lines += sizeof array_option - 1;
  printf("submitted as job %s: lines %.*s\n", line, (int)strcspn(lines, "%"), lines);
  return SP_SUCCESS;
}

sp_status sp_campaign_submit(sp_campaign *campaign, const sp_campaign_request *request) {
  char *script = NULL, *lines = NULL;
  size_t n;
  sp_status status;
  SP_TRY(sp_campaign_check_options(campaign, request));
  SP_TRY(sp_campaign_look(campaign));
  sp_campaign_check_complete(campaign, request);
  SP_TRY_GOTO(out, find_script(&script));
  SP_TRY_GOTO(out, list_lines(campaign, request->at_once, &lines, &n));
  if (n == 0) {
    printf("nothing to submit: every survey is complete or in the queue\n");
    goto out;
  }
  SP_TRY_GOTO(out, sp_campaign_make_folder(campaign));
  forget_reports(campaign);
  status = submit(campaign, request, script, lines, campaign->folder);
out:
  sp_free(lines);
  sp_free(script);
  return status;
}
