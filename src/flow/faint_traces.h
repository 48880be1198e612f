/* SPDX-License-Identifier: BSD-3-Clause */
/* What a job says of traces that are faint (src/base/faint.h) beside others of their gather or cube, where a step
 * transforms across traces. */
#ifndef SEISPROC_SRC_FLOW_FAINT_TRACES_H
#define SEISPROC_SRC_FLOW_FAINT_TRACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seisproc/processor.h"

/* Whether a step spreads rounding over the traces that it gets. */
static inline bool sp_step_spreads(const sp_chain_step *step) {
  return !step->undoes && step->processor->spreads && step->processor->spreads(step->params);
}

/* Faint traces of all units of a job, how many units have some, and the first of these. */
typedef struct sp_faint_units {
  uint64_t n_traces, n_units, first;
} sp_faint_units;

/* Adds up a uint32_t that lies `offset` bytes into each of n records of `bytes` bytes. */
sp_faint_units sp_faint_count_units(const void *records, size_t bytes, size_t offset, uint64_t n);

/* One warning of gathers or cubes (`unit`), of which the first is called `first`. None where there is none. */
void sp_faint_warn(const sp_chain_step *step, const char *unit, const sp_faint_units *found, const char *first);

#endif
