/* SPDX-License-Identifier: BSD-3-Clause */
/* The output of the volume flow: the input's shape. A gather's traces may belong to several cubes, so checksums and
 * statuses are kept a trace as its cube is written; when all cubes are, those of the gathers follow from them, and the
 * output is verified like any other. */
#include <string.h>

#include "seisproc/crc32c.h"
#include "seisproc/memory.h"
#include "seisproc/share.h"
#include "src/flow/volume/volume_flow.h"

enum { PIECE = 1 << 16 }; /* traces, gathers */

sp_status sp_volume_outputs(const sp_flow_plan *plan, const sp_survey *input, sp_output_spec *out) {
  const int mode = plan->job->settings.mode;
  const uint64_t n_crcs = mode == SP_MODE_BOTH ? 2 : 1;
  *out = (sp_output_spec){.info = *sp_survey_get_info(input), .derived = true};
  const sp_survey_info *info = &out->info;
  snprintf(out->info.content, sizeof out->info.content, "%s", mode == SP_MODE_NOISE ? "noise" : "processed");
  sp_dataset_spec *d = out->datasets;
  size_t n = 0;
  d[n++] = (sp_dataset_spec){"/traces", SP_FLOAT32, info->n_traces, info->n_samples, NULL};
  if (mode == SP_MODE_BOTH) d[n++] = (sp_dataset_spec){"/noise", SP_FLOAT32, info->n_traces, info->n_samples, NULL};
  d[n++] = (sp_dataset_spec){SP_TRACE_CRC_PATH, SP_UINT32, info->n_traces, n_crcs, NULL};
  d[n++] = (sp_dataset_spec){SP_TRACE_STATUS_PATH, SP_UINT8, info->n_traces, 0, NULL};
  d[n++] = (sp_dataset_spec){"/integrity/crc32c", SP_UINT32, info->n_gathers, n_crcs, NULL};
  d[n++] = (sp_dataset_spec){"/integrity/status", SP_UINT8, info->n_gathers, 0, NULL};
  out->n_datasets = n;
  return SP_SUCCESS;
}

/* What is open while the gathers' figures are made. */
typedef struct publisher {
  sp_survey *survey;
  sp_gather_index *index;
  sp_dataset *trace_crc, *trace_status, *crc, *status;
  size_t n_crcs;
  uint64_t row_bytes;
  uint32_t *trace_crcs; /* [PIECE][n_crcs] */
  uint8_t *trace_states;
  uint32_t *crcs; /* [PIECE][n_crcs] */
  uint8_t *states;
} publisher;

static sp_status open_publisher(const sp_flow_plan *plan, const char *part_path, publisher *p) {
  void *block;
  SP_TRY(sp_survey_open(MPI_COMM_NULL, part_path, true, &p->survey));
  SP_TRY(sp_survey_read_index(p->survey, false, &p->index));
  SP_TRY(sp_dataset_open(p->survey, SP_TRACE_CRC_PATH, &p->trace_crc));
  SP_TRY(sp_dataset_open(p->survey, SP_TRACE_STATUS_PATH, &p->trace_status));
  SP_TRY(sp_dataset_open(p->survey, "/integrity/crc32c", &p->crc));
  SP_TRY(sp_dataset_open(p->survey, "/integrity/status", &p->status));
  p->n_crcs = (size_t)sp_dataset_row_length(p->crc);
  p->row_bytes = plan->shape.n_samples * sizeof(float);
  SP_TRY(sp_calloc(PIECE * p->n_crcs, sizeof(uint32_t), "checksums", &block));
  p->trace_crcs = block;
  SP_TRY(sp_calloc(PIECE * p->n_crcs, sizeof(uint32_t), "checksums", &block));
  p->crcs = block;
  SP_TRY(sp_calloc(PIECE, 1, "the status of traces", &block));
  p->trace_states = block;
  SP_TRY(sp_calloc(PIECE, 1, "the status of gathers", &block));
  p->states = block;
  return SP_SUCCESS;
}

static void close_publisher(publisher *p) {
  sp_free(p->trace_crcs);
  sp_free(p->crcs);
  sp_free(p->trace_states);
  sp_free(p->states);
  sp_dataset_close(p->status);
  sp_dataset_close(p->crc);
  sp_dataset_close(p->trace_status);
  sp_dataset_close(p->trace_crc);
  sp_gather_index_destroy(p->index);
  sp_survey_close(p->survey);
}

/* The worse of two: what was not processed before traces that are not finite, and these before dead ones. */
static uint8_t worse(uint8_t a, uint8_t b) {
  const bool fails_a = !sp_reason_is_processed(a), fails_b = !sp_reason_is_processed(b);
  if (fails_a != fails_b) return fails_a ? a : b;
  return a > b ? a : b;
}

/* A gather's checksums from those of its traces, and its status: dead where all traces are, else the worst. */
static sp_status join_gather(publisher *p, uint64_t gather, uint32_t *crcs, uint8_t *state) {
  const uint64_t end = p->index->first_trace[gather + 1];
  uint64_t dead = 0;
  memset(crcs, 0, p->n_crcs * sizeof *crcs);
  *state = SP_REASON_OK;
  SP_EACH_PIECE (piece, p->index->first_trace[gather], end, PIECE) {
    const uint64_t first = piece.first;
    const sp_local n = (sp_local)piece.count;
    SP_TRY(sp_dataset_read(p->trace_crc, first, n, p->trace_crcs));
    SP_TRY(sp_dataset_read(p->trace_status, first, n, p->trace_states));
    for (sp_local i = 0; i < n; i++) {
      for (size_t k = 0; k < p->n_crcs; k++) {
        crcs[k] = sp_crc32c_combine(crcs[k], p->trace_crcs[i * p->n_crcs + k], p->row_bytes);
      }
      *state = worse(*state, p->trace_states[i]);
      dead += p->trace_states[i] == SP_REASON_DEAD_TRACES;
    }
  }
  if (dead > 0 && dead == end - p->index->first_trace[gather]) *state = SP_REASON_DEAD;
  return SP_SUCCESS;
}

static sp_status join_gathers(publisher *p) {
  const uint64_t n_gathers = p->index->n_gathers;
  SP_EACH_PIECE (piece, 0, n_gathers, PIECE) {
    const uint64_t first = piece.first;
    const sp_local n = (sp_local)piece.count;
    for (sp_local g = 0; g < n; g++) {
      SP_TRY(join_gather(p, first + g, p->crcs + g * p->n_crcs, p->states + g));
    }
    SP_TRY(sp_dataset_write(p->crc, first, n, p->crcs));
    SP_TRY(sp_dataset_write(p->status, first, n, p->states));
  }
  return sp_survey_sync(p->survey);
}

sp_status sp_volume_publish(const sp_flow_plan *plan, const char *part_path, const void *figures) {
  publisher p = {0};
  sp_status status = open_publisher(plan, part_path, &p);
  if (status == SP_SUCCESS) status = join_gathers(&p);
  close_publisher(&p);
  return status;
}

/* The figures of each cube from the statuses of its traces. */
sp_status sp_volume_load(const sp_flow_plan *plan, sp_survey *output, void *figures) {
  sp_volume_result *results = figures;
  const uint64_t n_traces = plan->shape.n_traces;
  sp_dataset *dataset = NULL;
  void *block = NULL;
  sp_status status;
  SP_TRY_GOTO(out, sp_dataset_open(output, SP_TRACE_STATUS_PATH, &dataset));
  SP_TRY_GOTO(out, sp_calloc(n_traces + 1, 1, "the status of traces", &block));
  uint8_t *states = block;
  SP_EACH_PIECE (piece, 0, n_traces, PIECE) {
    const uint64_t first = piece.first;
    const sp_local n = (sp_local)piece.count;
    SP_TRY_GOTO(out, sp_dataset_read(dataset, first, n, states + first));
  }
  for (uint64_t u = 0; u < plan->shape.n_units; u++) {
    const sp_volume_cube *cube = sp_volume_cube_at(plan, u);
    for (uint32_t i = 0; i < cube->grid.n_traces; i++) {
      const uint8_t state = states[sp_volume_trace(plan, cube, i)];
      results[u].reason = state > results[u].reason ? state : results[u].reason;
      results[u].dead += state == SP_REASON_DEAD_TRACES;
      results[u].not_finite += state == SP_REASON_BAD_TRACES;
      results[u].unreadable += state == SP_REASON_UNREADABLE;
    }
  }
out:
  sp_free(block);
  sp_dataset_close(dataset);
  return status;
}
