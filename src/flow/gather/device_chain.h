/* SPDX-License-Identifier: BSD-3-Clause */
/* A chain made ready for a device: which step is computed where, a plan for each step of the device, and how many
 * traces a batch holds.
 *
 * A step is computed on the device where that has a kernel for it, else on the CPU. A step that a later one takes back
 * is computed on the CPU with all that comes between. Consecutive steps at one place are a segment; one ends where
 * traces are marked, behind the leading steps that edit.
 */
#ifndef SEISPROC_SRC_FLOW_GATHER_DEVICE_CHAIN_H
#define SEISPROC_SRC_FLOW_GATHER_DEVICE_CHAIN_H

#include "src/flow/gather/batch.h"

enum { SP_BATCH_SETS = 4 }; /* batches in flight: arriving, being computed, leaving, and one to spare */

typedef struct sp_device_step {
  bool on_host;
  sp_cuda_plan *plan;                                  /* NULL on the host */
  size_t n_headers, headers[SP_MAX_PROCESSOR_HEADERS]; /* columns of sp_slab.headers */
} sp_device_step;

typedef struct sp_segment {
  size_t first, n_steps;
  bool on_host;
} sp_segment;

typedef struct sp_device_chain {
  const sp_batch_ops *ops;
  sp_device *device;
  size_t n_steps, n_headers;
  size_t n_edits;      /* leading steps that edit */
  size_t n_host_steps; /* that the CPU computes */
  size_t n_segments, n_host_segments;
  sp_device_step *steps;            /* [n_steps] */
  sp_segment *segments;             /* [n_segments], once there are plans */
  uint32_t max_traces, max_gathers; /* a batch */
} sp_device_chain;

/* Chooses the size of a batch from the memory that is free: large enough to fill the device, small enough that a slab
 * is several; a gather is never cut. Makes no plan yet. SP_ERR_USAGE without a log line where no step of the chain can
 * be computed here: `why` says what is lacking. */
sp_status sp_device_chain_create(const sp_batch_ops *ops, sp_device *device, const sp_engine_config *config, char *why,
                                 size_t why_size, sp_device_chain **out);

/* Makes the plans for chain->max_traces, and the segments. SP_ERR_USAGE as above; SP_ERR_MEMORY, silent, where smaller
 * batches, or fewer steps, may do. */
sp_status sp_device_chain_plan(sp_device_chain *chain, const sp_engine_config *config, char *why, size_t why_size);

/* Halves the batches, or where they hold the largest gather only leaves the step that takes most memory to the CPU;
 * false where no step is left. Drops the plans. */
bool sp_device_chain_shrink(sp_device_chain *chain, const sp_engine_config *config);

/* Takes NULL. */
void sp_device_chain_destroy(sp_device_chain *chain);

#endif
