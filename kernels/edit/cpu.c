/* SPDX-License-Identifier: BSD-3-Clause */
/* Trace editing on the CPU, a gather a call: first each trace by itself, then traces beside each other. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/edit/edit.h"
#include "seisproc/expression.h"
#include "seisproc/memory.h"

/* What a thread works with. */
typedef struct scratch {
  float *sorted;       /* [window]: |x| around a sample, ascending */
  unsigned char *bad;  /* [n_samples] */
  double *rms;         /* [max_traces]; 0: dead */
  double *around;      /* [aperture] */
  unsigned char *kill; /* [max_traces] */
} scratch;

typedef struct edit_plan {
  sp_plan base;
  sp_edit_params params;
  sp_expression *kill;      /* NULL: none */
  uint32_t n_samples, half; /* half a window, samples */
  int n_threads;
  scratch *scratch; /* [n_threads] */
} edit_plan;

static void destroy(sp_plan *base) {
  edit_plan *p = (edit_plan *)base;
  if (!p) return;
  for (int i = 0; p->scratch && i < p->n_threads; i++) {
    sp_free(p->scratch[i].sorted);
    sp_free(p->scratch[i].bad);
    sp_free(p->scratch[i].rms);
    sp_free(p->scratch[i].around);
    sp_free(p->scratch[i].kill);
  }
  sp_free(p->scratch);
  sp_expression_destroy(p->kill);
  sp_free(p);
}

static sp_status make_scratch(const edit_plan *p, uint32_t max_traces, scratch *s) {
  void *block;
  SP_TRY(sp_alloc((2 * (size_t)p->half + 1) * sizeof(float), "work of edit", &block));
  s->sorted = block;
  SP_TRY(sp_alloc(p->n_samples, "work of edit", &block));
  s->bad = block;
  SP_TRY(sp_calloc(max_traces, sizeof(double), "work of edit", &block));
  s->rms = block;
  SP_TRY(sp_calloc((size_t)p->params.aperture, sizeof(double), "work of edit", &block));
  s->around = block;
  SP_TRY(sp_alloc(max_traces, "work of edit", &block));
  s->kill = block;
  return SP_SUCCESS;
}

static sp_status plan(const void *values, const sp_geometry *geometry, sp_plan **out) {
  void *block;
  sp_status status;
  char why[SP_WHY_SIZE];
  SP_TRY(sp_calloc(1, sizeof(edit_plan), "the plan of edit", &block));
  edit_plan *p = block;
  p->base = (sp_plan){.ops = &sp_edit_cpu, .locality = SP_LOCAL_GATHER, .block_traces = 1, .edits = true};
  p->params = *(const sp_edit_params *)values;
  p->base.compares = p->params.interpolate > 0;
  p->n_samples = geometry->n_samples;
  p->n_threads = geometry->n_threads;
  const double half = round(p->params.window * 1e-3 / geometry->sample_interval_s / 2);
  p->half = half < p->n_samples ? (uint32_t)half : p->n_samples;
  if (p->params.kill.text[0]) SP_TRY_GOTO(fail, sp_condition_parse(p->params.kill.text, why, sizeof why, &p->kill));
  SP_TRY_GOTO(fail, sp_calloc((size_t)p->n_threads, sizeof(scratch), "work of edit", &block));
  p->scratch = block;
  for (int i = 0; i < p->n_threads; i++) SP_TRY_GOTO(fail, make_scratch(p, geometry->max_traces, &p->scratch[i]));
  *out = &p->base;
  return SP_SUCCESS;
fail:
  destroy(&p->base);
  return status;
}

/* --- samples ------------------------------------------------------------------------------------------------- */

/* Replaces the samples that are marked by the line between the nearest ones that are not; all marked: zeros. */
static void fill_samples(float *x, const unsigned char *bad, uint32_t n) {
  for (uint32_t i = 0; i < n;) {
    if (!bad[i]) {
      i++;
      continue;
    }
    uint32_t end = i;
    while (end < n && bad[end]) end++;
    const float left = i > 0 ? x[i - 1] : end < n ? x[end] : 0, right = end < n ? x[end] : left;
    const uint32_t steps = end - i + 1;
    for (uint32_t k = i; k < end; k++) {
      const double w = (double)(k - i + 1) / steps;
      x[k] = (float)((1 - w) * left + w * right);
    }
    i = end;
  }
}

static void repair_nan(const edit_plan *p, scratch *s, float *x) {
  uint32_t n_bad = 0;
  for (uint32_t i = 0; i < p->n_samples; i++) n_bad += s->bad[i] = !isfinite(x[i]);
  if (n_bad == 0) return;
  if (p->params.nan == SP_EDIT_KILL) {
    memset(x, 0, p->n_samples * sizeof *x);
  } else if (p->params.nan == SP_EDIT_INTERPOLATE) {
    fill_samples(x, s->bad, p->n_samples);
  } else {
    for (uint32_t i = 0; i < p->n_samples; i++) x[i] = s->bad[i] ? 0 : x[i];
  }
}

/* Place of the first value that is not less than v. */
static uint32_t place_of(const float *sorted, uint32_t n, float v) {
  uint32_t low = 0, high = n;
  while (low < high) {
    const uint32_t middle = (low + high) / 2;
    if (sorted[middle] < v) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

static void insert(float *sorted, uint32_t *n, float v) {
  const uint32_t at = place_of(sorted, *n, v);
  memmove(sorted + at + 1, sorted + at, (*n - at) * sizeof *sorted);
  sorted[at] = v;
  ++*n;
}

static void remove_value(float *sorted, uint32_t *n, float v) {
  const uint32_t at = place_of(sorted, *n, v);
  memmove(sorted + at, sorted + at + 1, (*n - at - 1) * sizeof *sorted);
  --*n;
}

/* Samples that are not finite count as zero: they are not spikes. */
static float magnitude(float x) {
  return isfinite(x) ? fabsf(x) : 0;
}

static void despike(const edit_plan *p, scratch *s, float *x) {
  const uint32_t n = p->n_samples, half = p->half;
  uint32_t in_window = 0, n_bad = 0;
  for (uint32_t i = 0; i < half && i < n; i++) insert(s->sorted, &in_window, magnitude(x[i]));
  for (uint32_t i = 0; i < n; i++) {
    if (i + half < n) insert(s->sorted, &in_window, magnitude(x[i + half]));
    const double median = 0.5 * ((double)s->sorted[(in_window - 1) / 2] + (double)s->sorted[in_window / 2]);
    n_bad += s->bad[i] = median > 0 && isfinite(x[i]) && fabs((double)x[i]) > p->params.despike * median;
    if (i >= half) remove_value(s->sorted, &in_window, magnitude(x[i - half]));
  }
  if (n_bad) fill_samples(x, s->bad, n);
}

/* --- traces -------------------------------------------------------------------------------------------------- */

static bool is_dead(const float *x, uint32_t n) {
  for (uint32_t i = 0; i < n; i++) {
    if (x[i] != 0) return false;
  }
  return true;
}

static bool is_to_be_killed(const edit_plan *p, const sp_block *block, uint32_t trace) {
  double values[SP_MAX_PROCESSOR_HEADERS];
  if (!p->kill) return false;
  for (size_t k = 0; k < sp_expression_n_names(p->kill); k++) values[k] = block->headers[k][trace];
  return sp_condition_holds(p->kill, values);
}

static int compare(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median_around(const edit_plan *p, scratch *s, uint32_t n_traces, uint32_t trace) {
  const uint32_t half = (uint32_t)p->params.aperture / 2;
  const uint32_t first = trace > half ? trace - half : 0, end = trace + half < n_traces ? trace + half + 1 : n_traces;
  size_t n = 0;
  for (uint32_t i = first; i < end; i++) {
    if (s->rms[i] > 0) s->around[n++] = s->rms[i];
  }
  if (n == 0) return 0;
  qsort(s->around, n, sizeof *s->around, compare);
  return 0.5 * (s->around[(n - 1) / 2] + s->around[n / 2]);
}

static void kill_by_rms(const edit_plan *p, scratch *s, float *out, uint32_t n_traces) {
  const uint32_t n = p->n_samples;
  for (uint32_t i = 0; i < n_traces; i++) {
    double sum = 0;
    for (uint32_t k = 0; k < n; k++) sum += (double)out[(size_t)i * n + k] * out[(size_t)i * n + k];
    s->rms[i] = isfinite(sum) ? sqrt(sum / n) : 0; /* what is not finite is left to the job's own rule */
  }
  for (uint32_t i = 0; i < n_traces; i++) {
    const double median = median_around(p, s, n_traces, i), limit = p->params.kill_rms;
    s->kill[i] = s->rms[i] > 0 && (s->rms[i] > limit * median || limit * s->rms[i] < median);
  }
  for (uint32_t i = 0; i < n_traces; i++) {
    if (s->kill[i]) memset(out + (size_t)i * n, 0, n * sizeof *out);
  }
}

static void fill_traces(const edit_plan *p, scratch *s, float *out, uint32_t n_traces) {
  const size_t n = p->n_samples;
  for (uint32_t i = 0; i < n_traces; i++) s->kill[i] = is_dead(out + i * n, p->n_samples);
  for (uint32_t i = 0; i < n_traces;) {
    uint32_t end = i;
    while (end < n_traces && s->kill[end]) end++;
    const bool inside = i > 0 && end < n_traces && end - i <= (uint32_t)p->params.interpolate;
    for (uint32_t t = i; inside && t < end; t++) {
      const double w = (double)(t - i + 1) / (end - i + 1);
      const float *left = out + (i - 1) * n, *right = out + end * n;
      for (size_t k = 0; k < n; k++) out[t * n + k] = (float)((1 - w) * left[k] + w * right[k]);
    }
    i = end + 1;
  }
}

static sp_reason apply(const sp_plan *base, int thread, const sp_block *block) {
  const edit_plan *p = (const edit_plan *)base;
  scratch *s = &p->scratch[thread];
  const size_t n = p->n_samples;
  memcpy(block->out, block->in, block->n_traces * n * sizeof(float));
  for (uint32_t i = 0; i < block->n_traces; i++) {
    float *x = block->out + i * n;
    if (is_to_be_killed(p, block, i)) {
      memset(x, 0, n * sizeof *x);
      continue;
    }
    if (p->params.nan != SP_EDIT_KEEP) repair_nan(p, s, x);
    if (p->params.despike > 0) despike(p, s, x);
  }
  if (p->params.kill_rms > 0) kill_by_rms(p, s, block->out, block->n_traces);
  if (p->params.interpolate > 0) fill_traces(p, s, block->out, block->n_traces);
  return SP_REASON_OK;
}

const sp_cpu_ops sp_edit_cpu = {plan, apply, destroy};
