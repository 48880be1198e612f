/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/run/report.h"

#include <limits.h>
#include <string.h>
#include <sys/resource.h>

#include "seisproc/clock.h"
#include "seisproc/dist.h"
#include "seisproc/json.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "src/run/history.h"
#include "src/run/outcome.h"
#include "src/run/packing.h"
#include "src/run/repair.h"

enum { ERROR_SIZE = 480 };

double sp_cpu_seconds(void) {
  struct rusage usage;
  if (getrusage(RUSAGE_SELF, &usage)) return 0;
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

/* How much of the time the engines computed, and which kind they are: of each kind a line. */
static void print_engines(const sp_rank_report *ranks, int n) {
  static const char *const kinds[] = {"cpu", "cuda", "mock"};
  for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
    int count = 0;
    double busy = 0, wall = 0;
    for (int r = 0; r < n; r++) {
      if (strcmp(ranks[r].engine, kinds[k])) continue;
      count++;
      busy += ranks[r].busy_s;
      wall += ranks[r].wall_s;
    }
    if (count > 0 && wall > 0) {
      fprintf(stderr, "  engine %-5s %5d  busy %.1f %% of the time\n", kinds[k], count, 100 * busy / wall);
    }
  }
}

/* Where a chain was computed in two places: as it was on the first worker of which that is so. */
static void print_steps(const sp_rank_report *ranks, int n) {
  for (int r = 0; r < n; r++) {
    if (!ranks[r].steps[0]) continue;
    fprintf(stderr, "  steps  %s\n", ranks[r].steps);
    return;
  }
}

/* For whoever looks at the run later: seconds of all ranks by stage. */
static void note_stages(const sp_run_context *run, const sp_rank_report *ranks) {
  double stages[SP_STAGE_COUNT] = {0}, cpu = 0, gpu = 0;
  for (int r = 0; r < run->roles->world.size; r++) {
    cpu += ranks[r].cpu_s;
    if (!strcmp(ranks[r].engine, "cuda")) gpu += ranks[r].busy_s;
    for (int k = 0; k < SP_STAGE_COUNT; k++) stages[k] += ranks[r].times.seconds[k];
  }
  sp_history_add(run->history_path,
                 "stages wall=%.2f cpu=%.2f gpu=%.2f read=%.2f wait=%.2f compute=%.2f slot=%.2f write=%.2f flush=%.2f",
                 ranks[0].wall_s, cpu, gpu, stages[SP_STAGE_READ], stages[SP_STAGE_WAIT], stages[SP_STAGE_COMPUTE],
                 stages[SP_STAGE_SLOT], stages[SP_STAGE_WRITE], stages[SP_STAGE_FLUSH]);
}

/* What collective transfers of one kind cost, over all ranks that made any. */
static sp_collective_cost sum_costs(const sp_rank_report *ranks, int n, bool writes, int *n_ranks) {
  sp_collective_cost sum = {0};
  *n_ranks = 0;
  for (int r = 0; r < n; r++) {
    const sp_collective_cost *cost = writes ? &ranks[r].write_cost : &ranks[r].read_cost;
    *n_ranks += cost->steps > 0;
    if (cost->steps > sum.steps) sum.steps = cost->steps;
    if (cost->failed > sum.failed) sum.failed = cost->failed;
    if (cost->left_at > sum.left_at) sum.left_at = cost->left_at;
    sum.seconds += cost->seconds;
    sum.waited += cost->waited;
  }
  return sum;
}

/* "collective, in up to 123 steps": what was chosen, and what became of it. */
static void print_transfer(const sp_run_context *run, const sp_rank_report *ranks, int n, bool writes) {
  int n_ranks;
  const sp_collective_cost sum = sum_costs(ranks, n, writes, &n_ranks);
  const sp_transfer_choice *t = &run->transfer;
  const char *what = writes ? "write" : "read";
  if (!(writes ? t->writes_together : t->reads_together) || n_ranks == 0) {
    fprintf(stderr, "  %-5s independent: %s\n", what, writes ? t->write_why : t->read_why);
    return;
  }
  fprintf(stderr, "  %-5s collective, %llu steps of %d ranks: waited %.1f %% of the time for each other", what,
          (unsigned long long)sum.steps, n_ranks, 100 * sum.waited / (n_ranks * ranks[0].wall_s));
  if (sum.failed) fprintf(stderr, ", %llu failed", (unsigned long long)sum.failed);
  fprintf(stderr, "%s\n", sum.left_at > 0 ? "; then independent" : "");
}

static sp_status print_table(const sp_run_context *run, const sp_rank_report *ranks, int n) {
  sp_stage_times *times = NULL;
  SP_TRY(sp_calloc((size_t)n, sizeof *times, "the report", &times));
  for (int r = 0; r < n; r++) times[r] = ranks[r].times;
  sp_stage_print(stderr, times, (size_t)n);
  print_engines(ranks, n);
  print_steps(ranks, n);
  print_transfer(run, ranks, n, false);
  print_transfer(run, ranks, n, true);
  if (run->transfer.hints[0]) fprintf(stderr, "  hints %s\n", run->transfer.hints);
  sp_free(times);
  return SP_SUCCESS;
}

static void write_stages(sp_json *json, const sp_stage_times *times) {
  sp_json_open(json, "stages", '{');
  for (int stage = 0; stage < SP_STAGE_COUNT; stage++) {
    sp_json_open(json, sp_stage_name((sp_stage)stage), '{');
    sp_json_real(json, "seconds", times->seconds[stage]);
    sp_json_count(json, "count", times->count[stage]);
    sp_json_count(json, "bytes", times->bytes[stage]);
    sp_json_close(json, '}');
  }
  sp_json_close(json, '}');
}

static void write_rank(sp_json *json, int rank, const sp_rank_report *report) {
  sp_json_open(json, NULL, '{');
  sp_json_int(json, "rank", rank);
  sp_json_text(json, "role", sp_role_name((sp_role)report->role));
  sp_json_real(json, "wall_s", report->wall_s);
  sp_json_real(json, "cpu_s", report->cpu_s);
  sp_json_count(json, "peak_rss", report->peak_rss);
  sp_json_count(json, "buffers", report->buffers);
  if (report->engine[0]) {
    sp_json_text(json, "engine", report->engine);
    if (report->steps[0]) sp_json_text(json, "steps", report->steps);
    sp_json_real(json, "busy_s", report->busy_s);
  }
  write_stages(json, &report->times);
  sp_json_close(json, '}');
}

static void write_transfers(sp_json *json, const sp_run_context *run, const sp_rank_report *ranks) {
  const sp_transfer_choice *t = &run->transfer;
  sp_json_open(json, "transfer", '{');
  for (int writes = 0; writes < 2; writes++) {
    int n_ranks;
    const sp_collective_cost sum = sum_costs(ranks, run->roles->world.size, writes, &n_ranks);
    const bool together = writes ? t->writes_together : t->reads_together;
    sp_json_open(json, writes ? "write" : "read", '{');
    sp_json_text(json, "chosen", together ? "collective" : "independent");
    sp_json_text(json, "why", writes ? t->write_why : t->read_why);
    sp_json_count(json, "steps", sum.steps);
    sp_json_int(json, "ranks", n_ranks);
    sp_json_count(json, "failed", sum.failed);
    sp_json_real(json, "seconds", sum.seconds);
    sp_json_real(json, "waited_s", sum.waited);
    sp_json_bool(json, "left", sum.left_at > 0);
    sp_json_close(json, '}');
  }
  sp_transfer_json(json, t);
  sp_json_close(json, '}');
}

/* What the report says of the ranks, and of what this run did. */
typedef struct details {
  const sp_run_context *run;
  const sp_coordinator_state *start;
} details;

static void write_details(sp_json *json, const void *context) {
  const details *d = context;
  const sp_run_context *run = d->run;
  sp_packing_report(json, run);
  sp_repair_report(json, run, d->start);
  if (!run->ranks) return;
  sp_json_count(json, "n_traces", run->n_traces);
  sp_json_count(json, "n_samples", run->plan.shape.n_samples);
  sp_json_count(json, "slab_traces", run->plan.shape.task_traces);
  sp_json_real(json, "wall_s", run->ranks[0].wall_s);
  if (run->plan.flow->report) run->plan.flow->report(&run->plan, d->start->figures, json);
  write_transfers(json, run, run->ranks);
  sp_json_open(json, "ranks", '[');
  for (int r = 0; r < run->roles->world.size; r++) write_rank(json, r, &run->ranks[r]);
  sp_json_close(json, ']');
}

sp_status sp_report(sp_run_context *run, sp_global n_traces) {
  const sp_roles *roles = run->roles;
  sp_rank_report mine = {.role = sp_roles_self(roles)->role,
                         .times = run->times,
                         .wall_s = sp_now() - run->started_at,
                         .cpu_s = sp_cpu_seconds() - run->started_cpu,
                         .process_cpu_s = sp_cpu_seconds(),
                         .peak_rss = sp_peak_rss(),
                         .buffers = run->buffers,
                         .busy_s = run->busy_s,
                         .gpus = run->gpus,
                         .read_cost = run->read_cost,
                         .write_cost = run->write_cost};
  if (run->engine) snprintf(mine.engine, sizeof mine.engine, "%s", run->engine);
  snprintf(mine.steps, sizeof mine.steps, "%s", run->steps);
  sp_status status = SP_SUCCESS;
  if (roles->world.rank == 0)
    status = sp_calloc((size_t)roles->world.size, sizeof *run->ranks, "the report", &run->ranks);
  SP_AGREE(roles->world.comm, status);
  run->n_traces = n_traces;
  status = SP_MPI(MPI_Gather(&mine, sizeof mine, MPI_BYTE, run->ranks, sizeof mine, MPI_BYTE, 0, roles->world.comm));
  if (roles->world.rank == 0 && status == SP_SUCCESS) {
    note_stages(run, run->ranks);
    if (run->options->verbose) status = print_table(run, run->ranks, roles->world.size);
  }
  return sp_agree(roles->world.comm, status);
}

/* --- the end ----------------------------------------------------------------------------------------------------- */

/* Rank 0 gets the first error of the lowest rank that has one. */
static sp_status share_error(char text[ERROR_SIZE]) {
  int first = INT_MAX, mine = INT_MAX;
  snprintf(text, ERROR_SIZE, "%s", sp_log_first_error());
  if (text[0]) mine = sp_ranks_of(MPI_COMM_WORLD).rank;
  SP_MPI_ALL(MPI_Allreduce(&mine, &first, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD));
  if (first != INT_MAX) SP_MPI_ALL(MPI_Bcast(text, ERROR_SIZE, MPI_CHAR, first, MPI_COMM_WORLD));
  return SP_SUCCESS;
}

/* What this run did, from its own records; rank 0. */
static sp_outcome outcome_of(const sp_run_context *run, const sp_coordinator_state *start, sp_status status) {
  sp_outcome o = {.job = run->job,
                  .options = run->options,
                  .exit_code = sp_status_exit_code(status),
                  .error = "",
                  .started_at = run->began_at,
                  .ended_at = sp_wall_clock(),
                  .cores = run->cores};
  for (int r = 0; run->ranks && r < run->roles->world.size; r++) {
    o.cpu_s += run->ranks[r].process_cpu_s;
    o.gpus += run->ranks[r].gpus;
    o.read_bytes += run->ranks[r].times.bytes[SP_STAGE_READ];
    o.written_bytes += run->ranks[r].times.bytes[SP_STAGE_WRITE];
  }
  if (!start->figures) return o;
  o.unit = run->plan.shape.unit;
  o.n_units = run->plan.shape.n_units;
  o.n_earlier = start->n_earlier;
  for (uint64_t u = 0; u < o.n_units; u++) {
    if (!start->done[u]) continue;
    const uint32_t reason = sp_figures_reason(sp_figures_at(run->plan.flow->figures, start->figures, u));
    o.n_done++;
    o.reasons[reason < SP_REASON_COUNT ? reason : SP_REASON_OK]++;
  }
  return o;
}

static void note_result(const sp_run_context *run, const sp_outcome *o) {
  char failed[256] = "";
  size_t n = 0;
  for (int reason = 1; reason < SP_REASON_COUNT; reason++) {
    if (!o->reasons[reason]) continue;
    n += (size_t)snprintf(failed + n, sizeof failed - n, " %d=%llu", reason, (unsigned long long)o->reasons[reason]);
  }
  if (o->error[0]) sp_history_add(run->history_path, "error %s", o->error);
  sp_history_add(run->history_path, "result %d %llu/%llu seconds=%.2f cpu=%.2f read=%llu written=%llu%s", o->exit_code,
                 (unsigned long long)o->n_done, (unsigned long long)o->n_units, o->ended_at - o->started_at, o->cpu_s,
                 (unsigned long long)o->read_bytes, (unsigned long long)o->written_bytes, failed);
}

sp_status sp_report_end(sp_run_context *run, const sp_coordinator_state *start, sp_status status) {
  char error[ERROR_SIZE] = "";
  sp_status written = SP_SUCCESS;
  if (status > SP_ERR_GATHER) SP_ALIKE(share_error(error));
  if (sp_ranks_of(MPI_COMM_WORLD).rank == 0) {
    const details more = {run, start};
    sp_outcome outcome = outcome_of(run, start, status);
    outcome.error = error;
    if (run->recorded) note_result(run, &outcome);
    written = sp_outcome_write(&outcome, write_details, &more);
  }
  written = sp_agree(MPI_COMM_WORLD, written);
  return status == SP_SUCCESS || status == SP_ERR_GATHER ? (written == SP_SUCCESS ? status : written) : status;
}
