/* SPDX-License-Identifier: BSD-3-Clause */
/* What a job says of traces that are faint (src/base/faint.h) beside others of their gather or cube, where a step
 * transforms across traces. */
#ifndef SEISPROC_SRC_FLOW_FAINT_TRACES_H
#define SEISPROC_SRC_FLOW_FAINT_TRACES_H

#include <stdbool.h>

#include "seisproc/processor.h"

/* Whether a step spreads rounding over the traces that it gets. */
static inline bool sp_step_spreads(const sp_chain_step *step) {
  return !step->undoes && step->processor->spreads && step->processor->spreads(step->params);
}

/* One warning: n_traces of n_units gathers or cubes, of which the first is called `first`. None where n_traces is 0. */
void sp_faint_warn(const sp_chain_step *step, const char *unit, uint64_t n_traces, uint64_t n_units, const char *first);

#endif
