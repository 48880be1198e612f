/* SPDX-License-Identifier: BSD-3-Clause */
/* The coordinator's data: an index of 7,074 gathers and 22,324,543 traces in a survey file, its loading, its memory,
 * dealing the whole survey, and sorting a gather.
 *
 *   index [--json] [--dir DIR] [--repeat N]
 *
 * Times are medians of N repetitions after one that is not counted. What is timed is checked: the index read is the one
 * written, all traces are dealt once, the order is that of the reference. The survey file is as large as the survey
 * would be (143 GB), but only its index is written: the rest is a hole.
 */
#include <argp.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "perf/bench.h"
#include "seisproc/clock.h"
#include "seisproc/deal.h"
#include "seisproc/dist.h"
#include "seisproc/memory.h"
#include "seisproc/survey_file.h"
#include "seisproc/trace_sort.h"
#include "tests/store/small_survey.h"

enum { GATHERS = 7074, TRACES = 22324543, SAMPLES = 1600, MAX_WORKERS = 64, SLAB_TRACES = 6 * 3156 };

typedef struct settings {
  bool json;
  const char *dir;
  int repeat;
  char path[4096];
} settings;

typedef struct times {
  double seconds[BENCH_MAX_REPEAT];
  int n;
} times;

/* The first repetition is a warm-up. */
static void add_time(times *t, int repetition, double seconds) {
  if (repetition > 0) t->seconds[t->n++] = seconds;
}

static sp_global *make_first_trace(void) {
  void *block;
  require(sp_alloc((GATHERS + 1) * sizeof(sp_global), "the index", &block));
  sp_global *first = block, at = 0;
  uint64_t state = 1;
  for (int g = 0; g < GATHERS; g++) {
    first[g] = at;
    at += (sp_global)((double)TRACES / GATHERS * (0.4 + 1.2 * random_unit(&state)));
  }
  /* stretched to end where the survey does */
  for (int g = 0; g < GATHERS; g++) first[g] = (sp_global)((double)first[g] * TRACES / (double)at);
  first[GATHERS] = TRACES;
  return first;
}

static void write_survey(const settings *s, const sp_global *first_trace) {
  const sp_survey_info info = small_survey_info(TRACES, GATHERS, SAMPLES);
  const sp_dataset_spec datasets[] = {{"/headers/offset", SP_INT32, TRACES, 0, "m"},
                                      {"/gathers/first_trace", SP_UINT64, GATHERS + 1, 0, NULL},
                                      {"/gathers/key", SP_INT64, GATHERS, 0, NULL},
                                      {"/traces", SP_FLOAT32, TRACES, SAMPLES, NULL}};
  sp_survey *survey;
  sp_dataset *dataset;
  int64_t key[GATHERS];
  for (int g = 0; g < GATHERS; g++) key[g] = 1000 + g;
  require(sp_survey_create(s->path, &info, datasets, 4, NULL, 0));
  require(sp_survey_open(MPI_COMM_NULL, s->path, true, &survey));
  require(sp_dataset_open(survey, "/gathers/first_trace", &dataset));
  require(sp_dataset_write(dataset, 0, GATHERS + 1, first_trace));
  sp_dataset_close(dataset);
  require(sp_dataset_open(survey, "/gathers/key", &dataset));
  require(sp_dataset_write(dataset, 0, GATHERS, key));
  sp_dataset_close(dataset);
  require(sp_survey_sync(survey));
  sp_survey_close(survey);
}

static sp_gather_index *load(const settings *s) {
  sp_survey *survey;
  sp_gather_index *index;
  require(sp_survey_open(MPI_COMM_NULL, s->path, false, &survey));
  require(sp_survey_read_index(survey, true, &index));
  sp_survey_close(survey);
  return index;
}

static void check_index(const sp_gather_index *index, const sp_global *first_trace) {
  require_right(index->n_gathers == GATHERS && index->n_traces == TRACES, "the index's size");
  require_right(!memcmp(index->first_trace, first_trace, (GATHERS + 1) * sizeof *first_trace), "the index's traces");
  for (int g = 0; g < GATHERS; g++) require_right(index->key[g] == 1000 + g, "the index's keys");
}

static double time_load(const settings *s, const sp_global *first_trace, bool cold) {
  static times t;
  t.n = 0;
  for (int i = 0; i <= s->repeat; i++) {
    if (cold) {
      const int fd = open(s->path, O_RDONLY | O_CLOEXEC);
      require_right(fd >= 0 && posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0, "dropping the file's cache");
      close(fd);
    }
    const double start = sp_now();
    sp_gather_index *index = load(s);
    add_time(&t, i, sp_now() - start);
    check_index(index, first_trace);
    sp_gather_index_destroy(index);
  }
  return median(t.seconds, t.n);
}

/* The same bytes read without HDF5. */
static double time_plain_read(const settings *s) {
  static times t;
  static char bytes[(2 * GATHERS + 1) * 8];
  sp_survey *survey;
  sp_dataset *dataset;
  require(sp_survey_open(MPI_COMM_NULL, s->path, false, &survey));
  require(sp_dataset_open(survey, "/gathers/first_trace", &dataset));
  const off_t offset = (off_t)sp_dataset_file_offset(dataset);
  sp_dataset_close(dataset);
  sp_survey_close(survey);
  t.n = 0;
  for (int i = 0; i <= s->repeat; i++) {
    const double start = sp_now();
    const int fd = open(s->path, O_RDONLY | O_CLOEXEC);
    const ssize_t n = pread(fd, bytes, sizeof bytes, offset);
    close(fd);
    add_time(&t, i, sp_now() - start);
    require_right(n == (ssize_t)sizeof bytes, "a plain read");
  }
  return median(t.seconds, t.n);
}

/* Deals the whole survey to workers of equal speed, each in its turn; how even it is, as the time of the slowest over
 * the mean. */
static double deal_all(const sp_gather_index *index, int n_workers, int *runs, double *seconds) {
  const sp_deal_config config = {.n_workers = n_workers,
                                 .n_units = index->n_gathers,
                                 .max_work = SLAB_TRACES,
                                 .max_units = 4096,
                                 .min_work = SLAB_TRACES / 16};
  double speed[MAX_WORKERS], load_of[MAX_WORKERS] = {0};
  sp_dealer *dealer;
  for (int w = 0; w < n_workers; w++) speed[w] = 1e5;
  *runs = 0;
  const double start = sp_now();
  require(sp_dealer_create(&config, index->first_trace, NULL, &dealer));
  while (sp_dealer_units_left(dealer)) {
    int next = 0; /* whoever is done first asks first */
    for (int w = 1; w < n_workers; w++) next = load_of[w] < load_of[next] ? w : next;
    const sp_unit_run run = sp_dealer_next(dealer, next, ++*runs > 2 * n_workers ? speed : NULL);
    load_of[next] += (double)(index->first_trace[run.first + run.n] - index->first_trace[run.first]);
  }
  *seconds = sp_now() - start;
  sp_dealer_destroy(dealer);
  double most = 0, sum = 0;
  for (int w = 0; w < n_workers; w++) {
    most = fmax(most, load_of[w]);
    sum += load_of[w];
  }
  require_right(sum == TRACES, "traces dealt");
  return most * n_workers / sum;
}

static double time_deal(const settings *s, const sp_gather_index *index, int n_workers, int *runs, double *even) {
  static times t;
  t.n = 0;
  for (int i = 0; i <= s->repeat; i++) {
    double seconds;
    *even = deal_all(index, n_workers, runs, &seconds);
    add_time(&t, i, seconds);
  }
  return median(t.seconds, t.n);
}

static int by_key(const void *a, const void *b, void *context) {
  const double *key = context;
  const sp_local x = *(const sp_local *)a, y = *(const sp_local *)b;
  if (key[x] != key[y]) return key[x] < key[y] ? -1 : 1;
  return x < y ? -1 : x > y;
}

/* Sorts a gather by offset; the reference is the C library's qsort_r. */
static double time_sort(const settings *s, double *reference) {
  enum { N = 3156 };
  static double key[N];
  static sp_local order[N], scratch[N], expected[N];
  static times ours, theirs;
  uint64_t state = 3;
  for (int i = 0; i < N; i++) key[i] = floor(3000 * random_unit(&state));
  const double *const keys[] = {key};
  ours.n = theirs.n = 0;
  for (int i = 0; i <= s->repeat; i++) {
    double start = sp_now();
    sp_trace_sort(keys, 1, N, order, scratch);
    add_time(&ours, i, sp_now() - start);
    start = sp_now();
    for (sp_local k = 0; k < N; k++) expected[k] = k;
    qsort_r(expected, N, sizeof *expected, by_key, key);
    add_time(&theirs, i, sp_now() - start);
    require_right(!memcmp(order, expected, sizeof order), "the order of a gather");
  }
  *reference = median(theirs.seconds, theirs.n);
  return median(ours.seconds, ours.n);
}

/* --- output ---------------------------------------------------------------------------------------------------- */

static void print_dealing(const settings *s, figures *f, const sp_gather_index *index) {
  static const int workers[] = {1, 8, 64};
  for (size_t i = 0; i < sizeof workers / sizeof *workers; i++) {
    int runs = 0;
    double even = 0;
    char name[64];
    const double seconds = time_deal(s, index, workers[i], &runs, &even);
    snprintf(name, sizeof name, "dealing a task, %d workers", workers[i]);
    figure(f, name, 1e6 * seconds / runs, "us", "1 ms", seconds / runs / 1e-3);
    snprintf(name, sizeof name, "most loaded of %d workers", workers[i]);
    figure(f, name, even * TRACES / workers[i], "traces", "the mean", even);
  }
}

static void run(const settings *s) {
  sp_global *first_trace = make_first_trace();
  write_survey(s, first_trace);
  const double cached = time_load(s, first_trace, false), cold = time_load(s, first_trace, true);
  const double plain = time_plain_read(s);
  sp_gather_index *index = load(s);
  figures f = figures_begin("index", s->json);
  figure(&f, "index load", 1e3 * cached, "ms", "0.2 s", cached / 0.2);
  figure(&f, "index load, file not cached", 1e3 * cold, "ms", "0.2 s", cold / 0.2);
  figure(&f, "index load", 1e3 * cached, "ms", "a plain read of its bytes", cached / plain);
  print_dealing(s, &f, index);
  double reference;
  const double sort = time_sort(s, &reference);
  figure(&f, "sorting 3156 traces", 1e6 * sort, "us", "qsort_r", sort / reference);
  /* MPI, HDF5 and the index, as the coordinator holds them */
  const double bytes = (double)sp_peak_rss();
  figure(&f, "peak memory", 1e-6 * bytes, "MB", "200 MB", bytes / 200e6);
  figures_end(&f);
  sp_gather_index_destroy(index);
  sp_free(first_trace);
}

static error_t parse_option(int key, char *value, struct argp_state *state) {
  settings *s = state->input;
  switch (key) {
  case 'j':
    s->json = true;
    return 0;
  case 'd':
    s->dir = value;
    return 0;
  case 'r':
    s->repeat = atoi(value);
    if (s->repeat < 1 || s->repeat > BENCH_MAX_REPEAT) argp_error(state, "--repeat: from 1 to %d", BENCH_MAX_REPEAT);
    return 0;
  default:
    return ARGP_ERR_UNKNOWN;
  }
}

int main(int argc, char **argv) {
  static const struct argp_option options[] = {
      {"json", 'j', NULL, 0, "One JSON object", 0},
      {"dir", 'd', "DIR", 0, "Where the survey file is made ($TMPDIR, or /tmp)", 0},
      {"repeat", 'r', "N", 0, "Repetitions (31)", 0},
      {0},
  };
  static const struct argp argp = {options, parse_option, NULL, "Times loading the gather index, dealing and sorting.",
                                   NULL,    NULL,         NULL};
  settings s = {.repeat = 31, .dir = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp"};
  argp_parse(&argp, argc, argv, 0, NULL, &s);
  require(sp_comm_start(&argc, &argv));
  snprintf(s.path, sizeof s.path, "%s/seisproc-bench-index-%d.h5", s.dir, (int)getpid());
  run(&s);
  unlink(s.path);
  sp_comm_finish();
  return 0;
}
