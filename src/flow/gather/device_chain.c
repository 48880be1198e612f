/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/flow/gather/device_chain.h"

#include <stdio.h>
#include <string.h>

#include "seisproc/memory.h"
#include "src/flow/gather/measure.h"

static const size_t BATCH_BYTES = 48 << 20; /* of samples: copies and kernels are then far longer than their launch */
static const size_t MIXED_BYTES =
    16 << 20;                           /* where the CPU takes part: its threads wait less, its buffers are smaller */
static const double MEMORY_SHARE = 0.8; /* of what is free: other users of the GPU may take some meanwhile */
enum { BATCHES_A_SLAB = 2 };            /* two slabs are in flight */

static void drop_plans(sp_device_chain *chain) {
  for (size_t i = 0; chain->steps && i < chain->n_steps; i++) {
    chain->ops->step_destroy(chain->steps[i].plan);
    chain->steps[i].plan = NULL;
  }
}

void sp_device_chain_destroy(sp_device_chain *chain) {
  if (!chain) return;
  drop_plans(chain);
  sp_free(chain->steps);
  sp_free(chain->segments);
  sp_free(chain);
}

/* --- which step where -------------- */

static size_t column_of(const char *header, const char *const *names) {
  size_t i = 0;
  while (!sp_header_is(names[i], header)) i++;
  return i;
}

static void find_columns(sp_device_chain *chain, const sp_engine_config *config) {
  const char *names[SP_MAX_CHAIN_HEADERS];
  chain->n_headers = sp_chain_headers(config->chain, config->n_steps, names, SP_MAX_CHAIN_HEADERS);
  for (size_t i = 0; i < chain->n_steps; i++) {
    sp_device_step *step = &chain->steps[i];
    const char *needed[SP_MAX_PROCESSOR_HEADERS];
    step->n_headers = sp_processor_headers(config->chain[i].processor, config->chain[i].params, needed);
    for (size_t k = 0; k < step->n_headers; k++) step->headers[k] = column_of(needed[k], names);
  }
}

/* What is taken back later is kept in memory of the host, row by row, until then. */
static void keep_undone_on_host(sp_device_chain *chain, const sp_engine_config *config) {
  for (size_t i = 0; i < chain->n_steps; i++) {
    if (!config->chain[i].undoes) continue;
    for (size_t k = config->chain[i].undoes - 1; k <= i; k++) chain->steps[k].on_host = true;
  }
}

static size_t count_host_steps(const sp_device_chain *chain) {
  size_t n = 0;
  for (size_t i = 0; i < chain->n_steps; i++) n += chain->steps[i].on_host;
  return n;
}

static bool is_undone(const sp_engine_config *config, size_t step) {
  for (size_t i = step + 1; i < config->n_steps; i++) {
    if (config->chain[i].undoes == step + 1) return true;
  }
  return false;
}

/* As the CPU's own engine counts them (chain.c). */
static sp_status edits_on_host(const sp_engine_config *config, size_t i, bool *edits) {
  const sp_chain_step *step = &config->chain[i];
  const sp_geometry geometry = {.n_samples = config->n_samples,
                                .max_traces = config->max_gather,
                                .sample_interval_s = config->sample_interval_s,
                                .n_threads = 1};
  sp_plan *plan = NULL;
  *edits = false;
  if (step->undoes || is_undone(config, i)) return SP_SUCCESS;
  SP_TRY(step->processor->cpu->plan(step->params, &geometry, &plan));
  *edits = plan->edits;
  plan->ops->destroy(plan);
  return SP_SUCCESS;
}

static sp_status count_edits(sp_device_chain *chain, const sp_engine_config *config) {
  bool edits = true;
  chain->n_edits = 0;
  for (size_t i = 0; edits && i < chain->n_steps; i++) {
    const sp_device_step *step = &chain->steps[i];
    if (step->on_host) {
      SP_TRY(edits_on_host(config, i, &edits));
    } else {
      edits = step->plan->edits;
    }
    chain->n_edits += edits;
  }
  return SP_SUCCESS;
}

static void cut_segments(sp_device_chain *chain) {
  chain->n_segments = chain->n_host_segments = 0;
  for (size_t i = 0; i < chain->n_steps; i++) {
    const bool on_host = chain->steps[i].on_host;
    const bool begins = i == 0 || i == chain->n_edits || on_host != chain->steps[i - 1].on_host;
    if (begins) {
      chain->segments[chain->n_segments++] = (sp_segment){.first = i, .on_host = on_host};
      chain->n_host_segments += on_host;
    }
    chain->segments[chain->n_segments - 1].n_steps++;
  }
}

/* --- how large a batch is -------------- */

static sp_cuda_geometry geometry_of(const sp_device_chain *chain, const sp_engine_config *config) {
  return (sp_cuda_geometry){.n_samples = config->n_samples,
                            .max_traces = chain->max_traces,
                            .max_gathers = chain->max_gathers + 1, /* with that of the traces that are not live */
                            .sample_interval_s = config->sample_interval_s,
                            .precision = config->precision,
                            .max_gather = config->max_gather};
}

static size_t device_bytes(const sp_device_chain *chain, const sp_engine_config *config) {
  const sp_cuda_geometry geometry = geometry_of(chain, config);
  const size_t rows = (size_t)chain->max_traces * config->n_samples * sizeof(float);
  const size_t buffers = SP_BATCH_SETS * (config->mode == SP_MODE_BOTH ? 3 : 2) + 1;
  const size_t sums = sizeof(sp_row_sums) + sp_measured_steps(config) * sizeof(sp_step_sums);
  const size_t columns = 2 * chain->n_headers * sizeof(double) + 11 * sizeof(uint32_t) + sums;
  size_t bytes = buffers * rows + SP_BATCH_SETS * chain->max_traces * columns;
  for (size_t i = 0; i < chain->n_steps; i++) {
    if (!chain->steps[i].on_host) bytes += chain->ops->step_bytes(&config->chain[i], &geometry);
  }
  return bytes;
}

static void set_size(sp_device_chain *chain, const sp_engine_config *config, uint32_t max_traces) {
  chain->max_traces = max_traces < config->max_gather ? config->max_gather : max_traces;
  if (chain->max_traces == 0) chain->max_traces = 1;
  chain->max_gathers = config->max_gathers < chain->max_traces ? config->max_gathers : chain->max_traces;
  if (chain->max_gathers == 0) chain->max_gathers = 1;
}

/* Leaves the step that takes most memory to the CPU; false where none takes any. */
static bool leave_largest(sp_device_chain *chain, const sp_engine_config *config) {
  const sp_cuda_geometry geometry = geometry_of(chain, config);
  size_t most = 0, largest = 0;
  for (size_t i = 0; i < chain->n_steps; i++) {
    const size_t bytes = chain->steps[i].on_host ? 0 : chain->ops->step_bytes(&config->chain[i], &geometry);
    if (bytes > most) most = bytes, largest = i;
  }
  if (most > 0) chain->steps[largest].on_host = true;
  return most > 0 && count_host_steps(chain) < chain->n_steps;
}

bool sp_device_chain_shrink(sp_device_chain *chain, const sp_engine_config *config) {
  drop_plans(chain);
  const uint32_t before = chain->max_traces;
  set_size(chain, config, before / 2);
  return chain->max_traces < before || leave_largest(chain, config);
}

static uint32_t rows_of(size_t bytes, const sp_engine_config *config) {
  const size_t rows = bytes / (config->n_samples * sizeof(float)) + 1;
  const uint32_t share = config->max_traces / BATCHES_A_SLAB + 1;
  return rows < share ? (uint32_t)rows : share;
}

static sp_status choose_size(sp_device_chain *chain, const sp_engine_config *config, char *why, size_t why_size) {
  size_t free_bytes;
  SP_TRY(chain->ops->device->free_bytes(chain->device, &free_bytes));
  set_size(chain, config, rows_of(BATCH_BYTES, config));
  while ((double)device_bytes(chain, config) > MEMORY_SHARE * (double)free_bytes) {
    const size_t needed = device_bytes(chain, config);
    if (sp_device_chain_shrink(chain, config)) continue;
    snprintf(why, why_size,
             "batches of %u traces, the largest gather, need %zu MB of the GPU's memory, %zu MB are free",
             chain->max_traces, needed >> 20, free_bytes >> 20);
    return SP_ERR_USAGE;
  }
  return SP_SUCCESS;
}

/* --- plans -------------- */

static sp_status plan_steps(sp_device_chain *chain, const sp_engine_config *config) {
  const sp_cuda_geometry geometry = geometry_of(chain, config);
  for (size_t i = 0; i < chain->n_steps; i++) {
    sp_device_step *step = &chain->steps[i];
    if (step->on_host) continue;
    const sp_status status = chain->ops->step_plan(chain->device, &config->chain[i], i, &geometry, &step->plan);
    step->on_host = status == SP_ERR_USAGE;
    if (!step->on_host) SP_TRY(status);
  }
  chain->n_host_steps = count_host_steps(chain);
  return SP_SUCCESS;
}

/* The first step without a kernel stands for all. */
static sp_status nothing_to_do(const sp_engine_config *config, char *why, size_t why_size) {
  snprintf(why, why_size, "%s%s has no GPU version%s", config->chain[0].undoes ? "undo: " : "",
           config->chain[0].processor->name, config->n_steps > 1 ? ", nor have the other steps" : "");
  return SP_ERR_USAGE;
}

sp_status sp_device_chain_plan(sp_device_chain *chain, const sp_engine_config *config, char *why, size_t why_size) {
  const bool was_mixed = chain->n_host_steps > 0;
  SP_TRY(plan_steps(chain, config));
  if (chain->n_host_steps == chain->n_steps) return nothing_to_do(config, why, why_size);
  if (chain->n_host_steps > 0 && !was_mixed && rows_of(MIXED_BYTES, config) < chain->max_traces) {
    drop_plans(chain);
    set_size(chain, config, rows_of(MIXED_BYTES, config));
    SP_TRY(plan_steps(chain, config));
  }
  SP_TRY(count_edits(chain, config));
  cut_segments(chain);
  return SP_SUCCESS;
}

sp_status sp_device_chain_create(const sp_batch_ops *ops, sp_device *device, const sp_engine_config *config, char *why,
                                 size_t why_size, sp_device_chain **out) {
  void *block = NULL;
  sp_status status;
  SP_TRY(sp_calloc(1, sizeof(sp_device_chain), "the chain", &block));
  sp_device_chain *chain = block;
  chain->ops = ops;
  chain->device = device;
  chain->n_steps = config->n_steps;
  SP_TRY_GOTO(fail, sp_calloc(chain->n_steps, sizeof *chain->steps, "the chain", &block));
  chain->steps = block;
  SP_TRY_GOTO(fail, sp_calloc(chain->n_steps, sizeof *chain->segments, "the chain", &block));
  chain->segments = block;
  find_columns(chain, config);
  keep_undone_on_host(chain, config);
  if (count_host_steps(chain) == chain->n_steps) {
    status = nothing_to_do(config, why, why_size);
    goto fail;
  }
  SP_TRY_GOTO(fail, choose_size(chain, config, why, why_size));
  *out = chain;
  return SP_SUCCESS;
fail:
  sp_device_chain_destroy(chain);
  return status;
}
