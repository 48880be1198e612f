/* SPDX-License-Identifier: BSD-3-Clause */
/* Units of work: the rows of one gather that one thread takes through one stage of a chain.
 *
 * Pure of scheduling: who takes which unit when is up to the caller (cpu.c), and does not change a bit of the result.
 */
#ifndef SEISPROC_SRC_FLOW_GATHER_UNIT_H
#define SEISPROC_SRC_FLOW_GATHER_UNIT_H

#include "src/flow/gather/chain.h"
#include "src/flow/gather/failure.h"
#include "src/flow/gather/row_ops.h"

/* What all threads share. */
typedef struct sp_unit_context {
  const sp_engine_config *config;
  const sp_chain *chain;
  const sp_row_ops *rows;
  size_t n_headers; /* columns that the chain reads */
  float *between;   /* [max_traces][n_samples], results between stages; NULL where there is one stage */
} sp_unit_context;

/* What a thread has for itself. */
typedef struct sp_unit_scratch {
  int thread;
  float *result;        /* sp_unit_result_rows rows: the last stage's result on its way out */
  float *difference;    /* one row */
  float *spare_row;     /* one row */
  float *before;        /* sp_unit_before_rows rows, as they come to a step that works in place; NULL: none */
  unsigned char *marks; /* [max_gather] */
  sp_local *order;      /* [max_gather] */
  float *full;          /* [2][max_gather][n_samples]: for steps that take dead traces; NULL where there is none */
} sp_unit_scratch;

/* The traces of a slab, by row. The rows of a gather are in the order of the slab until it is arranged; then those that
 * go on come first. */
typedef struct sp_traces {
  unsigned char *marks; /* [max_traces] sp_mark */
  sp_local *places;     /* [max_traces]: the trace of its gather that a row is; in gathers that are arranged */
  double **columns;     /* [n_headers][max_traces]: headers of the rows of gathers that are arranged */
  sp_row_sums *sums;    /* [max_traces], by trace as it is written; NULL: nothing is measured */
  sp_step_sums *steps;  /* [sp_measured_steps][max_traces] likewise */
} sp_traces;

typedef struct sp_unit {
  sp_slab *slab;
  const sp_traces *traces;
  sp_local gather;
  sp_local n_rows;       /* of the gather that go through the chain */
  sp_local first, count; /* of these */
  size_t stage;
  sp_failure failure; /* of this gather as far as known: a unit that could not change it has nothing to do */
  bool arranged;
  bool known; /* slab->shared has what the shared steps make of this gather */
} sp_unit;

typedef struct sp_unit_outcome {
  sp_failure failure;
  sp_trace_counts counts; /* told by what marks the traces */
  /* last stage: XORed over a gather's units and sp_unit_give_rest these are its checksums */
  uint32_t crc_traces, crc_noise;
} sp_unit_outcome;

/* Rows of scratch->before. */
sp_local sp_unit_before_rows(const sp_engine_config *config, const sp_chain *chain);

/* Rows of scratch->result; 0 where the last stage takes whole gathers, and they go straight out. */
sp_local sp_unit_result_rows(const sp_chain *chain);

/* Whether this step of the unit's gather is passed over, since what the shared steps leave is known. */
bool sp_unit_passes_over(const sp_unit_context *context, const sp_unit *unit, size_t step);

/* Whether this stage's result goes to context->between, the others' to slab->traces. */
bool sp_stage_goes_between(const sp_chain *chain, size_t stage);

/* Where a stage leaves the rows of a slab; the input for what is before the first one. */
float *sp_stage_output(const sp_unit_context *context, const sp_slab *slab, size_t n_stages_done);

/* Takes rows of a gather through a stage. */
void sp_unit_compute(const sp_unit_context *context, const sp_unit_scratch *scratch, const sp_unit *unit,
                     sp_unit_outcome *outcome);

/* Writes the rows of a gather that did not go through the chain: unit->n_rows up to its last. */
void sp_unit_give_rest(const sp_unit_context *context, const sp_unit_scratch *scratch, const sp_unit *unit,
                       sp_unit_outcome *outcome);

/* Writes a gather that failed as on_error says, and its checksums. */
void sp_unit_write_failed(const sp_unit_context *context, const sp_unit *unit, sp_unit_outcome *outcome);

#endif
