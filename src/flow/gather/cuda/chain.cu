#include "src/flow/gather/cuda/chain.h"

#include <stdio.h>
#include <string.h>

#include "kernels/common/cuda_check.h"
extern "C" {
#include "seisproc/memory.h"
}

static const size_t BATCH_BYTES = 48 << 20; /* of samples: copies and kernels are then far longer than their launch */
static const double MEMORY_SHARE = 0.8;     /* of what is free: other users of the GPU may take some meanwhile */
enum { BATCHES_A_SLAB = 2 };                /* two slabs are in flight */

static void drop_plans(sp_cuda_chain *chain) {
  for (size_t i = 0; chain->steps && i < chain->n_steps; i++) {
    sp_cuda_step *step = &chain->steps[i];
    if (step->plan) step->ops->destroy(step->plan);
    step->plan = NULL;
  }
}

void sp_cuda_chain_destroy(sp_cuda_chain *chain) {
  if (!chain) return;
  drop_plans(chain);
  sp_free(chain->steps);
  sp_free(chain);
}

static size_t column_of(const char *header, const char *const *names) {
  size_t i = 0;
  while (!sp_header_is(names[i], header)) i++;
  return i;
}

static sp_status find_steps(sp_cuda_chain *chain, const sp_engine_config *config, char *why, size_t why_size) {
  const char *names[SP_MAX_CHAIN_HEADERS];
  chain->n_headers = sp_chain_headers(config->chain, config->n_steps, names, SP_MAX_CHAIN_HEADERS);
  for (size_t i = 0; i < chain->n_steps; i++) {
    const sp_processor *processor = config->chain[i].processor;
    sp_cuda_step *step = &chain->steps[i];
    step->ops = sp_cuda_processor_at(sp_processor_position(processor));
    if (config->chain[i].undoes) {
      snprintf(why, why_size, "undo: %s has no CUDA version", processor->name);
      return SP_ERR_USAGE;
    }
    if (!step->ops) {
      snprintf(why, why_size, "%s has no CUDA version", processor->name);
      return SP_ERR_USAGE;
    }
    const char *needed[SP_MAX_PROCESSOR_HEADERS];
    step->n_headers = sp_processor_headers(processor, config->chain[i].params, needed);
    for (size_t k = 0; k < step->n_headers; k++) step->headers[k] = column_of(needed[k], names);
  }
  return SP_SUCCESS;
}

static sp_cuda_geometry geometry_of(const sp_cuda_chain *chain, const sp_engine_config *config) {
  sp_cuda_geometry geometry = {};
  geometry.n_samples = config->n_samples;
  geometry.max_traces = chain->max_traces;
  geometry.max_gathers = chain->max_gathers + 1; /* with that of the traces that are not live */
  geometry.sample_interval_s = config->sample_interval_s;
  geometry.precision = config->precision;
  geometry.max_gather = config->max_gather;
  return geometry;
}

static size_t device_bytes(const sp_cuda_chain *chain, const sp_engine_config *config) {
  const sp_cuda_geometry geometry = geometry_of(chain, config);
  const size_t rows = (size_t)chain->max_traces * config->n_samples * sizeof(float);
  const size_t buffers = SP_CUDA_SETS * (config->mode == SP_MODE_BOTH ? 3 : 2) + 1;
  const size_t columns = 2 * chain->n_headers * sizeof(double) + 11 * sizeof(uint32_t);
  size_t bytes = buffers * rows + SP_CUDA_SETS * chain->max_traces * columns;
  for (size_t i = 0; i < chain->n_steps; i++) {
    bytes += chain->steps[i].ops->device_bytes(config->chain[i].params, &geometry);
  }
  return bytes;
}

static void set_size(sp_cuda_chain *chain, const sp_engine_config *config, uint32_t max_traces) {
  chain->max_traces = max_traces < config->max_gather ? config->max_gather : max_traces;
  if (chain->max_traces == 0) chain->max_traces = 1;
  chain->max_gathers = config->max_gathers < chain->max_traces ? config->max_gathers : chain->max_traces;
  if (chain->max_gathers == 0) chain->max_gathers = 1;
}

bool sp_cuda_chain_shrink(sp_cuda_chain *chain, const sp_engine_config *config) {
  drop_plans(chain);
  const uint32_t before = chain->max_traces;
  set_size(chain, config, before / 2);
  return chain->max_traces < before;
}

static sp_status choose_size(sp_cuda_chain *chain, const sp_engine_config *config, char *why, size_t why_size) {
  const size_t rows = BATCH_BYTES / (config->n_samples * sizeof(float)) + 1;
  const uint32_t share = config->max_traces / BATCHES_A_SLAB + 1;
  size_t free_bytes, total;
  SP_TRY(SP_CUDA(cudaMemGetInfo(&free_bytes, &total)));
  set_size(chain, config, rows < share ? (uint32_t)rows : share);
  const double most = MEMORY_SHARE * (double)free_bytes;
  while ((double)device_bytes(chain, config) > most) {
    const size_t needed = device_bytes(chain, config);
    if (sp_cuda_chain_shrink(chain, config)) continue;
    snprintf(why, why_size,
             "batches of %u traces, the largest gather, need %zu MB of the GPU's memory, %zu MB are free",
             chain->max_traces, needed >> 20, free_bytes >> 20);
    return SP_ERR_USAGE;
  }
  return SP_SUCCESS;
}

static bool edits(const sp_cuda_plan *plan) {
  return plan->edits && plan->in_place;
}

sp_status sp_cuda_chain_plan(sp_cuda_chain *chain, const sp_engine_config *config, char *why, size_t why_size) {
  const sp_cuda_geometry geometry = geometry_of(chain, config);
  for (size_t i = 0; i < chain->n_steps; i++) {
    const sp_status status = chain->steps[i].ops->plan(config->chain[i].params, &geometry, &chain->steps[i].plan);
    if (status == SP_ERR_USAGE) {
      snprintf(why, why_size, "%s has no CUDA version for these parameters", config->chain[i].processor->name);
    }
    SP_TRY(status);
  }
  chain->n_edits = 0;
  while (chain->n_edits < chain->n_steps && edits(chain->steps[chain->n_edits].plan)) chain->n_edits++;
  return SP_SUCCESS;
}

sp_status sp_cuda_chain_create(const sp_engine_config *config, char *why, size_t why_size, sp_cuda_chain **out) {
  void *block = NULL;
  sp_status status;
  SP_TRY(sp_calloc(1, sizeof(sp_cuda_chain), "the chain", &block));
  sp_cuda_chain *chain = (sp_cuda_chain *)block;
  chain->n_steps = config->n_steps;
  SP_TRY_GOTO(fail, sp_calloc(chain->n_steps, sizeof *chain->steps, "the chain", &block));
  chain->steps = (sp_cuda_step *)block;
  SP_TRY_GOTO(fail, find_steps(chain, config, why, why_size));
  SP_TRY_GOTO(fail, choose_size(chain, config, why, why_size));
  *out = chain;
  return SP_SUCCESS;
fail:
  sp_cuda_chain_destroy(chain);
  return status;
}
