/* SPDX-License-Identifier: BSD-3-Clause */
/* Every processor there is, at its defaults and all in one chain: the same bits for any number of threads, any cut into
 * slabs and any place in one; processed + noise = input to the last rounding. */
/* timeout: 120 */
#include "support.h"

enum { MAX_PROCESSORS = 64 };

static void *params[MAX_PROCESSORS];

static sp_chain_step step_of(size_t i) {
  const sp_processor *p = sp_processor_at(i);
  assert_true(i < MAX_PROCESSORS);
  if (!params[i]) {
    params[i] = calloc(1, p->params_size + 1);
    sp_processor_example(p, params[i]);
  }
  return (sp_chain_step){.processor = p, .params = params[i]};
}

static survey *survey_with_noise(uint32_t n_samples) {
  const sp_local sizes[] = {61, 1, 0, 7, 130, 2, 24, 24};
  survey *s = make_survey(sizes, 8, n_samples, 11);
  s->mode = SP_MODE_BOTH;
  return s;
}

static void check_sum(const survey *s, const product *p) {
  for (size_t i = 0; i < (size_t)s->n_traces * s->n_samples; i++) {
    const float sum = p->traces[i] + p->noise[i];
    const float size = fmaxf(fabsf(s->in[i]), fmaxf(fabsf(p->traces[i]), fabsf(p->noise[i])));
    if (!(fabsf(sum - s->in[i]) <= ldexpf(size, -23))) fail_msg("sample %zu: %g and %g", i, sum, s->in[i]);
  }
}

static void check_chain(survey *s, const char *name) {
  product one = run_survey(SP_ENGINE_CPU, s, 1, 1, s->n_gathers, 0);
  for (sp_local g = 0; g < s->n_gathers; g++) {
    const uint32_t reason = one.results[g].reason;
    assert_true(reason == SP_REASON_OK || reason == SP_REASON_TOO_SHORT || reason == SP_REASON_GEOMETRY);
  }
  check_sum(s, &one);
  const int threads[] = {1, 2, 3, 7};
  for (int i = 0; i < 4; i++) {
    product other = run_survey(SP_ENGINE_CPU, s, threads[i], 2, (sp_local)i + 1, 0);
    assert_same(s, &one, &other, name);
    free_product(&other);
  }
  free_product(&one);
}

static void test_each_processor(void **unused) {
  for (size_t i = 0; sp_processor_at(i); i++) {
    if (sp_processor_at(i)->scope != SP_SCOPE_GATHER) continue;
    survey *s = survey_with_noise(i % 2 ? 700 : 1601);
    s->chain[s->n_steps++] = step_of(i);
    check_chain(s, sp_processor_at(i)->name);
    free_survey(s);
  }
}

/* In chains as long as may be. */
static void test_in_chains(void **unused) {
  for (size_t i = 0; sp_processor_at(i);) {
    survey *s = survey_with_noise(1000);
    for (; sp_processor_at(i) && s->n_steps < MAX_TEST_STEPS; i++) {
      if (sp_processor_at(i)->scope == SP_SCOPE_GATHER) s->chain[s->n_steps++] = step_of(i);
    }
    if (s->n_steps > 0) check_chain(s, "a chain of them");
    free_survey(s);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_processor), cmocka_unit_test(test_in_chains)};
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  for (int i = 0; i < MAX_PROCESSORS; i++) free(params[i]);
  return failed;
}
