/* SPDX-License-Identifier: BSD-3-Clause */
/* The figures of quality of gathers and traces in the output, and in the closing lines. Private to src/flow/gather. */
#ifndef SEISPROC_SRC_FLOW_GATHER_QUALITY_H
#define SEISPROC_SRC_FLOW_GATHER_QUALITY_H

#include "src/flow/gather/gather_flow.h"

/* Adds the datasets below /qc that the job asks for. */
void sp_quality_outputs(const sp_flow_plan *plan, sp_output_spec *out);

/* Writes the figures of all gathers; reads them again. Not collective. */
sp_status sp_quality_write(const sp_flow_plan *plan, sp_survey *survey, const sp_gather_result *results);
sp_status sp_quality_read(const sp_flow_plan *plan, sp_survey *survey, sp_gather_result *results);

/* "removed 4.1 % of the energy (least 0.2 in fldr 12, most 31 in fldr 840), 3 gathers set aside", where anything was
 * measured; of a chain of several steps, a line with what each of them removed of what came to it. */
void sp_quality_conclude(const sp_flow_plan *plan, const sp_gather_index *index, const sp_gather_result *results);

/* The share that was removed, and that each step of the chain removed of what came to it. */
void sp_quality_report(const sp_flow_plan *plan, const sp_gather_result *results, sp_json *json);

#endif
