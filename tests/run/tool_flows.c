/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs a job file through a flow that the program does not have: tool_flows volume|image JOB.yaml [--restart]. */
#include <stdio.h>
#include <string.h>

#include "image_flow.h"
#include "seisproc/run.h"
#include "seisproc/stop.h"
#include "volume_flow.h"

int main(int argc, char **argv) {
  if (argc < 3) return SP_EXIT_INPUT;
  sp_job *job = NULL;
  char *text = NULL;
  sp_stop_install();
  sp_status status = sp_comm_start(&argc, &argv);
  if (status == SP_SUCCESS) status = sp_job_read_text(argv[2], &text);
  if (status == SP_SUCCESS) status = sp_job_parse(argv[2], text, NULL, 0, &job);
  const sp_run_options options = {.quiet = true,
                                  .restart = argc > 3 && !strcmp(argv[3], "--restart"),
                                  .flow = strcmp(argv[1], "volume") ? &image_flow : &volume_flow};
  if (status == SP_SUCCESS) status = sp_run(job, &options);
  sp_job_destroy(job);
  sp_free(text);
  sp_comm_finish();
  return sp_status_exit_code(status);
}
