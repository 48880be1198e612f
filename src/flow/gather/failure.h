/* SPDX-License-Identifier: BSD-3-Clause */
/* What a gather can fail of, in which order, and what comes of its traces: for the CPU's and the GPU's engine alike.
 *
 * Of several failures the one found first along a gather's way counts: that it was set aside, its input, then the steps
 * from the first to the last, then the result. A failure is a number, so that the larger of two is the one to keep,
 * whatever the order in which they are found.
 */
#ifndef SEISPROC_SRC_FLOW_GATHER_FAILURE_H
#define SEISPROC_SRC_FLOW_GATHER_FAILURE_H

#include "kernels/common/host_device.h"
#include "seisproc/choices.h"
#include "seisproc/processor.h"

/* Stations on the way, counted from its end, in the high bits, an sp_reason in the low ones. 0: none. */
typedef uint32_t sp_failure;

enum { SP_FAILURE_REASON_BITS = 8 };

SP_HOST_DEVICE sp_failure sp_failure_at(uint32_t station, uint32_t reason) {
  return reason == SP_REASON_OK ? 0 : station << SP_FAILURE_REASON_BITS | reason;
}

SP_HOST_DEVICE sp_failure sp_failure_of_result(void) {
  return sp_failure_at(1, SP_REASON_OVERFLOW);
}

SP_HOST_DEVICE sp_failure sp_failure_of_step(uint32_t n_steps, uint32_t step, uint32_t reason) {
  return sp_failure_at(1 + n_steps - step, reason);
}

SP_HOST_DEVICE sp_failure sp_failure_set_aside(uint32_t n_steps, uint32_t reason) {
  return sp_failure_at(3 + n_steps, reason);
}

SP_HOST_DEVICE uint32_t sp_failure_reason(sp_failure failure) {
  return failure & ((1u << SP_FAILURE_REASON_BITS) - 1);
}

SP_HOST_DEVICE sp_failure sp_failure_worst(sp_failure a, sp_failure b) {
  return a > b ? a : b;
}

/* --- traces ------------------------------------------------------------------------------------------------------ */

/* What becomes of a trace. What it holds is seen from what the leading steps that edit make of it. */
typedef enum sp_mark {
  SP_MARK_LIVE,    /* processed */
  SP_MARK_CURED,   /* processed: samples that are not finite in the input are gone */
  SP_MARK_EMPTIED, /* all zero now: that is its result, and nobody's neighbour */
  SP_MARK_DEAD,    /* all zero in the input: stays so */
  SP_MARK_SKIPPED, /* not to be processed: stays as it is */
  SP_MARK_BAD      /* not finite: stays as it is */
} sp_mark;

SP_HOST_DEVICE bool sp_mark_is_live(uint32_t mark) {
  return mark <= SP_MARK_CURED;
}

/* `input` and `edited`: what the trace holds before and after the steps that edit. */
SP_HOST_DEVICE sp_mark sp_mark_of(bool skip, bool input_alive, bool input_finite, bool edited_alive,
                                  bool edited_finite) {
  if (skip) return input_alive ? SP_MARK_SKIPPED : SP_MARK_DEAD;
  if (!edited_finite) return SP_MARK_BAD;
  if (!edited_alive) return input_alive ? SP_MARK_EMPTIED : SP_MARK_DEAD;
  return input_finite ? SP_MARK_LIVE : SP_MARK_CURED;
}

/* How many traces of a gather there are of each kind. */
typedef struct sp_trace_counts {
  uint32_t traces;
  uint32_t live;
  uint32_t dead;
  uint32_t bad; /* not finite; with the policy `zero` repaired, and so live */
} sp_trace_counts;

/* The failure that a gather's input is, 0 where it can be processed. */
SP_HOST_DEVICE sp_failure sp_failure_of_input(uint32_t n_steps, sp_nan policy, sp_trace_counts n) {
  const uint32_t station = 2 + n_steps;
  if (n.bad > 0 && (policy == SP_NAN_GATHER || n.live == 0)) return sp_failure_at(station, SP_REASON_NOT_FINITE);
  return sp_failure_at(station, n.traces > 0 && n.dead == n.traces ? SP_REASON_DEAD : SP_REASON_OK);
}

/* The reason to record. */
SP_HOST_DEVICE uint32_t sp_gather_reason(sp_failure failure, sp_trace_counts n) {
  if (failure) return sp_failure_reason(failure);
  return n.bad > 0 ? SP_REASON_BAD_TRACES : n.dead > 0 ? SP_REASON_DEAD_TRACES : SP_REASON_OK;
}

#endif
