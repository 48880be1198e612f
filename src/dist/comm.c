/* SPDX-License-Identifier: BSD-3-Clause */
/* MPI: its start and end, agreement, what it says when a call fails, waiting asleep. */
#include "seisproc/dist.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "seisproc/backoff.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "src/dist/pmix.h"

sp_status sp_mpi_check(int code, const char *call, const char *file, int line) {
  if (code == MPI_SUCCESS) return SP_SUCCESS;
  char text[MPI_MAX_ERROR_STRING];
  int length = 0;
  MPI_Error_string(code, text, &length);
  return sp_raise(SP_ERR_MPI, file, line, "%s: %.*s", call, length, text);
}

void sp_mpi_check_all(int code, const char *call, const char *file, int line) {
  const sp_status status = sp_mpi_check(code, call, file, line);
  if (status != SP_SUCCESS) sp_comm_abort(status); /* the others may have heard nothing, and would wait for ever */
}

bool sp_comm_launched(void) {
  /* Slurm sets SLURM_PROCID in batch scripts too, so only what a launcher's process manager sets counts. */
  static const char *const variables[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "PMI_FD"};
  for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
    if (getenv(variables[i])) return true;
  }
  return false;
}

/* Open MPI has OMPIO alone since its version 6. */
static bool has_romio(void) {
  char library[MPI_MAX_LIBRARY_VERSION_STRING];
  int length, version;
  MPI_Get_library_version(library, &length);
  return sscanf(library, "Open MPI v%d", &version) != 1 || version < 6;
}

/* Whether a setting of Open MPI's `io` leaves ROMIO. */
static bool leaves_romio(const char *setting) {
  const bool names_ompio = strstr(setting, "ompio") != NULL;
  return setting[0] == '^' ? names_ompio : setting[0] && !names_ompio;
}

/* An open file does not tell: Open MPI shows no hints but those it was given. What mpirun was told on its command line
 * is in the environment, too, which goes before parameter files; sp_comm_start puts ROMIO there where nothing is said.
 * Asking for the setting through MPI_T would open all components of Open MPI again, a tenth of a second. */
bool sp_comm_io_is_romio(void) {
  const char *setting = getenv("OMPI_MCA_io");
  return has_romio() && (!setting || leaves_romio(setting));
}

/* Ranks that another MPI's launcher started know nothing of each other: each is the only one of a job of its own. The
 * first of them speaks. */
static sp_status check_launcher(int size) {
  static const struct {
    const char *size, *rank, *name;
  } launchers[] = {{"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "Open MPI's mpirun"},
                   {"PMI_SIZE", "PMI_RANK", "a launcher that speaks PMI, such as MPICH's mpirun or srun --mpi=pmi2,"}};
  for (size_t i = 0; i < sizeof launchers / sizeof launchers[0] && size == 1; i++) {
    const char *n = getenv(launchers[i].size), *rank = getenv(launchers[i].rank);
    if (!n || atoi(n) < 2) continue;
    if (rank && atoi(rank) > 0) {
      nanosleep(&(struct timespec){.tv_sec = 1}, NULL); /* whoever leaves first takes the others with it */
      return SP_ERR_USAGE;
    }
    char library[MPI_MAX_LIBRARY_VERSION_STRING];
    int length;
    MPI_Get_library_version(library, &length);
    library[strcspn(library, ",\n")] = '\0';
    for (char *c = library; *c; c++) *c = *c == '\t' ? ' ' : *c;
    return SP_RAISE(SP_ERR_USAGE,
                    "%s started %s processes that do not find each other: seisproc is built with %s; use its mpirun "
                    "(SEISPROC_MPIRUN names it to `seisproc run`), or srun with the --mpi that it needs",
                    launchers[i].name, n, library);
  }
  return SP_SUCCESS;
}

/* On one machine messages go through its memory. Open MPI would look through the libraries of all networks first, in
 * every rank, which takes longer than a small job; and Open MPI 5 prints for each pair of ranks that IPv6 addresses of
 * the machine do not pair, though none is used. */
static void choose_transport(void) {
  const char *here = getenv("OMPI_COMM_WORLD_LOCAL_SIZE"), *all = getenv("OMPI_COMM_WORLD_SIZE");
  if (!here || !all || strcmp(here, all)) return;
  setenv("OMPI_MCA_pml", "ob1", 0);
  setenv("OMPI_MCA_btl_tcp_disable_family", "6", 0);
}

sp_status sp_comm_start(int *argc, char ***argv) {
  if (has_romio()) setenv("OMPI_MCA_io", "^ompio", 0);
  choose_transport();
  int provided = MPI_THREAD_SINGLE;
  if (MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &provided) != MPI_SUCCESS) {
    return SP_RAISE(SP_ERR_MPI, "MPI does not start"); /* nothing is collective yet: alike or not */
  }
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  MPI_Comm_set_errhandler(MPI_COMM_SELF, MPI_ERRORS_RETURN);
  int rank = 0, size = 1;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  sp_log_set_rank(size > 1 ? rank : -1);
  sp_status status = check_launcher(size);
  if (provided < MPI_THREAD_FUNNELED) status = SP_RAISE(SP_ERR_MPI, "MPI gives no MPI_THREAD_FUNNELED");
  if (rank == 0 && has_romio() && !sp_comm_io_is_romio()) {
    sp_warn("MPI-IO is OMPIO, which reads several times slower than ROMIO; unset OMPI_MCA_io or set it to ^ompio");
  }
  sp_pmix_report_deaths();
  return sp_agree(MPI_COMM_WORLD, status);
}

bool sp_comm_job_id(char *text, size_t size) {
  return sp_pmix_job_id(text, size);
}

void sp_comm_finish(void) {
  int started = 0, finished = 0;
  MPI_Initialized(&started);
  MPI_Finalized(&finished);
  if (started && !finished) MPI_Finalize();
}

void sp_comm_abort(sp_status status) {
  MPI_Abort(MPI_COMM_WORLD, sp_status_exit_code(status));
  abort();
}

/* MPI's own waiting would take a core from whoever is waited for, which on a busy machine is most of the time. */
sp_status sp_agree(MPI_Comm comm, sp_status status) {
  int mine = (int)status, worst = mine;
  MPI_Request request;
  SP_MPI_ALL(MPI_Iallreduce(&mine, &worst, 1, MPI_INT, MPI_MAX, comm, &request));
  const sp_status waited = sp_quiet_wait(&request);
  if (waited != SP_SUCCESS) sp_comm_abort(waited); /* as SP_MPI_ALL */
  return (sp_status)worst;
}

sp_status sp_calloc_block_together(MPI_Comm comm, size_t n, size_t size, const char *what, void **out) {
  void *block = NULL;
  const sp_status status = sp_agree(comm, sp_calloc_block(n, size, what, &block));
  if (status == SP_SUCCESS) {
    *out = block;
  } else {
    sp_free(block);
  }
  return status;
}

sp_status sp_comm_share_text(MPI_Comm comm, int root, char **text) {
  int rank;
  MPI_Comm_rank(comm, &rank);
  uint64_t length = rank == root ? strlen(*text) : 0;
  SP_MPI_ALL(MPI_Bcast(&length, 1, MPI_UINT64_T, root, comm));
  void *copy = NULL;
  sp_status status = SP_SUCCESS;
  if (rank != root) status = sp_alloc((size_t)length + 1, "a shared text", &copy);
  SP_AGREE_GOTO(fail, comm, status);
  char *const target = rank == root ? *text : copy;
  SP_MPI_ALL(MPI_Bcast(target, sp_mpi_count(length), MPI_CHAR, root, comm));
  target[length] = '\0';
  *text = target;
  return SP_SUCCESS;
fail:
  sp_free(copy);
  return status;
}

int sp_mpi_count(uint64_t n) {
  assert(n <= INT_MAX);
  return (int)n;
}

sp_status sp_quiet_wait(MPI_Request *request) {
  sp_backoff backoff = {0};
  for (int done = 0;;) {
    SP_TRY(SP_MPI(MPI_Test(request, &done, MPI_STATUS_IGNORE)));
    if (done) return SP_SUCCESS;
    sp_backoff_sleep(&backoff);
  }
}

sp_status sp_quiet_barrier(MPI_Comm comm) {
  MPI_Request request;
  SP_MPI_ALL(MPI_Ibarrier(comm, &request));
  return sp_quiet_wait(&request);
}
