/* SPDX-License-Identifier: BSD-3-Clause */
/* What is queued for a batch: it arrives, passes through the segments of the chain, and leaves.
 *
 * Everything is queued ahead; events alone keep the order: a set is filled when what it held has left, computed when it
 * has arrived, and leaves when it is computed. Where a segment is the CPU's, the rows leave for memory of the host in
 * the order of traces, and the rest is queued when the CPU has done its part.
 */
#include <string.h>

#include "src/flow/gather/device_engine.h"

/* --- the description of a batch -------------- */

/* The gathers of the next batch: as many as it holds, at least one. */
static void choose_gathers(const sp_device_engine *e, const sp_slab *slab, sp_local first, sp_batch_note *note) {
  sp_local end = first + 1;
  while (end < slab->n_gathers && end - first < e->chain->max_gathers &&
         slab->first_trace[end + 1] - slab->first_trace[first] <= e->chain->max_traces) {
    end++;
  }
  note->first_gather = first;
  note->n_gathers = end - first;
  note->n_traces = slab->first_trace[end] - slab->first_trace[first];
}

static void describe(const sp_device_engine *e, const sp_slab *slab, const sp_batch_note *note) {
  const sp_local start = slab->first_trace[note->first_gather];
  uint32_t *first_trace = (uint32_t *)(note->meta + e->layout.first_trace);
  uint32_t *set_aside = (uint32_t *)(note->meta + e->layout.set_aside);
  uint32_t *gather = (uint32_t *)(note->meta + e->layout.gather);
  for (sp_local g = 0; g < note->n_gathers; g++) {
    first_trace[g] = slab->first_trace[note->first_gather + g] - start;
    set_aside[g] = slab->set_aside ? slab->set_aside[note->first_gather + g] : 0;
    const sp_local end = slab->first_trace[note->first_gather + g + 1] - start;
    for (sp_local t = first_trace[g]; t < end; t++) gather[t] = g;
  }
  first_trace[note->n_gathers] = note->n_traces;
  if (slab->order) memcpy(note->meta + e->layout.order, slab->order + start, note->n_traces * sizeof(uint32_t));
  if (slab->skip) {
    uint32_t *skip = (uint32_t *)(note->meta + e->layout.skip);
    for (sp_local t = 0; t < note->n_traces; t++) skip[t] = slab->skip[start + t];
  }
  for (size_t k = 0; k < e->chain->n_headers; k++) {
    memcpy(note->meta + e->layout.headers + k * e->layout.column, slab->headers[k] + start,
           note->n_traces * sizeof(double));
  }
}

void sp_batch_cut(sp_device_engine *e, sp_ticket *t) {
  t->n_batches = t->n_queued = 0;
  for (sp_local g = 0; g < t->slab->n_gathers;) {
    sp_batch_note *note = &t->batches[t->n_batches++];
    choose_gathers(e, t->slab, g, note);
    describe(e, t->slab, note);
    note->segment = 0;
    note->n_parts = 0;
    note->arranged = note->marked = note->on_host = false;
    g += note->n_gathers;
  }
}

static size_t sample_bytes(const sp_device_engine *e, const sp_batch_note *note) {
  return (size_t)note->n_traces * e->config.n_samples * sizeof(float);
}

static size_t first_sample(const sp_device_engine *e, const sp_batch_note *note) {
  return (size_t)note->ticket->slab->first_trace[note->first_gather] * e->config.n_samples;
}

/* As it came, or, where the rows are arranged, with one more gather. */
static sp_cuda_batch batch_of(const sp_batch_note *note, bool arranged) {
  const sp_batch_view *v = &note->set->view;
  return (sp_cuda_batch){.n_traces = note->n_traces,
                         .n_gathers = note->n_gathers + arranged,
                         .first_trace = arranged ? v->first_row : v->first_trace,
                         .gather = arranged ? v->row_gather : v->gather};
}

/* --- marks and rows -------------- */

static sp_status move_in_place(const sp_device_engine *e, const sp_batch_note *note, float *rows, bool back) {
  return e->chain->ops->move(&note->set->view, note->n_traces, rows, rows, back, e->compute);
}

/* The input, and what the steps that edit left of it. */
static sp_status move_both(const sp_device_engine *e, sp_batch_note *note, bool back) {
  const sp_batch_view *v = &note->set->view;
  SP_TRY(move_in_place(e, note, v->in, back));
  if (note->at != v->in) SP_TRY(move_in_place(e, note, note->at, back));
  note->arranged = !back;
  return SP_SUCCESS;
}

static sp_status arrange(const sp_device_engine *e, sp_batch_note *note) {
  const sp_cuda_batch came = batch_of(note, false);
  SP_TRY(e->chain->ops->arrange(&note->set->view, &came, e->compute));
  return move_both(e, note, false);
}

/* Steps that edit see all traces that are to be processed, and no others. */
static sp_status arrange_for_edits(const sp_device_engine *e, sp_batch_note *note) {
  const sp_cuda_batch came = batch_of(note, false);
  SP_TRY(e->chain->ops->mark_skipped(&note->set->view, &came, e->compute));
  return arrange(e, note);
}

static sp_status mark(const sp_device_engine *e, sp_batch_note *note) {
  const sp_cuda_batch came = batch_of(note, false);
  if (note->arranged) SP_TRY(move_both(e, note, true));
  SP_TRY(e->chain->ops->mark(&note->set->view, &came, note->at, e->compute));
  note->marked = true;
  return arrange(e, note);
}

/* --- segments -------------- */

/* Whether a step leaves what it computes at another place. The input is never overwritten, nor what is measured. */
static bool moves(const sp_device_engine *e, const sp_batch_view *v, size_t step, bool at_input) {
  return at_input || step < v->n_measured || !e->chain->steps[step].plan->in_place;
}

static size_t count_moves(const sp_device_engine *e, const sp_batch_note *note, size_t first, size_t end) {
  bool at_input = note->at == note->set->view.in;
  size_t n = 0;
  for (size_t i = first; i < end; i++) {
    n += moves(e, &note->set->view, i, at_input);
    at_input = false;
  }
  return n;
}

static sp_status measure_step(const sp_device_engine *e, const sp_batch_note *note, size_t i, const float *from) {
  const sp_batch_view *v = &note->set->view;
  const sp_cuda_batch came = batch_of(note, false);
  return i < v->n_measured ? e->chain->ops->measure_step(v, &came, i, from, note->at, e->compute) : SP_SUCCESS;
}

static sp_status queue_step(const sp_device_engine *e, sp_batch_note *note, size_t i, float *to) {
  const sp_batch_view *v = &note->set->view;
  const float *from = note->at;
  sp_cuda_batch batch = batch_of(note, note->arranged);
  batch.in = note->at;
  batch.out = to;
  batch.headers = note->set->headers[i];
  batch.reason = v->reasons + i * (v->max_gathers + 1);
  note->at = to;
  const sp_cuda_places places = {.n_traces = note->n_traces,
                                 .n_gathers = note->n_gathers,
                                 .first_trace = v->first_trace,
                                 .headers = batch.headers,
                                 .row = v->live_row,
                                 .trace = v->place};
  if (e->chain->steps[i].plan->takes_dead) batch.places = &places;
  SP_TRY(e->chain->ops->step_apply(e->chain->steps[i].plan, &batch, e->compute));
  return measure_step(e, note, i, from);
}

/* Steps work in place or between `out` and `spare`, so that the last one leaves its result in `out`. */
static sp_status queue_steps(const sp_device_engine *e, sp_batch_note *note, const sp_segment *segment) {
  const sp_batch_view *v = &note->set->view;
  const size_t end = segment->first + segment->n_steps;
  if (note->n_traces == 0) return SP_SUCCESS;
  if (note->at == v->out && count_moves(e, note, segment->first, end) % 2) {
    SP_TRY(e->device_ops->copy(e->compute, v->spare, v->out, sample_bytes(e, note), SP_WITHIN_DEVICE));
    note->at = v->spare;
  }
  for (size_t i = segment->first; i < end; i++) {
    float *to = note->at;
    if (moves(e, v, i, note->at == v->in)) to = count_moves(e, note, i, end) % 2 ? v->out : v->spare;
    SP_TRY(queue_step(e, note, i, to));
  }
  return SP_SUCCESS;
}

/* The rows, and which of them are live, to memory of the host. */
static sp_status queue_departure(const sp_device_engine *e, sp_batch_note *note) {
  const sp_batch_set *set = note->set;
  const sp_batch_view *v = &set->view;
  const sp_device_ops *d = e->device_ops;
  if (note->arranged) {
    SP_TRY(e->chain->ops->move(v, note->n_traces, note->at, v->out, true, e->compute));
    note->at = v->out;
  }
  SP_TRY(d->record(note->ended[note->n_parts++], e->compute));
  SP_TRY(d->record(set->computed, e->compute));
  SP_TRY(d->after(e->out, set->computed));
  if (d->deliver) SP_TRY(d->deliver(e->out));
  SP_TRY(d->copy(e->out, set->host_in, note->at, sample_bytes(e, note), SP_TO_HOST));
  SP_TRY(d->copy(e->out, set->host_marks, v->mark, note->n_traces * sizeof(uint32_t), SP_TO_HOST));
  return d->call(e->out, sp_conductor_receive, note);
}

/* What the CPU has made of them comes back into `out`. */
static sp_status queue_return(const sp_device_engine *e, sp_batch_note *note) {
  sp_batch_set *set = note->set;
  const sp_batch_view *v = &set->view;
  const sp_device_ops *d = e->device_ops;
  uint32_t *reasons = v->reasons + e->chain->segments[note->segment].first * (v->max_gathers + 1);
  for (sp_local g = 0; g < note->n_gathers; g++) set->host_reasons[g] = note->reasons[g].reason;
  SP_TRY(d->copy(e->in, v->out, set->host_out, sample_bytes(e, note), SP_TO_DEVICE));
  SP_TRY(d->copy(e->in, reasons, set->host_reasons, note->n_gathers * sizeof(uint32_t), SP_TO_DEVICE));
  SP_TRY(d->record(set->arrived, e->in));
  SP_TRY(d->after(e->compute, set->arrived));
  SP_TRY(d->record(note->begun[note->n_parts], e->compute));
  note->at = v->out;
  if (note->arranged) SP_TRY(move_in_place(e, note, v->out, false));
  note->segment++;
  return SP_SUCCESS;
}

/* --- a batch -------------- */

static sp_status queue_arrival(const sp_device_engine *e, const sp_batch_note *note) {
  const sp_batch_set *set = note->set;
  const sp_slab *slab = note->ticket->slab;
  const sp_device_ops *d = e->device_ops;
  float *to = slab->order ? set->view.out : set->view.in;
  SP_TRY(d->after(e->in, set->left));
  SP_TRY(d->copy(e->in, set->meta, note->meta, e->layout.bytes, SP_TO_DEVICE));
  SP_TRY(d->copy(e->in, to, slab->in + first_sample(e, note), sample_bytes(e, note), SP_TO_DEVICE));
  return d->record(set->arrived, e->in);
}

static sp_status queue_receipt(const sp_device_engine *e, sp_batch_note *note) {
  sp_batch_set *set = note->set;
  const sp_slab *slab = note->ticket->slab;
  const sp_device_ops *d = e->device_ops;
  const sp_cuda_batch came = batch_of(note, false);
  set->view.order = slab->order ? (const uint32_t *)(set->meta + e->layout.order) : NULL;
  set->view.skip = slab->skip ? (const uint32_t *)(set->meta + e->layout.skip) : NULL;
  note->at = set->view.in;
  SP_TRY(d->after(e->compute, set->arrived));
  SP_TRY(d->record(note->begun[0], e->compute));
  SP_TRY(d->clear(e->compute, set->state, e->state_bytes));
  if (set->view.steps) SP_TRY(d->clear(e->compute, set->view.steps, e->steps_bytes));
  SP_TRY(e->chain->ops->receive(&set->view, &came, e->compute));
  return e->chain->n_edits > 0 ? arrange_for_edits(e, note) : SP_SUCCESS;
}

/* What the device's steps removed; that of the CPU's is there. */
static sp_status queue_step_sums(const sp_device_engine *e, const sp_batch_note *note) {
  const sp_batch_view *v = &note->set->view;
  const size_t start = note->ticket->slab->first_trace[note->first_gather];
  for (size_t k = 0; k < v->n_measured; k++) {
    sp_step_sums *to = note->ticket->steps + k * e->config.max_traces + start;
    if (e->chain->steps[k].on_host) continue;
    SP_TRY(e->device_ops->copy(e->out, to, v->steps + k * v->max_traces, note->n_traces * sizeof *to, SP_TO_HOST));
  }
  return SP_SUCCESS;
}

static sp_status queue_leaving(const sp_device_engine *e, sp_batch_note *note) {
  const sp_batch_set *set = note->set;
  const sp_slab *slab = note->ticket->slab;
  const sp_device_ops *d = e->device_ops;
  const size_t at = first_sample(e, note), bytes = sample_bytes(e, note);
  const size_t results = 3 * (size_t)e->chain->max_gathers * sizeof(uint32_t);
  SP_TRY(d->record(note->ended[note->n_parts++], e->compute));
  SP_TRY(d->record(set->computed, e->compute));
  SP_TRY(d->after(e->out, set->computed));
  if (d->deliver && note == note->ticket->batches) SP_TRY(d->deliver(e->out));
  SP_TRY(d->copy(e->out, slab->traces + at, set->view.out, bytes, SP_TO_HOST));
  if (slab->noise) SP_TRY(d->copy(e->out, slab->noise + at, set->view.noise, bytes, SP_TO_HOST));
  SP_TRY(d->copy(e->out, note->results, set->view.results, results, SP_TO_HOST));
  if (note->ticket->sums) {
    sp_row_sums *sums = note->ticket->sums + slab->first_trace[note->first_gather];
    SP_TRY(d->copy(e->out, sums, set->view.sums, note->n_traces * sizeof *sums, SP_TO_HOST));
    SP_TRY(queue_step_sums(e, note));
  }
  SP_TRY(d->record(set->left, e->out));
  return note + 1 == note->ticket->batches + note->ticket->n_batches ? d->record(note->ticket->done, e->out)
                                                                     : SP_SUCCESS;
}

/* From the next segment on. */
static sp_status queue_segments(const sp_device_engine *e, sp_batch_note *note, bool *ended) {
  *ended = false;
  for (; note->segment < e->chain->n_segments; note->segment++) {
    const sp_segment *segment = &e->chain->segments[note->segment];
    if (!note->marked && segment->first >= e->chain->n_edits) SP_TRY(mark(e, note));
    if (segment->on_host) return queue_departure(e, note);
    SP_TRY(queue_steps(e, note, segment));
  }
  if (!note->marked) SP_TRY(mark(e, note));
  const sp_cuda_batch came = batch_of(note, false);
  SP_TRY(e->chain->ops->finish(&note->set->view, &came, e->tables, e->compute));
  *ended = true;
  return queue_leaving(e, note);
}

sp_status sp_batch_begin(sp_device_engine *e, sp_batch_note *note, bool *ended) {
  note->set = &e->sets[e->next_set++ % SP_BATCH_SETS];
  SP_TRY(queue_arrival(e, note));
  SP_TRY(queue_receipt(e, note));
  return queue_segments(e, note, ended);
}

sp_status sp_batch_go_on(sp_device_engine *e, sp_batch_note *note, bool *ended) {
  SP_TRY(queue_return(e, note));
  return queue_segments(e, note, ended);
}
