/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/cli/run_options.h"

#include <stdlib.h>
#include <string.h>

#include "seisproc/log.h"
#include "seisproc/memory.h"

enum {
  KEY_SET = 's',
  KEY_QUIET = 'q',
  KEY_VERBOSE = 'v',
  KEY_WORKERS = 256,
  KEY_WORKERS_PER_GPU,
  KEY_THREADS,
  KEY_IO_RANKS,
  KEY_RESTART,
  KEY_NO_COMMIT,
  KEY_REPORT,
  KEY_PROMETHEUS,
  KEY_RESTARTS,
  KEY_LOG,
  KEY_MAX_TIME,
  KEY_HOSTS,
  KEY_HOSTFILE,
  KEY_GATHERS,
  KEY_CHECK_DONE
};

static const struct argp_option options[] = {
    {"set", KEY_SET, "KEY=VALUE", 0, "Set a key of the job file, such as chain.1.dwt.k=2.5; may be given again", 0},
    {"gathers", KEY_GATHERS, "WHICH", 0, SP_GATHERS_HELP, 0},
    {"workers", KEY_WORKERS, "N", 0, "Ranks that compute, in all", 0},
    {"workers-per-gpu", KEY_WORKERS_PER_GPU, "N", 0, "Workers that share a GPU (1)", 0},
    {"threads", KEY_THREADS, "N", 0, "Threads of a worker", 0},
    {"io-ranks", KEY_IO_RANKS, "N", 0, "I/O ranks of a node", 0},
    {"hosts", KEY_HOSTS, "HOST[:RANKS],...", 0, "Start the ranks on these nodes, not under srun", 0},
    {"hostfile", KEY_HOSTFILE, "FILE", 0, "The same from a file, a host a line", 0},
    {"restarts", KEY_RESTARTS, "N", 0, "Start a job that died again, N times in a row without progress (3)", 0},
    {"max-time", KEY_MAX_TIME, "TIME", 0, "Stop in time to end within TIME: seconds, or [[DAYS-]HOURS:]MINUTES:SECONDS",
     0},
    {"restart", KEY_RESTART, NULL, 0, "Begin anew, whatever an earlier run left", 0},
    {"check-done", KEY_CHECK_DONE, NULL, 0,
     "Going on, compare all that is done with its checksums, not only a few gathers, and compute again what differs",
     0},
    {"no-commit", KEY_NO_COMMIT, NULL, 0, "Sync once, at the end: a run that is cut off is lost", 0},
    {"report", KEY_REPORT, "FILE", 0, "Write what came of the run as JSON, with times and memory of all ranks", 0},
    {"prometheus", KEY_PROMETHEUS, "FILE", 0, "Write it as metrics for Prometheus, as the key metrics does", 0},
    {"quiet", KEY_QUIET, NULL, 0, "No progress and no closing lines", 0},
    {"verbose", KEY_VERBOSE, NULL, 0, "A closing table of where the time went", 0},
    {"log", KEY_LOG, "FORM", 0, "text, or json: an object a line, with the time, for programs", 0},
    {0},
};

static error_t add_override(struct argp_state *state, sp_run_arguments *args, const char *key, const char *value) {
  if (args->n_overrides == SP_MAX_OVERRIDES) argp_error(state, "more than %d values set", SP_MAX_OVERRIDES);
  const size_t i = args->n_overrides++;
  if (key) {
    snprintf(args->texts[i], SP_OVERRIDE_LENGTH, "%s=%.40s", key, value);
    value = args->texts[i];
  }
  args->overrides[i] = value;
  return 0;
}

static error_t set_max_time(struct argp_state *state, sp_run_arguments *args, const char *value) {
  char text[32];
  snprintf(text, sizeof text, "%.0f", sp_option_seconds(state, "--max-time", value));
  return add_override(state, args, "max_time", text);
}

static error_t set_log(struct argp_state *state, const char *value) {
  if (strcmp(value, "json") && strcmp(value, "text")) {
    argp_error(state, "--log: found '%s', allowed are text and json", value);
  }
  sp_log_set_json(!strcmp(value, "json"));
  return 0;
}

static error_t parse_option(int key, char *value, struct argp_state *state) {
  sp_run_arguments *args = state->input;
  switch (key) {
  case KEY_SET:
    return add_override(state, args, NULL, value);
  case KEY_GATHERS:
    return add_override(state, args, NULL, sp_option_gathers(state, value, args->gathers));
  case KEY_WORKERS:
    return add_override(state, args, "workers", value);
  case KEY_WORKERS_PER_GPU:
    return add_override(state, args, "workers_per_gpu", value);
  case KEY_THREADS:
    return add_override(state, args, "threads", value);
  case KEY_IO_RANKS:
    return add_override(state, args, "io_ranks", value);
  case KEY_RESTARTS:
    return add_override(state, args, "restarts", value);
  case KEY_MAX_TIME:
    return set_max_time(state, args, value);
  case KEY_RESTART:
    args->options.restart = true;
    return 0;
  case KEY_CHECK_DONE:
    args->options.check_done = true;
    return 0;
  case KEY_NO_COMMIT:
    args->options.no_commit = true;
    return 0;
  case KEY_REPORT:
    args->options.report_path = value;
    return 0;
  case KEY_PROMETHEUS:
    args->options.metrics_path = value;
    return 0;
  case KEY_QUIET:
    args->options.quiet = true;
    return 0;
  case KEY_VERBOSE:
    args->options.verbose = true;
    return 0;
  case KEY_LOG:
    return set_log(state, value);
  case ARGP_KEY_ARG:
    if (args->job_path) argp_error(state, "one job file, found another: %s", value);
    args->job_path = args->options.job_path = value;
    return 0;
  case KEY_HOSTS:
    args->hosts = value;
    return 0;
  case KEY_HOSTFILE:
    args->hostfile = value;
    return 0;
  case ARGP_KEY_END:
    if (args->hosts && args->hostfile) argp_error(state, "--hosts or --hostfile, not both");
    if (!args->job_path) argp_error(state, "a job file is missing");
    return 0;
  default:
    return ARGP_ERR_UNKNOWN;
  }
}

const struct argp sp_run_argp = {options, parse_option, NULL, NULL, NULL, NULL, NULL};

sp_status sp_run_arguments_job(const sp_run_arguments *args, sp_job **job) {
  char *text = NULL;
  SP_TRY(sp_job_read_text(args->job_path, &text));
  const sp_status status = sp_job_parse(args->job_path, text, args->overrides, args->n_overrides, job);
  sp_free(text);
  return status;
}

sp_status sp_run_arguments_plan(const sp_run_arguments *args, sp_run_plan *plan) {
  if (args->hosts) SP_TRY(sp_hosts_parse(args->hosts, &plan->hosts));
  if (args->hostfile) SP_TRY(sp_hosts_read(args->hostfile, &plan->hosts));
  SP_TRY(sp_run_plan_lay_out(plan));
  return sp_run_plan_look(plan, &args->options);
}
