/* SPDX-License-Identifier: BSD-3-Clause */
/* From sums of traces to the figures of quality of a gather (seisproc/figures.h). */
#ifndef SEISPROC_SRC_FLOW_GATHER_MEASURE_H
#define SEISPROC_SRC_FLOW_GATHER_MEASURE_H

#include "seisproc/engine.h"
#include "src/flow/gather/row_ops.h"

/* Steps that are measured each by itself, the first ones of a chain of several, where anything is measured. */
size_t sp_measured_steps(const sp_engine_config *config);

/* Fills in the figures of a gather in slab->results, and of its traces in slab->by_trace where that is wanted, from
 * sums[n_traces of the slab]. Nothing was measured of a gather that failed: good is false. Adds in the order of traces,
 * so that the bits depend on the gather alone. */
void sp_measure_gather(const sp_slab *slab, sp_local gather, uint32_t n_samples, bool good, const sp_row_sums *sums);

/* Fills in what each step of a chain of several removed of the gather, and how many traces are faint, where the rest is
 * filled in, from the sums of its traces, sums[max_traces of the slab], and those of the steps,
 * steps[sp_measured_steps][max_traces]. */
void sp_measure_steps(const sp_engine_config *config, const sp_slab *slab, sp_local gather, const sp_row_sums *sums,
                      const sp_step_sums *steps);

/* What came to step k of a record, and what it removed. */
static inline float *sp_step_figure(sp_gather_result *result, size_t k, bool removed) {
  return (removed ? &result->step0_removed : &result->step0_in) + 2 * k;
}

#endif
