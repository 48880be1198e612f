/* SPDX-License-Identifier: BSD-3-Clause */
/* Before a cut-off job goes on: are a few of the units that its journal has as done still what was written? A part that
 * was wiped, brought back from elsewhere or changed since has other bytes; all that is read then is bounded, so that
 * resuming takes no longer. Private to seisproc.
 */
#ifndef SEISPROC_SRC_FLOW_SPOT_CHECK_H
#define SEISPROC_SRC_FLOW_SPOT_CHECK_H

#include "src/flow/flow.h"

/* What an earlier run left, as its journal says. */
struct sp_left_work {
  const char *part_path, *packed_path; /* packed_path: where chunks lie, if there are any */
  const uint8_t *done;                 /* [units] */
  const void *figures;                 /* [units] records */
  const sp_chunk *chunks;              /* [n_chunks] of chunk_rows rows, in OUT.packed */
  size_t n_chunks;
  uint64_t chunk_rows;
};

/* For units from first_unit on that are the gathers of the output, with the figures of gathers. Rank 0. Errors:
 * SP_ERR_INPUT, naming the first unit that is not what was written, or the file that cannot be read. */
sp_status sp_spot_check_gathers(const sp_flow_plan *plan, const sp_left_work *left, uint64_t first_unit);

/* Raises what such a check says of a unit. */
sp_status sp_spot_differs(const sp_flow_plan *plan, const sp_left_work *left, uint64_t unit, const char *what);

#endif
