/* SPDX-License-Identifier: BSD-3-Clause */
/* Campaigns: many surveys, one job file, in parts that `seisproc campaign` is made of. Private to src/cli.
 *
 * A manifest is a text, a survey a line: INPUT OUTPUT [OPTION of seisproc run]... Names with spaces stand in quotes.
 * Empty lines and those that begin with # do not count, nor does what editors and spreadsheets of Windows add: a mark
 * at the beginning, carriage returns at the ends of lines. Surveys are numbered by their line, which is also the task
 * of a job array: lines may be added at the end of a manifest at any time.
 *
 * How a survey stands is read from what its runs leave: the output, its part, journal, lock and history, and the report
 * of its last run, MANIFEST.campaign/LINE.json. Nothing is kept besides, so a campaign goes on whatever was cut off.
 */
#ifndef SEISPROC_CLI_CAMPAIGN_H
#define SEISPROC_CLI_CAMPAIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seisproc/json.h"
#include "seisproc/status.h"
#include "src/cli/run_options.h"
#include "src/run/history.h"

/* --- the manifest: campaign_manifest.c ------------------------------------------------------------------------ */

typedef enum sp_survey_state {
  SP_SURVEY_DONE,    /* complete */
  SP_SURVEY_PARTIAL, /* complete, but for some units */
  SP_SURVEY_FAILED,  /* its last run ended with an error */
  SP_SURVEY_LEFT     /* waits, runs, or was cut off */
} sp_survey_state;

enum { SP_N_SURVEY_STATES = SP_SURVEY_LEFT + 1 };

typedef struct sp_campaign_survey {
  unsigned line;
  char **words; /* input, output, options; ended by NULL; owned */
  char *input, *output, **options;
  sp_survey_state state; /* from here on as sp_campaign_look has it */
  bool busy;             /* it runs, or is in the queue */
  char note[512];        /* one line on it; "" */
  int exit_code;         /* of its last run by this process; 0 */
  uint64_t n_units, n_done;
  sp_history_sum used;
} sp_campaign_survey;

typedef struct sp_campaign {
  const char *manifest;        /* borrowed */
  char *folder;                /* MANIFEST.campaign; owned */
  sp_campaign_survey *surveys; /* [n]; owned */
  size_t n;
} sp_campaign;

/* Reads a manifest; `line` keeps that one alone (0: all). The caller owns *out. Errors: SP_ERR_USAGE, where all
 * mistakes are told, a line each: words that cannot be read, an output twice, an output that is another line's input.
 * *out then holds the lines that can be read, to be freed as well.
 */
sp_status sp_campaign_read(const char *manifest, unsigned line, sp_campaign *out);
void sp_campaign_free(sp_campaign *campaign);

/* FOLDER/LINE.SUFFIX, owned by the caller. */
sp_status sp_campaign_file(const sp_campaign *campaign, unsigned line, const char *suffix, char **out);

/* The folder, made where it is not there. Errors: SP_ERR_USAGE. */
sp_status sp_campaign_make_folder(const sp_campaign *campaign);

/* --- how surveys stand: campaign_state.c ------------------------------------------------------------------------ */

/* Looks at all of them; asks Slurm once where any was submitted. */
sp_status sp_campaign_look(sp_campaign *campaign);

/* Looks at one once more, without asking Slurm. */
sp_status sp_campaign_look_again(const sp_campaign *campaign, sp_campaign_survey *survey);

/* The exit code of a campaign: 0 all are done, 75 some are left, 2 some are partial or failed. */
int sp_campaign_exit_code(const sp_campaign *campaign);

const char *sp_survey_state_name(sp_survey_state state);

/* --- telling: campaign_report.c ---------------------------------------------------------------------------------- */

void sp_campaign_print_status(const sp_campaign *campaign);
void sp_campaign_print_report(const sp_campaign *campaign);
sp_status sp_campaign_print_json(const sp_campaign *campaign);

/* --- doing: campaign_check.c, campaign_plan.c, campaign_run.c, campaign_slurm.c, campaign_queue.c ----------------- */

typedef struct sp_campaign_request {
  const char *job_path;
  char *const *run_options; /* of seisproc run, for all surveys; ended by NULL */
  const char *const *sbatch_options;
  unsigned line;   /* this survey alone, once; 0: all */
  double max_time; /* s for all that `run` runs; 0: no limit */
  unsigned at_once;
  bool json;
} sp_campaign_request;

/* The command line that runs a survey, its words from `run` or `plan` on: *out and nothing in it is the caller's
 * (sp_free). `report` is where the run reports, or NULL. The last two of texts[2][] hold words. */
enum { SP_CAMPAIGN_WORD = 4352 };
sp_status sp_campaign_command(const sp_campaign_request *request, const sp_campaign_survey *survey, char *command,
                              char texts[2][SP_CAMPAIGN_WORD], char *report, char ***out);

/* The plan of that command line, in a child that ends after it: options that cannot be read end the program, the log
 * goes nowhere, the plan borrows texts, and what it was made of is not freed. restart: heeds --restart. Errors: those
 * of `seisproc plan`; SP_ERR_USAGE, where options name another input, output or report. */
sp_status sp_campaign_open_plan(const sp_campaign_request *request, const sp_campaign_survey *survey, bool restart,
                                char texts[2][SP_CAMPAIGN_WORD], sp_run_plan *plan);

/* The options of every line and those of the request. Errors: SP_ERR_USAGE, every mistake by its line. */
sp_status sp_campaign_check_options(sp_campaign *campaign, const sp_campaign_request *request);

/* Has done and partial surveys whose output this job would refuse count as failed, to be run: the run says why. Not
 * those whose input is gone. */
void sp_campaign_check_complete(sp_campaign *campaign, const sp_campaign_request *request);

/* Takes the first line of what a child said as the survey's note. */
void sp_campaign_note_reason(char *answer, sp_campaign_survey *survey);

/* What each survey would take, or why it would be refused. *exit_code is 1 where any would be. */
sp_status sp_campaign_plan(sp_campaign *campaign, const sp_campaign_request *request, int *exit_code);

/* Runs what is neither complete nor running elsewhere, one after the other, on this machine. */
sp_status sp_campaign_run(sp_campaign *campaign, const sp_campaign_request *request, int *exit_code);

/* Submits that as one job array of Slurm. */
sp_status sp_campaign_submit(sp_campaign *campaign, const sp_campaign_request *request);

/* What Slurm says of this user's jobs, to be freed; NULL where it says nothing. */
char *sp_campaign_ask_queue(void);

/* The state of a task of an array in what the queue said: "R", "PD", ...; "" where it is not there. */
void sp_campaign_find_task(const char *queue, const char *job, unsigned task, char state[16]);

#endif
