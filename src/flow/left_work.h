/* SPDX-License-Identifier: BSD-3-Clause */
/* What an earlier run left of an output, read again before the job goes on: are the units that its journal has as done
 * still what was written? A part that was wiped, brought back from elsewhere or damaged has other bytes. Which units
 * are read, and what follows from it, is src/run's (repair.h). Private to seisproc.
 */
#ifndef SEISPROC_SRC_FLOW_LEFT_WORK_H
#define SEISPROC_SRC_FLOW_LEFT_WORK_H

#include "src/flow/flow.h"
#include "src/flow/gather/recheck.h"

/* What an earlier run left, as its journal says. */
struct sp_left_work {
  const char *part_path, *packed_path; /* packed_path: where chunks lie, if there are any */
  const uint8_t *done;                 /* [units] */
  const void *figures;                 /* [units] records */
  const sp_chunk *chunks;              /* [n_chunks] of chunk_rows rows, in OUT.packed */
  size_t n_chunks;
  uint64_t chunk_rows;
  sp_activity *activity; /* told of progress within a unit; NULL: nobody is */
};

/* What reading a unit again has shown. */
typedef struct sp_left_finding {
  bool differs; /* from its record, or it cannot be read */
  uint64_t bytes;
  char what[SP_RECHECK_WHAT]; /* of a unit that differs */
} sp_left_finding;

/* Opened by the flow's open_left, on any rank, not collective; plan and left are borrowed until it is closed. */
struct sp_left_reader {
  uint64_t first_unit; /* those before it are not rows of the output, and have checksums of their own */
  /* Bytes that check reads of a unit. */
  uint64_t (*bytes)(const sp_left_reader *reader, uint64_t unit, bool whole);
  /* Compares a unit that is done with its checksums. `whole` unset: of a large one a few traces will do. One that is
   * asked to stop (stop.h) in the middle may leave it there: then the finding says nothing. */
  void (*check)(sp_left_reader *reader, uint64_t unit, bool whole, sp_left_finding *out);
  void (*close)(sp_left_reader *reader);
};

/* For units from first_unit on that are the gathers of the output, with the figures of gathers. Errors: SP_ERR_INPUT
 * for a file that cannot be read or has another number of them. */
sp_status sp_left_gathers_open(const sp_flow_plan *plan, const sp_left_work *left, uint64_t first_unit,
                               sp_left_reader **out);

#endif
