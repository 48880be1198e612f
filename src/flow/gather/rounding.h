/* SPDX-License-Identifier: BSD-3-Clause */
/* Results that are to be stored in 16 bits a sample (src/base/scaled.h): they are rounded before their checksums are
 * taken, so that these are of what is read back, and what that costs is a figure of the gather. Private to
 * src/flow/gather. */
#ifndef SEISPROC_SRC_FLOW_GATHER_ROUNDING_H
#define SEISPROC_SRC_FLOW_GATHER_ROUNDING_H

#include "seisproc/engine.h"
#include "src/flow/flow.h"

/* The type of /traces and /noise in the output. */
sp_type sp_rounding_type(const sp_flow_plan *plan);

/* Datasets of the output for factors and errors; returns how many. */
size_t sp_rounding_outputs(const sp_flow_plan *plan, const sp_survey_info *info, sp_dataset_spec *out);

/* Rounds the traces and noise of a slab that was computed, and corrects checksums and figures of its results. codes:
 * scratch for n_samples. */
void sp_rounding_apply(sp_sample_form form, uint32_t n_samples, const sp_slab *slab, uint16_t *codes);

/* Writes the errors of the gathers to the output. */
sp_status sp_rounding_write(const sp_flow_plan *plan, sp_survey *survey, const sp_gather_result *results);

/* Warns where most samples of a trace are coarse. */
void sp_rounding_conclude(const sp_flow_plan *plan, const sp_gather_index *index, const sp_gather_result *results);

/* Errors and coarse traces as a member of the report. */
void sp_rounding_report(const sp_flow_plan *plan, const sp_gather_result *results, sp_json *json);

#endif
