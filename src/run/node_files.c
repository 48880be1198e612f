/* SPDX-License-Identifier: BSD-3-Clause */
/* A path may name a folder of each node's own: a local disk, /tmp, a file system that one node has not mounted. Names
 * and shapes can be alike there, and a leftover of an earlier run takes what is written: so a nonce, new with each run,
 * proves the output's folder, and size and time of modification the input. Files are opened, not only looked at: that
 * is when NFS asks its server. */
#include "src/run/node_files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "seisproc/backoff.h"
#include "seisproc/clock.h"
#include "seisproc/dist.h"
#include "seisproc/file_identity.h"

enum { HOST_SIZE = 64, MOMENT_S = 3 };

/* What rank 0 sees. */
typedef struct node_files {
  sp_file_identity input, part;
  char nonce[SP_LOCK_NONCE + 1];
  char job[SP_FINGERPRINT_LENGTH + 1]; /* with the contents of files that it names: picks, velocities */
  char host[HOST_SIZE];
} node_files;

static void name_host(char host[HOST_SIZE]) {
  if (gethostname(host, HOST_SIZE - 1)) snprintf(host, HOST_SIZE, "?");
  host[HOST_SIZE - 1] = '\0';
}

/* false with errno */
static bool identify(const char *path, sp_file_identity *out) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return false;
  const bool known = sp_file_identify_open(fd, out);
  const int error = errno;
  close(fd);
  errno = error;
  return known;
}

static sp_status look(const sp_run_context *run, const sp_lock *lock, node_files *mine) {
  const char *const paths[] = {run->job->input, run->part_path};
  sp_file_identity *const found[] = {&mine->input, &mine->part};
  for (int i = 0; i < 2; i++) {
    if (!identify(paths[i], found[i])) return SP_RAISE(SP_ERR_INPUT, "%s: %s", paths[i], strerror(errno));
  }
  snprintf(mine->nonce, sizeof mine->nonce, "%s", sp_lock_nonce(lock));
  name_host(mine->host);
  return sp_job_fingerprint(run->job, mine->job);
}

static sp_status check_input(const sp_run_context *run, const node_files *first, const char *host) {
  char how[SP_IDENTITY_TEXT];
  sp_file_identity mine;
  const char *path = run->job->input;
  if (!identify(path, &mine)) {
    return SP_RAISE(SP_ERR_USAGE, "%s: rank %d on %s cannot read it (%s), rank 0 on %s can: every node needs the input",
                    path, run->roles->world.rank, host, strerror(errno), first->host);
  }
  if (!sp_file_identity_differs(&first->input, &mine, false, how)) return SP_SUCCESS;
  return SP_RAISE(SP_ERR_USAGE,
                  "%s: rank %d on %s sees another file than rank 0 on %s: %s; a copy on a local disk needs the time of "
                  "the original (cp -p)",
                  path, run->roles->world.rank, host, first->host, how);
}

static sp_status check_job(const sp_run_context *run, const node_files *first, const char *host) {
  char mine[SP_FINGERPRINT_LENGTH + 1];
  const sp_status status = sp_job_fingerprint(run->job, mine); /* says which file is not there */
  if (status == SP_SUCCESS && !strcmp(mine, first->job)) return SP_SUCCESS;
  return SP_RAISE(
      SP_ERR_USAGE,
      "rank %d on %s sees other contents than rank 0 on %s of a file that the job names (picks, velocities)",
      run->roles->world.rank, host, first->host);
}

/* A name that is new may need a moment to be seen on another node. */
static bool finds_nonce(const sp_run_context *run, const node_files *first) {
  sp_backoff backoff = {.most_us = 500000};
  const double start = sp_now();
  char nonce[SP_LOCK_NONCE + 1];
  while (!sp_lock_read_nonce(run->lock_path, nonce) || strcmp(nonce, first->nonce)) {
    if (sp_now() - start > MOMENT_S) return false;
    sp_backoff_sleep(&backoff);
  }
  return true;
}

static sp_status check_output(const sp_run_context *run, const node_files *first, const char *host) {
  sp_file_identity part;
  const char *fault = NULL;
  if (first->nonce[0] && !finds_nonce(run, first)) {
    fault = "another folder";
  } else if (!identify(run->part_path, &part) || part.bytes != first->part.bytes) {
    fault = "another file";
  }
  if (!fault) return SP_SUCCESS;
  return SP_RAISE(SP_ERR_USAGE,
                  "%s: rank %d on %s sees %s there than rank 0 on %s: the output must lie on a file system that all "
                  "nodes share",
                  run->part_path, run->roles->world.rank, host, fault, first->host);
}

sp_status sp_node_files_check(const sp_run_context *run, const sp_lock *lock) {
  const sp_roles *roles = run->roles;
  node_files first = {0};
  char host[HOST_SIZE];
  if (roles->n_nodes == 1) return SP_SUCCESS; /* alike */
  SP_AGREE(roles->world.comm, roles->world.rank ? SP_SUCCESS : look(run, lock, &first));
  SP_MPI_ALL(MPI_Bcast(&first, sizeof first, MPI_BYTE, 0, roles->world.comm));
  name_host(host);
  sp_status status = SP_SUCCESS;
  if (roles->world.rank && sp_roles_self(roles)->node_rank == 0) {
    status = check_input(run, &first, host);
    const sp_status job = check_job(run, &first, host), output = check_output(run, &first, host);
    if (status == SP_SUCCESS) status = job == SP_SUCCESS ? output : job;
  }
  return sp_agree(roles->world.comm, status);
}
