/* SPDX-License-Identifier: BSD-3-Clause */
/* Synthetic surveys: sizes of gathers, traces that do not depend on how they are asked for, what each part holds. */
/* may warn */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "seisproc/memory.h"
#include "seisproc/synth.h"

static sp_synth_config small(void) {
  sp_synth_config config = sp_synth_defaults();
  config.n_gathers = 12;
  config.mean_traces = 80;
  config.n_samples = 700;
  config.interval_s = 0.004;
  return config;
}

static sp_synth *create(sp_synth_config config) {
  sp_synth *synth = NULL;
  assert_int_equal(sp_synth_create(&config, &synth), SP_SUCCESS);
  return synth;
}

static int column(const char *name) {
  for (int c = 0; sp_synth_header_name((size_t)c); c++) {
    if (!strcmp(sp_synth_header_name((size_t)c), name)) return c;
  }
  fail_msg("no column %s", name);
  return 0;
}

static void gathers_are_uneven_and_never_empty(void **state) {
  sp_synth_config config = small();
  config.n_gathers = 5000;
  config.mean_traces = 100;
  sp_synth *synth = create(config);
  const sp_gather_index *index = sp_synth_index(synth);
  sp_local least = UINT32_MAX;
  for (sp_global g = 0; g < 5000; g++) {
    const sp_local traces = sp_gather_index_range(index, g, 1).n_traces;
    least = traces < least ? traces : least;
    assert_int_equal(index->key[g], g + 1);
  }
  assert_true(least >= 40 && least < 43 && index->max_traces > 157 && index->max_traces <= 160);
  assert_true(fabs((double)index->n_traces / 5000 - 100) < 5 * 120 / sqrt(12 * 5000));
  sp_synth_destroy(synth);

  config.mean_traces = 1;
  config.spread = 1;
  synth = create(config);
  for (sp_global g = 0; g < 5000; g++) assert_true(sp_gather_index_range(sp_synth_index(synth), g, 1).n_traces >= 1);
  sp_synth_destroy(synth);

  config.mean_traces = 20;
  config.spread = 0;
  config.largest = 50;
  synth = create(config);
  index = sp_synth_index(synth);
  assert_int_equal(index->max_traces, 1000);
  assert_int_equal(index->n_traces, 4999 * 20 + 1000);
  sp_synth_destroy(synth);
  sp_synth_destroy(NULL);
}

static void traces_do_not_depend_on_the_pieces(void **state) {
  const sp_synth_config config = small();
  sp_synth *synth = create(config), *again = create(config);
  const sp_local n = (sp_local)sp_synth_index(synth)->n_traces;
  float *rows[SP_SYNTH_PARTS], *piece = malloc(config.n_samples * sizeof(float) * n);
  for (int p = 0; p < SP_SYNTH_PARTS; p++) rows[p] = malloc(config.n_samples * sizeof(float) * n);
  int32_t *values = malloc(n * sizeof *values), *some = malloc(n * sizeof *values);
  assert_true(piece && values && some && rows[0] && rows[1] && rows[2]);
  const uint64_t allocations = sp_alloc_count();
  sp_synth_traces(synth, 0, n, rows);
  for (int p = 0; p < SP_SYNTH_PARTS; p++) {
    for (sp_local first = n, length = 1; first > 0; length = length % 97 + 31) { /* backwards */
      length = length < first ? length : first;
      first -= length;
      float *one[SP_SYNTH_PARTS] = {NULL};
      one[p] = piece;
      sp_synth_traces(again, first, length, one);
      assert_memory_equal(piece, rows[p] + (size_t)first * config.n_samples, length * config.n_samples * sizeof(float));
    }
  }
  for (size_t c = 0; sp_synth_header_name(c); c++) {
    sp_synth_headers(synth, c, 0, n, values);
    for (sp_local first = 0; first < n; first += 61) {
      const sp_local length = n - first < 61 ? n - first : 61;
      sp_synth_headers(again, c, first, length, some);
      assert_memory_equal(some, values + first, length * sizeof *some);
    }
  }
  assert_int_equal(sp_alloc_count(), allocations);
  for (int p = 0; p < SP_SYNTH_PARTS; p++) free(rows[p]);
  free(piece);
  free(values);
  free(some);
  sp_synth_destroy(synth);
  sp_synth_destroy(again);
}

static double rms(const float *a, const float *b, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += ((double)a[i] - (b ? b[i] : 0)) * ((double)a[i] - (b ? b[i] : 0));
  return sqrt(sum / (double)n);
}

static void parts_hold_what_they_say(void **state) {
  const sp_synth_config config = small();
  sp_synth *synth = create(config);
  const sp_local n = (sp_local)sp_synth_index(synth)->n_traces;
  const size_t samples = (size_t)n * config.n_samples;
  float *rows[SP_SYNTH_PARTS];
  for (int p = 0; p < SP_SYNTH_PARTS; p++) rows[p] = malloc(samples * sizeof(float));
  int32_t *offset = malloc(n * sizeof *offset);
  sp_synth_traces(synth, 0, n, rows);
  sp_synth_headers(synth, (size_t)column("offset"), 0, n, offset);
  const double reflections = rms(rows[0], NULL, samples), noise = rms(rows[2], rows[1], samples);
  assert_true(fabs(reflections / sp_synth_reflection_rms(synth) - 1) < 1e-3); /* the sample is the whole survey here */
  assert_true(fabs(noise / (config.noise * sp_synth_reflection_rms(synth)) - 1) < 5 / sqrt(2.0 * (double)samples));
  double strongest = 0;
  for (size_t i = 0; i < samples; i++) strongest = fmax(strongest, fabs((double)rows[0][i]));
  assert_true(strongest > 0.5 && strongest < 2);
  /* ground roll travels at 250 to 700 m/s and lasts 0.2 s at the source */
  size_t inside = 0;
  for (sp_local t = 0; t < n; t++) {
    for (uint32_t i = 0; i < config.n_samples; i++) {
      const double time = i * config.interval_s, roll = (double)rows[1][(size_t)t * config.n_samples + i] -
                                                        (double)rows[0][(size_t)t * config.n_samples + i];
      if (fabs(roll) < 1e-3) continue;
      inside++;
      assert_true(time > (offset[t] - 1) / 700.0 && time < (offset[t] + 1) / 250.0 + 0.2);
      assert_true(fabs(roll) <= config.ground_roll);
    }
  }
  assert_true(inside > samples / 20);
  for (int p = 0; p < SP_SYNTH_PARTS; p++) free(rows[p]);
  free(offset);
  sp_synth_destroy(synth);
}

static void seeds_differ(void **state) {
  sp_synth_config config = small();
  float one[700], other[700];
  sp_synth *synth = create(config);
  sp_synth_traces(synth, 3, 1, (float *const[]){NULL, NULL, one});
  sp_synth_destroy(synth);
  config.seed = 2;
  synth = create(config);
  sp_synth_traces(synth, 3, 1, (float *const[]){NULL, NULL, other});
  sp_synth_destroy(synth);
  int same = 0;
  for (int i = 0; i < 700; i++) same += one[i] == other[i];
  assert_true(same < 5);
}

static void shapes_of_all_kinds_work(void **state) {
  const struct {
    uint32_t samples;
    double interval_s;
  } shapes[] = {{1, 0.002}, {2, 0.002}, {15, 0.008}, {64, 1}, {100000, 0.00025}, {1601, 0.001}};
  for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
    sp_synth_config config = small();
    config.n_samples = shapes[s].samples;
    config.interval_s = shapes[s].interval_s;
    config.n_gathers = 2;
    config.mean_traces = 7;
    sp_synth *synth = create(config);
    float *row = malloc(config.n_samples * sizeof *row);
    for (sp_global t = 0; t < sp_synth_index(synth)->n_traces; t++) {
      sp_synth_traces(synth, t, 1, (float *const[]){NULL, NULL, row});
      for (uint32_t i = 0; i < config.n_samples; i++) assert_true(isfinite(row[i]));
    }
    free(row);
    sp_synth_destroy(synth);
  }
}

static void refuses_settings_out_of_range(void **state) {
  sp_synth *synth = NULL;
  sp_synth_config config = small();
  config.n_samples = 0;
  assert_int_equal(sp_synth_create(&config, &synth), SP_ERR_USAGE);
  config = small();
  config.noise = NAN;
  assert_int_equal(sp_synth_create(&config, &synth), SP_ERR_USAGE);
  config = small();
  config.mean_traces = 1e6;
  config.largest = 1e5;
  assert_int_equal(sp_synth_create(&config, &synth), SP_ERR_USAGE);
  assert_null(synth);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(gathers_are_uneven_and_never_empty), cmocka_unit_test(traces_do_not_depend_on_the_pieces),
      cmocka_unit_test(parts_hold_what_they_say),           cmocka_unit_test(seeds_differ),
      cmocka_unit_test(shapes_of_all_kinds_work),           cmocka_unit_test(refuses_settings_out_of_range),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
