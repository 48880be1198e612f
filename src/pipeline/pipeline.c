/* Running a job: what rank 0 works out, what all ranks make together, the roles, and the end. */
#include "src/pipeline/run.h"

#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "seisproc/comm.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/survey_file.h"
#include "seisproc/trace_header.h"
#include "src/pipeline/output.h"

enum { SLAB_BYTES = 64 << 20, MAX_SLAB_GATHERS = 4096, SLABS_A_WORKER = 8 };

/* --- what rank 0 works out -------------------------------------------------------------------------------- */

typedef struct header_search {
  const char *name;
  bool found;
} header_search;

static sp_status look_for(const char *name, sp_type type, const char *units, void *context) {
  header_search *search = context;
  search->found |= !strcmp(name, search->name);
  return SP_SUCCESS;
}

static sp_status require_header(const sp_survey *survey, const sp_job *job, const char *name, const char *what) {
  header_search search = {.name = name};
  SP_TRY(sp_survey_each_header(survey, look_for, &search));
  if (search.found) return SP_SUCCESS;
  return SP_RAISE(SP_ERR_INPUT, "%s: has no trace header '%s', which %s needs", job->input, name, what);
}

static sp_status check_headers(const sp_survey *survey, const sp_job *job) {
  for (size_t i = 0; i < job->n_sort; i++) SP_TRY(require_header(survey, job, job->sort[i], "sort"));
  for (size_t i = 0; i < job->n_steps; i++) {
    const sp_processor *processor = job->chain[i].processor;
    for (int k = 0; processor->headers[k]; k++) {
      SP_TRY(require_header(survey, job, processor->headers[k], processor->name));
    }
  }
  return SP_SUCCESS;
}

/* The largest slab: what the job asks for, else what is large enough for the disk yet leaves each worker several; a
 * gather is never cut. */
static sp_local slab_traces(const sp_job *job, const sp_gather_index *index, uint32_t n_samples, int n_workers) {
  const uint64_t trace_bytes = (uint64_t)n_samples * sizeof(float);
  const int mb = job->settings.slab_mb;
  uint64_t n = (mb == SP_PARAM_AUTO ? (uint64_t)SLAB_BYTES : (uint64_t)mb * 1000000) / trace_bytes;
  if (mb == SP_PARAM_AUTO) {
    const uint64_t share = index->n_traces / ((uint64_t)n_workers * SLABS_A_WORKER) + 1;
    if (n > share) n = share;
  }
  if (n < index->max_traces) n = index->max_traces;
  return (sp_local)(n < 1 ? 1 : n);
}

static sp_status work_out(const sp_job *job, const sp_roles *roles, const sp_survey *survey,
                          const sp_gather_index *index, sp_run_shape *shape) {
  const sp_survey_info *info = sp_survey_get_info(survey);
  SP_TRY(check_headers(survey, job));
  *shape = (sp_run_shape){.n_traces = info->n_traces,
                          .n_gathers = info->n_gathers,
                          .n_samples = info->n_samples,
                          .sample_interval_s = 1e-6 * info->sample_interval_us,
                          .max_gather = index->max_traces ? index->max_traces : 1,
                          .slab_traces = slab_traces(job, index, info->n_samples, roles->n_workers),
                          .slab_gathers = MAX_SLAB_GATHERS,
                          .n_slots = job->settings.slots};
  if (shape->slab_gathers > index->n_gathers) shape->slab_gathers = index->n_gathers ? (sp_local)index->n_gathers : 1;
  return SP_SUCCESS;
}

/* Rank 0's part of the start: looks at the input, creates the output. The index stays with it. */
static sp_status begin(sp_run_context *run, sp_gather_index **index) {
  sp_survey *survey = NULL;
  sp_status status;
  SP_TRY_GOTO(out, sp_survey_open(MPI_COMM_NULL, run->job->input, false, &survey));
  SP_TRY_GOTO(out, sp_survey_read_index(survey, true, index));
  SP_TRY_GOTO(out, work_out(run->job, run->roles, survey, *index, &run->shape));
  status = sp_output_create(run->job, survey, run->part_path);
out:
  sp_survey_close(survey);
  return status;
}

/* --- what all ranks make together --------------------------------------------------------------------------- */

static sp_status name_part(sp_run_context *run) {
  const size_t size = strlen(run->job->output) + sizeof ".part";
  SP_TRY(sp_alloc(size, "a path", (void **)&run->part_path));
  snprintf(run->part_path, size, "%s.part", run->job->output);
  return SP_SUCCESS;
}

/* Threads of this worker: what the job says, else its share of the cores that this process may use. */
static int count_threads(const sp_run_context *run) {
  const sp_roles *roles = run->roles;
  if (run->job->settings.threads != SP_PARAM_AUTO) return run->job->settings.threads;
  cpu_set_t set;
  const int allowed = sched_getaffinity(0, sizeof set, &set) ? 1 : CPU_COUNT(&set);
  if (allowed < (int)sysconf(_SC_NPROCESSORS_ONLN)) return allowed; /* the launcher bound us to a share */
  int n_workers = 0;
  for (int r = 0; r < roles->size; r++) {
    n_workers += roles->members[r].role == SP_ROLE_WORKER && roles->members[r].node == sp_roles_self(roles)->node;
  }
  return n_workers && allowed > n_workers ? allowed / n_workers : 1;
}

static bool node_has_workers(const sp_roles *roles) {
  for (int r = 0; r < roles->size; r++) {
    if (roles->members[r].role == SP_ROLE_WORKER && roles->members[r].node == sp_roles_self(roles)->node) return true;
  }
  return false;
}

static sp_status make_window(sp_run_context *run) {
  const sp_run_shape *shape = &run->shape;
  const sp_window_shape window = {.n_slots = shape->n_slots,
                                  .max_gathers = shape->slab_gathers,
                                  .sample_bytes = (uint64_t)shape->slab_traces * shape->n_samples * sizeof(float),
                                  .has_noise = run->job->settings.mode == SP_MODE_BOTH};
  return node_has_workers(run->roles) ? sp_node_window_create(run->roles, &window, &run->window) : SP_SUCCESS;
}

static sp_status prepare(sp_run_context *run, sp_gather_index **index) {
  SP_TRY(sp_roles_create(MPI_COMM_WORLD, run->job->settings.io_ranks, &run->roles));
  const MPI_Comm world = run->roles->world;
  SP_TRY(sp_agree(world, name_part(run)));
  SP_TRY(sp_agree(world, run->roles->rank == 0 ? begin(run, index) : SP_SUCCESS));
  SP_TRY(SP_MPI(MPI_Bcast(&run->shape, sizeof run->shape, MPI_BYTE, 0, world)));
  run->n_threads = count_threads(run);
  SP_TRY(sp_output_copy_headers(world, run->job, run->part_path));
  return sp_agree(world, make_window(run));
}

/* --- the end ------------------------------------------------------------------------------------------------ */

static void count_reasons(const sp_gather_result *results, sp_global n, sp_global count[SP_REASON_COUNT]) {
  for (sp_global g = 0; g < n; g++) {
    const uint32_t reason = results[g].reason;
    count[reason < SP_REASON_COUNT ? reason : SP_REASON_OK]++;
  }
}

/* Says how many gathers could not be processed, and why; whether that makes the job a partial one. */
static sp_status report_failures(const sp_run_context *run, const sp_gather_index *index,
                                 const sp_gather_result *results) {
  sp_global count[SP_REASON_COUNT] = {0};
  sp_status status = SP_SUCCESS;
  count_reasons(results, index->n_gathers, count);
  for (int reason = 1; reason < SP_REASON_COUNT; reason++) {
    if (count[reason] == 0) continue;
    sp_global first = 0;
    while (results[first].reason != (uint32_t)reason) first++;
    const bool part = reason == SP_REASON_DEAD_TRACES;
    sp_info("%llu gathers %s: %s (the first is gather %llu, %s %lld)", (unsigned long long)count[reason],
            part ? "processed in part" : "not processed", sp_reason_name((sp_reason)reason), (unsigned long long)first,
            "key", (long long)index->key[first]);
    if (!part || run->job->settings.dead_traces == SP_DEAD_TRACES_REPORT) status = SP_ERR_GATHER;
  }
  return status;
}

static sp_status print_times(const sp_run_context *run) {
  const sp_roles *roles = run->roles;
  sp_stage_times *times = NULL;
  sp_status status = SP_SUCCESS;
  if (roles->rank == 0) status = sp_calloc((size_t)roles->size, sizeof *times, "stage times", (void **)&times);
  SP_TRY(sp_agree(roles->world, status));
  SP_TRY(SP_MPI(
      MPI_Gather(&run->times, sizeof run->times, MPI_BYTE, times, sizeof run->times, MPI_BYTE, 0, roles->world)));
  if (roles->rank == 0 && !run->options->quiet) sp_stage_print(stderr, times, (size_t)roles->size);
  sp_free(times);
  return SP_SUCCESS;
}

static void print_summary(const sp_run_context *run, double seconds) {
  const sp_run_shape *shape = &run->shape;
  const double in = (double)shape->n_traces * shape->n_samples * sizeof(float);
  const double out = run->job->settings.mode == SP_MODE_BOTH ? 2 * in : in;
  sp_info("complete: %llu gathers, %llu traces in %.2f s, %.0f traces/s, %.2f GB/s in and out; output %s",
          (unsigned long long)shape->n_gathers, (unsigned long long)shape->n_traces, seconds,
          (double)shape->n_traces / seconds, 1e-9 * (in + out) / seconds, run->job->output);
}

static sp_status run_role(sp_run_context *run, const sp_gather_index *index, sp_gather_result *results) {
  switch ((sp_role)sp_roles_self(run->roles)->role) {
  case SP_ROLE_COORDINATOR:
    return sp_coordinate(run, index, results);
  case SP_ROLE_IO:
    return sp_write_behind(run);
  case SP_ROLE_WORKER:
    return sp_work(run);
  }
  return SP_ERR_INTERNAL;
}

/* Runs the role; an error in the middle of it reaches everybody, since the other ranks wait for this one. */
static sp_status run_and_publish(sp_run_context *run, const sp_gather_index *index, sp_gather_result *results) {
  const double start = sp_now();
  SP_TRY(sp_agree(run->roles->world, run_role(run, index, results)));
  SP_TRY(print_times(run));
  sp_status status = SP_SUCCESS;
  if (run->roles->rank == 0) {
    status = sp_output_publish(run->job, run->part_path, results, index->n_gathers);
    if (status == SP_SUCCESS && !run->options->quiet) print_summary(run, sp_now() - start);
    if (status == SP_SUCCESS) status = report_failures(run, index, results);
  }
  return sp_agree(run->roles->world, status);
}

sp_status sp_run(const sp_job *job, const sp_run_options *options) {
  sp_run_context run = {.job = job, .options = options};
  sp_gather_index *index = NULL;
  sp_gather_result *results = NULL;
  sp_status status;
  SP_TRY_GOTO(out, prepare(&run, &index));
  if (index) status = sp_calloc(index->n_gathers, sizeof *results, "results", (void **)&results);
  SP_TRY_GOTO(out, sp_agree(run.roles->world, status));
  status = run_and_publish(&run, index, results);
out:
  sp_node_window_destroy(run.window);
  sp_free(results);
  sp_gather_index_destroy(index);
  sp_free(run.part_path);
  sp_roles_destroy(run.roles);
  return status;
}
