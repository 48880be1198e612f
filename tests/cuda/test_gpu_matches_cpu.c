/* SPDX-License-Identifier: BSD-3-Clause */
/* The GPU gives what the CPU gives, to 1e-5 relative L2 a trace: every wavelet, transform, threshold and aperture, over
 * lengths and gather sizes, with dead and constant traces, in every mode; the same bits in any slabs. */
/* timeout: 300 */
#include "kernels/dwt/wavelet.h"
#include "support.h"

static const double tolerance = 1e-5;
static const sp_local gather_sizes[] = {40, 1, 2, 3, 0, 4, 6, 7, 8, 31, 70};
enum { N_GATHERS = sizeof gather_sizes / sizeof gather_sizes[0] };

static const char *const transforms[] = {"dwt", "swt", "wpt"};
static const char *const thresholds[] = {"soft", "hard", "garrote"};

/* Some traces dead, some constant; one gather all dead. */
static void spoil(survey *s) {
  const size_t bytes = s->n_samples * sizeof(float);
  memset(trace_of(s, 0, 5), 0, bytes);
  memset(trace_of(s, 10, 0), 0, bytes);
  memset(trace_of(s, 5, 0), 0, 4 * bytes);
  for (uint32_t i = 0; i < s->n_samples; i++) {
    trace_of(s, 0, 9)[i] = 2.5f;
    trace_of(s, 10, 30)[i] = -1e-3f;
    trace_of(s, 1, 0)[i] = 7;
  }
}

static void reverse_order(survey *s) {
  s->order = malloc(s->n_traces * sizeof *s->order);
  for (sp_local g = 0; g < s->n_gathers; g++) {
    const sp_local n = s->first_trace[g + 1] - s->first_trace[g];
    for (sp_local i = 0; i < n; i++) s->order[s->first_trace[g] + i] = n - 1 - i;
  }
}

static void check(const char *step, uint32_t n_samples, double *worst) {
  survey *s = make_survey(gather_sizes, N_GATHERS, n_samples, n_samples);
  add_step(s, step);
  spoil(s);
  char what[400];
  snprintf(what, sizeof what, "%s, %u samples", step, n_samples);
  const double d = check_survey(s, 4, tolerance, what);
  if (d > *worst) *worst = d;
  free_survey(s);
}

static void test_every_wavelet(void **unused) {
  char choices[] = SP_WAVELET_CHOICES, *rest = NULL, step[200];
  double worst = 0;
  int i = 0;
  for (char *w = strtok_r(choices, "|", &rest); w; w = strtok_r(NULL, "|", &rest), i++) {
    for (int t = 0; t < 3; t++) {
      snprintf(step, sizeof step, "dwt wavelet=%s transform=%s threshold=%s aperture=%d k=3.0 noise_level=finest", w,
               transforms[t], thresholds[(i + t) % 3], (i / 3 + t) % 2 ? 7 : 1);
      check(step, 333 + (uint32_t)i, &worst);
    }
  }
  print_message("largest distance: %.2g\n", worst);
}

static void test_lengths(void **unused) {
  static const uint32_t lengths[] = {16, 17, 64, 101, 1000, 1600, 2047, 3001, 6000, 16384};
  static const char *const wavelets[] = {"db4", "bior4.4", "db1", "sym8", "coif5"};
  char step[200];
  double worst = 0;
  for (int l = 0; l < 10; l++) {
    for (int t = 0; t < 3; t++) {
      snprintf(step, sizeof step, "dwt wavelet=%s transform=%s threshold=%s aperture=%d k=2 noise_level=finest",
               wavelets[(l + t) % 5], transforms[t], thresholds[l % 3], l % 2 ? 1 : 5);
      check(step, lengths[l], &worst);
    }
  }
  print_message("largest distance: %.2g\n", worst);
}

static void test_every_aperture(void **unused) {
  char step[200];
  double worst = 0;
  for (int aperture = 1; aperture <= 31; aperture += 2) {
    snprintf(step, sizeof step, "dwt wavelet=db3 transform=%s threshold=%s aperture=%d k=1.5 noise_level=finest",
             transforms[aperture / 2 % 3], thresholds[aperture % 3], aperture);
    check(step, 400, &worst);
  }
  print_message("largest distance: %.2g\n", worst);
}

static void test_levels_and_noise(void **unused) {
  static const char *const steps[] = {"dwt level=1 transform=dwt threshold=soft k=3.0 noise_level=finest",
                                      "dwt level=3 noise_level=coarsest transform=dwt threshold=soft k=3.0",
                                      "dwt wavelet=db1 level=9 transform=dwt threshold=soft k=3.0 noise_level=finest",
                                      "dwt wavelet=db1 level=8 transform=wpt threshold=soft k=3.0 noise_level=finest",
                                      "dwt wavelet=db2 level=5 transform=swt noise_level=coarsest threshold=soft k=3.0",
                                      "dwt k=0 transform=dwt threshold=soft noise_level=finest",
                                      "dwt transform=wpt k=100 threshold=soft noise_level=finest",
                                      "dwt level=20 transform=dwt threshold=soft k=3.0 noise_level=finest",
                                      "mute velocity=1500 taper=0",
                                      "mute velocity=2000 taper=55 where=bottom t0=300",
                                      "mute velocity=700 taper=40 shape=hyperbolic t0=100",
                                      "mute velocity=2500 taper=25 where=inner until_velocity=600 until_t0=200",
                                      "mute velocity=900 taper=0 where=inner until_t0=80.5 shape=hyperbolic"};
  double worst = 0;
  for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) check(steps[i], 1000, &worst);
  print_message("largest distance: %.2g\n", worst);
}

/* Leaves out one trace in seven, and all of a gather. */
static void skip_some(survey *s) {
  s->skip = calloc(s->n_traces, 1);
  for (sp_local t = 0; t < s->n_traces; t++) s->skip[t] = t % 7 == 3;
  for (sp_local t = s->first_trace[4]; t < s->first_trace[5]; t++) s->skip[t] = 1;
}

/* Orders, gathers set aside, not finite, without a usable header, and overflow, in every mode and on_error. */
static void test_modes_and_failures(void **unused) {
  for (int code = 0; code < 36; code++) {
    survey *s = make_survey(gather_sizes, N_GATHERS, code % 2 ? 501 : 800, (uint64_t)code);
    spoil(s);
    if (code % 5 > 0) add_step(s, "mute velocity=3000 taper=30");
    add_step(s, "dwt aperture=5 k=2 transform=dwt threshold=soft noise_level=finest");
    add_step(s, "mute velocity=900 where=bottom t0=900");
    if (code % 4 > 1) add_step(s, "dwt transform=swt threshold=hard level=2 k=3.0 noise_level=finest");
    s->mode = (sp_mode)(code % 3);
    s->on_error = code / 3 % 2 ? SP_ON_ERROR_ZERO : SP_ON_ERROR_PASSTHROUGH;
    s->set_aside[3] = SP_REASON_UNREADABLE;
    trace_of(s, 6, 2)[77] = NAN;
    trace_of(s, 7, 6)[s->n_samples - 1] = -INFINITY;
    s->offset[s->first_trace[8] + 3] = NAN;
    s->offset[s->first_trace[0] + 5] = NAN; /* of a dead trace, unless the order is another */
    for (uint32_t i = 0; i < s->n_samples; i++) trace_of(s, 9, 12)[i] = i & 1 ? 3e38f : -3e38f;
    if (code / 6 % 2) reverse_order(s);
    s->nan = (sp_nan)(code / 12);
    if (code % 2) skip_some(s);
    trace_of(s, 5, 1)[0] = NAN; /* a mute may cure it */
    char what[64];
    snprintf(what, sizeof what, "chain %d", code);
    check_survey(s, 1 + (sp_local)code, tolerance, what);
    free_survey(s);
  }
}

/* What all of a gather decides: the defaults of dwt; fk and fk_denoise, which are told where dead traces were. */
static void test_whole_gathers(void **unused) {
  static const char *const chains[][2] = {{"dwt", NULL},
                                          {"fk vmax=900", NULL},
                                          {"dwt noise_level=fk", "fk vmax=900 agc=200 irregular=ignore"},
                                          {"fk_denoise", NULL},
                                          {"fk_denoise robust=0 traces=6", "fk vmax=900"},
                                          {"fk vmin=300 vmax=1500 mode=pass", "dwt threshold=soft"}};
  const int n_chains = sizeof chains / sizeof chains[0];
  for (int code = 0; code < 36; code++) {
    survey *s = make_survey(gather_sizes, N_GATHERS, code % 2 ? 501 : 800, (uint64_t)code);
    spoil(s);
    if (code % 3 == 1) add_step(s, "mute velocity=3000 taper=30");
    for (int i = 0; i < 2 && chains[code % n_chains][i]; i++) add_step(s, chains[code % n_chains][i]);
    if (code % 3 == 2) add_step(s, "mute velocity=900 where=bottom t0=900");
    s->nan = (sp_nan)(code / 12);
    trace_of(s, 6, 2)[77] = NAN;
    s->set_aside[3] = SP_REASON_UNREADABLE;
    if (code / n_chains % 2) reverse_order(s);
    if (code / 3 % 2) skip_some(s);
    char what[64];
    snprintf(what, sizeof what, "whole gathers, chain %d", code);
    check_survey(s, 1 + (sp_local)code % 5, tolerance, what);
    free_survey(s);
  }
}

static void test_same_bits_in_any_slabs(void **unused) {
  const char *name;
  survey *s = make_survey(gather_sizes, N_GATHERS, 1200, 3);
  add_step(s, "dwt aperture=7 threshold=hard transform=dwt k=3.0 noise_level=finest");
  add_step(s, "dwt transform=wpt threshold=soft k=3.0 noise_level=finest");
  product *first = run_survey(SP_ENGINE_CUDA, s, 1, &name);
  for (sp_local cut = 1; cut <= N_GATHERS; cut++) {
    product *p = run_survey(SP_ENGINE_CUDA, s, cut, &name);
    const size_t bytes = (size_t)s->n_traces * s->n_samples * sizeof(float);
    assert_memory_equal(p->traces, first->traces, bytes);
    assert_memory_equal(p->noise, first->noise, bytes);
    assert_memory_equal(p->results, first->results, s->n_gathers * sizeof *p->results);
    free_product(p);
  }
  free_product(first);
  free_survey(s);
}

/* Every kernel, of few traces: for tools that slow a program down. */
static void test_small(void **unused) {
  static const sp_local few[] = {9, 1, 3};
  static const char *const steps[] = {
      "dwt level=3 threshold=hard transform=dwt k=3.0 noise_level=finest",
      "dwt wavelet=db20 transform=swt level=2 threshold=soft k=3.0 noise_level=finest",
      "dwt wavelet=bior4.4 transform=wpt level=3 threshold=soft k=3.0 noise_level=finest",
      "dwt transform=swt aperture=5 level=2 threshold=soft k=3.0 noise_level=finest",
      "dwt aperture=7 threshold=hard transform=dwt k=3.0 noise_level=finest",
      "dwt aperture=31 transform=dwt threshold=soft k=3.0 noise_level=finest",
      "dwt transform=wpt aperture=3 level=3 threshold=soft k=3.0 noise_level=finest",
      "dwt",
      "fk vmax=900",
      "tf k=1.7"};
  for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
    survey *s = make_survey(few, 3, i == 4 ? 6000 : 300, i);
    add_step(s, "mute velocity=900 taper=30");
    add_step(s, steps[i]);
    memset(trace_of(s, 0, 4), 0, s->n_samples * sizeof(float));
    trace_of(s, 2, 1)[7] = NAN;
    if (i % 2) reverse_order(s);
    check_survey(s, 2, tolerance, steps[i]);
    free_survey(s);
  }
}

/* A chain that the GPU cannot compute is computed by the CPU, and the same. */
static void test_falls_back(void **unused) {
  const char *name;
  survey *s = make_survey(gather_sizes, N_GATHERS, 300, 3);
  add_step(s, "dwt transform=wpt best_basis=true threshold=soft k=3.0 noise_level=finest");
  product *cpu = run_survey(SP_ENGINE_CPU, s, 3, &name), *gpu = run_survey(SP_ENGINE_CUDA, s, 3, &name);
  assert_string_equal(name, "cpu");
  compare(s, cpu, gpu, 0, "fallback");
  free_product(cpu);
  free_product(gpu);
  free_survey(s);
}

/* Chains of which the CPU computes some steps: best_basis has no kernel. Before, between and behind others, with traces
 * that are dead, skipped, not finite, in every mode. */
static void test_chains_in_two_places(void **unused) {
  static const char cpu_step[] = "dwt transform=wpt best_basis=true level=3 threshold=soft k=2 noise_level=finest";
  static const char gpu_step[] = "dwt aperture=5 k=2 transform=dwt threshold=soft noise_level=finest";
  for (int code = 0; code < 24; code++) {
    survey *s = make_survey(gather_sizes, N_GATHERS, code % 2 ? 400 : 501, (uint64_t)code);
    spoil(s);
    if (code % 2) add_step(s, "mute velocity=1500 taper=30");
    if (code % 3 != 1) add_step(s, cpu_step);
    add_step(s, gpu_step);
    if (code % 3 > 0) add_step(s, cpu_step);
    if (code % 4 > 1) add_step(s, gpu_step);
    s->mode = (sp_mode)(code % 3);
    s->on_error = code / 3 % 2 ? SP_ON_ERROR_ZERO : SP_ON_ERROR_PASSTHROUGH;
    s->nan = (sp_nan)(code / 8);
    s->set_aside[3] = SP_REASON_UNREADABLE;
    trace_of(s, 6, 2)[77] = NAN;
    if (code / 6 % 2) reverse_order(s);
    if (code % 5 > 2) skip_some(s);
    char what[64];
    snprintf(what, sizeof what, "chain in two places %d", code);
    check_survey(s, 1 + (sp_local)code % 5, tolerance, what);
    free_survey(s);
  }
}

/* An argument is a pattern of the tests to run. */
int main(int argc, char **argv) {
  need_gpu();
  if (argc > 1) cmocka_set_test_filter(argv[1]);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_small),          cmocka_unit_test(test_levels_and_noise),
      cmocka_unit_test(test_every_aperture), cmocka_unit_test(test_modes_and_failures),
      cmocka_unit_test(test_whole_gathers),  cmocka_unit_test(test_lengths),
      cmocka_unit_test(test_every_wavelet),  cmocka_unit_test(test_same_bits_in_any_slabs),
      cmocka_unit_test(test_falls_back),     cmocka_unit_test(test_chains_in_two_places),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
