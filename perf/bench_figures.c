/* SPDX-License-Identifier: BSD-3-Clause */
/* What the figures of quality cost that a job takes of its gathers: the engine with the default `dwt` alone, with the
 * figures (`qc: gather`), and with the spectra that a worker takes beside it. Prints a table, or with --json an object.
 *
 *   bench_figures [--json] [--traces N] [--samples N] [--turns N]
 *
 * One thread, one gather. The three take turns, in another order each time, and what is compared are least times of
 * the processor, so that other load matters little; the reference is the engine alone. Before it says anything it
 * compares samples and figures with what they should be.
 */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "perf/bench.h"
#include "seisproc/engine.h"
#include "seisproc/memory.h"
#include "src/flow/gather/spectra.h"

enum { ALONE, FIGURES, SPECTRA, N_WAYS };
static const double allowed = 1.01; /* of the engine alone */

typedef struct bench {
  bool json;
  int turns;
  sp_local bounds[2]; /* of the only gather */
  uint32_t n_samples;
  float *in, *work, *out, *expected;
  sp_chain_step step;
  sp_engine *engines[2]; /* without figures and with them */
  sp_gather_spectra *spectra;
  sp_gather_result result;
} bench;

static double processor_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static size_t samples_of(const bench *b) {
  return (size_t)b->bounds[1] * b->n_samples;
}

/* Ricker wavelets of 30 Hz at 2 ms that move out along the gather, and noise. */
static void make_gather(bench *b) {
  uint64_t state = 5;
  for (size_t i = 0; i < samples_of(b); i++) {
    const double trace = (double)(i / b->n_samples), at = fmod((double)(i % b->n_samples) - 0.3 * trace, 250) - 125;
    const double x = pow(3.14159265358979 * 30 * 0.002 * at, 2);
    b->in[i] = (float)((1 - 2 * x) * exp(-x) + random_unit(&state) - 0.5);
  }
}

static void make_engine(bench *b, bool measure, sp_engine **out) {
  const sp_engine_config config = {.chain = &b->step,
                                   .n_steps = 1,
                                   .mode = SP_MODE_PROCESSED,
                                   .measure = measure,
                                   .n_samples = b->n_samples,
                                   .sample_interval_s = 0.002,
                                   .max_traces = b->bounds[1],
                                   .max_gather = b->bounds[1],
                                   .max_gathers = 1,
                                   .n_threads = 1,
                                   .n_slabs = 1,
                                   .device = -1};
  require(sp_engine_create(SP_ENGINE_CPU, &config, out));
}

static void prepare(bench *b) {
  const size_t bytes = samples_of(b) * sizeof(float);
  const sp_processor *dwt = sp_processor_find("dwt");
  void *params = NULL;
  require(sp_calloc(1, dwt->params_size, "the bench", &params));
  sp_param_set_defaults(dwt->params, params);
  b->step = (sp_chain_step){.processor = dwt, .params = params};
  require(sp_alloc(bytes, "the bench", &b->in));
  require(sp_alloc(bytes, "the bench", &b->work));
  require(sp_alloc(bytes, "the bench", &b->out));
  require(sp_alloc(bytes, "the bench", &b->expected));
  make_gather(b);
  for (int i = 0; i < 2; i++) make_engine(b, i, &b->engines[i]);
  require(sp_gather_spectra_create(b->bounds[1], 1, b->n_samples, &b->spectra));
}

static void finish(bench *b) {
  for (int i = 0; i < 2; i++) sp_engine_destroy(b->engines[i]);
  sp_gather_spectra_destroy(b->spectra);
  sp_free((void *)(uintptr_t)b->step.params);
  sp_free(b->in);
  sp_free(b->work);
  sp_free(b->out);
  sp_free(b->expected);
}

/* --- what is timed ------------------------------------------------------------------------------------------------ */

static double run(bench *b, int way) {
  sp_slab slab = {.n_gathers = 1,
                  .n_traces = b->bounds[1],
                  .first_trace = b->bounds,
                  .in = b->work,
                  .traces = b->out,
                  .results = &b->result};
  sp_engine *engine = b->engines[way != ALONE];
  sp_slab *done = NULL;
  memcpy(b->work, b->in, samples_of(b) * sizeof(float)); /* what a worker has read; not timed */
  const double start = processor_seconds();
  if (way == SPECTRA) sp_gather_spectra_keep_input(b->spectra, &slab);
  require(sp_engine_submit(engine, &slab));
  require(sp_engine_wait(engine, &done));
  if (way == SPECTRA) sp_gather_spectra_measure(b->spectra, SP_MODE_PROCESSED, &slab);
  return processor_seconds() - start;
}

static double root_mean_square(const float *x, const float *minus, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) {
    const double d = (double)x[i] - (minus ? (double)minus[i] : 0);
    sum += d * d;
  }
  return sqrt(sum / (double)n);
}

static bool is_near(double value, double expected, double tolerance) {
  return fabs(value - expected) <= tolerance * expected;
}

/* The square root of the energy that a spectrum tells of. */
static double level_of(float peak, const sp_spectrum_levels *levels) {
  float amplitude[SP_SPECTRUM_LEVELS];
  double sum = 0;
  sp_spectrum_decode(peak, levels, amplitude);
  for (int k = 0; k < SP_SPECTRUM_LEVELS; k++) sum += (double)amplitude[k] * (double)amplitude[k];
  return sqrt(sum);
}

static void check_all(bench *b) {
  const size_t n = samples_of(b), bytes = n * sizeof(float);
  run(b, ALONE);
  require_right(b->result.measured == 0 && b->result.reason == SP_REASON_OK, "figures where none are wanted");
  memcpy(b->expected, b->out, bytes);
  run(b, SPECTRA);
  require_right(!memcmp(b->out, b->expected, bytes), "samples, with figures");
  const double before = root_mean_square(b->in, NULL, n), noise = root_mean_square(b->in, b->out, n);
  require_right(b->result.measured == b->bounds[1] && noise > 0, "traces that were measured");
  require_right(is_near((double)b->result.rms_in, before, 1e-5), "RMS of the input");
  require_right(is_near((double)b->result.rms_noise, noise, 1e-4), "RMS of the noise");
  /* of windows spread over the gather, not of all samples */
  require_right(is_near(level_of(b->result.spectrum_in_peak, &b->result.spectrum_in), before, 0.2), "spectrum before");
  require_right(is_near(level_of(b->result.spectrum_noise_peak, &b->result.spectrum_noise), noise, 0.2),
                "spectrum of noise");
}

static void measure(bench *b) {
  static const char *const names[N_WAYS] = {"dwt, a gather", "with figures", "with figures and spectra"};
  double least[N_WAYS];
  char reference[80];
  for (int way = 0; way < N_WAYS; way++) least[way] = run(b, way);
  for (int turn = 0; turn < b->turns; turn++) {
    for (int i = 0; i < N_WAYS; i++) {
      const int way = turn % 2 ? N_WAYS - 1 - i : i;
      least[way] = fmin(least[way], run(b, way));
    }
  }
  figures f = figures_begin("figures", b->json);
  snprintf(reference, sizeof reference, "dwt alone; at most %.2f wanted", allowed);
  for (int way = ALONE; way < N_WAYS; way++) {
    figure(&f, names[way], 1e3 * least[way], "ms", way == ALONE ? "itself" : reference, least[way] / least[ALONE]);
  }
  figures_end(&f);
}

static void parse(int argc, char **argv, bench *b) {
  static const struct option options[] = {{"json", no_argument, NULL, 'j'},
                                          {"traces", required_argument, NULL, 't'},
                                          {"samples", required_argument, NULL, 's'},
                                          {"turns", required_argument, NULL, 'n'},
                                          {0}};
  for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
    const int value = c != 'j' && c != '?' ? atoi(optarg) : 1;
    if (c == 't') b->bounds[1] = value > 0 ? (sp_local)value : 0;
    if (c == 's') b->n_samples = value > 0 ? (uint32_t)value : 0;
    if (c == 'n') b->turns = value;
    if (c == 'j') b->json = true;
    if (c == '?') exit(1);
  }
  const bool fits = b->bounds[1] > 0 && b->n_samples >= 128 && b->turns > 0 && b->turns <= BENCH_MAX_REPEAT;
  if (fits && optind == argc) return;
  fprintf(stderr, "bench_figures [--json] [--traces N] [--samples N, 128 or more] [--turns N, up to %d]\n",
          BENCH_MAX_REPEAT);
  exit(1);
}

int main(int argc, char **argv) {
  static bench b = {.turns = 41, .bounds = {0, 3000}, .n_samples = 1600};
  parse(argc, argv, &b);
  prepare(&b);
  check_all(&b);
  measure(&b);
  finish(&b);
  return 0;
}
