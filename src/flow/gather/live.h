/* SPDX-License-Identifier: BSD-3-Clause */
/* Which traces of a gather are processed, and putting those first.
 *
 * Traces that are dead, not finite or not to be processed are nobody's neighbours: where a step looks at neighbours it
 * gets a gather of the live ones, which for that are put before the others, each kind in its order.
 */
#ifndef SEISPROC_SRC_FLOW_GATHER_LIVE_H
#define SEISPROC_SRC_FLOW_GATHER_LIVE_H

#include "src/flow/gather/unit.h"

/* Marks the rows of a unit by what they are after the stages that edit, and counts them. */
void sp_live_mark(const sp_unit_context *context, const sp_unit *unit, sp_unit_outcome *outcome);

/* Marks all rows of a gather that slab->skip leaves out as skipped or dead, the others as live, and counts the dead. */
void sp_live_mark_skipped(const sp_unit_context *context, const sp_unit *unit, sp_unit_outcome *outcome);

/* Puts the live ones of a gather's first unit->n_rows rows first, in the input, in what the stages done so far left,
 * and in what describes them; returns how many are live. Where all are, nothing is done. */
sp_local sp_live_arrange(const sp_unit_context *context, const sp_unit_scratch *scratch, const sp_unit *unit);

#endif
