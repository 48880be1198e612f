/* SPDX-License-Identifier: BSD-3-Clause */
/* Prestack time migration on the CPU: contributions a second (pstm_case.h says of what), beside the plain loop.
 *
 *   pstm [--threads N] [--seconds S]
 *
 * What is timed is compared with the plain loop in double precision, which reads the same bank. Times are processor
 * times of the busiest thread in sp_pstm_add alone; the preparation of a trace has its own figure. SEISPROC_ISA chooses
 * the instruction set.
 */
#include <argp.h>
#include <math.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "kernels/pstm/cpu.h"
#include "perf/bench.h"
#include "perf/pstm_case.h"
#include "seisproc/clock.h"
#include "seisproc/memory.h"

enum { COLUMNS = 96, MAX_THREADS = 64, CHECKED = 3, MAX_RUNS = 200 };

typedef struct bench {
  pstm_case c;
  sp_pstm_sums sums;
  uint64_t contributions;
} bench;

typedef struct settings {
  int threads;
  double seconds;
} settings;

static void *allocate(size_t n, size_t size) {
  void *block;
  require(sp_calloc(n, size, "the bench", &block));
  return block;
}

/* Compares columns; returns contributions a second of the plain loop. */
static double check(const bench *b) {
  const pstm_case *k = &b->c;
  sp_pstm_filter *filter;
  const size_t row = sp_pstm_bank_row(&k->config);
  float *bank = allocate(row * sp_pstm_bank_rows(&k->config), sizeof(float));
  double *sum = allocate((size_t)CHECKED * CASE_TAU, sizeof(double)), seconds = 0, error = 0, norm = 0;
  uint64_t pairs = 0;
  require(sp_pstm_filter_create(&k->config, 1, &filter));
  for (int i = 0; i < SP_PSTM_BATCH; i++) {
    sp_pstm_filter_trace(filter, 0, k->samples + (size_t)i * CASE_SAMPLES);
    sp_pstm_filter_bank(filter, 0, bank);
    const double from = sp_now();
    for (int c = 0; c < CHECKED; c++) {
      const double x = 25.0 * (c * COLUMNS / CHECKED);
      case_plain(k, &k->traces[i], x, 0, bank, row, sum + (size_t)c * CASE_TAU);
      pairs += case_reaches(k, &k->traces[i], x, 0) ? CASE_TAU : 0;
    }
    seconds += sp_now() - from;
  }
  for (size_t i = 0; i < CHECKED * CASE_TAU; i++) {
    const size_t column = i / CASE_TAU * COLUMNS / CHECKED;
    error += pow(ldexp((double)b->sums.sum[column * CASE_TAU + i % CASE_TAU], -b->sums.shift) - sum[i], 2);
    norm += sum[i] * sum[i];
  }
  sp_pstm_filter_destroy(filter);
  sp_free(bank);
  sp_free(sum);
  printf("relative difference from the plain loop in double precision: %.1e\n", sqrt(error / norm));
  require_right(sqrt(error / norm) < 1e-4, "the image of a batch");
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
    require_right(sp_pstm_add(w->p, w->thread, i, &w->b->sums) == 0, "no overflow");
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
    require_right(pthread_create(&ids[i], NULL, work, &workers[i]) == 0, "a thread starts");
  }
  for (int i = 0; i < threads; i++) {
    pthread_join(ids[i], NULL);
    most = fmax(most, workers[i].seconds);
  }
  return most;
}

static void measure(bench *b, const char *name, const settings *s, bool checked) {
  const size_t n = (size_t)COLUMNS * CASE_TAU;
  const sp_pstm_model model = {.velocity = b->c.velocity};
  double times[MAX_RUNS], plain = 0;
  sp_pstm *p;
  require(sp_pstm_create(&b->c.config, &b->c.tile, &model, s->threads, &p));
  const double from = sp_now();
  for (uint32_t i = 0; i < SP_PSTM_BATCH; i++)
    sp_pstm_prepare(p, 0, i, &b->c.traces[i], b->c.samples + i * CASE_SAMPLES);
  const double prepare = (sp_now() - from) / SP_PSTM_BATCH;
  memset(b->sums.sum, 0, n * sizeof(int64_t));
  memset(b->sums.hits, 0, n * sizeof(uint32_t));
  sp_pstm_sums_scale(&b->c.config, 1000 * SP_PSTM_BATCH, 1e4, 625, 1800, 4, &b->sums);
  run_team(b, p, s->threads);
  uint64_t hits = 0;
  for (size_t i = 0; i < n; i++) hits += b->sums.hits[i];
  if (checked) plain = check(b);
  int runs = 0;
  for (const double start = sp_now(); runs < MAX_RUNS && (runs < 5 || sp_now() - start < s->seconds); runs++) {
    times[runs] = run_team(b, p, s->threads);
  }
  const double rate = (double)b->contributions / median(times, runs);
  printf("%-28s %-8s %d threads %7.3f Gcontributions/s (best %.3f), hits %.0f %%; a trace prepared in %.2f ms", name,
         sp_pstm_isa(p), s->threads, 1e-9 * rate, 1e-9 * (double)b->contributions / times[0],
         100 * (double)hits / (double)b->contributions, 1e3 * prepare);
  if (plain > 0) printf("; plain loop %.4f, ratio %.1f", 1e-9 * plain, rate / plain / s->threads);
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
  require_right(s.threads > 0 && s.threads <= MAX_THREADS, "1 to 64 threads");
  bench *b = allocate(1, sizeof *b);
  case_set_up(&b->c, COLUMNS, 1);
  b->contributions = case_contributions(&b->c);
  b->sums.sum = allocate((size_t)COLUMNS * CASE_TAU, sizeof(int64_t));
  b->sums.hits = allocate((size_t)COLUMNS * CASE_TAU, sizeof(uint32_t));
  measure(b, "anti-alias, tapers, weights", &s, true);
  b->c.config.antialias = false;
  measure(b, "without anti-alias", &s, false);
  b->c.config.max_dip = 90;
  b->c.config.antialias = true;
  measure(b, "anti-alias, no limit on dip", &s, false);
  free(b->c.samples);
  sp_free(b->sums.sum);
  sp_free(b->sums.hits);
  sp_free(b);
  return 0;
}
