/* SPDX-License-Identifier: BSD-3-Clause */
/* MPI as seisproc uses it: start and end, agreement, waiting without burning a core.
 *
 * No rank returns early between two collectives: a local step yields a status, all ranks agree on the worst one, then
 * all branch alike. A function that is collective is written in these four alone, and tools/lint.py sees to it that no
 * plain SP_TRY or return stands in front of a collective:
 *
 *   SP_AGREE(comm, call)   `call` is this rank's own step; all forward the worst status
 *   SP_ALIKE(call)         `call` is collective itself, and its status is the same on all ranks
 *   SP_MPI_ALL(call)       a collective of MPI; where it fails the ranks cannot agree any more, and the job ends
 *   return ...;  // alike  all ranks leave here, since the condition is the same on all (a comment on the line)
 */
#ifndef SEISPROC__DIST_H
#define SEISPROC__DIST_H

#include <mpi.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seisproc/memory.h"
#include "seisproc/ranks.h"
#include "seisproc/status.h"

/* Runs an MPI call; on failure logs the call and MPI's own text and yields SP_ERR_MPI. */
#define SP_MPI(call) sp_mpi_check((call), #call, __FILE__, __LINE__)

sp_status sp_mpi_check(int code, const char *call, const char *file, int line);

#define SP_MPI_ALL(call) sp_mpi_check_all((call), #call, __FILE__, __LINE__)

void sp_mpi_check_all(int code, const char *call, const char *file, int line);

/* As SP_TRY and SP_TRY_GOTO, see above. */
#define SP_AGREE(comm, call)             SP_TRY(sp_agree((comm), (call)))
#define SP_AGREE_GOTO(label, comm, call) SP_TRY_GOTO(label, sp_agree((comm), (call)))
#define SP_ALIKE(call)                   SP_TRY(call)
#define SP_ALIKE_GOTO(label, call)       SP_TRY_GOTO(label, call)

/* Whether this process was started by an MPI launcher (mpirun, srun) as a rank. Needs no MPI. */
bool sp_comm_launched(void);

/* Starts MPI (MPI_THREAD_FUNNELED) with ROMIO rather than OMPIO for MPI-IO unless the environment chooses, error
 * codes returned, and the rank given to the log. Checks that MPI-IO is indeed not OMPIO and warns if it is. */
sp_status sp_comm_start(int *argc, char ***argv);

/* Whether MPI-IO is ROMIO, as far as can be told: from MPI once it has started, before that from the environment. */
bool sp_comm_io_is_romio(void);

/* Ends MPI. Collective over MPI_COMM_WORLD; does nothing where MPI was not started. */
void sp_comm_finish(void);

/* The job as the launcher names it through PMIx: "1234.0" under srun, "[23720,1]" under Open MPI's mpirun. False where
 * it does not tell. Cuts what is longer than `size`. */
bool sp_comm_job_id(char *text, size_t size);

/* Seconds that Slurm leaves this job: what squeue says of SLURM_JOB_ID, else the variable SLURM_JOB_END_TIME where that
 * is not over (left from an earlier job). INFINITY for jobs without a limit and where neither tells. Asking takes some
 * milliseconds, at most two seconds. */
double sp_time_left(void);

/* Ends all ranks at once with the exit code of `status`; the only place that calls MPI_Abort. */
_Noreturn void sp_comm_abort(sp_status status);

/* The worst status of all ranks, on all ranks. Collective. Ranks that cannot reach each other cannot agree: that ends
 * the job. */
sp_status sp_agree(MPI_Comm comm, sp_status status);

/* sp_calloc on all ranks, or on none: where it fails on one, the others give theirs back. Collective. Errors:
 * SP_ERR_MEMORY, on all ranks. */
#define sp_calloc_together(comm, n, size, what, out) sp_calloc_block_together(comm, n, size, what, SP_POINTER_TO(out))

sp_status sp_calloc_block_together(MPI_Comm comm, size_t n, size_t size, const char *what, void **out);

/* Gives every rank root's text; others' *text is set to a copy that the caller owns. Collective. */
sp_status sp_comm_share_text(MPI_Comm comm, int root, char **text);

/* Cores that this rank may keep busy: those that affinity and control group leave to it, divided by the ranks of its
 * node that want some and may run on the same ones; at least 1. Collective over node, the ranks that share a machine.
 */
sp_status sp_comm_share_cores(const sp_ranks *node, bool wants, int *n);

/* Narrows a count to MPI's int; a count that does not fit is a bug (asserts). */
int sp_mpi_count(uint64_t n);

/* MPI_Barrier and MPI_Wait, asleep while waiting. The barrier is collective. */
sp_status sp_quiet_barrier(MPI_Comm comm);
sp_status sp_quiet_wait(MPI_Request *request);

#endif
