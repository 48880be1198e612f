/* Units of work: the rows of one gather that one thread takes through one stage of a chain.
 *
 * Pure of scheduling: who takes which unit when is up to the caller (cpu.c), and does not change a bit of the result.
 */
#ifndef SEISPROC_SRC_FLOW_GATHER_UNIT_H
#define SEISPROC_SRC_FLOW_GATHER_UNIT_H

#include "src/flow/gather/chain.h"
#include "src/flow/gather/row_ops.h"

/* What all threads share. */
typedef struct sp_unit_context {
  const sp_engine_config *config;
  const sp_chain *chain;
  const sp_row_ops *rows;
  float *between; /* [max_traces][n_samples], results between stages; NULL where there is one stage */
} sp_unit_context;

/* What a thread has for itself. */
typedef struct sp_unit_scratch {
  int thread;
  float *result;        /* sp_unit_result_rows rows: the last stage's result on its way out */
  float *difference;    /* one row */
  unsigned char *marks; /* [max_gather] */
} sp_unit_scratch;

/* Why a gather failed: how early on its way in the high bits, an sp_reason in the low ones, so that the larger of two
 * failures is the one to keep, whatever the order in which units end. 0: none. */
typedef uint32_t sp_failure;

typedef struct sp_unit {
  sp_slab *slab;
  sp_local gather;
  sp_local first, count; /* rows of the gather */
  size_t stage;
  sp_failure failure; /* of this gather as far as known: a unit that could not change it has nothing to do */
  bool dead_traces;   /* some are known to be all zero, or (in the first stage) it is not known yet */
} sp_unit;

typedef struct sp_unit_outcome {
  sp_failure failure;
  sp_local dead; /* traces all zero; told by the first stage */
  /* last stage: XORed over a gather's units these are its checksums */
  uint32_t crc_traces, crc_noise;
} sp_unit_outcome;

sp_failure sp_failure_set_aside(const sp_chain *chain, sp_reason reason);
sp_failure sp_failure_dead(const sp_chain *chain);
sp_reason sp_failure_reason(sp_failure failure);

/* The one of the two to keep. */
sp_failure sp_failure_worst(sp_failure a, sp_failure b);

/* Rows of scratch->result; 0 where the last stage takes whole gathers, and they go straight out. */
sp_local sp_unit_result_rows(const sp_chain *chain);

/* Whether this stage's result goes to context->between, the others' to slab->traces. */
bool sp_stage_goes_between(const sp_chain *chain, size_t stage);

/* Takes rows of a gather through a stage. */
void sp_unit_compute(const sp_unit_context *context, const sp_unit_scratch *scratch, const sp_unit *unit,
                     sp_unit_outcome *outcome);

/* Writes a gather that failed as on_error says, and its checksums. */
void sp_unit_redo(const sp_unit_context *context, sp_slab *slab, sp_local gather, sp_gather_result *result);

#endif
