/* SPDX-License-Identifier: BSD-3-Clause */
/* The output of the gather flow: the input's shape, and for each gather what became of it. */
#include <string.h>

#include "seisproc/memory.h"
#include "seisproc/share.h"
#include "src/flow/gather/quality.h"
#include "src/flow/gather/rounding.h"

enum { PIECE = 1 << 20 }; /* gathers written or read at once */

sp_status sp_gather_outputs(const sp_flow_plan *plan, const sp_survey *input, sp_output_spec *out) {
  const int mode = plan->job->settings.mode;
  const sp_type type = sp_rounding_type(plan);
  *out = (sp_output_spec){.info = *sp_survey_get_info(input), .derived = true};
  sp_survey_info *info = &out->info;
  snprintf(info->content, sizeof info->content, "%s", mode == SP_MODE_NOISE ? "noise" : "processed");
  sp_dataset_spec *d = out->datasets;
  size_t n = 0;
  d[n++] = (sp_dataset_spec){"/traces", type, info->n_traces, info->n_samples, NULL};
  if (mode == SP_MODE_BOTH) {
    d[n++] = (sp_dataset_spec){"/noise", type, info->n_traces, info->n_samples, NULL};
  }
  n += sp_rounding_outputs(plan, info, d + n);
  if (plan->job->n_sort) d[n++] = (sp_dataset_spec){"/sort_map", SP_UINT64, info->n_traces, 0, NULL};
  d[n++] = (sp_dataset_spec){"/integrity/crc32c", SP_UINT32, info->n_gathers, mode == SP_MODE_BOTH ? 2 : 1, NULL};
  d[n++] = (sp_dataset_spec){"/integrity/status", SP_UINT8, info->n_gathers, 0, NULL};
  out->n_datasets = n;
  sp_quality_outputs(plan, out);
  return SP_SUCCESS;
}

static void split(const sp_gather_result *results, sp_global n, size_t crcs_a_gather, uint32_t *crc, uint8_t *state) {
  for (sp_global g = 0; g < n; g++) {
    crc[g * crcs_a_gather] = results[g].crc_traces;
    if (crcs_a_gather == 2) crc[g * 2 + 1] = results[g].crc_noise;
    state[g] = (uint8_t)results[g].reason;
  }
}

sp_status sp_gather_publish(const sp_flow_plan *plan, const char *part_path, const void *figures) {
  const sp_gather_result *results = figures;
  const sp_global n_gathers = plan->shape.n_units;
  sp_survey *survey = NULL;
  sp_dataset *crc_data = NULL, *state_data = NULL;
  void *crc = NULL, *state = NULL;
  sp_status status;
  SP_TRY_GOTO(out, sp_survey_open(MPI_COMM_NULL, part_path, true, &survey));
  SP_TRY_GOTO(out, sp_dataset_open(survey, "/integrity/crc32c", &crc_data));
  SP_TRY_GOTO(out, sp_dataset_open(survey, "/integrity/status", &state_data));
  const size_t crcs = (size_t)sp_dataset_row_length(crc_data);
  const size_t most = n_gathers < PIECE ? (size_t)n_gathers : PIECE;
  SP_TRY_GOTO(out, sp_calloc(most * crcs, sizeof(uint32_t), "checksums", &crc));
  SP_TRY_GOTO(out, sp_calloc(most, 1, "the status of gathers", &state));
  SP_EACH_PIECE (piece, 0, n_gathers, most) {
    const uint64_t first = piece.first;
    const sp_local n = (sp_local)piece.count;
    split(results + first, n, crcs, crc, state);
    SP_TRY_GOTO(out, sp_dataset_write(crc_data, first, n, crc));
    SP_TRY_GOTO(out, sp_dataset_write(state_data, first, n, state));
  }
  SP_TRY_GOTO(out, sp_quality_write(plan, survey, results));
  SP_TRY_GOTO(out, sp_rounding_write(plan, survey, results));
  status = sp_survey_sync(survey);
out:
  sp_free(state);
  sp_free(crc);
  sp_dataset_close(state_data);
  sp_dataset_close(crc_data);
  sp_survey_close(survey);
  return status;
}

/* Reasons and figures of quality, without checksums. */
sp_status sp_gather_load(const sp_flow_plan *plan, sp_survey *output, void *figures) {
  sp_gather_result *results = figures;
  const sp_global n_gathers = plan->shape.n_units;
  sp_dataset *dataset = NULL;
  uint8_t *state = NULL;
  sp_status status;
  SP_TRY_GOTO(out, sp_dataset_open(output, "/integrity/status", &dataset));
  SP_TRY_GOTO(out, sp_calloc(PIECE, 1, "the status of gathers", &state));
  SP_EACH_PIECE (piece, 0, n_gathers, PIECE) {
    const uint64_t first = piece.first;
    const sp_local n = (sp_local)piece.count;
    SP_TRY_GOTO(out, sp_dataset_read(dataset, first, n, state));
    for (sp_local g = 0; g < n; g++) results[first + g].reason = state[g];
  }
  status = sp_quality_read(plan, output, results);
out:
  sp_free(state);
  sp_dataset_close(dataset);
  return status;
}
