/* SPDX-License-Identifier: BSD-3-Clause */
/* What the GPU tests share: surveys, chains from text, a runner, and a comparison of what two engines made of them. */
#ifndef SEISPROC_TESTS_CUDA_SUPPORT_H
#define SEISPROC_TESTS_CUDA_SUPPORT_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "seisproc/crc32c.h"
#include "seisproc/engine.h"

enum { MAX_STEPS = 6, MAX_GATHERS = 64, MAX_COLUMNS = 16, SKIPPED = 77 };

static inline uint64_t random_bits(uint64_t *state) {
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

/* Nearly normal, standard deviation 1. */
static inline float random_normal(uint64_t *state) {
  double sum = 0;
  for (int i = 0; i < 4; i++) sum += (double)(random_bits(state) >> 11) * 0x1p-53 - 0.5;
  return (float)(sum * 1.7320508);
}

typedef struct survey {
  sp_chain_step chain[MAX_STEPS];
  size_t n_steps;
  uint32_t n_samples;
  sp_local n_gathers, n_traces, max_gather;
  sp_local first_trace[MAX_GATHERS + 1];
  float *in;
  double *offset, *delay, *zeros; /* header columns; the delay in ms */
  sp_local *order;                /* or NULL */
  uint32_t set_aside[MAX_GATHERS];
  sp_mode mode;
  sp_on_error on_error;
  sp_nan nan;
  unsigned char *skip; /* or NULL */
} survey;

typedef struct product {
  float *traces, *noise;
  sp_gather_result results[MAX_GATHERS];
} product;

/* A gentle signal with events and noise: some coefficients are kept, most are not. */
static inline void fill_trace(float *x, uint32_t n, sp_local trace, uint64_t *state) {
  for (uint32_t i = 0; i < n; i++) {
    const double t = (double)i + 0.3 * trace;
    x[i] = (float)(3 * sin(0.02 * t) * exp(-1e-6 * t * t) + (i % 97 == trace % 11 ? 12 : 0)) + random_normal(state);
  }
}

static inline survey *make_survey(const sp_local *sizes, sp_local n_gathers, uint32_t n_samples, uint64_t seed) {
  survey *s = calloc(1, sizeof *s);
  s->n_samples = n_samples;
  s->n_gathers = n_gathers;
  for (sp_local g = 0; g < n_gathers; g++) {
    s->first_trace[g + 1] = s->first_trace[g] + sizes[g];
    if (sizes[g] > s->max_gather) s->max_gather = sizes[g];
  }
  s->n_traces = s->first_trace[n_gathers];
  s->in = malloc((size_t)s->n_traces * n_samples * sizeof(float) + 1);
  s->offset = malloc(s->n_traces * sizeof(double) + 1);
  s->delay = malloc(s->n_traces * sizeof(double) + 1);
  s->zeros = calloc(s->n_traces + 1, sizeof(double));
  for (sp_local t = 0; t < s->n_traces; t++) {
    fill_trace(s->in + (size_t)t * n_samples, n_samples, t, &seed);
    s->offset[t] = 3.7 * t - 40;
    s->delay[t] = t % 3 * 8;
  }
  s->mode = SP_MODE_BOTH;
  return s;
}

static inline void free_survey(survey *s) {
  for (size_t i = 0; i < s->n_steps; i++) free((void *)(uintptr_t)s->chain[i].params);
  free(s->in);
  free(s->delay);
  free(s->zeros);
  free(s->offset);
  free(s->order);
  free(s->skip);
  free(s);
}

static inline float *trace_of(const survey *s, sp_local gather, sp_local trace) {
  return s->in + ((size_t)s->first_trace[gather] + trace) * s->n_samples;
}

/* "dwt wavelet=db4 aperture=7" */
static inline void add_step(survey *s, const char *text) {
  char copy[256], why[256];
  snprintf(copy, sizeof copy, "%s", text);
  char *rest = NULL, *word = strtok_r(copy, " ", &rest);
  const sp_processor *processor = sp_processor_find(word);
  assert_non_null(processor);
  void *params = calloc(1, processor->params_size);
  sp_processor_example(processor, params);
  while ((word = strtok_r(NULL, " ", &rest))) {
    char *value = strchr(word, '=');
    assert_non_null(value);
    *value++ = '\0';
    const sp_param *param = sp_param_find(processor->params, word);
    if (!param || sp_param_parse(param, value, params, why, sizeof why)) fail_msg("%s: %s=%s", text, word, value);
  }
  s->chain[s->n_steps++] = (sp_chain_step){.processor = processor, .params = params};
}

/* Receivers lie along x, a source where it is 0. */
static inline const double *column_of(const survey *s, const char *name) {
  if (sp_header_is(name, "offset") || sp_header_is(name, "gx")) return s->offset;
  return sp_header_is(name, "sx") || sp_header_is(name, "sy") || sp_header_is(name, "gy") ? s->zeros : s->delay;
}

/* Gathers g ... g + n - 1 as a slab, in the survey's and the product's memory. */
static inline sp_slab cut_slab(const survey *s, sp_local g, sp_local n, float *in, product *p, sp_local *firsts,
                               const double **columns) {
  const sp_local start = s->first_trace[g];
  for (sp_local i = 0; i <= n; i++) firsts[i] = s->first_trace[g + i] - start;
  const char *names[MAX_COLUMNS];
  const size_t n_columns = sp_chain_headers(s->chain, s->n_steps, names, MAX_COLUMNS);
  for (size_t k = 0; k < n_columns; k++) columns[k] = column_of(s, names[k]) + start;
  return (sp_slab){.n_gathers = n,
                   .n_traces = s->first_trace[g + n] - start,
                   .first_trace = firsts,
                   .in = in + (size_t)start * s->n_samples,
                   .order = s->order ? s->order + start : NULL,
                   .headers = columns,
                   .set_aside = s->set_aside + g,
                   .skip = s->skip ? s->skip + start : NULL,
                   .traces = p->traces + (size_t)start * s->n_samples,
                   .noise = p->noise ? p->noise + (size_t)start * s->n_samples : NULL,
                   .results = p->results + g};
}

/* Runs the survey in slabs of up to `cut` gathers, two of them in flight. *name gets what computed. */
static inline product *run_survey(sp_engine_kind kind, const survey *s, sp_local cut, const char **name) {
  enum { IN_FLIGHT = 2 };
  const size_t samples = (size_t)s->n_traces * s->n_samples;
  const sp_engine_config config = {.chain = s->chain,
                                   .n_steps = s->n_steps,
                                   .mode = s->mode,
                                   .on_error = s->on_error,
                                   .nan = s->nan,
                                   .measure = true,
                                   .n_samples = s->n_samples,
                                   .sample_interval_s = 0.002,
                                   .max_traces = s->n_traces,
                                   .max_gather = s->max_gather,
                                   .max_gathers = s->n_gathers,
                                   .n_threads = 4,
                                   .n_slabs = IN_FLIGHT,
                                   .device = kind == SP_ENGINE_CUDA ? 0 : -1};
  sp_engine *engine = NULL;
  assert_int_equal(sp_engine_create(kind, &config, &engine), SP_SUCCESS);
  *name = sp_engine_name(engine);
  product *p = calloc(1, sizeof *p);
  p->traces = malloc(samples * sizeof(float) + 1);
  p->noise = s->mode == SP_MODE_BOTH ? malloc(samples * sizeof(float) + 1) : NULL;
  memset(p->traces, 0xff, samples * sizeof(float));
  float *in = malloc(samples * sizeof(float) + 1);
  memcpy(in, s->in, samples * sizeof(float));
  if (cut > 1) {
    sp_engine_register(engine, in, samples * sizeof(float));
    sp_engine_register(engine, p->traces, samples * sizeof(float));
  }
  sp_slab slabs[MAX_GATHERS];
  sp_local *firsts[MAX_GATHERS];
  const double *columns[MAX_GATHERS][MAX_COLUMNS];
  int n_slabs = 0, n_done = 0;
  for (sp_local g = 0; g < s->n_gathers || n_done < n_slabs;) {
    if (g < s->n_gathers && n_slabs - n_done < IN_FLIGHT) {
      const sp_local n = s->n_gathers - g < cut ? s->n_gathers - g : cut;
      firsts[n_slabs] = malloc((n + 1) * sizeof(sp_local));
      slabs[n_slabs] = cut_slab(s, g, n, in, p, firsts[n_slabs], columns[n_slabs]);
      assert_int_equal(sp_engine_submit(engine, &slabs[n_slabs++]), SP_SUCCESS);
      g += n;
    } else {
      sp_slab *done;
      assert_int_equal(sp_engine_wait(engine, &done), SP_SUCCESS);
      assert_ptr_equal(done, &slabs[n_done]);
      free(firsts[n_done++]);
    }
  }
  sp_engine_destroy(engine);
  free(in);
  return p;
}

static inline void free_product(product *p) {
  free(p->traces);
  free(p->noise);
  free(p);
}

/* Relative L2 of the difference of two traces; infinite where one is not finite. */
static inline double distance(const float *a, const float *b, uint32_t n) {
  double difference = 0, norm = 0;
  for (uint32_t i = 0; i < n; i++) {
    difference += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
    norm += (double)a[i] * a[i];
  }
  if (!isfinite(difference) || !isfinite(norm)) return INFINITY;
  return difference == 0 ? 0 : sqrt(difference / norm);
}

static inline void check_crc(const survey *s, const product *p, sp_local g, const char *what) {
  const size_t at = (size_t)s->first_trace[g] * s->n_samples;
  const size_t bytes = (size_t)(s->first_trace[g + 1] - s->first_trace[g]) * s->n_samples * sizeof(float);
  if (p->results[g].crc_traces != sp_crc32c(0, p->traces + at, bytes)) fail_msg("%s: gather %u: crc", what, g);
  const uint32_t noise = p->noise ? sp_crc32c(0, p->noise + at, bytes) : 0;
  if (p->results[g].crc_noise != noise) fail_msg("%s: gather %u: crc of noise", what, g);
}

static inline void check_quality(const sp_gather_result *a, const sp_gather_result *b, sp_local g, const char *what) {
  const float figures[][2] = {{a->rms_in, b->rms_in}, {a->rms_out, b->rms_out}, {a->peak_in, b->peak_in}};
  if (a->measured != b->measured) fail_msg("%s: gather %u: measured %u, not %u", what, g, b->measured, a->measured);
  for (int i = 0; i < 3; i++) {
    if (fabs(figures[i][0] - figures[i][1]) > 1e-4 * fabs(figures[i][0])) {
      fail_msg("%s: gather %u: figure %d is %g, not %g", what, g, i, (double)figures[i][1], (double)figures[i][0]);
    }
  }
}

/* Compares gather by gather; traces to `tolerance`, everything else exactly. The noise of a trace is compared with that
 * of the trace itself where both are there. Returns the largest distance. */
static inline double compare(const survey *s, const product *cpu, const product *gpu, double tolerance,
                             const char *what) {
  double worst = 0;
  for (sp_local g = 0; g < s->n_gathers; g++) {
    if (cpu->results[g].reason != gpu->results[g].reason) {
      fail_msg("%s: gather %u: reason %u, not %u", what, g, gpu->results[g].reason, cpu->results[g].reason);
    }
    check_crc(s, gpu, g, what);
    check_quality(&cpu->results[g], &gpu->results[g], g, what);
    const bool failed = !sp_reason_is_processed(cpu->results[g].reason);
    for (sp_local t = s->first_trace[g]; t < s->first_trace[g + 1]; t++) {
      const size_t at = (size_t)t * s->n_samples, bytes = s->n_samples * sizeof(float);
      const bool same = !memcmp(cpu->traces + at, gpu->traces + at, bytes) &&
                        (!cpu->noise || !memcmp(cpu->noise + at, gpu->noise + at, bytes));
      if (same) continue;
      double d = distance(cpu->traces + at, gpu->traces + at, s->n_samples);
      if (cpu->noise) d = fmax(d, distance(cpu->noise + at, gpu->noise + at, s->n_samples));
      if (failed || !(d <= tolerance)) fail_msg("%s: gather %u, trace %u: distance %g", what, g, t, d);
      worst = fmax(worst, d);
    }
  }
  return worst;
}

/* Runs on both; a fallback to the CPU is a failure. Returns the largest distance. */
static inline double check_survey(const survey *s, sp_local cut, double tolerance, const char *what) {
  const char *name;
  product *cpu = run_survey(SP_ENGINE_CPU, s, s->n_gathers, &name);
  product *gpu = run_survey(SP_ENGINE_CUDA, s, cut, &name);
  if (strcmp(name, "cuda")) fail_msg("%s: computed by engine %s", what, name);
  const double worst = compare(s, cpu, gpu, tolerance, what);
  free_product(cpu);
  free_product(gpu);
  return worst;
}

/* In main: leaves with a line on standard output where there is no GPU. */
static inline void need_gpu(void) {
  char why[512];
  if (sp_gpu_count(why, sizeof why) > 0) return;
  printf("no GPU: %s\n", why);
  exit(SKIPPED);
}

#endif
