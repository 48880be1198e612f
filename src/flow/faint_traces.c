/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/flow/faint_traces.h"

#include <inttypes.h>
#include <string.h>

#include "seisproc/log.h"

sp_faint_units sp_faint_count_units(const void *records, size_t bytes, size_t offset, uint64_t n) {
  sp_faint_units found = {0};
  for (uint64_t u = n; u-- > 0;) {
    uint32_t faint;
    memcpy(&faint, (const char *)records + u * bytes + offset, sizeof faint);
    if (faint == 0) continue;
    found.n_traces += faint;
    found.n_units++;
    found.first = u;
  }
  return found;
}

void sp_faint_warn(const sp_chain_step *step, const char *unit, const sp_faint_units *found, const char *first) {
  const uint64_t n_traces = found->n_traces, n_units = found->n_units;
  if (n_traces == 0) return;
  sp_warn("%s: %" PRIu64 " trace%s (%" PRIu64 " %s%s, first %s) came in below 1e-5 of the RMS of their %s: more than 1 "
          "%% of what is left of them may be rounding of those far stronger: take these out before (edit: despike, "
          "mute), or give %s",
          step->processor->name, n_traces, n_traces == 1 ? "" : "s", n_units, unit, n_units == 1 ? "" : "s", first,
          unit, step->processor->spreads(step->params));
}
