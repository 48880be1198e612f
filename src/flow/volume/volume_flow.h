/* SPDX-License-Identifier: BSD-3-Clause */
/* The volume flow: cubes in, cubes of the same shape out, a cube a unit and a task. What its files share; private to
 * src/flow/volume. */
#ifndef SEISPROC_SRC_FLOW_VOLUME_VOLUME_FLOW_H
#define SEISPROC_SRC_FLOW_VOLUME_VOLUME_FLOW_H

#include <stdio.h>

#include "kernels/fkk/fkk.h"
#include "src/flow/flow.h"
#include "src/flow/volume/cube_filter.h"
#include "src/index/trace_grid.h"

/* A cube as all ranks know it. */
typedef struct sp_volume_cube {
  sp_cube grid;
  bool consecutive;     /* its traces follow each other in the file, from first_trace on */
  uint64_t first_trace; /* of the file */
  uint64_t gathers_at;  /* of the list of starts */
  uint64_t n_gathers;   /* 0 unless steps look at whole gathers */
} sp_volume_cube;

/* Shared by all ranks: cubes[n_cubes], then cell[n_traces], then trace[n_traces] unless all cubes are consecutive; both
 * in the order of sp_trace_grid. Last, where whole gathers are looked at, the first item of each gather of a cube and
 * then the number of its items, cube by cube. */
typedef struct sp_volume_shared {
  uint64_t n_cubes, n_traces;
  uint64_t cells_at, traces_at; /* bytes from here; traces_at 0: not there */
  uint64_t gathers_at;          /* likewise; 0: traces are looked at each by itself, and cubes may cut gathers */
  uint64_t step;                /* of the chain that is fkk */
  uint32_t max_gather;          /* traces of the largest gather where whole ones are looked at, else 1 */
  uint32_t slab_rows;           /* traces that are read and written at once */
  bool keeps_input;             /* there is memory for a cube's traces: they are read once */
  bool spills;                  /* spectra are in the scratch folder */
  uint64_t on_gpu_bytes;        /* spectra and planes that lie on a worker's GPU; 0: the CPU computes */
} sp_volume_shared;

static inline const sp_volume_shared *sp_volume_shared_of(const sp_flow_plan *plan) {
  return plan->shared;
}

static inline const sp_volume_cube *sp_volume_cube_at(const sp_flow_plan *plan, uint64_t unit) {
  return (const sp_volume_cube *)(sp_volume_shared_of(plan) + 1) + unit;
}

static inline const uint32_t *sp_volume_cells(const sp_flow_plan *plan, const sp_volume_cube *cube) {
  const sp_volume_shared *s = sp_volume_shared_of(plan);
  return (const uint32_t *)((const char *)s + s->cells_at) + cube->grid.first;
}

/* Position in the file of a cube's i-th trace. */
static inline uint64_t sp_volume_trace(const sp_flow_plan *plan, const sp_volume_cube *cube, uint64_t i) {
  const sp_volume_shared *s = sp_volume_shared_of(plan);
  if (cube->consecutive) return cube->first_trace + i;
  return ((const uint64_t *)((const char *)s + s->traces_at))[cube->grid.first + i];
}

/* First item of each gather of a cube, and at [n_gathers] the number of items. */
static inline const uint32_t *sp_volume_gathers(const sp_flow_plan *plan, const sp_volume_cube *cube) {
  const sp_volume_shared *s = sp_volume_shared_of(plan);
  return (const uint32_t *)((const char *)s + s->gathers_at) + cube->gathers_at;
}

/* The step of a chain that is no gather processor. */
static inline size_t sp_volume_step(const sp_job *job) {
  size_t i = 0;
  while (i + 1 < job->n_steps && job->chain[i].processor->scope != SP_SCOPE_VOLUME) i++;
  return i;
}

static inline const sp_fkk_params *sp_volume_params(const sp_flow_plan *plan) {
  return plan->job->chain[sp_volume_step(plan->job)].params;
}

/* The filter of a cube. */
void sp_volume_filter(const sp_flow_plan *plan, const sp_volume_cube *cube, sp_fk_filter *filter);

/* What became of a cube, one figure a line as SP_GATHER_FIGURES; counts are of traces. faint: of those that fkk got, of
 * the whole cube (src/base/faint.h), 0 where it levels them. */
#define SP_VOLUME_FIGURES(FIGURE)                                                                                      \
  FIGURE(uint32_t, UINT32, reason, MAX)                                                                                \
  FIGURE(uint32_t, UINT32, dead, SUM)                                                                                  \
  FIGURE(uint32_t, UINT32, not_finite, SUM)                                                                            \
  FIGURE(uint32_t, UINT32, unreadable, SUM)                                                                            \
  FIGURE(uint32_t, UINT32, faint, MAX)

typedef struct sp_volume_result {
#define SP_VOLUME_MEMBER(type, kind, name, join) type name;
  SP_VOLUME_FIGURES(SP_VOLUME_MEMBER)
#undef SP_VOLUME_MEMBER
} sp_volume_result;

/* Says what is odd about the cubes: sparse or small ones, spacings of less than 0.1 or more than 10,000, dx, dy and
 * directions of the job that cdpx and cdpy contradict (volume_warnings.c). Rank 0. Errors: those of reading. */
sp_status sp_volume_warn_of_cubes(const sp_plan_request *request, const sp_grid_request *r, const sp_trace_grid *grid);

/* Whether anything looks at whole gathers, and what. */
typedef struct sp_volume_chain {
  bool whole;
  const char *what;
} sp_volume_chain;

/* The job's chain holds one step on cubes, and none is taken back across it. Errors: SP_ERR_USAGE, one line. */
sp_status sp_volume_chain_check(const sp_job *job);
sp_status sp_volume_chain_look(const sp_plan_request *request, sp_volume_chain *out);

/* Sets the gathers of each cube, and *starts [*n], which the caller frees, as sp_volume_shared has them; NULL where
 * none are looked at. Errors: SP_ERR_USAGE for a gather that is in several cubes. */
sp_status sp_volume_list_gathers(const sp_plan_request *request, const sp_volume_chain *chain,
                                 const sp_trace_grid *grid, sp_volume_cube *cubes, uint32_t **starts, uint64_t *n);

/* Lines for plan: passes over the disk, and the steps beside fkk. */
void sp_volume_explain_chain(const sp_flow_plan *plan, FILE *out);

/* Cubes of the survey, its plan; parts of the ops table that stand in files of their own. */
sp_status sp_volume_plan(const sp_plan_request *request, sp_flow_plan *plan);
sp_status sp_volume_outputs(const sp_flow_plan *plan, const sp_survey *input, sp_output_spec *out);
sp_status sp_volume_open_left(const sp_flow_plan *plan, const sp_left_work *left, sp_left_reader **out);
sp_status sp_volume_publish(const sp_flow_plan *plan, const char *part_path, const void *figures);
sp_status sp_volume_load(const sp_flow_plan *plan, sp_survey *output, void *figures);
void sp_volume_explain(const sp_flow_plan *plan, FILE *out);
sp_status sp_volume_open(sp_flow_site *site, void **worker);
sp_status sp_volume_read(void *worker, int k, const sp_task *task, const void *payload);
sp_status sp_volume_submit(void *worker, int k);
sp_status sp_volume_finish(void *worker, int k, uint32_t *n_slots, void *figures);
double sp_volume_busy_s(const void *worker);
void sp_volume_close(void *worker);

#endif
