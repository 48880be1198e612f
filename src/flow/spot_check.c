/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/flow/spot_check.h"

#include "src/flow/gather/recheck.h"
#include "src/index/spots.h"

sp_status sp_spot_differs(const sp_flow_plan *plan, const sp_left_work *left, uint64_t unit, const char *what) {
  char name[64];
  plan->flow->describe(plan, unit, name, sizeof name);
  return SP_RAISE(SP_ERR_INPUT,
                  "%s: %s is not what the job's journal says of it (%s), so the file is another one or was changed "
                  "since; --restart starts over",
                  left->part_path, name, what);
}

static sp_status check_spots(sp_recheck *r, const sp_flow_plan *plan, const sp_left_work *left, uint64_t first_unit) {
  const sp_gather_index *index = sp_recheck_index(r);
  const uint64_t n = plan->shape.n_units - first_unit;
  uint64_t units[SP_SPOTS], read = 0;
  if (index->n_gathers != n) {
    return SP_RAISE(SP_ERR_INPUT, "%s: has %llu gathers, the job's journal has %llu; --restart starts over",
                    left->part_path, (unsigned long long)index->n_gathers, (unsigned long long)n);
  }
  const int n_spots = sp_spots(left->done, first_unit, n, units);
  for (int i = 0; i < n_spots; i++) {
    const sp_global gather = units[i] - first_unit;
    const uint64_t bytes = sp_recheck_gather_bytes(r, gather);
    sp_recheck_finding found;
    if (bytes > SP_SPOT_BYTES - read) continue;
    read += bytes;
    sp_recheck_gather(r, gather, sp_figures_at(plan->flow->figures, left->figures, units[i]), &found);
    if (found.unreadable) return SP_ERR_INPUT; /* which was said */
    if (found.bad) return sp_spot_differs(plan, left, units[i], found.what);
  }
  return SP_SUCCESS;
}

sp_status sp_spot_check_gathers(const sp_flow_plan *plan, const sp_left_work *left, uint64_t first_unit) {
  sp_recheck *r = NULL;
  SP_TRY(sp_recheck_open(left->part_path, NULL, NULL, &r));
  sp_status status = SP_SUCCESS;
  if (left->n_chunks) {
    status = sp_recheck_add_chunks(r, plan->job, left->packed_path, left->chunk_rows, left->chunks, left->n_chunks);
  }
  if (status == SP_SUCCESS) status = check_spots(r, plan, left, first_unit);
  sp_recheck_close(r);
  return status;
}
