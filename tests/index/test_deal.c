/* SPDX-License-Identifier: BSD-3-Clause */
/* Dealing: every gather once and in order whatever the survey, and workers that finish together. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "random_survey.h"
#include "seisproc/deal.h"
#include "seisproc/log.h"

enum { MAX_WORKERS = 64, MAX_GATHERS = 8000 };

typedef struct survey {
  sp_local traces[MAX_GATHERS];
  uint8_t done[MAX_GATHERS];
  sp_global n;
} survey;

static survey s; /* too large for a stack */

static void check_run(const sp_gather_index *index, const sp_deal_config *config, sp_unit_run run, uint8_t *dealt,
                      uint64_t *next) {
  assert_true(run.n <= config->max_units);
  for (uint32_t i = 0; i < run.n; i++) {
    assert_int_equal(s.done[run.first + i], 0);
    assert_int_equal(dealt[run.first + i]++, 0);
  }
  const uint64_t work = index->first_trace[run.first + run.n] - index->first_trace[run.first];
  assert_true(work <= config->max_work);
  const bool alone = run.n == 1; /* as a large gather goes */
  assert_true(alone || run.first >= *next);
  if (!alone) *next = run.first + run.n;
}

/* Deals all of `s`, to workers in any order, and checks that each gather that is not done comes once and in order;
 * returns the number of runs. */
static int deal_all(const sp_deal_config *config_, uint64_t *seed, bool with_done) {
  sp_gather_index *index = index_of_sizes(s.traces, s.n);
  assert_non_null(index);
  sp_deal_config config = *config_;
  config.n_units = s.n;
  sp_dealer *dealer;
  assert_int_equal(sp_dealer_create(&config, index->first_trace, with_done ? s.done : NULL, &dealer), SP_SUCCESS);
  uint64_t left = 0, work_left = 0, next = 0;
  static uint8_t dealt[MAX_GATHERS];
  memset(dealt, 0, sizeof dealt);
  for (sp_global g = 0; g < s.n; g++) {
    left += !s.done[g];
    work_left += s.done[g] ? 0 : s.traces[g];
  }
  double speed[MAX_WORKERS] = {0};
  int runs = 0;
  const uint64_t allocations = sp_alloc_count();
  for (int refused = 0; left && refused < 100 * MAX_WORKERS;) {
    assert_int_equal(sp_dealer_units_left(dealer), left);
    assert_int_equal(sp_dealer_work_left(dealer), work_left);
    const int w = (int)(random_bits(seed) % (uint64_t)config.n_workers);
    const sp_unit_run run = sp_dealer_next(dealer, w, runs ? speed : NULL);
    speed[w] = runs % 3 == 1 ? 0 : exp(8 * random_unit(seed)) * 1000; /* wild speeds do no harm */
    refused = run.n ? 0 : refused + 1;
    if (run.n == 0) continue;
    check_run(index, &config, run, dealt, &next);
    left -= run.n;
    work_left -= index->first_trace[run.first + run.n] - index->first_trace[run.first];
    runs++;
  }
  assert_int_equal(sp_alloc_count(), allocations);
  assert_int_equal(left, 0);
  assert_int_equal(work_left, 0);
  for (int w = 0; w < config.n_workers; w++) assert_int_equal(sp_dealer_next(dealer, w, speed).n, 0);
  sp_dealer_destroy(dealer);
  sp_gather_index_destroy(index);
  return runs;
}

static sp_local largest_of_survey(void) {
  sp_local largest = 0;
  for (sp_global g = 0; g < s.n; g++) largest = s.traces[g] > largest ? s.traces[g] : largest;
  return largest;
}

static void every_gather_once_in_order(void **state) {
  uint64_t seed = 1;
  for (int trial = 0; trial < 400; trial++) {
    const int done_kind = trial % 4; /* none, scattered, in blocks, all */
    const bool giant = trial % 5 == 0, empties = trial % 3 == 0;
    s.n = 1 + random_bits(&seed) % (trial % 7 ? 300 : 3);
    bool block = false;
    for (sp_global g = 0; g < s.n; g++) {
      s.traces[g] = empties && random_bits(&seed) % 2 ? 0 : (sp_local)(1 + random_bits(&seed) % 200);
      if (random_bits(&seed) % 10 == 0) block = !block;
      s.done[g] = done_kind == 3 || (done_kind == 2 && block) || (done_kind == 1 && random_bits(&seed) % 2) ? 7 : 0;
    }
    if (giant) s.traces[random_bits(&seed) % s.n] = 5000;
    const sp_local largest = largest_of_survey();
    const sp_deal_config config = {.n_workers =
                                       trial < MAX_WORKERS ? trial + 1 : (int)(1 + random_bits(&seed) % MAX_WORKERS),
                                   .max_work = largest + random_bits(&seed) % 3 * 150,
                                   .max_units = (uint32_t)(1 + random_bits(&seed) % 20),
                                   .min_work = random_bits(&seed) % 3 * 100};
    deal_all(&config, &seed, done_kind != 0);
  }
}

static void gathers_without_traces_are_dealt(void **state) {
  uint64_t seed = 2;
  memset(&s, 0, sizeof s);
  s.n = 1000;
  const sp_deal_config config = {.n_workers = 3, .max_work = 10, .max_units = 16};
  assert_int_equal(deal_all(&config, &seed, false), (1000 + 16 - 1) / 16);
  s.traces[999] = 10;
  deal_all(&config, &seed, false);
  s.traces[999] = 0;
  s.traces[0] = 10;
  deal_all(&config, &seed, false);
  s.n = 0;
  assert_int_equal(deal_all(&config, &seed, false), 0);
}

static void one_gather_goes_in_one_run(void **state) {
  uint64_t seed = 3;
  memset(&s, 0, sizeof s);
  s.n = 1;
  s.traces[0] = 77;
  for (int n_workers = 1; n_workers <= MAX_WORKERS; n_workers++) {
    const sp_deal_config config = {
        .n_workers = n_workers, .max_work = 77, .max_units = 1, .min_work = (uint64_t)n_workers % 2 * 77};
    assert_int_equal(deal_all(&config, &seed, false), 1);
  }
}

static void refuses_a_config_that_cannot_work(void **state) {
  const sp_local traces[] = {10, 20};
  sp_gather_index *index = index_of_sizes(traces, 2);
  sp_dealer *dealer = NULL;
  char lines[2048] = "";
  FILE *stream = fmemopen(lines, sizeof lines, "w");
  sp_log_set_stream(stream);
  static const sp_deal_config wrong[] = {{1, 0, 2, 19, 1, 0}, {0, 0, 2, 20, 1, 0}, {1, 0, 2, 20, 0, 0}};
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    assert_int_equal(sp_dealer_create(&wrong[i], index->first_trace, NULL, &dealer), SP_ERR_USAGE);
  }
  sp_log_set_stream(NULL);
  fclose(stream);
  assert_null(dealer);
  assert_non_null(strstr(lines, "19 traces cannot hold the largest gather, which has 20"));
  sp_gather_index_destroy(index);
}

/* Only a part of the units, as in a phase. */
static void deals_a_part_of_the_units(void **state) {
  const sp_local traces[] = {1000, 20, 30, 40, 1000};
  sp_gather_index *index = index_of_sizes(traces, 5);
  const sp_deal_config config = {.n_workers = 1, .first_unit = 1, .n_units = 3, .max_work = 60, .max_units = 9};
  sp_dealer *dealer;
  assert_int_equal(sp_dealer_create(&config, index->first_trace, NULL, &dealer), SP_SUCCESS);
  assert_int_equal(sp_dealer_work_left(dealer), 90);
  uint64_t next = 1;
  while (sp_dealer_units_left(dealer)) {
    const sp_unit_run run = sp_dealer_next(dealer, 0, NULL);
    assert_int_equal(run.first, next);
    next += run.n;
  }
  assert_int_equal(next, 4);
  sp_dealer_destroy(dealer);
  sp_gather_index_destroy(index);
}

/* Workers as they are dealt to: each holds CREDITS runs, and is given another when it has done one, at the speed that
 * it has shown by then. */
enum { CREDITS = 3 };

typedef struct simulation {
  int n_workers;
  const double *speed;    /* true, traces a second */
  double jitter;          /* each run takes up to this share more or less */
  uint64_t max_work;      /* of a run */
  double makespan, ideal; /* s */
  int runs, runs_at_most; /* at_most: if runs were three quarters full, but for some a worker */
} simulation;

typedef struct simulated_worker {
  double end[CREDITS]; /* s: when what it holds is done, in order */
  uint64_t work[CREDITS];
  int n;
  double last_end;
} simulated_worker;

/* Gives a worker as much as it takes. */
static void fill_up(simulation *sim, sp_dealer *dealer, const sp_gather_index *index, int w, simulated_worker *worker,
                    const double *measured, double now, uint64_t *seed) {
  while (worker->n < CREDITS) {
    const sp_unit_run run = sp_dealer_next(dealer, w, measured);
    if (run.n == 0) return;
    const uint64_t work = index->first_trace[run.first + run.n] - index->first_trace[run.first];
    const double seconds = (double)work / sim->speed[w] * (1 + sim->jitter * (2 * random_unit(seed) - 1));
    worker->last_end = fmax(worker->last_end, now) + seconds;
    worker->end[worker->n] = worker->last_end;
    worker->work[worker->n++] = work;
    sim->makespan = fmax(sim->makespan, worker->last_end);
    sim->runs++;
  }
}

static void simulate(simulation *sim, uint64_t seed) {
  sp_gather_index *index = index_of_sizes(s.traces, s.n);
  const sp_deal_config config = {.n_workers = sim->n_workers,
                                 .n_units = s.n,
                                 .max_work = sim->max_work,
                                 .max_units = 4096,
                                 .min_work = sim->max_work / 16};
  sp_dealer *dealer;
  assert_int_equal(sp_dealer_create(&config, index->first_trace, NULL, &dealer), SP_SUCCESS);
  simulated_worker workers[MAX_WORKERS] = {0};
  double measured[MAX_WORKERS] = {0}, sum = 0, fastest = 0;
  sim->runs = 0;
  sim->makespan = 0;
  double now = 0;
  while (true) {
    for (int w = 0; w < sim->n_workers; w++) fill_up(sim, dealer, index, w, &workers[w], measured, now, &seed);
    int first = -1;
    for (int w = 0; w < sim->n_workers; w++) {
      if (workers[w].n && (first < 0 || workers[w].end[0] < workers[first].end[0])) first = w;
    }
    if (first < 0) break;
    simulated_worker *done = &workers[first];
    now = done->end[0];
    measured[first] = sim->speed[first];
    done->n--;
    memmove(done->end, done->end + 1, sizeof done->end - sizeof done->end[0]);
    memmove(done->work, done->work + 1, sizeof done->work - sizeof done->work[0]);
  }
  assert_int_equal(sp_dealer_units_left(dealer), 0);
  for (int w = 0; w < sim->n_workers; w++) {
    sum += sim->speed[w];
    fastest = fmax(fastest, sim->speed[w]);
  }
  sim->ideal = fmax((double)index->n_traces / sum, index->max_traces / fastest);
  sim->runs_at_most = 24 * sim->n_workers +
                      (int)((double)index->n_traces / (double)sim->max_work / 0.75 * fastest * sim->n_workers / sum);
  sp_dealer_destroy(dealer);
  sp_gather_index_destroy(index);
}

/* The survey to keep in mind: 7,074 uneven gathers, 3,156 traces on the mean. */
static void make_uneven_survey(uint64_t *seed) {
  memset(&s, 0, sizeof s);
  s.n = 7074;
  for (sp_global g = 0; g < s.n; g++) s.traces[g] = (sp_local)(1262 + random_bits(seed) % 3788);
}

static void assert_together(const simulation *sim, double limit) {
  if (sim->makespan > limit * sim->ideal) {
    fail_msg("%d workers take %.3f of the ideal time, at most %.3f is allowed", sim->n_workers,
             sim->makespan / sim->ideal, limit);
  }
}

static void equal_workers_finish_together(void **state) {
  double speed[MAX_WORKERS];
  for (int w = 0; w < MAX_WORKERS; w++) speed[w] = 1e5;
  uint64_t seed = 4;
  make_uneven_survey(&seed);
  for (int n = 1; n <= MAX_WORKERS; n++) {
    simulation sim = {.n_workers = n, .speed = speed, .max_work = 6 * 3156};
    simulate(&sim, seed);
    assert_together(&sim, 1.015);
    assert_true(sim.runs <= sim.runs_at_most);
    /* a slab that holds little more than the largest gather */
    sim.max_work = 2 * 3156;
    simulate(&sim, seed);
    assert_together(&sim, 1.03);
    /* speeds that are not what they were */
    sim.max_work = 6 * 3156;
    sim.jitter = 0.05;
    simulate(&sim, seed);
    assert_together(&sim, 1.05);
  }
}

static void unequal_workers_finish_together(void **state) {
  uint64_t seed = 6;
  make_uneven_survey(&seed);
  for (int n = 2; n <= MAX_WORKERS; n++) {
    double speed[MAX_WORKERS];
    for (int w = 0; w < n; w++) speed[w] = w % 2 ? 1e5 : 4e5;
    simulation sim = {.n_workers = n, .speed = speed, .max_work = 12 * 3156};
    simulate(&sim, seed);
    assert_together(&sim, n <= 16 ? 1.025 : 1.10); /* 64 workers have but 110 gathers each */
    for (int w = 0; w < n; w++) speed[w] = 1e5 * (1 + random_unit(&seed));
    simulate(&sim, seed);
    assert_together(&sim, n <= 16 ? 1.02 : 1.06);
  }
}

static void a_large_gather_holds_nobody_up(void **state) {
  double speed[MAX_WORKERS];
  for (int w = 0; w < MAX_WORKERS; w++) speed[w] = 1e5;
  uint64_t seed = 8;
  const sp_global places[] = {0, 1, 3000, 7072, 7073};
  for (size_t p = 0; p < sizeof places / sizeof *places; p++) {
    make_uneven_survey(&seed);
    s.traces[places[p]] = 50 * 3156;
    for (int n = 1; n <= 32; n++) {
      simulation sim = {.n_workers = n, .speed = speed, .max_work = 50 * 3156};
      simulate(&sim, seed);
      assert_together(&sim, n <= 8 ? 1.03 : 1.08);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_gather_once_in_order),      cmocka_unit_test(gathers_without_traces_are_dealt),
      cmocka_unit_test(one_gather_goes_in_one_run),      cmocka_unit_test(refuses_a_config_that_cannot_work),
      cmocka_unit_test(deals_a_part_of_the_units),       cmocka_unit_test(equal_workers_finish_together),
      cmocka_unit_test(unequal_workers_finish_together), cmocka_unit_test(a_large_gather_holds_nobody_up),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
