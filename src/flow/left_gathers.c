/* SPDX-License-Identifier: BSD-3-Clause */
/* Gathers that are done, against the checksums in the journal. */
#include <string.h>

#include "seisproc/memory.h"
#include "src/flow/left_work.h"

typedef struct left_gathers {
  sp_left_reader reader;
  const sp_flow_plan *plan;
  const sp_left_work *left;
  sp_recheck *output;
} left_gathers;

static uint64_t bytes_of(const sp_left_reader *reader, uint64_t unit, bool whole) {
  const left_gathers *g = (const left_gathers *)reader;
  return sp_recheck_gather_bytes(g->output, unit - reader->first_unit);
}

static void check(sp_left_reader *reader, uint64_t unit, bool whole, sp_left_finding *out) {
  left_gathers *g = (left_gathers *)reader;
  sp_recheck_finding found;
  sp_recheck_gather(g->output, unit - reader->first_unit, sp_figures_at(g->plan->flow->figures, g->left->figures, unit),
                    &found);
  *out = (sp_left_finding){.differs = found.bad, .bytes = found.bytes};
  if (found.bad) memcpy(out->what, found.what, sizeof out->what);
}

static void close_gathers(sp_left_reader *reader) {
  left_gathers *g = (left_gathers *)reader;
  sp_recheck_close(g->output);
  sp_free(g);
}

static sp_status open_output(left_gathers *g) {
  const sp_left_work *left = g->left;
  SP_TRY(sp_recheck_open(left->part_path, NULL, NULL, &g->output));
  const uint64_t n = g->plan->shape.n_units - g->reader.first_unit, found = sp_recheck_index(g->output)->n_gathers;
  if (found != n) {
    return SP_RAISE(SP_ERR_INPUT, "%s: has %llu gathers, the job's journal has %llu; --restart starts over",
                    left->part_path, (unsigned long long)found, (unsigned long long)n);
  }
  if (left->n_chunks == 0) return SP_SUCCESS;
  return sp_recheck_add_chunks(g->output, g->plan->job, left->packed_path, left->chunk_rows, left->chunks,
                               left->n_chunks);
}

sp_status sp_left_gathers_open(const sp_flow_plan *plan, const sp_left_work *left, uint64_t first_unit,
                               sp_left_reader **out) {
  left_gathers *g;
  SP_TRY(sp_calloc(1, sizeof *g, "gathers that are done", &g));
  *g = (left_gathers){.reader = {first_unit, bytes_of, check, close_gathers}, .plan = plan, .left = left};
  const sp_status status = open_output(g);
  if (status == SP_SUCCESS) {
    *out = &g->reader;
  } else {
    close_gathers(&g->reader);
  }
  return status;
}
