/* SPDX-License-Identifier: BSD-3-Clause */
/* seisproc run: a job, on all ranks. Outside a launcher it starts itself under one. */
#include <argp.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "seisproc/dist.h"
#include "seisproc/job.h"
#include "seisproc/launch.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/run.h"
#include "seisproc/stop.h"
#include "src/base/orphan.h"
#include "src/base/step_watch.h"
#include "src/cli/command.h"
#include "src/cli/option.h"
#include "src/cli/run_launch.h"

int sp_cli_run(int argc, char **argv);

enum { MAX_OVERRIDES = 64, OVERRIDE_LENGTH = 64 };

typedef struct arguments {
  const char *job_path, *hosts, *hostfile;
  const char *overrides[MAX_OVERRIDES];
  size_t n_overrides;
  char texts[MAX_OVERRIDES][OVERRIDE_LENGTH]; /* of options that stand for an override */
  char gathers[SP_GATHERS_OVERRIDE];
  sp_run_options options;
} arguments;

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
  KEY_RESTARTS,
  KEY_LOG,
  KEY_MAX_TIME,
  KEY_HOSTS,
  KEY_HOSTFILE,
  KEY_GATHERS
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
    {"no-commit", KEY_NO_COMMIT, NULL, 0, "Sync once, at the end: a run that is cut off is lost", 0},
    {"report", KEY_REPORT, "FILE", 0, "Write times, CPU seconds and memory of all ranks as JSON", 0},
    {"quiet", KEY_QUIET, NULL, 0, "No progress and no closing lines", 0},
    {"verbose", KEY_VERBOSE, NULL, 0, "A closing table of where the time went", 0},
    {"log", KEY_LOG, "FORM", 0, "text, or json: an object a line, with the time, for programs", 0},
    {0},
};

static error_t add_override(struct argp_state *state, arguments *args, const char *key, const char *value) {
  if (args->n_overrides == MAX_OVERRIDES) argp_error(state, "more than %d values set", MAX_OVERRIDES);
  const size_t i = args->n_overrides++;
  if (key) {
    snprintf(args->texts[i], OVERRIDE_LENGTH, "%s=%.40s", key, value);
    value = args->texts[i];
  }
  args->overrides[i] = value;
  return 0;
}

/* Seconds of [[DAYS-]HOURS:]MINUTES:SECONDS, or of a number of seconds; negative where it is neither. */
static double parse_time(const char *text) {
  unsigned days = 0, parts[3];
  int length = 0;
  const char *rest = strchr(text, '-');
  if (rest && (sscanf(text, "%u-%n", &days, &length) != 1 || text + length != ++rest)) return -1;
  const char *at = rest ? rest : text;
  size_t n = 0;
  for (char *end; n < 3; at = end + 1) {
    if (!isdigit((unsigned char)*at)) return -1;
    parts[n++] = (unsigned)strtoul(at, &end, 10);
    if (*end == '\0') break;
    if (*end != ':' || n == 3) return -1;
  }
  if (rest && n < 3) return -1;
  double seconds = 0;
  for (size_t i = 0; i < n; i++) seconds = 60 * seconds + parts[i];
  return 86400.0 * days + seconds;
}

static error_t set_max_time(struct argp_state *state, arguments *args, const char *value) {
  char text[32];
  const double seconds = parse_time(value);
  if (seconds < 0) {
    argp_error(state, "--max-time: found '%s', allowed are seconds or [[DAYS-]HOURS:]MINUTES:SECONDS", value);
  }
  snprintf(text, sizeof text, "%.0f", seconds);
  return add_override(state, args, "max_time", text);
}

static error_t parse_option(int key, char *value, struct argp_state *state) {
  arguments *args = state->input;
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
  case KEY_NO_COMMIT:
    args->options.no_commit = true;
    return 0;
  case KEY_REPORT:
    args->options.report_path = value;
    return 0;
  case KEY_QUIET:
    args->options.quiet = true;
    return 0;
  case KEY_VERBOSE:
    args->options.verbose = true;
    return 0;
  case KEY_LOG:
    if (strcmp(value, "json") && strcmp(value, "text")) {
      argp_error(state, "--log: found '%s', allowed are text and json", value);
    }
    sp_log_set_json(!strcmp(value, "json"));
    return 0;
  case ARGP_KEY_ARG:
    if (args->job_path) argp_error(state, "one job file, found another: %s", value);
    args->job_path = value;
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

static sp_status parse_job(const arguments *args, const char *text, sp_job **job) {
  return sp_job_parse(args->job_path, text, args->overrides, args->n_overrides, job);
}

/* Rank 0 reads and checks the job file, so that a mistake is one line; the others are given its text. */
static sp_status share_job(const arguments *args, sp_job **job) {
  int rank;
  SP_TRY(SP_MPI(MPI_Comm_rank(MPI_COMM_WORLD, &rank)));
  char *text = NULL;
  sp_status status = SP_SUCCESS;
  if (rank == 0) {
    status = sp_job_read_text(args->job_path, &text);
    if (status == SP_SUCCESS) status = parse_job(args, text, job);
  }
  status = sp_agree(MPI_COMM_WORLD, status);
  if (status == SP_SUCCESS) status = sp_comm_share_text(MPI_COMM_WORLD, 0, &text);
  if (status == SP_SUCCESS) status = sp_agree(MPI_COMM_WORLD, rank ? parse_job(args, text, job) : SP_SUCCESS);
  sp_free(text);
  return status;
}

/* As the launcher says it, before MPI does. */
static int launched_rank(void) {
  static const char *const variables[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"};
  for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
    const char *text = getenv(variables[i]);
    if (text) return atoi(text);
  }
  return 0;
}

/* The first message between ranks is a part of the start: only then do they connect. */
static sp_status start_mpi(int *argc, char ***argv) {
  sp_step_watch *watch = sp_step_watch_begin(launched_rank(), "MPI does not come to its start",
                                             "its ranks do not reach each other: docs/cluster.md tells how to choose "
                                             "network interfaces (SEISPROC_START_TIMEOUT is the limit in seconds)",
                                             sp_step_limit());
  const sp_status status = sp_comm_start(argc, argv);
  sp_step_watch_end(watch);
  return status;
}

/* The exit code is told before, so a job that hangs here is not started again. */
static void finish_mpi(int rank) {
  sp_step_watch *watch =
      sp_step_watch_begin(rank, "MPI does not come to its end", "the job itself has ended before", sp_step_limit());
  sp_comm_finish();
  sp_step_watch_end(watch);
}

static int run_as_rank(const arguments *args, int argc, char **argv) {
  sp_job *job = NULL;
  sp_stop_install();
  sp_orphan_end();
  sp_status status = start_mpi(&argc, &argv);
  if (status == SP_SUCCESS) status = share_job(args, &job);
  if (status == SP_SUCCESS) status = sp_run(job, &args->options);
  sp_job_destroy(job);
  int rank = 0;
  if (MPI_Comm_rank(MPI_COMM_WORLD, &rank) != MPI_SUCCESS) rank = 0;
  const int exit_code = sp_launch_leave(rank, sp_status_exit_code(status));
  finish_mpi(rank);
  return exit_code;
}

/* Starting a launcher once more would never end. */
static sp_status refuse_lone_rank(void) {
  const bool slurm = getenv("SLURM_STEP_ID") != NULL;
  return SP_RAISE(SP_ERR_USAGE, "%s started this process, but not as a rank of MPI%s", sp_mpirun_name(),
                  slurm ? "; set SLURM_MPI_TYPE to what its MPI needs, of what `srun --mpi=list` names" : "");
}

static int number_of(const char *variable) {
  const char *text = getenv(variable);
  return text ? atoi(text) : 0;
}

/* Of processes that srun started without a word of MPI each would start a job of its own. The first of them speaks. */
static sp_status refuse_step(void) {
  const int n = number_of("SLURM_STEP_NUM_TASKS");
  if (n < 2 || !getenv("SLURM_STEP_ID")) return SP_SUCCESS;
  if (number_of("SLURM_PROCID") > 0) {
    sleep(1); /* whoever leaves first may take the others with it */
    return SP_ERR_USAGE;
  }
  return SP_RAISE(SP_ERR_USAGE,
                  "srun started %d processes that are no ranks of one MPI job; type `srun --mpi=pmix seisproc run ...` "
                  "(`srun --mpi=list` names what there is), or without srun `seisproc run ...` in the allocation; in "
                  "an interactive step begin that with `srun -n 1 --pty bash`",
                  n);
}

/* Not under a launcher: mistakes are found here, before anything is started. */
static int run_launched(const arguments *args, int argc, char **argv) {
  char *text = NULL;
  sp_job *job = NULL;
  int exit_code = SP_EXIT_COMPLETE;
  if (sp_launch_awaited()) return sp_launch_leave(0, sp_status_exit_code(refuse_lone_rank()));
  sp_status status = refuse_step();
  if (status == SP_SUCCESS) status = sp_job_read_text(args->job_path, &text);
  if (status == SP_SUCCESS) status = parse_job(args, text, &job);
  if (status == SP_SUCCESS)
    status = sp_run_launch(job, args->hosts, args->hostfile, argv + 1, (size_t)argc - 1, &exit_code);
  sp_job_destroy(job);
  sp_free(text);
  return status == SP_SUCCESS ? exit_code : sp_status_exit_code(status);
}

int sp_cli_run(int argc, char **argv) {
  static const struct argp argp = {
      options,
      parse_option,
      "JOB.yaml",
      "Runs a job: a survey in, a processed survey out.\v"
      "Under mpirun or srun this is one of its ranks (at least 3: a coordinator, an I/O "
      "rank and a worker); else it starts itself under mpirun.\n\n"
      "Exit status: 0 complete; 1 usage or input; 2 complete, but some gathers could not be "
      "processed; 75 stopped early, the same command goes on.",
      NULL,
      NULL,
      NULL};
  arguments args = {0};
  argp_err_exit_status = SP_EXIT_INPUT;
  argp_parse(&argp, argc, argv, 0, NULL, &args);
  return sp_comm_launched() ? run_as_rank(&args, argc, argv) : run_launched(&args, argc, argv);
}
