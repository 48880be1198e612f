/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether the steps of a job can be computed on a survey, as far as its columns and its shape tell. */
#include <math.h>
#include <stdio.h>

#include "seisproc/engine.h"
#include "seisproc/header_column.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "src/flow/flow.h"

enum { MAX_COLUMNS = 4096, MAX_NEEDED = 64, UNITS_SIZE = 32 };

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

void sp_note_warn(const char *text) {
  sp_warn("%s", text);
}

/* A column that may be left out is used where it is there: a trace without a number in it would have the value that
 * stands for none, such as no delay. */
static sp_status measure(const char *input, sp_survey *survey, bool optional, sp_column *column) {
  const sp_global n_traces = sp_survey_get_info(survey)->n_traces;
  sp_global first_nan = n_traces;
  sp_header_column *values;
  SP_TRY(sp_header_column_check_time(survey, column->name));
  SP_TRY(sp_header_column_open(survey, column->name, &values));
  sp_status status = sp_header_column_range(values, &column->least, &column->most, &first_nan);
  if (status == SP_SUCCESS && optional && first_nan < n_traces) {
    status = SP_RAISE(SP_ERR_INPUT, "%s: trace %llu has %s nan, allowed are numbers, or a survey without %s", input,
                      (unsigned long long)first_nan, column->name, column->name);
  }
  column->has_range = status == SP_SUCCESS && !isnan(column->least);
  column->has_none = status == SP_SUCCESS && isnan(column->least) && n_traces > 0;
  sp_header_column_close(values);
  return status;
}

/* Least and largest value of the columns that the chain needs. */
static sp_status measure_needed(const sp_job *job, sp_survey *survey, column_list *list) {
  const char *names[MAX_NEEDED];
  const size_t n = sp_chain_headers(job->chain, job->n_steps, names, MAX_NEEDED);
  for (size_t k = 0; k < n && k < MAX_NEEDED; k++) {
    for (size_t i = 0; i < list->n; i++) {
      if (!sp_header_is(list->columns[i].name, names[k])) continue;
      SP_TRY(measure(job->input, survey, sp_header_is_optional(names[k]), &list->columns[i]));
    }
  }
  return SP_SUCCESS;
}

static sp_status check(const sp_job *job, const sp_survey_shape *shape) {
  for (size_t i = 0; i < job->n_sort; i++) {
    if (sp_survey_shape_column(shape, job->sort[i])) continue;
    return SP_RAISE(SP_ERR_INPUT, "%s: has no trace header '%s', which sort needs", job->input, job->sort[i]);
  }
  return sp_chain_check_shape(job->input, job->chain, job->n_steps, shape);
}

sp_status sp_flow_check_chain(const sp_plan_request *request) {
  const sp_survey_info *info = sp_survey_get_info(request->survey);
  column_list *list = NULL;
  SP_TRY(sp_calloc(1, sizeof *list, "the names of trace headers", &list));
  sp_status status = sp_survey_each_header(request->survey, add_column, list);
  if (status == SP_SUCCESS) {
    status = measure_needed(request->job, (sp_survey *)(uintptr_t)request->survey, list);
  }
  if (status == SP_SUCCESS) {
    const sp_survey_shape shape = {.n_traces = info->n_traces,
                                   .n_gathers = info->n_gathers,
                                   .n_samples = info->n_samples,
                                   .max_traces = request->index->max_traces ? request->index->max_traces : 1,
                                   .sample_interval_s = 1e-6 * info->sample_interval_us,
                                   .columns = list->columns,
                                   .n_columns = list->n,
                                   .note = request->note};
    status = check(request->job, &shape);
  }
  sp_free(list);
  if (status == SP_SUCCESS) status = sp_flow_check_delays(request);
  return status == SP_SUCCESS ? sp_flow_check_gather(request) : status;
}
