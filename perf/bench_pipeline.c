/* SPDX-License-Identifier: BSD-3-Clause */
/* How near a whole run comes to the slowest of its parts: reading, computing and writing the same survey, each alone,
 * by as many ranks and through the same code, taken in turns with the run itself. Besides: memory of a worker and of
 * the coordinator, and the processor time of ranks that wait.
 *
 *   pipeline [--json] [--gb SIZE] [--dir DIR] [--repeat N] [--workers N] [--threads N] [--commit] [--gpu]
 *            [--step TEXT]
 *
 * With --gpu computing is the way to a GPU and back, "copy" the same with a step that costs next to nothing there, and
 * "kernel" the time in which the GPU was busy while computing.
 *
 * Figures are medians over the turns, after one turn that is not counted (the first touch of memory and of files is
 * slow). Before it says anything it recomputes gathers of the output with one thread and compares their bytes.
 *
 * With --commit it times what commits cost instead: runs that commit and runs that sync once, at the end, in turns.
 *
 * The parts are this program under mpirun: pipeline --part read|compute|write SURVEY N_WORKERS N_THREADS.
 */
#include <argp.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "perf/bench.h"
#include "perf/pipeline_parts.h"
#include "seisproc/dist.h"
#include "seisproc/engine.h"
#include "seisproc/job.h"
#include "seisproc/launch.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/row_writer.h"
#include "seisproc/stats.h"
#include "seisproc/survey_file.h"
#include "src/flow/flow.h"

/* --- turns ---------------------------------------------------------------------------------------------------- */

/* Runs a command, which must succeed, and returns the number it prints; NAN where it prints none. */
static double run_command(const char *command) {
  FILE *pipe = popen(command, "r");
  double value = NAN;
  if (pipe && fscanf(pipe, "%lf", &value) != 1) value = NAN;
  const int state = pipe ? pclose(pipe) : -1;
  if (state) {
    fprintf(stderr, "pipeline: this failed (%d): %s\n", state, command);
    exit(1);
  }
  return value;
}

static const char *mpirun(void) {
  static const char open_mpi[] = "mpirun --map-by :OVERSUBSCRIBE --bind-to none";
  if (geteuid() == 0) {
    setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 0);
    setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 0);
  }
  return open_mpi;
}

static double time_part(const settings *s, const char *name, int ranks) {
  char command[20000];
  snprintf(command, sizeof command, "%s -n %d %s --part %s --survey %s --workers %d --threads %d %s --step '%s'",
           mpirun(), ranks, s->self, name, s->survey, s->workers, s->threads, s->gpu ? "--gpu" : "",
           strcmp(name, "copy") ? s->step : cheap_step);
  return run_command(command);
}

/* A member of the report that `seisproc run` wrote: the first number behind `key` at or after `from`. */
static double find_number(const char *text, const char *from, const char *key) {
  char quoted[64];
  snprintf(quoted, sizeof quoted, "\"%s\":", key);
  const char *at = strstr(from ? from : text, quoted);
  return at ? strtod(at + strlen(quoted), NULL) : NAN;
}

typedef struct run_figures {
  double wall_s, worker_over_bytes, coordinator_bytes, coordinator_share, io_share, worker_share;
} run_figures;

static void read_report(const char *path, run_figures *out) {
  char *text = NULL;
  require(sp_job_read_text(path, &text));
  out->wall_s = find_number(text, NULL, "wall_s");
  out->worker_over_bytes = out->worker_share = out->io_share = 0;
  for (const char *at = text; (at = strstr(at, "\"role\":")); at++) {
    const double share = find_number(text, at, "cpu_s") / find_number(text, at, "wall_s");
    const double rss = find_number(text, at, "peak_rss"), buffers = find_number(text, at, "buffers");
    if (strstr(at, "\"coordinator\"") && strstr(at, "\"coordinator\"") < at + 30) {
      out->coordinator_bytes = rss;
      out->coordinator_share = share;
    } else if (strstr(at, "\"worker\"") && strstr(at, "\"worker\"") < at + 30) {
      out->worker_over_bytes = fmax(out->worker_over_bytes, rss - buffers);
      out->worker_share = fmax(out->worker_share, share);
    } else {
      out->io_share = fmax(out->io_share, share);
    }
  }
  sp_free(text);
}

static void run_job(const settings *s, const char *job_path, const char *more, run_figures *out) {
  char command[20000], report[4200];
  snprintf(report, sizeof report, "%s.report", s->survey);
  snprintf(command, sizeof command, "%s -n %d %s run %s --quiet --restart --threads %d --report %s %s", mpirun(),
           s->workers + 2, s->program, job_path, s->threads, report, more);
  run_command(command);
  read_report(report, out);
  unlink(report);
}

static void write_text(const char *path, const char *text) {
  FILE *file = fopen(path, "w");
  if (!file || fputs(text, file) < 0 || fclose(file)) {
    fprintf(stderr, "pipeline: %s cannot be written\n", path);
    exit(1);
  }
}

/* --- checking ------------------------------------------------------------------------------------------------- */

/* Recomputes a gather with one thread and compares it with the output's bytes. */
static bool gather_is_right(const settings *s, const char *output, const sp_job *job, sp_global gather) {
  sp_survey *in, *out;
  sp_dataset *in_traces, *out_traces;
  sp_gather_index *index;
  require(sp_survey_open(MPI_COMM_NULL, s->survey, false, &in));
  require(sp_survey_open(MPI_COMM_NULL, output, false, &out));
  require(sp_dataset_open(in, "/traces", &in_traces));
  require(sp_dataset_open(out, "/traces", &out_traces));
  require(sp_survey_read_index(in, false, &index));
  const sp_range range = sp_gather_index_range(index, gather % index->n_gathers, 1);
  const sp_survey_info *info = sp_survey_get_info(in);
  const size_t n = (size_t)range.n_traces * info->n_samples;
  float *samples, *expected, *found;
  require(sp_calloc(n, sizeof(float), "a gather", &samples));
  require(sp_calloc(n, sizeof(float), "a gather", &expected));
  require(sp_calloc(n, sizeof(float), "a gather", &found));
  require(sp_dataset_read_independent(in_traces, range.first_trace, range.n_traces, samples));
  require(sp_dataset_read_independent(out_traces, range.first_trace, range.n_traces, found));
  sp_plan *plan;
  const sp_geometry geometry = {info->n_samples, range.n_traces, 1e-6 * info->sample_interval_us, 1};
  require(job->chain[0].processor->cpu->plan(job->chain[0].params, &geometry, &plan));
  const sp_block block = {.in = samples, .out = expected, .n_traces = range.n_traces, .count = range.n_traces};
  bool right = plan->ops->apply(plan, 0, &block) == SP_REASON_OK && !memcmp(expected, found, n * sizeof(float));
  plan->ops->destroy(plan);
  sp_free(samples);
  sp_free(expected);
  sp_free(found);
  sp_gather_index_destroy(index);
  sp_dataset_close(in_traces);
  sp_dataset_close(out_traces);
  sp_survey_close(in);
  sp_survey_close(out);
  return right;
}

static void check_output(const settings *s, const char *output) {
  sp_job *job = make_job(s, output);
  for (sp_global gather = 0; gather < 30; gather += 7) {
    if (gather_is_right(s, output, job, gather)) continue;
    fprintf(stderr, "pipeline: gather %llu of %s is wrong\n", (unsigned long long)gather, output);
    exit(1);
  }
  sp_job_destroy(job);
}

/* --- figures -------------------------------------------------------------------------------------------------- */

static void make_survey(const settings *s) {
  struct stat entry;
  const int gathers = (int)ceil(s->gb * 1e9 / ((double)TRACES_A_GATHER * SAMPLES * sizeof(float)));
  if (!stat(s->survey, &entry) && entry.st_size >= s->gb * 1e9) return;
  char command[9000];
  snprintf(command, sizeof command, "%s synth %s --gathers %d --traces %d --samples %d --noise 1 --seed 1 --quiet",
           s->program, s->survey, gathers, TRACES_A_GATHER, SAMPLES);
  run_command(command);
}

/* A run in which a mock engine takes a second a slab: whoever waits must sleep. */
static run_figures idle_run(const settings *s, const char *dir) {
  char path[4200], text[9000], survey[4200];
  settings small = *s;
  snprintf(survey, sizeof survey, "%s/idle.h5", dir);
  snprintf(path, sizeof path, "%s/idle.yaml", dir);
  small.survey = survey;
  char command[9000];
  snprintf(command, sizeof command, "%s synth %s --gathers 8 --traces 100 --samples 200 --quiet", s->program, survey);
  run_command(command);
  snprintf(text, sizeof text, "input: %s\noutput: %s/idle-out.h5\nengine: mock\nslab_mb: 1\nchain:\n  - %s\n", survey,
           dir, default_step);
  write_text(path, text);
  setenv("SEISPROC_MOCK", "delay=1500", 1);
  run_figures measured;
  run_job(&small, path, "", &measured);
  unsetenv("SEISPROC_MOCK");
  return measured;
}

typedef struct paths {
  char survey[4200], job[4200], output[4200];
} paths;

/* The survey and its job; s borrows the survey's path. */
static void prepare(settings *s, paths *p) {
  char text[20000];
  mkdir(s->dir, 0777);
  snprintf(p->survey, sizeof p->survey, "%s/survey-%g.h5", s->dir, s->gb);
  snprintf(p->job, sizeof p->job, "%s/job.yaml", s->dir);
  snprintf(p->output, sizeof p->output, "%s/out.h5", s->dir);
  s->survey = p->survey;
  make_survey(s);
  snprintf(text, sizeof text, "input: %s\noutput: %s\nmode: processed\nengine: %s\nchain:\n  - %s\n", p->survey,
           p->output, s->gpu ? "cuda" : "cpu", s->step);
  write_text(p->job, text);
}

/* What commits cost: the ratio of two runs that follow each other, the one or the other first by turns. */
static int bench_commit(settings *s) {
  paths p;
  prepare(s, &p);
  double with[BENCH_MAX_REPEAT], without[BENCH_MAX_REPEAT], ratio[BENCH_MAX_REPEAT];
  for (int turn = -1; turn < s->turns; turn++) {
    run_figures commits, none;
    if (turn % 2) run_job(s, p.job, "", &commits);
    run_job(s, p.job, "--no-commit", &none);
    if (turn % 2 == 0) run_job(s, p.job, "", &commits);
    if (turn < 0) continue;
    with[turn] = commits.wall_s;
    without[turn] = none.wall_s;
    ratio[turn] = with[turn] / without[turn];
  }
  unlink(p.output);
  figures f = figures_begin("commit", s->json);
  figure(&f, "run --no-commit", median(without, s->turns), "s", "itself", 1);
  figure(&f, "run", median(with, s->turns), "s", "run --no-commit", median(ratio, s->turns));
  figures_end(&f);
  return 0;
}

static int bench(settings *s) {
  paths p;
  prepare(s, &p);

  static const char *const names[N_PARTS] = {"read alone", "compute alone", "write alone",
                                             "copy alone", "kernel alone",  "run"};
  const int run = N_PARTS - 1;
  double seconds[N_PARTS][BENCH_MAX_REPEAT];
  run_figures measured = {0};
  for (int turn = -1; turn < s->turns; turn++) {
    const double read_s = time_part(s, "read", s->workers), compute_s = time_part(s, "compute", s->workers);
    const double write_s = time_part(s, "write", 1), copy_s = s->gpu ? time_part(s, "copy", s->workers) : 0;
    const double kernel_s = s->gpu ? time_part(s, "kernel", s->workers) : 0;
    run_job(s, p.job, "", &measured);
    if (turn < 0) {
      check_output(s, p.output);
      continue;
    }
    const double all[N_PARTS] = {read_s, compute_s, write_s, copy_s, kernel_s, measured.wall_s};
    for (int i = 0; i < N_PARTS; i++) seconds[i][turn] = all[i];
  }
  unlink(p.output);
  const run_figures idle = idle_run(s, s->dir);

  double middle[N_PARTS], slowest = 0;
  int which = 0;
  for (int i = 0; i < N_PARTS; i++) middle[i] = median(seconds[i], s->turns);
  for (int i = 0; i < N_PARTS - 1; i++) {
    if (middle[i] <= slowest) continue;
    slowest = middle[i];
    which = i;
  }
  figures f = figures_begin("pipeline", s->json);
  for (int i = 0; i < N_PARTS; i++) {
    if (middle[i] == 0) continue; /* no such part of a run on CPUs */
    figure(&f, names[i], middle[i], "s", names[which], middle[i] / slowest);
  }
  figure(&f, "run, in and out", 2 * s->gb / middle[run], "GB/s", names[which], middle[run] / slowest);
  figure(&f, "worker over its buffers", 1e-6 * measured.worker_over_bytes, "MB", "64 MiB",
         measured.worker_over_bytes / (64 << 20));
  figure(&f, "coordinator", 1e-6 * measured.coordinator_bytes, "MB", "200 MiB",
         measured.coordinator_bytes / (200 << 20));
  figure(&f, "idle coordinator", idle.coordinator_share, "cores", "0.02 cores", idle.coordinator_share / 0.02);
  figure(&f, "idle I/O rank", idle.io_share, "cores", "0.02 cores", idle.io_share / 0.02);
  figure(&f, "idle worker", idle.worker_share, "cores", "0.02 cores", idle.worker_share / 0.02);
  figures_end(&f);
  return 0;
}

enum {
  KEY_JSON = 256,
  KEY_GB,
  KEY_DIR,
  KEY_REPEAT,
  KEY_WORKERS,
  KEY_THREADS,
  KEY_COMMIT,
  KEY_GPU,
  KEY_STEP,
  KEY_PART,
  KEY_SURVEY
};

static error_t parse_option(int key, char *value, struct argp_state *state) {
  settings *s = state->input;
  switch (key) {
  case KEY_JSON:
    s->json = true;
    return 0;
  case KEY_COMMIT:
    s->commit = true;
    return 0;
  case KEY_GB:
    s->gb = atof(value);
    return 0;
  case KEY_DIR:
    s->dir = value;
    return 0;
  case KEY_REPEAT:
    s->turns = atoi(value);
    return 0;
  case KEY_WORKERS:
    s->workers = atoi(value);
    return 0;
  case KEY_THREADS:
    s->threads = atoi(value);
    return 0;
  case KEY_GPU:
    s->gpu = true;
    return 0;
  case KEY_STEP:
    s->step = value;
    return 0;
  case KEY_PART:
    s->part = value;
    return 0;
  case KEY_SURVEY:
    s->survey = value;
    return 0;
  default:
    return ARGP_ERR_UNKNOWN;
  }
}

int main(int argc, char **argv) {
  static const struct argp_option options[] = {
      {"json", KEY_JSON, NULL, 0, "One JSON object", 0},
      {"gb", KEY_GB, "SIZE", 0, "Size of the survey (4.2)", 0},
      {"dir", KEY_DIR, "DIR", 0, "Where surveys lie and stay (/tmp/seisproc-bench)", 0},
      {"repeat", KEY_REPEAT, "N", 0, "Turns that count (3)", 0},
      {"workers", KEY_WORKERS, "N", 0, "Workers (1 for each 8 cores)", 0},
      {"threads", KEY_THREADS, "N", 0, "Threads of a worker (all cores)", 0},
      {"commit", KEY_COMMIT, NULL, 0, "Time what commits cost", 0},
      {"gpu", KEY_GPU, NULL, 0, "Compute on GPUs, one a worker", 0},
      {"step", KEY_STEP, "TEXT", 0, "The chain's only step, as in a job file (dwt)", 0},
      {"part", KEY_PART, "NAME", OPTION_HIDDEN, NULL, 0},
      {"survey", KEY_SURVEY, "PATH", OPTION_HIDDEN, NULL, 0},
      {0},
  };
  static const struct argp argp = {options, parse_option, NULL, "Times a run against its parts.", NULL, NULL, NULL};
  sp_machine machine;
  sp_machine_look(&machine);
  settings s = {
      .gb = 4.2, .step = default_step, .dir = "/tmp/seisproc-bench", .turns = 3, .workers = (machine.n_cores + 7) / 8};
  s.threads = machine.n_cores / s.workers;
  argp_parse(&argp, argc, argv, 0, NULL, &s);
  if (s.turns < 1 || s.turns > BENCH_MAX_REPEAT || s.workers < 1) return 1;
  if (s.part) return run_part(&s, argc, argv);
  const ssize_t n = readlink("/proc/self/exe", s.self, sizeof s.self - 1);
  char *slash = n > 0 ? strrchr(s.self, '/') : NULL;
  if (!slash) return 1;
  snprintf(s.program, sizeof s.program, "%.*s/../seisproc", (int)(slash - s.self), s.self);
  return s.commit ? bench_commit(&s) : bench(&s);
}
