/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "src/base/fault.h"
#include "src/flow/gather/chain.h"
#include "src/flow/gather/engine_ops.h"

typedef struct entry {
  const char *name;
  const sp_engine_ops *ops; /* NULL: absent, for this reason: */
  const char *why;
} entry;

#define SP_ENGINE(kind, name)             [SP_ENGINE_##kind] = {#name, &sp_engine_##name, NULL},
#define SP_ENGINE_ABSENT(kind, name, why) [SP_ENGINE_##kind] = {#name, NULL, why},
static const entry engines[] = {
#include "src/flow/gather/engine_list.h"
};
#undef SP_ENGINE
#undef SP_ENGINE_ABSENT

static const entry *entry_of(sp_engine_kind kind, const sp_engine_config *config) {
  if (kind == SP_ENGINE_AUTO) {
    kind = getenv("SEISPROC_MOCK")                                      ? SP_ENGINE_MOCK
           : config->device >= 0 && engines[SP_ENGINE_CUDA].ops != NULL ? SP_ENGINE_CUDA
                                                                        : SP_ENGINE_CPU;
  }
  return &engines[kind];
}

/* Adds the headers of one step that are not among the n names yet; returns how many there are then. */
static size_t add_headers(const sp_chain_step *step, const char **names, size_t n, size_t max) {
  const char *needed[SP_MAX_PROCESSOR_HEADERS];
  const size_t n_needed = sp_processor_headers(step->processor, step->params, needed);
  for (size_t k = 0; k < n_needed; k++) {
    size_t i = 0;
    while (i < n && !sp_header_is(names[i], needed[k])) i++;
    if (i == n && n < max) names[n++] = needed[k];
    if (i < n && !sp_header_is_optional(needed[k])) names[i] = needed[k];
  }
  return n;
}

size_t sp_chain_headers(const sp_chain_step *chain, size_t n_steps, const char **names, size_t max) {
  size_t n = 0;
  for (size_t i = 0; i < n_steps; i++) n = add_headers(&chain[i], names, n, max);
  return n;
}

bool sp_trid_is_seismic(double trid) {
  return !((trid >= 2 && trid <= 10) || (trid >= 18 && trid <= 24));
}

static sp_status check_config(const sp_engine_config *c) {
  if (c->n_steps == 0) return SP_RAISE(SP_ERR_USAGE, "engine: the chain has no step");
  if (c->n_shared >= c->n_steps || sp_steps_undo_within(c->chain, c->n_steps, c->n_shared)) {
    return SP_RAISE(SP_ERR_INTERNAL, "engine: the first %zu of %zu steps cannot be shared", c->n_shared, c->n_steps);
  }
  if (c->n_samples == 0 || !(c->sample_interval_s > 0)) {
    return SP_RAISE(SP_ERR_USAGE, "engine: traces of %u samples at %g s cannot be processed", c->n_samples,
                    c->sample_interval_s);
  }
  if (c->max_gather > c->max_traces || c->n_threads < 1 || c->n_slabs < 1) {
    return SP_RAISE(SP_ERR_INTERNAL, "engine: slabs of %u traces, gathers of %u, %d threads, %d slabs in flight",
                    c->max_traces, c->max_gather, c->n_threads, c->n_slabs);
  }
  return SP_SUCCESS;
}

static size_t count_headers(const sp_engine_config *config) {
  const char *names[SP_MAX_CHAIN_HEADERS];
  return sp_chain_headers(config->chain, config->n_steps, names, SP_MAX_CHAIN_HEADERS);
}

sp_status sp_engine_create(sp_engine_kind kind, const sp_engine_config *config, sp_engine **out) {
  const entry *e = entry_of(kind, config);
  if (!e->ops) return SP_RAISE(SP_ERR_USAGE, "engine %s: %s", e->name, e->why);
  SP_TRY(check_config(config));
  sp_engine_config own = *config;
  if (own.max_gathers == 0) own.max_gathers = own.max_traces;
  const uint64_t bytes_before = sp_alloc_bytes();
  sp_engine *engine;
  void *block = NULL;
  SP_TRY(sp_calloc((size_t)own.n_slabs, sizeof *engine->slabs, "slabs in flight", &block));
  const sp_status status = e->ops->create(&own, &engine);
  if (status != SP_SUCCESS) {
    sp_free(block);
    return status;
  }
  if (!engine->ops) engine->ops = e->ops;
  if (!engine->name) engine->name = e->name;
  engine->config = own;
  engine->n_headers = count_headers(config);
  engine->host_bytes = (size_t)(sp_alloc_bytes() - bytes_before);
  engine->in_flight = engine->oldest = 0;
  engine->slabs = block;
  engine->successor = NULL;
  *out = engine;
  return SP_SUCCESS;
}

const char *sp_engine_name(const sp_engine *engine) {
  return engine->successor ? engine->successor->name : engine->name;
}

const char *sp_engine_step_name(const sp_engine *engine, size_t step) {
  const bool on_host = !engine->successor && engine->ops->step_on_host && engine->ops->step_on_host(engine, step);
  return on_host ? engines[SP_ENGINE_CPU].name : sp_engine_name(engine);
}

void sp_engine_steps(const sp_engine *engine, char *text, size_t size) {
  size_t at = 0;
  text[0] = '\0';
  for (size_t i = 0; i < engine->config.n_steps && at < size; i++) {
    const sp_chain_step *step = &engine->config.chain[i];
    at += (size_t)snprintf(text + at, size - at, "%s%s%s %s", i ? ", " : "", step->undoes ? "undo " : "",
                           step->processor->name, sp_engine_step_name(engine, i));
  }
}

/* --- when a device fails ------------------------------------------------------------------------------------------ */

static sp_slab **slab_at(const sp_engine *engine, int i) {
  return &engine->slabs[(engine->oldest + i) % engine->config.n_slabs];
}

/* The CPU computes the slabs in flight anew, in their order. Where it has no memory for that, the device is why. */
static sp_status replace_device(sp_engine *engine) {
  engine->ops->abandon(engine);
  const bool short_of_memory = SP_FAULT_IS_DUE("take_over");
  if (short_of_memory || sp_engine_create(SP_ENGINE_CPU, &engine->config, &engine->successor) != SP_SUCCESS) {
    return SP_ERR_DEVICE;
  }
  sp_warn("engine %s: the device has failed; the CPU computes what it had in hand and what follows, with %d threads",
          engine->name, engine->config.n_threads);
  for (int i = 0; i < engine->in_flight; i++) SP_TRY(sp_engine_submit(engine->successor, *slab_at(engine, i)));
  return SP_SUCCESS;
}

/* Whether the CPU has taken over from what failed with *status. */
static bool is_rescued(sp_engine *engine, sp_status *status) {
  if (*status != SP_ERR_DEVICE || engine->successor || !engine->config.cpu_takes_over || !engine->ops->abandon) {
    return false;
  }
  *status = replace_device(engine);
  return *status == SP_SUCCESS;
}

void sp_engine_register(sp_engine *engine, void *memory, size_t bytes) {
  if (engine->ops->register_memory && bytes > 0) engine->ops->register_memory(engine, memory, bytes);
}

static bool gathers_fit(const sp_engine_config *config, const sp_slab *slab) {
  if (slab->first_trace[0] != 0 || slab->first_trace[slab->n_gathers] != slab->n_traces) return false;
  for (sp_local i = 0; i < slab->n_gathers; i++) {
    const sp_local first = slab->first_trace[i], next = slab->first_trace[i + 1];
    if (next < first || next - first > config->max_gather) return false;
  }
  return true;
}

static sp_status check_slab(const sp_engine *engine, const sp_slab *slab) {
  const sp_engine_config *c = &engine->config;
  if (slab->n_traces > c->max_traces || slab->n_gathers > c->max_gathers || !gathers_fit(c, slab)) {
    return SP_RAISE(SP_ERR_INTERNAL,
                    "engine: a slab of %u gathers, %u traces does not fit: at most %u, %u, %u a gather",
                    slab->n_gathers, slab->n_traces, c->max_gathers, c->max_traces, c->max_gather);
  }
  if ((c->mode == SP_MODE_BOTH) != (slab->noise != NULL) || (engine->n_headers > 0 && !slab->headers)) {
    return SP_RAISE(SP_ERR_INTERNAL, "engine: a slab lacks noise or headers, or has noise that the mode has not");
  }
  return SP_SUCCESS;
}

sp_status sp_engine_submit(sp_engine *engine, sp_slab *slab) {
  if (engine->in_flight == engine->config.n_slabs) {
    return SP_RAISE(SP_ERR_INTERNAL, "engine: more than %d slabs in flight", engine->config.n_slabs);
  }
  SP_TRY(check_slab(engine, slab));
  sp_status status = SP_SUCCESS;
  if (!engine->successor) status = engine->ops->submit(engine, slab);
  if (engine->successor || is_rescued(engine, &status)) status = sp_engine_submit(engine->successor, slab);
  if (status != SP_SUCCESS) return status;
  *slab_at(engine, engine->in_flight++) = slab;
  return SP_SUCCESS;
}

static void remove_oldest(sp_engine *engine) {
  engine->oldest = (engine->oldest + 1) % engine->config.n_slabs;
  engine->in_flight--;
}

sp_status sp_engine_test(sp_engine *engine, sp_slab **done) {
  sp_slab *slab = NULL;
  sp_status status = SP_SUCCESS;
  if (engine->in_flight > 0 && !engine->successor) status = engine->ops->test(engine, &slab);
  if (engine->successor || is_rescued(engine, &status)) status = sp_engine_test(engine->successor, &slab);
  if (status != SP_SUCCESS) return status;
  if (slab) remove_oldest(engine);
  *done = slab;
  return SP_SUCCESS;
}

sp_status sp_engine_wait(sp_engine *engine, sp_slab **done) {
  if (engine->in_flight == 0) return SP_RAISE(SP_ERR_INTERNAL, "engine: waiting for a slab, none is in flight");
  sp_status status = SP_SUCCESS;
  if (!engine->successor) status = engine->ops->wait(engine, done);
  if (engine->successor || is_rescued(engine, &status)) status = sp_engine_wait(engine->successor, done);
  if (status == SP_SUCCESS) remove_oldest(engine);
  return status;
}

double sp_engine_busy_seconds(const sp_engine *engine) {
  return engine->ops->busy_seconds(engine) + (engine->successor ? sp_engine_busy_seconds(engine->successor) : 0);
}

size_t sp_engine_finding_bytes(const sp_engine *engine) {
  return engine->ops->finding_bytes ? engine->ops->finding_bytes(engine) : 0;
}

size_t sp_engine_host_bytes(const sp_engine *engine) {
  return engine->host_bytes;
}

void sp_engine_destroy(sp_engine *engine) {
  if (!engine) return;
  sp_engine_destroy(engine->successor);
  sp_free(engine->slabs);
  engine->ops->destroy(engine);
}
