/* What a run looks like, worked out from the job, the input and the number of workers. */
#include "src/run/run_shape.h"

#include <string.h>

#include "seisproc/stats.h"

enum { SLAB_BYTES = 64 << 20, MAX_SLAB_GATHERS = 4096, SLABS_A_WORKER = 8 };

typedef struct header_search {
  const char *name;
  bool found;
} header_search;

static sp_status look_for(const char *name, sp_type type, const char *units, void *context) {
  header_search *search = context;
  search->found |= !strcmp(name, search->name);
  return SP_SUCCESS;
}

static sp_status require_header(const sp_survey *survey, const sp_job *job, const char *name, const char *what) {
  header_search search = {.name = name};
  SP_TRY(sp_survey_each_header(survey, look_for, &search));
  if (search.found) return SP_SUCCESS;
  return SP_RAISE(SP_ERR_INPUT, "%s: has no trace header '%s', which %s needs", job->input, name, what);
}

static sp_status check_headers(const sp_survey *survey, const sp_job *job) {
  for (size_t i = 0; i < job->n_sort; i++) SP_TRY(require_header(survey, job, job->sort[i], "sort"));
  for (size_t i = 0; i < job->n_steps; i++) {
    const sp_processor *processor = job->chain[i].processor;
    for (int k = 0; processor->headers[k]; k++) {
      SP_TRY(require_header(survey, job, processor->headers[k], processor->name));
    }
  }
  return SP_SUCCESS;
}

/* The largest slab: what the job asks for, else what is large enough for the disk yet leaves each worker several; a
 * gather is never cut. */
static sp_local slab_traces(const sp_job *job, const sp_gather_index *index, uint32_t n_samples, int n_workers) {
  const uint64_t trace_bytes = (uint64_t)n_samples * sizeof(float);
  const int mb = job->settings.slab_mb;
  uint64_t n = (mb == SP_PARAM_AUTO ? (uint64_t)SLAB_BYTES : (uint64_t)mb * 1000000) / trace_bytes;
  if (mb == SP_PARAM_AUTO) {
    const uint64_t share = index->n_traces / ((uint64_t)n_workers * SLABS_A_WORKER) + 1;
    if (n > share) n = share;
  }
  if (n < index->max_traces) n = index->max_traces;
  return (sp_local)(n < 1 ? 1 : n);
}

sp_status sp_run_shape_work_out(const sp_job *job, int n_workers, const sp_survey *survey, const sp_gather_index *index,
                                sp_run_shape *out) {
  const sp_survey_info *info = sp_survey_get_info(survey);
  SP_TRY(check_headers(survey, job));
  sp_run_shape shape = {.n_traces = info->n_traces,
                        .n_gathers = info->n_gathers,
                        .n_samples = info->n_samples,
                        .sample_interval_s = 1e-6 * info->sample_interval_us,
                        .max_gather = index->max_traces ? index->max_traces : 1,
                        .slab_traces = slab_traces(job, index, info->n_samples, n_workers),
                        .slab_gathers = MAX_SLAB_GATHERS,
                        .n_slots = job->settings.slots};
  if (shape.slab_gathers > index->n_gathers) shape.slab_gathers = index->n_gathers ? (sp_local)index->n_gathers : 1;
  *out = shape;
  return SP_SUCCESS;
}
