/* SPDX-License-Identifier: BSD-3-Clause */
/* Values of columns that `seisproc header` sets: computed block by block into a file of doubles, from which the columns
 * are then written in a type that holds them. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/share.h"
#include "src/base/file_bytes.h"
#include "src/cli/header_set.h"

enum { BLOCK = 8192, PATH_SIZE = SP_NAME_LENGTH + 16, MAX_ATTRIBUTES = SP_MAX_SETS * 8 + 2, TEXT_SIZE = 512 };

/* --- computing ---------------------------------------------------------------------------------------------------- */

typedef struct block {
  double column[SP_SET_NAMES][BLOCK];
  double result[SP_MAX_SETS][BLOCK];
} block;

static void note_value(sp_header_set *set, uint64_t trace, double value) {
  if (!isfinite(value)) {
    if (set->bad == UINT64_MAX) set->bad = trace;
    return;
  }
  set->least = fmin(set->least, value);
  set->most = fmax(set->most, value);
  if (value != rint(value) || fabs(value) > INT32_MAX) set->whole = false;
}

static sp_status compute_set(sp_header_set *sets, int k, uint64_t first, sp_local n, block *b) {
  sp_header_set *set = &sets[k];
  const double *from[SP_SET_NAMES];
  for (size_t i = 0; i < set->n_sources; i++) {
    const sp_set_source *source = &set->source[i];
    if (source->column) SP_TRY(sp_header_column_read(source->column, first, n, b->column[i]));
    from[i] = source->column ? b->column[i] : b->result[source->set];
  }
  for (sp_local t = 0; t < n; t++) {
    double values[SP_SET_NAMES] = {0};
    for (size_t i = 0; i < set->n_sources; i++) {
      values[i] = from[i][t];
      if (values[i] != 0) set->sources_are_zero = false;
    }
    b->result[k][t] = sp_expression_value(set->expression, values);
    note_value(set, first + t, b->result[k][t]);
  }
  return SP_SUCCESS;
}

static sp_status check_values(const sp_header_set *set) {
  if (set->bad != UINT64_MAX) {
    return SP_RAISE(SP_ERR_INPUT, "%s: trace %llu has no finite value, allowed is a number for every trace", set->name,
                    (unsigned long long)set->bad);
  }
  if (!set->sources_are_zero || set->n_sources == 0) return SP_SUCCESS;
  return SP_RAISE(SP_ERR_INPUT, "%s: all columns that it is computed from, such as %s, are 0 in all traces", set->name,
                  set->source[0].name);
}

sp_status sp_header_compute(sp_survey *survey, sp_header_set *sets, int n, int fd) {
  const uint64_t n_traces = sp_survey_get_info(survey)->n_traces;
  block *b = NULL;
  sp_status status = SP_SUCCESS;
  SP_TRY(sp_alloc(sizeof *b, "header values", &b));
  for (int k = 0; k < n; k++) {
    sets[k].least = (double)INFINITY;
    sets[k].most = (double)-INFINITY;
    sets[k].whole = true;
    sets[k].sources_are_zero = n_traces > 0;
  }
  SP_EACH_PIECE (piece, 0, n_traces, BLOCK) {
    for (int k = 0; k < n; k++) {
      const size_t bytes = piece.count * sizeof(double);
      SP_TRY_GOTO(out, compute_set(sets, k, piece.first, (sp_local)piece.count, b));
      if (sp_write_all(fd, b->result[k], bytes)) {
        status = SP_RAISE(SP_ERR_IO, "%s: the computed values cannot be kept beside the survey: no room", sets[k].name);
        goto out;
      }
    }
  }
  for (int k = 0; k < n; k++) {
    SP_TRY_GOTO(out, check_values(&sets[k]));
    sets[k].type = sets[k].whole && sets[k].may_be_whole ? SP_INT32 : SP_FLOAT64;
  }
out:
  sp_free(b);
  return status;
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

/* Attributes of columns that are made or made anew, and of the file; their texts are kept here. */
typedef struct edit {
  sp_dataset_spec datasets[SP_MAX_SETS];
  size_t n_datasets;
  sp_attribute_spec attributes[MAX_ATTRIBUTES];
  size_t n_attributes;
  char paths[SP_MAX_SETS][PATH_SIZE];
  char texts[SP_MAX_SETS][2][TEXT_SIZE];
  char *places[SP_MAX_SETS][2]; /* owned */
  char uuid[SP_UUID_LENGTH + 1];
  char *history; /* owned */
} edit;

static void add_text(edit *e, const char *object, const char *name, const char *text) {
  e->attributes[e->n_attributes++] =
      (sp_attribute_spec){.object = object, .name = name, .kind = SP_ATTR_TEXT, .text = text};
}

/* Where the column stood in the trace header, which an export goes by. */
static sp_status keep_place(const sp_survey *survey, edit *e, int k) {
  static const char *const places[2][2] = {{"byte", "type"}, {"wide_byte", "wide_type"}};
  for (int i = 0; i < 2; i++) {
    int64_t byte;
    SP_TRY(sp_survey_find_int(survey, e->paths[k], places[i][0], 0, &byte));
    if (byte == 0) continue;
    SP_TRY(sp_survey_find_text(survey, e->paths[k], places[i][1], &e->places[k][i]));
    e->attributes[e->n_attributes++] =
        (sp_attribute_spec){.object = e->paths[k], .name = places[i][0], .kind = SP_ATTR_INT, .integer = byte};
    if (e->places[k][i]) add_text(e, e->paths[k], places[i][1], e->places[k][i]);
  }
  return SP_SUCCESS;
}

static sp_status plan_column(const sp_survey *survey, const sp_header_set *set, int k, edit *e) {
  snprintf(e->paths[k], PATH_SIZE, "/headers/%s", set->name);
  const bool in_place = set->exists && set->type == set->old_type && !set->was_scaled;
  if (!in_place) {
    e->datasets[e->n_datasets++] =
        (sp_dataset_spec){.path = e->paths[k], .type = set->type, .rows = sp_survey_get_info(survey)->n_traces};
    if (set->exists) SP_TRY(keep_place(survey, e, k));
  }
  snprintf(e->texts[k][0], TEXT_SIZE, "%s = %.400s", set->name, set->text);
  add_text(e, e->paths[k], "derived", e->texts[k][0]);
  if (set->unit[0]) add_text(e, e->paths[k], "units", set->unit);
  return SP_SUCCESS;
}

static sp_status plan_history(const sp_survey_info *info, int n, edit *e) {
  const size_t size = strlen(info->history) + 128 + (size_t)n * (TEXT_SIZE + 2);
  SP_TRY(sp_alloc(size, "the history", &e->history));
  int used = snprintf(e->history, size, "%s%sinput %s: seisproc " SP_VERSION " header: ", info->history,
                      info->history[0] ? "\n\n" : "", info->uuid);
  for (int k = 0; k < n; k++) {
    used += snprintf(e->history + used, size - (size_t)used, "%s%s", k ? ", " : "", e->texts[k][0]);
  }
  sp_uuid_create(e->uuid);
  add_text(e, "/", "history", e->history);
  add_text(e, "/", "uuid", e->uuid);
  return SP_SUCCESS;
}

static sp_status write_columns(sp_survey *survey, const sp_header_set *sets, int n, int fd) {
  sp_dataset *columns[SP_MAX_SETS] = {NULL};
  double values[BLOCK];
  int32_t whole[BLOCK];
  sp_status status = SP_SUCCESS;
  for (int k = 0; k < n; k++) {
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "/headers/%s", sets[k].name);
    SP_TRY_GOTO(out, sp_dataset_open(survey, path, &columns[k]));
  }
  if (lseek(fd, 0, SEEK_SET) < 0) status = SP_RAISE(SP_ERR_IO, "the computed values cannot be read again");
  SP_EACH_PIECE (piece, 0, sp_survey_get_info(survey)->n_traces, BLOCK) {
    for (int k = 0; k < n; k++) {
      const size_t bytes = piece.count * sizeof(double);
      size_t got;
      if (status != SP_SUCCESS) goto out;
      if (sp_read_all(fd, values, bytes, &got) || got < bytes) {
        status = SP_RAISE(SP_ERR_IO, "the computed values cannot be read again");
        goto out;
      }
      for (uint64_t i = 0; i < piece.count && sets[k].type == SP_INT32; i++) whole[i] = (int32_t)values[i];
      SP_TRY_GOTO(out, sp_dataset_write_independent(columns[k], piece.first, (sp_local)piece.count,
                                                    sets[k].type == SP_INT32 ? (void *)whole : (void *)values));
    }
  }
out:
  for (int k = 0; k < n; k++) sp_dataset_close(columns[k]);
  return status;
}

static sp_status plan_edit(const char *path, const sp_header_set *sets, int n, edit *e) {
  sp_survey *survey;
  sp_status status = SP_SUCCESS;
  SP_TRY(sp_survey_open_independent(path, true, &survey)); /* writable: it may be the file that is being changed */
  for (int k = 0; k < n && status == SP_SUCCESS; k++) status = plan_column(survey, &sets[k], k, e);
  if (status == SP_SUCCESS) status = plan_history(sp_survey_get_info(survey), n, e);
  sp_survey_close(survey);
  return status;
}

sp_status sp_header_write(const char *path, sp_header_set *sets, int n, int fd) {
  edit *e = NULL;
  sp_survey *survey = NULL;
  sp_status status;
  SP_TRY(sp_calloc(1, sizeof *e, "changes of a file", &e));
  SP_TRY_GOTO(out, plan_edit(path, sets, n, e));
  SP_TRY_GOTO(out, sp_survey_add(path, e->datasets, e->n_datasets, e->attributes, e->n_attributes));
  SP_TRY_GOTO(out, sp_survey_open_independent(path, true, &survey));
  SP_TRY_GOTO(out, write_columns(survey, sets, n, fd));
  SP_TRY_GOTO(out, sp_survey_write_times(survey));
  status = sp_survey_sync(survey);
out:
  sp_survey_close(survey);
  for (int k = 0; k < n; k++) {
    sp_free(e->places[k][0]);
    sp_free(e->places[k][1]);
  }
  sp_free(e->history);
  sp_free(e);
  return status;
}
