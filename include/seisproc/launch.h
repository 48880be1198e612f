/* SPDX-License-Identifier: BSD-3-Clause */
/* How `seisproc run` outside an MPI launcher starts itself under one, on this node.
 *
 * A layout is worked out from the machine and the job, a command line from the layout, and that is run as a child
 * while this process waits, passes signals on, and learns how the ranks ended. Nothing here calls MPI.
 */
#ifndef SEISPROC_LAUNCH_H
#define SEISPROC_LAUNCH_H

#include <stdbool.h>
#include <stddef.h>

#include "seisproc/job.h"
#include "seisproc/machine.h"
#include "seisproc/status.h"

/* Who runs on the node. Ranks: one coordinator, io_ranks, workers. */
typedef struct sp_layout {
  int workers;
  int threads; /* a worker */
  int io_ranks;
  int ranks;
  bool allotted; /* Slurm says how many ranks on which nodes; workers is what all ranks but one I/O rank make up */
  bool fits;     /* the memory is enough, or not known */
  char *hosts;   /* "a:5,b:4": ranks a host, owned by whom sp_hosts_lay_out gave it to; NULL: this machine alone */
  char why[128]; /* one line for people: "8 cores a worker", "as many as the memory holds", ... */
} sp_layout;

/* Pure. What settings name is taken as it is; what they leave open follows these rules:
 *  - workers: `workers_per_gpu` a GPU where there are GPUs and the engine is auto or cuda; else as many as have
 * `threads` cores each, where those are named; else one for each 8 cores, rounded up. Not more than what fits into 80 %
 * of the memory, at `worker_bytes` (0: unknown) each; at least 1.
 *  - threads: the cores shared out among the workers, at least 1. Coordinator and I/O ranks sleep when they wait and
 * need no core of their own. 2 cores: 1 worker of 2 threads; 12: 2 of 6; 64: 8 of 8. */
void sp_layout_work_out(const sp_machine *machine, const sp_job_settings *settings, size_t worker_bytes,
                        sp_layout *out);

/* In a batch script or an allocation of Slurm of three tasks or more (SLURM_NTASKS): true, and in *out as many ranks as
 * it has tasks, each with SLURM_CPUS_PER_TASK threads (1 where that is not set) unless settings say otherwise. */
bool sp_layout_allotted(const sp_job_settings *settings, sp_layout *out);

typedef enum sp_mpirun {
  SP_MPIRUN_OPEN_MPI,
  SP_MPIRUN_HYDRA, /* MPICH and its kin, Intel MPI */
  SP_MPIRUN_SLURM  /* srun */
} sp_mpirun;

/* The kind of launcher from what `mpirun --version` printed. */
sp_mpirun sp_mpirun_kind(const char *version);

/* The launcher's name: SEISPROC_MPIRUN where that is set, else "mpirun", looked for along PATH. */
const char *sp_mpirun_name(void);

/* Asks the launcher for its kind. Errors: SP_ERR_USAGE, one line, when it cannot be started. */
sp_status sp_mpirun_find(sp_mpirun *out);

/* The command line that starts `program run` with the layout, ended by NULL: launcher, ranks, no binding (threads of a
 * worker share out the cores themselves) and more ranks than cores allowed unless they are allotted, the hosts where
 * there are some, then the program, the layout as options, and arguments[n] as they are, which win. Copies everything;
 * the caller owns *out (sp_launch_command_free). Errors: SP_ERR_USAGE for hosts under srun, which has its own. */
sp_status sp_launch_command(sp_mpirun kind, const sp_layout *layout, const char *program, const char *const *arguments,
                            size_t n, char ***out);

/* Takes NULL. */
void sp_launch_command_free(char **command);

/* How a launched job ended. */
typedef struct sp_launch_end {
  int exit_code; /* of the job where it told; else SP_EXIT_RESUMABLE where it was asked to stop, else of the
                    launcher, 128 + signal where a signal ended that */
  bool told;     /* rank 0 came to its end and told the exit code; else the job died on its way */
  bool asked;    /* a signal asked it to stop */
} sp_launch_end;

/* Who is told each line that the child and its ranks write to standard error or output, without its end. The line goes
 * to our own standard error all the same, but for Open MPI's pages that say only that a rank ended (below the debug
 * level). seconds_left, which may be NULL, is asked about once a second how long the child may still take: INFINITY
 * until the job is known to have ended. It is killed then. */
typedef struct sp_launch_listener {
  void (*on_line)(const char *line, void *context);
  double (*seconds_left)(void *context);
  void *context;
} sp_launch_listener;

/* Runs the command as a child in a process group of its own, with no standard input, and waits for its end. SIGINT,
 * SIGTERM and SIGHUP are passed on as SIGUSR1, which launchers hand to all ranks and which asks a job to stop without
 * losing anything (launchers answer SIGINT and SIGTERM by killing the ranks); a second one ends the job at once.
 * SIGUSR1 and SIGUSR2 become SIGUSR1, however often. When this process dies, so does the child. For root, Open MPI is
 * told that this is meant; srun, that it is to offer PMIx, unless SLURM_MPI_TYPE names another. Blocks those signals
 * and SIGCHLD meanwhile; the process must have one thread. Rank 0 tells its exit code through a file or, from another
 * host, through standard error, from which that line is taken out. `listener` may be NULL: then there is only the file.
 * Errors: SP_ERR_USAGE, one line, when the command cannot be started. */
sp_status sp_launch_run(char *const *command, const sp_launch_listener *listener, sp_launch_end *end);

/* In a rank: whether a process that ran sp_launch_run waits for the job, and says how it ended. */
bool sp_launch_awaited(void);

/* In a rank, at its end: what main must return. Under sp_launch_run rank 0 passes its exit code to the waiting process
 * and all ranks return 0, since a launcher that sees another code kills the other ranks and prints a page about it;
 * else this is `exit_code`. */
int sp_launch_leave(int rank, int exit_code);

/* Path of the running program; the caller owns it (sp_free). */
sp_status sp_own_path(char **out);

#endif
