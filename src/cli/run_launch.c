/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/cli/run_launch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "seisproc/launch.h"
#include "seisproc/log.h"
#include "seisproc/machine.h"
#include "seisproc/memory.h"
#include "src/base/step_watch.h"
#include "src/run/plan.h"
#include "src/run/supervise.h"

/* The command line without what begins anew; borrows its words, *out is the caller's (sp_free). */
static sp_status without_restart(char *const *command, char ***out) {
  size_t n = 0, kept = 0;
  while (command[n]) n++;
  SP_TRY(sp_calloc(n + 1, sizeof **out, "a command line", out));
  for (size_t i = 0; i < n; i++) {
    if (strcmp(command[i], "--restart")) (*out)[kept++] = command[i];
  }
  return SP_SUCCESS;
}

/* The ranks write to the launcher's pipe: tell them what is at its other end. */
static void export_columns(void) {
  char columns[16];
  snprintf(columns, sizeof columns, "%d", sp_terminal_columns());
  if (sp_terminal_columns()) setenv("SEISPROC_TERMINAL", columns, 0);
}

/* A job that may stall longer, or for ever, may start as slowly. The ranks start before they know the job. */
static void export_limit(const sp_job *job) {
  char seconds[32];
  snprintf(seconds, sizeof seconds, "%.0f", job->settings.stall_timeout);
  const double limit = job->settings.stall_timeout;
  if (limit == 0 || limit > sp_step_limit()) setenv("SEISPROC_START_TIMEOUT", seconds, 0);
}

/* The layout of the job, as `seisproc plan` says it; what can be refused is, before anything is started. */
static sp_status lay_out(const sp_job *job, const char *hosts, const char *hostfile, sp_layout *layout) {
  sp_run_plan plan = {0};
  sp_status status;
  SP_TRY_GOTO(out, sp_run_plan_open(job, NULL, &plan));
  if (hosts) SP_TRY_GOTO(out, sp_hosts_parse(hosts, &plan.hosts));
  if (hostfile) SP_TRY_GOTO(out, sp_hosts_read(hostfile, &plan.hosts));
  SP_TRY_GOTO(out, sp_run_plan_lay_out(&plan));
  *layout = plan.layout;
  plan.layout.hosts = NULL; /* the caller's now */
  if (!layout->fits) {
    sp_warn("%d workers of %zu MB each may not fit into the memory that is free (%zu MB)", layout->workers,
            sp_run_plan_worker_bytes(&plan) >> 20, plan.machine.memory >> 20);
  }
out:
  sp_run_plan_close(&plan);
  return status;
}

/* Where no network has to be chosen by its distance nobody asks what is on the buses, and looking there takes launcher
 * and ranks a sixth of a small job's processor time. */
static void spare_bus_scan(const sp_layout *layout) {
  static const char without[] = "-linuxio,-pci,-opencl,-cuda,-nvml,-rsmi,-levelzero,-gl";
  if (!layout->hosts && !layout->allotted) setenv("HWLOC_COMPONENTS", without, 0);
}

/* Open MPI's ranks share files of a few MB; where these cannot be had it hangs or ends in a page of errors. */
static sp_status check_file_limit(void) {
  enum { NEEDED_MB = 8 };
  struct rlimit limit;
  if (getrlimit(RLIMIT_FSIZE, &limit) || limit.rlim_cur >= (rlim_t)NEEDED_MB << 20) return SP_SUCCESS;
  return SP_RAISE(SP_ERR_IO, "a file may have %.3f MB (ulimit -f), and ranks that are started need %d MB",
                  1e-6 * (double)limit.rlim_cur, NEEDED_MB);
}

sp_status sp_run_launch(const sp_job *job, const sp_run_options *options, const char *hosts, const char *hostfile,
                        char *const *arguments, size_t n, int *exit_code) {
  sp_status status;
  sp_layout layout = {0};
  sp_mpirun kind;
  char *program = NULL, **command = NULL, **again = NULL;
  SP_TRY(check_file_limit());
  SP_TRY(lay_out(job, hosts, hostfile, &layout));
  export_columns();
  export_limit(job);
  spare_bus_scan(&layout);
  SP_TRY_GOTO(out, sp_mpirun_find(&kind));
  SP_TRY_GOTO(out, sp_own_path(&program));
  SP_TRY_GOTO(out, sp_launch_command(kind, &layout, program, (const char *const *)arguments, n, &command));
  SP_TRY_GOTO(out, without_restart(command, &again));
  status = sp_supervise(job, options, command, again, exit_code);
out:
  sp_free(again);
  sp_launch_command_free(command);
  sp_free(program);
  sp_free(layout.hosts);
  return status;
}
