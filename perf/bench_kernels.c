/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernels on one gather, beside the same algorithms in PyWavelets, SciPy and NumPy, and beside the time it takes to
 * move the gather's bytes.
 *
 *   kernels [NAME] [--json] [--record] [--threads N] [--seconds S] [--no-reference]
 *
 * Times are medians of runs of a warm gather. Before a kernel is timed its output is compared with the reference's:
 * a kernel that is wrong has no time, and the bench fails. The reference (perf/kernel_reference.py) runs on as many
 * of the traces as it does in seconds, and its times are scaled to all of them: of the same algorithm written for a
 * trace at a time, which the ratio is to, and batched, with all traces in a call where the library can. SEISPROC_ISA
 * chooses an instruction set.
 * --json prints one object a line; --record appends to perf/results/kernels.csv. NAME may be the start of names.
 */
#include <argp.h>
#include <libgen.h>
#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "kernels/common/isa.h"
#include "perf/kernel_reference.h"
#include "seisproc/clock.h"
#include "seisproc/memory.h"
#include "seisproc/processor.h"

enum { MAX_RUNS = 400, MAX_PARAMS_BYTES = 16384, MAX_THREADS = 256, UNIT_ROWS = 64, LINE_TRACES = 60 };

static const double TOLERANCE = 1e-5;

typedef struct settings {
  const char *name;
  bool json, record, no_reference;
  int threads;
  double seconds; /* a kernel is timed for */
  char root[PATH_MAX];
} settings;

typedef struct figures {
  int threads;
  double ms, best_ms, reference_ms, batched_ms, floor_ms, distance;
} figures;

/* Gathers to compute, and where they lie. */
typedef struct work {
  const sp_plan *plan;
  const float *in;
  float *out;
  const double *offset, *delay, *line, *place; /* header columns; on a grid: a number of the line and one in it */
  unsigned traces, samples, gathers, unit_rows;
  atomic_uint next;
  atomic_int thread;
} work;

/* --- data ---------------------------------------------------------------------------------------------------- */

static uint32_t random_bits(uint32_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 17;
  *state ^= *state << 5;
  return *state;
}

/* Noise, nearly normal, with reflections of hyperbolic moveout. */
static void fill_gather(float *x, unsigned traces, unsigned samples, uint32_t seed) {
  uint32_t state = seed * 2654435761u + 1;
  for (size_t i = 0; i < (size_t)traces * samples; i++) {
    float sum = 0;
    for (int k = 0; k < 4; k++) sum += (float)random_bits(&state) * 0x1p-32f - 0.5f;
    x[i] = 1.7f * sum;
  }
  for (unsigned t = 0; t < traces; t++) {
    for (int event = 1; event <= 4; event++) {
      const double t0 = 0.2 * event * samples, centre = sqrt(t0 * t0 + 0.04 * t * t);
      for (int i = -30; i <= 30; i++) {
        const double at = floor(centre) + i, phase = 0.4 * (at - centre);
        if (at >= 0 && at < samples)
          x[(size_t)t * samples + (size_t)at] += (float)(6 * exp(-phase * phase / 4) * cos(phase));
      }
    }
  }
}

static void *allocate(size_t bytes) {
  void *block;
  if (sp_alloc(bytes, "the bench", &block) != SP_SUCCESS) exit(1);
  memset(block, 0, bytes);
  return block;
}

/* --- running ------------------------------------------------------------------------------------------------- */

static sp_plan *make_plan(const kernel *k, unsigned traces, int threads) {
  double params[MAX_PARAMS_BYTES / sizeof(double)];
  char words[256], why[512] = "refused by its plan", *rest = words;
  const sp_processor *processor = sp_processor_find(k->processor);
  if (!processor || processor->params_size > sizeof params) fail(k->name, "no such processor");
  sp_processor_example(processor, params);
  snprintf(words, sizeof words, "%s", k->params);
  for (char *word; (word = strtok_r(rest, " ", &rest));) {
    char *value = strchr(word, '=');
    *value++ = '\0';
    const sp_param *param = sp_param_find(processor->params, word);
    if (!param || sp_param_parse(param, value, params, why, sizeof why) != SP_SUCCESS) fail(k->name, why);
  }
  const sp_geometry geometry = {k->samples, traces, INTERVAL_S, threads};
  sp_plan *plan;
  if (processor->cpu->plan(params, &geometry, &plan) != SP_SUCCESS) fail(k->name, why);
  return plan;
}

static void compute_unit(const work *w, int thread, unsigned unit) {
  const unsigned units = (w->traces + w->unit_rows - 1) / w->unit_rows, gather = unit / units;
  const unsigned first = unit % units * w->unit_rows, left = w->traces - first;
  const size_t start = (size_t)gather * w->traces * w->samples;
  const double *headers[SP_MAX_PROCESSOR_HEADERS] = {w->line ? w->line : w->offset, w->line ? w->place : w->delay,
                                                     w->offset, w->offset};
  const sp_block block = {.in = w->in + start,
                          .out = w->out + start,
                          .n_traces = w->traces,
                          .first = first,
                          .count = left < w->unit_rows ? left : w->unit_rows,
                          .headers = headers,
                          .stream = true};
  if (w->plan->ops->apply(w->plan, thread, &block) != SP_REASON_OK) fail("apply", "not processed");
}

static void *compute_units(void *argument) {
  work *w = argument;
  const int thread = atomic_fetch_add(&w->thread, 1);
  const unsigned units = w->gathers * ((w->traces + w->unit_rows - 1) / w->unit_rows);
  for (unsigned unit; (unit = atomic_fetch_add(&w->next, 1)) < units;) compute_unit(w, thread, unit);
  return NULL;
}

static double seconds_of_a_run(work *w, int threads) {
  pthread_t others[MAX_THREADS];
  atomic_store(&w->next, 0);
  atomic_store(&w->thread, 0);
  const double start = sp_now();
  for (int i = 1; i < threads; i++) {
    if (pthread_create(&others[i], NULL, compute_units, w)) fail("thread", "cannot be started");
  }
  compute_units(w);
  for (int i = 1; i < threads; i++) pthread_join(others[i], NULL);
  return sp_now() - start;
}

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(double *values, int n) {
  qsort(values, (size_t)n, sizeof *values, by_value);
  return n % 2 ? values[n / 2] : 0.5 * (values[n / 2 - 1] + values[n / 2]);
}

/* Median and least milliseconds of as many runs as there are in `seconds`, three at least, after one that is not
 * counted. */
static double time_runs(work *w, int threads, double seconds, double *best) {
  double runs[MAX_RUNS];
  int n = 0;
  seconds_of_a_run(w, threads);
  for (const double start = sp_now(); n < MAX_RUNS && (n < 3 || sp_now() - start < seconds);) {
    runs[n++] = seconds_of_a_run(w, threads);
  }
  const double middle = median(runs, n);
  *best = 1e3 * runs[0];
  return 1e3 * middle;
}

/* The gather's bytes, in and out, moved by the C library. */
static double floor_ms(const work *w) {
  double runs[21];
  const int n = sizeof runs / sizeof *runs;
  for (int i = -1; i < n; i++) {
    const double start = sp_now();
    memcpy(w->out, w->in, (size_t)w->gathers * w->traces * w->samples * sizeof(float));
    if (i >= 0) runs[i] = sp_now() - start;
  }
  return 1e3 * median(runs, n);
}

/* --- the reference ------------------------------------------------------------------------------------------- */

/* Checks the kernel against the reference on its traces, and fills in the reference's time for all of them. */
static void compare(const settings *s, const kernel *k, const work *all, figures *f) {
  const size_t bytes = (size_t)k->reference_traces * k->samples * sizeof(float);
  float *expected = allocate(bytes);
  sp_plan *plan = make_plan(k, k->reference_traces, 1);
  const work part = {.plan = plan,
                     .in = all->in,
                     .out = all->out,
                     .offset = all->offset,
                     .delay = all->delay,
                     .line = all->line,
                     .place = all->place,
                     .traces = k->reference_traces,
                     .samples = k->samples,
                     .gathers = 1,
                     .unit_rows = k->reference_traces};
  compute_unit(&part, 0, 0);
  double seconds[2];
  run_reference(s->root, k, all->in, all->offset, expected, seconds);
  f->reference_ms = 1e3 * seconds[0] * k->traces / k->reference_traces;
  f->batched_ms = 1e3 * seconds[1] * k->traces / k->reference_traces;
  f->distance = worst_distance(all->out, expected, k->reference_traces, k->samples);
  plan->ops->destroy(plan);
  sp_free(expected);
  if (!(f->distance < TOLERANCE)) {
    fprintf(stderr, "kernels: %s: its output is %.3g from the reference, more than %g\n", k->name, f->distance,
            TOLERANCE);
    exit(1);
  }
}

/* --- kernels ------------------------------------------------------------------------------------------------- */

/* A weighted sum of the output of a run: bits must not depend on the threads, and two sums say so without a second
 * output. */
static double sum_of_a_run(work *w, int threads, size_t n) {
  double sum = 0;
  memset(w->out, 0, n * sizeof(float));
  seconds_of_a_run(w, threads);
  for (size_t i = 0; i < n; i++) sum += w->out[i] * (1 + (double)(i % 97));
  return sum;
}

/* One thread and several take turns: what else the machine does is to meet both. */
static void bench_slab(const settings *s, work *w, sp_plan **plan, const kernel *k, figures *f) {
  double one[MAX_RUNS], several[MAX_RUNS];
  int n = 0;
  f->threads = s->threads > 1 ? s->threads : 2;
  *plan = make_plan(k, k->traces, f->threads);
  w->plan = *plan;
  w->unit_rows = w->plan->block_traces > UNIT_ROWS ? w->plan->block_traces : UNIT_ROWS;
  if (w->plan->locality == SP_LOCAL_GATHER) w->unit_rows = k->traces;
  const size_t floats = (size_t)k->gathers * k->traces * k->samples;
  const double sums[2] = {sum_of_a_run(w, 1, floats), sum_of_a_run(w, f->threads, floats)};
  if (memcmp(&sums[0], &sums[1], sizeof *sums)) fail(k->name, "its output depends on the number of threads");
  for (const double start = sp_now(); n < MAX_RUNS && (n < 3 || sp_now() - start < 2 * s->seconds); n++) {
    one[n] = seconds_of_a_run(w, 1);
    several[n] = seconds_of_a_run(w, f->threads);
  }
  f->reference_ms = 1e3 * median(one, n);
  f->ms = 1e3 * median(several, n);
  f->best_ms = 1e3 * several[0];
}

static void bench_gather(const settings *s, work *w, sp_plan **plan, const kernel *k, figures *f) {
  f->threads = s->threads;
  if (!s->no_reference) compare(s, k, w, f);
  *plan = make_plan(k, k->traces, f->threads);
  w->plan = *plan;
  w->unit_rows = f->threads == 1 || w->plan->locality == SP_LOCAL_GATHER ? k->traces : w->plan->block_traces;
  f->ms = time_runs(w, f->threads, s->seconds, &f->best_ms);
}

static void bench(const settings *s, const kernel *k, figures *f) {
  const size_t bytes = (size_t)k->gathers * k->traces * k->samples * sizeof(float);
  float *in = allocate(bytes);
  double *offset = allocate(4 * k->traces * sizeof *offset), *line = offset + k->traces, *place = line + k->traces;
  double *delay = place + k->traces;
  for (unsigned g = 0; g < k->gathers; g++) {
    fill_gather(in + (size_t)g * k->traces * k->samples, k->traces, k->samples, g + 1);
  }
  for (unsigned t = 0; t < k->traces; t++) {
    offset[t] = 1.5 * t - 300;
    delay[t] = 0;
    line[t] = t / LINE_TRACES;
    place[t] = t % LINE_TRACES;
  }
  const bool on_grid = strstr(k->params, "grid") != NULL;
  work w = {.in = in,
            .out = allocate(bytes),
            .offset = offset,
            .delay = delay,
            .line = on_grid ? line : NULL,
            .place = place,
            .traces = k->traces,
            .samples = k->samples,
            .gathers = k->gathers};
  sp_plan *plan = NULL;
  *f = (figures){.reference_ms = NAN, .batched_ms = NAN, .distance = NAN};
  f->floor_ms = floor_ms(&w);
  if (k->gathers > 1) {
    bench_slab(s, &w, &plan, k, f);
  } else {
    bench_gather(s, &w, &plan, k, f);
  }
  plan->ops->destroy(plan);
  sp_free(in);
  sp_free(w.out);
  sp_free(offset);
}

/* --- output -------------------------------------------------------------------------------------------------- */

static void put_json(const char *key, double value) {
  printf(", \"%s\": ", key);
  if (isfinite(value)) {
    printf("%.6g", value);
  } else {
    printf("null");
  }
}

static void show_json(const kernel *k, const figures *f) {
  printf("{\"name\": \"%s\", \"processor\": \"%s\", \"params\": \"%s\", \"isa\": \"%s\", \"traces\": %u, "
         "\"samples\": %u, \"gathers\": %u, \"threads\": %d",
         k->name, k->processor, k->params, sp_isa_name(sp_isa_select()), k->traces, k->samples, k->gathers, f->threads);
  put_json("ms", f->ms);
  put_json("best_ms", f->best_ms);
  put_json("reference_ms", f->reference_ms);
  put_json("ratio", f->reference_ms / f->ms);
  put_json("batched_reference_ms", f->batched_ms);
  put_json("floor_ms", f->floor_ms);
  put_json("distance", f->distance);
  put_json("must_ms", k->must_ms > 0 ? k->must_ms : NAN);
  put_json("stretch_ms", k->stretch_ms > 0 ? k->stretch_ms : NAN);
  printf("}\n");
}

static void show_row(const kernel *k, const figures *f) {
  char require[16] = "", stretch[16] = "";
  if (k->must_ms > 0) snprintf(require, sizeof require, "%g", k->must_ms);
  if (k->stretch_ms > 0) snprintf(stretch, sizeof stretch, "%g", k->stretch_ms);
  printf("%-24s %5u x %4u %3d %9.2f %9.2f %6s %7s %9.0f %8.0f %7.1f %6.2f %8.1e\n", k->name, k->traces * k->gathers,
         k->samples, f->threads, f->ms, f->best_ms, require, stretch, f->reference_ms, f->batched_ms,
         f->reference_ms / f->ms, f->floor_ms, f->distance);
}

static void record(const settings *s, const kernel *k, const figures *f) {
  static const char columns[] = "date,version,isa,name,traces,samples,threads,ms,best_ms,reference_ms,"
                                "batched_reference_ms,ratio,floor_ms";
  char path[PATH_MAX + 64], day[16];
  const time_t now = time(NULL);
  snprintf(path, sizeof path, "%s/perf/results/kernels.csv", s->root);
  FILE *file = fopen(path, "a");
  if (!file) fail(path, "cannot be written");
  strftime(day, sizeof day, "%Y-%m-%d", gmtime(&now));
  if (ftell(file) == 0) fprintf(file, "%s\n", columns);
  fprintf(file, "%s,%s,%s,%s,%u,%u,%d,%.3f,%.3f,%.1f,%.1f,%.1f,%.3f\n", day, SP_VERSION, sp_isa_name(sp_isa_select()),
          k->name, k->traces * k->gathers, k->samples, f->threads, f->ms, f->best_ms, f->reference_ms, f->batched_ms,
          f->reference_ms / f->ms, f->floor_ms);
  if (fclose(file)) fail(path, "cannot be written");
}

static int run(const settings *s) {
  bool found = false;
  for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++) {
    const kernel *k = &kernels[i];
    figures f;
    if (s->name && strncmp(k->name, s->name, strlen(s->name))) continue;
    if (!found && !s->json) {
      printf("%-24s %12s %3s %9s %9s %6s %7s %9s %8s %7s %6s %8s\n", "kernel", "traces", "thr", "ms", "best", "must",
             "stretch", "reference", "batched", "ratio", "floor", "distance");
    }
    found = true;
    bench(s, k, &f);
    if (s->json) {
      show_json(k, &f);
    } else {
      show_row(k, &f);
    }
    fflush(stdout);
    if (s->record) record(s, k, &f);
  }
  if (!found) fail(s->name, "no kernel has a name that starts so");
  return 0;
}

static error_t parse_option(int key, char *value, struct argp_state *state) {
  settings *s = state->input;
  switch (key) {
  case 'j':
    s->json = true;
    return 0;
  case 'r':
    s->record = true;
    return 0;
  case 'n':
    s->no_reference = true;
    return 0;
  case 't':
    s->threads = atoi(value);
    if (s->threads < 1 || s->threads > MAX_THREADS) argp_error(state, "--threads: from 1 to %d", MAX_THREADS);
    return 0;
  case 's':
    s->seconds = atof(value);
    return 0;
  case ARGP_KEY_ARG:
    if (s->name) return ARGP_ERR_UNKNOWN;
    s->name = value;
    return 0;
  default:
    return ARGP_ERR_UNKNOWN;
  }
}

int main(int argc, char **argv) {
  static const struct argp_option options[] = {
      {"json", 'j', NULL, 0, "One JSON object a kernel, one a line", 0},
      {"record", 'r', NULL, 0, "Append to perf/results/kernels.csv", 0},
      {"threads", 't', "N", 0, "Threads (1; slabs: 2)", 0},
      {"seconds", 's', "S", 0, "Time each for about so long (2)", 0},
      {"no-reference", 'n', NULL, 0, "Neither run nor compare with the reference", 0},
      {0},
  };
  static const struct argp argp = {options, parse_option, "[NAME]", "Times the kernels, and checks them.",
                                   NULL,    NULL,         NULL};
  settings s = {.threads = 1, .seconds = 2};
  char self[PATH_MAX] = "";
  argp_parse(&argp, argc, argv, 0, NULL, &s);
  if (readlink("/proc/self/exe", self, sizeof self - 1) < 0) fail("/proc/self/exe", "cannot be read");
  snprintf(s.root, sizeof s.root, "%s/../..", dirname(self)); /* build/bench */
  return run(&s);
}
