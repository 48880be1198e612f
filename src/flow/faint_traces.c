/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/flow/faint_traces.h"

#include <inttypes.h>

#include "seisproc/log.h"

void sp_faint_warn(const sp_chain_step *step, const char *unit, uint64_t n_traces, uint64_t n_units,
                   const char *first) {
  if (n_traces == 0) return;
  sp_warn("%s: %" PRIu64 " trace%s (%" PRIu64 " %s%s, first %s) came in below 1e-5 of the RMS of their %s: more than 1 "
          "%% of what is left of them may be rounding of those far stronger: take these out before (edit: despike, "
          "mute), or give %s",
          step->processor->name, n_traces, n_traces == 1 ? "" : "s", n_units, unit, n_units == 1 ? "" : "s", first,
          unit, step->processor->spreads(step->params));
}
