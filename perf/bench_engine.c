/* SPDX-License-Identifier: BSD-3-Clause */
/* The CPU engine on a slab of 64 uneven gathers: what it costs around the kernel alone, what a second thread brings,
 * and what modes and stages cost. Prints a table, or with --json an object.
 *
 *   bench_engine [--json] [--traces MEAN] [--samples N] [--repeat N] [--threads N]
 *
 * Times are minima of runs that take turns, after a warm-up. The reference of an engine's time is a plain loop that
 * calls the same processors on the same gathers in the caller's thread, without checks, checksums or noise; of two
 * threads it is one thread. Before it times, it compares the engine's output with the loop's.
 */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "perf/bench.h"
#include "seisproc/crc32c.h"
#include "seisproc/engine.h"
#include "seisproc/memory.h"
#include "seisproc/share.h"

enum { N_GATHERS = 64, MAX_STEPS = 4, MAX_SECONDS = 10 };

typedef struct bench {
  bool json;
  figures figures;
  sp_local mean_traces;
  uint32_t n_samples;
  int repeat;
  int threads; /* of the run that is compared with one thread */
  sp_local first_trace[N_GATHERS + 1];
  sp_local max_gather;
  float *in, *out, *noise, *loop_out, *loop_spare;
  double *offset, *delay; /* header columns */
  sp_gather_result results[N_GATHERS];
} bench;

/* A chain with its parameters, and plans for the plain loop. */
typedef struct chain {
  const char *name;
  sp_chain_step steps[MAX_STEPS];
  sp_plan *plans[MAX_STEPS];
  size_t n;
} chain;

typedef struct seconds {
  double wall, processor;
} seconds;

static double clock_seconds(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static seconds now(void) {
  return (seconds){clock_seconds(CLOCK_MONOTONIC), clock_seconds(CLOCK_PROCESS_CPUTIME_ID)};
}

/* Keeps the least time since `start`. */
static void keep_least(seconds *best, seconds start) {
  const seconds end = now();
  best->wall = fmin(best->wall, end.wall - start.wall);
  best->processor = fmin(best->processor, end.processor - start.processor);
}

static void *allocate(size_t bytes) {
  void *block = NULL;
  if (sp_alloc(bytes, "the bench", &block)) exit(1);
  memset(block, 0, bytes);
  return block;
}

static size_t samples_of(const bench *b) {
  return (size_t)b->first_trace[N_GATHERS] * b->n_samples;
}

/* Sizes from half to one and a half times the mean; noise with a little signal, so that thresholds have work. */
static void make_survey(bench *b) {
  uint32_t state = 1;
  for (int g = 0; g < N_GATHERS; g++) {
    state = state * 1664525u + 1013904223u;
    const sp_local n = b->mean_traces / 2 + (sp_local)((uint64_t)state * b->mean_traces >> 32);
    b->first_trace[g + 1] = b->first_trace[g] + n;
    if (n > b->max_gather) b->max_gather = n;
  }
  const size_t samples = samples_of(b), bytes = samples * sizeof(float);
  b->in = allocate(bytes);
  b->out = allocate(bytes);
  b->noise = allocate(bytes);
  b->loop_out = allocate(bytes);
  b->loop_spare = allocate((size_t)b->max_gather * b->n_samples * sizeof(float));
  b->offset = allocate(b->first_trace[N_GATHERS] * sizeof(double));
  b->delay = allocate(b->first_trace[N_GATHERS] * sizeof(double));
  memset(b->delay, 0, b->first_trace[N_GATHERS] * sizeof(double));
  for (size_t i = 0; i < samples; i++) {
    state = state * 1664525u + 1013904223u;
    b->in[i] = (float)(int32_t)state * 0x1p-31f + sinf((float)(i % b->n_samples) * 0.1f);
  }
  for (int g = 0; g < N_GATHERS; g++) {
    for (sp_local i = b->first_trace[g]; i < b->first_trace[g + 1]; i++) b->offset[i] = 10.0 * (i - b->first_trace[g]);
  }
}

/* --- chains ----------------------------------------------------------------------------------------------------- */

static void add_step(chain *c, const char *processor, const char *key, const char *value) {
  const sp_processor *p = sp_processor_find(processor);
  char why[SP_WHY_SIZE];
  void *params = allocate(p->params_size);
  sp_processor_example(p, params);
  if (key && sp_param_parse(sp_param_find(p->params, key), value, params, why, sizeof why)) {
    fprintf(stderr, "bench_engine: %s\n", why);
    exit(1);
  }
  c->steps[c->n++] = (sp_chain_step){.processor = p, .params = params};
}

static sp_engine_config config_of(const bench *b, const chain *c, sp_mode mode, int n_threads) {
  return (sp_engine_config){.chain = c->steps,
                            .n_steps = c->n,
                            .mode = mode,
                            .n_samples = b->n_samples,
                            .sample_interval_s = 0.002,
                            .max_traces = b->first_trace[N_GATHERS],
                            .max_gather = b->max_gather,
                            .max_gathers = N_GATHERS,
                            .n_threads = n_threads,
                            .n_slabs = 2,
                            .device = -1};
}

static void plan_loop(const bench *b, chain *c) {
  const sp_geometry geometry = {
      .n_samples = b->n_samples, .max_traces = b->max_gather, .sample_interval_s = 0.002, .n_threads = 1};
  for (size_t i = 0; i < c->n; i++) {
    if (c->steps[i].processor->cpu->plan(c->steps[i].params, &geometry, &c->plans[i])) exit(1);
  }
}

static void free_chain(chain *c) {
  for (size_t i = 0; i < c->n; i++) {
    c->plans[i]->ops->destroy(c->plans[i]);
    sp_free((void *)(uintptr_t)c->steps[i].params);
  }
}

/* --- what is timed ---------------------------------------------------------------------------------------------- */

static void apply_step(const bench *b, const sp_plan *plan, int gather, const float *in, float *out) {
  const sp_local n = b->first_trace[gather + 1] - b->first_trace[gather];
  const double *headers[] = {b->offset + b->first_trace[gather], b->delay};
  const sp_local step = plan->locality == SP_LOCAL_GATHER ? n : plan->block_traces;
  SP_EACH_PIECE (p, 0, n, step) {
    const sp_block block = {.in = in,
                            .out = out,
                            .n_traces = n,
                            .first = (sp_local)p.first,
                            .count = (sp_local)p.count,
                            .headers = headers,
                            .stream = true};
    if (plan->ops->apply(plan, 0, &block)) exit(1);
  }
}

/* The chain on every gather, steps ping-ponging between the output and a spare gather. */
static void run_loop(const bench *b, const chain *c) {
  for (int g = 0; g < N_GATHERS; g++) {
    const size_t at = (size_t)b->first_trace[g] * b->n_samples;
    const float *from = b->in + at;
    for (size_t i = 0; i < c->n; i++) {
      float *to = (c->n - 1 - i) % 2 ? b->loop_spare : b->loop_out + at;
      apply_step(b, c->plans[i], g, from, to);
      from = to;
    }
  }
}

static void run_engine(bench *b, sp_engine *engine, sp_mode mode) {
  const double *headers[] = {b->offset, b->delay};
  sp_slab slab = {.n_gathers = N_GATHERS,
                  .n_traces = b->first_trace[N_GATHERS],
                  .first_trace = b->first_trace,
                  .in = b->in,
                  .headers = headers,
                  .traces = b->out,
                  .noise = mode == SP_MODE_BOTH ? b->noise : NULL,
                  .results = b->results};
  sp_slab *done = NULL;
  if (sp_engine_submit(engine, &slab) || sp_engine_wait(engine, &done)) exit(1);
}

static void check_output(const bench *b, const char *name) {
  for (int g = 0; g < N_GATHERS; g++) {
    const size_t at = (size_t)b->first_trace[g] * b->n_samples;
    const size_t bytes = (size_t)(b->first_trace[g + 1] - b->first_trace[g]) * b->n_samples * sizeof(float);
    const bool good = b->results[g].reason == SP_REASON_OK && !memcmp(b->out + at, b->loop_out + at, bytes) &&
                      b->results[g].crc_traces == sp_crc32c(0, b->out + at, bytes);
    if (good) continue;
    fprintf(stderr, "bench_engine: %s: gather %d is wrong\n", name, g);
    exit(1);
  }
}

/* --- benches ---------------------------------------------------------------------------------------------------- */

enum { LOOP, ONE, MORE, NOISE, BOTH, MEASURED, N_RUNS };

static const struct {
  const char *name;
  sp_mode mode;
} runs[N_RUNS] = {[ONE] = {"processed", SP_MODE_PROCESSED},
                  [MORE] = {"processed", SP_MODE_PROCESSED},
                  [NOISE] = {"noise", SP_MODE_NOISE},
                  [BOTH] = {"both", SP_MODE_BOTH},
                  [MEASURED] = {"both, figures of quality", SP_MODE_BOTH}};

static void time_runs(bench *b, const chain *c, sp_engine **engines, seconds *best) {
  const double until = now().wall + MAX_SECONDS;
  for (int i = 0; i < b->repeat && (i < 3 || now().wall < until); i++) {
    seconds start = now();
    run_loop(b, c);
    keep_least(&best[LOOP], start);
    for (int k = ONE; k < N_RUNS; k++) {
      start = now();
      run_engine(b, engines[k], runs[k].mode);
      keep_least(&best[k], start);
    }
  }
}

static void bench_chain(bench *b, chain *c) {
  sp_engine *engines[N_RUNS] = {0};
  seconds best[N_RUNS];
  plan_loop(b, c);
  for (int k = ONE; k < N_RUNS; k++) {
    sp_engine_config config = config_of(b, c, runs[k].mode, k == MORE ? b->threads : 1);
    config.measure = k == MEASURED;
    if (sp_engine_create(SP_ENGINE_CPU, &config, &engines[k])) exit(1);
  }
  run_loop(b, c);
  run_engine(b, engines[ONE], SP_MODE_PROCESSED);
  check_output(b, c->name);
  for (int k = 0; k < N_RUNS; k++) best[k] = (seconds){INFINITY, INFINITY};
  time_runs(b, c, engines, best);
  for (int k = ONE; k < N_RUNS; k++) {
    const double value = k == MORE ? best[k].wall : best[k].processor;
    const int beside = k == MORE ? ONE : k == MEASURED ? BOTH : LOOP;
    const char *const others[N_RUNS] = {[ONE] = "one thread", [BOTH] = "without them", [LOOP] = "a plain loop"};
    const double reference = k == MORE ? best[ONE].wall : best[beside].processor;
    const int threads = k == MORE ? b->threads : 1;
    char name[80];
    snprintf(name, sizeof name, "engine %s, %s, %d thread%s", c->name, runs[k].name, threads, threads > 1 ? "s" : "");
    figure(&b->figures, name, 1e3 * value, "ms", others[beside], value / reference);
    sp_engine_destroy(engines[k]);
  }
  free_chain(c);
}

/* The checksum of the slab against a copy of it: what the figures above stand on. */
static void bench_bytes(bench *b) {
  const size_t bytes = samples_of(b) * sizeof(float);
  seconds copy = {INFINITY, INFINITY}, crc = copy;
  volatile uint32_t sum = 0;
  for (int i = 0; i < b->repeat; i++) {
    seconds start = now();
    memcpy(b->out, b->in, bytes);
    keep_least(&copy, start);
    start = now();
    sum = sum ^ sp_crc32c(0, b->in, bytes);
    keep_least(&crc, start);
  }
  figure(&b->figures, "checksum of the slab", 1e3 * crc.processor, "ms", "a copy", crc.processor / copy.processor);
}

static void read_options(int argc, char **argv, bench *b) {
  static const struct option options[] = {
      {"json", no_argument, NULL, 'j'},          {"traces", required_argument, NULL, 't'},
      {"samples", required_argument, NULL, 's'}, {"repeat", required_argument, NULL, 'r'},
      {"threads", required_argument, NULL, 'n'}, {0}};
  int option;
  while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
    if (option == 'j') b->json = true;
    if (option == 't') b->mean_traces = (sp_local)atoi(optarg);
    if (option == 's') b->n_samples = (uint32_t)atoi(optarg);
    if (option == 'r') b->repeat = atoi(optarg);
    if (option == 'n') b->threads = atoi(optarg);
    if (option == '?') exit(1);
  }
}

int main(int argc, char **argv) {
  bench b = {.mean_traces = 300, .n_samples = 1600, .repeat = 15, .threads = 2};
  read_options(argc, argv, &b);
  make_survey(&b);
  b.figures = figures_begin("engine", b.json);
  chain mute = {.name = "mute"}, dwt = {.name = "dwt"}, wide = {.name = "dwt aperture 7"};
  chain two = {.name = "mute, dwt"};
  add_step(&mute, "mute", NULL, NULL);
  add_step(&dwt, "dwt", NULL, NULL);
  add_step(&wide, "dwt", "aperture", "7");
  add_step(&two, "mute", NULL, NULL);
  add_step(&two, "dwt", NULL, NULL);
  bench_chain(&b, &mute);
  bench_chain(&b, &dwt);
  bench_chain(&b, &wide);
  bench_chain(&b, &two);
  bench_bytes(&b);
  figures_end(&b.figures);
  sp_free(b.delay);
  sp_free(b.offset);
  sp_free(b.loop_spare);
  sp_free(b.loop_out);
  sp_free(b.noise);
  sp_free(b.out);
  sp_free(b.in);
  return 0;
}
