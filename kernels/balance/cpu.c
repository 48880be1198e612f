/* SPDX-License-Identifier: BSD-3-Clause */
/* Trace balance on the CPU: a gather a call where the level is the gather's, else trace by trace. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/balance/balance.h"
#include "seisproc/memory.h"

typedef struct balance_plan {
  sp_plan base;
  sp_balance_params params;
  uint32_t n_samples;
  size_t n_levels; /* that a thread has room for, twice */
  double *levels;
  float *magnitudes; /* [n_samples] a thread */
} balance_plan;

static void destroy(sp_plan *base) {
  balance_plan *p = (balance_plan *)base;
  if (!p) return;
  sp_free(p->magnitudes);
  sp_free(p->levels);
  sp_free(p);
}

static sp_status plan(const void *values, const sp_geometry *geometry, sp_plan **out) {
  void *block;
  sp_status status;
  SP_TRY(sp_calloc(1, sizeof(balance_plan), "the plan of balance", &block));
  balance_plan *p = block;
  p->params = *(const sp_balance_params *)values;
  const bool whole = isnan(p->params.level);
  p->base = (sp_plan){.ops = &sp_balance_cpu,
                      .locality = whole ? SP_LOCAL_GATHER : SP_LOCAL_TRACE,
                      .block_traces = 4,
                      .keep_floats = 1};
  p->n_samples = geometry->n_samples;
  p->n_levels = geometry->max_traces;
  const size_t n_threads = (size_t)geometry->n_threads;
  SP_TRY_GOTO(fail, sp_calloc(2 * n_threads * p->n_levels, sizeof(double), "work of balance", &block));
  p->levels = block;
  SP_TRY_GOTO(fail, sp_calloc(n_threads * p->n_samples, sizeof(float), "work of balance", &block));
  p->magnitudes = block;
  *out = &p->base;
  return SP_SUCCESS;
fail:
  destroy(&p->base);
  return status;
}

static int compare_floats(const void *a, const void *b) {
  const float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

static int compare_doubles(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* 0 for a trace that has no level: dead, or not finite. */
static double measure(const balance_plan *p, float *magnitudes, const float *x) {
  const uint32_t n = p->n_samples;
  double sum = 0;
  float peak = 0;
  for (uint32_t i = 0; i < n; i++) {
    sum += (double)x[i] * x[i];
    magnitudes[i] = fabsf(x[i]);
    peak = magnitudes[i] > peak ? magnitudes[i] : peak;
  }
  if (!isfinite(sum)) return 0;
  if (p->params.measure == SP_BALANCE_RMS) return sqrt(sum / n);
  if (p->params.measure == SP_BALANCE_PEAK) return peak;
  qsort(magnitudes, n, sizeof *magnitudes, compare_floats);
  return 0.5 * ((double)magnitudes[(n - 1) / 2] + (double)magnitudes[n / 2]);
}

static double median_level(const double *levels, double *sorted, uint32_t n_traces) {
  size_t n = 0;
  for (uint32_t i = 0; i < n_traces; i++) {
    if (levels[i] > 0) sorted[n++] = levels[i];
  }
  if (n == 0) return 0;
  qsort(sorted, n, sizeof *sorted, compare_doubles);
  return 0.5 * (sorted[(n - 1) / 2] + sorted[n / 2]);
}

static sp_reason apply(const sp_plan *base, int thread, const sp_block *block) {
  const balance_plan *p = (const balance_plan *)base;
  const size_t n = p->n_samples, first = block->first, end = first + block->count;
  double *levels = p->levels + 2 * (size_t)thread * p->n_levels;
  float *magnitudes = p->magnitudes + (size_t)thread * n;
  for (size_t i = first; i < end; i++) levels[i] = measure(p, magnitudes, block->in + i * n);
  const double target =
      isnan(p->params.level) ? median_level(levels, levels + p->n_levels, block->n_traces) : p->params.level;
  for (size_t i = first; i < end; i++) {
    const float factor = levels[i] > 0 ? (float)(target / levels[i]) : 1;
    if (block->kept) block->kept[i] = factor;
    for (size_t k = i * n; k < (i + 1) * n; k++) block->out[k] = block->in[k] * factor;
  }
  return SP_REASON_OK;
}

sp_reason sp_balance_undo(const sp_plan *base, int thread, const sp_block *block) {
  const size_t n = ((const balance_plan *)base)->n_samples;
  for (size_t i = block->first; i < (size_t)block->first + block->count; i++) {
    for (size_t k = i * n; k < (i + 1) * n; k++) block->out[k] = block->in[k] / block->kept[i];
  }
  return SP_REASON_OK;
}

const sp_cpu_ops sp_balance_cpu = {plan, apply, destroy};
