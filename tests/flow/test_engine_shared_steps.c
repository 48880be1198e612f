/* SPDX-License-Identifier: BSD-3-Clause */
/* Steps that several chains begin with are computed once: rows that went through them are counted, and what comes out
 * is, to the bit, what each chain makes by itself. */
/* timeout: 120 */
/* may warn */
#include "support.h"

/* --- steps that count the rows that they compute ------------------------------------------------------------------ */

static atomic_ulong rows_computed;

typedef struct counted_params {
  step_params step; /* first: what step_apply and the reference look at */
  bool edits;       /* traces whose first header is larger than 30 become zero, samples that are not finite, too */
  bool takes_dead;
} counted_params;

static sp_reason counted_apply(const sp_plan *base, int thread, const sp_block *b) {
  const step_plan *p = (const step_plan *)base;
  const size_t n = p->geometry.n_samples;
  atomic_fetch_add(&rows_computed, b->count);
  if (!base->edits) return step_apply(base, thread, b);
  for (size_t i = b->first; i < (size_t)b->first + b->count; i++) {
    for (size_t j = i * n; j < (i + 1) * n; j++) {
      b->out[j] = b->headers[0][i] > 30 || !isfinite(b->in[j]) ? 0 : 0.75f * b->in[j];
    }
  }
  return SP_REASON_OK;
}

static sp_status counted_plan(const void *params, const sp_geometry *geometry, sp_plan **out);

static const sp_cpu_ops counted_ops = {counted_plan, counted_apply, step_destroy};

static sp_status counted_plan(const void *params, const sp_geometry *geometry, sp_plan **out) {
  const counted_params *p = params;
  step_make_plan(&p->step, geometry, out);
  (*out)->ops = &counted_ops;
  (*out)->edits = p->edits;
  (*out)->takes_dead = p->takes_dead;
  return SP_SUCCESS;
}

static const sp_processor counted = {
    .name = "counted", .headers = {"offset", NULL}, .cpu = &counted_ops, .undo = step_undo};

/* --- surveys ------------------------------------------------------------------------------------------------------ */

enum { SAMPLES = 200, MAX_SHARED = 4 };

typedef struct head {
  const char *name;
  size_t n;
  counted_params step[MAX_SHARED];
  size_t undoes; /* number of the step that the last one takes back, from 1; 0: none */
} head;

#define BY_TRACE                                                                                                       \
  { .locality = SP_LOCAL_TRACE, .block_traces = 3, .gain = 0.5f }
#define BY_BLOCK                                                                                                       \
  { .locality = SP_LOCAL_BLOCK, .block_traces = 5, .gain = 0.5f }
#define BY_GATHER                                                                                                      \
  { .locality = SP_LOCAL_GATHER, .block_traces = 1, .gain = 0.5f }
#define KEEPS                                                                                                          \
  { .locality = SP_LOCAL_TRACE, .block_traces = 3, .gain = 0.5f, .keeps = true }

static const head heads[] = {
    {"by trace", 1, {{.step = BY_TRACE}}, 0},
    {"neighbours, by trace", 2, {{.step = BY_BLOCK}, {.step = BY_TRACE}}, 0},
    {"an edit", 1, {{.step = BY_TRACE, .edits = true}}, 0},
    {"an edit of gathers, a gather", 2, {{.step = BY_GATHER, .edits = true}, {.step = BY_GATHER}}, 0},
    {"an edit, neighbours, dead ones too",
     3,
     {{.step = BY_TRACE, .edits = true}, {.step = BY_BLOCK}, {.step = BY_GATHER, .takes_dead = true}},
     0},
    {"undone before the end", 3, {{.step = BY_BLOCK}, {.step = KEEPS}, {.step = KEEPS}}, 2},
};

/* What comes after the shared steps: values that a sweep would try, also such that change how the chain is cut. */
static const step_params tails[] = {
    {.locality = SP_LOCAL_TRACE, .block_traces = 4, .gain = 0.25f},
    {.locality = SP_LOCAL_BLOCK, .block_traces = 4, .gain = 1.5f},
    {.locality = SP_LOCAL_TRACE, .block_traces = 4, .gain = 2.0f},
    {.locality = SP_LOCAL_GATHER, .block_traces = 4, .gain = 0.5f},
};
enum { N_HEADS = sizeof heads / sizeof *heads, N_TAILS = sizeof tails / sizeof *tails };

/* Whole, empty, with dead traces and such that are not finite, dead, of one trace. */
static survey *make_odd_survey(sp_nan nan, bool in_order) {
  const sp_local sizes[] = {40, 0, 33, 12, 1};
  survey *s = make_survey(sizes, 5, SAMPLES, 77);
  s->mode = SP_MODE_BOTH;
  s->nan = nan;
  for (sp_local t = 3; t < 6; t++) memset(trace_of(s, 0, t), 0, SAMPLES * sizeof(float));
  trace_of(s, 2, 7)[11] = NAN;
  memset(trace_of(s, 3, 0), 0, 12 * SAMPLES * sizeof(float));
  if (in_order) return s;
  shuffle_gathers(s, 5);
  s->skip = calloc(s->n_traces, 1);
  s->skip[1] = s->skip[50] = 1;
  return s;
}

static void set_chain(survey *s, const head *h, const step_params *tail) {
  for (size_t i = 0; i < h->n; i++) {
    s->chain[i] = (sp_chain_step){.processor = &counted, .params = &h->step[i]};
  }
  if (h->undoes) s->chain[h->n - 1].undoes = h->undoes;
  s->n_steps = h->n;
  add_step(s, &by_offset, *tail);
}

/* --- running ------------------------------------------------------------------------------------------------------ */

static product run_sharing(const survey *s, const head *h, int n_threads, const sp_shared_steps *shared) {
  sp_engine_config config = config_of(s, n_threads, 2);
  sp_engine *engine = NULL;
  const product out = make_product(s);
  config.n_shared = h->n;
  config.measure = true;
  assert_int_equal(sp_engine_create(SP_ENGINE_CPU, &config, &engine), SP_SUCCESS);
  for (sp_local g = 0; g < s->n_gathers; g += 2) {
    held_slab *slab = hold_slab(s, g, g + 2 < s->n_gathers ? 2 : s->n_gathers - g);
    const sp_local first = s->first_trace[g];
    const sp_shared_steps mine = {shared->rows + (size_t)first * SAMPLES, shared->marks + first, shared->known + g};
    slab->slab.shared = &mine;
    assert_int_equal(sp_engine_submit(engine, &slab->slab), SP_SUCCESS);
    keep_slab(s, finish_slab(engine, false), &out);
  }
  sp_engine_destroy(engine);
  return out;
}

static sp_local traces_of_failed(const survey *s, const product *p) {
  sp_local n = 0;
  for (sp_local g = 0; g < s->n_gathers; g++) {
    if (!sp_reason_is_processed(p->results[g].reason)) n += s->first_trace[g + 1] - s->first_trace[g];
  }
  return n;
}

static bool all_by_trace(const head *h, const step_params *tail) {
  for (size_t i = 0; i < h->n; i++) {
    if (h->step[i].step.locality != SP_LOCAL_TRACE) return false;
  }
  return tail->locality == SP_LOCAL_TRACE;
}

/* All tails, one after the other, with what the first one left. */
static void check_head(survey *s, const head *h, int n_threads) {
  const sp_shared_steps shared = {malloc((size_t)s->n_traces * SAMPLES * sizeof(float)), calloc(1, s->n_traces),
                                  calloc(1, s->n_gathers)};
  char what[120];
  memset(shared.rows, 0xff, (size_t)s->n_traces * SAMPLES * sizeof(float)); /* NaN where nothing was left */
  for (size_t k = 0; k < N_TAILS; k++) {
    set_chain(s, h, &tails[k]);
    snprintf(what, sizeof what, "%s, tail %zu, nan %d, %d threads", h->name, k, (int)s->nan, n_threads);
    const bool cut_alike = k > 0 && all_by_trace(h, &tails[k]) == all_by_trace(h, &tails[k - 1]);
    product alone = run_survey(SP_ENGINE_CPU, s, n_threads, 2, 2, 0);
    atomic_store(&rows_computed, 0);
    product with = run_sharing(s, h, n_threads, &shared);
    assert_same(s, &alone, &with, what);
    const unsigned long computed = atomic_load(&rows_computed);
    /* gathers that fail are computed anew; so is a trace that the edits of a chain by trace have to look at */
    const unsigned long most = h->n * (traces_of_failed(s, &with) + (s->nan != SP_NAN_ZERO));
    if (cut_alike && computed > most) fail_msg("%s: %lu rows computed again, of %u", what, computed, s->n_traces);
    if (k == 0) assert_true(computed > s->n_traces / 3);
    free_product(&alone);
    free_product(&with);
  }
  free(shared.rows);
  free(shared.marks);
  free(shared.known);
}

static void test_shared_steps_run_once_and_change_no_bit(void **unused) {
  static const sp_nan ways[] = {SP_NAN_TRACE, SP_NAN_GATHER, SP_NAN_ZERO};
  for (int i = 0; i < 3; i++) {
    for (int in_order = 0; in_order < 2; in_order++) {
      survey *s = make_odd_survey(ways[i], in_order);
      for (size_t k = 0; k < N_HEADS; k++) check_head(s, &heads[k], 1 + 2 * (int)(k % 2));
      free_survey(s);
    }
  }
}

/* A step that keeps what one after the shared ones takes back has to be computed each time. */
static void test_what_cannot_be_shared_is_refused(void **unused) {
  survey *s = make_odd_survey(SP_NAN_TRACE, true);
  add_step(s, &by_offset, (step_params)KEEPS);
  add_step(s, &by_offset, (step_params)BY_BLOCK);
  add_undo(s, 0);
  sp_engine_config config = config_of(s, 1, 1);
  for (size_t n = 1; n < 4; n++) {
    sp_engine *engine = NULL;
    config.n_shared = n;
    assert_int_equal(sp_engine_create(SP_ENGINE_CPU, &config, &engine), SP_ERR_INTERNAL);
    assert_null(engine);
  }
  free_survey(s);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_shared_steps_run_once_and_change_no_bit),
                                     cmocka_unit_test(test_what_cannot_be_shared_is_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
