/* SPDX-License-Identifier: BSD-3-Clause */
/* Velocity filter of gathers on the CPU: a gather is computed by one thread, from its traces to rows of one frequency
 * each, and back. */
#include <stdatomic.h>
#include <string.h>

#include "kernels/common/good_length.h"
#include "kernels/fk/fk.h"
#include "kernels/fk/plane_stage.h"
#include "kernels/fk/trace_stage.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/share.h"

enum { BLOCK_TRACES = 16 }; /* that go together from rows of bins to columns: two cache lines a bin */

/* One thread's memory. */
typedef struct line_work {
  char *trace, *line;   /* of the two stages */
  sp_fk_complex *block; /* [BLOCK_TRACES][most bins] */
  sp_fk_complex *rows;  /* [most bins][max_traces] */
  float *filled;        /* [max_traces][n_samples], for gaps: fill */
  double *steps;        /* [max_traces] */
  bool *dead;           /* [max_traces] */
} line_work;

typedef struct fk_plan {
  sp_plan base;
  sp_fk_params params;
  sp_fk_filter filter;
  uint32_t n_samples, max_traces;
  sp_fk_time_axis time, fill_time;
  sp_fk_trace_stage *stage, *fill_stage;
  sp_fk_plane_plans *lines; /* [n_lines], by padded length, ascending */
  uint32_t n_lines;
  line_work *work; /* [n_threads] */
  int n_threads;
  atomic_flag *said; /* that a part of a gather is too short */
} fk_plan;

/* One part of a gather on its way. */
typedef struct part {
  const fk_plan *plan;
  const line_work *work;
  const float *in;
  float *out;
  uint32_t n; /* traces */
  double spacing;
} part;

static void destroy(sp_plan *base) {
  fk_plan *p = (fk_plan *)base;
  if (!p) return;
  for (int i = 0; p->work && i < p->n_threads; i++) {
    sp_free(p->work[i].trace);
    sp_free(p->work[i].line);
    sp_free(p->work[i].block);
    sp_free(p->work[i].rows);
    sp_free(p->work[i].filled);
    sp_free(p->work[i].steps);
    sp_free(p->work[i].dead);
  }
  for (uint32_t i = 0; p->lines && i < p->n_lines; i++) sp_fk_plane_plans_destroy(&p->lines[i]);
  sp_free(p->work);
  sp_free(p->lines);
  sp_fk_trace_stage_destroy(p->stage);
  sp_fk_trace_stage_destroy(p->fill_stage);
  sp_free(p->said);
  sp_free(p);
}

/* --- plan --------------------------------------------------------------------------------------------------------- */

static uint32_t longest_line(const fk_plan *p) {
  const uint32_t n = p->max_traces > SP_FK_LEAST_TRACES ? p->max_traces : SP_FK_LEAST_TRACES;
  const uint32_t filter = sp_fk_padded_length(n, p->filter.pad, false), fill = sp_fk_fill_length(n);
  return p->filter.fill > 0 && fill > filter ? fill : filter;
}

/* Transforms of every length that a part may be padded to: a gather's size is known when it comes. */
static sp_status plan_lines(fk_plan *p) {
  const uint32_t longest = longest_line(p);
  uint32_t n = 0;
  for (uint32_t m = SP_FK_LEAST_TRACES; m <= longest; m = sp_good_length(m + 1, false)) n++;
  void *block;
  SP_TRY(sp_calloc(n, sizeof *p->lines, "transforms of fk", &block));
  p->lines = block;
  for (uint32_t m = SP_FK_LEAST_TRACES; m <= longest; m = sp_good_length(m + 1, false)) {
    SP_TRY(sp_fk_plane_plans_create(m, 1, &p->lines[p->n_lines]));
    p->n_lines++;
  }
  return SP_SUCCESS;
}

static sp_status plan_work(const fk_plan *p, line_work *w) {
  const size_t n_bins =
      p->filter.fill > 0 && p->fill_time.n_bins > p->time.n_bins ? p->fill_time.n_bins : p->time.n_bins;
  const size_t traces = p->max_traces;
  const size_t plain = sp_fk_trace_stage_work(p->stage),
               fill = p->fill_stage ? sp_fk_trace_stage_work(p->fill_stage) : 0;
  void *block;
  SP_TRY(sp_alloc(plain > fill ? plain : fill, "work of fk", &block));
  w->trace = block;
  SP_TRY(sp_alloc(sp_fk_plane_work(longest_line(p), 1), "work of fk", &block));
  w->line = block;
  SP_TRY(sp_alloc(BLOCK_TRACES * n_bins * sizeof *w->block, "work of fk", &block));
  w->block = block;
  SP_TRY(sp_alloc(n_bins * traces * sizeof *w->rows, "work of fk", &block));
  w->rows = block;
  SP_TRY(sp_alloc(traces * sizeof *w->steps, "work of fk", &block));
  w->steps = block;
  SP_TRY(sp_alloc(traces * sizeof *w->dead, "work of fk", &block));
  w->dead = block;
  if (p->filter.fill == 0) return SP_SUCCESS;
  SP_TRY(sp_alloc(traces * p->n_samples * sizeof(float), "work of fk", &block));
  w->filled = block;
  return SP_SUCCESS;
}

static sp_status plan_parts(const sp_geometry *geometry, fk_plan *p) {
  void *block;
  SP_TRY(sp_alloc(sizeof *p->said, "the plan of fk", &block));
  p->said = block;
  atomic_flag_clear(p->said);
  p->time = sp_fk_filter_time_axis(&p->filter);
  SP_TRY(sp_fk_trace_stage_create(&p->time, &p->stage));
  if (p->filter.fill > 0) {
    p->fill_time = sp_fk_fill_time_axis(p->n_samples);
    SP_TRY(sp_fk_trace_stage_create(&p->fill_time, &p->fill_stage));
  }
  SP_TRY(plan_lines(p));
  SP_TRY(sp_calloc((size_t)geometry->n_threads, sizeof *p->work, "work of fk", &block));
  p->work = block;
  p->n_threads = geometry->n_threads;
  for (int i = 0; i < p->n_threads; i++) SP_TRY(plan_work(p, &p->work[i]));
  return SP_SUCCESS;
}

static sp_status plan(const void *values, const sp_geometry *geometry, sp_plan **out) {
  void *block;
  SP_TRY(sp_calloc(1, sizeof(fk_plan), "the plan of fk", &block));
  fk_plan *p = block;
  p->base = (sp_plan){.ops = &sp_fk_cpu, .locality = SP_LOCAL_GATHER, .block_traces = 1, .takes_dead = true};
  p->params = *(const sp_fk_params *)values;
  p->base.compares = !sp_words_have(&p->params.split, "delrt"); /* parts begin at one time */
  p->n_samples = geometry->n_samples;
  p->max_traces = geometry->max_traces;
  sp_fk_filter_of(&p->params, p->n_samples, geometry->sample_interval_s, &p->filter);
  const sp_status status = plan_parts(geometry, p);
  if (status != SP_SUCCESS) {
    destroy(&p->base);
    return status;
  }
  *out = &p->base;
  return SP_SUCCESS;
}

/* --- apply -------------------------------------------------------------------------------------------------------- */

static sp_fk_plane make_line(const fk_plan *p, sp_fk_axis x, double spacing) {
  uint32_t first = 0, end = p->n_lines;
  while (end - first > 1) {
    const uint32_t middle = first + (end - first) / 2;
    if (p->lines[middle].mx <= x.padded) {
      first = middle;
    } else {
      end = middle;
    }
  }
  return (sp_fk_plane){
      .x = x,
      .y = {.n = 1, .padded = 1},
      .grid = {.mt = p->filter.padded, .mx = x.padded, .my = 1, .dt = p->filter.dt, .dx = spacing, .dy = 1},
      .plans = &p->lines[first]};
}

/* A block of traces from [trace][bin] to columns of [bin][trace]. */
static void to_rows(const part *t, uint32_t first, uint32_t count, uint32_t n_bins) {
  for (uint32_t b = 0; b < n_bins; b++) {
    sp_fk_complex *row = t->work->rows + (size_t)b * t->n + first;
    for (uint32_t i = 0; i < count; i++) row[i] = t->work->block[(size_t)i * n_bins + b];
  }
}

static void from_rows(const part *t, uint32_t first, uint32_t count, uint32_t n_bins) {
  for (uint32_t b = 0; b < n_bins; b++) {
    const sp_fk_complex *row = t->work->rows + (size_t)b * t->n + first;
    for (uint32_t i = 0; i < count; i++) t->work->block[(size_t)i * n_bins + b] = row[i];
  }
}

/* The samples that stand for a trace: where it is dead and gaps are filled, those filled in so far. */
static const float *samples_of(const part *t, uint32_t trace) {
  const float *from = t->plan->filter.fill > 0 && t->work->dead[trace] ? t->work->filled : t->in;
  return from + (size_t)trace * t->plan->n_samples;
}

static void transform_traces(const part *t, const sp_fk_trace_stage *stage, uint32_t n_bins) {
  SP_EACH_PIECE (block, 0, t->n, BLOCK_TRACES) {
    const uint32_t first = (uint32_t)block.first, count = (uint32_t)block.count;
    for (uint32_t i = 0; i < count; i++) {
      sp_fk_trace_forward(stage, t->work->trace, samples_of(t, first + i), t->work->block + (size_t)i * n_bins);
    }
    to_rows(t, first, count, n_bins);
  }
}

/* Dead traces from what coherent energy there is in the others (projections onto convex sets). */
static void fill_gaps(const part *t) {
  const fk_plan *p = t->plan;
  const uint32_t n_bins = p->fill_time.n_bins, n_steps = p->filter.fill;
  const sp_fk_axis x = {.n = t->n, .padded = sp_fk_fill_length(t->n)};
  const sp_fk_plane line = make_line(p, x, t->spacing);
  const sp_fk_cells cells = {.n_traces = t->n};
  float largest = 0;
  for (uint32_t i = 0; i < t->n; i++) {
    if (t->work->dead[i]) memset(t->work->filled + (size_t)i * p->n_samples, 0, p->n_samples * sizeof(float));
  }
  for (uint32_t step = 0; step < n_steps; step++) {
    transform_traces(t, p->fill_stage, n_bins);
    for (uint32_t b = 0; step == 0 && b < n_bins; b++) {
      const float found = sp_fk_plane_largest(&line, t->work->line, &cells, t->work->rows + (size_t)b * t->n);
      largest = found > largest ? found : largest;
    }
    const float limit = sp_fk_fill_limit(largest, step, n_steps);
    for (uint32_t b = 0; b < n_bins; b++) {
      sp_fk_plane_project(&line, t->work->line, &cells, limit, t->work->rows + (size_t)b * t->n);
    }
    for (uint32_t i = 0; i < t->n; i++) {
      if (!t->work->dead[i]) continue;
      float *samples = t->work->filled + (size_t)i * p->n_samples;
      from_rows(t, i, 1, n_bins);
      sp_fk_trace_back(p->fill_stage, t->work->trace, samples, t->work->block, samples);
    }
  }
}

static void subtract_removed(const part *t) {
  const fk_plan *p = t->plan;
  const uint32_t n_bins = p->time.n_bins, n = p->n_samples;
  SP_EACH_PIECE (block, 0, t->n, BLOCK_TRACES) {
    const uint32_t first = (uint32_t)block.first, count = (uint32_t)block.count;
    from_rows(t, first, count, n_bins);
    for (uint32_t i = 0; i < count; i++) {
      const float *in = t->in + (size_t)(first + i) * n;
      float *out = t->out + (size_t)(first + i) * n;
      if (t->work->dead[first + i]) {
        memset(out, 0, n * sizeof *out);
        continue;
      }
      sp_fk_trace_back(p->stage, t->work->trace, in, t->work->block + (size_t)i * n_bins, out);
      for (uint32_t k = 0; k < n; k++) out[k] = in[k] - out[k];
    }
  }
}

static bool is_dead(const float *samples, uint32_t n) {
  uint32_t i = 0;
  while (i < n && samples[i] == 0) i++;
  return i == n;
}

static void filter_part(const part *t) {
  const fk_plan *p = t->plan;
  uint32_t n_dead = 0;
  for (uint32_t i = 0; i < t->n; i++) {
    t->work->dead[i] = is_dead(t->in + (size_t)i * p->n_samples, p->n_samples);
    n_dead += t->work->dead[i];
  }
  if (p->filter.fill > 0 && n_dead > 0) fill_gaps(t);
  transform_traces(t, p->stage, p->time.n_bins);
  sp_fk_axis x;
  sp_fk_axis_set(&p->filter, t->n, &x);
  const sp_fk_plane line = make_line(p, x, t->spacing);
  const sp_fk_cells cells = {.n_traces = t->n};
  for (uint32_t b = 0; b < p->time.n_bins; b++) {
    sp_fk_plane_filter(&line, &p->filter.zone, p->time.first_bin + b, t->work->line, &cells,
                       t->work->rows + (size_t)b * t->n);
  }
  subtract_removed(t);
}

static sp_reason apply(const sp_plan *base, int thread, const sp_block *block) {
  const fk_plan *p = (const fk_plan *)base;
  if (block->n_traces < SP_FK_LEAST_TRACES) return SP_REASON_TOO_SHORT;
  for (uint32_t first = 0, end; first < block->n_traces; first = end) {
    end = sp_fk_part_end(&p->params, block->headers, first, block->n_traces);
    const size_t start = (size_t)first * p->n_samples;
    part t = {
        .plan = p, .work = &p->work[thread], .in = block->in + start, .out = block->out + start, .n = end - first};
    if (t.n < SP_FK_LEAST_TRACES) {
      memcpy(t.out, t.in, (size_t)t.n * p->n_samples * sizeof *t.out);
      if (!atomic_flag_test_and_set(p->said)) {
        sp_info("fk: a part of a gather has only %u traces; parts of fewer than %d are left as they are", t.n,
                SP_FK_LEAST_TRACES);
      }
      continue;
    }
    const sp_reason reason = sp_fk_spacing(&p->params, block->headers, first, t.n, t.work->steps, &t.spacing);
    if (reason != SP_REASON_OK) return reason;
    filter_part(&t);
  }
  return SP_REASON_OK;
}

const sp_cpu_ops sp_fk_cpu = {plan, apply, destroy};
