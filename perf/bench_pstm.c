/* Prestack time migration on the CPU: contributions a second, beside a plain loop in double precision.
 *
 *   pstm [--threads N] [--seconds S]
 *
 * A contribution is one input trace times one image sample inside the aperture, which holds for every pair counted here
 * whether or not the limit on dip then drops it; `hits` says how many are left. Limits, tapers and weights are on: true
 * amplitudes in 3-D, aperture 2000 m and dip 60 degrees with tapers, velocity that grows with time, random midpoints
 * and azimuths, 1600 samples at 2 ms, 4 x finer. What is timed is compared with the plain loop, which reads the same
 * bank. Times are processor times of the busiest thread in sp_pstm_add alone; the preparation of a trace has its own
 * line. SEISPROC_ISA chooses the instruction set.
 */
#include <argp.h>
#include <math.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "kernels/pstm/cpu.h"
#include "perf/bench.h"
#include "seisproc/memory.h"
#include "seisproc/stats.h"

enum { SAMPLES = 1600, TAU = 1500, COLUMNS = 96, MAX_THREADS = 64, CHECKED = 3, MAX_RUNS = 200 };

static const double INTERVAL = 0.002;

typedef struct bench {
  sp_pstm_config config;
  sp_pstm_tile tile;
  float velocity[TAU];
  sp_pstm_trace traces[SP_PSTM_BATCH];
  float *samples; /* [SP_PSTM_BATCH][SAMPLES] */
  sp_pstm_sums sums;
  uint64_t pairs;
} bench;

typedef struct settings {
  int threads;
  double seconds;
} settings;

static void *take(size_t n, size_t size) {
  void *block;
  must(sp_calloc(n, size, "the bench", &block));
  return block;
}

static void set_up(bench *b) {
  uint64_t state = 7;
  b->config = (sp_pstm_config){
      .grid = {.azimuth = 90, .step = {25, 25}, .n = {COLUMNS, 1}, .tau_0 = INTERVAL, .d_tau = INTERVAL, .n_tau = TAU},
      .n_samples = SAMPLES,
      .interval_s = INTERVAL,
      .oversample = 4,
      .derivative = true,
      .antialias = true,
      .spacing = {25, 25},
      .aperture = 2000,
      .aperture_taper = 0.2,
      .max_dip = 60,
      .dip_taper = 10};
  b->tile = (sp_pstm_tile){{0, 0}, {COLUMNS, 1}};
  b->pairs = 0;
  for (int i = 0; i < TAU; i++) b->velocity[i] = (float)(1800 + 0.7 * i);
  for (int i = 0; i < SP_PSTM_BATCH; i++) {
    const double angle = 2 * M_PI * random_unit(&state), half = 1000 * random_unit(&state);
    const double x = 3000 * random_unit(&state) - 300, y = 3000 * (random_unit(&state) - 0.5);
    const double hx = half * cos(angle), hy = half * sin(angle);
    b->traces[i] = (sp_pstm_trace){{x - hx, y - hy}, {x + hx, y + hy}, 0, 625};
    for (int c = 0; c < COLUMNS; c++) b->pairs += hypot(25 * c - x, y) <= 2000 ? TAU : 0;
  }
  b->samples = take((size_t)SP_PSTM_BATCH * SAMPLES, sizeof(float));
  for (int i = 0; i < SP_PSTM_BATCH * SAMPLES; i++) {
    b->samples[i] = (float)(random_unit(&state) - 0.5) + (i % SAMPLES ? 0.8f * b->samples[i - 1] : 0);
  }
  b->sums.sum = take((size_t)COLUMNS * TAU, sizeof(int64_t));
  b->sums.hits = take((size_t)COLUMNS * TAU, sizeof(uint32_t));
}

/* --- the plain loop ----------------------------------------------------------------------------------------------- */

static double taper(double x) {
  return 0.5 + 0.5 * cos(M_PI * fmin(fmax(x, 0), 1));
}

static double read_bank(const float *bank, size_t row, double index, double k) {
  static const double half[SP_PSTM_LEVELS] = SP_PSTM_HALF_LENGTHS;
  int l = 0;
  while (l < SP_PSTM_LEVELS - 2 && k >= half[l + 1]) l++;
  const double f = (k - half[l]) / (half[l + 1] - half[l]), g = index - floor(index);
  const float *x = bank + (size_t)l * row + 2 * (size_t)index;
  return (1 - g) * ((1 - f) * (double)x[0] + f * (double)x[1]) + g * ((1 - f) * (double)x[2] + f * (double)x[3]);
}

/* One trace, one column: the formulas of kernels/pstm/formula.h with no common terms. */
static void plain_column(const bench *b, const sp_pstm_trace *trace, double column, const float *bank, size_t row,
                         double *sum) {
  const double sx = column - trace->source[0], sy = -trace->source[1];
  const double rx = column - trace->receiver[0], ry = -trace->receiver[1];
  const double distance = hypot(0.5 * (sx + rx), 0.5 * (sy + ry));
  if (distance > 2000) return;
  for (int i = 0; i < TAU; i++) {
    const double tau = (i + 1) * INTERVAL, v = (double)b->velocity[i];
    const double ts = sqrt(tau * tau / 4 + (sx * sx + sy * sy) / (v * v));
    const double tr = sqrt(tau * tau / 4 + (rx * rx + ry * ry) / (v * v));
    const double px = (sx / ts + rx / tr) / (v * v), py = (sy / ts + ry / tr) / (v * v);
    const double dip = atan2(v * hypot(px, py), tau / 2 * (1 / ts + 1 / tr)) * 180 / M_PI;
    const double index = (ts + tr) / INTERVAL * 4;
    if (dip >= 60 || index >= 4 * (SAMPLES - 1)) continue;
    const double k = fmin(fmax(fabs(px), fabs(py)) * 25 / INTERVAL, 64);
    const double w = tau / v * (ts + tr) * (1 / (ts * ts) + 1 / (tr * tr));
    sum[i] +=
        trace->area * w * taper((distance - 1600) / 400) * taper((dip - 50) / 10) * read_bank(bank, row, index, k);
  }
}

/* Compares columns; returns contributions a second of the plain loop. */
static double check(const bench *b) {
  sp_pstm_filter *filter;
  const size_t row = sp_pstm_bank_row(&b->config), floats = row * sp_pstm_bank_rows(&b->config);
  float *bank = take(floats, sizeof(float));
  double *sum = take((size_t)CHECKED * TAU, sizeof(double)), seconds = 0, error = 0, norm = 0;
  uint64_t pairs = 0;
  must(sp_pstm_filter_create(&b->config, 1, &filter));
  for (int i = 0; i < SP_PSTM_BATCH; i++) {
    const sp_pstm_trace *t = &b->traces[i];
    sp_pstm_filter_trace(filter, 0, b->samples + (size_t)i * SAMPLES);
    sp_pstm_filter_bank(filter, 0, bank);
    const double from = sp_now();
    for (int c = 0; c < CHECKED; c++) {
      const double x = 25.0 * (c * COLUMNS / CHECKED);
      plain_column(b, t, x, bank, row, sum + (size_t)c * TAU);
      pairs +=
          hypot(x - 0.5 * (t->source[0] + t->receiver[0]), 0.5 * (t->source[1] + t->receiver[1])) <= 2000 ? TAU : 0;
    }
    seconds += sp_now() - from;
  }
  for (int c = 0; c < CHECKED; c++) {
    for (int i = 0; i < TAU; i++) {
      const double got = ldexp((double)b->sums.sum[(size_t)(c * COLUMNS / CHECKED) * TAU + (size_t)i], -b->sums.shift);
      error += pow(got - sum[(size_t)c * TAU + (size_t)i], 2);
      norm += pow(sum[(size_t)c * TAU + (size_t)i], 2);
    }
  }
  sp_pstm_filter_destroy(filter);
  sp_free(bank);
  sp_free(sum);
  printf("relative difference from the plain loop in double precision: %.1e\n", sqrt(error / norm));
  must_hold(sqrt(error / norm) < 1e-4, "the image of a batch");
  return (double)pairs / seconds;
}

/* --- timing ------------------------------------------------------------------------------------------------------- */

typedef struct worker {
  bench *b;
  sp_pstm *p;
  int thread, threads;
  double seconds; /* of processor time */
} worker;

static double thread_time(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *work(void *argument) {
  worker *w = argument;
  const double from = thread_time();
  for (uint32_t i = (uint32_t)w->thread; i < sp_pstm_blocks(w->p); i += (uint32_t)w->threads) {
    must_hold(sp_pstm_add(w->p, w->thread, i, &w->b->sums) == 0, "no overflow");
  }
  w->seconds = thread_time() - from;
  return NULL;
}

/* Processor seconds of the busiest thread. */
static double run_team(bench *b, sp_pstm *p, int threads) {
  worker workers[MAX_THREADS];
  pthread_t ids[MAX_THREADS];
  double most = 0;
  for (int i = 0; i < threads; i++) {
    workers[i] = (worker){b, p, i, threads, 0};
    must_hold(pthread_create(&ids[i], NULL, work, &workers[i]) == 0, "a thread starts");
  }
  for (int i = 0; i < threads; i++) {
    pthread_join(ids[i], NULL);
    most = fmax(most, workers[i].seconds);
  }
  return most;
}

static void measure(bench *b, const char *name, const settings *s, double must_reach, double stretch, bool checked) {
  const size_t n = (size_t)COLUMNS * TAU;
  const sp_pstm_model model = {.velocity = b->velocity};
  double times[MAX_RUNS], plain = 0;
  sp_pstm *p;
  must(sp_pstm_create(&b->config, &b->tile, &model, s->threads, &p));
  const double from = sp_now();
  for (uint32_t i = 0; i < SP_PSTM_BATCH; i++) sp_pstm_prepare(p, 0, i, &b->traces[i], b->samples + i * SAMPLES);
  const double prepare = (sp_now() - from) / SP_PSTM_BATCH;
  memset(b->sums.sum, 0, n * sizeof(int64_t));
  memset(b->sums.hits, 0, n * sizeof(uint32_t));
  sp_pstm_sums_scale(&b->config, 1000 * SP_PSTM_BATCH, 1e4, 625, 1800, 4, &b->sums);
  run_team(b, p, s->threads);
  uint64_t hits = 0;
  for (size_t i = 0; i < n; i++) hits += b->sums.hits[i];
  if (checked) plain = check(b);
  int runs = 0;
  for (const double start = sp_now(); runs < MAX_RUNS && (runs < 5 || sp_now() - start < s->seconds); runs++) {
    times[runs] = run_team(b, p, s->threads);
  }
  const double rate = (double)b->pairs / median(times, runs);
  printf("%-28s %-8s %d threads %7.3f Gcontributions/s (best %.3f), hits %.0f %%; a trace prepared in %.2f ms", name,
         sp_pstm_isa(p), s->threads, 1e-9 * rate, 1e-9 * (double)b->pairs / times[0],
         100 * (double)hits / (double)b->pairs, 1e3 * prepare);
  if (plain > 0) printf("; plain loop %.4f, ratio %.1f", 1e-9 * plain, rate / plain / s->threads);
  if (must_reach > 0) printf("; must %.2f, stretch %.2f a core", must_reach, stretch);
  printf("\n");
  sp_pstm_destroy(p);
}

static error_t parse_option(int key, char *value, struct argp_state *state) {
  settings *s = state->input;
  if (key == 't') s->threads = atoi(value);
  if (key == 's') s->seconds = atof(value);
  return key == 't' || key == 's' ? 0 : ARGP_ERR_UNKNOWN;
}

int main(int argc, char **argv) {
  static const struct argp_option options[] = {
      {"threads", 't', "N", 0, "threads (1)", 0}, {"seconds", 's', "S", 0, "to time a case for (2)", 0}, {0}};
  static const struct argp argp = {options, parse_option, NULL, NULL, NULL, NULL, NULL};
  settings s = {1, 2};
  argp_parse(&argp, argc, argv, 0, NULL, &s);
  must_hold(s.threads > 0 && s.threads <= MAX_THREADS, "1 to 64 threads");
  bench *b = take(1, sizeof *b);
  set_up(b);
  measure(b, "anti-alias, tapers, weights", &s, 0.30, 0.45, true);
  b->config.antialias = false;
  measure(b, "without anti-alias", &s, 0, 0, false);
  b->config.max_dip = 90;
  b->config.antialias = true;
  measure(b, "anti-alias, no limit on dip", &s, 0, 0, false);
  sp_free(b->samples);
  sp_free(b->sums.sum);
  sp_free(b->sums.hits);
  sp_free(b);
  return 0;
}
