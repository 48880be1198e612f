/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory of batches in flight: sets of buffers on the device and, where the CPU takes part, pinned on the host. */
#include <stdio.h>
#include <string.h>

#include "seisproc/memory.h"
#include "src/flow/gather/device_engine.h"
#include "src/flow/gather/measure.h"

static void lay_out(sp_device_engine *e) {
  const size_t traces = e->chain->max_traces, gathers = e->chain->max_gathers, word = sizeof(uint32_t);
  sp_meta_layout *l = &e->layout;
  l->column = traces * sizeof(double);
  l->headers = 0;
  l->first_trace = e->chain->n_headers * l->column;
  l->set_aside = l->first_trace + (gathers + 1) * word;
  l->gather = l->set_aside + gathers * word;
  l->order = l->gather + traces * word;
  l->skip = l->order + traces * word;
  l->bytes = l->skip + traces * word;
  e->state_bytes = (traces + 1 + 4 * gathers + e->chain->n_steps * (gathers + 1)) * word;
  e->steps_bytes = sp_measured_steps(&e->config) * traces * sizeof(sp_step_sums);
  e->rows_bytes = e->chain->n_headers * l->column + (4 * traces + gathers + 2) * word;
}

static sp_status alloc_on_device(const sp_device_engine *e, size_t bytes, void *out) {
  void *block = NULL;
  SP_TRY(e->device_ops->alloc(e->device, bytes, &block));
  memcpy(out, &block, sizeof block);
  return SP_SUCCESS;
}

sp_status sp_device_alloc_pinned(const sp_device_engine *e, size_t bytes, void *out) {
  void *block = NULL;
  SP_TRY(e->device_ops->alloc_pinned(e->device, bytes, &block));
  memcpy(out, &block, sizeof block);
  return SP_SUCCESS;
}

/* The columns that each step needs, as it wants them. */
static sp_status point_headers(const sp_device_engine *e, sp_batch_set *set) {
  void *block = NULL;
  SP_TRY(sp_calloc(e->chain->n_steps, sizeof *set->headers, "a batch", &block));
  set->headers = block;
  for (size_t i = 0; i < e->chain->n_steps; i++) {
    const sp_device_step *step = &e->chain->steps[i];
    const double *columns[SP_MAX_PROCESSOR_HEADERS] = {0};
    const bool takes_dead = step->plan && step->plan->takes_dead;
    for (size_t k = 0; k < step->n_headers; k++) {
      const char *all = takes_dead ? set->meta + e->layout.headers : set->rows;
      columns[k] = (const double *)(all + step->headers[k] * e->layout.column);
    }
    SP_TRY(alloc_on_device(e, sizeof columns, &set->headers[i]));
    SP_TRY(e->device_ops->copy(e->in, (void *)set->headers[i], columns, sizeof columns, SP_TO_DEVICE));
    SP_TRY(e->device_ops->record(set->arrived, e->in));
    SP_TRY(e->device_ops->wait(set->arrived));
  }
  return SP_SUCCESS;
}

static void point_view(const sp_device_engine *e, sp_batch_set *set) {
  const size_t traces = e->chain->max_traces, gathers = e->chain->max_gathers;
  sp_batch_view *v = &set->view;
  v->n_samples = e->config.n_samples;
  v->n_steps = (uint32_t)e->chain->n_steps;
  v->n_edits = (uint32_t)e->chain->n_edits;
  v->mode = e->config.mode;
  v->on_error = e->config.on_error;
  v->n_headers = (uint32_t)e->chain->n_headers;
  v->nan = e->config.nan;
  v->spare = e->spare;
  v->max_traces = (uint32_t)traces;
  v->max_gathers = (uint32_t)gathers;
  v->first_trace = (const uint32_t *)(set->meta + e->layout.first_trace);
  v->set_aside = (const uint32_t *)(set->meta + e->layout.set_aside);
  v->gather = (const uint32_t *)(set->meta + e->layout.gather);
  v->columns = (const double *)(set->meta + e->layout.headers);
  v->mark = (uint32_t *)set->state;
  v->n_aside = v->mark + traces;
  v->n_live = v->n_aside + 1;
  v->n_dead = v->n_live + gathers;
  v->n_bad = v->n_dead + gathers;
  v->failed = v->n_bad + gathers;
  v->reasons = v->failed + gathers;
  v->row_columns = (double *)set->rows;
  v->place = (uint32_t *)(set->rows + e->chain->n_headers * e->layout.column);
  v->row_gather = v->place + traces;
  v->before = v->row_gather + traces;
  v->live_row = v->before + traces;
  v->first_row = v->live_row + traces;
}

static sp_status create_host_memory(const sp_device_engine *e, sp_batch_set *set) {
  const size_t rows = (size_t)e->chain->max_traces * e->config.n_samples * sizeof(float);
  if (e->chain->n_host_segments == 0) return SP_SUCCESS;
  SP_TRY(sp_device_alloc_pinned(e, rows, &set->host_in));
  SP_TRY(sp_device_alloc_pinned(e, rows, &set->host_out));
  SP_TRY(sp_device_alloc_pinned(e, e->chain->max_traces * sizeof(uint32_t), &set->host_marks));
  return sp_device_alloc_pinned(e, e->chain->max_gathers * sizeof(uint32_t), &set->host_reasons);
}

static sp_status create_set(sp_device_engine *e, sp_batch_set *set) {
  const size_t rows = (size_t)e->chain->max_traces * e->config.n_samples * sizeof(float);
  SP_TRY(e->device_ops->create_event(e->device, false, &set->arrived));
  SP_TRY(e->device_ops->create_event(e->device, false, &set->computed));
  SP_TRY(e->device_ops->create_event(e->device, false, &set->left));
  SP_TRY(alloc_on_device(e, rows, &set->view.in));
  SP_TRY(alloc_on_device(e, rows, &set->view.out));
  if (e->config.mode == SP_MODE_BOTH) SP_TRY(alloc_on_device(e, rows, &set->view.noise));
  SP_TRY(alloc_on_device(e, e->layout.bytes, &set->meta));
  SP_TRY(alloc_on_device(e, e->state_bytes, &set->state));
  SP_TRY(alloc_on_device(e, e->rows_bytes, &set->rows));
  SP_TRY(alloc_on_device(e, 3 * e->chain->max_gathers * sizeof(uint32_t), &set->view.results));
  if (e->config.measure) SP_TRY(alloc_on_device(e, e->chain->max_traces * sizeof *set->view.sums, &set->view.sums));
  set->view.n_measured = (uint32_t)sp_measured_steps(&e->config);
  if (set->view.n_measured > 0) SP_TRY(alloc_on_device(e, e->steps_bytes, &set->view.steps));
  SP_TRY(point_headers(e, set));
  point_view(e, set);
  return create_host_memory(e, set);
}

static void destroy_set(const sp_device_engine *e, sp_batch_set *set) {
  const sp_device_ops *d = e->device_ops;
  for (size_t i = 0; set->headers && i < e->chain->n_steps; i++) d->release(e->device, (void *)set->headers[i]);
  sp_free(set->headers);
  void *const blocks[] = {set->view.in,    set->view.out, set->view.noise, set->view.results, set->view.sums,
                          set->view.steps, set->meta,     set->state,      set->rows};
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) d->release(e->device, blocks[i]);
  void *const pinned[] = {set->host_in, set->host_out, set->host_marks, set->host_reasons};
  for (size_t i = 0; i < sizeof pinned / sizeof *pinned; i++) d->release_pinned(e->device, pinned[i]);
  d->destroy_event(e->device, set->arrived);
  d->destroy_event(e->device, set->computed);
  d->destroy_event(e->device, set->left);
  *set = (sp_batch_set){0};
}

void sp_device_destroy_sets(sp_device_engine *e) {
  for (int i = 0; i < SP_BATCH_SETS; i++) destroy_set(e, &e->sets[i]);
  e->device_ops->release(e->device, e->spare);
  e->spare = NULL;
}

static sp_status create_sets(sp_device_engine *e, char *why, size_t why_size) {
  SP_TRY(sp_device_chain_plan(e->chain, &e->config, why, why_size));
  lay_out(e);
  SP_TRY(alloc_on_device(e, (size_t)e->chain->max_traces * e->config.n_samples * sizeof(float), &e->spare));
  for (int i = 0; i < SP_BATCH_SETS; i++) SP_TRY(create_set(e, &e->sets[i]));
  return SP_SUCCESS;
}

/* In smaller batches where others took memory since it was counted. */
sp_status sp_device_create_sets(sp_device_engine *e, char *why, size_t why_size) {
  for (;;) {
    const sp_status status = create_sets(e, why, why_size);
    if (status != SP_ERR_MEMORY) return status;
    sp_device_destroy_sets(e);
    if (sp_device_chain_shrink(e->chain, &e->config)) continue;
    snprintf(why, why_size, "the GPU's memory does not hold batches of %u traces, the largest gather",
             e->chain->max_traces);
    return SP_ERR_USAGE;
  }
}
