/* SPDX-License-Identifier: BSD-3-Clause */
/* The CPU engine gives what a serial reference gives, bit for bit, for random chains, modes, gather sizes, orders,
 * thread counts, and slabs. */
/* timeout: 120 */
#include "support.h"

static const int thread_counts[] = {1, 2, 3, 7};

static step_params random_step(uint64_t *state) {
  static const uint32_t blocks[] = {1, 2, 5, 16, 64, 100};
  return (step_params){.locality = (sp_locality)random_below(state, 3),
                       .block_traces = blocks[random_below(state, 6)],
                       .gain = 0.25f + 0.5f * random_sample(state)};
}

/* Sizes of several kinds: alike, tiny, with empty ones, one 50 times the rest. */
static sp_local random_sizes(uint64_t *state, sp_local *sizes, sp_local budget) {
  const uint32_t kind = random_below(state, 4);
  const sp_local n = 1 + random_below(state, 30), mean = budget / n + 1;
  for (sp_local g = 0; g < n; g++) {
    sizes[g] = kind == 1 ? random_below(state, 3) : 1 + random_below(state, 2 * mean);
    if (kind == 2 && random_below(state, 3) == 0) sizes[g] = 0;
    if (kind == 3) sizes[g] = budget / 80 + 1;
  }
  if (kind == 3) sizes[random_below(state, n)] = (budget / 80 + 1) * 50;
  return n;
}

/* The last step, which undoes another, and step k, which then comes last, change places. */
static void swap_with_last(survey *s, size_t k) {
  const size_t last = s->n_steps - 1;
  const sp_chain_step step = s->chain[k];
  const step_params params = s->params[k];
  s->chain[k] = s->chain[last];
  s->params[k] = s->params[last];
  s->chain[last] = step;
  s->params[last] = params;
  s->chain[last].params = &s->params[last];
}

static survey *random_survey(uint64_t *state) {
  static const uint32_t lengths[] = {1, 7, 64, 1000, 1601, 20000};
  const uint32_t n_samples = lengths[random_below(state, 6)];
  sp_local sizes[MAX_TEST_GATHERS];
  const sp_local budget = 200000 / n_samples < 700 ? 200000 / n_samples : 700;
  const sp_local n = random_sizes(state, sizes, budget);
  survey *s = make_survey(sizes, n, n_samples, random_bits(state));
  const uint32_t n_steps = 1 + random_below(state, 5);
  const bool cdp_first = random_below(state, 2);
  for (uint32_t k = 0; k < n_steps; k++) add_step(s, cdp_first == (k == 0) ? &by_cdp : &by_offset, random_step(state));
  if (random_below(state, 2)) {
    const uint32_t undone = random_below(state, n_steps);
    s->params[undone].keeps = true;
    add_undo(s, undone);
    if (undone + 1 < n_steps) swap_with_last(s, undone + 1 + random_below(state, n_steps - undone - 1));
  }
  s->mode = (sp_mode)random_below(state, 3);
  if (random_below(state, 3) == 0) shuffle_gathers(s, random_bits(state));
  return s;
}

static void test_random_surveys(void **unused) {
  uint64_t state = 1;
  for (int i = 0; i < 150; i++) {
    survey *s = random_survey(&state);
    const int threads = thread_counts[random_below(&state, 4)], slabs = 1 + (int)random_below(&state, 3);
    check_survey(SP_ENGINE_CPU, s, threads, slabs, 0, random_bits(&state));
    free_survey(s);
  }
}

/* Every locality first, last and in between, in every mode, with every instruction set there is. */
static void test_every_chain_of_three(void **unused) {
  static const char *const isas[] = {"portable", "avx2", "avx512"};
  const sp_local sizes[] = {150, 0, 1, 333, 2, 40};
  for (int code = 0; code < 81; code++) {
    survey *s = make_survey(sizes, 6, 300, (uint64_t)code);
    for (int k = 0, rest = code / 3; k < 3; k++, rest /= 3) {
      add_step(s, &by_offset, (step_params){.locality = (sp_locality)(rest % 3), .block_traces = 20, .gain = 0.5f});
    }
    s->mode = (sp_mode)(code % 3);
    setenv("SEISPROC_ISA", isas[code / 3 % 3], 1);
    check_survey(SP_ENGINE_CPU, s, thread_counts[code % 4], 1 + code % 3, 1 + (sp_local)code % 4, 0);
    free_survey(s);
  }
  unsetenv("SEISPROC_ISA");
}

/* One gather of 50 times the others' traces, in slabs that hold it alone or with others. */
static void test_gather_of_fifty_others(void **unused) {
  sp_local sizes[40];
  for (int g = 0; g < 40; g++) sizes[g] = g == 17 ? 1000 : 20;
  survey *s = make_survey(sizes, 40, 200, 5);
  add_step(s, &by_offset, (step_params){.locality = SP_LOCAL_BLOCK, .block_traces = 30, .gain = 0.5f});
  add_step(s, &by_cdp, (step_params){.locality = SP_LOCAL_BLOCK, .block_traces = 7, .gain = 0.5f});
  s->mode = SP_MODE_BOTH;
  for (int t = 0; t < 4; t++) {
    check_survey(SP_ENGINE_CPU, s, thread_counts[t], 2, 1, 0);
    check_survey(SP_ENGINE_CPU, s, thread_counts[t], 2, 11, 0);
    check_survey(SP_ENGINE_CPU, s, thread_counts[t], 1, 40, 0);
  }
  free_survey(s);
}

/* Steps that sleep let many more threads than cores meet in every order. */
static void test_slow_steps_and_many_threads(void **unused) {
  const sp_local sizes[] = {40, 3, 25, 60, 1, 9, 33};
  survey *s = make_survey(sizes, 7, 17000, 8);
  for (int k = 0; k < 3; k++) {
    add_step(s, &by_offset, (step_params){.locality = SP_LOCAL_BLOCK, .block_traces = 1, .gain = 0.5f, .micros = 50});
  }
  for (sp_local cut = 1; cut < 4; cut++) check_survey(SP_ENGINE_CPU, s, MAX_TEST_THREADS, 3, cut, cut);
  free_survey(s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_random_surveys),
      cmocka_unit_test(test_every_chain_of_three),
      cmocka_unit_test(test_gather_of_fifty_others),
      cmocka_unit_test(test_slow_steps_and_many_threads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
