/* MPI as seisproc uses it: start and end, agreement, waiting without burning a core.
 *
 * No rank returns early between two collectives: a local step yields a status, all ranks agree on the worst one
 * (sp_agree), then all branch alike.
 */
#ifndef SEISPROC__DIST_H
#define SEISPROC__DIST_H

#include <mpi.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seisproc/status.h"

/* Runs an MPI call; on failure logs the call and MPI's own text and yields SP_ERR_MPI. */
#define SP_MPI(call) sp_mpi_check((call), #call, __FILE__, __LINE__)

sp_status sp_mpi_check(int code, const char *call, const char *file, int line);

/* Whether this process was started by an MPI launcher (mpirun, srun) as a rank. Needs no MPI. */
bool sp_comm_launched(void);

/* Starts MPI (MPI_THREAD_FUNNELED) with ROMIO rather than OMPIO for MPI-IO unless the environment chooses, error
 * codes returned, and the rank given to the log. Checks that MPI-IO is indeed not OMPIO and warns if it is. */
sp_status sp_comm_start(int *argc, char ***argv);

/* Ends MPI. Collective over MPI_COMM_WORLD; does nothing where MPI was not started. */
void sp_comm_finish(void);

/* The job as the launcher names it through PMIx: "1234.0" under srun, "[23720,1]" under Open MPI's mpirun. False where
 * it does not tell. Cuts what is longer than `size`. */
bool sp_comm_job_id(char *text, size_t size);

/* Seconds that the resource manager leaves this job: what PMIx says, else Slurm's environment (SLURM_JOB_END_TIME).
 * INFINITY where neither tells. Asking may take some milliseconds. */
double sp_time_left(void);

/* Ends all ranks at once with the exit code of `status`; the only place that calls MPI_Abort. */
_Noreturn void sp_comm_abort(sp_status status);

/* The worst status of all ranks, on all ranks. Collective. Ranks that cannot reach each other cannot agree: that ends
 * the job. */
sp_status sp_agree(MPI_Comm comm, sp_status status);

/* Gives every rank root's text; others' *text is set to a copy that the caller owns. Collective. */
sp_status sp_comm_share_text(MPI_Comm comm, int root, char **text);

/* Narrows a count to MPI's int; a count that does not fit is a bug (asserts). */
int sp_mpi_count(uint64_t n);

/* Waits that sleep: the interval grows from 20 us to 3 ms while nothing happens. */
typedef struct sp_backoff {
  unsigned us;
} sp_backoff;

void sp_backoff_reset(sp_backoff *backoff);
void sp_backoff_sleep(sp_backoff *backoff);

/* MPI_Barrier and MPI_Wait, asleep while waiting. The barrier is collective. */
sp_status sp_quiet_barrier(MPI_Comm comm);
sp_status sp_quiet_wait(MPI_Request *request);

#endif
