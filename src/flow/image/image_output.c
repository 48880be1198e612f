/* SPDX-License-Identifier: BSD-3-Clause */
/* The output of an image job: a survey whose gathers are image points and whose traces are classes. */
#include <string.h>

#include "seisproc/dist.h"
#include "seisproc/memory.h"
#include "seisproc/share.h"
#include "src/flow/image/image_state.h"

sp_status sp_image_outputs(const sp_flow_plan *plan, const sp_survey *input, sp_output_spec *out) {
  sp_image_spec(sp_image_shared_of(plan), out);
  return SP_SUCCESS;
}

sp_status sp_image_write_headers(const sp_flow_plan *plan, const sp_roles *roles, const char *part_path,
                                 sp_activity *activity) {
  sp_survey *survey = NULL;
  if (roles->world.rank == 0) { /* of a job that was forgotten */
    sp_image_state_remove(part_path);
    sp_image_stack_forget(plan->job->output);
  }
  SP_AGREE(roles->world.comm, sp_survey_open(roles->world.comm, part_path, true, &survey));
  const sp_status status = sp_image_write_columns(survey, sp_image_shared_of(plan), &roles->world, activity);
  if (status != SP_ERR_IO) sp_survey_close(survey); /* HDF5 lets nobody close a file that it could not write */
  return status;
}

/* --- the end ------------------------------------------------------------------------------------------------------ */

static const sp_gather_result *points_of(const sp_flow_plan *plan, const void *figures) {
  const sp_image_shared *s = sp_image_shared_of(plan);
  return (const sp_gather_result *)figures + sp_image_phase_at(s, sp_image_phases(s) - 1).first_unit;
}

sp_status sp_image_publish(const sp_flow_plan *plan, const char *part_path, const void *figures) {
  const sp_gather_result *results = points_of(plan, figures);
  const uint64_t n = sp_image_points(sp_image_shared_of(plan));
  sp_survey *survey = NULL;
  sp_dataset *crc_data = NULL, *state_data = NULL;
  uint32_t crc[1024];
  uint8_t state[1024];
  sp_status status;
  SP_TRY_GOTO(out, sp_survey_open(MPI_COMM_NULL, part_path, true, &survey));
  SP_TRY_GOTO(out, sp_dataset_open(survey, "/integrity/crc32c", &crc_data));
  SP_TRY_GOTO(out, sp_dataset_open(survey, "/integrity/status", &state_data));
  SP_EACH_PIECE (piece, 0, n, 1024) {
    const uint64_t first = piece.first;
    const sp_local count = (sp_local)piece.count;
    for (sp_local i = 0; i < count; i++) {
      crc[i] = results[first + i].crc_traces;
      state[i] = (uint8_t)results[first + i].reason;
    }
    SP_TRY_GOTO(out, sp_dataset_write(crc_data, first, count, crc));
    SP_TRY_GOTO(out, sp_dataset_write(state_data, first, count, state));
  }
  status = sp_survey_sync(survey);
out:
  sp_dataset_close(state_data);
  sp_dataset_close(crc_data);
  sp_survey_close(survey);
  if (status == SP_SUCCESS && sp_image_shared_of(plan)->stack) status = sp_image_stack_publish(plan->job->output);
  if (status == SP_SUCCESS) sp_image_state_remove(part_path);
  return status;
}

/* What became of the batches is not in the output: they are ok. */
sp_status sp_image_load(const sp_flow_plan *plan, sp_survey *output, void *figures) {
  sp_gather_result *results = (sp_gather_result *)(uintptr_t)points_of(plan, figures);
  const uint64_t n = sp_image_points(sp_image_shared_of(plan));
  sp_dataset *dataset = NULL;
  uint8_t state[1024];
  sp_status status = sp_dataset_open(output, "/integrity/status", &dataset);
  SP_EACH_PIECE (piece, 0, n, 1024) {
    if (status != SP_SUCCESS) break;
    const uint64_t first = piece.first;
    const sp_local count = (sp_local)piece.count;
    status = sp_dataset_read(dataset, first, count, state);
    for (sp_local i = 0; status == SP_SUCCESS && i < count; i++) results[first + i].reason = state[i];
  }
  sp_dataset_close(dataset);
  return status;
}
