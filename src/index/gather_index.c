/* SPDX-License-Identifier: BSD-3-Clause */
#include "seisproc/gather_index.h"

#include <assert.h>
#include <inttypes.h>

#include "seisproc/memory.h"

static sp_status check(const char *where, sp_global n_gathers, sp_global n_traces, const sp_global *first_trace,
                       sp_local *max_traces) {
  if (first_trace[0] != 0) {
    return SP_RAISE(SP_ERR_INPUT, "%s: the first gather starts at trace %" PRIu64 ", must be 0", where, first_trace[0]);
  }
  sp_local largest = 0;
  for (sp_global g = 0; g < n_gathers; g++) {
    if (first_trace[g + 1] < first_trace[g]) {
      return SP_RAISE(SP_ERR_INPUT,
                      "%s: gather %" PRIu64 " starts at trace %" PRIu64 " and ends before it, at trace %" PRIu64, where,
                      g, first_trace[g], first_trace[g + 1]);
    }
    const sp_global traces = first_trace[g + 1] - first_trace[g];
    if (traces > SP_MAX_GATHER_TRACES) {
      return SP_RAISE(SP_ERR_INPUT, "%s: gather %" PRIu64 " has %" PRIu64 " traces, at most %d are allowed", where, g,
                      traces, SP_MAX_GATHER_TRACES);
    }
    if (traces > largest) largest = (sp_local)traces;
  }
  if (first_trace[n_gathers] != n_traces) {
    return SP_RAISE(SP_ERR_INPUT, "%s: the last of %" PRIu64 " gathers ends at trace %" PRIu64 ", must be %" PRIu64,
                    where, n_gathers, first_trace[n_gathers], n_traces);
  }
  *max_traces = largest;
  return SP_SUCCESS;
}

sp_status sp_gather_index_create(const char *where, sp_global n_gathers, sp_global n_traces, sp_global *first_trace,
                                 int64_t *key, sp_gather_index **out) {
  sp_status status;
  sp_local max_traces;
  SP_TRY_GOTO(fail, check(where, n_gathers, n_traces, first_trace, &max_traces));
  void *block;
  SP_TRY_GOTO(fail, sp_alloc(sizeof(sp_gather_index), "the gather index", &block));
  sp_gather_index *index = block;
  *index = (sp_gather_index){
      .n_gathers = n_gathers, .n_traces = n_traces, .first_trace = first_trace, .key = key, .max_traces = max_traces};
  *out = index;
  return SP_SUCCESS;
fail:
  sp_free(first_trace);
  sp_free(key);
  return status;
}

void sp_gather_index_destroy(sp_gather_index *index) {
  if (!index) return;
  sp_free(index->first_trace);
  sp_free(index->key);
  sp_free(index);
}

sp_range sp_gather_index_range(const sp_gather_index *index, sp_global first, sp_local n) {
  assert(first <= index->n_gathers && n <= index->n_gathers - first);
  const sp_global traces = index->first_trace[first + n] - index->first_trace[first];
  assert(traces <= UINT32_MAX);
  return (sp_range){
      .first_gather = first, .first_trace = index->first_trace[first], .n_gathers = n, .n_traces = (sp_local)traces};
}

sp_global sp_gather_index_find(const sp_gather_index *index, sp_global trace) {
  assert(trace < index->n_traces);
  /* The last gather that starts at or before the trace: of several that start there, all but the last are empty. */
  sp_global low = 0, high = index->n_gathers;
  while (high - low > 1) {
    const sp_global middle = low + (high - low) / 2;
    if (index->first_trace[middle] <= trace) {
      low = middle;
    } else {
      high = middle;
    }
  }
  return low;
}
