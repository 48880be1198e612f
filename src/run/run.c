/* SPDX-License-Identifier: BSD-3-Clause */
/* Running a job: what rank 0 works out, what all ranks make together, the roles, and the end. */
#include "src/run/run_context.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "seisproc/clock.h"
#include "seisproc/dist.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/part_file.h"
#include "seisproc/side_file.h"
#include "seisproc/survey_file.h"
#include "src/base/fault.h"
#include "src/run/chunk_file.h"
#include "src/run/node_files.h"
#include "src/run/outcome.h"
#include "src/run/output.h"
#include "src/run/packing.h"
#include "src/run/repair.h"
#include "src/run/report.h"
#include "src/run/resume.h"
#include "src/run/run_monitor.h"

/* --- rank 0's part of the start ------------------------------------------------------------------------------ */

/* HDF5 does not survive the end of MPI with a file that it could not write: the job ends here. */
static void end_if_disk_failed(const sp_run_context *run, sp_status status) {
  if (status == SP_ERR_IO) sp_run_abort(run, status);
}

static void forget_earlier_work(sp_coordinator_state *start) {
  sp_free(start->done);
  sp_free(start->figures);
  sp_chunk_places_destroy(start->places);
  start->done = NULL;
  start->figures = NULL;
  start->places = NULL;
  start->n_earlier = start->n_done = start->earlier_work = 0;
}

/* What earlier runs did, as far as it can be used. */
static sp_status resume_output(sp_run_context *run, sp_coordinator_state *start) {
  sp_flow_plan *plan = &run->plan;
  const sp_journal_contents *earlier = &start->plan.earlier;
  const uint64_t n = plan->shape.n_units;
  const size_t record = plan->flow->figures->bytes;
  forget_earlier_work(start);
  SP_TRY(sp_calloc(n + 1, 1, "the units done", &start->done));
  SP_TRY(sp_calloc(n + 1, record, "figures", &start->figures));
  if (earlier->done) {
    memcpy(start->done, earlier->done, n);
    memcpy(start->figures, earlier->figures, n * record);
  }
  SP_TRY(sp_chunk_places_create(&plan->shape, &start->places));
  if (run->start == SP_START_RESUME && plan->flow->restore) {
    SP_TRY(plan->flow->restore(plan, run->part_path, start->done, start->figures));
  }
  for (uint64_t u = 0; u < n; u++) {
    if (!start->done[u]) continue;
    start->n_earlier++;
    start->earlier_work += plan->flow->work(plan, u);
  }
  start->n_done = start->n_earlier;
  return SP_SUCCESS;
}

/* The job as planned, by the code that `seisproc plan` runs; nothing is created here. */
static sp_status make_plan(sp_run_context *run, sp_coordinator_state *start) {
  sp_run_plan *plan = &start->plan;
  SP_TRY(sp_run_plan_open(run->job, run->options->flow, plan));
  plan->note = sp_note_warn;
  plan->n_nodes = run->roles->n_nodes;
  SP_TRY(sp_run_plan_work(plan, run->roles->n_workers));
  SP_TRY(sp_run_plan_look(plan, run->options));
  SP_TRY(sp_run_plan_transfer(plan, run->roles->n_workers, run->roles->n_io));
  run->transfer = plan->transfer;
  run->start = plan->start;
  run->plan = plan->work;
  plan->work = (sp_flow_plan){0};
  return resume_output(run, start);
}

static sp_status create_output(sp_run_context *run, const sp_coordinator_state *start) {
  const sp_status status = sp_output_create(&run->plan, start->plan.survey, run->part_path);
  end_if_disk_failed(run, status);
  return status;
}

static void report_resumption(const sp_run_context *run, const sp_coordinator_state *start) {
  const uint64_t n = run->plan.shape.n_units, n_bad_lines = start->plan.earlier.n_bad_lines;
  const char *unit = run->plan.shape.unit;
  if (n_bad_lines) {
    sp_warn("%s: %llu damaged lines; their %ss are computed again", run->journal_path, (unsigned long long)n_bad_lines,
            unit);
  }
  sp_info("resuming: %llu of %llu %ss are done, %llu are left", (unsigned long long)start->n_earlier,
          (unsigned long long)n, unit, (unsigned long long)(n - start->n_earlier));
}

/* Of what earlier runs left, that with which this one does not go on. */
static sp_status forget_earlier(const sp_run_context *run) {
  if (run->start == SP_START_RESUME) return SP_SUCCESS;
  if (run->start == SP_START_PACK) return sp_resume_remove(run->journal_path);
  SP_TRY(sp_resume_forget(run->part_path, run->journal_path));
  SP_TRY(sp_resume_remove(run->chunks_path));
  SP_TRY(sp_resume_remove(run->packed_path));
  return sp_resume_remove(run->plain_path);
}

static sp_status add_places(const sp_coordinator_state *start) {
  const sp_journal_contents *earlier = &start->plan.earlier;
  return earlier->n_chunks ? sp_chunk_places_add(start->places, earlier->chunks, earlier->n_chunks) : SP_SUCCESS;
}

/* What an earlier run has packed; a new one begins with nothing. */
static sp_status begin_packed(sp_run_context *run, const sp_coordinator_state *start) {
  const sp_journal_contents *earlier = &start->plan.earlier;
  if (!start->places) return SP_SUCCESS;
  if (run->start == SP_START_RESUME && earlier->n_chunks &&
      earlier->chunk_rows != run->plan.shape.window.chunk_rows[0]) {
    return SP_RAISE(SP_ERR_USAGE,
                    "%s: was begun with chunks of %llu traces, now %llu; finish with the program that began "
                    "it, or --restart",
                    run->journal_path, (unsigned long long)earlier->chunk_rows,
                    (unsigned long long)run->plan.shape.window.chunk_rows[0]);
  }
  if (run->start == SP_START_RESUME) SP_TRY(add_places(start));
  run->packed_end = sp_chunk_places_end(start->places);
  const bool anew = run->start == SP_START_NEW || earlier->n_chunks == 0;
  return anew ? sp_chunk_file_create(run->packed_path) : sp_chunk_file_cut(run->packed_path, run->packed_end);
}

/* Looks at the input and at what an earlier run left; creates the output of a new job. */
static sp_status begin(sp_run_context *run, sp_coordinator_state *start) {
  SP_TRY(sp_run_check_places(run->job, run->options));
  SP_TRY(sp_lock_acquire(run->lock_path, &start->lock));
  SP_TRY(make_plan(run, start));
  SP_FAULT_POINT("looked");
  if (run->start == SP_START_NEW && start->plan.earlier.begun) {
    sp_warn("%s: its output %s is gone; starting over", run->journal_path, run->part_path);
  }
  /* a run that was cut off as it published may not have come to this */
  if (run->start == SP_START_COMPLETE) SP_TRY(sp_sync_entry(run->job->output));
  SP_TRY(forget_earlier(run));
  if (run->start == SP_START_COMPLETE || run->start == SP_START_PACK) return SP_SUCCESS;
  if (run->start == SP_START_NEW) SP_TRY(create_output(run, start));
  SP_TRY(begin_packed(run, start));
  SP_FAULT_POINT("created");
  if (!start->places) SP_TRY(sp_part_check_room(run->part_path));
  if (run->start == SP_START_RESUME) report_resumption(run, start);
  return SP_SUCCESS;
}

static void end_state(sp_coordinator_state *start) {
  sp_run_plan_close(&start->plan);
  forget_earlier_work(start);
  sp_free(start->undone);
  sp_lock_release(start->lock);
}

/* With its headers in place the output is begun: from now on a cut-off run can be resumed. */
static sp_status begin_journal(sp_run_context *run, sp_coordinator_state *start) {
  if (run->options->no_commit) return SP_SUCCESS;
  if (run->start == SP_START_NEW) {
    SP_TRY(sp_journal_create(run->journal_path, &start->plan.header));
    SP_TRY(sp_journal_read(run->journal_path, run->plan.flow->figures, run->plan.shape.n_units, &start->plan.earlier));
  }
  return sp_journal_open(run->journal_path, &start->plan.earlier, run->plan.shape.task_units, &run->plan.shape.window,
                         &start->journal);
}

/* --- what all ranks make together --------------------------------------------------------------------------- */

static sp_status name_paths(sp_run_context *run) {
  const char *output = run->job->output;
  SP_TRY(sp_side_path(output, SP_SIDE_PART, &run->part_path));
  SP_TRY(sp_side_path(output, SP_SIDE_JOURNAL, &run->journal_path));
  SP_TRY(sp_side_path(output, SP_SIDE_INFLIGHT, &run->inflight_path));
  SP_TRY(sp_side_path(output, SP_SIDE_RUNS, &run->history_path));
  SP_TRY(sp_side_path(output, SP_SIDE_PLAIN, &run->plain_path));
  SP_TRY(sp_side_path(output, SP_SIDE_CHUNKS, &run->chunks_path));
  SP_TRY(sp_side_path(output, SP_SIDE_PACKED, &run->packed_path));
  return sp_side_path(output, SP_SIDE_LOCK, &run->lock_path);
}

/* Threads of this worker: what the job says, else its share of the cores. */
static sp_status count_threads(sp_run_context *run) {
  const bool works = sp_roles_self(run->roles)->role == SP_ROLE_WORKER;
  SP_TRY(sp_comm_share_cores(&run->roles->node, works, &run->n_threads));
  if (run->job->settings.threads != SP_PARAM_AUTO) run->n_threads = run->job->settings.threads;
  return SP_SUCCESS;
}

static bool node_has_workers(const sp_roles *roles) {
  for (int r = 0; r < roles->world.size; r++) {
    if (roles->members[r].role == SP_ROLE_WORKER && roles->members[r].node == sp_roles_self(roles)->node) return true;
  }
  return false;
}

static sp_status make_window(sp_run_context *run) {
  const sp_window_shape *window = &run->plan.shape.window;
  if (sp_roles_self(run->roles)->role == SP_ROLE_WORKER) {
    run->buffers = sp_window_slot_bytes(window) * (uint64_t)window->n_slots;
  }
  return node_has_workers(run->roles) ? sp_node_window_create(run->roles, window, &run->window) : SP_SUCCESS;
}

/* Every node syncs what its ranks wrote: the journal will say that the headers are there. */
static sp_status write_headers(sp_run_context *run) {
  const sp_flow *flow = run->plan.flow;
  sp_status written = SP_SUCCESS;
  if (flow->write_headers) written = flow->write_headers(&run->plan, run->roles, run->part_path, &run->activity);
  end_if_disk_failed(run, written);
  if (written == SP_STOPPED && run->roles->world.rank == 0) {
    sp_info("stopped before the first %s; the same command begins again", run->plan.shape.unit);
  }
  SP_ALIKE(written);
  SP_FAULT_POINT("headers_copied");
  const bool first = sp_roles_self(run->roles)->node_rank == 0;
  return sp_agree(run->roles->world.comm, first ? sp_sync_file(run->part_path) : SP_SUCCESS);
}

/* Under a launcher its number of ranks decides, whatever the job says. */
static void check_workers(const sp_run_context *run) {
  const int asked = run->job->settings.workers, found = run->roles->n_workers;
  if (asked == SP_PARAM_AUTO || asked == found || run->roles->world.rank) return;
  sp_warn("workers: %d asked for, %d of the %d ranks that the launcher started compute: used those", asked, found,
          run->roles->world.size);
}

/* Where units are undone, what is left is worked out anew. Collective. */
static sp_status repair(sp_run_context *run, sp_coordinator_state *start) {
  bool undone;
  SP_ALIKE(sp_repair(run, start, &undone));
  sp_status status = undone ? resume_output(run, start) : SP_SUCCESS;
  if (undone && status == SP_SUCCESS) status = add_places(start);
  if (undone && status == SP_SUCCESS) report_resumption(run, start);
  return sp_agree(run->roles->world.comm, status);
}

/* A new job that is refused here leaves nothing. Collective. */
static sp_status check_nodes(const sp_run_context *run, const sp_coordinator_state *start) {
  const sp_status status = sp_node_files_check(run, start->lock);
  if (status != SP_SUCCESS && run->roles->world.rank == 0 && run->start == SP_START_NEW) {
    unlink(run->part_path);
    if (start->places) unlink(run->packed_path);
  }
  return status;
}

static sp_status prepare(sp_run_context *run, sp_coordinator_state *start) {
  SP_ALIKE(sp_roles_create(MPI_COMM_WORLD, run->job->settings.io_ranks, &run->roles));
  check_workers(run);
  const MPI_Comm world = run->roles->world.comm;
  const bool first = run->roles->world.rank == 0;
  SP_AGREE(world, name_paths(run));
  SP_AGREE(world, first ? begin(run, start) : SP_SUCCESS);
  SP_ALIKE(sp_flow_plan_share(&run->plan, &run->roles->world));
  SP_MPI_ALL(MPI_Bcast(&run->start, sizeof run->start, MPI_BYTE, 0, world));
  SP_MPI_ALL(MPI_Bcast(&run->packed_end, 1, MPI_UINT64_T, 0, world));
  SP_MPI_ALL(MPI_Bcast(&run->transfer, sizeof run->transfer, MPI_BYTE, 0, world));
  if (run->start == SP_START_COMPLETE) return SP_SUCCESS;              /* alike */
  if (run->start == SP_START_PACK) return sp_record_begin(run, start); /* alike */
  SP_ALIKE(check_nodes(run, start));
  SP_AGREE(world, count_threads(run));
  sp_roles_make_teams(run->roles, run->plan.shape.team);
  if (run->transfer.reads_together) sp_roles_make_groups(run->roles, run->transfer.of_all);
  SP_ALIKE(sp_record_begin(run, start));
  sp_activity_set(&run->activity, "copies trace headers");
  if (run->start == SP_START_NEW) SP_ALIKE(write_headers(run));
  if (run->start == SP_START_RESUME) SP_ALIKE(repair(run, start));
  sp_activity_set(&run->activity, "makes ready to compute");
  SP_AGREE(world, first ? begin_journal(run, start) : SP_SUCCESS);
  return sp_agree(world, make_window(run));
}

/* --- the end ------------------------------------------------------------------------------------------------ */

/* Says how many units could not be processed, and why; whether that makes the job a partial one. */
static sp_status report_failures(const sp_run_context *run, const sp_coordinator_state *start) {
  const sp_flow_plan *plan = &run->plan;
  uint64_t count[SP_REASON_COUNT] = {0}, first[SP_REASON_COUNT] = {0};
  sp_status status = SP_SUCCESS;
  for (uint64_t u = plan->shape.n_units; u-- > 0;) {
    const uint32_t found = sp_figures_reason(sp_figures_at(plan->flow->figures, start->figures, u));
    const uint32_t reason = found < SP_REASON_COUNT ? found : SP_REASON_OK;
    count[reason]++;
    first[reason] = u;
  }
  for (int reason = 1; reason < SP_REASON_COUNT; reason++) {
    if (count[reason] == 0) continue;
    char name[64];
    plan->flow->describe(plan, first[reason], name, sizeof name);
    const bool part = sp_reason_is_processed((uint32_t)reason);
    sp_info("%llu %ss %s: %s (the first is %s)", (unsigned long long)count[reason], plan->shape.unit,
            part ? "processed in part" : "not processed", sp_reason_name((sp_reason)reason), name);
    if (reason != SP_REASON_DEAD_TRACES || run->job->settings.dead_traces == SP_DEAD_TRACES_REPORT) {
      status = SP_ERR_GATHER;
    }
  }
  return status;
}

/* Work, in traces, that this run did. */
static uint64_t count_work(const sp_run_context *run, const sp_coordinator_state *start) {
  return run->plan.shape.total_work - start->earlier_work;
}

static void print_summary(const sp_run_context *run, uint64_t work) {
  const sp_flow_shape *shape = &run->plan.shape;
  const double seconds = sp_now() - run->started_at;
  sp_info("complete: %llu %ss, %llu traces; this run %llu traces in %.2f s, %.0f traces/s, %.2f GB/s in and out; "
          "output %s",
          (unsigned long long)shape->n_units, shape->unit, (unsigned long long)shape->n_traces,
          (unsigned long long)work, seconds, (double)work / seconds, 1e-9 * shape->work_bytes * (double)work / seconds,
          run->job->output);
}

static sp_status run_role(sp_run_context *run, sp_coordinator_state *start) {
  switch ((sp_role)sp_roles_self(run->roles)->role) {
  case SP_ROLE_COORDINATOR:
    return sp_coordinate(run, start);
  case SP_ROLE_IO:
    return sp_write_behind(run);
  case SP_ROLE_WORKER:
    return sp_work(run);
  }
  return SP_ERR_INTERNAL;
}

/* An output that is to be packed has another name until then; what of it is packed stands in a journal of its own
 * before the run's goes. */
static sp_status publish(sp_run_context *run, sp_coordinator_state *start) {
  const bool packs = sp_packing_is_asked(run->job);
  const char *path = packs ? run->plain_path : run->job->output;
  sp_journal_close(start->journal);
  start->journal = NULL;
  sp_activity_set(&run->activity, "publishes the output");
  SP_FAULT_POINT("before_publish");
  SP_TRY(run->plan.flow->publish(&run->plan, run->part_path, start->figures));
  SP_FAULT_POINT("integrity_written");
  if (packs) SP_TRY(sp_packing_adopt(run, start->places));
  SP_FAULT_POINT("adopted");
  SP_TRY(sp_part_publish(run->part_path, path));
  SP_FAULT_POINT("published");
  SP_TRY(sp_resume_remove(run->journal_path)); /* the output says it all now */
  SP_FAULT_POINT("tidied_up");
  return SP_SUCCESS;
}

static sp_status conclude(const sp_run_context *run, const sp_coordinator_state *start) {
  if (!run->options->quiet) print_summary(run, count_work(run, start));
  if (run->plan.flow->conclude) run->plan.flow->conclude(&run->plan, start->figures, run->options->quiet);
  return report_failures(run, start);
}

static sp_status run_and_publish(sp_run_context *run, sp_coordinator_state *start) {
  run->started_at = sp_now();
  run->started_cpu = sp_cpu_seconds();
  const sp_status role_ended = run_role(run, start);
  sp_activity_set(&run->activity, "waits for the other ranks to end");
  const sp_status ended = sp_agree(run->roles->world.comm, role_ended);
  SP_ALIKE(sp_report(run, count_work(run, start)));
  SP_ALIKE(ended);
  sp_status status = SP_SUCCESS;
  if (run->roles->world.rank == 0) status = publish(run, start);
  end_if_disk_failed(run, status);
  SP_AGREE(run->roles->world.comm, status);
  if (sp_packing_is_asked(run->job)) SP_ALIKE(sp_packing_run(run));
  return sp_agree(run->roles->world.comm, run->roles->world.rank == 0 ? conclude(run, start) : SP_SUCCESS);
}

/* All was computed by an earlier run. */
static sp_status go_on_packing(sp_run_context *run, const sp_coordinator_state *start) {
  run->started_at = sp_now();
  if (run->roles->world.rank == 0) sp_info("resuming: all %ss are done, the output is packed", run->plan.shape.unit);
  SP_ALIKE(sp_packing_run(run));
  return sp_agree(run->roles->world.comm, run->roles->world.rank == 0 ? conclude(run, start) : SP_SUCCESS);
}

/* Nothing is to be done; says so, and what came of it before. A run that was cut off as it ended left its notes. */
static sp_status report_complete(const sp_run_context *run, const sp_coordinator_state *start) {
  sp_status status = SP_SUCCESS;
  if (run->roles->world.rank == 0) {
    unlink(run->inflight_path);
    sp_info("%s is complete already; --restart makes it again", run->job->output);
    status = report_failures(run, start);
  }
  return sp_agree(run->roles->world.comm, status);
}

static sp_status do_what_is_left(sp_run_context *run, sp_coordinator_state *start) {
  if (run->start == SP_START_COMPLETE) return report_complete(run, start);
  return run->start == SP_START_PACK ? go_on_packing(run, start) : run_and_publish(run, start);
}

/* A mistake that only the ranks that compute could find ends a new job before its first gather: leave nothing. */
static void tidy_up(const sp_run_context *run, const sp_coordinator_state *start, sp_status status) {
  if (status != SP_ERR_USAGE || !run->recorded || run->start != SP_START_NEW || run->roles->world.rank != 0) return;
  if (start->n_done) return;
  unlink(run->journal_path);
  unlink(run->part_path);
  if (start->places) unlink(run->packed_path);
  unlink(run->history_path);
}

static sp_step_watch *watch_start(void) {
  return sp_step_watch_begin(sp_ranks_of(MPI_COMM_WORLD).rank, "the job is not planned",
                             "its input or output may lie on a file system that does not answer; the same command "
                             "goes on",
                             sp_plan_limit());
}

sp_status sp_run(const sp_job *job, const sp_run_options *options) {
  sp_run_context run = {
      .job = job, .options = options, .history_fd = -1, .plan = {.job = job}, .began_at = sp_wall_clock()};
  run.plan.flow = options->flow ? options->flow : sp_flow_of(job);
  sp_activity_set(&run.activity, "starts");
  sp_coordinator_state start = {0};
  run.start_watch = watch_start();
  sp_status status = prepare(&run, &start);
  sp_step_watch_end(run.start_watch);
  run.start_watch = NULL;
  if (status == SP_SUCCESS) status = do_what_is_left(&run, &start);
  status = sp_report_end(&run, &start, status);
  sp_record_end(&run, &start, status);
  tidy_up(&run, &start, status);
  sp_journal_close(start.journal);
  sp_node_window_destroy(run.window);
  sp_flow_plan_free(&run.plan);
  end_state(&start);
  sp_free(run.part_path);
  sp_free(run.journal_path);
  sp_free(run.lock_path);
  sp_free(run.inflight_path);
  sp_free(run.history_path);
  sp_free(run.plain_path);
  sp_free(run.chunks_path);
  sp_free(run.packed_path);
  sp_free(run.places);
  sp_free(run.ranks);
  sp_roles_destroy(run.roles);
  return status;
}
