/* SPDX-License-Identifier: BSD-3-Clause */
/* The gather flow: gathers in, gathers of the same shape out, a range of whole gathers a task. What its files share;
 * private to src/flow/gather. */
#ifndef SEISPROC_SRC_FLOW_GATHER_GATHER_FLOW_H
#define SEISPROC_SRC_FLOW_GATHER_GATHER_FLOW_H

#include "seisproc/engine.h"
#include "src/flow/flow.h"
#include "src/pack/packer.h"

/* Datasets of the figures of quality of traces, in the order of sp_slab.by_trace. */
extern const char *const sp_trace_figure_paths[SP_TRACE_FIGURES];

enum { SP_MAX_SLAB_COLUMNS = 32, SP_GATHER_INPUTS = 2 };

/* Shared by all ranks. */
typedef struct sp_gather_shared {
  sp_local max_gather; /* traces of the largest gather */
  sp_chunk_form form;  /* of the chunks that results are packed to, where they are (sp_window_packs) */
} sp_gather_shared;

static inline sp_local sp_gather_max(const sp_flow_plan *plan) {
  return ((const sp_gather_shared *)plan->shared)->max_gather;
}

static inline const sp_chunk_form *sp_gather_form(const sp_flow_plan *plan) {
  return &((const sp_gather_shared *)plan->shared)->form;
}

/* Trace headers that a slab brings along: those of the chain, then the sort keys. Writes n names, of which the first
 * *n_headers are the chain's. Errors: SP_ERR_USAGE when there are too many. */
sp_status sp_gather_columns(const sp_job *job, const char *names[SP_MAX_SLAB_COLUMNS], size_t *n_headers, size_t *n);

/* Parts of the ops table that stand in files of their own. */
sp_status sp_gather_outputs(const sp_flow_plan *plan, const sp_survey *input, sp_output_spec *out);
sp_status sp_gather_publish(const sp_flow_plan *plan, const char *part_path, const void *figures);
sp_status sp_gather_load(const sp_flow_plan *plan, sp_survey *output, void *figures);
sp_status sp_gather_write_headers(const sp_flow_plan *plan, const sp_roles *roles, const char *part_path,
                                  sp_activity *activity);
void sp_gather_announce(void *worker, const sp_task *task);
sp_status sp_gather_open(sp_flow_site *site, void **worker);
sp_status sp_gather_read(void *worker, int k, const sp_task *task, const void *payload);
sp_status sp_gather_read_nothing(void *worker);
sp_status sp_gather_submit(void *worker, int k);
sp_status sp_gather_finish(void *worker, int k, uint32_t *n_slots, void *figures);
double sp_gather_busy_s(const void *worker);
void sp_gather_close(void *worker);

#endif
