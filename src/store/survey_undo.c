/* SPDX-License-Identifier: BSD-3-Clause */
/* Which bytes of a survey file an undo journal keeps: all but those of large datasets that stay as they are. */
#include "seisproc/survey_undo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seisproc/file_undo.h"
#include "seisproc/memory.h"

enum { MAX_LARGE = SP_MAX_FILE_RANGES - 1 };

typedef struct large_list {
  sp_survey *survey;
  const char *const *changed;
  size_t n_changed, n;
  sp_file_range ranges[MAX_LARGE];
} large_list;

/* A dataset that stays as it is need not be kept. */
static sp_status add_large(large_list *list, const char *path) {
  sp_dataset *d;
  if (list->n == MAX_LARGE || !sp_survey_has(list->survey, path)) return SP_SUCCESS;
  SP_TRY(sp_dataset_open(list->survey, path, &d));
  const sp_file_range r = {sp_dataset_file_offset(d), sp_dataset_file_bytes(d)};
  sp_dataset_close(d);
  if (r.bytes) list->ranges[list->n++] = r;
  return SP_SUCCESS;
}

static sp_status add_column(const char *name, sp_type type, const char *units, void *context) {
  large_list *list = context;
  char path[SP_NAME_LENGTH + 16];
  for (size_t i = 0; i < list->n_changed; i++) {
    if (!strcmp(name, list->changed[i])) return SP_SUCCESS;
  }
  snprintf(path, sizeof path, "/headers/%s", name);
  return add_large(list, path);
}

static int compare_ranges(const void *a, const void *b) {
  const uint64_t x = ((const sp_file_range *)a)->offset, y = ((const sp_file_range *)b)->offset;
  return (x > y) - (x < y);
}

/* The ranges between those of the list, up to the end of the file, in its place. */
static void complement(large_list *list, uint64_t file_bytes, sp_file_range *kept, size_t *n_kept) {
  uint64_t at = 0;
  qsort(list->ranges, list->n, sizeof list->ranges[0], compare_ranges);
  *n_kept = 0;
  for (size_t i = 0; i < list->n; i++) {
    if (list->ranges[i].offset > at) kept[(*n_kept)++] = (sp_file_range){at, list->ranges[i].offset - at};
    const uint64_t end = list->ranges[i].offset + list->ranges[i].bytes;
    if (end > at) at = end;
  }
  if (at < file_bytes) kept[(*n_kept)++] = (sp_file_range){at, file_bytes - at};
}

static sp_status find_kept(sp_survey *survey, const char *const *changed, size_t n, sp_file_range **kept,
                           size_t *n_kept) {
  static const char *const large[] = {"/traces", "/noise", "/hits", "/segy/trace_headers", "/sort_map"};
  large_list *list;
  sp_status status;
  SP_TRY(sp_calloc(1, sizeof *list, "datasets", &list));
  *list = (large_list){.survey = survey, .changed = changed, .n_changed = n};
  for (size_t i = 0; i < sizeof large / sizeof large[0]; i++) SP_TRY_GOTO(out, add_large(list, large[i]));
  SP_TRY_GOTO(out, sp_survey_each_header(survey, add_column, list));
  SP_TRY_GOTO(out, sp_alloc((list->n + 1) * sizeof **kept, "ranges of a file", kept));
  complement(list, sp_survey_identity(survey).bytes, *kept, n_kept);
out:
  sp_free(list);
  return status;
}

sp_status sp_survey_undo_keep(sp_survey *survey, const char *path, const char *const *changed, size_t n) {
  sp_file_range *kept = NULL;
  size_t n_kept = 0;
  const sp_file_identity identity = sp_survey_identity(survey);
  SP_TRY(find_kept(survey, changed, n, &kept, &n_kept));
  const sp_status status = sp_file_undo_keep(path, &identity, kept, n_kept);
  sp_free(kept);
  return status;
}
