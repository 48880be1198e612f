/* SPDX-License-Identifier: BSD-3-Clause */
/* Batches on the mock device: what cuda/batch.cu does, in plain loops on its streams; steps are the CPU's, a gather at
 * a time. Invariant: row r of an arranged batch is trace place[r]. */
#include <string.h>

#include "seisproc/crc32c.h"
#include "seisproc/memory.h"
#include "src/device/mock.h"
#include "src/flow/gather/batch.h"
#include "src/flow/gather/row_ops.h"

/* What is launched, with its arguments. */
typedef struct launch {
  sp_batch_view view;
  uint32_t n_traces, n_gathers;
  size_t step;
  float *edited;
  const float *from;
  float *to;
  bool back;
} launch;

static launch launch_of(const sp_batch_view *view, const sp_cuda_batch *batch) {
  return (launch){.view = *view, .n_traces = batch->n_traces, .n_gathers = batch->n_gathers};
}

static float *row(float *rows, uint32_t i, uint32_t n) {
  return rows + (size_t)i * n;
}

static unsigned look(const float *x, uint32_t n) {
  return sp_row_ops_select()->scan(x, n);
}

/* --- order and marks -------------- */

static void order_rows(void *argument) {
  const launch *l = argument;
  const sp_batch_view *v = &l->view;
  const uint32_t n = v->n_samples;
  for (uint32_t t = 0; t < l->n_traces; t++) {
    const uint32_t from = v->first_trace[v->gather[t]] + v->order[t];
    memcpy(row(v->in, t, n), row(v->out, from, n), n * sizeof(float));
  }
}

static sp_status receive(const sp_batch_view *view, const sp_cuda_batch *batch, sp_stream stream) {
  const launch l = launch_of(view, batch);
  return view->order ? sp_mock_launch(stream, order_rows, &l, sizeof l) : SP_SUCCESS;
}

static void mark_skipped_traces(void *argument) {
  const launch *l = argument;
  for (uint32_t t = 0; t < l->n_traces; t++) l->view.mark[t] = l->view.skip[t] ? SP_MARK_SKIPPED : SP_MARK_LIVE;
}

static sp_status mark_skipped(const sp_batch_view *view, const sp_cuda_batch *batch, sp_stream stream) {
  const launch l = launch_of(view, batch);
  return view->skip ? sp_mock_launch(stream, mark_skipped_traces, &l, sizeof l) : SP_SUCCESS;
}

static void repair(float *x, uint32_t n) {
  for (uint32_t i = 0; i < n; i++) {
    if (x[i] - x[i] != 0) x[i] = 0; /* infinite, or not a number */
  }
}

static bool is_refused(const sp_batch_view *v, uint32_t g) {
  for (uint32_t step = 0; step < v->n_edits; step++) {
    if (v->reasons[step * (v->max_gathers + 1) + g]) return true;
  }
  return false;
}

static void mark_trace(const sp_batch_view *v, uint32_t t, float *all_edited) {
  const uint32_t n = v->n_samples, g = v->gather[t];
  const bool skip = v->skip && v->skip[t];
  float *in = row(v->in, t, n), *edited = is_refused(v, g) ? in : row(all_edited, t, n);
  unsigned before = look(in, n), after = look(edited, n);
  const bool bad = (after & SP_ROW_NOT_FINITE) && !skip;
  if (bad && v->nan == SP_NAN_ZERO && !v->set_aside[g]) {
    repair(in, n);
    if (edited != in) repair(edited, n);
    before = look(in, n);
    after = look(edited, n);
  }
  v->mark[t] = sp_mark_of(skip, before & SP_ROW_ALIVE, !(before & SP_ROW_NOT_FINITE), after & SP_ROW_ALIVE,
                          !(after & SP_ROW_NOT_FINITE));
  v->n_live[g] += sp_mark_is_live(v->mark[t]);
  v->n_dead[g] += v->mark[t] == SP_MARK_DEAD;
  v->n_bad[g] += bad;
}

static void mark_traces(void *argument) {
  const launch *l = argument;
  for (uint32_t t = 0; t < l->n_traces; t++) mark_trace(&l->view, t, l->edited);
}

static sp_status mark(const sp_batch_view *view, const sp_cuda_batch *batch, float *edited, sp_stream stream) {
  launch l = launch_of(view, batch);
  l.edited = edited;
  return sp_mock_launch(stream, mark_traces, &l, sizeof l);
}

/* --- arrangement -------------- */

static void arrange_rows(void *argument) {
  const launch *l = argument;
  const sp_batch_view *v = &l->view;
  uint32_t n_live = 0;
  for (uint32_t t = 0; t < l->n_traces; t++) {
    v->before[t] = n_live;
    n_live += sp_mark_is_live(v->mark[t]);
  }
  for (uint32_t t = 0; t < l->n_traces; t++) {
    const bool live = sp_mark_is_live(v->mark[t]);
    const uint32_t r = live ? v->before[t] : n_live + t - v->before[t];
    v->place[r] = t;
    v->live_row[t] = live ? r : SP_CUDA_NO_ROW;
    v->row_gather[r] = live ? v->gather[t] : l->n_gathers;
    for (uint32_t k = 0; k < v->n_headers; k++) {
      v->row_columns[(size_t)k * v->max_traces + r] = v->columns[(size_t)k * v->max_traces + t];
    }
  }
  for (uint32_t g = 0; g <= l->n_gathers; g++) {
    v->first_row[g] = v->first_trace[g] < l->n_traces ? v->before[v->first_trace[g]] : n_live;
  }
  v->first_row[l->n_gathers + 1] = l->n_traces;
  *v->n_aside = l->n_traces - n_live;
}

static sp_status arrange(const sp_batch_view *view, const sp_cuda_batch *batch, sp_stream stream) {
  const launch l = launch_of(view, batch);
  return sp_mock_launch(stream, arrange_rows, &l, sizeof l);
}

static void move_apart(const launch *l, float *to) {
  const uint32_t n = l->view.n_samples;
  for (uint32_t r = 0; r < l->n_traces; r++) {
    const uint32_t t = l->view.place[r];
    const float *from = l->from + (size_t)(l->back ? r : t) * n;
    memcpy(row(to, l->back ? t : r, n), from, n * sizeof *from);
  }
}

static void move_rows(void *argument) {
  const launch *l = argument;
  if (l->from != l->to) {
    move_apart(l, l->to);
  } else if (*l->view.n_aside > 0) {
    move_apart(l, l->view.spare);
    memcpy(l->to, l->view.spare, (size_t)l->n_traces * l->view.n_samples * sizeof(float));
  }
}

static sp_status move(const sp_batch_view *view, uint32_t n_traces, const float *from, float *to, bool back,
                      sp_stream stream) {
  const launch l = {.view = *view, .n_traces = n_traces, .from = from, .to = to, .back = back};
  return sp_mock_launch(stream, move_rows, &l, sizeof l);
}

/* --- results -------------- */

static void put(float *to, const float *x, uint32_t n) {
  if (!to) return;
  if (x) memcpy(to, x, n * sizeof *to);
  if (!x) memset(to, 0, n * sizeof *to);
}

/* A trace that stays as it is, or whose result is that it is empty. */
static void give_aside(const sp_batch_view *v, uint32_t r, sp_mark m) {
  const uint32_t n = v->n_samples;
  const bool gone = m == SP_MARK_EMPTIED, zeroed = m == SP_MARK_BAD && v->on_error == SP_ON_ERROR_ZERO;
  const bool keep = v->mode == SP_MODE_NOISE ? gone : !gone && !zeroed;
  const float *in = row(v->in, r, n);
  put(row(v->out, r, n), keep ? in : NULL, n);
  put(v->noise ? row(v->noise, r, n) : NULL, gone ? in : NULL, n);
}

/* As the CPU does (unit.c). */
static void measure(const sp_batch_view *v, uint32_t r) {
  const uint32_t n = v->n_samples, t = v->place[r];
  const sp_mark m = (sp_mark)v->mark[t];
  const float *in = row(v->in, r, n), *out = m == SP_MARK_LIVE ? row(v->out, r, n) : in;
  v->sums[t] = (sp_row_sums){0};
  if (m == SP_MARK_BAD || m == SP_MARK_CURED) return;
  if (m == SP_MARK_EMPTIED) out = memset(row(v->spare, r, n), 0, n * sizeof *out);
  sp_row_ops_select()->measure(in, out, n, &v->sums[t]);
}

/* Rows beyond the last gather's are those that nobody looks at. */
static void measure_rows_of_step(void *argument) {
  const launch *l = argument;
  const sp_batch_view *v = &l->view;
  const uint32_t n = v->n_samples;
  for (uint32_t r = 0; r < v->first_row[l->n_gathers]; r++) {
    sp_row_sums found;
    sp_row_ops_select()->measure(l->from + (size_t)r * n, row(l->to, r, n), n, &found);
    v->steps[l->step * v->max_traces + v->place[r]] = (sp_step_sums){found.in, found.noise};
  }
}

static sp_status measure_step(const sp_batch_view *view, const sp_cuda_batch *batch, size_t step, const float *from,
                              const float *to, sp_stream stream) {
  launch l = launch_of(view, batch);
  l.step = step;
  l.from = from;
  l.to = (float *)to;
  return sp_mock_launch(stream, measure_rows_of_step, &l, sizeof l);
}

/* Where the input is finite, a result that is not shows in the difference. */
static void give(const sp_batch_view *v, uint32_t r) {
  const uint32_t n = v->n_samples, t = v->place[r];
  const sp_mark m = (sp_mark)v->mark[t];
  if (!sp_mark_is_live(m)) {
    give_aside(v, r, m);
    return;
  }
  const float *in = row(v->in, r, n);
  float *out = row(v->out, r, n), *noise = v->noise ? row(v->noise, r, n) : NULL;
  unsigned of_result = look(out, n), of_difference = 0;
  for (uint32_t i = 0; i < n; i++) {
    const float difference = in[i] - out[i];
    if (difference - difference != 0) of_difference = SP_ROW_NOT_FINITE;
    if (noise) noise[i] = difference;
    if (v->mode == SP_MODE_NOISE) out[i] = difference;
  }
  const bool by_result = m == SP_MARK_CURED || v->mode == SP_MODE_PROCESSED;
  if ((by_result ? of_result : of_difference) & SP_ROW_NOT_FINITE) v->failed[v->gather[t]] = 1;
}

static sp_failure failure_of(const sp_batch_view *v, uint32_t g, sp_trace_counts n) {
  if (n.traces == 0) return 0;
  sp_failure failure =
      sp_failure_worst(sp_failure_set_aside(v->n_steps, v->set_aside[g]), sp_failure_of_input(v->n_steps, v->nan, n));
  for (uint32_t step = 0; step < v->n_steps; step++) {
    const uint32_t reason = v->reasons[step * (v->max_gathers + 1) + g];
    failure = sp_failure_worst(failure, sp_failure_of_step(v->n_steps, step, reason));
  }
  return v->failed[g] ? sp_failure_worst(failure, sp_failure_of_result()) : failure;
}

static uint32_t crc_of(const float *rows, uint32_t first, uint32_t end, uint32_t n) {
  return sp_crc32c(0, rows + (size_t)first * n, (size_t)(end - first) * n * sizeof *rows);
}

/* The gather's rows as on_error says where it failed; its results. Rows of the input are arranged. */
static void finish_gather(const launch *l, uint32_t g) {
  const sp_batch_view *v = &l->view;
  const uint32_t n = v->n_samples, first = v->first_trace[g], end = v->first_trace[g + 1];
  const sp_trace_counts counts = {end - first, v->n_live[g], v->n_dead[g], v->n_bad[g]};
  const sp_failure failure = failure_of(v, g, counts);
  const bool clear = v->on_error == SP_ON_ERROR_ZERO || v->mode == SP_MODE_NOISE;
  for (uint32_t r = 0; failure && r < l->n_traces; r++) {
    const uint32_t t = v->place[r];
    if (v->gather[t] != g) continue;
    put(row(v->out, t, n), clear ? NULL : row(v->in, r, n), n);
    put(v->noise ? row(v->noise, t, n) : NULL, NULL, n);
  }
  v->results[g] = sp_gather_reason(failure, counts);
  v->results[v->max_gathers + g] = crc_of(v->out, first, end, n);
  v->results[2 * v->max_gathers + g] = v->noise ? crc_of(v->noise, first, end, n) : 0;
}

static void finish_rows(void *argument) {
  launch *l = argument;
  const sp_batch_view *v = &l->view;
  for (uint32_t r = 0; r < l->n_traces && v->sums; r++) measure(v, r);
  for (uint32_t r = 0; r < l->n_traces; r++) give(v, r);
  l->back = true;
  l->from = l->to = v->out;
  move_rows(l);
  l->from = l->to = v->noise;
  if (v->noise) move_rows(l);
  for (uint32_t g = 0; g < l->n_gathers; g++) finish_gather(l, g);
}

static sp_status finish(const sp_batch_view *view, const sp_cuda_batch *batch, const void *tables, sp_stream stream) {
  const launch l = launch_of(view, batch);
  return sp_mock_launch(stream, finish_rows, &l, sizeof l);
}

/* --- steps -------------- */

typedef struct mock_step {
  sp_cuda_plan base;
  sp_plan *plan; /* the CPU's, for one thread */
  uint32_t n_headers, n_samples, max_gather;
  float *full; /* [2][max_gather][n_samples]: where it takes dead traces */
} mock_step;

typedef struct step_launch {
  const mock_step *step;
  sp_cuda_batch batch;
  sp_cuda_places places;
} step_launch;

static size_t step_bytes(const sp_chain_step *step, const sp_cuda_geometry *geometry) {
  return 1;
}

static void step_destroy(sp_cuda_plan *base) {
  mock_step *s = (mock_step *)base;
  if (!s) return;
  if (s->plan) s->plan->ops->destroy(s->plan);
  sp_free(s->full);
  sp_free(s);
}

static sp_status step_plan(sp_device *device, const sp_chain_step *step, size_t i, const sp_cuda_geometry *geometry,
                           sp_cuda_plan **out) {
  const sp_geometry for_cpu = {.n_samples = geometry->n_samples,
                               .max_traces = geometry->max_traces,
                               .sample_interval_s = geometry->sample_interval_s,
                               .n_threads = 1};
  const char *names[SP_MAX_PROCESSOR_HEADERS];
  void *block = NULL;
  if (i < 31 && sp_mock_orders_of(device)->lacks >> i & 1) return SP_ERR_USAGE;
  SP_TRY(sp_calloc(1, sizeof(mock_step), "a step of the mock device", &block));
  mock_step *s = block;
  sp_status status = step->processor->cpu->plan(step->params, &for_cpu, &s->plan);
  s->max_gather = geometry->max_gather ? geometry->max_gather : geometry->max_traces;
  if (status == SP_SUCCESS && s->plan->takes_dead) {
    status = sp_alloc(2 * (size_t)s->max_gather * geometry->n_samples * sizeof(float), "a step", &s->full);
  }
  if (status != SP_SUCCESS) {
    step_destroy(&s->base);
    return status;
  }
  s->n_headers = (uint32_t)sp_processor_headers(step->processor, step->params, names);
  s->n_samples = geometry->n_samples;
  s->base.in_place = s->plan->locality == SP_LOCAL_TRACE;
  s->base.edits = s->plan->edits;
  s->base.takes_dead = s->plan->takes_dead;
  *out = &s->base;
  return SP_SUCCESS;
}

/* All traces of the gather at their places, zeros where they are not live. */
static sp_reason apply_to_full(const step_launch *l, uint32_t g) {
  const sp_cuda_places *p = &l->places;
  const uint32_t n = l->step->n_samples, first = p->first_trace[g], count = p->first_trace[g + 1] - first;
  float *in = l->step->full, *out = in + (size_t)l->step->max_gather * n;
  const double *headers[SP_MAX_PROCESSOR_HEADERS];
  for (uint32_t k = 0; k < l->step->n_headers; k++) headers[k] = p->headers[k] + first;
  for (uint32_t i = 0; i < count; i++) {
    const uint32_t r = p->row[first + i];
    put(in + (size_t)i * n, r == SP_CUDA_NO_ROW ? NULL : l->batch.in + (size_t)r * n, n);
  }
  const sp_block block = {.in = in, .out = out, .n_traces = count, .count = count, .headers = headers};
  const sp_reason reason = l->step->plan->ops->apply(l->step->plan, 0, &block);
  for (uint32_t i = 0; i < count; i++) {
    const uint32_t r = p->row[first + i];
    if (r != SP_CUDA_NO_ROW) put(l->batch.out + (size_t)r * n, out + (size_t)i * n, n);
  }
  return reason;
}

/* The last gather of a batch is of the traces that nobody looks at. */
static void apply_step(void *argument) {
  const step_launch *l = argument;
  const sp_cuda_batch *b = &l->batch;
  const uint32_t n = l->step->n_samples;
  for (uint32_t g = 0; g + 1 < b->n_gathers; g++) {
    const uint32_t first = b->first_trace[g], count = b->first_trace[g + 1] - first;
    const double *headers[SP_MAX_PROCESSOR_HEADERS];
    if (l->step->full) {
      if (count > 0) b->reason[g] = apply_to_full(l, g);
      continue;
    }
    for (uint32_t k = 0; k < l->step->n_headers; k++) headers[k] = b->headers[k] + first;
    const sp_block block = {.in = b->in + (size_t)first * n,
                            .out = b->out + (size_t)first * n,
                            .n_traces = count,
                            .count = count,
                            .headers = headers};
    if (count > 0) b->reason[g] = l->step->plan->ops->apply(l->step->plan, 0, &block);
  }
}

static sp_status step_apply(sp_cuda_plan *plan, const sp_cuda_batch *batch, sp_stream stream) {
  step_launch l = {.step = (const mock_step *)plan, .batch = *batch};
  if (batch->places) l.places = *batch->places;
  return sp_mock_launch(stream, apply_step, &l, sizeof l);
}

static sp_status create_tables(uint32_t n_samples, uint32_t max_gather, void **out) {
  *out = NULL;
  return SP_SUCCESS;
}

static void destroy_tables(void *tables) {}

const sp_batch_ops sp_batch_mock = {.device = &sp_mock_device,
                                    .step_bytes = step_bytes,
                                    .step_plan = step_plan,
                                    .step_apply = step_apply,
                                    .step_destroy = step_destroy,
                                    .create_tables = create_tables,
                                    .destroy_tables = destroy_tables,
                                    .receive = receive,
                                    .mark_skipped = mark_skipped,
                                    .mark = mark,
                                    .arrange = arrange,
                                    .move = move,
                                    .measure_step = measure_step,
                                    .finish = finish};
