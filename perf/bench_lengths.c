/* SPDX-License-Identifier: BSD-3-Clause */
/* `stockwell` on traces whose length has a large prime factor, beside its neighbours in length, on one core.
 *
 *   lengths [--json]
 *
 * 1001 is 7 x 11 x 13, 1501 is 19 x 79, 1601 is prime. The reference of each is the mean of the lengths one below and
 * one above. All take turns, a gather each, and times are processor time, so that what else the machine does meets all
 * alike; figures are medians of turns. What is timed is checked: white noise loses the same share at each length.
 */
#include <math.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "bench.h"
#include "seisproc/memory.h"
#include "seisproc/processor.h"

enum { TURNS = 5, TRACES = 48, LENGTHS = 3, PARAMS_BYTES = 4096 };

static const double INTERVAL_S = 0.004;

/* A gather of one length. */
typedef struct gather {
  uint32_t n_samples;
  sp_plan *plan;
  float *in, *out;
  double seconds[TURNS];
} gather;

static double cpu_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static sp_plan *make_plan(uint32_t n_samples, const char *sampling) {
  const char *const words[][2] = {
      {"transform", "stockwell"}, {"sampling", sampling}, {"fmin", "5"}, {"fmax", "100"}, {"aperture", "7"}};
  const sp_processor *tf = sp_processor_find("tf");
  double params[PARAMS_BYTES / sizeof(double)];
  char why[SP_WHY_SIZE];
  sp_plan *plan;
  require_right(tf->params_size <= sizeof params, "the parameters of tf are larger than the bench has room for");
  sp_processor_example(tf, params);
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    require(sp_param_parse(sp_param_find(tf->params, words[i][0]), words[i][1], params, why, sizeof why));
  }
  const sp_geometry geometry = {
      .n_samples = n_samples, .max_traces = TRACES, .sample_interval_s = INTERVAL_S, .n_threads = 1};
  require(tf->cpu->plan(params, &geometry, &plan));
  return plan;
}

static void make_gather(uint32_t n_samples, const char *sampling, gather *g) {
  const size_t n = (size_t)TRACES * n_samples;
  uint64_t state = n_samples;
  *g = (gather){.n_samples = n_samples, .plan = make_plan(n_samples, sampling)};
  require(sp_alloc(n * sizeof(float), "the bench", &g->in));
  require(sp_calloc(n, sizeof(float), "the bench", &g->out));
  for (size_t i = 0; i < n; i++) g->in[i] = (float)(random_unit(&state) - 0.5);
}

static void forget(gather *g) {
  g->plan->ops->destroy(g->plan);
  sp_free(g->in);
  sp_free(g->out);
}

static double seconds_of(const gather *g) {
  const sp_block block = {.in = g->in, .out = g->out, .n_traces = TRACES, .count = TRACES};
  const double start = cpu_seconds();
  require_right(g->plan->ops->apply(g->plan, 0, &block) == SP_REASON_OK, "tf refuses the gather");
  return cpu_seconds() - start;
}

static double share_removed(const gather *g) {
  double removed = 0, all = 0;
  for (size_t i = 0; i < (size_t)TRACES * g->n_samples; i++) {
    const double in = (double)g->in[i], noise = in - (double)g->out[i];
    all += in * in;
    removed += noise * noise;
  }
  return removed / all;
}

static void bench_length(figures *f, uint32_t n_samples, const char *sampling) {
  gather gathers[LENGTHS];
  double share[LENGTHS], ms[LENGTHS];
  char name[64];
  for (uint32_t i = 0; i < LENGTHS; i++) make_gather(n_samples - 1 + i, sampling, &gathers[i]);
  for (int i = 0; i < LENGTHS; i++) seconds_of(&gathers[i]); /* not counted */
  for (int turn = 0; turn < TURNS; turn++) {
    for (int i = 0; i < LENGTHS; i++) gathers[i].seconds[turn] = seconds_of(&gathers[i]);
  }
  for (int i = 0; i < LENGTHS; i++) {
    share[i] = share_removed(&gathers[i]);
    ms[i] = 1e3 * median(gathers[i].seconds, TURNS) / TRACES;
    forget(&gathers[i]);
  }
  require_right(share[1] > 1e-3 && share[1] < 0.9, "stockwell takes all or nothing of white noise");
  for (int i = 0; i < LENGTHS; i += 2) {
    require_right(fabs(share[i] / share[1] - 1) < 0.2, "what stockwell takes of white noise depends on the length");
  }
  snprintf(name, sizeof name, "stockwell_%s_%u", sampling, n_samples);
  figure(f, name, ms[1], "ms/trace", "its neighbours", 2 * ms[1] / (ms[0] + ms[2]));
}

int main(int argc, char **argv) {
  figures f = figures_begin("lengths", argc > 1 && !strcmp(argv[1], "--json"));
  const char *const samplings[] = {"full", "reduced"};
  for (int s = 0; s < 2; s++) {
    bench_length(&f, 1001, samplings[s]);
    bench_length(&f, 1501, samplings[s]);
    bench_length(&f, 1601, samplings[s]);
  }
  figures_end(&f);
  return 0;
}
