/* SPDX-License-Identifier: BSD-3-Clause */
/* The CPU engine's own: slabs in flight, and who takes which unit of them when. Engines that share a team of threads
 * are a crew: one alone, or one for each segment of a chain that the CPU computes between segments of a device. */
#ifndef SEISPROC_SRC_FLOW_GATHER_CPU_ENGINE_H
#define SEISPROC_SRC_FLOW_GATHER_CPU_ENGINE_H

#include "src/base/team.h"
#include "src/flow/gather/engine_ops.h"
#include "src/flow/gather/unit.h"

typedef struct sp_gather_state {
  sp_local units_left; /* of this pass */
  sp_local n_rows;     /* that go through the chain */
  bool arranged;
  bool known; /* what the shared steps made of it */
  sp_failure failure;
  uint32_t pass;
  sp_trace_counts counts;
  uint32_t crc_traces, crc_noise;
} sp_gather_state;

/* Where the next unit of a pass is. */
typedef struct sp_cursor {
  sp_local gather, row;
} sp_cursor;

/* A slab in flight. */
typedef struct sp_cpu_slot {
  sp_slab *slab;
  sp_gather_state *gathers; /* [max_gathers] */
  sp_cursor *cursors;       /* [passes] */
  sp_traces traces;
  sp_local n_done;      /* gathers */
  sp_local done_before; /* all gathers before this one are done */
} sp_cpu_slot;

typedef struct sp_cpu_engine {
  sp_engine_config config;
  sp_chain *chain;
  sp_unit_context context;
  float *between;
  sp_unit_scratch *scratch; /* [n_threads] */
  sp_team *team;            /* the crew's */
  sp_cpu_slot *slots;       /* [n_slabs], a ring: from `oldest` on, `n_slots` are in flight */
  int oldest, n_slots;
} sp_cpu_engine;

typedef struct sp_cpu_crew {
  sp_cpu_engine **engines; /* [n_engines]; work of the last ones goes first */
  size_t n_engines;
  sp_team *team;
} sp_cpu_crew;

/* `inner` as in sp_chain_create; the chains of the configs are borrowed while the crew lives, and all have the same
 * number of threads. The caller owns *out. */
sp_status sp_cpu_crew_create(const sp_engine_config *configs, size_t n, bool inner, sp_cpu_crew **out);

/* Waits for what is in flight. */
void sp_cpu_crew_finish(sp_cpu_crew *crew);

/* Takes NULL. */
void sp_cpu_crew_destroy(sp_cpu_crew *crew);

/* Hands a slab over, one of at most n_slabs; under the team's lock. marks [n_traces] sp_mark for an inner chain, else
 * NULL. */
void sp_cpu_submit(sp_cpu_engine *engine, sp_slab *slab, const uint32_t *marks);

/* What the steps of the oldest slab in flight removed, as sp_traces has it: until another slab takes its place. */
const sp_step_sums *sp_cpu_oldest_steps(sp_cpu_engine *engine);

/* The oldest slab in flight if it is done, else NULL; under the team's lock. */
sp_slab *sp_cpu_remove_done(sp_cpu_engine *engine);

/* How many passes there are, and the number that stands for done: one that puts a gather's traces in order, one a
 * stage, and where not every stage goes by trace one that marks traces. */
uint32_t sp_cpu_passes(const sp_cpu_engine *engine);

/* The slab that was submitted i-th of those in flight. */
sp_cpu_slot *sp_cpu_slot_at(const sp_cpu_engine *engine, int i);

/* Makes a slab ready to be taken; no thread looks at the slot yet. */
void sp_cpu_slot_fill(const sp_cpu_engine *engine, sp_cpu_slot *slot, sp_slab *slab, const uint32_t *marks);

bool sp_cpu_slot_is_done(const sp_cpu_slot *slot);

/* Counts the gathers at the front of the slab that are done; under the team's lock. */
void sp_cpu_slot_count_done(const sp_cpu_engine *engine, sp_cpu_slot *slot);

/* sp_team_ops.take and run; `context` is the crew. */
bool sp_cpu_claim(void *context, void *unit);
void sp_cpu_run(void *context, int thread, const void *unit);

#endif
