/* SPDX-License-Identifier: BSD-3-Clause */
/* seisproc campaign: many surveys of a manifest, planned, run and told of. */
#include "src/cli/campaign.h"

#include <argp.h>
#include <math.h>
#include <string.h>

#include "src/cli/command.h"
#include "src/cli/option.h"

enum { MAX_OPTIONS = 128, KEY_SBATCH = 256, KEY_AT_ONCE, KEY_LINE, KEY_MAX_TIME };

typedef enum action { ACTION_NONE, ACTION_PLAN, ACTION_RUN, ACTION_STATUS, ACTION_REPORT, N_ACTIONS } action;

static const char *const action_names[N_ACTIONS] = {"", "plan", "run", "status", "report"};

typedef struct arguments {
  const char *manifest;
  action action;
  sp_campaign_request request;
  bool slurm;
  char *run_options[MAX_OPTIONS + 1];
  const char *sbatch_options[MAX_OPTIONS + 1];
  size_t n_run, n_sbatch;
} arguments;

static const struct argp_option options[] = {
    {"job", 'j', "JOB.yaml", 0, "plan, run: the job file; its input and output are replaced by those of each line", 0},
    {"json", 'J', NULL, 0, "plan, status, report: print all of it as JSON", 0},
    {"slurm", 's', NULL, 0, "run: submit a job array of Slurm, a task a survey", 0},
    {"sbatch", KEY_SBATCH, "OPTION", 0, "run --slurm: an option of sbatch, such as --time=02:00:00; may be given again",
     0},
    {"at-once", KEY_AT_ONCE, "N", 0, "run --slurm: so many tasks at a time at most", 0},
    {"max-time", KEY_MAX_TIME, "TIME", 0,
     "run: stop in time to end within TIME, all surveys together: seconds, or [[DAYS-]HOURS:]MINUTES:SECONDS", 0},
    {"line", KEY_LINE, "N", 0, "This line of the manifest alone; run: once, as a task of the array does", 0},
    {0}};

static void add_argument(arguments *args, char *value, struct argp_state *state) {
  if (state->quoted && state->next > state->quoted) {
    if (args->n_run == MAX_OPTIONS) argp_error(state, "more than %d options of seisproc run", MAX_OPTIONS);
    args->run_options[args->n_run++] = value;
  } else if (!args->manifest) {
    args->manifest = value;
  } else if (args->action == ACTION_NONE) {
    for (int a = 1; a < N_ACTIONS; a++) {
      if (!strcmp(value, action_names[a])) args->action = (action)a;
    }
    if (args->action == ACTION_NONE) argp_error(state, "found '%s', allowed are plan, run, status, report", value);
  } else {
    argp_error(state, "found '%s'; options of seisproc run stand behind --", value);
  }
}

static void check(const arguments *args, struct argp_state *state) {
  const bool runs = args->action == ACTION_PLAN || args->action == ACTION_RUN;
  if (!args->manifest) argp_error(state, "a manifest is missing");
  if (args->action == ACTION_NONE) argp_error(state, "plan, run, status or report?");
  if (runs && !args->request.job_path) argp_error(state, "--job is missing: which job file?");
  if (!runs && args->n_run) argp_error(state, "options of seisproc run are for plan and run");
  if (args->slurm && (args->action != ACTION_RUN || args->request.line)) {
    argp_error(state, "--slurm is for run, without --line");
  }
  if ((args->n_sbatch || args->request.at_once) && !args->slurm) {
    argp_error(state, "--sbatch and --at-once are for run --slurm");
  }
  if (args->request.max_time > 0 && (args->action != ACTION_RUN || args->slurm)) {
    argp_error(state, "--max-time is for run without --slurm, which takes --sbatch=--time=TIME for each task");
  }
}

static error_t parse_option(int key, char *value, struct argp_state *state) {
  arguments *args = state->input;
  switch (key) {
  case 'j':
    args->request.job_path = value;
    return 0;
  case 'J':
    args->request.json = true;
    return 0;
  case 's':
    args->slurm = true;
    return 0;
  case KEY_SBATCH:
    if (args->n_sbatch == MAX_OPTIONS) argp_error(state, "more than %d options of sbatch", MAX_OPTIONS);
    args->sbatch_options[args->n_sbatch++] = value;
    return 0;
  case KEY_AT_ONCE:
    args->request.at_once = (unsigned)sp_option_count(state, "--at-once", value, 1, 1000000);
    return 0;
  case KEY_MAX_TIME:
    args->request.max_time = fmax(sp_option_seconds(state, "--max-time", value), 1);
    return 0;
  case KEY_LINE:
    args->request.line = (unsigned)sp_option_count(state, "--line", value, 1, 100000000);
    return 0;
  case ARGP_KEY_ARG:
    add_argument(args, value, state);
    return 0;
  case ARGP_KEY_END:
    check(args, state);
    return 0;
  default:
    return ARGP_ERR_UNKNOWN;
  }
}

static sp_status act(const arguments *args, sp_campaign *campaign, int *exit_code) {
  switch (args->action) {
  case ACTION_PLAN:
    return sp_campaign_plan(campaign, &args->request, exit_code);
  case ACTION_RUN:
    if (args->slurm) return sp_campaign_submit(campaign, &args->request);
    SP_TRY(sp_campaign_run(campaign, &args->request, exit_code));
    if (!args->request.line) sp_campaign_print_status(campaign);
    return SP_SUCCESS;
  default:
    break;
  }
  SP_TRY(sp_campaign_look(campaign));
  *exit_code = args->action == ACTION_STATUS ? sp_campaign_exit_code(campaign) : SP_EXIT_COMPLETE;
  if (args->request.json) return sp_campaign_print_json(campaign);
  if (args->action == ACTION_STATUS) {
    sp_campaign_print_status(campaign);
  } else {
    sp_campaign_print_report(campaign);
  }
  return SP_SUCCESS;
}

const struct argp sp_argp_campaign = {
    options,
    parse_option,
    "MANIFEST plan|run|status|report [-- OPTION of seisproc run...]",
    "Many surveys, one job file. A manifest names a survey a line: INPUT OUTPUT [OPTION of seisproc run]...\v"
    "run does what is neither complete nor running, one survey after the other here, or as a job array of Slurm; "
    "given again, it goes on. Logs and reports lie in MANIFEST.campaign.\n\n"
    "Exit status of run and status: 0 all are done; 2 some are partial or failed; 75 some are left; 1 usage. Of "
    "plan: "
    "1 where a survey would be refused.",
    NULL,
    NULL,
    NULL};

int sp_cli_campaign(int argc, char **argv) {
  arguments args = {0};
  sp_campaign campaign;
  int exit_code = SP_EXIT_COMPLETE;
  args.request.run_options = args.run_options;
  args.request.sbatch_options = args.sbatch_options;
  sp_option_parse(&sp_argp_campaign, argc, argv, ARGP_IN_ORDER, &args); /* what stands behind -- stays there */
  const sp_status read = sp_campaign_read(args.manifest, args.request.line, &campaign);
  const bool looks = args.action == ACTION_STATUS || args.action == ACTION_REPORT;
  sp_status status = read;
  /* lines that can be read are looked at all the same; nothing is begun beside a mistake */
  if (read == SP_SUCCESS || (read == SP_ERR_USAGE && looks && campaign.n)) status = act(&args, &campaign, &exit_code);
  if (status == SP_SUCCESS) status = read;
  sp_campaign_free(&campaign);
  return status == SP_SUCCESS ? exit_code : sp_status_exit_code(status);
}
