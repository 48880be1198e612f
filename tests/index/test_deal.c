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

static void check_range(const sp_gather_index *index, const sp_deal_config *config, const sp_range *range,
                        sp_global *next) {
  if (range->n_gathers == 0) {
    assert_int_equal(range->n_traces, 0);
    return;
  }
  while (s.done[*next]) ++*next;
  assert_int_equal(range->first_gather, *next);
  assert_int_equal(range->first_trace, index->first_trace[*next]);
  assert_true(range->n_gathers <= config->max_gathers);
  assert_true(range->n_traces <= config->max_traces);
  for (sp_local i = 0; i < range->n_gathers; i++) assert_int_equal(s.done[*next + i], 0);
  assert_int_equal(range->n_traces, index->first_trace[*next + range->n_gathers] - index->first_trace[*next]);
  *next += range->n_gathers;
}

/* Deals all of `s` and checks that each gather that is not done comes once and in order; returns the rounds. */
static int deal_all(const sp_deal_config *config, uint64_t *seed, bool with_done) {
  sp_gather_index *index = index_of_sizes(s.traces, s.n);
  assert_non_null(index);
  sp_dealer *dealer;
  assert_int_equal(sp_dealer_create(index, config, with_done ? s.done : NULL, &dealer), SP_SUCCESS);
  sp_global left = 0, traces_left = 0, next = 0;
  for (sp_global g = 0; g < s.n; g++) {
    left += !s.done[g];
    traces_left += s.done[g] ? 0 : s.traces[g];
  }
  sp_range ranges[MAX_WORKERS];
  double speed[MAX_WORKERS] = {0};
  int rounds = 0;
  const uint64_t allocations = sp_alloc_count();
  for (;; rounds++) {
    assert_int_equal(sp_dealer_gathers_left(dealer), left);
    assert_int_equal(sp_dealer_traces_left(dealer), traces_left);
    const bool dealt = sp_dealer_next(dealer, rounds ? speed : NULL, ranges);
    sp_global in_round = 0;
    for (int w = 0; w < config->n_workers; w++) {
      check_range(index, config, &ranges[w], &next);
      in_round += ranges[w].n_gathers;
      traces_left -= ranges[w].n_traces;
      speed[w] = rounds % 3 == 1 ? 0 : exp(8 * random_unit(seed)) * 1000; /* wild speeds do no harm */
    }
    assert_int_equal(dealt, in_round > 0);
    left -= in_round;
    if (!dealt) break;
  }
  assert_int_equal(sp_alloc_count(), allocations);
  assert_int_equal(left, 0);
  assert_int_equal(traces_left, 0);
  assert_false(sp_dealer_next(dealer, speed, ranges));
  sp_dealer_destroy(dealer);
  sp_gather_index_destroy(index);
  return rounds;
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
                                   .max_traces = largest + (sp_local)(random_bits(&seed) % 3) * 150,
                                   .max_gathers = (sp_local)(1 + random_bits(&seed) % 20),
                                   .min_traces = (sp_local)(random_bits(&seed) % 3) * 100};
    deal_all(&config, &seed, done_kind != 0);
  }
}

static void gathers_without_traces_are_dealt(void **state) {
  uint64_t seed = 2;
  memset(&s, 0, sizeof s);
  s.n = 1000;
  const sp_deal_config config = {.n_workers = 3, .max_traces = 10, .max_gathers = 16, .min_traces = 0};
  assert_int_equal(deal_all(&config, &seed, false), (1000 + 3 * 16 - 1) / (3 * 16));
  s.traces[999] = 10;
  deal_all(&config, &seed, false);
  s.traces[999] = 0;
  s.traces[0] = 10;
  deal_all(&config, &seed, false);
  s.n = 0;
  assert_int_equal(deal_all(&config, &seed, false), 0);
}

static void one_gather_goes_in_one_round(void **state) {
  uint64_t seed = 3;
  memset(&s, 0, sizeof s);
  s.n = 1;
  s.traces[0] = 77;
  for (int n_workers = 1; n_workers <= MAX_WORKERS; n_workers++) {
    const sp_deal_config config = {
        .n_workers = n_workers, .max_traces = 77, .max_gathers = 1, .min_traces = (sp_local)n_workers % 2 * 77};
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
  assert_int_equal(sp_dealer_create(index, &(sp_deal_config){1, 19, 1, 0}, NULL, &dealer), SP_ERR_USAGE);
  assert_int_equal(sp_dealer_create(index, &(sp_deal_config){0, 20, 1, 0}, NULL, &dealer), SP_ERR_USAGE);
  assert_int_equal(sp_dealer_create(index, &(sp_deal_config){1, 20, 0, 0}, NULL, &dealer), SP_ERR_USAGE);
  sp_log_set_stream(NULL);
  fclose(stream);
  assert_null(dealer);
  assert_non_null(strstr(lines, "19 traces cannot hold the largest gather, which has 20"));
  sp_gather_index_destroy(index);
}

/* Workers as the pipeline has them: rounds are read in lockstep into two input buffers, dealt one round ahead of the
 * reading, with speeds as measured by then. */
typedef struct simulation {
  int n_workers;
  const double *speed;        /* true, traces a second */
  double jitter;              /* each range takes up to this share more or less */
  sp_local max_traces;        /* of a range */
  double last_range;          /* largest range of the last round, as a share of max_traces */
  double makespan, ideal;     /* s */
  int rounds, rounds_at_most; /* at_most: if ranges were three quarters full, but for 12 rounds */
} simulation;

static void compute_round(simulation *sim, const sp_range *ranges, double *end, double *measured, double free_from,
                          uint64_t *seed) {
  for (int w = 0; w < sim->n_workers; w++) {
    if (ranges[w].n_gathers == 0) continue;
    const double seconds = ranges[w].n_traces / sim->speed[w] * (1 + sim->jitter * (2 * random_unit(seed) - 1));
    end[w] = fmax(end[w], free_from) + seconds;
    measured[w] = ranges[w].n_traces / seconds;
    sim->makespan = fmax(sim->makespan, end[w]);
    sim->last_range = fmax(sim->last_range, (double)ranges[w].n_traces / sim->max_traces);
  }
}

static void simulate(simulation *sim, uint64_t seed) {
  sp_gather_index *index = index_of_sizes(s.traces, s.n);
  const sp_deal_config config = {sim->n_workers, sim->max_traces, 4096, sim->max_traces / 16};
  sp_dealer *dealer;
  assert_int_equal(sp_dealer_create(index, &config, NULL, &dealer), SP_SUCCESS);
  double measured[MAX_WORKERS] = {0}, known[MAX_WORKERS] = {0}, end[MAX_WORKERS] = {0}, sum = 0, fastest = 0;
  double last = 0, last_but_one = 0;
  sp_range ranges[MAX_WORKERS];
  sim->rounds = 0;
  sim->makespan = 0;
  for (; sp_dealer_next(dealer, known, ranges); sim->rounds++) {
    memcpy(known, measured, sizeof known);
    sim->last_range = 0;
    compute_round(sim, ranges, end, measured, last_but_one, &seed);
    last_but_one = last;
    last = sim->makespan;
  }
  for (int w = 0; w < sim->n_workers; w++) {
    sum += sim->speed[w];
    fastest = fmax(fastest, sim->speed[w]);
  }
  sim->ideal = fmax((double)index->n_traces / sum, index->max_traces / fastest);
  sim->rounds_at_most = 12 + (int)((double)index->n_traces * fastest / sum / sim->max_traces / 0.75);
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
    simulation sim = {.n_workers = n, .speed = speed, .max_traces = 6 * 3156};
    simulate(&sim, seed);
    assert_together(&sim, 1.015);
    assert_true(sim.rounds <= sim.rounds_at_most);
    assert_true(sim.last_range < 0.75);
    /* a slab that holds little more than the largest gather */
    sim.max_traces = 2 * 3156;
    simulate(&sim, seed);
    assert_together(&sim, 1.03);
    /* speeds that are not what they were */
    sim.max_traces = 6 * 3156;
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
    simulation sim = {.n_workers = n, .speed = speed, .max_traces = 12 * 3156};
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
      simulation sim = {.n_workers = n, .speed = speed, .max_traces = 50 * 3156};
      simulate(&sim, seed);
      assert_together(&sim, n <= 8 ? 1.03 : 1.08);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_gather_once_in_order),     cmocka_unit_test(gathers_without_traces_are_dealt),
      cmocka_unit_test(one_gather_goes_in_one_round),   cmocka_unit_test(refuses_a_config_that_cannot_work),
      cmocka_unit_test(equal_workers_finish_together),  cmocka_unit_test(unequal_workers_finish_together),
      cmocka_unit_test(a_large_gather_holds_nobody_up),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
