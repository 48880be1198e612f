/* SPDX-License-Identifier: BSD-3-Clause */
/* seisproc run: a job, on all ranks. Outside a launcher it starts itself under one. */
#include <argp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "seisproc/clock.h"
#include "seisproc/dist.h"
#include "seisproc/job.h"
#include "seisproc/launch.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/ranks.h"
#include "seisproc/run.h"
#include "seisproc/stop.h"
#include "src/base/orphan.h"
#include "src/base/step_watch.h"
#include "src/cli/command.h"
#include "src/cli/option.h"
#include "src/cli/run_launch.h"
#include "src/cli/run_options.h"
#include "src/run/outcome.h"

static sp_status parse_job(const sp_run_arguments *args, const char *text, sp_job **job) {
  return sp_job_parse(args->job_path, text, args->overrides, args->n_overrides, job);
}

/* Rank 0 reads and checks the job file, so that a mistake is one line; the others are given its text. */
static sp_status share_job(const sp_run_arguments *args, sp_job **job) {
  const int rank = sp_ranks_of(MPI_COMM_WORLD).rank;
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

static int run_as_rank(const sp_run_arguments *args, int argc, char **argv) {
  sp_job *job = NULL;
  sp_stop_install();
  sp_orphan_end();
  sp_status status = start_mpi(&argc, &argv);
  if (status == SP_SUCCESS) status = share_job(args, &job);
  if (status == SP_SUCCESS) status = sp_run(job, &args->options);
  sp_job_destroy(job);
  const int rank = sp_ranks_of(MPI_COMM_WORLD).rank;
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

/* A job that was not begun: who watches over it learns why. Returns the exit code. */
static int report_refusal(const sp_run_arguments *args, const sp_job *job, sp_status status) {
  const double now = sp_wall_clock();
  const sp_outcome outcome = {.job = job,
                              .options = &args->options,
                              .exit_code = sp_status_exit_code(status),
                              .error = sp_log_first_error(),
                              .started_at = now,
                              .ended_at = now};
  sp_outcome_write(&outcome, NULL, NULL);
  return outcome.exit_code;
}

/* Not under a launcher: mistakes are found here, before anything is started. */
static int run_launched(const sp_run_arguments *args, int argc, char **argv) {
  sp_job *job = NULL;
  int exit_code = SP_EXIT_COMPLETE;
  if (sp_launch_awaited()) return sp_launch_leave(0, sp_status_exit_code(refuse_lone_rank()));
  sp_status status = refuse_step();
  if (status == SP_SUCCESS) status = sp_run_arguments_job(args, &job);
  if (status == SP_SUCCESS)
    status = sp_run_launch(job, &args->options, args->hosts, args->hostfile, argv + 1, (size_t)argc - 1, &exit_code);
  if (status != SP_SUCCESS) exit_code = report_refusal(args, job, status);
  sp_job_destroy(job);
  return exit_code;
}

static const struct argp_child children[] = {{&sp_run_argp, 0, NULL, 0}, {0}};

const struct argp sp_argp_run = {NULL,
                                 NULL,
                                 "JOB.yaml",
                                 "Runs a job: a survey in, a processed survey out.\v"
                                 "Under mpirun or srun this is one of its ranks (at least 3: a coordinator, an I/O "
                                 "rank and a worker); else it starts itself under mpirun.\n\n"
                                 "Exit status: 0 complete; 1 usage or input; 2 complete, but some gathers could not be "
                                 "processed; 75 stopped early, the same command goes on.",
                                 children,
                                 NULL,
                                 NULL};

int sp_cli_run(int argc, char **argv) {
  sp_run_arguments args = {0};
  sp_option_parse(&sp_argp_run, argc, argv, 0, &args);
  return sp_comm_launched() ? run_as_rank(&args, argc, argv) : run_launched(&args, argc, argv);
}
