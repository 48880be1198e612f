/* SPDX-License-Identifier: BSD-3-Clause */
/* Processors for the engine tests, of every locality, with refusals, overflows and what can be undone; and the random
 * numbers that surveys and orders are made from. */
#ifndef SEISPROC_TESTS_FLOW_STEPS_H
#define SEISPROC_TESTS_FLOW_STEPS_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "seisproc/engine.h"
#include "seisproc/memory.h"

/* --- random numbers --------------------------------------------------------------------------------------------- */

static inline uint64_t random_bits(uint64_t *state) {
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

/* From 0 up to but not including n. */
static inline uint32_t random_below(uint64_t *state, uint32_t n) {
  return (uint32_t)(random_bits(state) % n);
}

static inline float random_sample(uint64_t *state) {
  return (float)((double)(random_bits(state) >> 11) * 0x1p-52 - 1.0);
}

/* --- processors ------------------------------------------------------------------------------------------------- */

enum { MAX_TEST_THREADS = 16 };

typedef struct step_params {
  sp_locality locality;
  uint32_t block_traces;
  float gain;
  double refuse_above; /* a trace with a larger first header is refused (0: none), for this reason: */
  sp_reason reason;
  bool overflow;   /* finite input leaves as Inf */
  unsigned micros; /* that a call takes at least */
  bool keeps;      /* results are scaled by powers of two that a later step may undo */
} step_params;

typedef struct step_plan {
  sp_plan base;
  step_params params;
  sp_geometry geometry;
  atomic_int calls_of_thread[MAX_TEST_THREADS]; /* going on now */
} step_plan;

static inline void step_destroy(sp_plan *plan) {
  free(plan);
}

/* One row of the result. `in` is a whole gather. */
static inline void step_row(const step_params *p, const float *in, uint32_t n_traces, uint32_t n, uint32_t row,
                            double header, float *out) {
  const float factor = p->gain + 1e-4f * (float)header;
  for (uint32_t j = 0; j < n; j++) {
    const float x = in[(size_t)row * n + j];
    float y = x * factor + 0.01f * x * x;
    if (p->locality == SP_LOCAL_BLOCK) {
      for (uint32_t k = row > 2 ? row - 2 : 0; k <= row + 2 && k < n_traces; k++) y += 0.125f * in[(size_t)k * n + j];
    } else if (p->locality == SP_LOCAL_GATHER) {
      y += in[j] - 0.5f * in[(size_t)(n_traces - 1 - row) * n + j];
    }
    out[j] = p->overflow ? copysignf(1e30f, y) * 1e30f : y;
  }
}

/* By what a sample of a step that keeps is scaled: exact, and another one for each row and sample. */
static inline float kept_factor(float y, uint32_t row, uint32_t j) {
  return ldexpf(1, (int)(row % 5) - (int)(j % 3) + (y > 0));
}

static inline void scale_row(float *out, float *kept, uint32_t row, uint32_t n) {
  for (uint32_t j = 0; j < n; j++) {
    kept[j] = kept_factor(out[j], row, j);
    out[j] *= kept[j];
  }
}

static inline sp_reason step_undo(const sp_plan *plan, int thread, const sp_block *b) {
  const step_plan *p = (const step_plan *)plan;
  const uint32_t n = p->geometry.n_samples;
  for (size_t i = (size_t)b->first * n; i < (size_t)(b->first + b->count) * n; i++) b->out[i] = b->in[i] / b->kept[i];
  return SP_REASON_OK;
}

static inline sp_reason step_apply(const sp_plan *plan, int thread, const sp_block *b) {
  step_plan *p = (step_plan *)(uintptr_t)plan;
  const uint32_t n = p->geometry.n_samples;
  if (thread < 0 || thread >= p->geometry.n_threads || atomic_fetch_add(&p->calls_of_thread[thread], 1) != 0) abort();
  if (b->count == 0 || b->first + b->count > b->n_traces || b->n_traces > p->geometry.max_traces) abort();
  if (p->params.locality == SP_LOCAL_GATHER && b->count != b->n_traces) abort();
  if (p->params.locality != SP_LOCAL_TRACE && b->in == b->out) abort();
  sp_reason reason = SP_REASON_OK;
  for (uint32_t i = b->first; i < b->first + b->count; i++) {
    if (p->params.refuse_above != 0 && b->headers[0][i] > p->params.refuse_above) reason = p->params.reason;
    step_row(&p->params, b->in, b->n_traces, n, i, b->headers[0][i], b->out + (size_t)i * n);
    /* by the header, not the row: a trace-local step does not know where in the gather it is */
    if (b->kept) scale_row(b->out + (size_t)i * n, b->kept + (size_t)i * n, (uint32_t)b->headers[0][i], n);
  }
  const struct timespec pause = {.tv_nsec = (long)p->params.micros * 1000};
  if (p->params.micros) nanosleep(&pause, NULL);
  atomic_fetch_sub(&p->calls_of_thread[thread], 1);
  return reason;
}

static inline sp_status step_make_plan(const void *params, const sp_geometry *geometry, sp_plan **out);

static const sp_cpu_ops step_ops = {step_make_plan, step_apply, step_destroy};

static inline sp_status step_make_plan(const void *params, const sp_geometry *geometry, sp_plan **out) {
  step_plan *p = calloc(1, sizeof *p);
  p->params = *(const step_params *)params;
  p->geometry = *geometry;
  p->base = (sp_plan){.ops = &step_ops, .locality = p->params.locality, .block_traces = p->params.block_traces};
  if (p->params.keeps) p->base.keep_floats = geometry->n_samples;
  *out = &p->base;
  return SP_SUCCESS;
}

/* Two that need headers, in different order, so that columns must be mapped. */
static const sp_processor by_offset = {
    .name = "by_offset", .headers = {"offset", NULL}, .cpu = &step_ops, .undo = step_undo};
static const sp_processor by_cdp = {
    .name = "by_cdp", .headers = {"cdp", "offset", NULL}, .cpu = &step_ops, .undo = step_undo};

#endif
