#include "src/cli/run_launch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seisproc/engine.h"
#include "seisproc/launch.h"
#include "seisproc/log.h"
#include "seisproc/machine.h"
#include "seisproc/memory.h"
#include "seisproc/survey_file.h"
#include "src/flow/flow.h"
#include "src/run/supervise.h"

/* Bytes of a worker of this job: buffers, slots, and what a process needs. 0 where the input does not tell: the ranks
 * will say why. */
static size_t estimate_worker_bytes(const sp_job *job) {
  enum { PROCESS_BYTES = 64 << 20 };
  sp_survey *survey = NULL;
  sp_gather_index *index = NULL;
  sp_flow_plan plan = {0};
  size_t bytes = 0;
  if (sp_survey_open(MPI_COMM_NULL, job->input, false, &survey) == SP_SUCCESS &&
      sp_survey_read_index(survey, false, &index) == SP_SUCCESS &&
      sp_flow_plan_make(NULL, &(sp_plan_request){job, survey, index, 1}, &plan) == SP_SUCCESS) {
    bytes = sp_flow_worker_bytes(&plan.shape) + PROCESS_BYTES;
  }
  sp_flow_plan_free(&plan);
  sp_gather_index_destroy(index);
  sp_survey_close(survey);
  return bytes;
}

/* The command line without what begins anew; borrows its words, *out is the caller's (sp_free). */
static sp_status without_restart(char *const *command, char ***out) {
  size_t n = 0, kept = 0;
  while (command[n]) n++;
  SP_TRY(sp_calloc(n + 1, sizeof **out, "a command line", (void **)out));
  for (size_t i = 0; i < n; i++) {
    if (strcmp(command[i], "--restart")) (*out)[kept++] = command[i];
  }
  return SP_SUCCESS;
}

/* The ranks write to the launcher's pipe: tell them what is at its other end. */
static void tell_columns(void) {
  char columns[16];
  snprintf(columns, sizeof columns, "%d", sp_terminal_columns());
  if (sp_terminal_columns()) setenv("SEISPROC_TERMINAL", columns, 0);
}

static void lay_out(const sp_job *job, size_t worker_bytes, sp_layout *layout) {
  sp_machine machine;
  if (sp_layout_allotted(&job->settings, layout)) return;
  sp_machine_look(&machine);
  const int engine = job->settings.engine;
  if (engine == SP_ENGINE_AUTO || engine == SP_ENGINE_CUDA) machine.n_gpus = sp_gpu_count(NULL, 0);
  sp_layout_work_out(&machine, &job->settings, worker_bytes, layout);
  if (layout->fits) return;
  sp_warn("%d workers of %zu MB each may not fit into the memory that is free (%zu MB)", layout->workers,
          worker_bytes >> 20, machine.memory >> 20);
}

sp_status sp_run_launch(const sp_job *job, char *const *arguments, size_t n, int *exit_code) {
  sp_status status;
  sp_layout layout;
  sp_mpirun kind;
  char *program = NULL, **command = NULL, **again = NULL;
  const size_t worker_bytes = estimate_worker_bytes(job);
  if (worker_bytes == 0) return SP_ERR_INPUT;
  lay_out(job, worker_bytes, &layout);
  tell_columns();
  SP_TRY_GOTO(out, sp_mpirun_find(&kind));
  SP_TRY_GOTO(out, sp_own_path(&program));
  SP_TRY_GOTO(out, sp_launch_command(kind, &layout, program, (const char *const *)arguments, n, &command));
  SP_TRY_GOTO(out, without_restart(command, &again));
  status = sp_supervise(job, command, again, exit_code);
out:
  sp_free(again);
  sp_launch_command_free(command);
  sp_free(program);
  return status;
}
