/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/flow/gather/chain.h"

#include <string.h>

#include "seisproc/log.h"
#include "seisproc/memory.h"

enum {
  UNIT_BYTES = 128 << 10, /* a unit has at least as much output, so that handing it out costs nothing beside it */
  CALL_BYTES = 512 << 10, /* a call has at most as much, which the second-level cache holds until it has gone out; */
  CALL_ROWS = 32          /* but a block-local one has as many rows, since it computes some at the edges twice */
};

void sp_chain_destroy(sp_chain *chain) {
  if (!chain) return;
  for (size_t i = 0; chain->parts && i < chain->n_steps; i++) {
    const sp_chain_part *part = &chain->parts[i];
    if (part->is_undo || !part->plan) continue;
    part->plan->ops->destroy(part->plan);
    sp_free(part->kept);
  }
  sp_free(chain->parts);
  sp_free(chain->stages);
  sp_free(chain);
}

/* Position of a header among the chain's, which has it. */
static size_t column_of(const char *header, const char *const *names) {
  size_t i = 0;
  while (!sp_header_is(names[i], header)) i++;
  return i;
}

/* A step that takes back another works with that one's plan and with what it kept. */
static sp_status join_undo(const sp_chain_step *step, const sp_engine_config *config, sp_chain *chain,
                           sp_chain_part *part) {
  sp_chain_part *undone = &chain->parts[step->undoes - 1];
  const size_t floats = (size_t)undone->plan->keep_floats * config->max_traces;
  void *block = NULL;
  if (!undone->kept) {
    SP_TRY(sp_alloc(floats * sizeof(float), "what a later step needs to undo another", &block));
    undone->kept = block;
  }
  *part = *undone;
  part->is_undo = true;
  return SP_SUCCESS;
}

static sp_status plan_step(const sp_chain_step *step, const sp_geometry *geometry, const char *const *names,
                           sp_chain_part *part) {
  const sp_processor *processor = step->processor;
  if (!processor->cpu) return SP_RAISE(SP_ERR_USAGE, "%s: there is no CPU version", processor->name);
  SP_TRY(processor->cpu->plan(step->params, geometry, &part->plan));
  const char *needed[SP_MAX_PROCESSOR_HEADERS];
  part->n_headers = sp_processor_headers(processor, step->params, needed);
  for (size_t i = 0; i < part->n_headers; i++) part->headers[i] = column_of(needed[i], names);
  return SP_SUCCESS;
}

static sp_status plan_steps(const sp_engine_config *config, sp_chain *chain) {
  const char *names[SP_MAX_CHAIN_HEADERS + 1];
  if (sp_chain_headers(config->chain, config->n_steps, names, SP_MAX_CHAIN_HEADERS + 1) > SP_MAX_CHAIN_HEADERS) {
    return SP_RAISE(SP_ERR_USAGE, "the chain needs more than %d headers", SP_MAX_CHAIN_HEADERS);
  }
  const sp_geometry geometry = {.n_samples = config->n_samples,
                                .max_traces = config->max_gather,
                                .sample_interval_s = config->sample_interval_s,
                                .n_threads = config->n_threads};
  for (size_t i = 0; i < chain->n_steps; i++) {
    const sp_chain_step *step = &config->chain[i];
    SP_TRY(step->undoes ? join_undo(step, config, chain, &chain->parts[i])
                        : plan_step(step, &geometry, names, &chain->parts[i]));
  }
  return SP_SUCCESS;
}

static sp_local at_most(sp_local rows, sp_local limit) {
  return rows < limit ? rows : limit;
}

static sp_local rows_a_call(const sp_plan *plan, size_t row_bytes) {
  const size_t fit = CALL_BYTES / row_bytes, least = plan->locality == SP_LOCAL_BLOCK ? CALL_ROWS : 1;
  return at_most(plan->block_traces, (sp_local)(fit > least ? fit : least));
}

/* The smallest multiple of `step` rows that makes a unit. */
static sp_local rows_a_unit(sp_local step, size_t row_bytes) {
  const size_t step_bytes = step * row_bytes;
  return step * (sp_local)((UNIT_BYTES + step_bytes - 1) / step_bytes);
}

/* A trace-local step takes the rows of a unit a few at a time, as many as it asked for, and what comes after it follows
 * at once; one that looks further takes them all, so that it sees few edges. */
static sp_chain_stage make_stage(const sp_engine_config *config, const sp_plan *plan, size_t step) {
  const size_t row_bytes = config->n_samples * sizeof(float);
  const sp_local most = config->max_gather > 0 ? config->max_gather : 1;
  const sp_local call = rows_a_call(plan, row_bytes);
  const bool whole = plan->locality == SP_LOCAL_GATHER, by_trace = plan->locality == SP_LOCAL_TRACE;
  sp_chain_stage stage = {.first_step = step, .n_steps = 1, .locality = plan->locality};
  stage.unit_rows = at_most(whole ? most : rows_a_unit(call, row_bytes), most);
  stage.chunk_rows = at_most(by_trace ? call : rows_a_unit(1, row_bytes), stage.unit_rows);
  return stage;
}

static bool is_trace_local(const sp_chain_part *part) {
  return part->is_undo || part->plan->locality == SP_LOCAL_TRACE;
}

static size_t count_edits(const sp_chain *chain) {
  size_t n = 0;
  while (n < chain->n_steps && chain->parts[n].plan->edits && !chain->parts[n].is_undo && !chain->parts[n].kept) n++;
  return n;
}

static bool goes_by_trace(const sp_engine_config *config, const sp_chain *chain) {
  bool all = config->nan != SP_NAN_ZERO && !chain->inner;
  for (size_t i = 0; i < chain->n_steps; i++) all = all && is_trace_local(&chain->parts[i]);
  return all;
}

static void cut_stages(const sp_engine_config *config, sp_chain *chain) {
  static const sp_plan copy = {.locality = SP_LOCAL_TRACE, .block_traces = 4};
  chain->n_edits = chain->inner ? 0 : count_edits(chain);
  chain->by_trace = goes_by_trace(config, chain);
  chain->marks = !chain->by_trace && !chain->inner;
  for (size_t i = 0; i < chain->n_steps; i++) chain->takes_dead |= chain->parts[i].plan->takes_dead;
  for (size_t i = 0; i < chain->n_steps; i++) {
    const sp_chain_part *part = &chain->parts[i];
    const bool first_after_edits = chain->marks && i == chain->n_edits;
    if (i > 0 && is_trace_local(part) && !first_after_edits) {
      chain->stages[chain->n_stages - 1].n_steps++;
    } else {
      chain->stages[chain->n_stages++] = make_stage(config, part->plan, i);
    }
    chain->stages[chain->n_stages - 1].keeps |= part->kept != NULL;
    if (chain->marks && i < chain->n_edits) chain->n_prefix = chain->n_stages;
  }
  if (chain->n_prefix < chain->n_stages) return;
  /* nothing comes after the edits: a stage without a step takes what they left */
  chain->stages[chain->n_stages] = make_stage(config, &copy, chain->n_steps);
  chain->stages[chain->n_stages++].n_steps = 0;
}

sp_status sp_chain_create(const sp_engine_config *config, bool inner, sp_chain **out) {
  void *block = NULL;
  sp_status status;
  SP_TRY(sp_calloc(1, sizeof(sp_chain), "the chain", &block));
  sp_chain *chain = block;
  chain->n_steps = config->n_steps;
  chain->steps = config->chain;
  chain->inner = inner;
  SP_TRY_GOTO(fail, sp_calloc(chain->n_steps, sizeof *chain->parts, "the chain", &block));
  chain->parts = block;
  SP_TRY_GOTO(fail, sp_calloc(chain->n_steps + 1, sizeof *chain->stages, "the chain", &block));
  chain->stages = block;
  SP_TRY_GOTO(fail, plan_steps(config, chain));
  cut_stages(config, chain);
  *out = chain;
  return SP_SUCCESS;
fail:
  sp_chain_destroy(chain);
  return status;
}

sp_reason sp_chain_apply(const sp_chain *chain, size_t step, int thread, const double *const *columns,
                         sp_local first_row, sp_block *block) {
  const sp_chain_part *part = &chain->parts[step];
  const double *headers[SP_MAX_PROCESSOR_HEADERS];
  for (size_t i = 0; i < part->n_headers; i++) headers[i] = columns[part->headers[i]] + first_row;
  block->headers = headers;
  block->kept = part->kept ? part->kept + (size_t)first_row * part->plan->keep_floats : NULL;
  const sp_reason reason = part->is_undo ? chain->steps[step].processor->undo(part->plan, thread, block)
                                         : part->plan->ops->apply(part->plan, thread, block);
  block->headers = NULL;
  return reason;
}
