/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/run/run_monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "seisproc/clock.h"
#include "seisproc/dist.h"
#include "seisproc/log.h"
#include "seisproc/machine.h"
#include "seisproc/memory.h"
#include "seisproc/side_file.h"
#include "src/base/crash.h"
#include "src/run/history.h"

/* The stall time is that of a slab of this size; what is larger is given longer. */
#define STALL_SLAB_BYTES (64e6)

enum { JOB_ID_SIZE = 128 };

static sp_status gather_places(sp_run_context *run) {
  const sp_roles *roles = run->roles;
  const size_t n = (size_t)roles->world.size;
  const sp_member *self = sp_roles_self(roles);
  sp_place mine = {.role = self->role, .node = self->node, .process = (int32_t)getpid()};
  if (gethostname(mine.host, sizeof mine.host - 1)) snprintf(mine.host, sizeof mine.host, "?");
  SP_ALIKE(sp_calloc_together(roles->world.comm, n, sizeof *run->places, "the places of the ranks", &run->places));
  return SP_MPI(MPI_Allgather(&mine, sizeof mine, MPI_BYTE, run->places, sizeof mine, MPI_BYTE, roles->world.comm));
}

/* What a rank may run on. */
typedef struct share_of_node {
  uint64_t affinity;
  int32_t node, n_cores;
} share_of_node;

/* Cores of all nodes; ranks of a node that may run on the same ones share them. */
static sp_status count_cores(sp_run_context *run) {
  const sp_roles *roles = run->roles;
  const size_t n = (size_t)roles->world.size;
  sp_machine machine;
  share_of_node *all = NULL;
  sp_machine_look(&machine);
  const share_of_node mine = {machine.affinity, sp_roles_self(roles)->node, machine.n_cores};
  SP_ALIKE(sp_calloc_together(roles->world.comm, n, sizeof *all, "the cores of the ranks", &all));
  const sp_status status =
      SP_MPI(MPI_Gather(&mine, sizeof mine, MPI_BYTE, all, sizeof mine, MPI_BYTE, 0, roles->world.comm));
  for (int r = 0; r < roles->world.size && roles->world.rank == 0; r++) {
    bool seen = false;
    /* ranks of a node follow each other, so this is short but for ranks that are bound to cores of their own */
    for (int b = r - 1; b >= 0 && all[b].node == all[r].node && !seen; b--) seen = all[b].affinity == all[r].affinity;
    if (!seen) run->cores += all[r].n_cores;
  }
  sp_free(all);
  return status;
}

static void add_nodes(const sp_run_context *run) {
  for (int node = 0; node < run->roles->n_nodes; node++) {
    int first = -1, n = 0;
    for (int r = 0; r < run->roles->world.size; r++) {
      if (run->places[r].node != node) continue;
      if (first < 0) first = r;
      n++;
    }
    if (n) sp_history_add(run->history_path, "node %s %d %d", run->places[first].host, first, n);
  }
}

/* Where the input is, for whoever looks at the output beside it. A path that does not fit a line is left out. */
static void add_input(const sp_run_context *run) {
  char *path = realpath(run->job->input, NULL);
  if (path && strlen(path) < 480 && !path[strcspn(path, "\n\r")]) sp_history_add(run->history_path, "input %s", path);
  free(path);
}

static void add_run(const sp_run_context *run, const sp_coordinator_state *start) {
  const sp_roles *roles = run->roles;
  char now[SP_TIME_TEXT];
  char id[JOB_ID_SIZE];
  const char *slurm = getenv("SLURM_JOB_ID");
  const bool launcher = sp_comm_job_id(id, sizeof id);
  sp_history_add(run->history_path, "run %s %s %llu/%llu ranks=%d workers=%d io=%d cores=%d version=%s%s%s%s%s",
                 sp_time_text(sp_wall_clock(), now), run->start == SP_START_NEW ? "new" : "resumed",
                 (unsigned long long)start->n_earlier, (unsigned long long)run->plan.shape.n_units, roles->world.size,
                 roles->n_workers, roles->n_io, run->cores, SP_VERSION, slurm ? " slurm=" : "", slurm ? slurm : "",
                 launcher ? " pmix=" : "", launcher ? id : "");
  add_nodes(run);
  add_input(run);
}

/* A job that syncs once, at the end, may be silent for as long as the disk needs for all of it. */
static double stall_time(const sp_run_context *run) {
  if (run->options->no_commit) return 0;
  const double bytes = (double)run->plan.shape.input_bytes / 2; /* of the largest task: there is room for two */
  return run->job->settings.stall_timeout * fmax(1, bytes / STALL_SLAB_BYTES);
}

/* As that: what is larger is given longer. */
static double collective_time(const sp_run_context *run) {
  const double bytes = (double)run->plan.shape.input_bytes / 2;
  return run->job->settings.collective_timeout * fmax(1, bytes / STALL_SLAB_BYTES);
}

sp_status sp_record_begin(sp_run_context *run, sp_coordinator_state *start) {
  const sp_roles *roles = run->roles;
  sp_status status = SP_SUCCESS;
  SP_ALIKE(gather_places(run));
  SP_ALIKE(count_cores(run));
  run->recorded = true;
  if (roles->world.rank == 0) {
    add_run(run, start);
    status =
        sp_inflight_create(run->inflight_path, run->plan.shape.unit, run->places, roles->world.size, &start->inflight);
  }
  SP_AGREE(roles->world.comm, status);
  const bool writes = sp_roles_self(roles)->role == SP_ROLE_IO;
  const sp_watchdog_config config = {.inflight_path = run->inflight_path,
                                     .history_path = run->history_path,
                                     .activity = &run->activity,
                                     .places = run->places,
                                     .rank = roles->world.rank,
                                     .n_ranks = roles->world.size,
                                     .collective_s = collective_time(run),
                                     .collective_kind = writes ? "write" : "read",
                                     .of_all = writes || run->transfer.of_all,
                                     .stall_s = stall_time(run)};
  SP_AGREE(roles->world.comm, sp_watchdog_create(&config, &run->watchdog));
  sp_step_watch_end(run->start_watch);
  run->start_watch = NULL;
  if (sp_roles_self(roles)->role != SP_ROLE_WORKER) return SP_SUCCESS;
  run->history_fd = sp_side_open(run->history_path, O_WRONLY | O_APPEND | O_CREAT);
  if (run->history_fd >= 0) sp_crash_start(run->history_fd, roles->world.rank);
  return SP_SUCCESS;
}

static sp_end end_of(sp_status status) {
  switch (status) {
  case SP_SUCCESS:
  case SP_ERR_GATHER:
    return SP_END_COMPLETE;
  case SP_STOPPED:
    return SP_END_STOPPED;
  case SP_ERR_DEVICE:
    return SP_END_DEVICE;
  case SP_ERR_MPI:
  case SP_ERR_INTERNAL:
    return SP_END_BROKEN;
  default:
    return SP_END_FAILED;
  }
}

void sp_record_end(sp_run_context *run, sp_coordinator_state *start, sp_status status) {
  if (!run->recorded) return;
  sp_crash_stop();
  if (run->history_fd >= 0) close(run->history_fd);
  run->history_fd = -1;
  sp_watchdog_destroy(run->watchdog);
  run->watchdog = NULL;
  sp_inflight_close(start->inflight);
  start->inflight = NULL;
  if (run->roles->world.rank != 0) return;
  sp_history_end(run->history_path, end_of(status), 0);
  unlink(run->inflight_path);
}

_Noreturn void sp_run_abort(const sp_run_context *run, sp_status status) {
  if (run->recorded) {
    sp_history_add(run->history_path, "error %.470s", sp_log_first_error());
    sp_history_end(run->history_path, end_of(status), run->roles->world.rank);
  }
  sp_comm_abort(status);
}
