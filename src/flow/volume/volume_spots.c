/* SPDX-License-Identifier: BSD-3-Clause */
/* A few traces of cubes that are done, against the checksums that were written with them. */
#include <stdio.h>

#include "seisproc/crc32c.h"
#include "seisproc/memory.h"
#include "src/flow/spot_check.h"
#include "src/flow/volume/volume_flow.h"
#include "src/index/spots.h"

enum { SPOT_TRACES = 4, MAX_CRCS = 2 }; /* of a cube, from the first to the last */

typedef struct spots {
  const sp_flow_plan *plan;
  const sp_left_work *left;
  sp_survey *survey;
  sp_dataset *crc, *rows[MAX_CRCS];
  size_t n_crcs, bytes; /* bytes of a trace */
  float *row;
} spots;

static sp_status open_part(spots *s) {
  SP_TRY(sp_survey_open(MPI_COMM_NULL, s->left->part_path, false, &s->survey));
  if (sp_survey_get_info(s->survey)->n_traces != s->plan->shape.n_traces) {
    return SP_RAISE(SP_ERR_INPUT, "%s: has %llu traces, the job's journal has %llu; --restart starts over",
                    s->left->part_path, (unsigned long long)sp_survey_get_info(s->survey)->n_traces,
                    (unsigned long long)s->plan->shape.n_traces);
  }
  SP_TRY(sp_dataset_open(s->survey, SP_TRACE_CRC_PATH, &s->crc));
  SP_TRY(sp_dataset_open(s->survey, "/traces", &s->rows[0]));
  s->n_crcs = (size_t)sp_dataset_row_length(s->crc);
  if (s->n_crcs == MAX_CRCS) SP_TRY(sp_dataset_open(s->survey, "/noise", &s->rows[1]));
  s->bytes = s->plan->shape.n_samples * sizeof(float);
  return sp_alloc(s->bytes, "a trace", &s->row);
}

static void close_part(spots *s) {
  sp_free(s->row);
  for (size_t k = 0; k < MAX_CRCS; k++) sp_dataset_close(s->rows[k]);
  sp_dataset_close(s->crc);
  sp_survey_close(s->survey);
}

static sp_status check_trace(spots *s, uint64_t unit, uint64_t trace) {
  uint32_t recorded[MAX_CRCS];
  SP_TRY(sp_dataset_read(s->crc, trace, 1, recorded));
  for (size_t k = 0; k < s->n_crcs; k++) {
    char what[80];
    SP_TRY(sp_dataset_read(s->rows[k], trace, 1, s->row));
    const uint32_t found = sp_crc32c(0, s->row, s->bytes);
    if (found == recorded[k]) continue;
    snprintf(what, sizeof what, "trace %llu has checksum %08x, recorded is %08x", (unsigned long long)trace, found,
             recorded[k]);
    return sp_spot_differs(s->plan, s->left, unit, what);
  }
  return SP_SUCCESS;
}

static sp_status check_spots(spots *s) {
  uint64_t units[SP_SPOTS];
  const int n_spots = sp_spots(s->left->done, 0, s->plan->shape.n_units, units);
  for (int i = 0; i < n_spots; i++) {
    const sp_volume_cube *cube = sp_volume_cube_at(s->plan, units[i]);
    for (uint64_t k = 0; k < SPOT_TRACES && cube->grid.n_traces; k++) {
      const uint64_t item = k * (cube->grid.n_traces - 1) / (SPOT_TRACES - 1);
      SP_TRY(check_trace(s, units[i], sp_volume_trace(s->plan, cube, item)));
    }
  }
  return SP_SUCCESS;
}

sp_status sp_volume_spot_check(const sp_flow_plan *plan, const sp_left_work *left) {
  spots s = {.plan = plan, .left = left};
  sp_status status = open_part(&s);
  if (status == SP_SUCCESS) status = check_spots(&s);
  close_part(&s);
  return status;
}
