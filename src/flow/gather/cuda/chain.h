/* A chain made ready for the GPU: a plan a step, and how many traces a batch holds. */
#ifndef SEISPROC_SRC_FLOW_GATHER_CUDA_CHAIN_H
#define SEISPROC_SRC_FLOW_GATHER_CUDA_CHAIN_H

#include "kernels/cuda_processor.h"
extern "C" {
#include "seisproc/engine.h"
}

enum { SP_CUDA_SETS = 4 }; /* batches in flight: arriving, being computed, leaving, and one to spare */

typedef struct sp_cuda_step {
  const sp_cuda_ops *ops;
  sp_cuda_plan *plan;
  size_t n_headers, headers[SP_MAX_PROCESSOR_HEADERS]; /* columns of sp_slab.headers */
} sp_cuda_step;

typedef struct sp_cuda_chain {
  size_t n_steps, n_headers;
  size_t n_edits;                   /* leading steps that edit, in place; known once there are plans */
  sp_cuda_step *steps;              /* [n_steps] */
  uint32_t max_traces, max_gathers; /* a batch */
} sp_cuda_chain;

/* Finds the backends and chooses the size of a batch from the memory that is free: large enough to fill the device,
 * small enough that a slab is several; a gather is never cut. Makes no plan yet. SP_ERR_USAGE without a log line where
 * this chain cannot run here: `why` says what is lacking. */
sp_status sp_cuda_chain_create(const sp_engine_config *config, char *why, size_t why_size, sp_cuda_chain **out);

/* Makes the plans for chain->max_traces. SP_ERR_USAGE as above; SP_ERR_MEMORY, silent, where smaller batches may do. */
sp_status sp_cuda_chain_plan(sp_cuda_chain *chain, const sp_engine_config *config, char *why, size_t why_size);

/* Halves the batches; false where they hold the largest gather only. Drops the plans. */
bool sp_cuda_chain_shrink(sp_cuda_chain *chain, const sp_engine_config *config);

/* Takes NULL. */
void sp_cuda_chain_destroy(sp_cuda_chain *chain);

#endif
