/* SPDX-License-Identifier: BSD-3-Clause */
/* What processors find odd about the headers of a survey: they look at one gather, the first of the largest. */
#include <inttypes.h>

#include "seisproc/header_column.h"
#include "seisproc/memory.h"
#include "src/flow/flow.h"

typedef struct gather_headers {
  double *values[SP_MAX_PROCESSOR_HEADERS];
  const double *columns[SP_MAX_PROCESSOR_HEADERS]; /* the same */
  double *work;
} gather_headers;

static void free_headers(gather_headers *h) {
  for (int i = 0; i < SP_MAX_PROCESSOR_HEADERS; i++) sp_free(h->values[i]);
  sp_free(h->work);
}

/* Columns of the traces first ... first + n - 1; *all is false where the survey lacks one. */
static sp_status read_headers(sp_survey *survey, const char *const *names, size_t n_names, sp_global first, uint32_t n,
                              gather_headers *h, bool *all) {
  *all = true;
  SP_TRY(sp_alloc(n * sizeof(double), "the headers of a gather", &h->work));
  for (size_t i = 0; i < n_names; i++) {
    char path[SP_NAME_LENGTH + 16];
    sp_header_column *column;
    snprintf(path, sizeof path, "/headers/%s", names[i]);
    *all = *all && sp_survey_has(survey, path);
    if (!*all) return SP_SUCCESS;
    SP_TRY(sp_alloc(n * sizeof(double), "the headers of a gather", &h->values[i]));
    SP_TRY(sp_header_column_open(survey, names[i], &column));
    const sp_status status = sp_header_column_read(column, first, n, h->values[i]);
    sp_header_column_close(column);
    if (status != SP_SUCCESS) return status;
    h->columns[i] = h->values[i];
  }
  return SP_SUCCESS;
}

static sp_status look(const sp_plan_request *request, const sp_chain_step *step) {
  const sp_gather_index *index = request->index;
  const char *names[SP_MAX_PROCESSOR_HEADERS];
  const size_t n_names = step->processor->look_headers(step->params, names, SP_MAX_PROCESSOR_HEADERS);
  gather_headers h = {0};
  sp_global gather = 0;
  char note[256], name[SP_GATHER_TEXT], text[sizeof note + SP_GATHER_TEXT + 48];
  bool all;
  while (index->first_trace[gather + 1] - index->first_trace[gather] < index->max_traces) gather++;
  sp_status status = read_headers((sp_survey *)(uintptr_t)request->survey, names, n_names, index->first_trace[gather],
                                  index->max_traces, &h, &all);
  if (status == SP_SUCCESS) {
    const sp_survey_info *info = sp_survey_get_info(request->survey);
    step->processor->look(step->params, all ? h.columns : NULL, index->max_traces, info->n_samples,
                          1e-6 * info->sample_interval_us, h.work, note, sizeof note);
    sp_gather_key_text(index->key_name, index->key[gather], name);
    snprintf(text, sizeof text, "%s (gather %" PRIu64 ", %s)", note, gather, name);
    if (*note) request->note(text);
  }
  free_headers(&h);
  return status;
}

/* In the order that a job sorts gathers into they are seen by the workers only. */
sp_status sp_flow_check_gather(const sp_plan_request *request) {
  const sp_job *job = request->job;
  if (!request->note || job->n_sort || request->index->n_gathers == 0 || request->index->max_traces == 0)
    return SP_SUCCESS;
  for (size_t i = 0; i < job->n_steps; i++) {
    const sp_chain_step *step = &job->chain[i];
    if (step->processor->look && !step->undoes) SP_TRY(look(request, step));
  }
  return SP_SUCCESS;
}
