#include "seisproc/comm.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "seisproc/log.h"
#include "seisproc/memory.h"

sp_status sp_mpi_check(int code, const char *call, const char *file, int line) {
  if (code == MPI_SUCCESS) return SP_SUCCESS;
  char text[MPI_MAX_ERROR_STRING];
  int length = 0;
  MPI_Error_string(code, text, &length);
  return sp_raise(SP_ERR_MPI, file, line, "%s: %.*s", call, length, text);
}

bool sp_comm_launched(void) {
  /* Slurm sets SLURM_PROCID in batch scripts too, so only what a launcher's process manager sets counts. */
  static const char *const variables[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "PMI_FD"};
  for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
    if (getenv(variables[i])) return true;
  }
  return false;
}

/* Whether MPI-IO is ROMIO: only its files carry hints of that name. */
static bool io_is_romio(void) {
  bool found = false;
  char path[] = "/tmp/seisproc-io-XXXXXX";
  const int fd = mkstemp(path);
  if (fd < 0) return true; /* cannot tell: no reason to warn */
  close(fd);
  MPI_File file;
  if (MPI_File_open(MPI_COMM_SELF, path, MPI_MODE_RDWR | MPI_MODE_DELETE_ON_CLOSE, MPI_INFO_NULL, &file)) {
    unlink(path);
    return true;
  }
  MPI_Info info;
  if (MPI_File_get_info(file, &info) == MPI_SUCCESS) {
    int n_keys = 0;
    MPI_Info_get_nkeys(info, &n_keys);
    for (int i = 0; i < n_keys && !found; i++) {
      char key[MPI_MAX_INFO_KEY + 1];
      MPI_Info_get_nthkey(info, i, key);
      found = !strncmp(key, "romio_", 6);
    }
    MPI_Info_free(&info);
  }
  MPI_File_close(&file);
  return found;
}

sp_status sp_comm_start(int *argc, char ***argv) {
  setenv("OMPI_MCA_io", "^ompio", 0);
  int provided = MPI_THREAD_SINGLE;
  if (MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &provided) != MPI_SUCCESS) {
    return SP_RAISE(SP_ERR_MPI, "MPI does not start");
  }
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  MPI_Comm_set_errhandler(MPI_COMM_SELF, MPI_ERRORS_RETURN);
  int rank = 0, size = 1;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  sp_log_set_rank(size > 1 ? rank : -1);
  sp_status status = SP_SUCCESS;
  if (provided < MPI_THREAD_FUNNELED) status = SP_RAISE(SP_ERR_MPI, "MPI gives no MPI_THREAD_FUNNELED");
  if (rank == 0 && !io_is_romio()) {
    sp_warn("MPI-IO is OMPIO, which reads several times slower than ROMIO; unset OMPI_MCA_io or set it to ^ompio");
  }
  return sp_agree(MPI_COMM_WORLD, status);
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

sp_status sp_agree(MPI_Comm comm, sp_status status) {
  int mine = (int)status, worst = mine;
  SP_TRY(SP_MPI(MPI_Allreduce(&mine, &worst, 1, MPI_INT, MPI_MAX, comm)));
  return (sp_status)worst;
}

sp_status sp_comm_share_text(MPI_Comm comm, int root, char **text) {
  int rank;
  SP_TRY(SP_MPI(MPI_Comm_rank(comm, &rank)));
  uint64_t length = rank == root ? strlen(*text) : 0;
  SP_TRY(SP_MPI(MPI_Bcast(&length, 1, MPI_UINT64_T, root, comm)));
  void *copy = NULL;
  sp_status status = SP_SUCCESS;
  if (rank != root) status = sp_alloc((size_t)length + 1, "a shared text", &copy);
  status = sp_agree(comm, status);
  char *target = rank == root ? *text : copy;
  if (status == SP_SUCCESS) status = SP_MPI(MPI_Bcast(target, sp_mpi_count(length), MPI_CHAR, root, comm));
  if (status != SP_SUCCESS) {
    sp_free(copy);
    return status;
  }
  target[length] = '\0';
  *text = target;
  return SP_SUCCESS;
}

int sp_mpi_count(uint64_t n) {
  assert(n <= INT_MAX);
  return (int)n;
}

void sp_backoff_reset(sp_backoff *backoff) {
  backoff->us = 0;
}

void sp_backoff_sleep(sp_backoff *backoff) {
  enum { FIRST_US = 20, LAST_US = 1000 };
  backoff->us = backoff->us ? backoff->us + backoff->us / 2 : FIRST_US;
  if (backoff->us > LAST_US) backoff->us = LAST_US;
  const struct timespec pause = {.tv_nsec = 1000L * backoff->us};
  nanosleep(&pause, NULL);
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
  SP_TRY(SP_MPI(MPI_Ibarrier(comm, &request)));
  return sp_quiet_wait(&request);
}
