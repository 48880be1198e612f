/* SPDX-License-Identifier: BSD-3-Clause */
/* Some gathers of a survey as a survey of their own: rank 0 finds which, all ranks keep the list. */
#include <stdio.h>
#include <string.h>

#include "seisproc/dist.h"
#include "seisproc/header_column.h"
#include "seisproc/job.h"
#include "seisproc/memory.h"
#include "seisproc/ranks.h"
#include "seisproc/side_file.h"
#include "src/store/h5.h"

typedef struct columns {
  sp_header_column *column[SP_SELECTION_COLUMNS];
  size_t n;
} columns;

static bool is_first(const sp_survey *survey) {
  return sp_ranks_of(survey->comm).rank == 0;
}

static sp_status agree(const sp_survey *survey, sp_status status) {
  return survey->comm == MPI_COMM_NULL ? status : sp_agree(survey->comm, status);
}

static sp_status parse(const sp_survey *survey, const char *text, sp_selection_rule **rule) {
  char why[SP_WHY_SIZE] = "";
  const sp_status status = sp_selection_parse(text, why, sizeof why, rule);
  if (status != SP_ERR_USAGE || !is_first(survey)) return status;
  return SP_RAISE(status, "gathers: %s", why);
}

static sp_status open_columns(sp_survey *survey, const sp_selection_rule *rule, columns *c) {
  for (size_t n = sp_selection_n_columns(rule); c->n < n; c->n++) {
    char path[SP_NAME_LENGTH + 16];
    const char *name = sp_selection_column(rule, c->n);
    snprintf(path, sizeof path, "/headers/%s", name);
    if (!sp_survey_has(survey, path)) {
      if (!is_first(survey)) return SP_ERR_USAGE;
      return SP_RAISE(SP_ERR_USAGE, "gathers: %s has no header column %s; `seisproc info -H` lists them", survey->path,
                      name);
    }
    SP_TRY(sp_header_column_open(survey, name, &c->column[c->n]));
  }
  return SP_SUCCESS;
}

static sp_status read_column(void *context, size_t i, sp_global first, sp_local n, double *values) {
  return sp_header_column_read(((const columns *)context)->column[i], first, n, values);
}

/* Gives all ranks the numbers of the gathers that rank 0 has found. */
static sp_status share(const sp_survey *survey, const sp_gather_index *index, sp_selection **selection) {
  uint64_t n = *selection ? (*selection)->n_gathers : 0;
  sp_global *gathers = NULL;
  const sp_ranks ranks = sp_ranks_of(survey->comm);
  if (survey->comm == MPI_COMM_NULL) return SP_SUCCESS; /* alike */
  SP_MPI_ALL(MPI_Bcast(&n, 1, MPI_UINT64_T, 0, survey->comm));
  sp_status status = *selection ? SP_SUCCESS : sp_alloc((n + 1) * sizeof *gathers, "gathers", &gathers);
  SP_AGREE(survey->comm, status);
  sp_global *const all = *selection ? (*selection)->gather : gathers;
  SP_ALIKE(sp_ranks_broadcast(&ranks, all, n * sizeof *all));
  if (!*selection) status = sp_selection_of(index, gathers, n, selection);
  sp_free(gathers);
  return agree(survey, status);
}

static void put(sp_survey *survey, sp_selection *selection) {
  if (survey->selection) sp_selection_compose(survey->selection, selection);
  sp_selection_destroy(survey->selection);
  survey->selection = selection;
  survey->info.n_gathers = selection->n_gathers;
  survey->info.n_traces = selection->n_traces;
}

static sp_status select_by(sp_survey *survey, const sp_selection_rule *rule) {
  columns c = {0};
  sp_gather_index *index = NULL;
  sp_selection *selection = NULL;
  sp_status status = agree(survey, open_columns(survey, rule, &c));
  if (status == SP_SUCCESS) status = agree(survey, sp_survey_read_index(survey, true, &index));
  if (status == SP_SUCCESS && is_first(survey)) {
    status = sp_selection_make(rule, survey->path, index, read_column, &c, &selection);
  }
  if (index) status = agree(survey, status);
  if (status == SP_SUCCESS) status = share(survey, index, &selection);
  if (status == SP_SUCCESS) {
    put(survey, selection);
  } else {
    sp_selection_destroy(selection);
  }
  for (size_t i = 0; i < c.n; i++) sp_header_column_close(c.column[i]);
  sp_gather_index_destroy(index);
  return status;
}

sp_status sp_survey_select(sp_survey *survey, const char *gathers) {
  sp_selection_rule *rule = NULL;
  if (!gathers) return SP_SUCCESS;
  SP_TRY(agree(survey, parse(survey, gathers, &rule)));
  const sp_status status = sp_selection_is_all(rule) ? SP_SUCCESS : select_by(survey, rule);
  sp_selection_rule_destroy(rule);
  return status;
}

sp_status sp_survey_thin(sp_survey *survey, uint64_t step) {
  sp_selection *selection = survey->selection;
  if (!selection) {
    sp_gather_index *index = NULL;
    sp_global *all = NULL;
    SP_TRY(sp_survey_read_index(survey, false, &index));
    sp_status status = sp_alloc((index->n_gathers + 1) * sizeof *all, "gathers", &all);
    for (sp_global g = 0; status == SP_SUCCESS && g < index->n_gathers; g++) all[g] = g;
    if (status == SP_SUCCESS) status = sp_selection_of(index, all, index->n_gathers, &selection);
    sp_free(all);
    sp_gather_index_destroy(index);
    SP_TRY(status);
    put(survey, selection);
  }
  sp_selection_thin(selection, step);
  survey->info.n_traces = selection->n_traces;
  return SP_SUCCESS;
}

/* What a job's canonical text says of gathers, unquoted; "" where it says nothing. */
static void find_gathers(const char *job, char out[SP_TEXT_SIZE]) {
  static const char key[] = "gathers: \"";
  const char *line = job;
  size_t n = 0;
  while (line && strncmp(line, key, sizeof key - 1)) {
    line = strchr(line, '\n');
    if (line) line++;
  }
  for (const char *c = line ? line + sizeof key - 1 : ""; *c && *c != '"' && n + 1 < SP_TEXT_SIZE; c++) {
    if (*c == '\\') c++;
    out[n++] = *c;
  }
  out[n] = '\0';
}

sp_status sp_survey_select_same(sp_survey *survey, const sp_survey *other) {
  const sp_selection *same = other->selection;
  sp_gather_index *index = NULL;
  sp_selection *selection = NULL;
  if (!same) return SP_SUCCESS;
  SP_TRY(sp_survey_read_index(survey, false, &index));
  const sp_status status = sp_survey_forward(survey, sp_selection_of(index, same->gather, same->n_gathers, &selection));
  sp_gather_index_destroy(index);
  if (status == SP_SUCCESS) put(survey, selection);
  return status;
}

sp_status sp_survey_select_as(sp_survey *input, const sp_survey *output) {
  char *job = NULL, gathers[SP_TEXT_SIZE];
  SP_TRY(sp_survey_find_text(output, "/", "job", &job));
  find_gathers(job ? job : "", gathers);
  sp_free(job);
  SP_TRY(sp_survey_select(input, gathers));
  if (output->selection && input->info.n_gathers != output->file_gathers) {
    return SP_RAISE(SP_ERR_INPUT, "%s: has other gathers than %s", input->path, output->path);
  }
  return sp_survey_select_same(input, output);
}

sp_status sp_survey_open_input(MPI_Comm comm, const sp_job *job, const sp_io_hints *hints, sp_survey **out) {
  sp_survey *survey = NULL;
  SP_TRY(sp_side_refuse_unfinished(job->input));
  SP_TRY(sp_survey_open_hinted(comm, job->input, false, hints, &survey));
  const sp_status status = sp_survey_select(survey, job->settings.gathers.text);
  if (status == SP_SUCCESS) {
    *out = survey;
  } else {
    sp_survey_close(survey);
  }
  return status;
}
