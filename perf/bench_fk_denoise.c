/* SPDX-License-Identifier: BSD-3-Clause */
/* fk_denoise on one core, beside the bare transforms of its windows in the same run.
 *
 *   fk_denoise [--json]
 *
 * A gather (3000 x 1600) in windows of 24 x 12, and on a grid of 50 x 60 in windows of 24 x 12 x 12. The reference
 * takes as many windows forward, zeroes what is below a threshold and takes them back, with FFTW's batched transforms
 * (FFTW_ESTIMATE), a slab at a time: no windows cut out of a gather, no taper, no noise level, no sum. What is timed is
 * checked: of events in noise less noise comes back, and the reference returns its input at a threshold of 0. Times are
 * medians of processor seconds; both take turns. Then two threads with a gather each beside one with one, in turns:
 * what each gather costs in processor time, and how many are done in a time on the clock, which wants a quiet machine.
 */
#include <fftw3.h>
#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "bench.h"
#include "kernels/fk_denoise/fk_denoise.h"
#include "seisproc/memory.h"

enum { REPEAT = 5, THREADS = 2, TRACES = 3000, LINE = 60, SAMPLES = 1600 };

static const double INTERVAL_S = 0.004;

static double seconds_of(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double cpu_seconds(void) {
  return seconds_of(CLOCK_PROCESS_CPUTIME_ID);
}

static float *allocate(size_t n) {
  void *block;
  require(sp_alloc(n * sizeof(float), "the bench", &block));
  memset(block, 0, n * sizeof(float));
  return block;
}

/* Reflections of hyperbolic moveout, and with noise. */
static void fill(float *clean, float *noisy) {
  uint64_t state = 1;
  for (int trace = 0; trace < TRACES; trace++) {
    for (int event = 1; event <= 4; event++) {
      const double t0 = 0.2 * event * SAMPLES, centre = sqrt(t0 * t0 + 0.04 * trace * trace);
      for (int i = -30; i <= 30; i++) {
        const double at = floor(centre) + i, phase = 0.4 * (at - centre);
        if (at < SAMPLES)
          clean[(size_t)trace * SAMPLES + (size_t)at] += (float)(6 * exp(-phase * phase / 4) * cos(phase));
      }
    }
  }
  for (size_t i = 0; i < (size_t)TRACES * SAMPLES; i++) {
    double sum = 0;
    for (int k = 0; k < 4; k++) sum += random_unit(&state) - 0.5;
    noisy[i] = clean[i] + (float)(1.7 * sum);
  }
}

static double distance2(const float *a, const float *b) {
  double sum = 0;
  for (size_t i = 0; i < (size_t)TRACES * SAMPLES; i++) sum += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
  return sum;
}

/* --- the processor --------------------------------------------------------------------------------------------------
 */

typedef struct subject {
  sp_fkd_params params;
  sp_plan *plan;
  sp_block block;
  const double *headers[4];
  double columns[2][TRACES];
} subject;

static void set(sp_fkd_params *params, const char *key, const char *value) {
  char why[SP_WHY_SIZE];
  require(sp_param_parse(sp_param_find(sp_processor_fk_denoise.params, key), value, params, why, sizeof why));
}

static void begin_subject(subject *s, bool grid, const float *in, float *out) {
  sp_param_set_defaults(sp_processor_fk_denoise.params, &s->params);
  if (grid) set(&s->params, "grid", "[iline, xline]");
  for (int t = 0; t < TRACES; t++) {
    s->columns[0][t] = grid ? t / LINE : NAN;
    s->columns[1][t] = grid ? t % LINE : NAN;
  }
  for (int k = 0; k < 4; k++) s->headers[k] = s->columns[k % 2];
  s->block = (sp_block){.in = in, .out = out, .n_traces = TRACES, .count = TRACES, .headers = s->headers};
  const sp_geometry geometry = {
      .n_samples = SAMPLES, .max_traces = TRACES, .sample_interval_s = INTERVAL_S, .n_threads = THREADS};
  require(sp_fk_denoise_cpu.plan(&s->params, &geometry, &s->plan));
}

static double time_subject(const subject *s) {
  const double start = cpu_seconds();
  require_right(sp_fk_denoise_cpu.apply(s->plan, 0, &s->block) == SP_REASON_OK, "a gather is refused");
  return cpu_seconds() - start;
}

/* --- the reference --------------------------------------------------------------------------------------------------
 */

typedef struct transforms {
  int windows, slabs;
  size_t points, coefficients; /* of a window */
  float *x;
  fftwf_complex *f;
  fftwf_plan forward, back;
} transforms;

static transforms begin_transforms(const sp_fkd_params *params, bool grid) {
  const sp_fkd_axis t = sp_fkd_time_axis(params, INTERVAL_S, SAMPLES);
  const sp_fkd_axis i = sp_fkd_trace_axis(params, grid ? TRACES / LINE : 1);
  const sp_fkd_axis j = sp_fkd_trace_axis(params, grid ? LINE : TRACES);
  const int n[3] = {(int)i.window, (int)j.window, (int)t.window};
  const size_t across = (size_t)i.window * j.window;
  transforms r = {(int)(i.count * j.count), (int)t.count, across * t.window, across * (t.window / 2 + 1), 0, 0, 0, 0};
  r.x = allocate(r.points * (size_t)r.windows);
  r.f = (fftwf_complex *)(void *)allocate(2 * r.coefficients * (size_t)r.windows);
  r.forward = fftwf_plan_many_dft_r2c(3, n, r.windows, r.x, NULL, 1, (int)r.points, r.f, NULL, 1, (int)r.coefficients,
                                      FFTW_ESTIMATE);
  r.back = fftwf_plan_many_dft_c2r(3, n, r.windows, r.f, NULL, 1, (int)r.coefficients, r.x, NULL, 1, (int)r.points,
                                   FFTW_ESTIMATE);
  require_right(r.forward && r.back, "FFTW has no plan");
  return r;
}

/* One slab: forward, threshold, back. */
static void transform_slab(const transforms *r, float limit) {
  fftwf_execute(r->forward);
  for (size_t k = 0; k < r->coefficients * (size_t)r->windows; k++) {
    const float power = r->f[k][0] * r->f[k][0] + r->f[k][1] * r->f[k][1];
    if (power < limit) r->f[k][0] = r->f[k][1] = 0;
  }
  fftwf_execute(r->back);
}

static void fill_slab(const transforms *r, const float *x) {
  for (size_t k = 0; k < r->points * (size_t)r->windows; k++) r->x[k] = x[k % ((size_t)TRACES * SAMPLES)];
}

static void check_transforms(const transforms *r, const float *x) {
  double error = 0, norm = 0;
  fill_slab(r, x);
  transform_slab(r, 0);
  for (size_t k = 0; k < r->points * (size_t)r->windows; k++) {
    const double expected = x[k % ((size_t)TRACES * SAMPLES)], d = r->x[k] / (double)r->points - expected;
    error += d * d;
    norm += expected * expected;
  }
  require_right(error < 1e-10 * norm, "transforms there and back");
}

static double time_transforms(const transforms *r, const float *x) {
  double seconds = 0;
  for (int slab = 0; slab < r->slabs; slab++) {
    fill_slab(r, x); /* not counted: what comes back is not normalised */
    const double start = cpu_seconds();
    transform_slab(r, 10 * (float)r->points);
    seconds += cpu_seconds() - start;
  }
  return seconds;
}

static void end_transforms(transforms *r) {
  fftwf_destroy_plan(r->forward);
  fftwf_destroy_plan(r->back);
  sp_free(r->x);
  sp_free(r->f);
}

/* --- both ------------------------------------------------------------------------------------------------------------
 */

static void compare(figures *f, const char *name, bool grid, int repeat, const float *clean, const float *noisy,
                    float *out) {
  static subject s;
  double own[REPEAT], bare[REPEAT];
  begin_subject(&s, grid, noisy, out);
  transforms r = begin_transforms(&s.params, grid);
  check_transforms(&r, noisy);
  for (int k = 0; k < repeat; k++) {
    own[k] = time_subject(&s);
    bare[k] = time_transforms(&r, noisy);
  }
  require_right(distance2(out, clean) < 0.1 * distance2(noisy, clean), "the noise is still there");
  const double ms = 1e3 * median(own, repeat);
  figure(f, name, ms, "ms", "FFTW's transforms alone", ms / (1e3 * median(bare, repeat)));
  end_transforms(&r);
  sp_fk_denoise_cpu.destroy(s.plan);
}

/* --- threads ---------------------------------------------------------------------------------------------------------
 */

typedef struct share {
  const subject *subject;
  sp_block block;
  int thread;
} share;

static void *denoise_gather(void *argument) {
  const share *s = argument;
  const sp_reason reason = sp_fk_denoise_cpu.apply(s->subject->plan, s->thread, &s->block);
  require_right(reason == SP_REASON_OK, "a gather is refused");
  return NULL;
}

/* So many threads with a gather each; seconds on the clock and of a processor, of a gather. */
static void time_threads(const subject *s, int n, float *const outs[], double *elapsed, double *busy) {
  pthread_t threads[THREADS];
  share shares[THREADS];
  const double start = seconds_of(CLOCK_MONOTONIC), cpu = cpu_seconds();
  for (int k = 0; k < n; k++) {
    shares[k] = (share){s, s->block, k};
    shares[k].block.out = outs[k];
    require_right(!pthread_create(&threads[k], NULL, denoise_gather, &shares[k]), "a thread does not start");
  }
  for (int k = 0; k < n; k++) pthread_join(threads[k], NULL);
  *elapsed = (seconds_of(CLOCK_MONOTONIC) - start) / n;
  *busy = (cpu_seconds() - cpu) / n;
}

static void compare_threads(figures *f, const float *noisy, float *out) {
  static subject s;
  enum { TURNS = 3 * REPEAT };
  double elapsed[THREADS][TURNS], busy[THREADS][TURNS];
  float *const outs[THREADS] = {out, allocate((size_t)TRACES * SAMPLES)};
  begin_subject(&s, false, noisy, out);
  for (int k = 0; k < TURNS; k++) {
    for (int n = 1; n <= THREADS; n++) time_threads(&s, n, outs, &elapsed[n - 1][k], &busy[n - 1][k]);
  }
  require_right(distance2(outs[0], outs[1]) == 0, "two threads, two results");
  const double one = median(busy[0], TURNS), two = median(busy[1], TURNS);
  figure(f, "2-D, a gather each on two threads, processor", 1e3 * two, "ms", "that on one", two / one);
  const double alone = median(elapsed[0], TURNS), both = median(elapsed[1], TURNS);
  figure(f, "2-D, gathers of two threads, clock", 1 / both, "1/s", "that of one", alone / both);
  sp_free(outs[1]);
  sp_fk_denoise_cpu.destroy(s.plan);
}

int main(int argc, char **argv) {
  const size_t n = (size_t)TRACES * SAMPLES;
  float *clean = allocate(n), *noisy = allocate(n), *out = allocate(n);
  figures f = figures_begin("fk_denoise", argc > 1 && !strcmp(argv[1], "--json"));
  fill(clean, noisy);
  compare(&f, "3000 x 1600, windows of 24 x 12", false, REPEAT, clean, noisy, out);
  compare(&f, "50 x 60 x 1600, windows of 24 x 12 x 12", true, 1, clean, noisy, out);
  compare_threads(&f, noisy, out);
  figures_end(&f);
  sp_free(clean);
  sp_free(noisy);
  sp_free(out);
  return 0;
}
