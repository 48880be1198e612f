/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/run/plan.h"
#include "src/run/outcome.h"
#include "src/run/packing.h"

#include <errno.h>
#include <libgen.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "seisproc/engine.h"
#include "seisproc/machine.h"
#include "seisproc/memory.h"
#include "seisproc/pack.h"
#include "seisproc/part_file.h"
#include "seisproc/side_file.h"

/* A worker's share of the cores is not known yet: as if it had all, up to what reading takes. */
static sp_status measure_reader(sp_run_plan *plan) {
  return sp_pack_reader_memory(plan->survey, plan->machine.n_cores, &plan->reader_bytes);
}

/* Of the ranks that pack, each has its share of the cores. */
size_t sp_run_plan_packing_bytes(const sp_run_plan *plan) {
  sp_output_spec spec;
  if (!sp_packing_is_asked(plan->job)) return 0;
  if (plan->work.flow->outputs(&plan->work, plan->survey, &spec) != SP_SUCCESS) return 0;
  const int ranks = plan->layout.ranks > 0 ? plan->layout.ranks : 1, share = plan->machine.n_cores / ranks;
  return sp_pack_memory(&spec.info, true, share > 1 ? share : 1);
}

/* While chunks are placed as they come, what lies beside them is headers and the rows at the seams of tasks: of each at
 * most a chunk, and the smallest tasks are an eighth of the largest. */
double sp_run_plan_disk_factor(const sp_run_plan *plan) {
  enum { SMALLEST_PART = 8 };
  const sp_flow_shape *shape = &plan->work.shape;
  if (!sp_packing_is_asked(plan->job)) return 1;
  if (!sp_window_packs(&shape->window)) return 2;
  return 1 + fmin(1, (double)shape->window.chunk_rows[0] * SMALLEST_PART / shape->task_traces);
}

sp_status sp_run_plan_open(const sp_job *job, const sp_flow *flow, sp_run_plan *out) {
  sp_run_plan plan = {.job = job, .flow = flow};
  sp_status status = sp_survey_open_input(MPI_COMM_NULL, job, NULL, &plan.survey);
  if (status == SP_SUCCESS) status = sp_survey_read_index(plan.survey, true, &plan.index);
  if (status == SP_SUCCESS) {
    sp_machine_look(&plan.machine);
    status = measure_reader(&plan);
  }
  if (status == SP_SUCCESS) {
    *out = plan;
  } else {
    sp_run_plan_close(&plan);
  }
  return status;
}

sp_status sp_run_plan_work(sp_run_plan *plan, int n_workers) {
  const sp_plan_request request = {.job = plan->job,
                                   .survey = plan->survey,
                                   .index = plan->index,
                                   .n_workers = n_workers,
                                   .n_nodes = plan->n_nodes,
                                   .note = plan->note};
  sp_flow_plan_free(&plan->work);
  SP_TRY(sp_flow_plan_make(plan->flow, &request, &plan->work));
  plan->note = NULL;
  return SP_SUCCESS;
}

size_t sp_run_plan_worker_packing_bytes(const sp_run_plan *plan) {
  const int n_cores = plan->machine.n_cores;
  const int n = n_cores < SP_PACKING_THREADS ? n_cores : SP_PACKING_THREADS;
  return (size_t)plan->work.shape.packing_bytes * (size_t)(n > 1 ? n : 1);
}

size_t sp_run_plan_worker_bytes(const sp_run_plan *plan) {
  enum { PROCESS_BYTES = 64 << 20 };
  return sp_flow_worker_bytes(&plan->work.shape) + sp_run_plan_worker_packing_bytes(plan) + plan->reader_bytes +
         PROCESS_BYTES;
}

/* The layout depends on the memory a worker needs, and that, where tasks are small, on the number of workers. */
/* What settings->workers asks for is all hosts' together, so that one host is laid out without it. */
static sp_status lay_out_over_hosts(sp_run_plan *plan) {
  sp_job_settings of_one = plan->job->settings;
  of_one.workers = SP_PARAM_AUTO;
  sp_layout_work_out(&plan->machine, &of_one, sp_run_plan_worker_bytes(plan), &plan->layout);
  return sp_hosts_lay_out(&plan->hosts, &plan->machine, &plan->job->settings, &plan->layout);
}

sp_status sp_run_plan_lay_out(sp_run_plan *plan) {
  const sp_job_settings *settings = &plan->job->settings;
  snprintf(plan->gpu_why, sizeof plan->gpu_why, "the job asks for the CPU");
  if (settings->engine == SP_ENGINE_AUTO || settings->engine == SP_ENGINE_CUDA) {
    plan->machine.n_gpus = sp_gpu_count(plan->gpu_why, sizeof plan->gpu_why);
  }
  SP_TRY(sp_run_plan_work(plan, 1));
  if (plan->hosts.n) {
    SP_TRY(lay_out_over_hosts(plan));
  } else if (!sp_layout_allotted(settings, &plan->layout)) {
    sp_layout_work_out(&plan->machine, settings, sp_run_plan_worker_bytes(plan), &plan->layout);
  }
  return sp_run_plan_work(plan, plan->layout.workers);
}

/* --- what is there already ------------------------------------------------------------------------------------- */

static sp_status make_header(sp_run_plan *plan) {
  const sp_flow_shape *shape = &plan->work.shape;
  sp_journal_header *header = &plan->header;
  sp_free(header->job);
  *header = (sp_journal_header){.input = sp_survey_identity(plan->survey),
                                .n_units = shape->n_units,
                                .n_traces = shape->n_traces,
                                .n_samples = shape->n_samples,
                                .results_version = SP_RESULTS_VERSION,
                                .figures = plan->work.flow->figures};
  snprintf(header->input_uuid, sizeof header->input_uuid, "%s", sp_survey_get_info(plan->survey)->uuid);
  return sp_job_canonical(plan->job, &header->job);
}

/* The history is what tells which units are to be dealt alone, so a job does not do without it. */
static sp_status check_history(const sp_job *job) {
  char *path;
  SP_TRY(sp_side_path(job->output, SP_SIDE_RUNS, &path));
  const int error = sp_side_check(path);
  const sp_status status =
      error ? SP_RAISE(sp_file_status(error), "%s: cannot be used: %s", path, sp_side_error(error)) : SP_SUCCESS;
  sp_free(path);
  return status;
}

sp_status sp_run_check_places(const sp_job *job, const sp_run_options *options) {
  char *part;
  SP_TRY(sp_part_path(job->output, &part));
  sp_free(part);
  SP_TRY(check_history(job));
  SP_TRY(sp_packing_check(job));
  return sp_outcome_check_places(job, options);
}

/* Bytes of the output's datasets, with those that it inherits. */
static sp_status count_bytes(const sp_run_plan *plan, double *bytes) {
  sp_output_spec spec;
  SP_TRY(plan->work.flow->outputs(&plan->work, plan->survey, &spec));
  *bytes = 0;
  if (spec.derived) SP_TRY(sp_survey_inherited_bytes(plan->survey, bytes));
  for (size_t i = 0; i < spec.n_datasets; i++) {
    const sp_dataset_spec *d = &spec.datasets[i];
    *bytes += (double)d->rows * (double)(d->row_length ? d->row_length : 1) * (double)sp_type_size(d->type);
  }
  return SP_SUCCESS;
}

static sp_status check_room(const sp_run_plan *plan, const char *part_path) {
  double bytes;
  SP_TRY(count_bytes(plan, &bytes));
  SP_TRY(sp_part_check_bytes(part_path, bytes));
  const double room = sp_part_room(part_path), most = sp_run_plan_disk_factor(plan) * bytes;
  if (most <= room) return SP_SUCCESS;
  return SP_RAISE(SP_ERR_IO,
                  "%s: %.3f GB are to be written and then packed beside, up to %.3f GB at once, %.3f GB are free there",
                  part_path, 1e-9 * bytes, 1e-9 * most, 1e-9 * room);
}

sp_status sp_run_plan_look(sp_run_plan *plan, const sp_run_options *options) {
  char *part_path = NULL, *journal_path = NULL;
  sp_status status;
  SP_TRY_GOTO(out, sp_run_check_places(plan->job, options));
  SP_TRY_GOTO(out, make_header(plan));
  SP_TRY_GOTO(out, sp_side_path(plan->job->output, SP_SIDE_PART, &part_path));
  SP_TRY_GOTO(out, sp_side_path(plan->job->output, SP_SIDE_JOURNAL, &journal_path));
  SP_TRY_GOTO(out, sp_resume_look(&plan->work, part_path, journal_path, &plan->header, options->restart, &plan->start,
                                  &plan->earlier, &plan->damaged));
  plan->compares_all = plan->start == SP_START_RESUME && (plan->damaged || options->check_done);
  if (plan->start != SP_START_COMPLETE) SP_TRY_GOTO(out, sp_part_check_replace(plan->job->output));
  /* what is there of a run that was cut off makes way, so its room is not counted against the new one */
  if (plan->start == SP_START_NEW && access(part_path, F_OK)) status = check_room(plan, part_path);
out:
  sp_free(journal_path);
  sp_free(part_path);
  return status;
}

sp_status sp_run_plan_transfer(sp_run_plan *plan, int n_workers, int n_io) {
  char *history = NULL;
  SP_TRY(sp_side_path(plan->job->output, SP_SIDE_RUNS, &history));
  const sp_transfer_request request = {.job = plan->job,
                                       .plan = &plan->work,
                                       .input = plan->survey,
                                       .n_workers = n_workers,
                                       .n_io = n_io,
                                       .n_nodes = plan->n_nodes,
                                       .history_path = history};
  const sp_status status = sp_transfer_choose(&request, &plan->transfer);
  sp_free(history);
  return status;
}

void sp_run_plan_close(sp_run_plan *plan) {
  sp_hosts_free(&plan->hosts);
  sp_free(plan->layout.hosts);
  plan->layout.hosts = NULL;
  sp_journal_contents_free(&plan->earlier);
  sp_free(plan->header.job);
  plan->header.job = NULL;
  sp_flow_plan_free(&plan->work);
  sp_gather_index_destroy(plan->index);
  sp_survey_close(plan->survey);
  plan->index = NULL;
  plan->survey = NULL;
}
