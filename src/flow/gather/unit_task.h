/* SPDX-License-Identifier: BSD-3-Clause */
/* A unit while it is computed: what unit.c, which computes, and unit_rows.c, which writes, have in common. Private to
 * these. */
#ifndef SEISPROC_SRC_FLOW_GATHER_UNIT_TASK_H
#define SEISPROC_SRC_FLOW_GATHER_UNIT_TASK_H

#include "src/flow/gather/unit.h"

/* A unit with what it works on. Row pointers are to its first row. */
typedef struct sp_unit_task {
  const sp_unit_context *context;
  const sp_unit_scratch *scratch;
  const sp_unit *unit;
  const sp_chain_stage *stage;
  const double *const *columns;
  size_t n;                   /* samples of a trace */
  sp_local first_row;         /* of the gather, in the slab */
  bool last;                  /* stage */
  const float *gather_from;   /* its first row as this stage gets it */
  const float *input;         /* as the slab has it */
  float *result;              /* in scratch, between, or in place in the slab's traces */
  const unsigned char *marks; /* of the unit's rows */
  bool measured;              /* the traces, as far as they were processed */
} sp_unit_task;

sp_unit_task sp_unit_make_task(const sp_unit_context *context, const sp_unit_scratch *scratch, const sp_unit *unit);

/* Where row i of the unit goes in the end, as a trace of the gather. */
static inline sp_local sp_unit_place_of(const sp_unit *u, sp_local row) {
  return u->arranged ? u->traces->places[u->slab->first_trace[u->gather] + row] : row;
}

static inline sp_local sp_unit_gather_traces(const sp_unit *u) {
  return u->slab->first_trace[u->gather + 1] - u->slab->first_trace[u->gather];
}

/* Where the sums of row i of the gather go; NULL where they are not wanted. */
static inline sp_row_sums *sp_unit_sums_of(const sp_unit_task *t, sp_local row) {
  sp_row_sums *all = t->unit->traces->sums;
  return all ? all + t->first_row + sp_unit_place_of(t->unit, row) : NULL;
}

/* Adds checksums of rows that come before `after` rows of the gather. The CRC of A followed by B is that of A moved
 * over the length of B, XOR that of B: moved over all that follows it in the gather, a part's CRC can be added in any
 * order. */
void sp_unit_add_crcs(const sp_unit_context *context, const sp_unit_outcome *part, sp_local after,
                      sp_unit_outcome *outcome);

/* Rows of the unit from their results to what the mode asks for, a row at a time while the cache holds it. Those that
 * go out one after the other: crcs goes on from row to row. Those that go to places of their own, none before itself:
 * from the last to the first, since a result may still lie where an earlier row goes. */
sp_failure sp_unit_give_in_order(const sp_unit_task *task, sp_local row, sp_local count, sp_unit_outcome *crcs);
sp_failure sp_unit_give_arranged(const sp_unit_task *task, sp_local row, sp_local count, sp_unit_outcome *outcome);

/* Rows of an inner chain go to their places as they are. */
void sp_unit_put_rows(const sp_unit_task *task, sp_local row, sp_local count);

#endif
