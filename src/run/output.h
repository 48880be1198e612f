/* SPDX-License-Identifier: BSD-3-Clause */
/* The output file before the first sample. Private to src/run. */
#ifndef SEISPROC_SRC_RUN_OUTPUT_H
#define SEISPROC_SRC_RUN_OUTPUT_H

#include "src/flow/flow.h"

/* Creates the output at `part_path` as the flow describes it, without headers and samples, and with what the job and
 * its input say of it. Rank 0 alone, which has the input `source` open alone. The file's bytes are decided by the input
 * and the job, not by when or by how many ranks. */
sp_status sp_output_create(const sp_flow_plan *plan, const sp_survey *source, const char *part_path);

#endif
