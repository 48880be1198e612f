/* seisproc plan: what a job would do, without doing it. */
#include <argp.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "seisproc/engine.h"
#include "seisproc/launch.h"
#include "seisproc/memory.h"
#include "seisproc/part_file.h"
#include "seisproc/side_file.h"
#include "seisproc/stats.h"
#include "seisproc/survey_file.h"
#include "src/cli/command.h"
#include "src/flow/flow.h"
#include "src/run/journal.h"

int sp_cli_plan(int argc, char **argv);

enum { MAX_OVERRIDES = 64 };

typedef struct arguments {
  const char *job_path;
  const char *overrides[MAX_OVERRIDES];
  size_t n_overrides;
} arguments;

typedef struct plan {
  sp_job *job;
  sp_survey *survey;
  sp_gather_index *index;
  sp_flow_plan flow;
  sp_flow_shape shape;
  sp_machine machine;
  sp_layout layout;
  char gpu_why[256];
  double slab_bytes;   /* of samples, the largest slab */
  double worker_bytes; /* input buffers and slots */
} plan;

static const double mb = 1e6, gb = 1e9;

static double traces_bytes(const plan *p, sp_global n_traces) {
  return (double)n_traces * p->shape.n_samples * sizeof(float);
}

static int n_files(const plan *p) {
  return p->job->settings.mode == SP_MODE_BOTH ? 2 : 1;
}

static void size_up(plan *p) {
  p->shape = p->flow.shape;
  p->slab_bytes = traces_bytes(p, p->shape.task_traces);
  p->worker_bytes = (double)sp_flow_worker_bytes(&p->shape);
}

/* The layout depends on the memory a worker needs, and that, where slabs are small, on the number of workers. */
static sp_status work_out(plan *p) {
  const int engine = p->job->settings.engine;
  sp_machine_look(&p->machine);
  snprintf(p->gpu_why, sizeof p->gpu_why, "the job asks for the CPU");
  if (engine == SP_ENGINE_AUTO || engine == SP_ENGINE_CUDA) {
    p->machine.n_gpus = sp_gpu_count(p->gpu_why, sizeof p->gpu_why);
  }
  SP_TRY(sp_flow_plan_make(NULL, &(sp_plan_request){p->job, p->survey, p->index, 1}, &p->flow));
  size_up(p);
  sp_layout_work_out(&p->machine, &p->job->settings, (size_t)p->worker_bytes, &p->layout);
  sp_flow_plan_free(&p->flow);
  SP_TRY(sp_flow_plan_make(NULL, &(sp_plan_request){p->job, p->survey, p->index, p->layout.workers}, &p->flow));
  size_up(p);
  return SP_SUCCESS;
}

static void print_input(const plan *p) {
  const sp_survey_info *info = sp_survey_get_info(p->survey);
  printf("input      %s: %llu gathers by %s, %llu traces of %u samples at %g ms, %.2f GB\n", p->job->input,
         (unsigned long long)info->n_gathers, info->gather_key, (unsigned long long)info->n_traces, info->n_samples,
         1e-3 * info->sample_interval_us, traces_bytes(p, info->n_traces) / gb);
  printf("           gathers of up to %u traces, %.1f on the mean\n", p->index->max_traces,
         info->n_gathers ? (double)info->n_traces / (double)info->n_gathers : 0.0);
}

static sp_status print_job(const plan *p) {
  char *text = NULL;
  SP_TRY(sp_job_canonical(p->job, &text));
  const char *label = "job";
  for (const char *line = text; *line; label = "") {
    const int n = (int)strcspn(line, "\n");
    printf("%-10s %.*s\n", label, n, line);
    line += n + (line[n] == '\n');
  }
  sp_free(text);
  return SP_SUCCESS;
}

/* How many gathers an earlier run that was cut off left done; 0 where there was none. */
static uint64_t count_done(const plan *p) {
  char *path = NULL;
  sp_journal_contents contents = {0};
  if (sp_side_path(p->job->output, SP_SIDE_JOURNAL, &path) != SP_SUCCESS) return 0;
  const sp_status status = sp_journal_read(path, p->flow.flow->figures, p->shape.n_units, &contents);
  const uint64_t n = status == SP_SUCCESS ? contents.n_done : 0;
  sp_journal_contents_free(&contents);
  sp_free(path);
  return n;
}

static void print_output(const plan *p) {
  const double bytes = n_files(p) * traces_bytes(p, p->shape.n_traces);
  const double room = sp_part_room(p->job->output);
  printf("output     %s: %.2f GB of samples", p->job->output, bytes / gb);
  if (isfinite(room)) printf(", %.2f GB are free%s", room / gb, room < bytes ? ": NOT ENOUGH" : "");
  printf("\n");
  const uint64_t done = count_done(p);
  if (access(p->job->output, F_OK) == 0) {
    printf("           it is there already\n");
  } else if (done) {
    printf("           an earlier run was cut off: %llu of %llu gathers are done, the same command goes on\n",
           (unsigned long long)done, (unsigned long long)p->shape.n_units);
  }
}

static void print_ranks(const plan *p) {
  const sp_layout *l = &p->layout;
  printf("ranks      %d: 1 coordinator, %d I/O, %d workers of %d threads (%s; %d cores, %d GPUs)\n", l->ranks,
         l->io_ranks, l->workers, l->threads, l->why, p->machine.n_cores, p->machine.n_gpus);
  if (p->machine.n_gpus == 0) printf("           computing on the CPU: %s\n", p->gpu_why);
  printf(
      "memory     a worker %.0f MB (%d input buffers and %d x %d slots of %.1f MB) and its engine; in all %.0f MB%s\n",
      p->worker_bytes / mb, (int)((double)p->shape.input_bytes / p->slab_bytes), p->shape.window.n_slots, n_files(p),
      p->slab_bytes / mb, l->workers * p->worker_bytes / mb, l->fits ? "" : ": MORE THAN IS FREE");
}

/* Deals the whole job as if all workers were as fast, each in its turn. */
static sp_status print_tasks(plan *p) {
  const sp_flow *flow = p->flow.flow;
  const int n_teams = p->layout.workers / p->shape.team > 0 ? p->layout.workers / p->shape.team : 1;
  double *speed = NULL;
  void *payload = NULL;
  uint64_t n_tasks = 0, least = UINT64_MAX, most = 0;
  sp_status status;
  SP_TRY_GOTO(out, sp_calloc((size_t)n_teams, sizeof *speed, "speeds", (void **)&speed));
  SP_TRY_GOTO(out, sp_alloc(p->shape.payload_bytes, "a task", &payload));
  for (uint32_t phase = 0; phase < p->shape.n_phases; phase++) {
    uint32_t bytes = 0;
    SP_TRY_GOTO(out, flow->begin_phase(&p->flow, phase, NULL, n_teams, payload, &bytes));
    for (int team = 0, idle = 0; idle < n_teams; team = (team + 1) % n_teams) {
      const sp_unit_run units = flow->deal(&p->flow, team, speed);
      idle = units.n ? 0 : idle + 1;
      if (units.n == 0) continue;
      sp_task task = {.phase = phase, .first_unit = units.first, .n_units = units.n};
      flow->fill(&p->flow, &task, payload);
      speed[team] = 1e5;
      n_tasks++;
      if (task.n_traces < least) least = task.n_traces;
      if (task.n_traces > most) most = task.n_traces;
    }
  }
  if (n_tasks) {
    printf("tasks      about %llu, of %llu to %llu traces (%.1f to %.1f MB)\n", (unsigned long long)n_tasks,
           (unsigned long long)least, (unsigned long long)most, traces_bytes(p, least) / mb,
           traces_bytes(p, most) / mb);
  }
out:
  sp_free(payload);
  sp_free(speed);
  return status;
}

typedef struct trial {
  float *in, *out, *noise;
  double *header;
  const double *headers[SP_MAX_CHAIN_HEADERS];
  sp_gather_result result;
  sp_engine *engine;
} trial;

static sp_status make_trial(const plan *p, sp_local n, trial *t) {
  const size_t samples = (size_t)n * p->shape.n_samples;
  const sp_engine_config config = {.chain = p->job->chain,
                                   .n_steps = p->job->n_steps,
                                   .mode = (sp_mode)p->job->settings.mode,
                                   .n_samples = p->shape.n_samples,
                                   .sample_interval_s = p->shape.sample_interval_s,
                                   .max_traces = n,
                                   .max_gather = n,
                                   .max_gathers = 1,
                                   .n_threads = p->layout.threads,
                                   .n_slabs = 1,
                                   .device = p->machine.n_gpus ? 0 : -1,
                                   .precision = (sp_precision)p->job->settings.precision};
  SP_TRY(sp_calloc(samples, sizeof(float), "a gather", (void **)&t->in));
  SP_TRY(sp_calloc(samples, sizeof(float), "a gather", (void **)&t->out));
  SP_TRY(sp_calloc(samples, sizeof(float), "a gather", (void **)&t->noise));
  SP_TRY(sp_calloc(n, sizeof(double), "headers", (void **)&t->header));
  for (int i = 0; i < SP_MAX_CHAIN_HEADERS; i++) t->headers[i] = t->header; /* their values do not change the time */
  return sp_engine_create((sp_engine_kind)p->job->settings.engine, &config, &t->engine);
}

/* Reads a gather and computes it a few times; seconds of the best. */
static sp_status run_trial(const plan *p, sp_dataset *traces, const sp_range *range, trial *t, double *read_s,
                           double *compute_s) {
  const sp_local bounds[2] = {0, range->n_traces};
  *compute_s = 0;
  for (int i = 0; i < 4; i++) {
    double start = sp_now();
    SP_TRY(sp_dataset_read(traces, range->first_trace, range->n_traces, t->in));
    *read_s = sp_now() - start;
    sp_slab slab = {.n_gathers = 1,
                    .n_traces = range->n_traces,
                    .first_trace = bounds,
                    .in = t->in,
                    .headers = t->headers,
                    .traces = t->out,
                    .noise = p->job->settings.mode == SP_MODE_BOTH ? t->noise : NULL,
                    .results = &t->result};
    sp_slab *done;
    start = sp_now();
    SP_TRY(sp_engine_submit(t->engine, &slab));
    SP_TRY(sp_engine_wait(t->engine, &done));
    const double seconds = sp_now() - start;
    if (i == 0 || seconds < *compute_s) *compute_s = seconds;
  }
  return SP_SUCCESS;
}

/* The job's time, from one gather read and computed here: the slower of the two, since they overlap. */
static sp_status print_estimate(const plan *p) {
  sp_global gather = p->index->n_gathers / 2;
  while (gather > 0 && p->index->first_trace[gather + 1] == p->index->first_trace[gather]) gather--;
  const sp_range range = p->index->n_gathers ? sp_gather_index_range(p->index, gather, 1) : (sp_range){0};
  if (range.n_traces == 0) return SP_SUCCESS;
  trial t = {0};
  sp_dataset *traces = NULL;
  double read_s = 0, compute_s = 0;
  sp_status status;
  SP_TRY_GOTO(out, make_trial(p, range.n_traces, &t));
  SP_TRY_GOTO(out, sp_dataset_open(p->survey, "/traces", &traces));
  SP_TRY_GOTO(out, run_trial(p, traces, &range, &t, &read_s, &compute_s));
  const double share = (double)p->shape.n_traces / (double)range.n_traces;
  const double compute_all = compute_s * share / p->layout.workers;
  const double bytes = (1.0 + n_files(p)) * traces_bytes(p, p->shape.n_traces);
  printf("time       computing %.1f s in all (gather %llu took %.1f ms on the %s engine, %d threads)\n", compute_all,
         (unsigned long long)gather, 1e3 * compute_s, sp_engine_name(t.engine), p->layout.threads);
  printf("           %.2f GB to read and write: %.1f s at 1 GB/s; this gather came at %.1f GB/s from the file or its "
         "cache\n",
         bytes / gb, bytes / gb, traces_bytes(p, range.n_traces) / read_s / gb);
  printf("           they overlap: expect the slower of the two\n");
out:
  sp_dataset_close(traces);
  sp_engine_destroy(t.engine);
  sp_free(t.header);
  sp_free(t.noise);
  sp_free(t.out);
  sp_free(t.in);
  return status;
}

static sp_status make_plan(const arguments *args, plan *p) {
  char *text = NULL;
  SP_TRY(sp_job_read_text(args->job_path, &text));
  const sp_status status = sp_job_parse(args->job_path, text, args->overrides, args->n_overrides, &p->job);
  sp_free(text);
  SP_TRY(status);
  SP_TRY(sp_survey_open(MPI_COMM_NULL, p->job->input, false, &p->survey));
  SP_TRY(sp_survey_read_index(p->survey, false, &p->index));
  return work_out(p);
}

static sp_status print_plan(plan *p) {
  print_input(p);
  SP_TRY(print_job(p));
  print_output(p);
  print_ranks(p);
  SP_TRY(print_tasks(p));
  if (p->flow.flow->explain) p->flow.flow->explain(&p->flow, stdout);
  fflush(stdout);
  return p->flow.flow == &sp_flow_gather ? print_estimate(p) : SP_SUCCESS;
}

static error_t parse_option(int key, char *value, struct argp_state *state) {
  arguments *args = state->input;
  switch (key) {
  case 's':
    if (args->n_overrides == MAX_OVERRIDES) argp_error(state, "more than %d values set", MAX_OVERRIDES);
    args->overrides[args->n_overrides++] = value;
    return 0;
  case ARGP_KEY_ARG:
    if (args->job_path) argp_error(state, "one job file, found another: %s", value);
    args->job_path = value;
    return 0;
  case ARGP_KEY_END:
    if (!args->job_path) argp_error(state, "a job file is missing");
    return 0;
  default:
    return ARGP_ERR_UNKNOWN;
  }
}

int sp_cli_plan(int argc, char **argv) {
  static const struct argp_option options[] = {
      {"set", 's', "KEY=VALUE", 0, "Set a key of the job file; may be given again", 0}, {0}};
  static const struct argp argp = {options,
                                   parse_option,
                                   "JOB.yaml",
                                   "Tells what a job would do on this machine: ranks, ranges, memory, bytes and an "
                                   "estimate of the time. Writes nothing.",
                                   NULL,
                                   NULL,
                                   NULL};
  arguments args = {0};
  argp_err_exit_status = SP_EXIT_INPUT;
  argp_parse(&argp, argc, argv, 0, NULL, &args);
  plan p = {0};
  sp_status status = make_plan(&args, &p);
  if (status == SP_SUCCESS) status = print_plan(&p);
  sp_flow_plan_free(&p.flow);
  sp_gather_index_destroy(p.index);
  sp_survey_close(p.survey);
  sp_job_destroy(p.job);
  return sp_status_look_code(sp_status_exit_code(status));
}
