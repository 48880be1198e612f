/* SPDX-License-Identifier: BSD-3-Clause */
/* A chain made ready for the CPU: a plan a step, and the steps cut into stages.
 *
 * A stage is a step of any locality and the trace-local steps that follow it: these work in place on what the first one
 * left in the cache. All traces that a stage's first step looks at must have been through the stage before.
 *
 * Where a step looks at neighbours, only live traces may be its neighbours. Then the leading steps that edit are stages
 * of their own, which get all traces; what they make of them decides which are live, and the other stages get those
 * only. A chain in which every step looks at each trace by itself is one stage, which gets all and marks them as it
 * goes.
 */
#ifndef SEISPROC_SRC_FLOW_GATHER_CHAIN_H
#define SEISPROC_SRC_FLOW_GATHER_CHAIN_H

#include "seisproc/engine.h"

typedef struct sp_chain_stage {
  size_t first_step, n_steps;
  sp_locality locality; /* of its first step */
  sp_local unit_rows;   /* traces of a gather that one thread takes at a time */
  sp_local chunk_rows;  /* of these, traces that go through the stage together; the first step of a stage that is not
                           trace-local takes the whole unit. At most unit_rows */
  bool keeps;           /* one of its steps keeps what a later one needs to undo it */
} sp_chain_stage;

typedef struct sp_chain_part {
  sp_plan *plan; /* owned, but for a step that takes back another: then it is that step's */
  bool is_undo;
  float *kept; /* [max_traces][plan->keep_floats] by place in the slab; owned by the step that keeps. NULL: nothing */
  size_t n_headers;
  size_t headers[SP_MAX_PROCESSOR_HEADERS]; /* columns of sp_slab.headers */
} sp_chain_part;

typedef struct sp_chain {
  size_t n_steps, n_stages;
  size_t n_edits;             /* leading steps that edit */
  size_t n_prefix;            /* stages that these are; 0 where they are part of the only stage */
  bool takes_dead;            /* one of the steps does */
  bool by_trace;              /* the chain is one stage that gets all traces */
  bool inner;                 /* part of another chain: marks come with the slab */
  bool marks;                 /* a pass of its own marks the traces */
  const sp_chain_step *steps; /* borrowed */
  sp_chain_part *parts;       /* [n_steps] */
  sp_chain_stage *stages;     /* [n_stages] */
} sp_chain;

/* Plans every step. `inner`: the steps are a part of a chain, in whose midst they stand: which traces are live is
 * known, and what the last step gives is all that is wanted. Borrows the config during the call; the caller owns *out.
 * Errors: SP_ERR_USAGE for a processor that has no CPU backend, a chain that needs too many headers, and what a plan
 * refuses. */
sp_status sp_chain_create(const sp_engine_config *config, bool inner, sp_chain **out);

/* Whether one of the steps from n on undoes one before them. */
static inline bool sp_steps_undo_within(const sp_chain_step *steps, size_t n_steps, size_t n) {
  for (size_t i = n; i < n_steps; i++) {
    if (steps[i].undoes && steps[i].undoes <= n) return true;
  }
  return false;
}

enum { SP_SHARED_TAKEN = 128 }; /* in sp_shared_steps.known, beside the form of the chain: */

/* Not 0, and another one for chains that mark their traces elsewhere: what shared steps left in one form does not do
 * for the other. */
static inline unsigned char sp_chain_form(const sp_chain *chain) {
  return chain->by_trace ? 1 : 2;
}

/* Takes NULL. */
void sp_chain_destroy(sp_chain *chain);

/* Applies one step to a block whose headers and kept values are set here: those of the rows from `first_row` of the
 * slab on. `columns` are the slab's, in the order in which its rows are now. */
sp_reason sp_chain_apply(const sp_chain *chain, size_t step, int thread, const double *const *columns,
                         sp_local first_row, sp_block *block);

#endif
