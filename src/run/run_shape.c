/* What a run looks like, worked out from the job, the input and the number of workers. */
#include "src/run/run_shape.h"

#include <stdio.h>

#include "seisproc/memory.h"
#include "seisproc/stats.h"

enum { SLAB_BYTES = 64 << 20, MAX_SLAB_GATHERS = 4096, SLABS_A_WORKER = 8 };

enum { MAX_COLUMNS = 4096, UNITS_SIZE = 32 };

/* The columns of a survey with their texts. */
typedef struct column_list {
  struct {
    char name[SP_NAME_LENGTH + 1], units[UNITS_SIZE];
  } texts[MAX_COLUMNS];
  sp_column columns[MAX_COLUMNS];
  size_t n;
} column_list;

static sp_status add_column(const char *name, sp_type type, const char *units, void *context) {
  column_list *list = context;
  if (list->n == MAX_COLUMNS) return SP_RAISE(SP_ERR_INPUT, "more than %d trace headers", MAX_COLUMNS);
  const size_t i = list->n++;
  snprintf(list->texts[i].name, sizeof list->texts[i].name, "%s", name);
  snprintf(list->texts[i].units, sizeof list->texts[i].units, "%s", units ? units : "");
  list->columns[i] = (sp_column){.name = list->texts[i].name, .units = list->texts[i].units};
  return SP_SUCCESS;
}

static sp_status check_shape(const sp_job *job, const sp_survey_shape *shape) {
  for (size_t i = 0; i < job->n_sort; i++) {
    if (sp_survey_shape_column(shape, job->sort[i])) continue;
    return SP_RAISE(SP_ERR_INPUT, "%s: has no trace header '%s', which sort needs", job->input, job->sort[i]);
  }
  return sp_chain_check_shape(job->input, job->chain, job->n_steps, shape);
}

/* Whether the job fits the survey: columns, and what each processor asks of its shape. */
static sp_status check_survey(const sp_job *job, const sp_survey *survey, const sp_run_shape *shape) {
  void *block;
  SP_TRY(sp_calloc(1, sizeof(column_list), "the names of trace headers", &block));
  column_list *list = block;
  sp_status status = sp_survey_each_header(survey, add_column, list);
  if (status == SP_SUCCESS) {
    const sp_survey_shape seen = {.n_traces = shape->n_traces,
                                  .n_gathers = shape->n_gathers,
                                  .n_samples = shape->n_samples,
                                  .max_traces = shape->max_gather,
                                  .sample_interval_s = shape->sample_interval_s,
                                  .columns = list->columns,
                                  .n_columns = list->n};
    status = check_shape(job, &seen);
  }
  sp_free(block);
  return status;
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
  sp_run_shape shape = {.n_traces = info->n_traces,
                        .n_gathers = info->n_gathers,
                        .n_samples = info->n_samples,
                        .sample_interval_s = 1e-6 * info->sample_interval_us,
                        .max_gather = index->max_traces ? index->max_traces : 1,
                        .slab_traces = slab_traces(job, index, info->n_samples, n_workers),
                        .slab_gathers = MAX_SLAB_GATHERS,
                        .n_slots = job->settings.slots};
  if (shape.slab_gathers > index->n_gathers) shape.slab_gathers = index->n_gathers ? (sp_local)index->n_gathers : 1;
  SP_TRY(check_survey(job, survey, &shape));
  *out = shape;
  return SP_SUCCESS;
}
