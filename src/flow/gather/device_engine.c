/* SPDX-License-Identifier: BSD-3-Clause */
/* The engine on a device: three streams, in, compute and out, a ring of SP_BATCH_SETS sets of buffers, and the slabs in
 * flight. A slab is cut into batches of whole gathers. Where the device computes all steps, everything that is to
 * happen to them is queued when the slab is submitted, and no thread of the host takes part until it is done. */
#include "src/flow/gather/device_engine.h"

#include <stdio.h>
#include <string.h>

#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "src/flow/gather/measure.h"

/* --- slabs in flight -------------- */

/* Two batches that follow each other hold more traces, or gathers, than one may. */
static int most_batches(const sp_device_engine *e) {
  const uint64_t traces = 2 * ((uint64_t)e->config.max_traces / e->chain->max_traces + 1);
  return (int)(traces + 2 * ((uint64_t)e->config.max_gathers / e->chain->max_gathers + 1));
}

static size_t parts_of(const sp_device_engine *e) {
  return e->chain->n_host_segments + 1;
}

static sp_status create_events(const sp_device_engine *e, sp_ticket *t) {
  const size_t n = (size_t)e->max_batches * parts_of(e) * 2;
  void *block = NULL;
  SP_TRY(sp_calloc(n, sizeof *t->events, "batches of a slab", &block));
  t->events = block;
  for (size_t i = 0; i < n; i++) SP_TRY(e->device_ops->create_event(e->device, true, &t->events[i]));
  return e->device_ops->create_event(e->device, false, &t->done);
}

static sp_status create_note(sp_device_engine *e, sp_ticket *t, size_t i) {
  const size_t results = 3 * (size_t)e->chain->max_gathers;
  sp_batch_note *note = &t->batches[i];
  void *block = NULL;
  note->engine = e;
  note->ticket = t;
  note->meta = t->meta + i * e->layout.bytes;
  note->results = t->results + i * results;
  note->begun = t->events + 2 * i * parts_of(e);
  note->ended = note->begun + parts_of(e);
  if (e->chain->n_host_segments == 0) return SP_SUCCESS;
  SP_TRY(sp_calloc(e->chain->max_gathers, sizeof *note->reasons, "batches of a slab", &block));
  note->reasons = block;
  return SP_SUCCESS;
}

static sp_status create_ticket(sp_device_engine *e, sp_ticket *t) {
  const size_t n = (size_t)e->max_batches, results = 3 * (size_t)e->chain->max_gathers;
  void *block = NULL;
  SP_TRY(sp_calloc(n, sizeof *t->batches, "batches of a slab", &block));
  t->batches = block;
  SP_TRY(sp_device_alloc_pinned(e, n * e->layout.bytes, &t->meta));
  SP_TRY(sp_device_alloc_pinned(e, n * results * sizeof(uint32_t), &t->results));
  if (e->config.measure)
    SP_TRY(sp_device_alloc_pinned(e, (size_t)e->config.max_traces * sizeof *t->sums + 1, &t->sums));
  const size_t measured = sp_measured_steps(&e->config);
  if (measured > 0)
    SP_TRY(sp_device_alloc_pinned(e, measured * e->config.max_traces * sizeof *t->steps + 1, &t->steps));
  SP_TRY(create_events(e, t));
  for (size_t i = 0; i < n; i++) SP_TRY(create_note(e, t, i));
  return SP_SUCCESS;
}

static void destroy_ticket(const sp_device_engine *e, sp_ticket *t) {
  const size_t n = (size_t)e->max_batches;
  for (size_t i = 0; t->events && i < n * parts_of(e) * 2; i++) {
    e->device_ops->destroy_event(e->device, t->events[i]);
  }
  sp_free(t->events);
  for (size_t i = 0; t->batches && i < n; i++) sp_free(t->batches[i].reasons);
  sp_free(t->batches);
  e->device_ops->release_pinned(e->device, t->meta);
  e->device_ops->release_pinned(e->device, t->results);
  e->device_ops->release_pinned(e->device, t->sums);
  e->device_ops->release_pinned(e->device, t->steps);
  e->device_ops->destroy_event(e->device, t->done);
}

static sp_status create_tickets(sp_device_engine *e) {
  void *block = NULL;
  e->max_batches = most_batches(e);
  SP_TRY(sp_calloc((size_t)e->config.n_slabs, sizeof(sp_ticket), "slabs in flight", &block));
  e->tickets = block;
  for (int i = 0; i < e->config.n_slabs; i++) SP_TRY(create_ticket(e, &e->tickets[i]));
  return SP_SUCCESS;
}

/* --- making and unmaking -------------- */

/* Nothing touches slabs any more. */
static void abandon(sp_engine *base) {
  sp_device_engine *e = (sp_device_engine *)base;
  e->gone = true;
  if (e->conductor) sp_conductor_stop(e->conductor);
  if (e->device) e->device_ops->quiesce(e->device);
}

static void destroy(sp_engine *base) {
  sp_device_engine *e = (sp_device_engine *)base;
  abandon(base);
  sp_conductor_destroy(e->conductor);
  for (sp_registration *r = e->registered; r;) {
    sp_registration *const next = r->next;
    e->device_ops->unpin(e->device, r->memory);
    sp_free(r);
    r = next;
  }
  for (int i = 0; e->tickets && i < e->config.n_slabs; i++) destroy_ticket(e, &e->tickets[i]);
  sp_free(e->tickets);
  if (e->chain) {
    sp_device_destroy_sets(e);
    e->chain->ops->destroy_tables(e->tables);
  }
  sp_device_chain_destroy(e->chain);
  if (e->device) {
    e->device_ops->destroy_stream(e->device, e->in);
    e->device_ops->destroy_stream(e->device, e->compute);
    e->device_ops->destroy_stream(e->device, e->out);
  }
  e->device_ops->close(e->device);
  sp_free(e);
}

static sp_status create_all(sp_device_engine *e, char *why, size_t why_size) {
  const sp_batch_ops *ops = e->module->gather;
  SP_TRY(e->device_ops->open(e->config.device, &e->device));
  SP_TRY(sp_device_chain_create(ops, e->device, &e->config, why, why_size, &e->chain));
  SP_TRY(e->device_ops->create_stream(e->device, &e->in));
  SP_TRY(e->device_ops->create_stream(e->device, &e->compute));
  SP_TRY(e->device_ops->create_stream(e->device, &e->out));
  SP_TRY(ops->create_tables(e->config.n_samples, e->config.max_gather, &e->tables));
  SP_TRY(sp_device_create_sets(e, why, why_size));
  SP_TRY(create_tickets(e));
  return e->chain->n_host_segments > 0 ? sp_conductor_create(e, &e->conductor) : SP_SUCCESS;
}

static const sp_engine_ops ops;

sp_status sp_device_engine_create(const sp_gpu_module *module, const sp_engine_config *config, char *why,
                                  size_t why_size, sp_engine **out) {
  void *block = NULL;
  SP_TRY(sp_calloc(1, sizeof(sp_device_engine), "the engine", &block));
  sp_device_engine *e = block;
  e->config = *config;
  e->module = module;
  e->device_ops = module->device;
  e->base.ops = &ops;
  e->base.name = module->device->name;
  snprintf(why, why_size, "the GPU's memory is short");
  const sp_status status = create_all(e, why, why_size);
  if (status != SP_SUCCESS) {
    destroy(&e->base);
    return status == SP_ERR_MEMORY ? SP_ERR_USAGE : status;
  }
  sp_debug("engine %s: batch_traces=%u sets=%d steps_on_cpu=%zu", e->base.name, e->chain->max_traces, SP_BATCH_SETS,
           e->chain->n_host_steps);
  *out = &e->base;
  return SP_SUCCESS;
}

static void register_memory(sp_engine *base, void *memory, size_t bytes) {
  sp_device_engine *e = (sp_device_engine *)base;
  void *block = NULL;
  if (sp_alloc(sizeof(sp_registration), "registered memory", &block) != SP_SUCCESS) return;
  const char *why = e->device_ops->pin(e->device, memory, bytes);
  if (!why) {
    sp_registration *r = block;
    *r = (sp_registration){.memory = memory, .next = e->registered};
    e->registered = r;
    return;
  }
  sp_free(block);
  if (!e->told) {
    sp_warn("engine %s: %zu MB cannot be pinned (%s): copies to and from the GPU will be slow", e->base.name,
            bytes >> 20, why);
  }
  e->told = true;
}

/* --- a slab -------------- */

static sp_status fail(sp_device_engine *e, sp_status status) {
  e->gone = true;
  if (status == SP_ERR_MEMORY) return SP_RAISE(SP_ERR_DEVICE, "GPU %d: out of memory", e->config.device);
  return SP_ERR_DEVICE;
}

/* What is read too early shows, where the device is a mock. */
static void spoil_results(const sp_device_engine *e, const sp_slab *slab) {
  const size_t bytes = (size_t)slab->n_traces * e->config.n_samples * sizeof(float);
  if (!e->device_ops->spoil) return;
  e->device_ops->spoil(slab->traces, bytes);
  e->device_ops->spoil(slab->noise, bytes);
  e->device_ops->spoil(slab->results, slab->n_gathers * sizeof *slab->results);
}

static sp_status queue_all(sp_device_engine *e, const sp_ticket *t) {
  bool ended;
  SP_TRY(e->device_ops->bind(e->device));
  for (int i = 0; i < t->n_batches; i++) SP_TRY(sp_batch_begin(e, &t->batches[i], &ended));
  return t->n_batches == 0 ? e->device_ops->record(t->done, e->out) : SP_SUCCESS;
}

static sp_status submit(sp_engine *base, sp_slab *slab) {
  sp_device_engine *e = (sp_device_engine *)base;
  if (e->gone) return SP_ERR_DEVICE;
  sp_ticket *t = &e->tickets[(e->oldest + e->n_tickets) % e->config.n_slabs];
  t->slab = slab;
  spoil_results(e, slab);
  sp_batch_cut(e, t);
  if (e->conductor && t->n_batches > 0) {
    sp_conductor_submit(e->conductor, t);
  } else {
    const sp_status status = queue_all(e, t);
    if (status != SP_SUCCESS) return fail(e, status);
  }
  e->n_tickets++;
  return SP_SUCCESS;
}

static void copy_results(const sp_device_engine *e, const sp_ticket *t, const sp_batch_note *note) {
  const uint32_t *reason = note->results, *crc = reason + e->chain->max_gathers;
  sp_gather_result *result = t->slab->results + note->first_gather;
  for (sp_local g = 0; g < note->n_gathers; g++) {
    result[g] = (sp_gather_result){
        .reason = reason[g], .crc_traces = crc[g], .crc_noise = t->slab->noise ? crc[e->chain->max_gathers + g] : 0};
    if (!t->sums) continue;
    const bool good = sp_reason_is_processed(reason[g]);
    sp_measure_gather(t->slab, note->first_gather + g, e->config.n_samples, good, t->sums);
    if (good) sp_measure_steps(&e->config, t->slab, note->first_gather + g, t->sums, t->steps);
  }
}

static sp_status add_busy(sp_device_engine *e, const sp_batch_note *note) {
  for (int i = 0; i < note->n_parts; i++) {
    double seconds = 0;
    SP_TRY(e->device_ops->elapsed(note->begun[i], note->ended[i], &seconds));
    e->busy += seconds;
  }
  return SP_SUCCESS;
}

static sp_status remove_oldest(sp_device_engine *e, sp_slab **done) {
  const sp_ticket *t = &e->tickets[e->oldest];
  for (int i = 0; i < t->n_batches; i++) {
    copy_results(e, t, &t->batches[i]);
    const sp_status status = add_busy(e, &t->batches[i]);
    if (status != SP_SUCCESS) return fail(e, status);
  }
  const size_t bytes = (size_t)t->slab->n_traces * e->config.n_samples * sizeof(float);
  if (e->device_ops->spoil) e->device_ops->spoil(t->slab->in, bytes);
  *done = t->slab;
  e->oldest = (e->oldest + 1) % e->config.n_slabs;
  e->n_tickets--;
  return SP_SUCCESS;
}

/* Until all that happens to the oldest slab is queued; `wait` false: *queued says whether it is. */
static sp_status pass_conductor(sp_device_engine *e, bool wait, bool *queued) {
  const sp_ticket *t = &e->tickets[e->oldest];
  *queued = true;
  return e->conductor && t->n_batches > 0 ? sp_conductor_pass(e->conductor, t, wait, queued) : SP_SUCCESS;
}

static sp_status test(sp_engine *base, sp_slab **done) {
  sp_device_engine *e = (sp_device_engine *)base;
  bool over = false;
  if (e->gone) return SP_ERR_DEVICE;
  sp_status status = pass_conductor(e, false, &over);
  if (status == SP_SUCCESS && over) status = e->device_ops->query(e->tickets[e->oldest].done, &over);
  if (status != SP_SUCCESS) return fail(e, status);
  return over ? remove_oldest(e, done) : SP_SUCCESS;
}

static sp_status wait(sp_engine *base, sp_slab **done) {
  sp_device_engine *e = (sp_device_engine *)base;
  bool queued;
  if (e->gone) return SP_ERR_DEVICE;
  sp_status status = pass_conductor(e, true, &queued);
  if (status == SP_SUCCESS) status = e->device_ops->wait(e->tickets[e->oldest].done);
  return status == SP_SUCCESS ? remove_oldest(e, done) : fail(e, status);
}

/* Device and CPU overlap: at least one of them computed for at least so long. */
static double busy_seconds(const sp_engine *base) {
  const sp_device_engine *e = (const sp_device_engine *)base;
  const double on_host = e->conductor ? sp_conductor_busy(e->conductor) : 0;
  return on_host > e->busy ? on_host : e->busy;
}

static bool step_on_host(const sp_engine *base, size_t step) {
  return ((const sp_device_engine *)base)->chain->steps[step].on_host;
}

static const sp_engine_ops ops = {.submit = submit,
                                  .test = test,
                                  .wait = wait,
                                  .busy_seconds = busy_seconds,
                                  .destroy = destroy,
                                  .register_memory = register_memory,
                                  .abandon = abandon,
                                  .step_on_host = step_on_host};
