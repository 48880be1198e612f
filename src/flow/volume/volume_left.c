/* SPDX-License-Identifier: BSD-3-Clause */
/* Traces of cubes that are done, against the checksums that were written with them. */
#include <stdio.h>

#include "seisproc/crc32c.h"
#include "seisproc/memory.h"
#include "seisproc/stop.h"
#include "src/flow/left_work.h"
#include "src/flow/volume/volume_flow.h"

enum { SPOT_TRACES = 4, STEP_TRACES = 1024, MAX_CRCS = 2 }; /* spots: of a cube, from the first to the last */

typedef struct left_cubes {
  sp_left_reader reader;
  const sp_flow_plan *plan;
  const sp_left_work *left;
  sp_survey *survey;
  sp_dataset *crc, *rows[MAX_CRCS];
  size_t n_crcs, bytes; /* bytes of a trace */
  float *row;
} left_cubes;

static sp_status open_part(left_cubes *s) {
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

static void close_cubes(sp_left_reader *reader) {
  left_cubes *s = (left_cubes *)reader;
  sp_free(s->row);
  for (size_t k = 0; k < MAX_CRCS; k++) sp_dataset_close(s->rows[k]);
  sp_dataset_close(s->crc);
  sp_survey_close(s->survey);
  sp_free(s);
}

/* How many traces of a cube are read. */
static uint64_t count_items(const left_cubes *s, uint64_t unit, bool whole) {
  const uint64_t n = sp_volume_cube_at(s->plan, unit)->grid.n_traces;
  return whole || n < SPOT_TRACES ? n : SPOT_TRACES;
}

static uint64_t bytes_of(const sp_left_reader *reader, uint64_t unit, bool whole) {
  const left_cubes *s = (const left_cubes *)reader;
  return count_items(s, unit, whole) * s->n_crcs * s->bytes;
}

static bool trace_is_good(left_cubes *s, uint64_t trace, char what[SP_RECHECK_WHAT]) {
  uint32_t recorded[MAX_CRCS];
  if (sp_dataset_read(s->crc, trace, 1, recorded) != SP_SUCCESS) goto unreadable;
  for (size_t k = 0; k < s->n_crcs; k++) {
    if (sp_dataset_read(s->rows[k], trace, 1, s->row) != SP_SUCCESS) goto unreadable;
    const uint32_t found = sp_crc32c(0, s->row, s->bytes);
    if (found == recorded[k]) continue;
    snprintf(what, SP_RECHECK_WHAT, "trace %llu has checksum %08x, recorded is %08x", (unsigned long long)trace, found,
             recorded[k]);
    return false;
  }
  return true;
unreadable:
  snprintf(what, SP_RECHECK_WHAT, "trace %llu cannot be read", (unsigned long long)trace);
  return false;
}

static void check(sp_left_reader *reader, uint64_t unit, bool whole, sp_left_finding *out) {
  left_cubes *s = (left_cubes *)reader;
  const sp_volume_cube *cube = sp_volume_cube_at(s->plan, unit);
  const uint64_t n = count_items(s, unit, whole), last = cube->grid.n_traces - 1;
  *out = (sp_left_finding){0};
  for (uint64_t k = 0; k < n && !out->differs && !(whole && sp_stop_signal()); k++) {
    const uint64_t item = whole || n == 1 ? k : k * last / (n - 1);
    out->differs = !trace_is_good(s, sp_volume_trace(s->plan, cube, item), out->what);
    out->bytes += s->n_crcs * s->bytes;
    if (s->left->activity && k % STEP_TRACES == 0) sp_activity_step(s->left->activity);
  }
}

sp_status sp_volume_open_left(const sp_flow_plan *plan, const sp_left_work *left, sp_left_reader **out) {
  left_cubes *s;
  SP_TRY(sp_calloc(1, sizeof *s, "cubes that are done", &s));
  *s = (left_cubes){.reader = {0, bytes_of, check, close_cubes}, .plan = plan, .left = left};
  const sp_status status = open_part(s);
  if (status == SP_SUCCESS) {
    *out = &s->reader;
  } else {
    close_cubes(&s->reader);
  }
  return status;
}
